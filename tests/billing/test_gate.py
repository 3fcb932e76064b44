"""The gate over a fake Lago: what it asks for and when, what it decides by, and what an outage means."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from llmkit._billing_events import BillingUnreachable, EntitlementOpened
from llmkit._control.billing.entitlement import Check, OpenUntil
from llmkit._outbox import Conclude, Mark, Marked, Take
from llmkit.errors import APIConnectionError, ConfigurationError
from llmkit.stores import MemoryStore
from llmkit.testing import lago_faults

from ._gates import CODE, World, bill

if TYPE_CHECKING:
    from llmkit._http import HTTPRequest, HTTPResponse
    from llmkit.billing._gate import EntitlementGate

D = Decimal


def run_due(world: World, gate: EntitlementGate) -> int:
    """What the sender's thread does."""
    flows = gate.refresh_due()
    for flow in flows:
        world.link().run(flow)
    return len(flows)


# --- what is asked for ------------------------------------------------------------------------


def test_one_question_answers_a_customer_and_the_next_checks_ask_nothing() -> None:
    """Wallets, subscriptions, usage, features: after that nothing leaves, not even a question to the outbox."""
    world = World()
    gate = world.gate()
    found = gate.perform(Check("cus_1", usd=D(1), reserve="a"))
    assert found.allowed
    assert (found.source, found.subscription, found.available) == ("lago", "sub_1", 10)
    assert found.as_of == world.clock.wall()
    asked = world.asked()
    assert asked == 4
    world.store = None
    for n in range(50):
        assert gate.perform(Check("cus_1", usd=D("0.01"), reserve=f"b{n}")).source == "cache"
        assert gate.perform(Check(subscription="sub_1")).allowed
    assert world.asked() == asked


def test_a_customer_who_pays_afterwards_costs_no_question_for_usage() -> None:
    """Without a wallet nothing limits him: his subscription and his wallets are all that is asked for."""
    world = World(balance_cents=None)
    found = world.gate().perform(Check(subscription="sub_1", usd=D(99), reserve="a"))
    assert (found.allowed, found.available, found.reserved) == (True, None, 99)
    assert (world.asked(), world.asked("current_usage")) == (2, 0)


def test_without_a_wallet_nothing_goes_out_where_one_is_required() -> None:
    """``require_wallet`` makes prepaid customers of all."""
    found = World(balance_cents=None).gate(require_wallet=True).perform(Check("cus_1"))
    assert (found.reason, found.available) == ("insufficient_balance", 0)
    assert found.detail == "customer cus_1 has no wallet"


def test_features_come_with_the_subscription() -> None:
    """They are shown, and a check of one that is absent is denied; so is the gate's own."""
    world = World()
    world.lago.grant("sub_1", {"llm": {"max_usd_per_day": 50, "vision": False}})
    gate = world.gate()
    assert gate.perform(Check("cus_1", feature="llm")).features["llm"]["max_usd_per_day"] == 50
    assert gate.perform(Check("cus_1", feature="audio")).reason == "feature_denied"
    assert gate.perform(Check("cus_1", feature="llm.vision")).reason == "feature_denied"
    assert world.gate(feature="audio").perform(Check("cus_1")).reason == "feature_denied"


# --- denials ----------------------------------------------------------------------------------


def test_no_subscription_no_customer_and_another_customers_subscription_are_denials() -> None:
    """404 of a subscription or of a customer is a no, not an outage, whatever the outage policy."""
    world = World()
    world.lago.add_customer("idle")
    gate = world.gate(policy="open")
    reasons = [
        gate.perform(check).reason
        for check in (
            Check(subscription="nope"),
            Check("nobody"),
            Check("idle"),
            Check("idle", "sub_1"),
            Check(),
            Check(subscription=".."),
        )
    ]
    assert reasons == [
        "no_active_subscription",
        "unknown_customer",
        "no_active_subscription",
        "no_active_subscription",
        "unknown_customer",
        "no_active_subscription",
    ]
    assert world.told == []


