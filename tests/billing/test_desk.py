from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from llmkit._billing_events import UsageUnattributed, UsageUnpriced
from llmkit._control.billing.charge import Begun
from llmkit._control.billing.entitlement import Entitlement
from llmkit._control.billing.facts import Facts
from llmkit._control.billing.identity import Identity
from llmkit._control.billing.intention import Intention
from llmkit._control.billing.metric import Metric
from llmkit._control.billing.terms import Terms
from llmkit._outbox import Conclude, Intend
from llmkit.errors import BillingError, NotEntitledError, StoreUnavailableError

from ._desks import AT, FakeGate, World, begin, charge, finish

COLOURS = ("sync", "async")


@pytest.fixture(params=COLOURS)
def make(request: pytest.FixtureRequest) -> Callable[..., World]:
    """Makes worlds of each colour."""
    return lambda **given: World(request.param, **given)


# --- beginning -----------------------------------------------------------------------------------


def test_a_call_leaves_an_intent_before_it_leaves(make: Any) -> None:
    """Call, subscription, what it may cost and the rate are in the outbox, under a lease that outlives the call."""
    world = make()
    assert world.perform(begin()) == Begun("s1")
    (intent,) = world.outbox.bills()
    assert (intent.id, intent.state, intent.subscription) == ("c1", "intent", "s1")
    assert intent.usd == Decimal("0.5")
    assert intent.expires - intent.changed == 120_000
    meant = Intention.read(intent.facts)
    assert (meant.currency["rate"], meant.model) == ("1000000", "gpt-4o")


def test_a_later_attempt_that_may_cost_more_raises_the_intent(make: Any) -> None:
    """One intent for the call; the gate is asked again for the larger amount."""
    world = make(gate=FakeGate())
    world.perform(begin())
    world.perform(begin(usd="0.75"))
    (intent,) = world.outbox.bills()
    assert intent.usd == Decimal("0.75")
    assert [check.usd for check in world.gate.asked] == [Decimal("0.5"), Decimal("0.75")]
    assert world.gate.reserved == {"c1": Decimal("0.75")}


def test_the_gate_is_asked_before_and_told_after_the_intent(make: Any) -> None:
    """Check, intent, written: so what is reserved is not counted twice."""
    world = make(gate=FakeGate())
    world.perform(begin(attributes={"subscription": ("s1",), "customer": ("ann",)}))
    (check,) = world.gate.asked
    assert (check.customer, check.subscription, check.reserve) == ("ann", "s1", "c1")
    assert check.lease == 120_000
    assert world.gate.log == [("written", "c1")]


def test_the_gates_finding_is_billed_where_only_a_customer_is_named(make: Any) -> None:
    """The customer's subscription comes from the gate, and holds until the call has ended."""
    world = make(gate=FakeGate(Entitlement(True, subscription="found")))
    whose = {"customer": ("ann",)}
    assert world.perform(begin(attributes=whose)) == Begun("found")
    world.gate.answer = Entitlement(False, reason="billing_unavailable")
    world.perform(finish(attributes=whose))
    assert [bill.subscription for bill in world.outbox.bills()] == ["found"]
    assert len(world.gate.asked) == 1


def test_a_denied_call_leaves_nothing(make: Any) -> None:
    """One typed error, mapped to 402, with the whole finding; no intent, nothing reserved."""
    denied = Entitlement(False, "insufficient_balance", customer="ann", subscription="s1")
    world = make(gate=FakeGate(denied))
    with pytest.raises(NotEntitledError) as caught:
        world.perform(begin())
    assert caught.value.entitlement is denied
    assert (caught.value.status_code, caught.value.sent) == (402, "no")
    assert (caught.value.reason, caught.value.subscription) == ("insufficient_balance", "s1")
    assert (caught.value.customer, caught.value.provider) == ("ann", "openai")
    assert world.outbox.done == []
    assert world.desk.known("c1") is None


def test_a_later_attempt_that_is_denied_leaves_the_first_ones_intent(make: Any) -> None:
    """The call has left before: its end settles what it reserved."""
    world = make(gate=FakeGate())
    world.perform(begin())
    world.gate.answer = Entitlement(False, "insufficient_balance")
    with pytest.raises(NotEntitledError):
        world.perform(begin(usd="2"))
    assert [bill.state for bill in world.outbox.bills()] == ["intent"]
    assert world.gate.reserved == {"c1": Decimal("0.5")}


