"""``Checkpoint``: what became of each row of a ``map``, in a SQLite file that one run at a time has.

A row is written as begun before its call is made, and as done, with its result, before anybody is told. Each write is a
transaction of its own: whoever is killed leaves what was written. What is begun and not done when a file is opened is
what nobody knows the end of.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from ...errors import ConfigurationError, StoreError, StoreUnavailableError
from ._sqlite_failures import explained, is_busy, refuse_network

__all__ = ["Checkpoint", "Kept"]

_VERSION: Final = 1
_TABLE: Final = """
CREATE TABLE llmkit_map_row (
    key TEXT NOT NULL, nth INTEGER NOT NULL, job TEXT NOT NULL, state TEXT NOT NULL,
    began REAL NOT NULL, ended REAL, bound TEXT, result TEXT, cost TEXT, error TEXT,
    spent TEXT NOT NULL, lost INTEGER NOT NULL, PRIMARY KEY (key, nth)
) WITHOUT ROWID
"""
_BEGIN: Final = """
INSERT INTO llmkit_map_row VALUES (?, ?, ?, 'begun', ?, NULL, ?, NULL, NULL, NULL, '0', 0)
ON CONFLICT (key, nth) DO UPDATE SET lost = lost + (state = 'begun'), state = 'begun',
    job = excluded.job, began = excluded.began, ended = NULL, bound = excluded.bound
"""
_END: Final = """
UPDATE llmkit_map_row SET state = ?, ended = ?, result = ?, cost = ?, error = ?, spent = ?, lost = lost + ?
WHERE key = ? AND nth = ?
"""


class Kept(NamedTuple):
    """A row as it is written. Amounts are decimal text in USD.

    ``state``: ``begun``, ``done`` or ``failed``. ``spent``: what tries cost that failed. ``lost``: how many were begun
    whose end nobody knows, this one not counted; ``bound``: what each of them may have cost, where that was known.
    """

    state: str
    bound: str | None
    result: str | None
    cost: str | None
    error: str | None
    spent: str
    lost: int


class Checkpoint:
    """An open file; nobody else has it. Threads may use it at once.

    Raises:
        StoreUnavailableError: another run has it.
        ConfigurationError: it is a file of something else.
        StoreError: it cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._lock = threading.Lock()
        refuse_network(self.path)
        try:
            self._connection = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise explained(error, self.path) from None
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        execute = self._connection.execute
        try:
            # Held from the first access until this connection ends, however its process does.
            execute("PRAGMA locking_mode = EXCLUSIVE")
            execute("PRAGMA journal_mode = WAL")
            execute("PRAGMA synchronous = NORMAL")
            execute("BEGIN EXCLUSIVE")
            self._prepare()
            execute("COMMIT")
        except sqlite3.Error as error:
            if is_busy(error):
                raise StoreUnavailableError(
                    f"{self.path} is in use: another run has this checkpoint. Wait for its end, or name another file"
                ) from None
            raise explained(error, self.path) from None

    def _prepare(self) -> None:
        execute = self._connection.execute
        tables = {
            name for (name,) in execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if tables and "llmkit_map_row" not in tables:
            raise ConfigurationError(
                f"{self.path} is a SQLite file of something else: name a file of its own for the checkpoint"
            )
        [version] = execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StoreError(f"{self.path} was written by a newer version of llmkit")
        if not tables:
            execute(_TABLE)
            execute(f"PRAGMA user_version = {_VERSION}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others have it."""
        with self._lock:
            self._connection.close()

    def look(self, key: str, nth: int) -> Kept | None:
        """What is written of a row."""
        rows = self._do(
            "SELECT state, bound, result, cost, error, spent, lost FROM llmkit_map_row WHERE key = ? AND nth = ?",
            key,
            nth,
        )
        return Kept(*rows[0]) if rows else None

    def count(self) -> int:
        """How many rows it has."""
        [[count]] = self._do("SELECT count(*) FROM llmkit_map_row")
        return int(count)

    def begin(self, key: str, nth: int, job: str, bound: str | None) -> None:
        """A row's call is about to be made, which may cost so much."""
        self._do(_BEGIN, key, nth, job, time.time(), bound)

    def done(self, key: str, nth: int, result: str, cost: str, spent: str) -> None:
        """It has ended, with this result."""
        self._do(_END, "done", time.time(), result, cost, None, spent, 0, key, nth)

    def failed(self, key: str, nth: int, error: str, spent: str, *, lost: bool) -> None:
        """It has ended, with this error; ``lost``: and nobody knows what that cost."""
        self._do(_END, "failed", time.time(), None, None, error, spent, int(lost), key, nth)

    def _do(self, statement: str, *values: Any) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise explained(error, self.path) from None
