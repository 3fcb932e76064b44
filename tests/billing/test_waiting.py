from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from llmkit._control.billing.currency import Currency
from llmkit._control.billing.metric import Metric
from llmkit._control.billing.terms import Terms
from llmkit._outbox import Bill, Conclude, Mark, Marked
from llmkit.billing._desk import Desk
from llmkit.billing._waiting import Waiting
from llmkit.catalogue import Catalogue, default
from llmkit.errors import ConfigurationError

from ._desks import World, begin, charge, finish

UNPRICED, UNATTRIBUTED = ("unpriced",), ("unattributed",)
ALL = ("unknown", "dead", "unpriced", "unattributed", "held", "listed")
PRICES = {"input_cost_per_token": "0.000001", "output_cost_per_token": "0.000002"}
STRANGE = {"provider": "host", "model": "nobody-knows-it"}


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Callable[..., World]:
    """Makes worlds of each colour."""
    return lambda **given: World(request.param, **given)


def ask(world: World, states: Any, what: str, *given: Any, **named: Any) -> Any:
    """Call a method of what waits, in the world's colour."""
    waiting = Waiting(world.desk, states)
    return world.both(
        lambda: getattr(waiting, what)(*given, **named),
        lambda: getattr(waiting, "a" + what)(*given, **named),
    )


def bill_of(world: World, id_: str) -> Bill:
    """The bill of this id."""
    return next(bill for bill in world.outbox.bills() if bill.id == id_)


def rated(world: World, rate: int) -> Desk:
    """Another desk over the same outbox, at another rate."""
    return Desk(Terms(Currency(rate=rate)), world.desk.identity, world.outbox)


# --- prices --------------------------------------------------------------------------------------


def test_an_unpriced_bill_is_sent_once_it_has_a_price(make: Any) -> None:
    """At an amount that somebody names: same id, same time, behind all that is queued, and the sender is woken."""
    world = make()
    world.perform(finish("c1", charge("c1", None)))
    world.perform(finish("c2"))
    (before,) = ask(world, UNPRICED, "list")
    assert ask(world, UNPRICED, "reprice", before.id, "0.0042") == (before.id,)
    after = bill_of(world, before.id)
    assert (after.state, after.at, after.id) == ("queued", before.at, before.id)
    assert after.number > bill_of(world, "c2:askii_coins").number
    assert (after.units, after.usd) == (4200, Decimal("0.0042"))
    assert json.loads(after.body)["timestamp"] == "1763780000.123"
    assert world.woken[-1] == 1


def test_it_can_be_priced_by_prices_that_are_given(make: Any) -> None:
    """Its tokens were kept, so a price of tokens is enough."""
    world = make()
    usage = {"prompt_tokens": 1000, "completion_tokens": 10}
    world.perform(finish("c1", charge("c1", None, usage=usage, **STRANGE)))
    assert ask(world, UNPRICED, "reprice") == ()
    assert ask(world, UNPRICED, "reprice", prices=PRICES) == ("c1:askii_coins",)
    assert bill_of(world, "c1:askii_coins").usd == Decimal("0.00102")


def test_it_can_be_priced_by_a_catalogue_that_knows_more_by_now(make: Any) -> None:
    """Cached tokens and measures are priced as they would have been."""
    world = make()
    usage = {
        "prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 400},
    }  # fmt: skip
    world.perform(finish("c1", charge("c1", None, usage=usage)))
    assert ask(world, UNPRICED, "reprice", catalogue=default()) == ("c1:askii_coins",)
    # 600 at $2.50, 400 at $1.25, 10 at $10, a million each.
    assert bill_of(world, "c1:askii_coins").usd == Decimal("0.0021")