def test_several_subscriptions_are_not_guessed_among() -> None:
    """The no says which there are; a plan, or the subscription itself, settles it."""
    world = World()
    world.lago.furnish("sub_2", code="other")
    found = world.gate().perform(Check("cus_1"))
    assert (found.reason, found.subscription) == ("several_subscriptions", "")
    assert "sub_1" in found.detail
    assert "sub_2" in found.detail
    assert world.gate(plan="plan_other").perform(Check("cus_1")).subscription == "sub_2"
    assert world.gate().perform(Check("cus_1", "sub_1")).allowed


def test_a_subscription_that_ends_while_usage_is_asked_for_is_no_outage() -> None:
    """405 ``no_active_subscription`` says that it has ended: its usage is not there to be reckoned with."""
    world = World()
    world.lago.furnish("sub_2", code="other")

    def ends(request: HTTPRequest) -> HTTPResponse:
        if "external_subscription_id=sub_2" in request.url:
            world.lago.terminate("sub_2")
        return world.lago.answer(request)

    found = world.gate(send=ends).perform(Check(subscription="sub_1"))
    assert (found.allowed, found.available) == (True, 10)


def test_a_no_is_kept_for_a_moment_only() -> None:
    """Who is denied is asked about again after five seconds, not after five minutes; and not each time."""
    world = World(balance_cents=100)
    gate = world.gate()
    check = Check("cus_1", usd=D(5))
    assert gate.perform(check).reason == "insufficient_balance"
    asked = world.asked()
    world.clock.advance(4)
    assert gate.perform(check).reason == "insufficient_balance"
    assert world.asked() == asked
    world.lago.wallet("cus_1").balance = D(1000)
    world.clock.advance(1)
    assert gate.perform(check).allowed


# --- age --------------------------------------------------------------------------------------


def test_what_is_stale_answers_at_once_and_is_asked_for_beside() -> None:
    """Between the two ages a check does not wait: the answer says that it is stale, and the thread is called once."""
    world = World()
    called: list[int] = []
    gate = world.gate(call=lambda: called.append(1))
    gate.perform(Check("cus_1"))
    asked = world.asked()
    world.clock.advance(31)
    world.lago.wallet("cus_1").balance = D(500)
    for _ in range(3):
        found = gate.perform(Check("cus_1"))
        assert (found.stale, found.source, found.available) == (True, "cache", 10)
    assert world.asked() == asked
    assert called
    assert run_due(world, gate) == 2
    assert run_due(world, gate) == 0
    fresh = gate.perform(Check("cus_1"))
    assert (fresh.stale, fresh.available) == (False, 5)


def test_what_was_asked_for_meanwhile_is_not_asked_for_again() -> None:
    """Two threads take the same thing to refresh: the second finds it done."""
    world = World()
    gate = world.gate()
    gate.perform(Check("cus_1"))
    world.clock.advance(31)
    gate.perform(Check("cus_1"))
    first = gate.refresh_due()
    gate.perform(Check("cus_1"))
    second = gate.refresh_due()
    asked = world.asked()
    for flow in [*first, *second]:
        world.link().run(flow)
    assert (len(second), world.asked() - asked) == (2, 4)


def test_what_is_too_old_is_waited_for() -> None:
    """Past the hard age a check asks before it decides."""
    world = World()
    gate = world.gate()
    gate.perform(Check("cus_1"))
    world.clock.advance(300)
    world.lago.wallet("cus_1").balance = D(200)
    found = gate.perform(Check("cus_1"))
    assert (found.stale, found.source, found.available) == (False, "lago", 2)


def test_an_expired_wallet_and_an_ended_subscription_are_no_cache_hits() -> None:
    """What ends between two questions ends then, not when the cache does."""
    world = World(balance_cents=None)
    world.lago.add_wallet("cus_1", 1000, expiration=world.clock.wall() + 10)
    gate = world.gate()
    assert gate.perform(Check("cus_1", usd=D(1))).allowed
    world.clock.advance(10)
    found = gate.perform(Check("cus_1", usd=D(1)))
    assert found.detail == "all wallets of customer cus_1 have ended"


