"""The schema, in numbered scripts that are each applied once, whoever comes first: under a lock, and in one transaction.

A script is never changed once it was released; what is new comes in the next one, and leaves what running processes use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Final

from ....errors import ConfigurationError, StoreError
from ._connection import Connection

__all__ = ["VERSION", "Schema"]

VERSION: Final = 1
_LONGEST: Final = 63


class Schema:
    """A schema (namespace) of a database, as it is written in statements."""

    def __init__(self, name: str) -> None:
        # Written into function bodies, which end with a dollar.
        if not 0 < len(name.encode()) <= _LONGEST or any(letter in name for letter in '\0"$\\'):
            raise ConfigurationError(
                f'a schema\'s name has 1 to {_LONGEST} bytes and no ", $ or \\: not {name!r}'
            )
        self.name = name
        self._seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)

    def statement(self, text: str) -> bytes:
        """A statement's text, where ``@.`` stands for the schema and ``@seed`` for its number."""
        filled = text.replace("@.", f'"{self.name}".').replace("@seed", f"'{self._seed}'::bigint")
        return filled.encode()

    def prepare(self, connection: Connection, deadline: float) -> None:
        """Bring the database to this version, unless it is there. Raises ``StoreError`` for a newer one."""

        def run(text: str) -> bytes:
            return connection.ask(self.statement(text), None, deadline)

        if (version := self._version(run)) == VERSION:
            return
        if version < VERSION:
            run("begin")
            run("select pg_advisory_xact_lock(@seed)")
            version = self._version(run)
            for number in range(version + 1, VERSION + 1):
                run(_script(number))
            run("commit")
        if version > VERSION:
            raise StoreError(
                f"the schema {self.name!r} has version {version}, this llmkit knows {VERSION}: upgrade llmkit"
            )

    def _version(self, run: Callable[[str], bytes]) -> int:
        return 0


@cache
def _script(number: int) -> str:
    folder = files(__package__ or "") / "schema"
    return (folder / f"{number:04}.sql").read_text(encoding="utf-8")
