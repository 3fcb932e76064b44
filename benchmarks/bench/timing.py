"""Calling again and again: for a while, in one thread or task or in many; and the clocks around it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]
Result = dict[str, Any]
WARM_SECONDS = 1.0
"""After which even a slow contestant is as warm as it gets."""


class Span:
    """Wall and CPU time since it was made."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def each(self, units: int) -> Result:
        """Microseconds for each of so many calls or chunks."""
        wall = (time.perf_counter() - self._wall) / units * 1e6
        cpu = (time.process_time() - self._cpu) / units * 1e6
        return {"wall_us": round(wall, 2), "cpu_us": round(cpu, 2), "units": units}


def need(text: object) -> None:
    """An answer without text is no answer."""
    if not text:
        raise RuntimeError("an empty answer")


def warm(call: Call, calls: int) -> None:
    """Call until caches are full and bytecode is specialised."""
    end = time.perf_counter() + WARM_SECONDS
    for _ in range(calls):
        need(call())
        if time.perf_counter() > end:
            return


async def awarm(call: AsyncCall, calls: int) -> None:
    """``warm``, for async code."""
    end = time.perf_counter() + WARM_SECONDS
    for _ in range(calls):
        need(await call())
        if time.perf_counter() > end:
            return


def repeat(call: Call, seconds: float) -> int:
    """Call for a while, once at least; say how often."""
    end = time.perf_counter() + seconds
    call()
    done = 1
    while time.perf_counter() < end:
        call()
        done += 1
    return done


async def arepeat(call: AsyncCall, seconds: float) -> int:
    """``repeat``, for async code."""
    end = time.perf_counter() + seconds
    await call()
    done = 1
    while time.perf_counter() < end:
        await call()
        done += 1
    return done


class Crowd:
    """Many callers at once in their steady state: from when as many calls were answered as they are, until time is up.

    A crowd that starts together is not what one is like that has been calling for a while, and neither is its end.
    """

    def __init__(self, callers: int, seconds: float) -> None:
        self._callers = callers
        self._seconds = seconds
        self._span: Span | None = None
        self._end = 0.0
        self._lock = threading.Lock()
        self.asked = 0
        self.result: Result | None = None

    def more(self) -> bool:
        """One call was answered: whether its caller is to go on."""
        with self._lock:
            self.asked += 1
            if self._span is None:
                self._begin()
            elif self.result is None:
                self._look(self._span, self.asked - self._callers)
            return self.result is None

    def _begin(self) -> None:
        if self.asked == self._callers:
            self._end = time.perf_counter() + self._seconds
            self._span = Span()

    def _look(self, span: Span, done: int) -> None:
        if done >= self._callers and time.perf_counter() >= self._end:
            self.result = span.each(done)

    def whole(self) -> Result:
        """What was measured, and how often anything was asked."""
        if self.result is None:
            raise RuntimeError("the crowd went home early")
        return {**self.result, "asked": self.asked}


def in_threads(call: Call, crowd: Crowd, callers: int) -> Result:
    """A crowd of threads."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            call()
            while crowd.more():
                call()
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits for this one
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return crowd.whole()


async def in_tasks(call: AsyncCall, crowd: Crowd, callers: int) -> Result:
    """A crowd of tasks."""

    async def work() -> None:
        await call()
        while crowd.more():
            await call()

    await asyncio.gather(*[work() for _ in range(callers)])
    return crowd.whole()
