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
_UNFIT: Final = set("\0\"'$\\")


class Schema:
    """A schema (namespace) of a database, as it is written in statements."""

    def __init__(self, name: str, *, flushed: bool = False) -> None:
        # It is written into statements, texts and function bodies.
        if not 0 < len(name.encode()) <= _LONGEST or _UNFIT & set(name):
            raise ConfigurationError(
                f"a schema's name has 1 to {_LONGEST} bytes and no quotes, $ or \\: not {name!r}"
            )
        self.name = name
        digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
        self._flushed = flushed
        self._seed = int.from_bytes(digest, signed=True)

    def statement(self, text: str) -> bytes:
        """A statement, where ``@.`` stands for the schema and ``@seed`` for its number."""
        filled = text.replace("@.", f'"{self.name}".').replace("@seed", f"'{self._seed}'::bigint")
        return filled.encode()

    def prepare(self, connection: Connection, deadline: float) -> None:
        """Bring the database to this version, unless it is there. Raises ``StoreError`` for a newer one."""

        def run(text: str) -> bytes:
            return connection.ask(self.statement(text), None, deadline)

        if self._flushed and run("select current_setting('fsync')") != b"on":
            raise StoreError('this server runs with fsync=off, which durability="power" excludes')
        if (version := self._version(run)) < VERSION:
            # Whatever the database's default is: behind the lock we must see what its holder did.
            run("begin isolation level read committed; select pg_advisory_xact_lock(@seed)")
            version = self._version(run)
            if not version and not run(f"select 1 from pg_namespace where nspname = '{self.name}'"):
                # Asked for before, since "if not exists" asks for the right to make one in any case.
                run(f'create schema "{self.name}"')
            for number in range(version + 1, VERSION + 1):
                run(_script(number))
                run(f"insert into @.versions values ({number})")
            run("commit")
        if version > VERSION:
            raise StoreError(
                f"the schema {self.name!r} has version {version}, and this llmkit knows {VERSION}:"
                " upgrade llmkit"
            )

    def _version(self, run: Callable[[str], bytes]) -> int:
        # Not to_regclass, whose cache does not hear of what was made while we waited for the lock.
        tables = (
            f"select 1 from pg_tables where schemaname = '{self.name}' and tablename = 'versions'"
        )
        if not run(tables):
            return 0
        return int(run("select coalesce(max(version), 0) from @.versions"))


@cache
def _script(number: int) -> str:
    folder = files(__package__ or "") / "schema"
    return (folder / f"{number:04}.sql").read_text(encoding="utf-8")