def test_what_is_invalidated_is_asked_for_at_the_next_check() -> None:
    """A webhook says that something changed: by customer, by subscription, or all."""
    world = World(balance_cents=100)
    gate = world.gate()
    for n, which in enumerate(({"customer": "cus_1"}, {"subscription": "sub_1"}, {}), 2):
        gate.perform(Check("cus_1"))
        world.lago.wallet("cus_1").balance = D(100 * n)
        assert gate.perform(Check("cus_1")).available == n - 1
        gate.invalidate(**which)  # type: ignore[arg-type]
        assert gate.perform(Check("cus_1")).available == n
    gate.invalidate(customer="nobody")
    asked = world.asked()
    gate.perform(Check("cus_1"))
    assert world.asked() == asked


def test_what_is_invalidated_while_it_is_asked_for_is_asked_for_again() -> None:
    """An answer that was on its way when something changed is not taken for the news."""
    world = World(balance_cents=100)
    gates: list[EntitlementGate] = []

    def changes(request: HTTPRequest) -> HTTPResponse:
        answer = world.lago.answer(request)
        if "current_usage" in request.url and world.asked("current_usage") == 1:
            world.lago.wallet("cus_1").balance = D(700)
            gates[0].invalidate("cus_1")
        return answer

    gates.append(world.gate(send=changes))
    assert gates[0].perform(Check("cus_1")).available == 7


# --- balance ----------------------------------------------------------------------------------


def test_reservations_come_off_and_are_given_back() -> None:
    """With 10 dollars, two calls of 4 go out and a third does not, until one of them cost less, or nothing."""
    world = World()
    gate = world.gate()
    assert world.begin(gate, "a", "4")
    assert world.begin(gate, "b", "4")
    assert world.begin(gate, "c", "4").reason == "insufficient_balance"
    world.end(gate, "a", "sub_1", None)
    assert world.begin(gate, "c", "4").available == 6
    world.end(gate, "b", "sub_1", "1")
    world.end(gate, "c", "sub_1", "1")
    assert gate.perform(Check("cus_1")).available == 8


def test_the_same_call_reserves_once() -> None:
    """A second attempt of a call raises what it has reserved, and does not stand in its own way."""
    world = World()
    gate = world.gate()
    for usd, available in (("6", 10), ("6", 10), ("9", 10)):
        found = gate.perform(Check("cus_1", usd=D(usd), reserve="a"))
        assert (found.allowed, found.available) == (True, available)
    assert not gate.perform(Check("cus_1", usd=D("10.01"), reserve="a"))
    assert gate.perform(Check("cus_1")).available == 1
    gate.settled("a", None)
    assert gate.perform(Check("cus_1")).available == 10


def test_a_reservation_is_raised_if_there_is_room() -> None:
    """``raised`` says whether there was; a call that is not known, or that nothing limits, may."""
    world = World()
    gate = world.gate()
    gate.perform(Check("cus_1", usd=D(4), reserve="a"))
    gate.perform(Check("cus_1", usd=D(4), reserve="b"))
    assert gate.raised("a", D(6))
    assert not gate.raised("b", D("4.01"))
    assert not gate.raised("b", None)
    assert gate.raised("unknown", D(1000))
    gate.settled("a", None)
    assert gate.raised("b", D(10))


def test_what_lago_does_not_know_yet_is_taken_off() -> None:
    """Bills of any process that wait in the outbox, and those delivered lately, are owed whatever Lago says."""
    world = World()
    gate = world.gate()
    assert gate.perform(Check("cus_1")).available == 10
    world.store.perform(Conclude("other", (bill("other", "sub_1", D(3), world.clock.wall()),)))
    gate.invalidate()
    assert gate.perform(Check("cus_1")).available == 7


def deliver(world: World) -> None:
    """Send what is queued to Lago."""
    lago = world.asking().lago
    taken = world.store.perform(Take("me", 100, 60_000))
    for one in taken.bills:
        assert world.lago.answer(lago.batch([one.body])).status == 200
    world.store.perform(Mark(tuple(Marked(one.id, "delivered") for one in taken.bills)))


