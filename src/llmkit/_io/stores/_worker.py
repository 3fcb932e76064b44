"""A thread that performs for who awaits, one after the other, so that no event loop is held up.

An operation whose waiter is cancelled was performed wholly, or not at all: once begun it is not stopped. Its patience
begins when it is asked for, not when its turn comes.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import anyio

from .._running import running_loop

__all__ = ["Worker"]


Perform = Callable[[Any, float], Any]
"""What is done with an operation that was asked for at a time of ``time.monotonic``."""


class _Job:
    """One operation on its way."""

    __slots__ = ("_tell", "dropped", "ended", "error", "operation", "result", "since")

    def __init__(self, operation: Any) -> None:
        self.operation = operation
        self.since = time.monotonic()
        self.dropped = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.ended = anyio.Event()
        loop = running_loop()
        self._tell = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon

    def perform(self, perform: Perform) -> None:
        """In the thread."""
        if self.dropped:
            return
        try:
            self.result = perform(self.operation, self.since)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            self.error = error
        try:
            self._tell(self.ended.set)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return

    def outcome(self) -> Any:
        """In the loop, once it has ended."""
        error, self.error = self.error, None
        if error is None:
            return self.result
        try:
            raise error
        finally:
            # What knows itself waits for the collector.
            del error


_Jobs = SimpleQueue[_Job | None]


class Worker:
    """One thread, which begins with the first operation. It does not keep a process from ending."""

    def __init__(self, perform: Perform, name: str) -> None:
        self._perform = weakref.WeakMethod(perform)
        self._name = name
        self._lock = threading.Lock()
        self._jobs: _Jobs | None = None
        self._pid = 0

    async def perform(self, operation: Any) -> Any:
        """Perform an operation in the thread, and wait for it without holding up the loop."""
        job = _Job(operation)
        with self._lock:
            self._queue().put(job)
        try:
            await job.ended.wait()
        except BaseException:
            job.dropped = True
            raise
        return job.outcome()

    def _queue(self) -> _Jobs:
        if self._jobs is None or self._pid != os.getpid():
            jobs: _Jobs = SimpleQueue()
            threading.Thread(
                target=_work, args=(jobs, self._perform), name=self._name, daemon=True
            ).start()
            self._jobs, self._pid = jobs, os.getpid()
        return self._jobs

    def stop(self) -> None:
        """End the thread when all has been done that was given to it; another operation begins another."""
        with self._lock:
            if self._jobs is not None:
                self._jobs.put(None)
                self._jobs = None

    def forget(self) -> None:
        """In a process that was copied: its thread was not."""
        self._lock, self._jobs = threading.Lock(), None


def _work(jobs: _Jobs, perform: weakref.WeakMethod[Perform]) -> None:
    while (job := jobs.get()) is not None:
        performing = perform()
        if performing is None:
            return
        job.perform(performing)
        # Neither a result nor the store is kept while waiting for more.
        del job, performing
