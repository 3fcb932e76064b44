"""The command line: ``llmkit "question"``, ``llmkit providers``, ``llmkit models``, ``llmkit proxy``.

This module reads arguments and turns how a command ended into an exit code: 0 done, 1 the call
failed, 2 wrong usage, 130 interrupted, 141 nobody reads the output. What commands do is in
``_commands``, which is loaded only once there is something to do, so that ``--help`` is quick.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final

from ._parser import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141
_PROXY: Final = "proxy"
"""A command with a command line of its own."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; *argv* defaults to the process's arguments."""
    _show_all()
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except SystemExit as done:  # argparse ends this way: 0 after --help, 2 after a mistake
        return done.code if isinstance(done.code, int) else 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return _BROKEN_PIPE


def _show_all() -> None:
    """Have a question mark for what the encoding of a terminal, or of a pipe on Windows, lacks."""
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="replace")


def _run(argv: Sequence[str]) -> int:
    if argv[:1] == [_PROXY]:
        return _gateway(argv[1:])
    arguments = parse(argv)
    from ._commands import run  # noqa: PLC0415 - --help must not wait for the rest

    return run(arguments)


def _gateway(argv: Sequence[str]) -> int:
    from ..proxy.__main__ import main as gateway  # noqa: PLC0415 - an extra, and much to load

    return gateway(argv)


def _forget_output() -> None:
    """Point stdout nowhere: flushing it at exit would fail once more, and loudly."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