def test_it_is_priced_as_of_when_it_was_used(make: Any) -> None:
    """A price that holds from December on does not hold for what was used before."""
    known = Catalogue()
    dated = [
        {"usd": {"input": 1}, "when": {"until": "2026-12-01"}},
        {"usd": {"input": 2}, "when": {"from": "2026-12-01"}},
    ]
    known.register_fields({"acme/a": {"rates": dated, "output_cost_per_token": 0}})
    world = make()
    told = {
        "provider": "acme",
        "model": "a",
        "usage": {"prompt_tokens": 10**6, "completion_tokens": 0},
    }
    days = {"c1": datetime(2026, 11, 30, tzinfo=UTC), "c2": datetime(2026, 12, 2, tzinfo=UTC)}
    for call, day in days.items():
        world.perform(finish(call, charge(call, None, at=int(day.timestamp() * 1000), **told)))
    ask(world, UNPRICED, "reprice", catalogue=known)
    assert [bill.usd for bill in world.outbox.bills()] == [1, 2]


def test_seconds_of_a_recording_are_priced_anew(make: Any) -> None:
    """What is counted in no tokens was kept, too."""
    world = make()
    heard = {"measures": [{"dimension": "audio_input", "quantity": "60", "unit": "second"}]}
    told = {"kind": "transcription", "model": "whisper-1", "usage": heard}
    world.perform(finish("c1", charge("c1", None, **told)))
    assert ask(world, UNPRICED, "reprice") == ("c1:askii_coins",)
    assert bill_of(world, "c1:askii_coins").usd == Decimal("0.006")


def test_a_price_that_is_still_not_known_changes_nothing(make: Any) -> None:
    """It waits on, and is not billed as 0."""
    world = make()
    world.perform(finish("c1", charge("c1", None, usage={}, **STRANGE)))
    before = world.outbox.bills()
    assert ask(world, UNPRICED, "reprice") == ()
    assert world.outbox.bills() == before


def test_the_rate_of_the_call_holds_when_it_is_priced_later(make: Any) -> None:
    """Whoever prices it has another rate by then: it is billed at that of its own time."""
    world = make()
    world.perform(finish("c1", charge("c1", None)))
    world.desk = rated(world, 7)
    ask(world, UNPRICED, "reprice", "c1:askii_coins", 1)
    assert bill_of(world, "c1:askii_coins").units == 1_000_000


def test_amounts_can_be_given_by_id(make: Any) -> None:
    """Each its own; an id without one is an error, and nothing is changed."""
    world = make()
    for call in ("c1", "c2"):
        world.perform(finish(call, charge(call, None)))
    usd = {"c1:askii_coins": 1, "c2:askii_coins": "2"}
    with pytest.raises(ConfigurationError, match="c3"):
        ask(world, UNPRICED, "reprice", ["c1:askii_coins", "c3"], usd)
    assert set(ask(world, UNPRICED, "reprice", usd=usd)) == set(usd)
    assert [bill.units for bill in world.outbox.bills()] == [1_000_000, 2_000_000]


@pytest.mark.parametrize(("ids", "usd"), [(None, 1), ("x", -1), ("x", "nan"), (["x"], {"x": True})])
def test_an_amount_that_is_none_is_refused(make: Any, ids: Any, usd: Any) -> None:
    """One amount for who knows how many, or no amount at all."""
    with pytest.raises(ConfigurationError):
        ask(make(), UNPRICED, "reprice", ids, usd)


def test_a_metric_that_is_a_function_is_asked_again(make: Any) -> None:
    """A function that could not say then says now."""
    told: list[Any] = [ValueError()]

    def units(_: Any) -> Any:
        if isinstance(told[0], Exception):
            raise told[0]
        return told[0]

    world = make(terms=Terms(metrics=(Metric("units", measure=units),)))
    world.perform(finish())
    assert bill_of(world, "c1:units").state == "unpriced"
    told[0] = 12
    assert ask(world, UNPRICED, "reprice") == ("c1:units",)
    assert bill_of(world, "c1:units").units == 12


# --- subscriptions -------------------------------------------------------------------------------


def test_an_unattributed_bill_is_sent_once_it_has_a_subscription(make: Any) -> None:
    """The very event that it would have been."""
    world = make()
    world.perform(finish("c1", attributes={}))
    world.perform(finish("c2"))
    assert ask(world, UNATTRIBUTED, "attribute", None, "s1") == ("c1:askii_coins",)
    bill = bill_of(world, "c1:askii_coins")
    assert (bill.state, bill.subscription) == ("queued", "s1")
    assert bill.body.replace("c1", "c2") == bill_of(world, "c2:askii_coins").body


