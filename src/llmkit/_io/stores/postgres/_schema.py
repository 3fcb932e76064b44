"""The schema, in numbered scripts that are each applied once, whoever comes first: under a lock, in one transaction.

A script is never changed once it was released; what is new comes in the next one, and leaves what older versions use.
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

VERSION: Final = 5
_LONGEST: Final = 63
_UNFIT: Final = set("\0\"'$\\")

_FLUSHED: Final = "select current_setting('fsync') || current_setting('full_page_writes')"
_NAMESPACE: Final = "select 1 from pg_namespace where nspname = @text"
_TABLE: Final = "select 1 from pg_tables where schemaname = @text and tablename = 'versions'"


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
        seed = int.from_bytes(digest, signed=True)
        self._words = (
            ("@.", f'"{name}".'),
            ("@name", f'"{name}"'),
            ("@text", f"'{name}'"),
            ("@seed", f"'{seed}'::bigint"),
        )

    def statement(self, text: str) -> bytes:
        """A statement, where ``@.``, ``@name`` and ``@text`` stand for the schema, ``@seed`` for its number."""
        for word, meaning in self._words:
            text = text.replace(word, meaning)
        return text.encode()

    def prepare(self, connection: Connection, deadline: float) -> None:
        """Bring the database to this version, unless it is there. Raises ``StoreError`` for a newer one."""

        def run(text: str) -> bytes:
            return connection.ask(self.statement(text), None, deadline)

        if self._flushed and run(_FLUSHED) != b"onon":
            raise StoreError(
                'this server runs with fsync or full_page_writes off, which durability="power" excludes'
            )
        if (version := self._version(run)) < VERSION:
            # Whatever the database's default is: behind the lock we must see what its holder did.
            run("begin isolation level read committed; select pg_advisory_xact_lock(@seed)")
            version = self._version(run)
            # Asked for before, since "if not exists" asks for the right to make one in any case.
            if not version and not run(_NAMESPACE):
                run("create schema @name")
            for number in range(version + 1, VERSION + 1):
                run(_script(number))
            run("commit")
        if version > VERSION:
            raise StoreError(
                f"the schema {self.name!r} has version {version}, and this llmkit knows {VERSION}:"
                " upgrade llmkit"
            )

    def _version(self, run: Callable[[str], bytes]) -> int:
        # Not to_regclass, whose cache does not hear of what was made while we waited for the lock.
        if not run(_TABLE):
            return 0
        return int(run("select coalesce(max(version), 0) from @.versions"))


@cache
def _script(number: int) -> str:
    folder = files(__package__ or "") / "schema"
    return (folder / f"{number:04}.sql").read_text(encoding="utf-8")