def test_what_was_delivered_lately_counts_until_lago_must_have_seen_it() -> None:
    """Lago's usage lags: what was delivered less than ``unseen`` before its numbers were asked for counts, too."""
    world = World()
    gate = world.gate(unseen=60)
    world.call(gate, "5", "2")
    world.lago.hold_usage("sub_1")
    deliver(world)
    world.clock.advance(59)
    gate.invalidate()
    assert gate.perform(Check("cus_1")).available == 8
    world.lago.release_usage("sub_1")
    gate.invalidate()
    assert gate.perform(Check("cus_1")).available == 6, (
        "for a moment it may count twice, never not at all"
    )
    world.clock.advance(2)
    gate.invalidate()
    assert gate.perform(Check("cus_1")).available == 8


def test_what_is_spent_while_lago_is_asked_counts() -> None:
    """An answer is never newer than its question: what a call spent since comes off."""
    world = World()
    gates: list[EntitlementGate] = []

    def meanwhile(request: HTTPRequest) -> HTTPResponse:
        answer = world.lago.answer(request)
        if gates and "current_usage" in request.url:
            world.end(gates[0], "a", "sub_1", "3")
        return answer

    gate = world.gate(send=meanwhile)
    world.begin(gate, "a", "4")
    gates.append(gate)
    gate.invalidate()
    assert gate.perform(Check("cus_1")).available == 7


def test_intents_of_other_processes_count_and_ones_own_once() -> None:
    """Two gates over one outbox: each sees what the other has let out, as of its latest question."""
    world = World()
    one, other = world.gate(), world.gate()
    world.begin(one, "a", "6")
    assert other.perform(Check("cus_1")).available == 4
    one.invalidate()
    assert one.perform(Check("cus_1")).available == 4
    world.end(one, "a", "sub_1", None)
    other.invalidate()
    assert other.perform(Check("cus_1")).available == 10


def test_a_reservation_that_nobody_settles_ends_with_its_lease() -> None:
    """A call that died without a word gives its money back when its time is over."""
    world = World()
    gate = world.gate()
    gate.perform(Check("cus_1", usd=D(9), reserve="a", lease=20_000))
    assert not gate.perform(Check("cus_1", usd=D(2)))
    world.clock.advance(20)
    assert gate.perform(Check("cus_1", usd=D(2)))
    gate.settled("a", D(5))
    assert gate.perform(Check("cus_1")).available == 10


def test_calls_that_nobody_settles_are_swept_up() -> None:
    """Also those of customers whom nobody asks about again: nothing is kept for ever."""
    world = World()
    gate = world.gate()
    gate.perform(Check("cus_1", usd=D(9), reserve="a", lease=20_000))
    world.clock.advance(60)
    gate.refresh_due()
    assert not gate._known.calls


def test_an_outbox_that_cannot_be_asked_is_told_and_what_was_spent_here_counts() -> None:
    """Without it nobody can say what others owe; what this process spent is known, and stays off the balance."""
    world = World()
    gate = world.gate()
    world.call(gate, "5", "2")

    def fails(_: Any) -> Any:
        raise OSError("disk")

    broken: Any = type("Broken", (), {"perform": staticmethod(fails)})()
    gate._link = world.link()
    gate._link.outbox = broken
    gate.invalidate()
    found = gate.perform(Check("cus_1"))
    assert found.available == 8
    assert found.notes == ("the outbox could not be asked what is owed: OSError",)


def test_what_was_spent_without_a_check_is_known_at_once_and_once() -> None:
    """What is reported afterwards, or was a row of a batch, comes off before Lago is asked again."""
    world = World()
    gate = world.gate()
    gate.spent("sub_1", "early", D(1))
    gate.perform(Check("cus_1", usd=D(1), reserve="own"))
    for _ in range(2):
        gate.spent("sub_1", "report", D(2))
        gate.spent("sub_9", "stranger", D(5))
        gate.spent("sub_1", "own", D(5))
    assert gate.perform(Check("cus_1")).available == 7
    for n in range(11_000):
        gate.spent("sub_1", f"row-{n}", D(0))
    assert len(gate._known.spent) == 10_000


def test_the_outboxs_clock_decides_what_was_delivered_lately() -> None:
    """A server's clock that is years away from ours changes nothing."""
    world = World()
    ahead = [4_000_000_000.0]
    world.store = MemoryStore(clock=lambda: ahead[0])
    gate = world.gate(unseen=60)
    world.call(gate, "5", "2")
    deliver(world)
    ahead[0] += 61
    world.clock.advance(61)
    gate.invalidate()
    assert gate.perform(Check("cus_1")).available == 8


