"""``reconcile()``: what was delivered beside what Lago has, and whether it counts it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from llmkit import errors
from llmkit._control.billing import reconciling
from llmkit._control.billing.questions import Questions
from llmkit._control.billing.reconciling import (
    Mismatch,
    Reconciled,
    Reconciliation,
    Uncounted,
    reconcile,
)
from llmkit._outbox import Mark, Marked
from llmkit.testing import lago_faults

from ._lane import bill
from ._virtual import Virtual

BEGUN = 1_763_780_000_000
AT_ONCE = 60


class Compared(Virtual):
    """A Lago that is set up, with bills delivered to it two minutes ago."""

    def __init__(self, many: int = 10, subscriptions: int = 1, **how: Any) -> None:
        super().__init__(**how)
        for number in range(subscriptions):
            self.fake.furnish(f"sub_{number}", started_at=self.clock.wall() - 1e5)
        for number in range(many):
            self.conclude(bill(number, f"sub_{number % subscriptions}"))
        assert self.run().left == 0
        self.clock.advance(120)

    def compare(
        self, since: int = BEGUN, until: int = BEGUN + 1_000_000, **how: Any
    ) -> Reconciliation:
        """What comes of it."""
        codes = how.pop("codes", ("askii_coins",))
        what = Reconciled(self.lago, codes, since, until, **how)
        found: Reconciliation = self.drive(
            reconcile(what, Questions(self.clock.now, self.clock.wall))
        )
        return found

    def lose(self, *numbers: int) -> None:
        """Let Lago lose these."""
        books, lost = self.fake._books, {bill(number).id for number in numbers}
        kept = [event for event in books.events.values() if event.transaction_id not in lost]
        for table in (books.events, books._known, books._metered):
            table.clear()
        for event in kept:
            books.keep(event)

    def send(self, **changed: Any) -> None:
        """An event of somebody else's."""
        event = {**json.loads(bill(500).body), **changed}
        self.fake.answer(self.lago.event(json.dumps(event)))


def test_what_is_there_and_counted_is_ok() -> None:
    """Every bill of the time is found, page after page, and the units agree."""
    world = Compared(250, 3)
    found = world.compare()
    assert found == Reconciliation(BEGUN, BEGUN + 1_000_000, 250)
    assert found.ok
    assert "250 bills compared" in str(found)


def test_what_is_missing_is_queued_again_as_it_was() -> None:
    """What Lago does not have is named; with ``resend`` it is sent again byte for byte, and then all is well."""
    world = Compared(250)
    world.lose(3, 120, 249)
    found = world.compare()
    assert set(found.missing) == {bill(n).id for n in (3, 120, 249)}
    assert not found.ok
    assert found.requeued == 0
    assert world.run().delivered == 0
    sent = len(world.fake.requests)
    assert world.compare(resend=True).requeued == 3
    assert world.run().delivered == 3
    bodies = [r.body for r in world.fake.requests[sent:] if r.method == "POST"]
    assert bodies == [
        b'{"events":[%b]}' % ",".join(bill(n, "sub_0").body for n in (3, 120, 249)).encode()
    ]
    world.clock.advance(120)
    assert world.compare().ok
    assert world.fake.charged("sub_0").events == 250


def test_what_moved_between_two_pages_is_not_missing() -> None:
    """An event that the list did not show is asked for alone before it is called missing."""
    world = Compared(5)
    empty = lago_faults.status(200, {"events": [], "meta": {"next_page": None}})
    world.fake.fail(empty, on="GET /events?")
    assert world.compare().ok
    assert sum("call-" in request.path for request in world.fake.requests) == 5


def test_what_is_not_from_here_is_told() -> None:
    """Events of the code without a bill are listed; they do not make it fail."""
    world = Compared(3)
    world.send()
    found = world.compare()
    assert found.extra == (bill(500).id,)
    assert found.ok
    assert "not from here: 1" in str(found)


def test_what_is_on_its_way_is_not_extra() -> None:
    """A bill whose acknowledgement was lost is there, and queued: that settles itself."""
    world = Compared(3)
    world.conclude(bill(500))
    world.send()
    assert world.compare().extra == ()