def test_nobody_is_not_asked_about(make: Any) -> None:
    """Without a customer or a subscription there is nothing that a gate could be asked."""
    world = make(gate=FakeGate())
    assert world.perform(begin(attributes={})) == Begun("")
    assert world.gate.asked == []


def test_unattributed_can_refuse_before_anything_is_sent(make: Any) -> None:
    """The policy ``raise``: no intent, and the message says how to name somebody."""
    world = make(identity=Identity(unattributed="raise"))
    with pytest.raises(BillingError, match="subscription"):
        world.perform(begin(attributes={"user": ("mallory",)}))
    assert world.outbox.bills("intent") == ()
    # A customer whose subscription the gate does not know is nobody, too.
    world = make(identity=Identity(unattributed="raise"), gate=FakeGate(Entitlement(True)))
    with pytest.raises(BillingError):
        world.perform(begin(attributes={"customer": ("ann",)}))
    assert world.gate.reserved == {}


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_outbox_that_fails_lets_nothing_out(make: Any, when: str) -> None:
    """The reservation is released, and an intent that was written after all is taken back."""
    world = make(gate=FakeGate())
    world.outbox.failures[Intend] = [(when, StoreUnavailableError("disk is full"))]
    with pytest.raises(BillingError, match="disk is full"):
        world.perform(begin())
    assert world.outbox.bills("intent", "unknown") == ()
    assert world.gate.reserved == {}
    assert world.desk.known("c1") is None