def test_an_unbounded_call_is_refused_where_a_wallet_limits_unless_an_amount_is_set() -> None:
    """Nobody can say what it may cost: ``unbounded`` says what is reserved for it then."""
    world = World()
    check = Check("cus_1", reserve="a")
    assert world.gate().perform(check).reason == "unbounded_cost"
    found = world.gate(unbounded=D(3)).perform(check)
    assert (found.allowed, found.reserved) == (True, 3)


def test_a_plan_with_a_mark_up_leaves_less() -> None:
    """Coins at twice their rate: 10 dollars let out calls that cost 5, and what they cost counts twice."""
    world = World(balance_cents=None)
    world.lago.furnish("sub_2", customer="cus_2", code=CODE, balance_cents=1000)
    world.lago.add_metric("c")
    world.lago.add_plan("dear")
    world.lago.add_charge("dear", CODE, price="0.000002")
    world.lago.add_customer("cus_3")
    world.lago.add_subscription("sub_3", "cus_3", "dear")
    world.lago.add_wallet("cus_3", 1000)
    gate = world.gate()
    assert gate.perform(Check("cus_3")).available == 5
    assert world.call(gate, "2", "1", customer="cus_3").available == 5
    assert gate.perform(Check("cus_3")).available == 4
    gate.invalidate()
    assert gate.perform(Check("cus_3")).available == 4


def over_the_month(world: World) -> float:
    """Seconds until February, and a little."""
    return 1_738_368_000.0 - world.clock.wall() + 5


def test_a_period_that_has_just_ended_is_still_taken_off_until_it_is_paid() -> None:
    """On the first of the month Lago's usage is nothing, and its invoice is not made: the money is not back."""
    world = World()
    gate = world.gate()
    world.clock.advance(over_the_month(world) - 70)
    world.call(gate, "5", "4")
    deliver(world)
    world.clock.advance(61)
    gate.invalidate()
    assert gate.perform(Check("cus_1")).available == 6
    world.clock.advance(10)
    gate.invalidate()
    found = gate.perform(Check("cus_1", usd=D(7)))
    assert (found.available, found.reason) == (6, "insufficient_balance")
    assert "may not be paid yet" in found.notes[0]
    world.lago.wallet("cus_1").balance -= 400
    gate.invalidate()
    found = gate.perform(Check("cus_1", usd=D(1)))
    assert (found.available, found.notes) == (6, ())


def test_a_period_that_nobody_invoices_is_forgotten_after_three_hours() -> None:
    """Perhaps it was paid otherwise, or topped up in the same moment: it is not held against him for ever."""
    world = World()
    gate = world.gate()
    world.call(gate, "5", "4")
    deliver(world)
    world.clock.advance(over_the_month(world))
    gate.perform(Check("cus_1"))
    world.clock.advance(10_000)
    assert gate.perform(Check("cus_1")).available == 6
    world.clock.advance(900)
    assert gate.perform(Check("cus_1")).available == 10


# --- outages ----------------------------------------------------------------------------------


def test_closed_denies_and_says_why() -> None:
    """Without an answer nothing goes out; the reason is that nobody could say, not that somebody said no."""
    world = World()
    world.lago.down()
    found = world.gate().perform(Check("cus_1", usd=D(1), reserve="a"))
    assert (found.allowed, found.reason, found.source) == (False, "billing_unavailable", "policy")
    assert "Lago cannot be reached" in found.detail
    assert world.told == []


def test_open_lets_out_tells_once_and_knows_whom_to_bill() -> None:
    """Calls that are let out by policy are billed: to who was named, or who was known for the customer."""
    world = World()
    gate = world.gate(policy="open")
    gate.perform(Check("cus_1"))
    world.lago.down()
    world.clock.advance(1000)
    for n in range(5):
        found = gate.perform(Check("cus_1", usd=D(1), reserve=f"a{n}"))
        assert (found.allowed, found.opened, found.stale) == (True, True, True)
        assert (found.subscription, found.reserved) == ("sub_1", 1)
    assert [type(one) for one in world.told] == [EntitlementOpened]
    assert (world.told[0].customer, world.told[0].subscription) == ("cus_1", "sub_1")
    named = gate.perform(Check(subscription="sub_1"))
    assert (named.subscription, named.customer) == ("sub_1", "cus_1")
    stranger = gate.perform(Check("cus_9"))
    assert (stranger.allowed, stranger.subscription) == (True, "")
    assert len(world.told) == 2


