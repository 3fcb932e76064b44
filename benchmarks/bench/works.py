"""What a contestant's process is there for: calls, chunks or memory, sync or async. Each gets ready, then has turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import leavings, payload
from bench.answers import EVENTS
from bench.timing import (
    AsyncCall,
    Call,
    Crowd,
    Result,
    Span,
    arepeat,
    awarm,
    in_tasks,
    in_threads,
    repeat,
    warm,
)

MARKS = 4
"""Where memory is looked at: after each quarter of the calls."""


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


def asked(contestant: Any, settings: Settings) -> Any:
    """The request, in the contestant's form."""
    if settings.large:
        return contestant.prepare(payload.LARGE, payload.TOOLS)
    return contestant.prepare(payload.SMALL, None)


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
        """Open what connections closed since the last turn; then measure for a moment."""
        callers, seconds = self._settings.concurrency, self._settings.seconds
        if callers > 1:
            return in_threads(self._call, Crowd(callers, seconds), callers)
        self._call()
        span = Span()
        done = repeat(self._call, seconds)
        return {**span.each(done), "asked": 1 + done}


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
        """Open what connections closed since the last turn; then measure for a moment."""
        callers, seconds = self._settings.concurrency, self._settings.seconds
        if callers > 1:
            return await in_tasks(self._call, Crowd(callers, seconds), callers)
        await self._call()
        span = Span()
        done = await arepeat(self._call, seconds)
        return {**span.each(done), "asked": 1 + done}


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
        callers = self._settings.concurrency
        await in_tasks(self._call, Crowd(callers, 0), callers)

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
