"""A store that fails when it is told to, a clock that is moved by hand, and flows run by the real drivers."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llmkit._control.budget.outage import LetGo, Outage
from llmkit._io._observe import Observers
from llmkit._io.aio import AsyncDriver
from llmkit._io.stores.catch_up import CatchUp
from llmkit._io.sync import SyncDriver
from llmkit._operations import (
    Attribution,
    Audit,
    Claim,
    Reserve,
    Reserved,
    SettleHold,
    Window,
)
from llmkit.errors import StoreUnavailableError
from llmkit.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from llmkit._flow import Flow

COLOURS = ("sync", "async")
START = 1_790_000_000
ACCOUNT = "usd:total:global"
MONTHLY = "usd:month:user=ann"
PARALLEL = "parallel:total:global"
DAY = 86_400_000
WHOSE = Attribution(("global", "user=ann"), "acme", "large", "call-1")


class Clock:
    """Seconds of Unix time, and seconds that only go forward."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now

    @property
    def ms(self) -> int:
        """The time as stores count it."""
        return int(self.now * 1000)


class Flaky:
    """A memory store that fails: ``how`` is None, "before" (nothing is done) or "after" (only the answer is lost)."""

    def __init__(self, clock: Clock, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore(clock=clock)
        self.how: str | None = None
        self.refuses: Callable[[Any], Exception | None] = lambda _: None
        self.asked: list[Any] = []

    def perform(self, operation: Any) -> Any:
        self.asked.append(operation)
        if self.how == "before":
            raise StoreUnavailableError("connection refused")
        if (error := self.refuses(operation)) is not None:
            raise error
        answer = self.store.perform(operation)
        if self.how == "after":
            raise StoreUnavailableError("connection reset")
        return answer


class World:
    """One machine: a store, a catch-up file, and as many processes' outages as are wanted."""

    def __init__(self, folder: Path, colour: str = "sync") -> None:
        self.clock = Clock()
        self.store = Flaky(self.clock)
        self.path = folder / "catch-up.db"
        self.colour = colour
        self.events: list[Any] = []
        self.disk = CatchUp(self.path, clock=self.clock)

    def outage(self, *, disk: Any = True, **more: Any) -> Outage:
        """A process's own."""
        catch_up = self.disk if disk is True else disk
        return Outage(self.store, catch_up=catch_up, clock=self.clock, **more)

    def run(self, flow: Flow[Any]) -> Any:
        """Run a flow to its end, in this world's colour."""
        observers = Observers((self.events.append,))
        nothing: Any = None
        if self.colour == "sync":
            return SyncDriver(nothing, observers, nothing).run(flow)
        return asyncio.run(AsyncDriver(nothing, observers, nothing, nothing).run(flow))

    def told(self, kind: type) -> list[Any]:
        """The events of a kind, so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def ask(self, hold: str, usd: str = "1", limit: str | None = None) -> Reserve:
        """A hold on money for ever, money of the month, and a place among parallel requests."""
        day = self.clock.ms // DAY * DAY
        month = Window(0, (day - 30 * DAY, day, day + 30 * DAY))
        amount, most = Decimal(usd), None if limit is None else Decimal(limit)
        claims = (
            Claim(ACCOUNT, Window(), amount, most),
            Claim(MONTHLY, month, amount),
            Claim(PARALLEL, Window(), Decimal(1), keep=False),
        )
        return Reserve(hold, claims, 60_000, amount, WHOSE)

    def reserve(self, outage: Outage, ask: Reserve) -> Reserved | LetGo:
        """Take a hold, or be let go."""
        answer: Reserved | LetGo = self.run(outage.reserve(ask, self.clock.ms))
        return answer

    def settle(self, outage: Outage, ask: Reserve, answer: Reserved | LetGo, usd: str) -> Any:
        """It cost so much."""
        return self.run(outage.settle(spent(ask, usd), ask, answer))

    def total(self, account: str = ACCOUNT) -> tuple[Decimal, Decimal]:
        """(spent, held) in all."""
        counters = self.store.store._rows.counters(account, 0)
        return (
            sum((spent for _, spent, _ in counters), Decimal(0)),
            sum((held for _, _, held in counters), Decimal(0)),
        )

    def balanced(self) -> bool:
        """Whether the ledger equals the balances."""
        return not self.store.store.perform(Audit()).differences


def spent(ask: Reserve, usd: str) -> SettleHold:
    """A settlement at so much."""
    amount = Decimal(usd)
    return SettleHold(ask.hold, "settle", (amount, amount, Decimal(0)), amount, 10, 5)


def nothing_sent(ask: Reserve) -> SettleHold:
    """A release."""
    return SettleHold(ask.hold, "release", (Decimal(0),) * 3, Decimal(0))
