"""A connection to a SQLite file: one thread at a time has it; each transaction is done wholly or not at all.

Who waits for whom is here, and what becomes of a transaction that fails, of a fork, of a file that is replaced; what
is done within one, ``_sqlite_rows`` says.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from ...errors import StoreError, StoreUnavailableError
from ._sqlite_failures import explained, is_busy, refuse_network
from ._sqlite_known import Known
from ._sqlite_rows import Form, SQLRows
from ._sqlite_schema import bring_up_to_date
from ._worker import Job

__all__ = ["Seat", "Task"]

# Others have the file for some ten to a hundred microseconds at a time. Who has waited long asks no less often than
# who has just come, or he would wait for ever.
_PAUSE: Final = 0.0005
_STATEMENTS: Final = 256
_BEGIN: Final = {
    "write": "BEGIN IMMEDIATE",
    "swift": "BEGIN IMMEDIATE",
    "read": "BEGIN",
    "long": "BEGIN",
}
_FAILED: Final = 4
"""Of operations that are asked for at once, so many that fail are one too many to try the others together again."""
_FAILURES: Final = (sqlite3.Error, UnicodeEncodeError, OverflowError)
"""What SQLite and its driver raise."""
_MUCH: Final = 4_000
"""Rows that were written, after which somebody is told: some 300 calls."""
_CHECKPOINT: Final = 32_000
"""Pages. Whoever writes the one that is too many moves them all from the log into the file, unless that was done."""


_CACHE: Final = 1_024
"""KiB of the file's pages that a connection keeps: those at the ends of a dozen trees are all that calls need."""


class Task(NamedTuple):
    """An operation that somebody awaits, and how it is performed."""

    job: Job
    form: Form
    operation: Any


