"""One kind of call over one transport, in a process of its own: its time as it is, then where that time goes.

usage: python -m bench.stages.process SECTION TRANSPORT URL SECONDS   (prints a line of JSON)

The time is that of the same call without any instrument, beside the transport's own in turns. Then, in the same
process, its stages are sampled: at moments that nothing in it can keep step with, the main thread is asked where it is;
moments of the machine's own business, in which calls take longer than they do, are left out. Python calls are counted
last, exactly.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from types import FrameType
from typing import Any, NamedTuple

from bench import payload
from bench.answers import EVENTS
from bench.stages.places import Place, place
from bench.stages.sampling import Samples, sampled
from bench.timing import Crowd, Span, arepeat, awarm, in_tasks, repeat, warm

CALLERS = 64
TURNS = 7
WARM = 300
LOOKS = 12
SLOW = 1.25
"""Samples are taken in so many parts; a part in which calls took so much longer than in the middle is left out."""
COUNTED = 20


class Section(NamedTuple):
    """A kind of call."""

    name: str
    title: str
    unit: str
    waits: bool = False
    """Whether it is async."""
    streams: bool = False
    large: bool = False
    callers: int = 1

    @property
    def units(self) -> int:
        """Chunks in a call, or the call."""
        return EVENTS if self.streams else 1

    def asked(self, contestant: Any) -> Any:
        """The request, in the contestant's form."""
        if self.large:
            return contestant.prepare(payload.LARGE, payload.TOOLS)
        return contestant.prepare(payload.SMALL, None)


SECTIONS = (
    Section("sync", "Sync call", "call"),
    Section("async", f"Async call, {CALLERS} at once", "call", waits=True, callers=CALLERS),
    Section("chunk", "Streamed chunk, sync", "chunk", streams=True),
    Section("async-chunk", "Streamed chunk, async", "chunk", waits=True, streams=True),
    Section("large", "50 KB request: 100 messages, 5 tools", "call", large=True),
)
TRANSPORTS = {
    "httpx": ("llmkit", "httpx", "httpx_bytes"),
    "reqwest": ("llmkit_fast", "pyreqwest", "pyreqwest_bytes"),
}
"""The contestant on each, and the transport alone: for a call, and for the bytes of a stream."""


