"""A desk over a store in memory, a gate that is told what to say, and what both were asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from llmkit._control.billing.charge import Begin, Charge, Finish
from llmkit._control.billing.entitlement import Check, Entitlement
from llmkit._control.billing.identity import Identity
from llmkit._control.billing.terms import Terms
from llmkit._io._observe import Observers
from llmkit._outbox import Bill, ReadBills
from llmkit.billing._desk import Desk
from llmkit.stores import MemoryStore

AT = 1_763_780_000_123
WHOSE = {"subscription": ("s1",)}


class FakeGate:
    """Allows, or says what it is told to; writes down what it is asked."""

    def __init__(self, answer: Entitlement | BaseException | None = None) -> None:
        self.answer = answer
        self.asked: list[Check] = []
        self.log: list[tuple[Any, ...]] = []
        self.reserved: dict[str, Decimal | None] = {}

    def perform(self, operation: Check) -> Entitlement:
        self.asked.append(operation)
        if isinstance(self.answer, BaseException):
            raise self.answer
        found = self.answer
        if found is None:
            found = Entitlement(True, subscription="s1", reserved=operation.usd)
        if found.allowed and operation.reserve is not None:
            self.reserved[operation.reserve] = operation.usd
        return found

    async def aperform(self, operation: Check) -> Entitlement:
        await asyncio.sleep(0)
        return self.perform(operation)

    def written(self, call: str) -> None:
        self.log.append(("written", call))

    def raised(self, call: str, usd: Decimal | None) -> bool:
        raise AssertionError("a desk checks again")

    def settled(self, call: str, usd: Decimal | None) -> None:
        self.reserved.pop(call, None)
        self.log.append(("settled", call, usd))


class Outbox:
    """A store in memory that can fail, or be given up in the middle, before or after it has done its work."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.done: list[Any] = []
        self.failures: dict[type, list[tuple[str, BaseException]]] = {}

    def perform(self, operation: Any) -> Any:
        failing = self.failures.get(type(operation))
        when, failure = failing.pop(0) if failing else ("", None)
        if failure is not None and when == "before":
            raise failure
        self.done.append(operation)
        answer = self.store.perform(operation)
        if failure is not None:
            raise failure
        return answer

    async def aperform(self, operation: Any) -> Any:
        await asyncio.sleep(0)
        return self.perform(operation)

    def bills(self, *states: Any) -> tuple[Bill, ...]:
        found: tuple[Bill, ...] = self.store.perform(ReadBills(states or None))
        return found


class World:
    """A desk in one colour, with all that it talks to."""

    def __init__(
        self,
        colour: str = "sync",
        terms: Terms | None = None,
        identity: Identity | None = None,
        gate: FakeGate | None = None,
    ) -> None:
        self.outbox, self.gate = Outbox(), gate
        self.told: list[Any] = []
        self.woken: list[int] = []
        self.colour = colour
        self.desk = Desk(
            Terms() if terms is None else terms,
            Identity() if identity is None else identity,
            self.outbox,
            observers=Observers([self.told.append]),
            gate=gate,
            wake=self.woken.append,
        )

    def perform(self, operation: Begin | Finish) -> Any:
        """Perform it in this world's colour."""
        if self.colour == "sync":
            return self.desk.perform(operation)
        return asyncio.run(self.desk.aperform(operation))

    def run(self, flow: Any) -> Any:
        """Run a flow in this world's colour."""
        return self.desk.run(flow) if self.colour == "sync" else asyncio.run(self.desk.arun(flow))

    def both(self, sync: Callable[[], Any], coroutine: Callable[[], Any]) -> Any:
        """Call one of two methods, by the colour."""
        return sync() if self.colour == "sync" else asyncio.run(coroutine())


def begin(call: str = "c1", usd: str | None = "0.5", **changed: Any) -> Begin:
    """A call that begins."""
    bound = None if usd is None else Decimal(usd)
    made = Begin(call, WHOSE, "openai", "gpt-4o", "chat", 60_000, bound)
    return made._replace(**changed)


def charge(call: str = "c1", usd: str | None = "0.0042", **changed: Any) -> Charge:
    """What it is billed for."""
    cost = None if usd is None else Decimal(usd)
    made = Charge(call, AT, "completed", "openai", "gpt-4o", "chat", cost, "exact")
    return made._replace(**{"usage": {"prompt_tokens": 10}, **changed})


def finish(call: str = "c1", *charges: Charge, **changed: Any) -> Finish:
    """A call that has ended."""
    return Finish(call, WHOSE, charges or (charge(call),))._replace(**changed)
