"""The catch-up ledger: what a budget's store is owed, in an SQLite file that the processes of a machine share.

SQLite and not a file that is appended to: two processes may do what is owed at once, and each entry leaves the file
only once it is done. Torn last lines, rewriting what is left, and locks for both would have to be made by hand.
A rollback journal, and a connection for each operation: outages are rare, and this way neither a fork, nor a file or
directory that was moved away, nor a process that is killed leaves anything behind that another has to know of.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from ..._control.budget.owed import (
    Done,
    Due,
    Go,
    Keep,
    Kept,
    Owed,
    Owes,
    Owing,
    correction,
    dumped,
    loaded,
)
from ..._cost import MATH
from ...errors import ConfigurationError, StoreError
from ._forks import at_forks
from ._sqlite_failures import explained, is_busy, refuse_network

__all__ = ["CatchUp"]

_BUSY_SECONDS: Final = 10.0
# Who has waited long asks no less often than who has just come.
_PAUSE: Final = 0.002
_TAKEN: Final = 30_000
"""Milliseconds for which what was taken is nobody else's; twice as long each time that it was not done."""
_TAKEN_LONGEST: Final = 3_600_000
_REMEMBERED: Final = 7 * 86_400_000
"""Milliseconds for which it is known that all a call might have spent was posted, should it say more after all."""
_VERSION: Final = 1
_ZERO: Final = Decimal(0)
_SCHEMA: Final = (
    """CREATE TABLE owed (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
        due INTEGER NOT NULL, tries INTEGER NOT NULL, usd TEXT NOT NULL, body TEXT NOT NULL
    )""",
    "CREATE INDEX owed_due ON owed (state, due)",
    "CREATE TABLE total (unheld TEXT NOT NULL)",
    "INSERT INTO total VALUES ('0')",
    f"PRAGMA user_version = {_VERSION}",
)
# out: a call went without a hold and has not said what it spent. final: to be done. lapsing: of a call of which nothing
# more was heard, to be done. lapsed: that was done.


