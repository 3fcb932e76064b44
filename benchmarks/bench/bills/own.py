"""llmkit's own figures of billing: what a call pays at the desk, what an entitlement takes, an hour's outage."""

from __future__ import annotations

import contextlib
import importlib
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.bills.contestants import SUBSCRIPTION
from bench.section import Table
from llmkit._control.billing.charge import Begin, Charge, Finish
from llmkit.billing import LagoBilling
from llmkit.testing import FakeLago, FrozenClock

WHO = {"subscription": (SUBSCRIPTION,)}
USED = {"prompt_tokens": 24, "completion_tokens": 200}
COST = Decimal("0.0001236")
HOUR = 3600.0
CALLS = 100_000
TESTS = Path(__file__).resolve().parents[3] / "tests"


def call(billing: LagoBilling, name: str, at: int) -> None:
    """What a call says to billing: that it begins, and what it came to."""
    billing.desk.perform(
        Begin(name, WHO, "openai", "gpt-4o-mini", "chat", 600_000, Decimal("0.001"))
    )
    charge = Charge(
        name, at, "completed", "openai", "gpt-4o-mini", "chat", COST, "exact", usage=USED
    )
    billing.desk.perform(Finish(name, WHO, (charge,)))


# --- what a call pays ---------------------------------------------------------------------------


def cost(folder: str, calls: int) -> Table:
    """Begin and finish, alone, by where the outbox is; all take turns."""
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        opened = {name: stack.enter_context(one) for name, one in _billings(stack, place)}
        times: dict[str, list[float]] = {name: [] for name in opened}
        for number in range(-50, calls):
            for name, billing in opened.items():
                began = time.perf_counter()
                call(billing, f"call_{number + 50}", int(time.time() * 1000))
                if number >= 0:
                    times[name].append(time.perf_counter() - began)
    rows = [(name, *_microseconds(found)) for name, found in times.items()]
    return Table(("begin and finish, µs", "median", "p90", "p99"), rows)


def _billings(stack: contextlib.ExitStack, place: Path) -> Iterator[tuple[str, LagoBilling]]:
    lago = stack.enter_context(FakeLago())
    lago.furnish(SUBSCRIPTION)

    def made(**options: Any) -> LagoBilling:
        return LagoBilling(
            lago.api_url,
            lago.api_key,
            background=False,
            entitlement=None,
            close_seconds=60,
            **options,
        )

    yield "outbox in memory", made()
    yield "SQLite, crash", made(outbox=place / "crash.db")
    yield "SQLite, power", made(outbox=place / "power.db", durability="power")
    yield "PostgreSQL", made(outbox=_postgres(stack))


def _postgres(stack: contextlib.ExitStack) -> str:
    sys.path.insert(0, str(TESTS))
    server = importlib.import_module("stores._postgres").PostgresServer(fsync="on")
    stack.callback(server.remove)
    server.start()
    address: str = server.dsn()
    return address


# --- entitlements -------------------------------------------------------------------------------


def warm(calls: int) -> Table:
    """Entitlements that are known: no request, and no look at the outbox."""
    with FakeLago() as lago:
        lago.furnish(SUBSCRIPTION, balance_cents=100_000)
        with LagoBilling(lago.api_url, lago.api_key, background=False) as billing:
            billing.check_entitlement(subscription=SUBSCRIPTION)
            asked, times = len(lago.requests), []
            for _ in range(10 * calls):
                began = time.perf_counter()
                found = billing.check_entitlement(subscription=SUBSCRIPTION, usd="0.001")
                times.append(time.perf_counter() - began)
            assert found.allowed  # noqa: S101 - else it is something else that was measured
            requests = len(lago.requests) - asked
    heads = ("an entitlement that is warm, µs", "median", "p90", "p99", "requests")
    return Table(heads, [("check_entitlement", *_microseconds(times), str(requests))])


# --- an hour's outage ---------------------------------------------------------------------------


class Outage:
    """Calls on a clock of their own, and the sender's rounds where its thread would have them."""

    def __init__(self, outbox: Path) -> None:
        self.clock = FrozenClock(at=1_795_316_000.0)
        self.lago = FakeLago(clock=self.clock)
        self.lago.furnish(SUBSCRIPTION)
        self.billing = LagoBilling(
            self.lago.api_url, self.lago.api_key, outbox=outbox, clock=self.clock,
            send=self.lago.answer, background=False, entitlement=None,
        )  # fmt: skip
        self._due = 0.0

    def step(self, seconds: float) -> None:
        """Let time pass; send what is due."""
        self.clock.advance(seconds)
        if self.clock.now() >= self._due:
            rest, more = self.billing._works.deliver()  # noqa: SLF001 - what its thread does
            self._due = self.clock.now() + (rest if more else 1.0)

    def drain(self) -> float:
        """Send until nothing is left; the seconds of the clock that it took."""
        began = self.clock.now()
        while self.billing.stats().queued:
            self.step(max(0.0, self._due - self.clock.now()))
        return self.clock.now() - began


def outage(folder: str) -> Table:
    """100,000 calls within an hour in which Lago is away; then it is back."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        world = Outage(Path(place) / "outbox.db")
        world.lago.down()
        began = time.perf_counter()
        peaks = [_peak(world, part) for part in range(10)]
        tried = len(world.lago.requests)
        world.lago.up()
        seconds = world.drain()
        counted = world.lago.charged(SUBSCRIPTION)
        spent = time.perf_counter() - began
        rows = _told(world, peaks, tried, seconds)
        world.billing.close()
    if counted.events != CALLS or counted.units != CALLS * COST * 10**6:
        raise SystemExit(f"{counted} of {CALLS} calls: that is wrong")
    rows.append(("really passed, s", f"{spent:.0f}"))
    return Table((f"{CALLS:,} calls through an hour's outage, in a file", ""), rows)


def _peak(world: Outage, part: int) -> float:
    """A tenth of the calls; the most memory that was allocated by Python meanwhile, in MB."""
    many = CALLS // 10
    tracemalloc.start()
    for number in range(part * many, (part + 1) * many):
        call(world.billing, f"call_{number}", int(world.clock.wall() * 1000))
        world.step(HOUR / CALLS)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


def _told(world: Outage, peaks: list[float], tried: int, seconds: float) -> list[tuple[str, ...]]:
    batches = len(world.lago.requests) - tried
    return [
        ("calls billed", f"{world.lago.charged(SUBSCRIPTION).events:,}"),
        ("requests during the outage", f"{tried:,}"),
        ("requests after it", f"{batches:,}"),
        ("seconds (of its clock) until all were delivered", f"{seconds:.0f}"),
        ("most requests in a second of that", f"{_most(world, tried)}"),
        ("peak of memory, first tenth of the calls, MB", f"{peaks[0]:.1f}"),
        ("peak of memory, last tenth, MB", f"{peaks[-1]:.1f}"),
    ]


def _most(world: Outage, tried: int) -> int:
    seconds = [int(one.at) for one in world.lago.requests[tried:]]
    return max(map(seconds.count, set(seconds)), default=0)


def _microseconds(times: list[float]) -> tuple[str, ...]:
    cuts = statistics.quantiles(times, n=100)
    return tuple(
        f"{1e6 * figure:,.0f}" for figure in (statistics.median(times), cuts[89], cuts[98])
    )