def test_what_was_let_out_counts_when_lago_is_back() -> None:
    """An open door is no present: what went out during the outage comes off the balance behind it."""
    world = World()
    gate = world.gate(policy="open")
    world.lago.down()
    world.begin(gate, "a", "4", customer="cus_1", subscription="sub_1")
    world.begin(gate, "b", "3", subscription="sub_1")
    world.lago.up()
    world.clock.advance(60)
    assert gate.perform(Check("cus_1")).available == 3
    world.end(gate, "a", "sub_1", "1")
    world.end(gate, "b", "sub_1", "1")
    gate.invalidate()
    assert gate.perform(Check("cus_1")).available == 8


def test_each_outage_is_told() -> None:
    """Once it is over, the next one of the same customer is another."""
    world = World()
    gate = world.gate(policy="open")
    for _ in range(2):
        world.lago.down()
        world.clock.advance(1000)
        assert gate.perform(Check("cus_1")).opened
        world.lago.up()
        world.clock.advance(1000)
        assert not gate.perform(Check("cus_1")).opened
    assert len(world.told) == 2


def test_open_until_so_much_or_so_long() -> None:
    """The door closes again after an amount of one customer's, or a time."""
    world = World()
    world.lago.down()
    gate = world.gate(policy=OpenUntil(usd=D(5), seconds=600))
    assert gate.perform(Check("cus_1", usd=D(4), reserve="a")).allowed
    found = gate.perform(Check("cus_1", usd=D(2), reserve="b"))
    assert (found.allowed, found.reason) == (False, "billing_unavailable")
    assert "$4 were let out since" in found.detail
    assert gate.raised("a", D(5))
    assert not gate.raised("a", D(6))
    gate.settled("a", D(1))
    assert gate.perform(Check("cus_1", usd=D(2), reserve="b")).allowed
    assert gate.perform(Check("cus_2", usd=D(5), reserve="c")).allowed
    world.clock.advance(600)
    assert gate.perform(Check("cus_1", usd=D(0), reserve="d")).reason == "billing_unavailable"


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("policy", "allowed"), [("closed", False), ("open", True)])
def test_a_wrong_key_is_never_allowed_silently(status: int, policy: Any, *, allowed: bool) -> None:
    """It is denied, or opened and told as an outage; in both it is told as what it is: a wrong key."""
    world = World()
    world.lago.fail_always(lago_faults.status(status))
    gate = world.gate(policy=policy)
    for _ in range(3):
        found = gate.perform(Check("cus_1", usd=D(1), reserve="a"))
        assert (found.allowed, found.opened) == (allowed, allowed)
        world.clock.advance(40)
    keys = [one for one in world.told if isinstance(one, BillingUnreachable)]
    assert [one.wrong_key for one in keys] == [True]
    assert any(isinstance(one, EntitlementOpened) for one in world.told) is allowed


@pytest.mark.parametrize(
    "fault",
    [
        lago_faults.status(500),
        lago_faults.status(503),
        lago_faults.status(422, {"status": 422, "code": "odd"}),
        lago_faults.status(404, {"status": 404, "code": "resource_not_found"}),
        lago_faults.html(),
        lago_faults.html(200),
        lago_faults.empty(),
        lago_faults.garbage(),
        lago_faults.rate_limited(),
        lago_faults.reset(),
    ],
)
def test_whatever_else_comes_is_an_outage(fault: Any) -> None:
    """Pages of proxies, halves of objects and errors of servers decide nothing, and raise nothing."""
    world = World()
    world.lago.fail_always(fault)
    assert world.gate().perform(Check("cus_1")).reason == "billing_unavailable"
    assert world.gate(policy="open").perform(Check("cus_1")).opened


