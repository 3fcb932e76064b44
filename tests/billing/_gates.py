"""A gate over a fake Lago without sockets, on a clock that stands still: what the gates' tests are made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmkit._control.billing.asking import Asking, Authorizing
from llmkit._control.billing.available import Rules
from llmkit._control.billing.deciding import Room
from llmkit._control.billing.entitlement import Check, Entitlement
from llmkit._control.billing.lago import Lago
from llmkit._io._observe import Observers
from llmkit._outbox import Bill, Conclude, Intend
from llmkit._secret import Secret
from llmkit.billing._cells import Ages
from llmkit.billing._gate import EntitlementGate
from llmkit.billing._link import Link
from llmkit.billing._pacer import Pacer
from llmkit.stores import MemoryStore
from llmkit.testing import FakeLago, FrozenClock

CODE = "askii_coins"
RATE = Decimal(1_000_000)
OURS: dict[str, Any] = {"codes": frozenset({CODE}), "rates": {CODE: RATE}}


class World:
    """A Lago with one customer, ``cus_1``, and his subscription, ``sub_1``; an outbox; a clock."""

    def __init__(self, balance_cents: int | None = 1000, **fake: Any) -> None:
        self.clock = FrozenClock()
        self.lago = FakeLago(clock=self.clock, **fake)
        self.lago.furnish("sub_1", balance_cents=balance_cents)
        self.store: Any = MemoryStore(clock=self.clock.wall)
        self.told: list[Any] = []
        self.number = 0

    def asking(self, **rules: Any) -> Asking:
        """Who is asked."""
        authorizing = rules.pop("authorizing", None)
        timeout = rules.pop("timeout", 10.0)
        rates = rules.pop("pace", {"usage": 200, "other": 50})
        key = rules.pop("key", Secret(self.lago.api_key))
        lago = Lago(self.lago.api_url, key)
        pacer = Pacer(rates, self.clock.now)
        return Asking(
            lago,
            Rules(**{**OURS, **rules}),
            pacer,
            self.clock.now,
            self.clock.wall,
            timeout,
            Authorizing(authorizing) if authorizing else None,
        )

    def link(self, send: Any = None) -> Link:
        """What runs flows."""
        observers = Observers([self.told.append])
        return Link(self.store, observers, clock=self.clock, send=send or self.lago.answer)

    def gate(self, send: Any = None, **options: Any) -> EntitlementGate:
        """A gate; options of its rules and ages, its room and its own."""
        given = {
            name: options.pop(name)
            for name in ("policy", "feature", "unseen", "most", "call")
            if name in options
        }
        ages = Ages(**{k: options.pop(k) for k in ("fresh", "stale", "negative") if k in options})
        room = Room(**{k: options.pop(k) for k in ("overshoot", "unbounded") if k in options})
        return EntitlementGate(
            self.asking(**options), self.link(send), ages=ages, room=room, **given
        )

    def asked(self, path: str = "") -> int:
        """How many requests were made of paths that have this in them."""
        return sum(path in request.path for request in self.lago.requests)

    def call(self, gate: EntitlementGate, usd: str, cost: str | None, **whose: str) -> Entitlement:
        """A call as the desk makes it: checked, written down, concluded with its bill, settled."""
        self.number += 1
        name = f"call-{self.number}"
        found = self.begin(gate, name, usd, **whose)
        if found:
            self.end(gate, name, found.subscription, cost)
        return found

    def begin(self, gate: EntitlementGate, name: str, usd: str, **whose: str) -> Entitlement:
        """Its first half."""
        whose = whose or {"customer": "cus_1"}
        found = gate.perform(Check(**whose, usd=Decimal(usd), reserve=name))
        if found:
            intent = Intend(name, found.subscription, "{}", 660_000, found.reserved)
            self.store.perform(intent)
            gate.written(name)
        return found

    def end(
        self, gate: EntitlementGate, name: str, subscription: str, cost: str | None
    ) -> Bill | None:
        """Its second half."""
        usd = None if cost is None else Decimal(cost)
        made = None if usd is None else bill(name, subscription, usd, self.clock.wall())
        self.store.perform(Conclude(name, () if made is None else (made,)))
        gate.settled(name, usd)
        return made


def bill(call: str, subscription: str, usd: Decimal, at: float) -> Bill:
    """A bill of so many dollars."""
    units = usd * RATE
    moment = int(at * 1000)
    body = (
        f'{{"transaction_id":"{call}:{CODE}","external_subscription_id":"{subscription}","code":"{CODE}",'
        f'"timestamp":"{moment // 1000}.{moment % 1000:03}","properties":{{"{CODE}":"{units:f}"}}}}'
    )
    return Bill(
        f"{call}:{CODE}", call, "queued", subscription, CODE, moment, body, units=units, usd=usd
    )