class _Sync:
    """A contestant's calls, one after the other."""

    def __init__(self, name: str, section: Section, url: str) -> None:
        contestant = importlib.import_module(f"bench.contestants.{name}").Sync(url)
        asked = section.asked(contestant)
        self.call: Callable[[], object] = lambda: contestant.call(asked)
        if section.streams:
            self.call = lambda: sum(1 for _ in contestant.stream(asked))
        self._units = section.units

    def warm(self) -> None:
        """Get ready."""
        warm(self.call, WARM // self._units + 2)

    def turn(self, seconds: float) -> tuple[float, float]:
        """Wall and CPU time for each."""
        self.call()
        span = Span()
        done = repeat(self.call, seconds)
        result = span.each(done * self._units)
        return result["wall_us"], result["cpu_us"]

    def count(self) -> int:
        """So many calls, for those who count; how many units that was."""
        for _ in range(COUNTED):
            self.call()
        return COUNTED * self._units


class _Async:
    """A contestant's calls, one after the other or so many at once."""

    def __init__(self, name: str, section: Section, url: str) -> None:
        contestant = importlib.import_module(f"bench.contestants.{name}").Async(url)
        self._asked = section.asked(contestant)
        self._stream = contestant.stream
        self._plain = contestant.call
        self._streams, self._callers, self._units = section.streams, section.callers, section.units

    async def call(self) -> object:
        """One of them."""
        if not self._streams:
            return await self._plain(self._asked)
        count = 0
        async for _ in self._stream(self._asked):
            count += 1
        return count

    async def warm(self) -> None:
        """Get ready."""
        await awarm(self.call, WARM // self._units + 2)
        if self._callers > 1:
            await in_tasks(self.call, Crowd(self._callers, 0), self._callers)

    async def turn(self, seconds: float) -> tuple[float, float]:
        """Wall and CPU time for each."""
        if self._callers > 1:
            result = await in_tasks(self.call, Crowd(self._callers, seconds), self._callers)
            return result["wall_us"], result["cpu_us"]
        await self.call()
        span = Span()
        done = await arepeat(self.call, seconds)
        result = span.each(done * self._units)
        return result["wall_us"], result["cpu_us"]

    async def count(self) -> int:
        """So many calls, for those who count; how many units that was."""

        async def some() -> None:
            for _ in range(COUNTED // 4):
                await self.call()

        await asyncio.gather(*[some() for _ in range(self._callers)])
        return COUNTED // 4 * self._callers * self._units


@contextmanager
def counted() -> Iterator[Counter[Place]]:
    """Calls of Python functions, by place; a generator resumed is a call."""
    calls: Counter[Place] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[place(frame)] += 1

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


Part = tuple[float, Samples]
"""Samples, and the time that a call took while they were."""


def undisturbed(parts: list[Part]) -> Samples:
    """The samples of those parts in which calls took about as long as in the middle."""
    most = SLOW * median(wall for wall, _ in parts)
    return sum((samples for wall, samples in parts if wall <= most), Samples())


def _result(
    turns: dict[str, list[tuple[float, float]]], samples: Samples, calls: Counter[Place], units: int
) -> dict[str, Any]:
    times = {
        name: {
            "wall_us": median(wall for wall, _ in each),
            "cpu_us": median(cpu for _, cpu in each),
        }
        for name, each in turns.items()
    }
    return {
        "times": times,
        "samples": [[*at, count] for at, count in samples.most_common()],
        "calls": [[*at, count / units] for at, count in calls.most_common()],
    }


def run(section: Section, names: dict[str, str], url: str, seconds: float) -> dict[str, Any]:
    """A kind of sync call."""
    standing = {role: _Sync(name, section, url) for role, name in names.items()}
    turns: dict[str, list[tuple[float, float]]] = {role: [] for role in standing}
    for one in standing.values():
        one.warm()
    for _ in range(TURNS):
        for role, one in standing.items():
            turns[role].append(one.turn(seconds / TURNS / 4))
    ours = standing["ours"]
    parts: list[Part] = []
    for _ in range(LOOKS):
        with sampled() as samples:
            wall, _ = ours.turn(seconds / LOOKS)
        parts.append((wall, samples))
    with counted() as calls:
        units = ours.count()
    return _result(turns, undisturbed(parts), calls, units)


async def arun(section: Section, names: dict[str, str], url: str, seconds: float) -> dict[str, Any]:
    """A kind of async call."""
    standing = {role: _Async(name, section, url) for role, name in names.items()}
    turns: dict[str, list[tuple[float, float]]] = {role: [] for role in standing}
    for one in standing.values():
        await one.warm()
    for _ in range(TURNS):
        for role, one in standing.items():
            turns[role].append(await one.turn(seconds / TURNS / 4))
    ours = standing["ours"]
    parts: list[Part] = []
    for _ in range(LOOKS):
        with sampled() as samples:
            wall, _ = await ours.turn(seconds / LOOKS)
        parts.append((wall, samples))
    with counted() as calls:
        units = await ours.count()
    return _result(turns, undisturbed(parts), calls, units)


def main(name: str, transport: str, url: str, seconds: str) -> None:
    """Print what was found."""
    section = next(one for one in SECTIONS if one.name == name)
    own, whole, pieces = TRANSPORTS[transport]
    names = {"ours": own, "alone": pieces if section.streams else whole}
    if section.waits:
        found = asyncio.run(arun(section, names, url, float(seconds)))
    else:
        found = run(section, names, url, float(seconds))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