def test_an_outage_while_the_cache_holds_changes_nothing_but_staleness() -> None:
    """Until the hard age what was known decides, a no as well as a yes; nothing is opened."""
    world = World()
    gate = world.gate(policy="open")
    gate.perform(Check("cus_1"))
    world.lago.down()
    world.clock.advance(100)
    assert gate.perform(Check("cus_1", usd=D(1))).source == "cache"
    run_due(world, gate)
    found = gate.perform(Check("cus_1", usd=D(11)))
    assert (found.reason, found.stale) == ("insufficient_balance", True)
    assert world.told == []


def test_an_outage_is_not_asked_about_at_every_check() -> None:
    """After a failure nobody is asked for a second, then for two, four, at most thirty."""
    world = World()
    world.lago.fail_always(lago_faults.status(500))
    gate = world.gate()
    asked = []
    for _ in range(120):
        gate.perform(Check("cus_1"))
        asked.append(world.asked())
        world.clock.advance(1)
    tries = [n for n, (a, b) in enumerate(pairwise(asked), 1) if b > a]
    assert tries == [1, 3, 7, 15, 31, 61, 91]


def test_after_several_failures_all_customers_are_spared_and_one_tries() -> None:
    """A thousand customers do not each find out for themselves that Lago is away; the first answer ends it."""
    world = World()
    world.lago.fail_always(lago_faults.status(500))
    gate = world.gate(policy="open")
    for n in range(1000):
        assert gate.perform(Check(f"cus_{n}")).opened
    assert world.asked() == 3
    world.lago.heal()
    world.clock.advance(40)
    assert gate.perform(Check("cus_1")).source == "lago"
    assert gate.perform(Check(subscription="nope")).reason == "no_active_subscription"


def test_a_limit_of_requests_pauses_until_it_is_reset() -> None:
    """429 says how long: nobody is asked before that, and no check waits for it in vain."""
    world = World()
    world.lago.fail(lago_faults.rate_limited(reset=20), times=1)
    gate = world.gate(timeout=5.0)
    assert gate.perform(Check("cus_1")).reason == "billing_unavailable"
    world.clock.advance(10)
    assert gate.perform(Check("cus_1")).detail == "more is to be asked of Lago than may be"
    world.clock.advance(11)
    assert gate.perform(Check("cus_1")).allowed


def test_a_key_that_cannot_be_had_is_a_wrong_key() -> None:
    """The function that gives it fails: nothing is asked, and nothing raised."""
    world = World()

    def none() -> str:
        raise ConfigurationError("the vault is shut")

    for check in (Check("cus_1"), Check(subscription="sub_1")):
        found = world.gate(key=none).perform(check)
        assert (found.reason, found.detail) == ("billing_unavailable", "the vault is shut")
    assert all(one.wrong_key for one in world.told)
    gate = world.gate(key=none, authorizing="me")
    assert gate.perform(Check("cus_1")).reason == "billing_unavailable"


def test_what_nobody_foresaw_is_an_outage_too() -> None:
    """A call must not fail because its gate has a fault."""
    world = World()

    def odd(_: Any) -> Any:
        raise KeyError("who knows")

    found = world.gate(send=odd).perform(Check("cus_1"))
    assert found.reason == "billing_unavailable"


def test_a_list_that_does_not_end_is_given_up() -> None:
    """A server that always has another page cannot keep a check for ever."""
    world = World()
    answer = world.lago.answer

    def endless(request: HTTPRequest) -> HTTPResponse:
        found = answer(request)
        page = int(request.url.partition("&page=")[2].partition("&")[0] or 0)
        said = json.loads(found.body)
        said["meta"]["next_page"] = page + 1
        found.body = json.dumps(said).encode()
        return found

    gate = world.gate(send=endless, timeout=1000.0, pace={"usage": 1e6, "other": 1e6})
    assert "does not end" in gate.perform(Check("cus_1")).detail


# --- an authorize service ---------------------------------------------------------------------


