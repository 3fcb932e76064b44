"""What each command does, and the one place where their errors end.

Asking is in `_ask`, the lists in `_tables`, the catalogue in `_catalogue`, stores in `_budget`, outboxes in
`_billing`, logs of calls in `_log`; arguments were read in `_parser`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from . import _catalogue, _tables
from ._ask import ask
from ._failure import exit_code, line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Run the command that *arguments* name and return its exit code."""
    try:
        _COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - people get a line, never a traceback
        print(line(error), file=sys.stderr)
        return exit_code(error)
    return 0


def _providers(_: argparse.Namespace) -> None:
    _print(_tables.providers_table())


def _models(arguments: argparse.Namespace) -> None:
    _print(_tables.models(arguments.provider))


def _of_catalogue(arguments: argparse.Namespace) -> None:
    _print(_catalogue.lines(arguments))


def _budget(arguments: argparse.Namespace) -> None:
    from ._budget import lines  # noqa: PLC0415 - no other command needs a store

    _print(lines(arguments))


def _billing(arguments: argparse.Namespace) -> None:
    from ._billing import lines  # noqa: PLC0415 - no other command needs an outbox

    _print(lines(arguments))


def _usage(arguments: argparse.Namespace) -> None:
    from ._log import lines  # noqa: PLC0415 - no other command needs a log

    _print(lines(arguments))


def _print(lines: Iterable[str]) -> None:
    for text in lines:
        print(text)


_COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace], None]]] = {
    "ask": ask,
    "billing": _billing,
    "budget": _budget,
    "catalogue": _of_catalogue,
    "models": _models,
    "providers": _providers,
    "usage": _usage,
}