class Seat:
    """One connection, and who may use it: one thread at a time, of the process that opened it."""

    def __init__(
        self,
        path: str,
        synchronous: str,
        patience: float,
        much: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._patience = patience
        self._lock = threading.Lock()
        self._owner = 0
        self._resting = False
        self._pid = 0
        self._file: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._known: Known | None = None
        self._much, self._told = much, 0

    def perform(self, form: Form, operation: Any, clock: Callable[[], int], since: float) -> Any:
        """Perform an operation in a transaction of its own; who has been waiting for it since then gets impatient."""
        me = threading.get_ident()
        if self._owner == me:
            # A signal's handler came into the middle of an operation of this very thread.
            raise StoreUnavailableError("this store is in the middle of another operation")
        # Not ``acquire``: an interrupt right behind it would leave it taken.
        with self._lock:
            self._owner = me
            try:
                result = self._patiently(form, operation, clock, since + self._patience)
            finally:
                self._owner = 0
        return result

    def _patiently(self, form: Form, operation: Any, clock: Callable[[], int], until: float) -> Any:
        while True:
            try:
                return self._once(form, operation, clock)
            except _FAILURES as error:
                if not is_busy(error) or time.monotonic() > until:
                    raise explained(error, self._path) from error
            time.sleep(_PAUSE * random.random())

    def _once(self, form: Form, operation: Any, clock: Callable[[], int]) -> Any:
        connection = self._opened()
        try:
            rows = self._begun(connection, form)
            rows.look_up((operation,))
            result = form.perform(rows, operation, clock())
            self._commit(rows)
        except BaseException:
            self._undo(connection)
            raise
        return result

    def _begun(self, connection: sqlite3.Connection, form: Form) -> SQLRows:
        """Begin a transaction. What is known is taken out of the seat, and is put back once it is committed."""
        connection.execute(_BEGIN[form.way])
        known, self._known = self._known, None
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if known is None or known.version != version:
            known = Known(version)
        return SQLRows(connection, known)

    def _commit(self, rows: SQLRows) -> None:
        rows.flush()
        rows.connection.execute("COMMIT")
        rows.known.bound()
        self._known = rows.known
        written = rows.connection.total_changes
        if written > self._told + _MUCH:
            self._told = written
            self._much()

    def borrowed(self, use: Callable[[sqlite3.Connection], None]) -> None:
        """Let somebody use the connection, in no transaction."""
        with self._lock:
            self._owner = threading.get_ident()
            try:
                use(self._opened())
            finally:
                self._owner = 0

    # --- several in one transaction ---------------------------------------------------------------

    def together(self, tasks: Sequence[Task], clock: Callable[[], int]) -> None:
        """Perform operations of one way in one transaction, each with an outcome of its own; all are told then.

        Where one fails, nothing of the transaction is kept: that one is performed by itself, which is its outcome, and
        the others together once more. So sums that many of them add to are written once, and no savepoints are needed.
        """
        with self._lock:
            self._owner = threading.get_ident()
            try:
                self._patiently_together(tasks, clock)
            finally:
                self._owner = 0

    def _patiently_together(self, tasks: Sequence[Task], clock: Callable[[], int]) -> None:
        waiting, failures = list(tasks), 0
        while waiting := [task for task in waiting if not task.job.dropped]:
            try:
                failed = self._once_together(waiting, clock)
            except _FAILURES as error:
                if not is_busy(error):
                    return self._each_alone(waiting, clock)
                waiting = self._still_patient(waiting, error)
                time.sleep(_PAUSE * random.random())
            else:
                failures += 1
                if failed is None or failures == _FAILED:
                    return None if failed is None else self._each_alone(waiting, clock)
                self._each_alone([failed], clock)
                waiting.remove(failed)
        return None

    def _once_together(self, tasks: Sequence[Task], clock: Callable[[], int]) -> Task | None:
        """Perform all, and tell them; or none, and return the one that failed. Raises where it is nobody's failure."""
        connection = self._opened()
        try:
            rows, outcomes = self._begun(connection, tasks[0].form), []
            rows.look_up([task.operation for task in tasks])
            now = clock()
            for task in tasks:
                try:
                    outcomes.append(task.form.perform(rows, task.operation, now))
                except Exception as error:
                    if is_busy(error):
                        raise
                    self._undo(connection)
                    return task
            self._commit(rows)
        except BaseException:
            self._undo(connection)
            raise
        for task, outcome in zip(tasks, outcomes, strict=True):
            task.job.result = outcome
        return None

    def _still_patient(self, tasks: Sequence[Task], error: Exception) -> list[Task]:
        """Those who wait on; the others are told that they have waited long enough."""
        begun = time.monotonic() - self._patience
        for task in tasks:
            if task.job.since < begun:
                task.job.error = explained(error, self._path)
                task.job.error.__cause__ = error
        return [task for task in tasks if task.job.error is None]

    def _each_alone(self, tasks: Sequence[Task], clock: Callable[[], int]) -> None:
        for task in tasks:
            until = task.job.since + self._patience
            try:
                task.job.result = self._patiently(task.form, task.operation, clock, until)
            except Exception as error:  # noqa: BLE001 - it is told to who awaits it
                task.job.error = error

    def _undo(self, connection: sqlite3.Connection) -> None:
        """Roll back; where not even that can be done, the connection's end does it."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except BaseException:
            self._shut()
            raise

    def _opened(self) -> sqlite3.Connection:
        """The connection, in this process, to the file that has the name now, in no transaction."""
        connection = self._connection
        if connection is not None:
            if self._pid != os.getpid():
                self._disown(connection)
            elif self._file != _identity(self._path):
                self._shut()
            elif connection.in_transaction:
                # What was interrupted twice.
                connection.execute("ROLLBACK")
        return self._connection or self._open()

    def _open(self) -> sqlite3.Connection:
        refuse_network(self._path)
        self._pid, self._known, self._told = os.getpid(), None, 0
        connection = self._connection = sqlite3.connect(
            self._path,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
        try:
            self._prepare(connection)
            self._file = _identity(self._path)
        except BaseException:
            self._shut()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"{self._path} cannot have a write-ahead log, only {mode!r}")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT}")
        connection.execute(f"PRAGMA cache_size=-{_CACHE}")
        bring_up_to_date(connection, self._path)

    def _shut(self) -> None:
        connection, self._connection, self._file = self._connection, None, None
        if connection is not None:
            connection.close()

    def _disown(self, connection: sqlite3.Connection) -> None:
        """Leave alone what belongs to the process that this one was copied from, also when this one ends."""
        import ctypes  # noqa: PLC0415 - only where a fork was hidden from Python

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        self._connection = None

    def close(self) -> None:
        """Close the connection, once nobody uses it."""
        if self._owner != threading.get_ident():
            with self._lock:
                if self._pid == os.getpid():
                    self._shut()

    def rest(self) -> None:
        """Before a fork: have nothing open, and let nobody open it, until ``rise``."""
        if self._owner != threading.get_ident():
            self._lock.acquire()
            self._resting = True
            self._shut()

    def rise(self) -> None:
        """After the fork, in either process."""
        if self._resting:
            self._resting = False
            self._lock.release()


def _identity(path: str) -> tuple[int, int] | None:
    """Which file has this name now."""
    try:
        found = os.stat(path)  # noqa: PTH116 - as quick as can be: it is asked each time
    except OSError:
        return None
    return found.st_dev, found.st_ino
