"""A gate through anything: checks, ends of calls, deliveries, lags, outages, invoices, restarts, in any order.

Whatever happens, what it lets out never passes the balance, and what it says is left is never more than there is.
"""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from llmkit._control.billing.entitlement import Check
from llmkit._outbox import Conclude, Intend, Mark, Marked, Owing, Take

from ._gates import World, bill

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmkit._http import HTTPRequest, HTTPResponse

D = Decimal
FULL = bool(os.environ.get("LLMKIT_FULL"))
UNSEEN = 60.0
FOR_EVER = 10**12
NEVER = 2**53 - 1
# Whole cents, and their halves: what an invoice rounds is nobody's to reckon with before it is made.
AMOUNTS = st.sampled_from(["1", "2.26", "4", "0.5", "0.02", "0"])
SHARES = st.sampled_from(["1", "0.5", "0"])


class _Watched:
    """The outbox, which lets something happen around a question of what is owed."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def perform(self, operation: Any) -> Any:
        """Perform it."""
        # The first question is for the time alone.
        counts = isinstance(operation, Owing) and operation.since < NEVER
        if counts:
            self._machine.happen("before owing")
        found = self._machine.world.store.perform(operation)
        if counts:
            self._machine.happen("after owing")
        return found


class Machine(RuleBasedStateMachine):
    """One process at a time, one customer with two subscriptions, one wallet."""

    @initialize(
        balance=st.sampled_from([1000, 250, 0]),
        overshoot=st.sampled_from(["0", "0.5"]),
        fresh=st.sampled_from([5.0, 30.0]),
        negative=st.sampled_from([0.5, 5.0]),
    )
    def begin(self, balance: int, overshoot: str, fresh: float, negative: float) -> None:
        """Set it up."""
        self.world = World(balance_cents=balance)
        self.world.lago.furnish("sub_2")
        self.balance, self.overshoot = D(balance) / 100, D(overshoot)
        self.ages = {"fresh": fresh, "stale": 4 * fresh, "negative": negative}
        self.spent = D(0)
        self.billed: dict[str, Decimal] = {}
        self.open: dict[str, tuple[str, Decimal, bool]] = {}
        self.lagging: float | None = None
        self.meanwhile: dict[str, Callable[[], None]] = {}
        self.number = 0
        self.restart()

    @rule()
    def restart(self) -> None:
        """The process is killed: its calls go on at the provider, nobody settles them here any more."""
        self.open = {call: (sub, usd, False) for call, (sub, usd, _) in self.open.items()}
        self.gate = self.world.gate(
            send=self.send, overshoot=self.overshoot, unseen=UNSEEN, **self.ages
        )
        self.gate._link.outbox = _Watched(self)

    def send(self, request: HTTPRequest) -> HTTPResponse:
        """Ask Lago; something may happen before it answers, and after."""
        word = "usage" if "current_usage" in request.url else "other"
        self.happen(f"before {word}")
        answer = self.world.lago.answer(request)
        self.happen(f"after {word}")
        return answer

    def happen(self, when: str) -> None:
        """What was to happen now."""
        if (what := self.meanwhile.pop(when, None)) is not None:
            what()

    # --- rules -------------------------------------------------------------------------------

    @rule(usd=AMOUNTS, who=st.sampled_from(["1", "2"]), reserve=st.booleans())
    def check(self, usd: str, who: str, *, reserve: bool) -> None:
        """A call wants to go out."""
        self.number += 1
        name = f"call-{self.number}"
        check = Check(
            subscription=f"sub_{who}",
            usd=D(usd),
            reserve=name if reserve else None,
            lease=FOR_EVER,
        )
        found = self.gate.perform(check)
        if found.available is not None:
            assert found.available <= self.left
        if found and reserve:
            self.open[name] = (f"sub_{who}", D(usd), True)
            self.world.store.perform(Intend(name, f"sub_{who}", "{}", FOR_EVER, found.reserved))
            self.gate.written(name)

    @rule(data=st.data(), usd=AMOUNTS)
    def again(self, data: st.DataObject, usd: str) -> None:
        """A later attempt of a call may cost another amount."""
        names = [name for name, (_, _, ours) in self.open.items() if ours]
        if not names:
            return
        name = data.draw(st.sampled_from(names))
        subscription, before, _ = self.open[name]
        check = Check(subscription=subscription, usd=D(usd), reserve=name, lease=FOR_EVER)
        allowed = self.gate.perform(check).allowed if usd != "1" else self.gate.raised(name, D(usd))
        if allowed:
            most = max(before, D(usd))
            self.open[name] = (subscription, most, True)
            self.world.store.perform(Intend(name, subscription, "{}", FOR_EVER, most))
            self.gate.written(name)

    @rule(data=st.data(), share=SHARES)
    def end(self, data: st.DataObject, share: str) -> None:
        """A call ends; it cost some of what it might have."""
        if self.open:
            self.finish(data.draw(st.sampled_from(sorted(self.open))), D(share))

    def finish(self, name: str, share: Decimal) -> None:
        """As the desk does, if the process that began it lives."""
        if name not in self.open:
            return
        subscription, usd, ours = self.open.pop(name)
        cost = (usd * share).quantize(D("0.000000001"))
        bills = (bill(name, subscription, cost, self.world.clock.wall()),) if cost else ()
        self.spent += cost
        self.billed[subscription] = self.billed.get(subscription, D(0)) + cost
        self.world.store.perform(Conclude(name, bills))
        if ours:
            self.gate.settled(name, cost or None)

    @rule(usd=AMOUNTS, who=st.sampled_from(["1", "2"]), data=st.data())
    def whole(self, usd: str, who: str, data: st.DataObject) -> None:
        """A call from its beginning to where Lago has its bill."""
        self.check(usd, who, reserve=True)
        if f"call-{self.number}" in self.open:
            self.finish(f"call-{self.number}", D(data.draw(SHARES)))
            self.deliver_now()

    @rule(
        when=st.sampled_from(["before ", "after "]),
        what=st.sampled_from(["usage", "other", "owing"]),
        data=st.data(),
        deed=st.sampled_from(["end", "end and deliver", "deliver", "wait"]),
        who=st.sampled_from(["1", "2"]),
    )
    def look(self, when: str, what: str, data: st.DataObject, deed: str, who: str) -> None:
        """All is asked for anew; and just then a call ends, bills are delivered, or Lago takes its time."""
        name = data.draw(st.sampled_from(sorted(self.open))) if self.open else ""
        share = D(data.draw(SHARES))

        def happens() -> None:
            if deed.startswith("end") and name:
                self.finish(name, share)
            if deed.endswith("deliver"):
                self.deliver_now()
            if deed == "wait":
                self.wait(8.0)

        self.meanwhile = {when + what: happens}
        self.gate.invalidate()
        self.check("0", who, reserve=False)
        self.meanwhile = {}

    @rule()
    def deliver(self) -> None:
        """The sender sends what is queued."""
        self.deliver_now()

    def deliver_now(self) -> None:
        """Take, send, mark."""
        if self.world.lago._down:
            return
        taken = self.world.store.perform(Take("me", 100, 60_000))
        lago = self.world.asking().lago
        for one in taken.bills:
            assert self.world.lago.answer(lago.batch([one.body])).status == 200
        marks = tuple(Marked(one.id, "delivered") for one in taken.bills)
        self.world.store.perform(Mark(marks))

    @rule()
    def lag(self) -> None:
        """From now on Lago's usage does not move, for less than ``unseen``."""
        if self.lagging is None:
            self.lagging = self.world.clock.now()
            self.world.lago.hold_usage("sub_1")
            self.world.lago.hold_usage("sub_2")

    @rule()
    def catch_up(self) -> None:
        """It moves again."""
        self.lagging = None
        self.world.lago.release_usage("sub_1")
        self.world.lago.release_usage("sub_2")

    @rule(seconds=st.sampled_from([0.3, 6.0, 31.0, 55.0, 62.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        now = self.world.clock.now()
        if self.lagging is not None and now + seconds >= self.lagging + UNSEEN:
            self.catch_up()
        self.world.clock.advance(seconds)

    @rule()
    def refresh(self) -> None:
        """The thread asks for what is stale."""
        link = self.world.link(send=self.send)
        link.outbox = _Watched(self)
        for flow in self.gate.refresh_due():
            link.run(flow)

    @rule(down=st.sampled_from([False, False, False, True]))
    def outage(self, *, down: bool) -> None:
        """Lago goes, or comes back."""
        (self.world.lago.down if down else self.world.lago.up)()

    @rule(which=st.sampled_from([{}, {"customer": "cus_1"}, {"subscription": "sub_2"}]))
    def invalidate(self, which: dict[str, str]) -> None:
        """A webhook comes."""
        self.gate.invalidate(**which)

    @rule(cents=st.sampled_from([1, 100]))
    def top_up(self, cents: int) -> None:
        """The customer pays."""
        self.world.lago.wallet("cus_1").balance += cents
        self.balance += D(cents) / 100

    @rule(who=st.sampled_from(["sub_1", "sub_2"]))
    def invoice(self, who: str) -> None:
        """A period ends: what it came to goes off the wallet. All of it was delivered and seen."""
        if self.world.lago._down:
            return
        self.catch_up()
        self.deliver_now()
        self.world.clock.advance(0.002)
        before = self.world.lago.wallet("cus_1").balance
        self.world.lago.settle(who)
        paid = before - self.world.lago.wallet("cus_1").balance
        self.world.clock.advance(0.002)
        # What Lago rounds away, or gets in another way than from the wallet, is no more owed than the rest.
        self.balance -= paid / 100
        self.spent -= self.billed.pop(who, D(0))

    # --- what holds --------------------------------------------------------------------------

    @property
    def left(self) -> Decimal:
        """What there is, less what was spent, less all that is out."""
        return self.balance - self.spent - self.out

    @property
    def out(self) -> Decimal:
        """What calls that are under way may cost."""
        return sum((usd for _, usd, _ in self.open.values()), D(0))

    @invariant()
    def nothing_is_spent_twice(self) -> None:
        """What was spent and what is out is no more than the balance, and what may be overdrawn."""
        if hasattr(self, "gate"):
            assert self.spent + self.out <= self.balance + self.overshoot


TestGate = Machine.TestCase
TestGate.settings = settings(
    max_examples=500 if FULL else 40, stateful_step_count=50, deadline=None
)
