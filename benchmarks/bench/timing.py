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


def in_threads(call: Call, seconds: float, concurrency: int) -> int:
    """``repeat``, in so many threads at once."""
    if concurrency == 1:
        return repeat(call, seconds)
    done: list[int] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            done.append(repeat(call, seconds))
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits for this one
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done)


async def in_tasks(call: AsyncCall, seconds: float, concurrency: int) -> int:
    """``arepeat``, in so many tasks at once."""
    if concurrency == 1:
        return await arepeat(call, seconds)
    return sum(await asyncio.gather(*[arepeat(call, seconds) for _ in range(concurrency)]))
