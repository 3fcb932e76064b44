from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import llmkit
from llmkit._billing_events import BillConflict
from llmkit._control.billing.currency import Currency
from llmkit._control.billing.entitlement import Entitlement
from llmkit._control.billing.identity import Identity
from llmkit._control.billing.reporting import moment
from llmkit._control.billing.terms import Terms
from llmkit._cost import Cost
from llmkit._outbox import Bill, ReadBills
from llmkit.billing._reporting import Reported, Said, report
from llmkit.billing._waiting import Waiting
from llmkit.errors import BillingError, ConfigurationError, StoreUnavailableError
from llmkit.testing import Simulator
from llmkit.types.usage import Usage

from ._desks import FakeGate, World

KEY = "sk-" + "billing-0123456789abcdef"
HELLO = [{"role": "user", "content": "hello"}]
MODEL = "openai/gpt-4o-mini"
# What the simulator says that it used is 5 tokens in and 12 out, at 0.15 and 0.60 USD for a million.
COST = Decimal("0.00000795")
USAGE = {"prompt_tokens": 1000, "completion_tokens": 10}
PRICE = Decimal("0.0026")
"""Of ``USAGE`` at gpt-4o: 1000 tokens at $2.50 and 10 at $10, a million each."""


@pytest.fixture(params=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Callable[..., World]:
    """Makes worlds of each colour."""
    return lambda **given: World(request.param, **given)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A provider on this machine."""
    with Simulator() as simulator:
        yield simulator


def say(world: World, given: Any, **said: Any) -> Reported:
    """Report it, for a subscription unless that is said."""
    found: Reported = world.run(report(world.desk, given, Said(**{"subscription": "s1", **said})))
    return found


def only(world: World) -> Bill:
    """The only bill there is."""
    (bill,) = world.outbox.bills()
    return bill


def ask(sim: Simulator, **given: Any) -> Any:
    """An answer of llmkit's."""
    options = {"api_key": KEY, "base_url": sim.base_url}
    with llmkit.Client(**options, **given.pop("client", {})) as client:
        return client.chat.completions.create(model=MODEL, messages=HELLO, **given)


# --- answers of llmkit's -------------------------------------------------------------------------


def test_an_answer_is_billed_under_its_calls_id(make: Any, sim: Simulator) -> None:
    """Id, time, cost and counts are the call's; its attributes and metadata are its own, too."""
    world = make(terms=Terms(properties=("project",)))
    answer = ask(sim, metadata={"project": "blue", "other": "x"})
    assert say(world, answer) == Reported((f"{answer.call.id}:askii_coins",), ("queued",))
    bill = only(world)
    assert (bill.call, bill.usd, bill.units) == (answer.call.id, COST, Decimal("7.95"))
    assert bill.at == int((answer.call.started + answer.call.seconds) * 1000)
    told = json.loads(bill.body)["properties"]
    assert (told["call_id"], told["model"], told["project"]) == (answer.call.id, "gpt-4o-mini", "blue")  # fmt: skip
    assert (told["prompt_tokens"], told["completion_tokens"]) == ("5", "12")
    assert "estimated" not in told


def test_the_same_answer_twice_is_one_event_of_the_same_bytes(make: Any, sim: Simulator) -> None:
    """However often it is reported; it is told as it stands."""
    answer, world, other = ask(sim), make(), make()
    first = say(world, answer)
    before = world.outbox.bills()
    assert say(world, answer) == first
    assert world.outbox.bills() == before
    say(other, answer)
    assert only(other).body == only(world).body
    assert world.told == []
    assert world.woken == [1]


def test_an_answer_that_its_client_has_billed_is_not_billed_again(sim: Simulator) -> None:
    """The same id: the event of the client stands."""
    world = World()
    billing = SimpleNamespace(desk=world.desk)
    answer = ask(sim, client={"billing": billing}, subscription="s1")
    before = only(world)
    assert say(world, answer).states == ("queued",)
    assert only(world) == before
    assert world.told == []


def test_mocked_answers_are_not_billed(make: Any, sim: Simulator) -> None:
    """Nobody bills for what nobody was asked for."""
    world = make()
    assert say(world, ask(sim, mock_response="hi")) == Reported()
    assert world.outbox.done == []


@pytest.mark.parametrize("name", ["id", "at", "usage", "model", "provider"])
def test_what_an_answer_says_itself_cannot_be_said_beside_it(sim: Simulator, name: str) -> None:
    """Another id would bill it twice."""
    with pytest.raises(ConfigurationError, match=name):
        say(World(), ask(sim), **{name: 1_763_780_000})


def test_a_stream_is_reported_when_it_has_ended(make: Any, sim: Simulator) -> None:
    """By its whole answer."""
    world = make()
    with llmkit.Client(api_key=KEY, base_url=sim.base_url) as client:
        stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        for _ in stream:
            pass
        assert say(world, stream).states == ("queued",)
    assert only(world).usd


# --- of anybody's --------------------------------------------------------------------------------


def test_an_amount_is_billed_at_once(make: Any) -> None:
    """Under an id that is made, which comes back; a float is what it is written as."""
    world = make()
    first, second = say(world, 0.0042), say(world, Decimal("0.0042"))
    assert first.ids != second.ids
    assert [bill.units for bill in world.outbox.bills()] == [4200, 4200]


def test_an_id_makes_a_report_idempotent(make: Any) -> None:
    """The second one changes nothing; should it mean something else, somebody is told."""
    world = make()
    say(world, 1, id="invoice/7", at=1_763_780_000.5)
    before = only(world)
    say(world, 1, id="invoice/7", at=1_763_780_009)
    assert world.told == []
    found = say(world, "2", id="invoice/7")
    assert only(world) == before
    assert found.ids == (before.id,)
    (told,) = world.told
    assert isinstance(told, BillConflict)
    assert (told.id, told.reason) == (before.id, "1000000 units are there, 2000000 were reported")


def test_how_a_report_stands_is_read_back(make: Any) -> None:
    """What somebody has discarded is not said to be queued; an outbox that cannot be read does not undo a report."""
    world = make()
    say(world, 1, id="r1", subscription=None)
    world.run(Waiting(world.desk, ("unattributed",))._discarded(None, "a test"))
    assert say(world, 1, id="r1").states == ("discarded",)
    world.outbox.failures[ReadBills] = [("before", StoreUnavailableError("locked"))]
    assert say(world, 1, id="r2").states == ("queued",)


@pytest.mark.parametrize(
    "given",
    [
        {"model": "gpt-4o", "usage": USAGE},
        SimpleNamespace(model="gpt-4o", usage=SimpleNamespace(**USAGE)),
        {
            "type": "message",
            "model": "gpt-4o",
            "usage": {"input_tokens": 1000, "output_tokens": 10},
        },
    ],
)
def test_answers_of_other_sdks_are_priced(make: Any, given: Any) -> None:
    """Dicts and objects, in the forms that providers have."""
    world = make()
    say(world, given)
    assert only(world).usd == PRICE
    assert json.loads(only(world).body)["properties"]["model"] == "gpt-4o"


@pytest.mark.parametrize("given", [USAGE, Usage.model_validate(USAGE)])
def test_a_bare_usage_is_priced_for_a_model(make: Any, given: Any) -> None:
    """``model=`` says whose prices hold; ``at=``, which of them."""
    world = make()
    say(world, given, model="gpt-4o", at=1_763_780_000, provider="openai")
    assert (only(world).usd, only(world).at) == (PRICE, 1_763_780_000_000)
    assert json.loads(only(world).body)["properties"]["prompt_tokens"] == "1000"


def test_an_amount_may_have_counts_beside_it(make: Any) -> None:
    """For metrics of tokens, and for whoever reads the events."""
    world = make()
    say(world, 1, usage=USAGE, model="m")
    assert json.loads(only(world).body)["properties"]["completion_tokens"] == "10"


def test_a_cost_is_billed_as_it_is(make: Any) -> None:
    """An unknown one waits for a price, with its reason."""
    world = make()
    say(world, Cost(Decimal("0.25"), "exact"), id="a")
    say(world, Cost(None, "unknown", reason="no price"), id="b", usage=USAGE)
    known, unknown = world.outbox.bills()
    assert (known.units, known.state) == (250_000, "queued")
    assert (unknown.state, unknown.reason) == ("unpriced", "no price")


def test_usage_of_an_unknown_model_waits_for_a_price(make: Any) -> None:
    """It is not refused, not billed as 0, not lost."""
    world = make()
    assert say(world, USAGE, model="nobody/knows").states == ("unpriced",)
    assert world.told[0].model == "nobody/knows"


@pytest.mark.parametrize("given", [-1, "-0.5", "nan", float("inf"), "", "many", True])
def test_an_amount_that_is_none_is_refused(make: Any, given: Any) -> None:
    """Whoever reports by hand is told, and nothing is written."""
    world = make()
    with pytest.raises((ConfigurationError, TypeError)):
        say(world, given)
    assert world.outbox.done == []


@pytest.mark.parametrize("given", [None, object(), [1]])
def test_what_is_no_report_is_refused(make: Any, given: Any) -> None:
    """Neither an answer, nor a usage, nor an amount."""
    with pytest.raises((ConfigurationError, TypeError)):
        say(make(), given)


def test_with_compat_less_than_nothing_is_billed_as_nothing(make: Any) -> None:
    """As in the fork."""
    world = make(terms=Terms(Currency(compat=True)))
    say(world, -3)
    assert only(world).units == 0


@pytest.mark.parametrize(
    "said", [{"id": ""}, {"id": 3}, {"id": "a\x00"}, {"subscription": ""}, {"customer": 3}]
)
def test_what_is_said_beside_it_is_checked(make: Any, said: dict[str, Any]) -> None:
    """An id that is none would collide; a subscription that is none would be somebody's."""
    with pytest.raises(ConfigurationError):
        say(make(), 1, **said)


# --- whom ----------------------------------------------------------------------------------------


def test_a_report_without_a_subscription_waits_or_is_refused(make: Any) -> None:
    """By the policy; with ``raise`` nothing is written."""
    assert say(make(), 1, subscription=None).states == ("unattributed",)
    world = make(identity=Identity(unattributed="raise"))
    with pytest.raises(BillingError, match="subscription"):
        say(world, 1, subscription=None)
    assert world.outbox.done == []


def test_a_report_for_a_customer_is_billed_to_what_the_gate_finds(make: Any) -> None:
    """Denied or not: it has been used."""
    denied = Entitlement(False, "insufficient_balance", customer="ann", subscription="found")
    world = make(gate=FakeGate(denied))
    say(world, 1, subscription=None, customer="ann")
    assert only(world).subscription == "found"


def test_the_context_around_a_report_says_whose_it_is(make: Any) -> None:
    """As it does for a call; what is said with the report goes before."""
    world = make()
    with llmkit.context(subscription="around"):
        say(world, 1, subscription=None)
        say(world, 1, subscription="said")
    assert [bill.subscription for bill in world.outbox.bills()] == ["around", "said"]


def test_an_answer_is_whose_its_call_was(sim: Simulator) -> None:
    """Not whose the context is in which it is reported; only what is said with the report goes before."""
    with llmkit.context(subscription="callers"):
        answers = ask(sim), ask(sim)
    world = World()
    with llmkit.context(subscription="reporters"):
        say(world, answers[0], subscription=None)
        say(world, answers[1], subscription="said")
    assert [bill.subscription for bill in world.outbox.bills()] == ["callers", "said"]


# --- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "milliseconds"),
    [
        (1_763_780_000, 1_763_780_000_000),
        (1_763_780_000.123, 1_763_780_000_123),
        (Decimal("1763780000.1239"), 1_763_780_000_123),
        (datetime(2025, 11, 22, 2, 53, 20, 123_999, UTC), 1_763_780_000_123),
        (datetime(2025, 11, 22, 4, 53, 20, tzinfo=timezone(timedelta(hours=2))), 1_763_780_000_000),
    ],
)
def test_a_time_is_kept_to_the_millisecond(at: Any, milliseconds: int) -> None:
    """Of a datetime with a zone, or of seconds."""
    assert moment(at) == milliseconds


NAIVE = datetime(2025, 11, 22)  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    "at", [NAIVE, 1_763_780_000_123, -1, 0, float("nan"), float("inf"), "2025-11-22", True]
)
def test_a_time_that_could_be_another_is_refused(at: Any) -> None:
    """No zone, milliseconds, or no time: billed in the wrong month is billed wrongly."""
    with pytest.raises(ConfigurationError):
        moment(at)


def test_without_a_time_it_is_now(make: Any) -> None:
    """To the millisecond."""
    world = make()
    world.desk.now = lambda: 1_763_780_000_456
    say(world, 1)
    assert only(world).at == 1_763_780_000_456
