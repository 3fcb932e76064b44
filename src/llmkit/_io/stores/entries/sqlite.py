"""``SQLiteEntries``: a cache's entries in a file that the processes of one machine share.

One connection, held under a lock; a write-ahead log, so that who dies in the middle of anything leaves a whole file.
What was kept in the last moments before the machine's own death may be lost: it is a cache.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final

from typing_extensions import override

from ...._entries import (
    Claim,
    Claimed,
    Clear,
    Founding,
    Keep,
    KeepEach,
    Look,
    LookEach,
    Release,
    Weigh,
    Weighed,
)
from ....errors import ConfigurationError, StoreError
from .._forks import at_forks
from .._sqlite_failures import explained, refuse_network
from .._sqlite_wal import write_ahead
from .._worker import Worker

__all__ = ["SQLiteEntries"]

_OURS: Final = 0x6C6C6B63
"""SQLite's ``application_id`` of such a file."""
_TOUCHED: Final = 60.0
"""Seconds in which an entry's use is written down once: reading shall not write."""
_AHEAD: Final = 5.0
"""Seconds by which the clocks of a machine's processes may differ: a step of NTP's."""
_ROOM: Final = 0.9
"""Of what entries may take, so much is left where they took too much."""
# Of this version: those of another one have tables of their own.
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS entry_1 (
        key TEXT PRIMARY KEY, value BLOB NOT NULL, size INTEGER NOT NULL, until REAL, used REAL NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS entry_1_used ON entry_1 (used)",
    "CREATE TABLE IF NOT EXISTS claim_1 (key TEXT PRIMARY KEY, who TEXT NOT NULL, until REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS salt_1 (salt BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS weight_1 (size INTEGER NOT NULL)",
    "INSERT INTO weight_1 SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM weight_1)",
    """CREATE TRIGGER IF NOT EXISTS kept_1 AFTER INSERT ON entry_1
        BEGIN UPDATE weight_1 SET size = size + new.size; END""",
    """CREATE TRIGGER IF NOT EXISTS gone_1 AFTER DELETE ON entry_1
        BEGIN UPDATE weight_1 SET size = size - old.size; END""",
    f"PRAGMA application_id = {_OURS}",
)


