"""A thread that performs for who awaits, one after the other, so that no event loop is held up.

An operation whose waiter is cancelled was performed wholly, or not at all: once begun it is not stopped.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import anyio

from .._running import running_loop

__all__ = ["Worker"]


class _Job:
    """One operation on its way."""

    __slots__ = ("_tell", "dropped", "ended", "error", "operation", "result")

    def __init__(self, operation: Any) -> None:
        self.operation = operation
        self.dropped = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.ended = anyio.Event()
        loop = running_loop()
        self._tell = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon

    def perform(self, perform: Callable[[Any], Any]) -> None:
        """In the thread."""
        if self.dropped:
            return
        try:
            self.result = perform(self.operation)
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

    def __init__(self, perform: Callable[[Any], Any], name: str) -> None:
        self._perform = weakref.WeakMethod(perform)
        self._name = name
        self._lock = threading.Lock()
        self._jobs: _Jobs | None = None

    async def perform(self, operation: Any) -> Any:
        """Perform an operation in the thread, and wait for it without holding up the loop."""
        job = _Job(operation)
        self._queue().put(job)
        try:
            await job.ended.wait()
        except BaseException:
            job.dropped = True
            raise
        return job.outcome()

    def _queue(self) -> _Jobs:
        with self._lock:
            if self._jobs is None:
                self._jobs = SimpleQueue()
                thread = threading.Thread(
                    target=_work, args=(self._jobs, self._perform), name=self._name, daemon=True
                )
                thread.start()
            return self._jobs

    def stop(self) -> None:
        """End the thread when all has been done that was given to it; another operation begins another."""
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            jobs.put(None)

    def forget(self) -> None:
        """In a process that was copied: its thread was not."""
        self._lock, self._jobs = threading.Lock(), None


def _work(jobs: _Jobs, perform: weakref.WeakMethod[Callable[[Any], Any]]) -> None:
    while (job := jobs.get()) is not None:
        performing = perform()
        if performing is None:
            return
        job.perform(performing)
        # Neither a result nor the store is kept while waiting for more.
        del job, performing
