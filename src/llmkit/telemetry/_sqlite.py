"""``SQLiteLog``: a row for each call and for each failed attempt, in an SQLite file that processes may share."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from .._io.stores._sqlite_wal import write_ahead
from ..errors import ConfigurationError
from ._jsonl import place, plain_attempt, plain_entry
from ._record import FailedAttempt, Record
from ._written import Entry, Written

__all__ = ["APPLICATION", "SQLiteLog", "checked"]

APPLICATION: Final = 0x6C6C6B74
"""What such a file has as its ``application_id``: ``llkt``."""
_VERSION: Final = 1
_PATIENCE: Final = 10.0
"""Seconds that a write waits for another process's."""
_HEADER: Final = b"SQLite format 3\x00"
_CALL: Final = (*(one.name for one in fields(Record)), "input", "output")
_ATTEMPT: Final = tuple(one.name for one in fields(FailedAttempt))
_TYPES: Final = {"int": "INTEGER", "float": "REAL", "bool": "INTEGER"}


_inherited: list[Any] = []


class SQLiteLog(Written):
    """Keeps calls in the table ``calls`` and attempts that failed in ``attempts``, which has the call's ``id``.

    Columns are the fields of ``Record`` and ``FailedAttempt``. ``cost`` is a text, exact to the last digit, and NULL
    where it is not known: sum it in Python (``llmkit usage`` does), not in SQL. ``tags``, ``metadata``,
    ``finish_reasons``, ``input`` and ``output`` are JSON. Rows are written by a thread behind the calls, several in
    one transaction; a call that is there already is not written again.

    Args:
        path: the file; its folder has to be there. It is made readable by its owner alone.
        content: whether the prompt (``input``) and the answer (``output``) are kept, too.
        redact: is given each text of these, and says what is kept of it.
        fsync: whether each transaction waits for the disk, so that it outlives a power cut, not only a crash.
        size: so many calls may wait to be written.

    Raises:
        ConfigurationError: the path is a folder, or in none, or a file of something else.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        content: bool = False,
        redact: Callable[[str], str] | None = None,
        fsync: bool = False,
        size: int = 10_000,
    ) -> None:
        self.path = checked(place(path))
        self._fsync = fsync
        self._own: tuple[int, sqlite3.Connection] | None = None
        super().__init__(f"SQLiteLog({self.path})", size=size, content=content, redact=redact)

    @override
    def _write(self, entries: Sequence[Entry]) -> None:
        connection = self._connection()
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for entry in entries:
                    if connection.execute(_INSERT_CALL, _values(entry)).rowcount:
                        connection.executemany(_INSERT_ATTEMPT, [*map(plain_attempt, entry.failed)])
        except BaseException:
            # The file may be another one by now.
            self._rest()
            raise

    @override
    def _rest(self) -> None:
        # With its last connection the file is whole by itself, and may be copied.
        own, self._own = self._own, None
        if own is not None and own[0] == os.getpid():
            own[1].close()

    def _connection(self) -> sqlite3.Connection:
        """This process's: one of a parent's must not be touched."""
        if self._own is not None and self._own[0] == os.getpid():
            return self._own[1]
        # A parent's is kept for ever: to close it would take the parent's locks away.
        if self._own is not None:
            _inherited.append(self._own)
        connection = _opened(self.path, fsync=self._fsync)
        self._own = os.getpid(), connection
        return connection


def checked(path: Path) -> Path:
    """Raise ``ConfigurationError`` where a file is there, and is no such log."""
    if not path.exists() or not path.stat().st_size:
        return path
    with path.open("rb") as file:
        head = file.read(100)
    if not head.startswith(_HEADER):
        raise ConfigurationError(f"{path} is no SQLite file; give a path of its own")
    if (kind := int.from_bytes(head[68:72])) not in (APPLICATION, 0):
        raise ConfigurationError(f"{path} is an SQLite file of something else ({kind:#x})")
    return path


def _opened(path: Path, *, fsync: bool) -> sqlite3.Connection:
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(
        path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        write_ahead(connection, _PATIENCE)
        connection.execute(f"PRAGMA synchronous = {'FULL' if fsync else 'NORMAL'}")
        _make(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection, path: Path) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (kind,) = connection.execute("PRAGMA application_id").fetchone()
        if kind == APPLICATION and version > _VERSION:
            raise ConfigurationError(f"{path} was written by a newer version of llmkit")
        if kind == APPLICATION:
            _widen(connection)
            return
        if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            raise ConfigurationError(f"{path} has tables of something else")
        for statement in _SCHEMA:
            connection.execute(statement)


def _widen(connection: sqlite3.Connection) -> None:
    """Add the columns that a file of an earlier version has not: who writes without them goes on, too."""
    there = {name for _, name, *_ in connection.execute("PRAGMA table_info(calls)")}
    for one in fields(Record):
        if one.name not in there:
            connection.execute(f"ALTER TABLE calls ADD COLUMN {_column(one)}")


def _column(one: Any) -> str:
    kind = str(one.type).partition(" ")[0]
    # Quoted: "group" is a word of SQL's.
    return f'"{one.name}" {_TYPES.get(kind, "TEXT")}'


_SCHEMA: Final = (
    f"CREATE TABLE calls ({', '.join(map(_column, fields(Record)))}, input TEXT, output TEXT, PRIMARY KEY (id))",
    f"CREATE TABLE attempts ({', '.join(map(_column, fields(FailedAttempt)))}, PRIMARY KEY (id, number))",
    "CREATE INDEX calls_started ON calls (started)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)


def _insert(table: str, names: Sequence[str]) -> str:
    # The names are ours.
    holders = ", ".join(f":{name}" for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    return f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({holders})"  # noqa: S608


_INSERT_CALL: Final = _insert("calls", _CALL)
_INSERT_ATTEMPT: Final = _insert("attempts", _ATTEMPT)


def _values(entry: Entry) -> dict[str, Any]:
    row = {"input": None, "output": None, **plain_entry(entry)}
    return {
        name: json.dumps(value, default=str) if isinstance(value, list | dict) else _clean(value)
        for name, value in row.items()
    }


def _clean(value: Any) -> Any:
    # Half a character, which only Python can hold, is none for SQLite.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
