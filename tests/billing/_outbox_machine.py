"""The state machine of an outbox: two senders, calls that end or do not, restarts, people who decide, a clock."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from llmkit._outbox import (
    Amend,
    Amended,
    Bill,
    Conclude,
    Count,
    Forget,
    Intend,
    Mark,
    Marked,
    Owing,
    ReadBills,
    ReleaseLane,
    Take,
)
from llmkit.testing.store_conformance import SettableClock

from ._outbox_model import OutboxModel

SENDERS = ("a", "b")
LEASE = 1000
SUBSCRIPTIONS = ("s1", "s2", "")

amounts = st.sampled_from((None, *map(Decimal, ("0", "1", "0.1234567891", "1e-12"))))
subscriptions = st.sampled_from(SUBSCRIPTIONS)
concluded = st.sampled_from(("queued", "queued", "queued", "held", "unpriced", "listed"))
decided = st.sampled_from(("queued", "queued", "discarded", "held", "dead"))


class Posting(RuleBasedStateMachine):
    """``opened`` gives a store with nothing in it that reads this clock; ``again`` gives it once more, or itself."""

    opened: Callable[[SettableClock], tuple[Any, Callable[[], Any]]]

    @initialize()
    def begin(self) -> None:
        self.clock = SettableClock()
        self.store, self.again = type(self).opened(self.clock)
        self.model = OutboxModel()
        self.calls = 0
        self.taken: dict[str, tuple[Bill, ...]] = dict.fromkeys(SENDERS, ())
        self.seen: list[Bill] = []

    @override
    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.everything_is_sent_in_the_end()
            self.store.close()

    @property
    def now(self) -> int:
        return self.clock.milliseconds

    def same(self, operation: Any, wanted: Any) -> Any:
        """Perform it; numbers are compared by their order."""
        found = self.store.perform(operation)
        assert plain(found) == plain(wanted), operation
        return found

    # --- time, and what ends -----------------------------------------------------------------

    @rule(by=st.sampled_from((1, 10, LEASE - 1, LEASE, 60_000)))
    def time_passes(self, by: int) -> None:
        self.clock.milliseconds += by

    @rule(by=st.sampled_from((1, 500, 5000)))
    def the_clock_jumps_back(self, by: int) -> None:
        self.clock.milliseconds -= by

    @rule()
    def everybody_restarts(self) -> None:
        """What a sender has taken and not marked is not known to him any more."""
        self.store.close()
        self.store = self.again()
        self.taken = dict.fromkeys(SENDERS, ())

    # --- calls -------------------------------------------------------------------------------

    def call(self, back: int) -> str:
        if not back or not self.calls:
            self.calls += 1
        return f"c{max(self.calls - back, 1):03}"

    @rule(
        back=st.sampled_from((0, 0, 1, 3)), usd=amounts, whose=subscriptions,
        lease=st.sampled_from((1, LEASE, 60_000)),
    )  # fmt: skip
    def a_call_begins(self, back: int, usd: Decimal | None, whose: str, lease: int) -> None:
        intend = Intend(self.call(back), whose, "{}", lease, usd)
        self.same(intend, self.model.intend(intend, self.now))

    @rule(
        back=st.sampled_from((0, 1, 1, 1, 2, 5)), usd=amounts, whose=subscriptions, state=concluded,
        suffixes=st.sampled_from(((":m",), (":m",), (":m", ":n"), (":n", ":n"), ())),
    )  # fmt: skip
    def a_call_ends(
        self, back: int, usd: Decimal | None, whose: str, state: Any, suffixes: tuple[str, ...]
    ) -> None:
        call = self.call(back)
        bills = tuple(written(call + one, call, state, whose, usd, self.now) for one in suffixes)
        conclude = Conclude(call, bills)
        self.same(conclude, self.model.conclude(conclude, self.now))

    # --- senders -----------------------------------------------------------------------------

    @rule(sender=st.sampled_from(SENDERS), limit=st.sampled_from((1, 2, 100)))
    def somebody_takes(self, sender: str, limit: int) -> None:
        take = Take(sender, limit, LEASE)
        found = self.same(take, self.model.take(take, self.now))
        if found.bills:
            self.taken[sender] = found.bills

    @precondition(lambda self: any(self.taken.values()))
    @rule(
        sender=st.sampled_from(SENDERS),
        fate=st.sampled_from(("delivered", "deduped", "dead", "tried", "")),
    )
    def somebody_has_sent(self, sender: str, fate: str) -> None:
        """Perhaps long after his lease: what was delivered is. With no fate, he dies before he can write it down."""
        bills, self.taken[sender] = self.taken[sender], ()
        marks = tuple(
            Marked(bill.id, "dead" if fate == "dead" else "delivered", fate) for bill in bills
        )
        mark = Mark((), tuple(bill.id for bill in bills)) if fate in {"tried", ""} else Mark(marks)
        if fate:
            self.same(mark, self.model.mark(mark, self.now))

    @rule(sender=st.sampled_from(SENDERS))
    def somebody_gives_the_lane_back(self, sender: str) -> None:
        self.same(ReleaseLane(sender), self.model.release(sender, self.now))

    # --- people ------------------------------------------------------------------------------

    @rule(
        states=st.sampled_from(
            (None, ("dead", "held"), ("unknown",), ("unpriced", "queued", "intent"))
        )
    )
    def somebody_looks(self, states: Any) -> None:
        read = ReadBills(states, limit=4)
        self.same(read, self.model.read(read, self.now))
        self.seen = list(self.store.perform(ReadBills(states)))

    @precondition(lambda self: self.seen)
    @rule(state=decided, usd=amounts, whose=subscriptions, many=st.integers(1, 3))
    def somebody_decides(self, state: Any, usd: Decimal | None, whose: str, many: int) -> None:
        """By what he saw, which may be long ago: another may have decided, or a sender may have sent it since."""
        amended = tuple(
            Amended(written(bill.id, bill.call, state, whose, usd, bill.at), (bill.state,))
            for bill in self.seen[:many]
        )
        amend = Amend(amended)
        self.same(amend, self.model.amend(amend, self.now))

    @rule(age=st.sampled_from((0, LEASE, 60_000)), limit=st.sampled_from((1, 1000)))
    def old_ones_are_forgotten(self, age: int, limit: int) -> None:
        forget = Forget(self.now - age, limit)
        self.same(forget, self.model.forget(forget, self.now))

    # --- what holds always -------------------------------------------------------------------

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        if not hasattr(self, "store"):
            return
        self.same(ReadBills(), self.model.read(ReadBills(), self.now))
        self.same(Count(), self.model.count(self.now))
        for whose in SUBSCRIPTIONS:
            wanted = self.model.owing(whose, self.now - LEASE, self.now)
            self.same(Owing(whose, self.now - LEASE), wanted)

    def everything_is_sent_in_the_end(self) -> None:
        """Whatever happened, one sender gets to all that is queued, in order, once the other's lease is over."""
        # Should the clock have jumped back, the other's lease begins now.
        self.store.perform(Take("a", 1, LEASE))
        self.clock.milliseconds += LEASE
        numbers: list[int] = []
        while bills := self.store.perform(Take("a", 3, LEASE)).bills:
            numbers += [bill.number for bill in bills]
            marked = self.store.perform(Mark(tuple(Marked(b.id, "delivered") for b in bills)))
            assert marked == len(bills)
        assert numbers == sorted(numbers)
        assert "queued" not in self.store.perform(Count()).states


def written(name: str, call: str, state: Any, whose: str, usd: Decimal | None, at: int) -> Bill:
    return Bill(name, call, state, whose, "m", at, f'{{"at":{at},"usd":"{usd}"}}', usd=usd)


def plain(answer: Any) -> Any:
    """Without numbers, and with states as they are counted."""
    if isinstance(answer, tuple) and answer and isinstance(answer[0], Bill):
        return [bill._replace(number=0) for bill in answer]
    if getattr(answer, "bills", None):
        return (*answer[:3], plain(answer.bills))
    return tuple(answer) if isinstance(answer, tuple) else answer
