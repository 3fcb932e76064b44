"""One contestant in a process of its own: it warms up, then measures for a moment whenever a line comes in.

usage: python -m bench.worker CONTESTANT WORK SETTINGS   (SETTINGS is JSON: the fields of ``Settings``)

Each turn is answered by a line that begins with ``MARK``. Times are per call (per chunk for a stream), in microseconds:
``wall_us``, and ``cpu_us`` of the whole process, user and system, all threads. The garbage collector stays on.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bench import leavings, payload
from bench.answers import EVENTS

MARK = "bench: "

WARM_SECONDS = 1.0
MARKS = 4
"""Where memory is looked at: after each quarter of the calls."""

Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settings:
    """How one measurement is made."""

    url: str
    seconds: float
    """Calls begin for this long in each turn."""
    warm_calls: int = 50
    calls: int = 0
    """Or exactly so many, for memory."""
    concurrency: int = 1
    large: bool = False


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


def asked(contestant: Any, settings: Settings) -> Any:
    """The request, in the contestant's form."""
    if settings.large:
        return contestant.prepare(payload.LARGE, payload.TOOLS)
    return contestant.prepare(payload.SMALL, None)


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


class Calls:
    """Sync calls, in one thread or in many."""

    def __init__(self, contestant: Any, settings: Settings) -> None:
        request = asked(contestant, settings)
        self._call: Call = lambda: contestant.call(request)
        self._settings = settings

    def warm(self) -> None:
        """Get ready."""
        warm(self._call, self._settings.warm_calls)

    def turn(self) -> Result:
        """Open the connections that closed since the last turn; then measure for a moment."""
        many = self._settings.concurrency
        untimed = in_threads(self._call, 0, many)
        span = Span()
        done = in_threads(self._call, self._settings.seconds, many)
        return {**span.each(done), "asked": untimed + done}


class Chunks:
    """Sync streams, one after the other, read to their ends."""

    def __init__(self, contestant: Any, settings: Settings) -> None:
        request = asked(contestant, settings)
        self._call: Call = lambda: sum(1 for _ in contestant.stream(request))
        self._settings = settings

    def warm(self) -> None:
        """Get ready."""
        warm(self._call, self._settings.warm_calls)

    def turn(self) -> Result:
        """Open the connection, if it was closed; then measure for a moment."""
        self._call()
        span = Span()
        done = repeat(self._call, self._settings.seconds)
        return {**span.each(done * EVENTS), "asked": 1 + done}


class Memory:
    """Many sync calls: what the process grows by, and what is left open after them."""

    def __init__(self, contestant: Any, settings: Settings) -> None:
        request = asked(contestant, settings)
        self._call: Call = lambda: contestant.call(request)
        self._contestant = contestant
        self._settings = settings

    def warm(self) -> None:
        """Get ready."""
        warm(self._call, self._settings.warm_calls)

    def turn(self) -> Result:
        """All of it."""
        trace = leavings.Trace()
        end = time.perf_counter() + self._settings.seconds
        share = self._settings.calls // MARKS
        for _ in range(MARKS):
            for _ in range(share):
                self._call()
            trace.mark(share)
            if time.perf_counter() > end:
                break
        self._contestant.close()
        return trace.result(0)


class AsyncCalls:
    """Async calls, so many at once."""

    def __init__(self, contestant: Any, settings: Settings) -> None:
        request = asked(contestant, settings)
        self._call: AsyncCall = lambda: contestant.call(request)
        self._settings = settings

    async def warm(self) -> None:
        """Get ready."""
        await awarm(self._call, self._settings.warm_calls)

    async def turn(self) -> Result:
        """Open the connections that closed since the last turn; then measure for a moment."""
        many = self._settings.concurrency
        untimed = await in_tasks(self._call, 0, many)
        span = Span()
        done = await in_tasks(self._call, self._settings.seconds, many)
        return {**span.each(done), "asked": untimed + done}


class AsyncChunks:
    """Async streams, one after the other, read to their ends."""

    def __init__(self, contestant: Any, settings: Settings) -> None:
        self._request = asked(contestant, settings)
        self._stream = contestant.stream
        self._settings = settings

    async def _call(self) -> int:
        count = 0
        async for _ in self._stream(self._request):
            count += 1
        return count

    async def warm(self) -> None:
        """Get ready."""
        await awarm(self._call, self._settings.warm_calls)

    async def turn(self) -> Result:
        """Open the connection, if it was closed; then measure for a moment."""
        await self._call()
        span = Span()
        done = await arepeat(self._call, self._settings.seconds)
        return {**span.each(done * EVENTS), "asked": 1 + done}


class AsyncMemory:
    """Many async calls, so many at once: what the process grows by, and what is left open after them."""

    def __init__(self, contestant: Any, settings: Settings) -> None:
        request = asked(contestant, settings)
        self._call: AsyncCall = lambda: contestant.call(request)
        self._contestant = contestant
        self._settings = settings

    async def warm(self) -> None:
        """Get ready."""
        await awarm(self._call, self._settings.warm_calls)
        await in_tasks(self._call, 0, self._settings.concurrency)

    async def turn(self) -> Result:
        """All of it."""
        trace = leavings.Trace()
        end = time.perf_counter() + self._settings.seconds
        concurrency = self._settings.concurrency
        share = self._settings.calls // MARKS // concurrency
        for _ in range(MARKS):
            await asyncio.gather(*[self._some(share) for _ in range(concurrency)])
            trace.mark(share * concurrency)
            if time.perf_counter() > end:
                break
        await self._contestant.close()
        await asyncio.sleep(0)
        return trace.result(len(asyncio.all_tasks()) - 1)

    async def _some(self, calls: int) -> None:
        for _ in range(calls):
            await self._call()


SYNC: dict[str, Callable[[Any, Settings], Any]] = {
    "calls": Calls,
    "chunks": Chunks,
    "memory": Memory,
}
ASYNC: dict[str, Callable[[Any, Settings], Any]] = {
    "acalls": AsyncCalls,
    "achunks": AsyncChunks,
    "amemory": AsyncMemory,
}


def run(module: Any, work: str, settings: Settings) -> None:
    """Warm up, then take turns until there are no more."""
    contestant = module.Sync(settings.url)
    doing = SYNC[work](contestant, settings)
    doing.warm()
    say({"ready": True})
    while sys.stdin.readline():
        say(doing.turn())
    contestant.close()


async def arun(module: Any, work: str, settings: Settings) -> None:
    """``run``, for async code. Its loop stands still while others have their turns."""
    leavings.sockets_of_nobody()
    contestant = module.Async(settings.url)
    doing = ASYNC[work](contestant, settings)
    await doing.warm()
    say({"ready": True})
    while sys.stdin.readline():
        say(await doing.turn())
    await contestant.close()


def say(result: Result) -> None:
    """One line, on a line of its own whatever a library has printed."""
    print(f"\n{MARK}{json.dumps(result)}", flush=True)


def main(contestant: str, work: str, settings: str) -> None:
    """Take turns; a contestant that fails is a result, too."""
    asked_for = Settings(**json.loads(settings))
    try:
        module = importlib.import_module(f"bench.contestants.{contestant}")
        if work in SYNC:
            run(module, work, asked_for)
        else:
            asyncio.run(arun(module, work, asked_for))
    except Exception as error:  # noqa: BLE001 - whatever it is
        say({"error": f"{type(error).__name__}: {error}"[:300]})


if __name__ == "__main__":
    main(*sys.argv[1:])
