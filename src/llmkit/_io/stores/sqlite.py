"""``SQLiteStore``: accounts, ledger and settlements in a file that the processes of one machine share.

Each operation is one transaction over prepared statements; what is done in it, ``_sqlite_rows`` says. Here are its
connections: who waits for whom, and what becomes of a transaction that fails, of a fork, of a file that is replaced.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

from typing_extensions import override

from ..._control.checking import checked
from ...errors import ConfigurationError, StoreError, StoreUnavailableError
from ._forks import at_forks
from ._sqlite_failures import explained, is_busy, refuse_network
from ._sqlite_rows import FORMS, Form, SQLRows
from ._sqlite_schema import bring_up_to_date
from ._worker import Worker

__all__ = ["SQLiteStore"]

Durability = Literal["crash", "power"]

_SYNCHRONOUS: Final[dict[str, str]] = {"crash": "NORMAL", "power": "FULL"}
_BEGIN: Final = {
    "write": "BEGIN IMMEDIATE",
    "swift": "BEGIN IMMEDIATE",
    "read": "BEGIN",
    "long": "BEGIN",
}
# Others have the file for some ten to a hundred microseconds at a time. Who has waited long asks no less often than
# who has just come, or he would wait for ever.
_PAUSE: Final = 0.0005
_STATEMENTS: Final = 256
# Pages. Whoever writes the one that is too many moves them all from the log into the file: some 7 ms, once in 600
# operations. A thread of its own for that was measured to be no gain: it held up as many, and the log grew without end.
_CHECKPOINT: Final = 2000


class SQLiteStore:
    """Accounts, ledger and settlements in a SQLite file, shared by all processes of one machine.

    The file is opened with the first operation, and made where there is none; it may not be on a network file
    system. Threads, processes and event loops may use it at once. A forked process opens it anew.

    Args:
        path: the file; two more are kept beside it (``-wal`` and ``-shm``).
        durability: what has been performed survives, with ``"crash"``, the death of any process, but perhaps not
            of the last moments that of the machine (SQLite's ``synchronous=NORMAL``); with ``"power"``, that too,
            at the price of waiting for the disk each time (``FULL``). What routers share is never waited for.
            See https://sqlite.org/pragma.html#pragma_synchronous, read 2026-11-22.
        busy_timeout: seconds to wait for others who use the file.
        clock: what gives the time, in seconds of Unix time.

    Raises:
        ConfigurationError: an argument cannot be meant.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durability: Durability = "crash",
        busy_timeout: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if durability not in _SYNCHRONOUS:
            raise ConfigurationError(f"durability is 'crash' or 'power', not {durability!r}")
        if not busy_timeout > 0:
            raise ConfigurationError(f"busy_timeout is in seconds, above 0, not {busy_timeout}")
        self.path = _file(path)
        self.durability: Durability = durability
        self._clock = clock
        synchronous = _SYNCHRONOUS[durability]
        self._seat = _Seat(self.path, synchronous, busy_timeout)
        self._aside = _Seat(self.path, synchronous, busy_timeout)
        self._swift = self._seat
        if durability == "power":
            self._swift = _Seat(self.path, _SYNCHRONOUS["crash"], busy_timeout)
        self._seats = tuple(dict.fromkeys((self._seat, self._aside, self._swift)))
        self._worker = Worker(self._perform, "llmkit-sqlite")
        weakref.finalize(self, _leave, self._seats, self._worker.stop)
        at_forks(self)

    @override
    def __repr__(self) -> str:
        return f"SQLiteStore({self.path!r}, durability={self.durability!r})"

    def perform(self, operation: Any) -> Any:
        """Perform one operation. Whatever interrupts it, it was performed wholly, or not at all.

        Raises:
            StoreUnavailableError: others kept the file for too long, or it cannot be read or written just now.
            StoreError: the file is no database, is damaged, or was written by a later version of llmkit; or the
                operation can be performed by no store.
        """
        return self._perform(operation, time.monotonic())

    def _perform(self, operation: Any, since: float) -> Any:
        if (form := FORMS.get(type(operation))) is None:
            raise StoreError(f"no SQLiteStore performs {type(operation).__name__}")
        operation = checked(operation)
        return self._seat_of(form).perform(form, operation, self._now, since)

    def _seat_of(self, form: Form) -> _Seat:
        if form.way == "swift":
            return self._swift
        return self._aside if form.way == "long" else self._seat

    async def aperform(self, operation: Any) -> Any:
        """The same in a thread of the store's own. Who is cancelled need not wait for it."""
        return await self._worker.perform(operation)

    def close(self) -> None:
        """Close the file. The store can be used again after it."""
        _leave(self._seats, self._worker.stop)

    async def aclose(self) -> None:
        """The same without holding up the loop, should somebody be in the middle of something."""
        closing = Worker(self._close, "llmkit-sqlite-end")
        try:
            await closing.perform(None)
        finally:
            closing.stop()

    def _close(self, operation: None, since: float) -> None:
        self.close()

    def before_fork(self) -> None:
        """Close the file: SQLite's locks are a process's, and a copy would believe that it has them."""
        for seat in self._seats:
            seat.rest()

    def after_fork(self, *, child: bool) -> None:
        """Go on."""
        for seat in reversed(self._seats):
            seat.rise()
        if child:
            self._worker.forget()

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _file(path: str | os.PathLike[str]) -> str:
    name = os.fspath(path)
    if isinstance(name, bytes) or "\0" in name:
        raise ConfigurationError(f"a file's path is a text without NUL, not {name!r}")
    uri = name.startswith("file:")
    if name in {"", ":memory:"} or (uri and "memory" in name):
        raise ConfigurationError(
            f"{name!r} is no file; for a store of one process, in memory, there is MemoryStore()"
        )
    if uri:
        raise ConfigurationError(f"SQLiteStore takes a file's path, not a URI: {name!r}")
    return os.path.abspath(name)  # noqa: PTH100 - links are SQLite's affair


def _leave(seats: Iterable[_Seat], stop: Callable[[], None]) -> None:
    """Close the file: when told to, where nobody knows the store any more, or when the process ends."""
    stop()
    for seat in seats:
        seat.close()


class _Seat:
    """One connection, and who may use it: one thread at a time, of the process that opened it."""

    def __init__(self, path: str, synchronous: str, patience: float) -> None:
        self._path = path
        self._synchronous = synchronous
        self._patience = patience
        self._lock = threading.Lock()
        self._owner = 0
        self._resting = False
        self._pid = 0
        self._file: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None

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
            except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
                if not is_busy(error) or time.monotonic() > until:
                    raise explained(error, self._path) from error
            time.sleep(_PAUSE * random.random())

    def _once(self, form: Form, operation: Any, clock: Callable[[], int]) -> Any:
        connection = self._opened()
        try:
            connection.execute(_BEGIN[form.way])
            result = form.perform(SQLRows(connection), operation, clock())
            connection.execute("COMMIT")
        except BaseException:
            self._undo(connection)
            raise
        return result

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
        self._pid = os.getpid()
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
