"""What is looked after beside delivery: late bills, calls whose end nobody saw, what can be forgotten."""

from __future__ import annotations

from typing import Any

from llmkit._billing_events import BillsLate, CallsUnknown
from llmkit._control.billing.tending import EVERY, Tending
from llmkit._flow import Notify
from llmkit._outbox import Count, Counted, Forget

NOW = 1_790_000_000_000


class Outbox:
    """Answers as it is set up; keeps what was asked and told."""

    def __init__(self) -> None:
        self.states: dict[str, int] = {}
        self.age: float | None = None
        self.old = 0
        self.told: list[Any] = []
        self.forgot: list[Forget] = []
        self.end: float | None = None

    def answer(self, operation: Any) -> Any:
        """Perform an operation."""
        if isinstance(operation, Count):
            oldest = None if self.age is None else NOW - int(self.age * 1000)
            return Counted(NOW, self.states, oldest, 0, "", 0)
        assert isinstance(operation, Forget)
        self.forgot.append(operation)
        some = min(self.old, operation.limit)
        self.old -= some
        return some


def run(tending: Tending, outbox: Outbox, now: float) -> list[Any]:
    """Look after it once; what was told."""
    outbox.told.clear()
    flow, answer = tending.run(now), None
    try:
        while True:
            effect: Any = flow.send(answer)
            if isinstance(effect, Notify):
                outbox.told.append(effect.event)
                answer = None
            else:
                answer = outbox.answer(effect.operation)
    except StopIteration:
        return list(outbox.told)


def tending(outbox: Outbox, late_after: float = 300.0) -> Tending:
    """Looks after this outbox."""
    return Tending(late_after, 1000, lambda: outbox.end)


def test_late_bills_are_told_once_and_again_when_they_are_twice_as_old() -> None:
    """One alarm when the oldest is late, no flood behind it, another when it has doubled; and anew after it passed."""
    outbox = Outbox()
    one = tending(outbox)
    outbox.states = {"queued": 7}
    told = []
    for age in (10, 299, 301, 400, 600, 700, 5, 310):
        outbox.age = age
        told.append(run(one, outbox, 0))
    assert told == [
        [],
        [],
        [BillsLate(301, 7)],
        [],
        [],
        [BillsLate(700, 7)],
        [],
        [BillsLate(310, 7)],
    ]


def test_bills_that_may_miss_their_period_are_told_before_they_are_late() -> None:
    """Near a period's end what waits for more than a moment is alarming; once for each period."""
    outbox = Outbox()
    one = tending(outbox)
    outbox.states, outbox.end = {"queued": 2}, NOW / 1000 + 600
    outbox.age = 2
    assert run(one, outbox, 0) == []
    outbox.age = 60
    assert run(one, outbox, 0) == [BillsLate(60, 2, outbox.end)]
    assert run(one, outbox, 0) == []
    outbox.end = NOW / 1000 + 86_400
    assert run(one, outbox, 0) == []
    outbox.end = NOW / 1000 - 5
    assert run(one, outbox, 0) == []


def test_calls_whose_end_nobody_saw_are_told_when_there_are_more() -> None:
    """Told when there are some, and when there are more; not again and again, nor when there are fewer."""
    outbox = Outbox()
    one = tending(outbox)
    told = []
    for unknown in (0, 2, 2, 1, 3):
        outbox.states = {"unknown": unknown}
        told.append(run(one, outbox, 0))
    assert told == [[], [CallsUnknown(2)], [], [], [CallsUnknown(3)]]


def test_what_is_old_is_forgotten_by_thousands_until_there_is_no_more() -> None:
    """Once an hour, and at each look as long as there was a full thousand: it keeps up with any traffic."""
    outbox = Outbox()
    one = tending(outbox)
    outbox.old = 2500
    for now in (0, 5, 10, 15, 3600, 3611):
        run(one, outbox, now)
    assert [forget.before for forget in outbox.forgot] == [NOW - 1000] * 4
    assert outbox.old == 0


def test_it_looks_now_and_then() -> None:
    """It is due at first, and then every few seconds; a failure puts it off, too."""
    outbox = Outbox()
    one = tending(outbox)
    assert one.due(0)
    run(one, outbox, 100)
    assert not one.due(100 + EVERY / 2)
    assert one.due(100 + EVERY)