def test_what_lacks_both_needs_both(make: Any) -> None:
    """Attributed, it still waits for its price; priced first, it still waits for whom it is for."""
    world = make()
    world.perform(finish("c1", charge("c1", None), attributes={}))
    assert ask(world, UNATTRIBUTED, "attribute", "c1:askii_coins", "s1")
    assert bill_of(world, "c1:askii_coins").state == "unpriced"
    world.perform(finish("c2", charge("c2", None), attributes={}))
    assert ask(world, UNATTRIBUTED, "reprice", "c2:askii_coins", 1) == ("c2:askii_coins",)
    bill = bill_of(world, "c2:askii_coins")
    assert (bill.state, bill.usd) == ("unattributed", 1)
    ask(world, UNATTRIBUTED, "attribute", "c2:askii_coins", "s1")
    assert bill_of(world, "c2:askii_coins").units == 1_000_000


@pytest.mark.parametrize("wrong", ["", " ", None, 3, "a\x00"])
def test_only_an_id_can_be_billed(make: Any, wrong: Any) -> None:
    """What is no id is refused."""
    with pytest.raises(ConfigurationError):
        ask(make(), UNATTRIBUTED, "attribute", None, wrong)


# --- somebody's word -----------------------------------------------------------------------------


def test_what_is_held_or_listed_is_billed_when_somebody_says_so(make: Any) -> None:
    """As it was estimated, or at another amount; an estimate stays one."""
    world = make(terms=Terms(broken="hold"))
    attempt = charge("c1-1", "0.001", outcome="attempt", estimated=True)
    broken = charge("c1", "0.002", outcome="closed", estimated=True)
    world.perform(finish("c1", attempt, broken))
    assert [bill.state for bill in world.outbox.bills()] == ["listed", "held"]
    assert ask(world, ("listed",), "bill", "c1-1:askii_coins") == ("c1-1:askii_coins",)
    assert ask(world, ("held",), "bill", "c1:askii_coins", 3) == ("c1:askii_coins",)
    billed = {bill.id: json.loads(bill.body)["properties"] for bill in world.outbox.bills()}
    assert billed["c1-1:askii_coins"]["usd"] == "0.001"
    assert billed["c1:askii_coins"]["usd"] == "3"
    assert all(told["estimated"] == "true" for told in billed.values())


def test_a_held_bill_for_nobody_still_needs_somebody(make: Any) -> None:
    """Being billed does not make up whom."""
    world = make(terms=Terms(broken="hold"))
    world.perform(finish("c1", charge(estimated=True), attributes={}))
    ask(world, ("held",), "bill", None)
    assert bill_of(world, "c1:askii_coins").state == "unattributed"


def lost(world: World, call: str = "c1", **changed: Any) -> None:
    """A call of which nobody will say what became of it."""
    now = world.outbox.store._clock
    world.outbox.store._clock = lambda: now() - 10_000
    world.perform(begin(call, **changed))
    world.outbox.store._clock = now


def test_an_unknown_call_is_billed_at_what_somebody_says(make: Any) -> None:
    """All its metrics; under the ids that it would have had, so that a late end of the call changes nothing."""
    terms = Terms(metrics=(Metric("askii_coins"), Metric("calls", measure="requests")))
    world = make(terms=terms)
    lost(world, metadata={"other": "x"})
    world.desk = Desk(Terms(Currency(rate=7)), world.desk.identity, world.outbox, wake=world.woken.append)  # fmt: skip
    with pytest.raises(ConfigurationError, match="c1"):
        ask(world, ("unknown",), "bill", None)
    assert ask(world, ("unknown",), "bill", "c1", "0.5") == ("c1:askii_coins", "c1:calls")
    coins, calls = world.outbox.bills()
    assert (coins.state, coins.units, coins.subscription) == ("queued", 500_000, "s1")
    assert calls.units == 1
    assert world.woken == [2]
    world.perform(finish())
    assert world.outbox.bills() == (coins, calls)


