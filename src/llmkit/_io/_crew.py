"""A crew: several threads, or tasks, that work through numbered pieces of work, and can be stopped together.

Ctrl-C comes to the main thread alone. Here it is handed on: each worker is interrupted where it stands, as if the key
had been pressed for it, and the connection that it waits on is shut, which wakes it. So its call settles as any call
that is interrupted. What a piece of work comes to is its own affair; what it raises ends the crew's work.
"""

from __future__ import annotations

import contextlib
import contextvars
import ctypes
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import anyio
import anyio.to_thread

from ._bar import in_kernel
from ._clock import Clock
from ._progress import CURRENT

__all__ = ["StoppableClock", "acrew", "awaited", "crew"]

_log = logging.getLogger("llmkit")
_PATIENCE: Final = 5.0
"""Seconds for stopped workers to end; who waits for what nobody can end is left behind."""
_MOMENT: Final = 0.2


class _Stopped(KeyboardInterrupt):
    """What a worker is interrupted with."""


class StoppableClock:
    """A client's clock whose blocking waits end when the crew is stopped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stopped = threading.Event()
        self.now, self.wall, self.asleep = clock.now, clock.wall, clock.asleep

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._stopped.set()

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait, as the client's clock does, but no longer than until the stop."""
        if self._stopped.is_set():
            return
        self._clock.sleep(seconds, self._stopped if wake is None else wake)


class _Worker:
    """One thread, and the context of its calls. It is interrupted while it works, and at no other time."""

    def __init__(self, work: Callable[[_Worker], None], number: int) -> None:
        self._context = contextvars.copy_context()
        self._gate = threading.Lock()
        self._working = False
        self.thread = threading.Thread(
            target=self._context.run, args=(work, self), name=f"llmkit-map-{number}", daemon=True
        )
        self.thread.start()

    def begin(self) -> None:
        """From here on it may be interrupted."""
        self._working = True

    def end(self) -> None:
        """From here on it may not; an interrupt that is on its way still comes before this returns."""
        while True:
            try:
                with self._gate:
                    self._working = False
                for _ in range(3):
                    pass
            except _Stopped:
                continue
            return

    def interrupt(self) -> None:
        """Press Ctrl-C for it, and wake it."""
        number = self.thread.ident
        with self._gate:
            if number is None or not self._working:
                return
            stop = ctypes.py_object(_Stopped)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(number), stop)
        progress = self._context.get(CURRENT)
        if progress is not None:
            progress.disconnect()


class _Crew:
    def __init__(
        self, work: Callable[[int], Any], numbers: Iterable[int], stop: Callable[[], object]
    ) -> None:
        self._work, self._told = work, stop
        self._left = deque(numbers)
        self._ended: queue.SimpleQueue[BaseException | int | None] = queue.SimpleQueue()

    def run(self, many: int, each: Callable[[int], object]) -> None:
        """Have all done; ``each`` is told, in this thread, of what is."""
        workers: list[_Worker] = []
        try:
            for number in range(min(many, len(self._left))):
                workers.append(_Worker(self._working, number))  # noqa: PERF401 - each that runs is known
            working = len(workers)
            while working:
                said = self._ended.get()
                if isinstance(said, BaseException):
                    raise said
                if said is None:
                    working -= 1
                else:
                    each(said)
        except BaseException:
            self._stop(workers)
            raise

    def _working(self, worker: _Worker) -> None:
        with contextlib.suppress(_Stopped):
            try:
                worker.begin()
                self._work_off()
            except _Stopped:
                pass
            except BaseException as error:  # noqa: BLE001 - raised in the thread that asked for the work
                self._ended.put(error)
            finally:
                worker.end()
        self._ended.put(None)

    def _work_off(self) -> None:
        while self._left:
            try:
                number = self._left.popleft()
            except IndexError:
                return
            self._work(number)
            self._ended.put(number)

    def _stop(self, workers: list[_Worker]) -> None:
        self._left.clear()
        self._told()
        until = time.monotonic() + _PATIENCE
        while alive := [one for one in workers if one.thread.is_alive()]:
            if time.monotonic() > until:
                _log.warning("%d rows could not be interrupted, and end by themselves", len(alive))
                return
            for one in alive:
                one.interrupt()
            # Nobody is interrupted again while he may be closing what he had open.
            again = time.monotonic() + _MOMENT
            for one in alive:
                one.thread.join(max(0.0, again - time.monotonic()))


def crew(
    work: Callable[[int], Any],
    numbers: Iterable[int],
    many: int,
    each: Callable[[int], object],
    stop: Callable[[], object],
) -> None:
    """Have ``work`` done for each of these numbers, by as many threads; ``each`` is told of each that is done.

    Raises what one of them raises, and Ctrl-C; the others are stopped, for which ``stop`` is called first.
    """
    _Crew(work, numbers, stop).run(many, each)


async def acrew(
    work: Callable[[int], Awaitable[Any]],
    numbers: Iterable[int],
    many: int,
    each: Callable[[int], object],
) -> None:
    """``crew`` with tasks, on asyncio or trio. Whoever cancels it cancels all of them."""
    left, failed = deque(numbers), list[Exception]()
    async with anyio.create_task_group() as tasks:

        async def working() -> None:
            while left:
                number = left.popleft()
                try:
                    await work(number)
                    each(number)
                except Exception as error:  # noqa: BLE001 - raised below, and not in a group
                    failed.append(error)
                    tasks.cancel_scope.cancel()
                    return

        async with anyio.create_task_group() as workers:
            if in_kernel():
                tasks.start_soon(_ticking)
            for _ in range(min(many, len(left))):
                workers.start_soon(working)
        tasks.cancel_scope.cancel()
    if failed:
        raise failed[0]


async def _ticking() -> None:
    """Let the loop turn: ipykernel's has an interrupt cancel a cell's task only when it turns next."""
    while True:  # noqa: ASYNC110 - there is nothing to wait for
        await anyio.sleep(_MOMENT)


async def awaited(function: Callable[..., Any], *arguments: Any) -> Any:
    """A function's result, in a thread of its own where it is no coroutine function's."""
    return await anyio.to_thread.run_sync(lambda: function(*arguments))