def test_what_was_given_up_and_is_there_is_extra() -> None:
    """A dead bill that Lago has after all is told."""
    world = Compared(3)
    world.conclude(bill(500))
    world.store.perform(Mark((Marked(bill(500).id, "dead", "no"),)))
    world.send()
    assert world.compare().extra == (bill(500).id,)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"properties": {"askii_coins": "1"}}, "askii_coins"),
        ({"timestamp": "1763780000.999"}, "timestamp"),
    ],
)
def test_what_is_there_with_other_contents_is_told(changed: dict[str, Any], named: str) -> None:
    """The same id with another amount or time is a mismatch that says what differs."""
    world = Compared(3)
    world.lose(1)
    world.send(**{**json.loads(bill(1).body), **changed})
    [mismatch] = world.compare().mismatched
    assert mismatch.id == bill(1).id
    assert named in mismatch.reason


def test_an_event_that_was_billed_twice_is_told() -> None:
    """Where duplicates are told by their time, one id with two times is two charges: both are compared."""
    for timestamp in ("1763780000.999", "1763779000.000"):
        world = Compared(3, store="clickhouse")
        world.send(**{**json.loads(bill(1).body), "timestamp": timestamp})
        found = world.compare(since=BEGUN - 2_000_000)
        assert [mismatch.id for mismatch in found.mismatched] == [bill(1).id]
        assert "timestamp" in str(found.mismatched[0])


def test_what_was_delivered_just_now_is_not_judged() -> None:
    """Within a minute Lago may not show it yet: it is counted apart."""
    world = Compared(3)
    world.conclude(bill(10))
    world.store.perform(Mark((Marked(bill(10).id, "delivered"),)))
    found = world.compare()
    assert (found.delivered, found.recent, found.missing) == (3, 1, ())
    assert found.ok
    world.clock.advance(120)
    assert world.compare().missing == (bill(10).id,)


def test_only_the_time_and_the_subscription_asked_for_are_compared() -> None:
    """Bounds are from ``since`` on, before ``until``; another subscription's bills are left out."""
    world = Compared(10, 2)
    found = world.compare(BEGUN + 2, BEGUN + 6)
    assert (found.delivered, found.extra) == (4, ())
    assert world.compare(subscription="sub_1").delivered == 5
    assert world.compare(BEGUN + 5, BEGUN + 5).delivered == 0
    assert world.compare(codes=("other",)).delivered == 0


def test_a_subscription_that_lago_does_not_know_is_found() -> None:
    """Its events were answered with 200, and are counted nowhere: only this finds it."""
    world = Compared(3)
    world.conclude(bill(100, "sub_nobody"))
    assert world.run().delivered == 1
    world.clock.advance(120)
    found = world.compare()
    assert not found.ok
    assert found.missing == ()
    [uncounted] = found.uncounted
    assert (uncounted.subscription, uncounted.ours, uncounted.theirs) == (
        "sub_nobody",
        Decimal(4200),
        None,
    )
    assert "no subscription" in str(found)


def test_a_code_that_lago_does_not_know_is_found() -> None:
    """Events of a metric that is not in the plan are taken, and counted nowhere."""
    world = Compared(3)
    world.conclude(
        bill(100)._replace(
            code="tokens", body=bill(100).body.replace('"code":"askii_coins"', '"code":"tokens"')
        )
    )
    assert world.run().delivered == 1
    world.clock.advance(120)
    found = world.compare(codes=("askii_coins", "tokens"))
    assert [(one.code, one.theirs) for one in found.uncounted] == [("tokens", None)]
    assert "no charge" in found.uncounted[0].reason


def test_what_is_taken_and_not_counted_is_found() -> None:
    """A property that is no number adds nothing: the units are less than what was delivered."""
    world = Compared(3)
    world.conclude(bill(100)._replace(body=bill(100).body.replace('"4200"', '"4.2e3"')))
    assert world.run().delivered == 1
    world.clock.advance(120)
    [uncounted] = world.compare().uncounted
    assert (uncounted.ours, uncounted.theirs) == (Decimal(16800), Decimal(12600))
    assert (
        str(uncounted)
        == "sub_0 askii_coins: 16800 delivered, 12600 counted: Lago counts less than it was sent"
    )


def test_events_from_before_or_after_a_subscription_are_found() -> None:
    """What is from before its beginning, or after its end, is not counted."""
    world = Compared(3)
    early = {"external_id": "sub_0", "external_customer_id": "cus_1", "status": "active"}
    world.fake.fail(
        lago_faults.status(
            200, {"subscription": {**early, "started_at": "2025-11-22T02:53:20.002Z"}}
        ),
        on="GET /subscriptions",
    )
    [uncounted] = world.compare().uncounted
    assert "before" in uncounted.reason
    assert uncounted.ours == 8400
    world.fake.fail(
        lago_faults.status(404, {"code": "subscription_not_found"}), on="GET /subscriptions"
    )
    late = {**early, "status": "terminated", "terminated_at": "2025-11-22T02:53:20.000Z"}
    world.fake.fail(lago_faults.status(200, {"subscription": late}), on="GET /subscriptions")
    [uncounted] = world.compare().uncounted
    assert "after" in uncounted.reason
    assert uncounted.ours == 8400


