"""``SQLiteStore``: accounts, ledger and settlements in a file that the processes of one machine share.

Each operation is done wholly or not at all, over prepared statements; several that are awaited at the same time are
committed together. What is done in one, ``_sqlite_rows`` says; its connections are in ``_sqlite_seat``.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, Final, Literal

from typing_extensions import override

from ..._control.checking import checked
from ...errors import ConfigurationError, StoreError
from ._forks import at_forks
from ._sqlite_log import Log
from ._sqlite_rows import FORMS, Form, Way
from ._sqlite_seat import Seat, Task
from ._worker import Job, Worker

__all__ = ["SQLiteStore"]

Durability = Literal["crash", "power"]

_SYNCHRONOUS: Final[dict[str, str]] = {"crash": "NORMAL", "power": "FULL"}
_TURNS: Final[tuple[Way, ...]] = ("read", "swift", "write", "long")
"""Of what is asked for at the same time, what is done first: nobody waits for what takes longer than his own."""


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
        self._aside, moving = (Seat(self.path, synchronous, busy_timeout) for _ in range(2))
        self._log = Log(moving)
        self._seat = Seat(self.path, synchronous, busy_timeout, self._log.much)
        self._swift = self._seat
        if durability == "power":
            self._swift = Seat(self.path, _SYNCHRONOUS["crash"], busy_timeout, self._log.much)
        self._seats = tuple(dict.fromkeys((self._seat, self._aside, self._swift, moving)))
        self._worker = Worker(self._perform, "llmkit-sqlite", self._together)
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
        form, operation = _ready(operation)
        return self._seat_of(form).perform(form, operation, self._now, since)

    def _together(self, jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
        """Several that are awaited, in one transaction for each way of performing; those that are over, by turns."""
        ways: dict[Way, list[Task]] = {way: [] for way in _TURNS}
        for job in jobs:
            try:
                form, operation = _ready(job.operation)
            except StoreError as error:
                job.error = error
            else:
                ways[form.way].append(Task(job, form, operation))
        yield [job for job in jobs if job.error is not None]
        for tasks in filter(None, ways.values()):
            for some in [[task] for task in tasks] if tasks[0].form.way == "long" else [tasks]:
                self._seat_of(some[0].form).together(some, self._now)
                yield [task.job for task in some]

    def _seat_of(self, form: Form) -> Seat:
        if form.way == "swift":
            return self._swift
        return self._aside if form.way == "long" else self._seat

    def aperform(self, operation: Any) -> Coroutine[Any, Any, Any]:
        """The same in a thread of the store's own. Who is cancelled need not wait for it."""
        return self._worker.perform(operation)

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
            self._log.forget()

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _ready(operation: Any) -> tuple[Form, Any]:
    """How it is performed, and what may be."""
    if (form := FORMS.get(type(operation))) is None:
        raise StoreError(f"no SQLiteStore performs {type(operation).__name__}")
    return form, checked(operation)


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


def _leave(seats: Iterable[Seat], stop: Callable[[], None]) -> None:
    """Close the file: when told to, where nobody knows the store any more, or when the process ends."""
    stop()
    for seat in seats:
        seat.close()
