"""What the tests of outboxes share: bills, outboxes that fail when told to, what was told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmkit._outbox import OUTBOX, Bill, Conclude, Count, Intend, ReadBills
from llmkit.billing._quarantine import Outbox
from llmkit.errors import StoreError, StoreUnavailableError
from llmkit.stores import MemoryStore, SQLiteStore

USD = Decimal("0.25")


def bill(name: str, **more: Any) -> Bill:
    """A queued bill of the call before the colon."""
    call = name.partition(":")[0]
    body = f'{{"transaction_id":"{name}"}}'
    given: dict[str, Any] = {"usd": USD} | more
    return Bill(name, call, "queued", "sub", "m", 5, body, **given)


def intend(call: str) -> Intend:
    return Intend(call, "sub", "{}", 60_000, USD)


def conclude(call: str) -> Conclude:
    return Conclude(call, (bill(f"{call}:m"),))


def ids(outbox: Any) -> list[str]:
    """Of all bills and intents that are there, in their order."""
    return [one.id for one in outbox.perform(ReadBills())]


def states(outbox: Any) -> dict[str, int]:
    return dict(outbox.perform(Count()).states)


class Failing(MemoryStore):
    """A store that fails, or waits, when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: StoreError | None = None
        self.asked = 0

    def perform(self, operation: Any) -> Any:
        """Fail first."""
        if type(operation) in OUTBOX:
            self.asked += 1
            if self.failure is not None:
                raise self.failure
        return super().perform(operation)


class Asked:
    """An outbox in one of both colours."""

    def __init__(self, colour: str, outbox: Outbox) -> None:
        self.outbox = outbox
        self.colour = colour

    def perform(self, operation: Any) -> Any:
        if self.colour == "sync":
            return self.outbox.perform(operation)
        return asyncio.run(self.outbox.aperform(operation))

    def recover(self) -> None:
        if self.colour == "sync":
            self.outbox.recover()
        else:
            asyncio.run(self.outbox.arecover())


class Hands:
    """A clock that is moved by waiting only."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.slept: list[float] = []
        self.at_sleep: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def sleep(self, seconds: float, wake: Any = None) -> None:
        self.slept.append(seconds)
        self.time += seconds
        self.at_sleep()

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


def away() -> StoreUnavailableError:
    return StoreUnavailableError("it finds no room on its disk")


def filled(path: Path, calls: int = 120) -> None:
    """A file with so many queued bills, and an intent."""
    store = SQLiteStore(path)
    for number in range(calls):
        facts = '{"x":"%s"}' % ("y" * 600)
        store.perform(Conclude(f"c{number}", (bill(f"c{number}:m", facts=facts),)))
    store.perform(intend("under_way"))
    store.close()


def sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with it."""
    connection = sqlite3.connect(path)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    finally:
        connection.close()
