"""A desk that only writes down what it is told, and a client of a scripted server that is billed by it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import anyio
from typing_extensions import override

import llmkit
from llmkit import RetryPolicy
from llmkit._control.billing.charge import Begin, Begun, Charge, Finish, Finished
from llmkit._settlements import Settle
from llmkit.errors import BillingError, NotEntitledError
from llmkit.events import CallFinished

from ..io._colour import KEY, MESSAGES, MODEL
from ..io._server import Answer, Server

__all__ = ["ASK", "COST", "Billing", "Desk", "Ordered", "World", "billed"]

ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}
COST = Decimal("0.00000315")
"""9 tokens in and 3 out, at 0.15 and 0.60 USD for a million."""


class Desk:
    """Writes down what it is told. ``answers``: what it does instead, in turn, and then as always."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.told: list[Any] = []
        self._log = [] if log is None else log
        self.refused: list[Any] = []
        """What it has said no to: of this nothing is there."""
        self.drain_seconds = 0.0
        self.batch_results = False
        self.instead: list[Any] = []
        self.before: Callable[[Any], None] = lambda _: None
        self.waits = False
        """Whether async code has to wait for it, before and after."""

    def perform(self, operation: Any) -> Any:
        """Write it down."""
        self.before(operation)
        self.told.append(operation)
        self._log.append(operation)
        given = self.instead.pop(0) if self.instead else None
        if isinstance(given, BaseException):
            if isinstance(given, NotEntitledError | BillingError):
                self.refused.append(operation)
            raise given
        return Begun("sub") if isinstance(operation, Begin) else Finished()

    async def aperform(self, operation: Any) -> Any:
        """The same; cancelled in the middle of a wait, it may have been done or not."""
        if self.waits:
            await anyio.lowlevel.checkpoint()
        found = self.perform(operation)
        if self.waits:
            await anyio.lowlevel.checkpoint()
        return found

    @property
    def begins(self) -> list[Begin]:
        """How calls were begun, in order."""
        return [each for each in self.told if isinstance(each, Begin)]

    @property
    def finishes(self) -> list[Finish]:
        """How they were finished."""
        return [each for each in self.told if isinstance(each, Finish)]

    @property
    def charges(self) -> list[Charge]:
        """What they were charged for."""
        return [charge for finish in self.finishes for charge in finish.charges]

    def check(self) -> None:
        """What has begun has been finished, in one way only, whatever happened; and no charge has another's id."""
        ends: dict[str, set[tuple[Charge, ...]]] = {}
        for finish in self.finishes:
            ends.setdefault(finish.call, set()).add(tuple(map(_frozen, finish.charges)))
        begun = [begin.call for begin in self.begins if begin not in self.refused]
        assert set(begun) <= set(ends)
        assert [call for call, ways in ends.items() if len(ways) > 1] == []
        ids = Counter(charge.id for ways in ends.values() for way in ways for charge in way)
        assert [id_ for id_, count in ids.items() if count > 1] == []


def _frozen(charge: Charge) -> Charge:
    return charge._replace(usage=repr(charge.usage))  # type: ignore[arg-type]


class Billing:
    """What a client is given."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk


class Ordered(llmkit.MemoryLedger):
    """A ledger that writes settlements down into a log, too."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__(keep=100_000)
        self._log = log

    @override
    def perform(self, operation: Any) -> Any:
        if isinstance(operation, Settle):
            self._log.append(operation.settlement)
        return super().perform(operation)


class World:
    """A server, a desk, and a client that is billed; ``log``: everything that desk, ledger and callbacks were told."""

    def __init__(self, server: Server, **options: Any) -> None:
        self.server = server
        self.log: list[Any] = []
        self.desk = Desk(self.log)
        given = {
            "api_key": KEY,
            "base_url": server.url,
            "retry": RetryPolicy(retries=0, first_wait=0.001),
            "ledger": Ordered(self.log),
            "callbacks": (self.log.append,),
            "billing": Billing(self.desk),
        }
        self.client = llmkit.Client(**{**given, **options})

    def answer(self, *answers: Answer) -> None:
        """Let the server answer with these; the last of them ever after."""
        self.server._script.clear()
        self.server.script(*answers[:-1]).default = answers[-1]

    @property
    def charges(self) -> list[Charge]:
        """What was charged."""
        return self.desk.charges

    def charge(self) -> Charge:
        """The only charge of the only call."""
        assert len(self.desk.finishes) == 1, self.log
        (charge,) = self.charges
        return charge

    def kinds(self) -> list[str]:
        """The log, by the names of what is in it; of the callbacks only the last event of calls."""
        names = [type(each).__name__ for each in self.log]
        kept = ("Begin", "Finish", "Settlement", "CallFinished")
        return [name for name in names if name in kept]

    def check(self) -> None:
        """Every call has one settlement, one last event and one finish of its billing, in this order."""
        self.desk.check()
        settled = [s.call_id for s in self.client.ledger.settlements]
        told = [e.settlement.call_id for e in self.log if isinstance(e, CallFinished)]
        assert Counter(settled) == Counter(told)
        assert max(Counter(settled).values(), default=1) == 1


@contextmanager
def billed(*answers: Answer, **options: Any) -> Iterator[World]:
    """A world whose server answers with these."""
    with Server() as server:
        world = World(server, **options)
        if answers:
            world.answer(*answers)
        yield world
        world.check()
        world.client.close()


def threads() -> set[str]:
    """The names of this process's threads."""
    return {thread.name for thread in threading.enumerate()}


def ids(charges: Sequence[Charge]) -> list[str]:
    """What follows the call's id in the charges' ids."""
    return [charge.id.partition("-")[2] for charge in charges]