def test_what_cannot_be_asked_is_said() -> None:
    """A key that may not read usage leaves the comparison of ids, and says what is not known."""
    world = Compared(3)
    world.fake.fail_always(
        lago_faults.status(403, {"code": "read_action_not_allowed"}), on="GET /customers"
    )
    found = world.compare()
    assert found.delivered == 3
    assert not found.ok
    assert "sub_0" in found.unasked[0]
    world.fake.heal()
    world.fake.fail_always(lago_faults.status(403), on="GET /subscriptions")
    assert world.compare().unasked


def test_events_that_cannot_be_read_are_an_error() -> None:
    """Without the list there is nothing to compare: it is raised, and nothing is queued."""
    world = Compared(3)
    world.fake.fail_always(lago_faults.status(403), on="GET /events?")
    with pytest.raises(errors.LagoError, match="403"):
        world.compare(resend=True)
    world.fake.heal()
    empty = lago_faults.status(200, {"events": [], "meta": {}})
    world.fake.fail_always(empty, on="GET /events?")
    world.fake.fail_always(lago_faults.status(403), on="GET /events/")
    with pytest.raises(errors.LagoError):
        world.compare(resend=True)
    world.fake.heal()
    world.fake.down()
    with pytest.raises(errors.BillingError, match="reached"):
        world.compare()


def test_limits_and_hiccups_are_waited_out() -> None:
    """A 429 is waited for as it says, a 503 or a lost connection tried again."""
    world = Compared(3)
    world.fake.fail(lago_faults.rate_limited(7), on="GET /events")
    start = world.clock.now()
    assert world.compare().ok
    assert world.clock.now() - start >= 7
    world.fake.fail(lago_faults.status(503), on="GET")
    world.fake.fail(lago_faults.reset(), on="GET")
    assert world.compare().ok


def test_long_times_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many events the time is halved until few are in memory at once; nothing is compared twice or left out."""
    monkeypatch.setattr(reconciling, "_MOST", 50)
    monkeypatch.setattr(reconciling, "_SHORTEST", 10)
    world = Compared(400)
    world.lose(77)
    world.send(timestamp="1763780000.333")
    found = world.compare(until=BEGUN + 400)
    assert (found.delivered, found.missing, found.extra) == (400, (bill(77).id,), (bill(500).id,))


def test_hundreds_of_bills_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number, the outbox is read page by page."""
    monkeypatch.setattr(reconciling, "_AT_ONCE", AT_ONCE)
    world = Compared(AT_ONCE * 3)
    for number in range(AT_ONCE * 2):
        world.send(transaction_id=f"other-{number}")
    world.lose(*range(AT_ONCE + 5))
    found = world.compare(resend=True)
    assert (found.delivered, found.requeued) == (AT_ONCE * 3, AT_ONCE + 5)
    assert len(found.extra) == AT_ONCE * 2
    assert "and " in str(found)


def test_an_outcome_is_json() -> None:
    """It is dumped as plain values, exact numbers as texts."""
    uncounted = (
        Uncounted("s", "c", Decimal("0.10"), None, "w"),
        Uncounted("s", "c", Decimal(5), Decimal(0), "w"),
    )
    found = Reconciliation(
        0, 1, missing=("m",), mismatched=(Mismatch("x", "y"),), uncounted=uncounted
    )
    dumped = json.loads(json.dumps(found.dump()))
    assert dumped["ok"] is False
    assert dumped["missing"] == ["m"]
    assert dumped["mismatched"] == [{"id": "x", "reason": "y"}]
    assert [(one["ours"], one["theirs"]) for one in dumped["uncounted"]] == [
        ("0.10", None),
        ("5", "0"),
    ]


def test_values_are_printed_in_words() -> None:
    """Long lists are cut, all is named."""
    text = str(
        Reconciliation(
            0, 1, 5, 1, tuple(f"m{n}" for n in range(30)), ("e",), (Mismatch("x", "code is b"),),
            (Uncounted("s", "c", Decimal(5), None, "why"),), 2, ("u",),
        )
    )  # fmt: skip
    for part in (
        "missing (2 queued again): 30",
        "and 10 more",
        "x: code is b",
        "s c: 5 delivered: why",
        "not known",
    ):
        assert part in text