class SQLiteEntries:
    """Entries in the file at ``path``, of ``max_bytes`` at most, for all processes of a machine. Thread- and fork-safe.

    The file is opened with the first operation; where there is none, it is made, for its owner alone (0600).

    Args:
        path: the file; two more are kept beside it while it is open (``-wal`` and ``-shm``).
        max_bytes: what all entries may take; those that are over, and then those used longest ago, go first.
        busy_timeout: seconds to wait for other processes that write.
        clock: what gives the time, in seconds of Unix time.

    Raises:
        ConfigurationError: ``path`` is no path of a file, or ``max_bytes`` no number above 0.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        max_bytes: int = 1024**3,
        *,
        busy_timeout: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        name = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        if not name or name.startswith((":", "file:")) or "\0" in name:
            raise ConfigurationError(f"the cache's path is that of a file, not {path!r:.100}")
        if not isinstance(max_bytes, int) or max_bytes < 1:
            raise ConfigurationError(f"max_bytes is a number of bytes above 0, not {max_bytes!r}")
        # What is meant now, wherever the process goes.
        self.path = os.path.abspath(name)  # noqa: PTH100 - links are SQLite's affair
        self.max_bytes = max_bytes
        self._busy, self._clock = busy_timeout, clock
        self._rows: sqlite3.Connection | None = None
        self._lock = threading.RLock()
        self._worker = Worker(self._perform, "llmkit-cache")
        weakref.finalize(self, self._worker.stop)
        at_forks(self)

    @override
    def __repr__(self) -> str:
        return f"SQLiteEntries({self.path!r})"

    def perform(self, operation: Any) -> Any:
        """Perform one operation, wholly or not at all.

        Raises:
            StoreUnavailableError: others kept the file for too long, or it cannot be read or written just now.
            StoreError: it is no cache of llmkit's, or damaged; or the operation is none of a cache's.
        """
        return self._perform(operation, 0.0)

    async def aperform(self, operation: Any) -> Any:
        """The same in a thread of the store's own."""
        return await self._worker.perform(operation)

    def close(self) -> None:
        """Close the file. The store can be used again after it."""
        self._worker.stop()
        with self._lock:
            self._close()

    def __del__(self) -> None:
        # Of one that nobody closed; of one that could not even be made, there is nothing; and where the interpreter
        # ends, what modules had may be gone.
        try:  # noqa: SIM105
            self._close()
        except Exception:  # noqa: BLE001, S110
            pass

    def before_fork(self) -> None:
        """Close the file: a copy would believe that it has SQLite's locks."""
        self._lock.acquire()
        self._close()

    def after_fork(self, *, child: bool) -> None:
        """Go on."""
        self._lock.release()
        if child:
            self._worker.forget()

    def _close(self) -> None:
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.close()

    def _perform(self, operation: Any, since: float) -> Any:
        if (form := _FORMS.get(type(operation))) is None:
            raise StoreError(f"no SQLiteEntries performs {type(operation).__name__}")
        with self._lock:
            try:
                return form(self, self._rows or self._open(), operation)
            except (sqlite3.Error, OSError, ValueError) as error:
                failure = explained(error, self.path)
                # Whatever it is: the file may have been moved away, or another put in its place.
                with contextlib.suppress(sqlite3.Error):
                    self._close()
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._close()
                raise
        raise failure

    def _open(self) -> sqlite3.Connection:
        refuse_network(self.path)
        # Where that is not possible, SQLite says why.
        with contextlib.suppress(OSError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        rows = sqlite3.connect(
            self.path, timeout=self._busy, isolation_level=None, check_same_thread=False
        )
        try:
            (kind,) = rows.execute("PRAGMA application_id").fetchone()
            if kind != _OURS:
                self._found(rows)
            write_ahead(rows, self._busy)
            rows.execute("PRAGMA synchronous = NORMAL")
            if kind == _OURS:
                # Another version may have made it.
                self._make(rows)
        except BaseException:
            rows.close()
            raise
        self._rows = rows
        return rows

    def _found(self, rows: sqlite3.Connection) -> None:
        """Make a new file a cache's. Somebody else's database is none."""
        with _writing(rows):
            (tables,) = rows.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (kind,) = rows.execute("PRAGMA application_id").fetchone()
            if tables and kind != _OURS:
                raise StoreError(f"{self.path} is another program's database, and no cache")
            for statement in _SCHEMA:
                rows.execute(statement)

    def _make(self, rows: sqlite3.Connection) -> None:
        found = rows.execute("SELECT 1 FROM sqlite_master WHERE name = 'gone_1'").fetchone()
        if found is None:
            self._found(rows)

    def _founding(self, rows: sqlite3.Connection, op: Founding) -> bytes:
        with _writing(rows):
            found = rows.execute("SELECT salt FROM salt_1").fetchone()
            if found is None:
                rows.execute("INSERT INTO salt_1 VALUES (?)", (op.salt,))
        return op.salt if found is None else bytes(found[0])

    def _look(self, rows: sqlite3.Connection, op: Look) -> bytes | None:
        now, stale = self._clock(), list[str]()
        for key in op.keys:
            if (value := self._read(rows, key, now, stale)) is not None:
                self._touch(rows, stale, now)
                return value
        return None

    def _look_each(self, rows: sqlite3.Connection, op: LookEach) -> tuple[bytes | None, ...]:
        now, stale = self._clock(), list[str]()
        found = tuple([self._read(rows, key, now, stale) for key in op.keys])
        if stale:
            # Of many the first few writes would be many commits.
            with contextlib.suppress(sqlite3.OperationalError), _writing(rows):
                self._touch(rows, stale, now)
        return found

    def _read(
        self, rows: sqlite3.Connection, key: str, now: float, stale: list[str]
    ) -> bytes | None:
        """What it has; ``stale`` gets the key where its use was not written down for a while."""
        found = rows.execute(
            "SELECT value, used, until FROM entry_1 WHERE key = ? AND (until IS NULL OR until > ?)",
            (key, now),
        ).fetchone()
        if found is None or (found[2] is not None and found[1] > now + _AHEAD):
            # How old it is that was used in the future, nobody can say: the clock has been put back.
            return None
        if not 0 <= now - found[1] < _TOUCHED:
            stale.append(key)
        return bytes(found[0])

    def _touch(self, rows: sqlite3.Connection, keys: list[str], now: float) -> None:
        """Note that they were used, unless others write just now: it will be noted another time."""
        with contextlib.suppress(sqlite3.OperationalError):
            for key in keys:
                rows.execute("UPDATE entry_1 SET used = ? WHERE key = ?", (now, key))

    def _claim(self, rows: sqlite3.Connection, op: Claim) -> Claimed:
        with _writing(rows):
            if (entry := self._look(rows, Look(op.keys))) is not None:
                return Claimed(entry)
            now, key = self._clock(), op.keys[0]
            found = rows.execute("SELECT who, until FROM claim_1 WHERE key = ?", (key,)).fetchone()
            # One that is longer than any lease was made by another clock.
            if found and found[0] != op.who and now < found[1] <= now + max(op.lease, 1) * 2:
                return Claimed(taken=found[1] - now)
            if op.lease > 0:
                rows.execute("DELETE FROM claim_1 WHERE until <= ?", (now,))
                rows.execute(
                    "INSERT OR REPLACE INTO claim_1 VALUES (?, ?, ?)", (key, op.who, now + op.lease)
                )
        return Claimed()

    def _keep(self, rows: sqlite3.Connection, op: Keep) -> bool:
        several = KeepEach(((op.key, op.entry),), op.seconds, op.claim, op.who)
        return self._keep_each(rows, several) == 1

    def _keep_each(self, rows: sqlite3.Connection, op: KeepEach) -> int:
        now, kept = self._clock(), 0
        until = None if op.seconds is None else now + op.seconds
        with _writing(rows):
            if op.claim:
                self._let_go(rows, op.claim, op.who)
            for key, entry in op.entries:
                # Not INSERT OR REPLACE, which tells no trigger of what it throws out.
                rows.execute("DELETE FROM entry_1 WHERE key = ?", (key,))
                size = len(key) + len(entry)
                if size > self.max_bytes:
                    continue
                made = (key, entry, size, until, now)
                rows.execute("INSERT INTO entry_1 VALUES (?, ?, ?, ?, ?)", made)
                kept += 1
            self._make_room(rows, now)
        return kept

    def _make_room(self, rows: sqlite3.Connection, now: float) -> None:
        (size,) = rows.execute("SELECT size FROM weight_1").fetchone()
        if size <= self.max_bytes:
            return
        rows.execute("DELETE FROM entry_1 WHERE until <= ?", (now,))
        (size,) = rows.execute("SELECT size FROM weight_1").fetchone()
        oldest = rows.execute("SELECT key, size FROM entry_1 ORDER BY used, rowid").fetchall()
        room = int(self.max_bytes * _ROOM)
        for key, each in oldest[:-1]:
            if size <= room:
                return
            rows.execute("DELETE FROM entry_1 WHERE key = ?", (key,))
            size -= each

    def _let_go(self, rows: sqlite3.Connection, key: str, who: str) -> bool:
        gone = rows.execute("DELETE FROM claim_1 WHERE key = ? AND who = ?", (key, who))
        return gone.rowcount > 0

    def _release(self, rows: sqlite3.Connection, op: Release) -> bool:
        return self._let_go(rows, op.key, op.who)

    def _clear(self, rows: sqlite3.Connection, op: Clear) -> int:
        # Keys are hexadecimal digits and a dot.
        last = op.prefix + "\x7f"
        gone = rows.execute("DELETE FROM entry_1 WHERE key >= ? AND key < ?", (op.prefix, last))
        return gone.rowcount

    def _weigh(self, rows: sqlite3.Connection, op: Weigh) -> Weighed:
        (entries,) = rows.execute("SELECT count(*) FROM entry_1").fetchone()
        (size,) = rows.execute("SELECT size FROM weight_1").fetchone()
        return Weighed(entries, size)


@contextlib.contextmanager
def _writing(rows: sqlite3.Connection) -> Iterator[None]:
    rows.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        rows.execute("ROLLBACK")
        raise
    rows.execute("COMMIT")


_FORMS: Final[dict[type, Callable[[SQLiteEntries, sqlite3.Connection, Any], Any]]] = {
    Founding: SQLiteEntries._founding,  # noqa: SLF001 - the class's own table
    Look: SQLiteEntries._look,  # noqa: SLF001
    LookEach: SQLiteEntries._look_each,  # noqa: SLF001
    Claim: SQLiteEntries._claim,  # noqa: SLF001
    Keep: SQLiteEntries._keep,  # noqa: SLF001
    KeepEach: SQLiteEntries._keep_each,  # noqa: SLF001
    Release: SQLiteEntries._release,  # noqa: SLF001
    Clear: SQLiteEntries._clear,  # noqa: SLF001
    Weigh: SQLiteEntries._weigh,  # noqa: SLF001
}