def test_an_authorize_service_allows_by_its_word_and_says_whom_to_bill() -> None:
    """Allowed is 200 with ``Allow`` and nothing else; the subscription is the one it names."""
    world = World()
    gate = world.gate(authorizing="GPTPortalHub")
    found = gate.perform(Check("cus_1", usd=D(1), reserve="a"))
    assert (found.allowed, found.subscription, found.source) == (True, "sub_1", "authorize")
    assert (found.available, found.reserved) == (None, 1)
    assert world.asked() == world.asked("/v1/entitlement/authorize") == 1
    assert gate.perform(Check("cus_1")).source == "cache"
    assert world.asked() == 1
    gate.settled("a", D(1))


def test_an_authorize_services_no_is_200_as_well() -> None:
    """``Deny`` is a no, with its message; so is a customer it does not know."""
    world = World()
    world.lago.service.decides = "Deny"
    found = world.gate(authorizing="x").perform(Check("cus_1"))
    assert (found.allowed, found.reason) == (False, "not_authorized")
    assert found.detail


def test_what_an_authorize_service_is_not_asked() -> None:
    """It knows customers only, says nothing of features, and its subscription is not another."""
    gate = World().gate(authorizing="x")
    assert gate.perform(Check(subscription="sub_1")).reason == "unknown_customer"
    assert gate.perform(Check("cus_1", feature="llm")).reason == "feature_denied"
    assert gate.perform(Check("cus_1", "sub_2")).reason == "not_authorized"
    assert gate.perform(Check("cus_1", "sub_1")).allowed


def test_an_authorize_service_that_is_not_there_is_an_outage() -> None:
    """404 is no word of anybody's: the policy decides, and whom to bill is known from before."""
    world = World()
    gate = world.gate(authorizing="x", policy="open")
    gate.perform(Check("cus_1"))
    world.lago.service.decides = None
    world.clock.advance(400)
    found = gate.perform(Check("cus_1"))
    assert (found.opened, found.subscription) == (True, "sub_1")


# --- bounds -----------------------------------------------------------------------------------


def test_a_thousand_customers_stay_under_the_limit() -> None:
    """Fifty requests of the common class in any second, two hundred for usage, whoever asks."""
    world = World()
    for n in range(1000):
        world.lago.furnish(f"s{n}", customer=f"c{n}", balance_cents=1000)
    gate = world.gate(timeout=1e9)
    for n in range(1000):
        assert gate.perform(Check(f"c{n}"))
    for kind, most in (("current_usage", 200), ("", 50)):
        times = sorted(
            one.at for one in world.lago.requests if ("current_usage" in one.path) is bool(kind)
        )
        assert len(times) > 900
        most_in_a_second = max(
            sum(1 for other in times[n : n + most + 2] if other < at + 1)
            for n, at in enumerate(times)
        )
        assert most_in_a_second <= most
    assert world.clock.now() < 1.2 * 3000 / 50


def test_so_many_customers_are_kept_and_no_more() -> None:
    """The one nobody asked about for longest is forgotten; one with a call under way is not."""
    world = World()
    world.lago.furnish("s0", customer="c0", balance_cents=1000)
    gate = world.gate(most=20, timeout=1e9)
    gate.perform(Check("c0", usd=D(3), reserve="a"))
    for n in range(100):
        gate.perform(Check(f"x{n}"))
    assert len(gate) <= 21
    assert gate.perform(Check("c0")).available == 7


def test_a_period_that_ends_is_known() -> None:
    """The nearest end of those that are to come, for who wants all bills to be delivered by then."""
    world = World()
    gate = world.gate()
    assert gate.period_end() is None
    gate.perform(Check("cus_1"))
    end = gate.period_end()
    assert end is not None
    assert end == pytest.approx(1_738_367_999, abs=2), "31 January 2025"
    world.clock.advance(40 * 86_400)
    assert gate.period_end() is None
    gate.perform(Check("cus_1"))
    assert (gate.period_end() or 0) > world.clock.wall()


def test_no_key_stands_in_what_a_gate_says() -> None:
    """Reasons, events and the printed entitlement hold no secret, whatever a server echoes."""
    world = World()

    def echoes(request: HTTPRequest) -> HTTPResponse:
        raise APIConnectionError(f"refused {dict(request.headers)}")

    found = world.gate(send=echoes, policy="open").perform(Check("cus_1"))
    assert world.lago.api_key not in f"{found!r} {found} {world.told!r}"