class CatchUp:
    """What is owed, in the file at ``path``. Thread-safe, fork-safe; nothing is opened before the first operation.

    What was written survives the process, and the machine's power (``synchronous=FULL``).

    Args:
        path: the file; it is made when there is something to write. Each store needs one of its own.
        clock: what gives the time, in seconds of Unix time.

    Raises:
        ConfigurationError: ``path`` is no path.
    """

    durability = "power"

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ConfigurationError(f"catch_up must be the path of a file, not {path!r:.100}")
        # What is meant now, wherever the process goes.
        self._path = Path(path).absolute()
        self._clock = clock
        # Held while the file is open: a process that is forked then would believe that it has SQLite's locks.
        self._lock = threading.RLock()
        at_forks(self)

    def perform(self, operation: Any) -> Any:
        """Perform one operation.

        Raises:
            StoreUnavailableError: others keep the file for too long, or it cannot be read or written just now.
            StoreError: it is something else, or was written by a later version of llmkit.
        """
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                with self._lock:
                    return _PERFORM[type(operation)](self, operation)
            except sqlite3.Error as error:
                if not is_busy(error) or time.monotonic() > until:
                    raise explained(error, str(self._path)) from error
            except (OSError, ValueError) as error:
                raise StoreError(f"{self._path}: {error}") from error
            # Without the lock, which another thread may have got the file with.
            time.sleep(_PAUSE * random.random())

    def before_fork(self) -> None:
        """Wait until nobody has the file open."""
        self._lock.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on, in either process."""
        self._lock.release()

    async def aperform(self, operation: Any) -> Any:
        """``perform`` in a worker thread."""
        from anyio.to_thread import run_sync  # noqa: PLC0415 - only while a store cannot be reached

        return await run_sync(self.perform, operation)

    @override
    def __repr__(self) -> str:
        return f"CatchUp({str(self._path)!r})"

    def _now(self) -> int:
        return int(self._clock() * 1000)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        refuse_network(str(self._path))
        with closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as rows:
            # Half the trips to the disk of a journal that is deleted each time.
            rows.execute("PRAGMA journal_mode = PERSIST")
            rows.execute("PRAGMA synchronous = FULL")
            rows.execute("BEGIN IMMEDIATE")
            (version,) = rows.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA:
                    rows.execute(statement)
            elif version != _VERSION:
                raise ValueError(f"schema version {version} is not known, only {_VERSION}")
            # Where this fails, the connection is closed with nothing committed.
            yield rows
            rows.execute("COMMIT")

    def _go(self, op: Go) -> bool:
        with self._writing() as rows:
            if _found(rows, op.owed.id) is not None:
                return True
            usd = op.owed.usd
            if op.limit is not None and MATH.add(_unheld(rows), usd) > op.limit:
                return False
            _insert(rows, op.owed, "out", self._now() + op.lease, usd)
        return True

    def _keep(self, op: Keep) -> bool:
        with self._writing() as rows:
            found = _found(rows, op.owed.id)
            if found is None:
                _insert(rows, op.owed, "final", 0, op.owed.usd if op.unheld else _ZERO)
            else:
                _KEPT.get(found[1], _already)(rows, found, op.owed)
        return True

    def _due(self, op: Due) -> tuple[Kept, ...]:
        if not self._path.exists():
            return ()
        with self._writing() as rows:
            now = self._now()
            rows.execute(
                "UPDATE owed SET state = 'lapsing' WHERE state = 'out' AND due <= ?", (now,)
            )
            rows.execute("DELETE FROM owed WHERE state = 'lapsed' AND due <= ?", (now,))
            # What is taken for longer than anything is taken was so by another clock.
            due = rows.execute(
                "SELECT number, tries, body FROM owed WHERE state IN ('final', 'lapsing')"
                " AND (due <= ? OR due > ?) ORDER BY number LIMIT ?",
                (now, now + _TAKEN_LONGEST, op.limit),
            ).fetchall()
            taken = [(now + _until(tries), number) for number, tries, _ in due]
            rows.executemany("UPDATE owed SET due = ?, tries = tries + 1 WHERE number = ?", taken)
        return tuple(Kept(number, loaded(body)) for number, _, body in due)

    def _done(self, op: Done) -> bool:
        with self._writing() as rows:
            until = self._now() + _REMEMBERED
            for number in op.numbers:
                _finish(rows, number, until)
            back = [(number,) for number in op.back]
            rows.executemany("UPDATE owed SET due = 0, tries = tries - 1 WHERE number = ?", back)
        return True

    def _owing(self, op: Owing) -> Owes:
        if not self._path.exists():
            return Owes(0, _ZERO)
        with self._writing() as rows:
            (count,) = rows.execute("SELECT count(*) FROM owed WHERE state != 'lapsed'").fetchone()
            return Owes(count, _unheld(rows))


_PERFORM: Final[dict[type, Callable[[CatchUp, Any], Any]]] = {
    Go: CatchUp._go,  # noqa: SLF001 - the class's own table
    Keep: CatchUp._keep,  # noqa: SLF001
    Due: CatchUp._due,  # noqa: SLF001
    Done: CatchUp._done,  # noqa: SLF001
    Owing: CatchUp._owing,  # noqa: SLF001
}

_Row = tuple[int, str, str, str]


def _found(rows: sqlite3.Connection, of: str) -> _Row | None:
    """(number, state, usd, body) of what is kept under an id."""
    row: _Row | None = rows.execute(
        "SELECT number, state, usd, body FROM owed WHERE id = ?", (of,)
    ).fetchone()
    return row


def _unheld(rows: sqlite3.Connection) -> Decimal:
    return Decimal(rows.execute("SELECT unheld FROM total").fetchone()[0])


def _add(rows: sqlite3.Connection, usd: Decimal) -> None:
    if usd:
        rows.execute("UPDATE total SET unheld = ?", (str(MATH.add(_unheld(rows), usd)),))


def _insert(rows: sqlite3.Connection, owed: Owed, state: str, due: int, usd: Decimal) -> None:
    rows.execute(
        "INSERT INTO owed (id, state, due, tries, usd, body) VALUES (?, ?, ?, 0, ?, ?)",
        (owed.id, state, due, str(usd), dumped(owed)),
    )
    _add(rows, usd)


def _finish(rows: sqlite3.Connection, number: int, until: int) -> None:
    found = rows.execute("SELECT state, usd FROM owed WHERE number = ?", (number,)).fetchone()
    if found is None:
        return
    if found[0] == "lapsing":
        rows.execute(
            "UPDATE owed SET state = 'lapsed', due = ?, usd = '0' WHERE number = ?", (until, number)
        )
    else:
        rows.execute("DELETE FROM owed WHERE number = ?", (number,))
    _add(rows, -Decimal(found[1]))


def _until(tries: int) -> int:
    return min(_TAKEN << min(tries, 10), _TAKEN_LONGEST)


# --- what is kept of a call of which something is kept ------------------------------------------


def _said(rows: sqlite3.Connection, found: _Row, owed: Owed) -> None:
    """A call that went without a hold says what it spent."""
    rows.execute(
        "UPDATE owed SET state = 'final', due = 0, usd = ?, body = ? WHERE number = ?",
        (str(owed.usd), dumped(owed), found[0]),
    )
    _add(rows, MATH.subtract(owed.usd, Decimal(found[2])))


def _said_late(rows: sqlite3.Connection, found: _Row, owed: Owed) -> None:
    """All that it might have spent is being posted, perhaps at this moment: the difference comes behind it."""
    rows.execute("UPDATE owed SET state = 'final' WHERE number = ?", (found[0],))
    _correct(rows, found, owed)


def _said_later(rows: sqlite3.Connection, found: _Row, owed: Owed) -> None:
    rows.execute("DELETE FROM owed WHERE number = ?", (found[0],))
    _correct(rows, found, owed)


def _correct(rows: sqlite3.Connection, found: _Row, owed: Owed) -> None:
    more = correction(loaded(found[3]), owed)
    if more is not None and _found(rows, more.id) is None:
        _insert(rows, more, "final", 0, more.usd)


def _already(rows: sqlite3.Connection, found: _Row, owed: Owed) -> None:
    """It is kept."""


_KEPT: Final[dict[str, Callable[[sqlite3.Connection, _Row, Owed], None]]] = {
    "out": _said,
    "lapsing": _said_late,
    "lapsed": _said_later,
}