def test_a_function_that_is_gone_leaves_an_unknown_calls_units_unknown(make: Any) -> None:
    """A metric that was a function is today's of that code; without one, it waits."""
    world = make(terms=Terms(metrics=(Metric("a"), Metric("b", measure=lambda _: 5))))
    lost(world)
    lost(world, "c2")
    ask(world, ("unknown",), "bill", "c1", 1)
    world.desk = Desk(Terms(), world.desk.identity, world.outbox)
    ask(world, ("unknown",), "bill", "c2", 1)
    assert bill_of(world, "c1:b").units == 5
    assert bill_of(world, "c2:b").state == "unpriced"


def test_what_was_refused_is_sent_again_as_it_was(make: Any) -> None:
    """Byte by byte, under the same id."""
    world = make()
    world.perform(finish())
    before = bill_of(world, "c1:askii_coins")
    world.outbox.perform(Mark((Marked(before.id, "dead", "no such metric"),)))
    assert [bill.reason for bill in ask(world, ("dead",), "list")] == ["no such metric"]
    assert ask(world, ("dead",), "replay") == (before.id,)
    after = bill_of(world, before.id)
    assert (after.state, after.body, after.reason) == ("queued", before.body, "")


def test_what_shall_not_be_billed_is_discarded_with_a_reason(make: Any) -> None:
    """Anything that waits; without a reason it is refused; what is queued is left."""
    world = make(terms=Terms(broken="hold"))
    lost(world, "c0")
    world.perform(finish("c1", charge("c1", None)))
    world.perform(finish("c2", attributes={}))
    world.perform(finish("c3", charge("c3", estimated=True), charge("c3-1", outcome="attempt")))
    world.perform(finish("c4"))
    world.perform(finish("c5"))
    world.outbox.perform(Mark((Marked("c5:askii_coins", "dead", "refused"),)))
    with pytest.raises(ConfigurationError, match="why"):
        ask(world, ALL, "discard", None, " ")
    assert len(ask(world, ALL, "discard", None, "a test")) == 6
    found = {bill.id: (bill.state, bill.reason) for bill in world.outbox.bills()}
    assert found.pop("c4:askii_coins") == ("queued", "")
    assert set(found.values()) == {("discarded", "a test")}


def test_only_what_waits_there_is_changed(make: Any) -> None:
    """An id in another state, or of nobody, is left."""
    world = make()
    world.perform(finish())
    before = world.outbox.bills()
    assert ask(world, UNPRICED, "reprice", ["c1:askii_coins", "nobody"], 9) == ()
    assert ask(world, ("dead",), "replay", ()) == ()
    assert world.outbox.bills() == before


def test_a_room_changes_nothing_of_another_room(make: Any) -> None:
    """What was refused is not sent again from the room of what has no price, nor what is listed billed as held."""
    world = make()
    world.perform(finish("c1", charge("c1-1", outcome="attempt"), charge()))
    world.outbox.perform(Mark((Marked("c1:askii_coins", "dead", "refused"),)))
    before = world.outbox.bills()
    assert ask(world, UNPRICED, "replay") == ()
    assert ask(world, UNPRICED, "replay", "c1:askii_coins") == ()
    assert ask(world, ("held",), "bill", None) == ()
    assert ask(world, ("dead",), "attribute", None, "s2") == ()
    assert world.outbox.bills() == before


def test_many_are_changed_page_by_page(make: Any) -> None:
    """More than a page, by id and without."""
    world = make()
    for number in range(1_200):
        world.outbox.perform(Conclude(f"c{number}"))
    waiting = [charge(f"r{number}", None) for number in range(1_200)]
    world.perform(finish("c", *waiting))
    ids = [bill.id for bill in ask(world, UNPRICED, "list", limit=2_000)]
    assert len(ask(world, UNPRICED, "reprice", ids[:600], 1)) == 600
    assert len(ask(world, UNPRICED, "discard", None, "enough")) == 600
    assert sum(world.woken) == 600
    assert len(ask(world, ("discarded",), "list", limit=5)) == 5


def test_its_repr_shows_no_bill(make: Any) -> None:
    """Only which states it is of."""
    assert repr(Waiting(make().desk, ALL)) == f"Waiting({', '.join(ALL)})"