def test_an_outbox_that_cannot_be_written_at_all_says_so_once(make: Any) -> None:
    """Taking the intent back fails, too: the first failure is raised."""
    world = make()
    world.outbox.failures[Intend] = [("before", StoreUnavailableError("first"))]
    world.outbox.failures[Conclude] = [("before", StoreUnavailableError("second"))]
    with pytest.raises(BillingError, match="first"):
        world.perform(begin())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_call_that_is_given_up_while_it_begins_leaves_nothing(when: str) -> None:
    """Ctrl-C in the middle of the intent: nothing is reserved, no intent stays."""
    world = World(gate=FakeGate())
    world.outbox.failures[Intend] = [(when, KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        world.perform(begin())
    assert world.outbox.bills("intent", "unknown") == ()
    assert world.gate is not None
    assert world.gate.reserved == {}


@pytest.mark.parametrize("steps", range(6))
def test_a_task_that_is_cancelled_while_it_begins_leaves_nothing(steps: int) -> None:
    """At each step of the way: what is left is a whole beginning, or nothing."""
    world = World("async", gate=FakeGate())

    async def given_up() -> bool:
        task = asyncio.ensure_future(world.desk.aperform(begin()))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False

    cancelled = asyncio.run(given_up())
    assert world.gate is not None
    left = [] if cancelled else ["intent"]
    assert [bill.state for bill in world.outbox.bills("intent", "unknown")] == left
    assert bool(world.gate.reserved) is not cancelled


# --- finishing -----------------------------------------------------------------------------------


def test_a_finished_call_is_one_bill_and_no_intent(make: Any) -> None:
    """Intent out, event in, reservation settled at the cost, sender woken."""
    world = make(gate=FakeGate())
    world.perform(begin())
    finished = world.perform(finish())
    assert finished.bills == (("c1:askii_coins", "queued"),)
    (bill,) = world.outbox.bills()
    assert (bill.state, bill.units, bill.at) == ("queued", 4200, AT)
    assert world.gate.log[-1] == ("settled", "c1", Decimal("0.0042"))
    assert world.woken == [1]
    assert world.desk.known("c1") is None


def test_finishing_again_changes_nothing(make: Any) -> None:
    """Callbacks that fire twice, sync and async paths both: one event, told once, woken once."""
    world = make(gate=FakeGate())
    world.perform(begin())
    first = world.perform(finish(charges=(charge(usd=None),)))
    before = world.outbox.bills()
    assert world.perform(finish(charges=(charge(usd=None),))) == first
    assert world.outbox.bills() == before
    assert len(world.told) == 1


def test_a_call_that_is_not_billed_only_loses_its_intent(make: Any) -> None:
    """Refused by the provider, mocked, served from a cache: nothing is sent, what was reserved is free."""
    world = make(gate=FakeGate())
    world.perform(begin())
    assert world.perform(finish()._replace(charges=())).bills == ()
    assert world.outbox.bills() == ()
    assert world.gate.log[-1] == ("settled", "c1", None)
    assert world.gate.reserved == {}


def test_attempts_and_metrics_all_have_their_bills(make: Any) -> None:
    """An answer and a failed attempt at two metrics: four bills, all of one call."""
    terms = Terms(metrics=(Metric("coins"), Metric("tokens", measure="prompt_tokens")))
    world = make(terms=terms, gate=FakeGate())
    world.perform(begin())
    world.perform(finish("c1", charge("c1-1", outcome="attempt", estimated=True), charge()))
    found = {bill.id: bill.state for bill in world.outbox.bills()}
    assert found == {
        "c1-1:coins": "listed", "c1-1:tokens": "listed", "c1:coins": "queued", "c1:tokens": "queued",
    }  # fmt: skip
    assert {bill.call for bill in world.outbox.bills()} == {"c1"}
    # What is only listed is not spent.
    assert world.gate.log[-1] == ("settled", "c1", Decimal("0.0042"))
    assert world.woken == [2]


def test_a_call_of_unknown_cost_keeps_what_it_reserved(make: Any) -> None:
    """Until somebody prices it, the gate takes it for as much as it could have cost."""
    world = make(gate=FakeGate())
    world.perform(begin())
    world.perform(finish(charges=(charge(usd=None, reason="no price"),)))
    assert world.gate.log[-1] == ("settled", "c1", Decimal("0.5"))
    assert world.told == [UsageUnpriced("c1", "gpt-4o", "no price")]
    assert world.woken == []


def test_nobody_to_bill_waits_and_is_told(make: Any) -> None:
    """Held, with its price; somebody is told, once for each charge."""
    terms = Terms(metrics=(Metric("coins"), Metric("tokens", measure="prompt_tokens")))
    world = make(terms=terms)
    world.perform(begin(attributes={}))
    world.perform(finish(attributes={}))
    assert {bill.state for bill in world.outbox.bills()} == {"unattributed"}
    assert world.told == [UsageUnattributed("c1")]


def test_what_begins_elsewhere_can_be_finished_here(make: Any) -> None:
    """Rows of a batch, and calls of another process: billed by what their attributes say."""
    world = make(gate=FakeGate(Entitlement(True, subscription="found")))
    world.perform(finish("row-1"))
    world.perform(finish("row-2", attributes={"customer": ("ann",)}))
    assert [bill.subscription for bill in world.outbox.bills()] == ["s1", "found"]
    assert [check.reserve for check in world.gate.asked] == [None]
    both = {"subscription": ("s2",), "customer": ("ann",)}
    world.perform(finish("row-3", attributes=both))
    assert len(world.gate.asked) == 1
    assert world.outbox.bills()[-1].subscription == "s2"


def test_an_outage_of_the_gate_at_the_end_does_not_lose_the_bill(make: Any) -> None:
    """Whom it is for is found out later."""
    world = make(gate=FakeGate(Entitlement(False, "billing_unavailable", customer="ann")))
    world.perform(finish(attributes={"customer": ("ann",)}))
    (bill,) = world.outbox.bills()
    assert bill.state == "unattributed"
    assert Facts.read(bill.facts).whose == {"customer": "ann"}


def test_an_outbox_that_fails_at_the_end_says_so_and_can_be_tried_again(make: Any) -> None:
    """The spending is counted, the call is not forgotten: once the outbox is back, it is billed as it would have."""
    world = make(gate=FakeGate(Entitlement(True, subscription="found")))
    whose = {"customer": ("ann",)}
    world.perform(begin(attributes=whose))
    world.outbox.failures[Conclude] = [("before", StoreUnavailableError("locked"))]
    with pytest.raises(BillingError, match="locked"):
        world.perform(finish(attributes=whose))
    assert world.gate.log[-1] == ("settled", "c1", Decimal("0.0042"))
    world.perform(finish(attributes=whose))
    assert [(bill.state, bill.subscription) for bill in world.outbox.bills()] == [("queued", "found")]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_while_a_call_is_finished_loses_nothing(when: str) -> None:
    """The bill is written, once, and then the interrupt goes on."""
    world = World(gate=FakeGate())
    world.perform(begin())
    world.outbox.failures[Conclude] = [(when, KeyboardInterrupt())]
    with pytest.raises(KeyboardInterrupt):
        world.perform(finish())
    assert [bill.state for bill in world.outbox.bills()] == ["queued"]


@pytest.mark.parametrize("steps", range(1, 5))
def test_a_task_that_is_cancelled_while_it_finishes_loses_nothing(steps: int) -> None:
    """At each step of the way, the bill is written once."""
    world = World("async")
    world.perform(begin())

    async def given_up() -> None:
        task = asyncio.ensure_future(world.desk.aperform(finish()))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return

    asyncio.run(given_up())
    assert [bill.state for bill in world.outbox.bills()] == ["queued"]


def test_strange_ids_of_calls_are_kept_apart(make: Any) -> None:
    """Rows whose ids somebody chose: any text is a call's id, and the event says it as it was."""
    world = make()
    for call in ("a/b", "a b", "a:b", "ü"):
        world.perform(begin(call))
        world.perform(finish(call))
    found = world.outbox.bills()
    assert len({bill.id for bill in found}) == 4
    assert [Facts.read(bill.facts).call for bill in found] == ["a/b", "a b", "a:b", "ü"]
    assert {bill.state for bill in found} == {"queued"}


# --- identity ------------------------------------------------------------------------------------


def test_a_resolver_that_fails_parks_the_call_and_says_why(make: Any) -> None:
    """It fails no call; it is asked once, when the call begins."""
    asked = []

    def failing(attributes: Any) -> str:
        asked.append(attributes)
        raise LookupError("sk-" + "a" * 30)

    world = make(identity=Identity(failing))
    world.perform(begin(attributes={}))
    world.perform(finish(attributes={}))
    (bill,) = world.outbox.bills()
    assert (bill.state, bill.reason) == ("unattributed", "the function subscription failed: LookupError")  # fmt: skip
    assert len(asked) == 1


# --- many ----------------------------------------------------------------------------------------


def test_eight_threads_finish_what_they_begin() -> None:
    """One desk, 400 calls at once: 400 bills, nothing left open."""
    world = World(gate=FakeGate())

    def work(thread: int) -> None:
        for number in range(50):
            call = f"c{thread}-{number}"
            world.perform(begin(call))
            world.perform(finish(call))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = world.outbox.bills()
    assert len({bill.id for bill in found}) == 400
    assert {bill.state for bill in found} == {"queued"}
    assert world.desk._open == {}


def test_calls_that_nobody_finishes_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their intents tell of them: memory does not grow for ever."""
    world = World()
    now = [AT]
    monkeypatch.setattr(world.desk, "now", lambda: now[0])
    monkeypatch.setattr(world.desk, "_many", 10)
    monkeypatch.setattr("llmkit.billing._desk._MANY", 10)
    for number in range(100):
        now[0] += 100_000
        world.perform(begin(f"c{number}"))
    assert len(world.desk._open) <= 11


def test_an_attempt_that_is_denied_beside_another_takes_nothing_from_it() -> None:
    """Two legs of a hedge begin at once; one is let out: what is reserved and written for it stays."""
    world = World("async", gate=FakeGate())
    gate = world.gate
    assert gate is not None

    async def both() -> list[Any]:
        first = asyncio.ensure_future(world.desk.aperform(begin()))
        second = asyncio.ensure_future(world.desk.aperform(begin(usd="9")))
        await asyncio.sleep(0)
        world.outbox.failures[Intend] = [("before", StoreUnavailableError("locked"))]
        return await asyncio.gather(first, second, return_exceptions=True)

    outcomes = asyncio.run(both())
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Begun", "BillingError"]
    assert [bill.state for bill in world.outbox.bills("intent")] == ["intent"]
    assert "c1" in gate.reserved
