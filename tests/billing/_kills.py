"""A world in which workers are killed: a provider, a Lago, an outbox, and what is compared in the end."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from llmkit._outbox import Bill, ReadBills
from llmkit.testing import FakeLago, Simulator
from llmkit.testing._answer import answer
from llmkit.testing._lago._books import Event
from llmkit.testing._lago._faults import LagoFault

from ._killed import billing_of, store_of

ROOT = Path(__file__).parents[2]
GENERATION = 70.0
"""Seconds by which each worker's clock is ahead of the one before it: what that one had leased is over."""
LATER = 4000.0
RATE = 1_000_000


class Place(NamedTuple):
    """A folder, where a worker finds its outbox, and how Lago keeps events."""

    folder: Path
    outbox: dict[str, str]
    lago: Any


class Told(NamedTuple):
    """A call that has returned to whoever made it."""

    worker: str
    fate: str
    nonce: str
    call: str
    usd: Decimal


class Verdict(NamedTuple):
    """What it came to."""

    told: int
    events: int
    unknown: int
    deduped: int


class World:
    """Provider, Lago, outbox and workers."""

    def __init__(self, place: Place, lago: FakeLago, provider: Simulator) -> None:
        self.lago, self.provider = lago, provider
        self.dice = random.Random(f"{place.folder.name}-{lago.store}")
        self.log = place.folder / "log"
        self.log.touch()
        self.spec: dict[str, Any] = {
            **place.outbox,
            "log": str(self.log),
            "lago": lago.api_url,
            "key": lago.api_key,
            "provider": provider.base_url,
            "ahead": 0.0,
        }
        command = [sys.executable, "-m", "tests.billing._killed"]
        pipe = subprocess.PIPE
        self.forks = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self.kills = self.started = 0

    def start(self, name: str, way: str, calls: int = 10_000, **more: Any) -> int:
        """A worker; its process's number."""
        spec = {**self.spec, "name": name, "way": way, "calls": calls, **more}
        assert self.forks.stdin is not None
        assert self.forks.stdout is not None
        self.forks.stdin.write(json.dumps(spec) + "\n")
        self.forks.stdin.flush()
        pid = int(self.forks.stdout.readline())
        self.until(lambda: self.said(name, "ready"), name)
        return pid

    def said(self, name: str, *words: str) -> bool:
        """Whether a worker has said this."""
        return f"{' '.join((name, *words))}" in self.log.read_text()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for it, looking all the time."""
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, f"too slow: {what}"
            time.sleep(0.0005)

    def next(self) -> None:
        """Whatever was leased by now is over."""
        self.spec["ahead"] += GENERATION

    def kill_one(self) -> str:
        """Start a worker and kill it at some moment; which. One that has ended before does not count."""
        while (moment := self._killed()) is None:
            pass
        self.kills += 1
        return moment

    def _killed(self) -> str | None:
        self.next()
        self.started += 1
        name = f"w{self.started}"
        moment = [*MOMENTS][self.started % len(MOMENTS)]
        calls = self.dice.choice((1, 2, 4)) if moment == "closing" else 10_000
        pid = self.start(name, self.dice.choice(("threads", "async")), calls)
        MOMENTS[moment](self, name)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            assert self.said(name, "left 0"), f"{name} has failed by itself"
            return None
        self.until(lambda: not _runs(pid), "its end")
        return moment

    def end(self) -> None:
        """Nobody is left."""
        assert self.forks.stdin is not None
        self.forks.stdin.close()
        self.forks.wait(30)
        assert self.forks.stdout is not None
        self.forks.stdout.close()

    # --- what is compared ---------------------------------------------------------------------

    def told(self) -> list[Told]:
        """The calls that have returned, as their makers have written them down."""
        lines = (line.split() for line in self.log.read_text().splitlines())
        return [
            Told(w, f, n, c, Decimal(usd)) for w, f, n, c, usd in (x for x in lines if len(x) == 5)
        ]

    def sent(self) -> list[str]:
        """The ids of what Lago was sent, as often as it was."""
        asked = tuple(self.lago.requests)
        batches = (json.loads(one.body)["events"] for one in asked if one.path.endswith("/batch"))
        return [event["transaction_id"] for batch in batches for event in batch]

    def asked(self) -> set[str]:
        """What the provider was asked."""
        return {one.json()["messages"][0]["content"] for one in tuple(self.provider.requests)}

    def drained(self) -> int:
        """Send what is left, when all leases are over; how many of all were there already."""
        self.lago.heal()
        self.spec["ahead"] += LATER
        with billing_of(self.spec, background=False) as lago:
            flushed = lago.flush()
            assert (flushed.left, flushed.dead) == (0, 0), flushed
            stats = lago.stats()
        assert (stats.queued, stats.calls, stats.dead, stats.unpriced, stats.held) == (0,) * 5, (
            stats
        )
        return stats.deduped

    def unknown(self) -> list[Bill]:
        """Calls of which nobody knows what became of them."""
        store = store_of(self.spec)
        found: tuple[Bill, ...] = store.perform(ReadBills(("unknown",), limit=10**6))
        store.close()
        return list(found)

    def judge(self, most_unknown: int) -> Verdict:
        """Nothing is lost and nothing is double."""
        deduped = self.drained()
        events: list[Event] = self.lago.events
        by_id = {event.transaction_id: event for event in events}
        assert len(by_id) == len(events), "an event was billed twice"
        told, asked, unknown = self.told(), self.asked(), self.unknown()
        for one in told:
            event = by_id.get(f"{one.call}:askii_coins")
            assert event is not None, f"lost: {one}"
            assert Decimal(event.properties["askii_coins"]) == one.usd * RATE, (one, event)
        billed = [event.properties["nonce"] for event in events]
        vague = [json.loads(bill.facts)["properties"]["nonce"] for bill in unknown]
        assert len(set(billed)) == len(billed), "a call was billed twice"
        assert not set(billed) & set(vague), "a call is billed, and unknown"
        assert set(billed) <= asked, "a call was billed that never was"
        assert asked <= {*billed, *vague}, f"silently gone: {asked - {*billed, *vague}}"
        assert len(vague) <= most_unknown, "calls that were not under way are unknown"
        assert self.lago.units("sub") == sum(
            Decimal(event.properties["askii_coins"]) for event in events
        )
        return Verdict(len(told), len(events), len(unknown), deduped)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _sometime(world: World, _: str) -> None:
    time.sleep(world.dice.uniform(0, 0.25))


def _asked(world: World, name: str) -> None:
    """While the provider answers, or just before, or behind it."""
    many = len(world.provider.requests) + world.dice.randrange(1, 9)
    world.until(lambda: len(world.provider.requests) >= many, f"{name}: asked")
    time.sleep(world.dice.uniform(0, 0.012))


def _posted(world: World, name: str) -> None:
    """Lago has something, and has not said so; or it has, and nobody has written that down."""
    many = len(world.lago.requests) + world.dice.randrange(1, 4)
    world.until(lambda: len(world.lago.requests) >= many, f"{name}: posted")
    time.sleep(world.dice.uniform(0, 0.02))


def _closing(world: World, name: str) -> None:
    world.until(lambda: world.said(name, "closing"), f"{name}: closing")
    time.sleep(world.dice.uniform(0, 0.03))


MOMENTS: dict[str, Callable[[World, str], None]] = {
    "sometime": _sometime,
    "asked": _asked,
    "posted": _posted,
    "closing": _closing,
}


@contextmanager
def world_of(place: Place) -> Iterator[World]:
    """A world, both of whose ends are slow enough for somebody to be killed while they answer."""
    dice = random.Random(7)

    def slowly(asked: Any) -> Any:
        time.sleep(dice.uniform(0, 0.012))
        return answer(asked)

    with FakeLago(store=place.lago) as lago, Simulator(say=slowly) as provider:
        lago.furnish("sub")
        lago.fail_always(LagoFault(after=0.01))
        world = World(place, lago, provider)
        try:
            yield world
        finally:
            world.end()
