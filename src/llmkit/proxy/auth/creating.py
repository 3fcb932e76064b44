"""``llmkit proxy create-user``: the command line of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ...errors import ConfigurationError
from ..data.database import Database
from ..loading import load_settings
from .people import PEOPLE, create_user

__all__ = ["main"]

_WRONG: Final = 2


def main(argv: Sequence[str]) -> int:
    """Make a user, and print his key on the standard output, once. The exit code."""
    said = _parser().parse_args(argv)
    try:
        user, key = _made(said)
    except ConfigurationError as error:
        sys.stderr.write(f"llmkit proxy create-user: {error}\n")
        return _WRONG
    except (SQLAlchemyError, OSError) as error:
        # The text of these may name the database's address, and its password.
        sys.stderr.write(
            f"llmkit proxy create-user: the database cannot be used ({type(error).__name__})\n"
        )
        return 1
    sys.stderr.write(f"{said.role} {user}; the key is shown only now:\n")
    sys.stdout.write(f"{key}\n")
    return 0


def _made(said: argparse.Namespace) -> tuple[str, str]:
    settings = load_settings(said.config, database_url=said.database_url)
    database = Database(settings.database_url)
    try:
        database.migrate()
        return create_user(
            database, role=said.role, user_id=said.user_id, email=said.email, alias=said.alias
        )
    finally:
        database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llmkit proxy create-user",
        description="Make a user and a key of his, in the database itself. The key goes to the standard output.",
    )
    parser.add_argument(
        "--role", choices=PEOPLE, default="proxy_admin", help="default: proxy_admin"
    )
    parser.add_argument("--user-id", metavar="ID", help="by default one is made up")
    parser.add_argument("--email", metavar="ADDRESS")
    parser.add_argument("--alias", metavar="NAME", help="how the user is shown")
    parser.add_argument("-c", "--config", type=Path, help="the gateway's file")
    parser.add_argument(
        "--database-url", metavar="URL", help="the gateway's; default: llmkit-proxy.db, here"
    )
    return parser
