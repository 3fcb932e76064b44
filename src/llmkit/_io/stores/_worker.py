"""A thread that performs for who awaits, so that no event loop is held up: what has come meanwhile, together.

An operation whose waiter is cancelled was performed wholly, or not at all: once begun it is not stopped. Its patience
begins when it is asked for, not when its turn comes.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any, NoReturn

import anyio

from .._running import running_loop

__all__ = ["Job", "Worker"]


_MOST = 32
"""At once. Other processes wait as long as that takes: a millisecond or two."""

Perform = Callable[[Any, float], Any]
"""What is done with an operation that was asked for at a time of ``time.monotonic``."""


class Job:
    """One operation on its way."""

    __slots__ = ("dropped", "ended", "error", "loop", "operation", "result", "since")

    def __init__(self, operation: Any) -> None:
        self.operation = operation
        self.since = time.monotonic()
        self.dropped = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.loop = loop = running_loop()
        future = getattr(loop, "create_future", None)
        self.ended: Any = anyio.Event() if future is None else future()
        """What its waiter waits for: on asyncio a future, which takes a third of what an event takes."""

    def outcome(self) -> NoReturn:
        """In the loop, once it has failed: raise why."""
        error, self.error = self.error, None
        assert error is not None  # noqa: S101 - whoever calls has looked
        try:
            raise error
        finally:
            # What knows itself waits for the collector.
            del error


_Jobs = SimpleQueue[Job | None]
Together = Callable[[Sequence[Job]], Iterator[Sequence[Job]]]


class Worker:
    """One thread, which begins with the first operation. It does not keep a process from ending.

    Args:
        perform: what is done with an operation.
        name: the thread's.
        together: what is done with several that are awaited at the same time: it writes into each what came of it,
            and hands over those that are over. By default each is performed by itself.
    """

    def __init__(self, perform: Perform, name: str, together: Together | None = None) -> None:
        self._perform = weakref.WeakMethod(perform)
        self._together = together and weakref.WeakMethod(together)
        self._name = name
        self._lock = threading.Lock()
        self._jobs: _Jobs | None = None
        self._pid = 0
        self._gathered: dict[Any, list[Job]] = {}

    async def perform(self, operation: Any) -> Any:
        """Perform an operation in the thread, and wait for it without holding up the loop."""
        job = Job(operation)
        self._give(job)
        try:
            wait = getattr(job.ended, "wait", None)
            await (job.ended if wait is None else wait())
        except BaseException:
            job.dropped = True
            raise
        return job.result if job.error is None else job.outcome()

    def _give(self, job: Job) -> None:
        """Give it to the thread: on asyncio at the end of the loop's turn, with what else is asked for in it.

        Woken for each by itself, the thread would take turns with the loop's at every one of them, and nothing would
        be committed together.
        """
        soon = getattr(job.loop, "call_soon", None)
        if soon is None:
            self._put([job])
        elif (gathered := self._gathered.get(job.loop)) is not None:
            gathered.append(job)
        else:
            self._gathered[job.loop] = [job]
            soon(self._hand_over, job.loop)

    def _hand_over(self, loop: Any) -> None:
        self._put(self._gathered.pop(loop))

    def _put(self, jobs: list[Job]) -> None:
        with self._lock:
            queue = self._queue()
            for job in jobs:
                queue.put(job)

    def _queue(self) -> _Jobs:
        if self._jobs is None or self._pid != os.getpid():
            jobs: _Jobs = SimpleQueue()
            threading.Thread(
                target=_work,
                args=(jobs, self._perform, self._together),
                name=self._name,
                daemon=True,
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


def _work(
    jobs: _Jobs, perform: weakref.WeakMethod[Perform], together: weakref.WeakMethod[Together] | None
) -> None:
    most = 1 if together is None else _MOST
    while some := _next(jobs, most):
        whole = some[-1] is not None
        asked = [job for job in some if job is not None and not job.dropped]
        if len(asked) > 1 and together is not None:
            going_on = _perform_together(asked, together())
        else:
            going_on = _perform_each(asked, perform())
        # Neither a result nor the store is kept while waiting for more.
        del some, asked
        if not (whole and going_on):
            return


def _next(jobs: _Jobs, most: int) -> list[Job | None]:
    """What waits, at least one; nothing comes after the end, ``None``."""
    some = [jobs.get()]
    try:
        while some[-1] is not None and len(some) < most:
            some.append(jobs.get_nowait())
    except Empty:
        pass
    return some


def _perform_each(jobs: Sequence[Job], perform: Perform | None) -> bool:
    """Whether there still is somebody who performs."""
    if perform is None:
        return False
    for job in jobs:
        try:
            job.result = perform(job.operation, job.since)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
            job.error = error
        _tell([job])
    return True


def _perform_together(jobs: Sequence[Job], together: Together | None) -> bool:
    if together is None:
        return False
    left = dict.fromkeys(jobs)
    try:
        for over in together(jobs):
            for job in over:
                del left[job]
            _tell(over)
    except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
        for job in left:
            job.error = error
        _tell(list(left))
    return True


def _tell(jobs: Sequence[Job]) -> None:
    """Each loop is woken once."""
    for loop in dict.fromkeys(job.loop for job in jobs):
        those = [job.ended for job in jobs if job.loop is loop]
        tell = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
        try:
            tell(_set, those)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            continue


def _set(those: Sequence[Any]) -> None:
    for each in those:
        if (tell := getattr(each, "set_result", None)) is None:
            each.set()
        elif not each.done():
            tell(None)
