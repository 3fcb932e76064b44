"""``python -m llmkit.proxy``: what its command line means."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ..errors import ConfigurationError, LLMKitError
from . import check_installed
from .loading import load
from .operation.listening import CHECK, check, serve
from .operation.workers import WORKER

__all__ = ["main"]

_EPILOG: Final = """\
commands:
  create-user   make a user and a key of his, in the database itself: the first administrator, say

Every setting has a variable, too: LLMKIT_ and its name in capitals, such as LLMKIT_MASTER_KEY (see docs/proxy.md).
DATABASE_URL, REDIS_URL, LITELLM_MASTER_KEY and PORT are read where ours say nothing.
Without a master key, one is made at the first start, and printed once.
exit codes: 0 ended as it was told, 1 it could not run, 2 wrong usage, 130 interrupted
"""
_WRONG: Final = 2
_CREATE_USER: Final = "create-user"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the gateway; its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        check_installed()
    except ModuleNotFoundError as error:
        sys.stderr.write(f"llmkit proxy: {error}\n")
        return 1
    if len(argv) == 2 and argv[0] == WORKER:  # noqa: PLR2004 - it, and the socket's number
        return _work(int(argv[1]))
    if argv[:1] == [_CREATE_USER]:
        return _create_user(argv[1:])
    if argv == [CHECK]:
        return _told(check)
    return _told(lambda: _serve(_parser().parse_args(argv)))


def _serve(said: argparse.Namespace) -> int:
    loaded = load(vars(said))
    for key, why in loaded.unheeded:
        sys.stderr.write(f"{loaded.settings.config}: {key} is not honoured: {why}\n")
    return serve(loaded.settings)


def _told(run: Callable[[], int]) -> int:
    """Its exit code; what it fails with, in one line."""
    try:
        return run()
    except ConfigurationError as error:
        sys.stderr.write(f"llmkit proxy: {error}\n")
        return _WRONG
    except LLMKitError as error:
        sys.stderr.write(f"llmkit proxy: {error}\n")
        return 1


def _work(descriptor: int) -> int:
    from .operation.serving import work  # noqa: PLC0415 - as below

    return work(descriptor)


def _create_user(argv: Sequence[str]) -> int:
    from .auth.creating import main  # noqa: PLC0415 - the process that watches over workers needs no database

    return main(argv)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmkit proxy",
        description="A gateway: OpenAI's endpoints over every provider, with keys, teams, budgets and a request log.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-c", "--config", type=Path, help="a file in LiteLLM's format")
    parser.add_argument("--host", help="the address to listen at; default: 127.0.0.1")
    parser.add_argument("--port", type=int, help="default: 4000; 0: any that is free")
    parser.add_argument(
        "--workers",
        "--num-workers",
        "--num_workers",
        type=int,
        metavar="N",
        help="processes; default: 1",
    )
    parser.add_argument(
        "--database-url",
        metavar="URL",
        help="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; default: llmkit-proxy.db, here",
    )
    parser.add_argument(
        "--redis-url", metavar="URL", help="where routers of several machines share what they know"
    )
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), help="default: info"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
