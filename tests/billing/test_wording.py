from __future__ import annotations

import json
import os
import random
import re
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit._control.billing.charge import Charge
from llmkit._control.billing.currency import EXACT, Currency
from llmkit._control.billing.facts import Facts, counts, properties, said, term, usable, whose
from llmkit._control.billing.metric import Metric
from llmkit._control.billing.terms import Terms, currency_of, terms_of
from llmkit._control.billing.wording import bills, event_id, safe, written
from llmkit._outbox import Bill
from llmkit.errors import ConfigurationError

AT = 1_763_780_000_123
USAGE = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}
NUMBER = re.compile(r"^-?\d+(\.\d+)?$")
SEVERAL = (Metric("askii_coins"), Metric("tokens", measure="total_tokens"))


def charge(**changed: Any) -> Charge:
    """A chat's, of 0.0042 USD, but for what is said."""
    made = Charge("c1", AT, "completed", "openai", "gpt-4o", "chat", Decimal("0.0042"), "exact")
    return (
        made._replace(usage=USAGE, **changed)
        if "usage" not in changed
        else made._replace(**changed)
    )


def one(made: tuple[Bill, ...]) -> Bill:
    """The only one of them."""
    (bill,) = made
    return bill


def body(bill: Bill) -> Any:
    """Its event."""
    return json.loads(bill.body)


def test_an_event_says_exactly_this() -> None:
    """Each byte of a plain event: ids, milliseconds, plain numbers as text, nothing else."""
    assert one(bills(charge(), "c1", "sub_42", Terms())).body == (
        '{"transaction_id":"c1:askii_coins","external_subscription_id":"sub_42","code":"askii_coins",'
        '"timestamp":"1763780000.123","properties":{"askii_coins":"4200","usd":"0.0042","rate":"1000000",'
        '"call_id":"c1","provider":"openai","model":"gpt-4o","kind":"chat","prompt_tokens":"12",'
        '"completion_tokens":"34"}}'
    )


def test_a_bill_says_the_same_as_its_event() -> None:
    """Units, dollars, time, code and subscription beside the body."""
    bill = one(bills(charge(), "c1", "sub_42", Terms()))
    assert (bill.id, bill.call, bill.state) == ("c1:askii_coins", "c1", "queued")
    assert (bill.units, bill.usd, bill.at) == (4200, Decimal("0.0042"), AT)
    assert (bill.code, bill.subscription) == ("askii_coins", "sub_42")


def test_the_same_charge_is_worded_in_the_same_bytes() -> None:
    """Reported again, the event is the same one."""
    assert bills(charge(), "c1", "s", Terms()) == bills(charge(), "c1", "s", Terms())


@pytest.mark.parametrize(
    ("at", "stamp"),
    [(0, "0.000"), (999, "0.999"), (1_000, "1.000"), (10**12 + 7, "1000000000.007")],
)
def test_a_time_is_never_floored_to_seconds(at: int, stamp: str) -> None:
    """Three decimals, always; also where they are zeros."""
    assert body(one(bills(charge(at=at), "c1", "s", Terms())))["timestamp"] == stamp


def test_several_metrics_are_one_event_each() -> None:
    """One id per code, so that neither is taken for the other's duplicate; the cost is one bill's alone."""
    coins, tokens = bills(charge(), "c1", "s", Terms(metrics=SEVERAL))
    assert (coins.id, tokens.id) == ("c1:askii_coins", "c1:tokens")
    assert (coins.usd, tokens.usd) == (Decimal("0.0042"), 0)
    assert body(tokens)["properties"]["tokens"] == "46"
    assert "usd" not in body(tokens)["properties"]


def test_the_cost_is_that_of_the_metric_of_money_wherever_it_stands() -> None:
    """The first of money has it, and no other."""
    spent = Metric("usd_spent", measure="usd")
    metrics = (Metric("tokens", measure="total_tokens"), spent, Metric("coins"))
    made = bills(charge(), "c1", "s", Terms(metrics=metrics))
    assert [bill.usd for bill in made] == [0, Decimal("0.0042"), 0]
    assert body(made[1])["properties"]["usd_spent"] == "0.0042"


def test_the_cost_is_some_bills_also_without_a_metric_of_money() -> None:
    """What is owed is known, though only tokens are sent."""
    metrics = (Metric("in", measure="prompt_tokens"), Metric("out", measure="completion_tokens"))
    assert [b.usd for b in bills(charge(), "c1", "s", Terms(metrics=metrics))] == [Decimal("0.0042"), 0]  # fmt: skip


def test_what_a_metric_does_not_count_has_no_event() -> None:
    """A count that a provider did not report is no event of 0."""
    terms = Terms(metrics=(Metric("out", measure="completion_tokens"),))
    assert bills(charge(usage={"prompt_tokens": 1}), "c1", "s", terms) == ()


@pytest.mark.parametrize(
    ("usd", "cents"),
    [
        ("0.0042", "0.42"),
        ("1e-17", "0.000000000000001"),
        ("4e-18", "0"),
        ("1000000000", "100000000000"),
        ("0.123456789012345678", "12.345678901234568"),
    ],
)
def test_dynamic_events_say_the_amount_in_cents(usd: str, cents: str) -> None:
    """Plain, of 15 decimals at most; the rest of the event is as ever."""
    made = one(bills(charge(usd=Decimal(usd)), "c1", "s", Terms(mode="dynamic")))
    assert body(made)["precise_total_amount_cents"] == cents
    assert NUMBER.match(body(made)["properties"]["askii_coins"])


def test_only_metrics_of_money_say_the_amount_unasked() -> None:
    """Two events of one call with its amount would be billed twice."""
    coins, tokens = bills(charge(), "c1", "s", Terms(metrics=SEVERAL, mode="dynamic"))
    assert "precise_total_amount_cents" in body(coins)
    assert "precise_total_amount_cents" not in body(tokens)
    asked = Terms(metrics=(Metric("tokens", measure="total_tokens", mode="dynamic"),))
    assert body(one(bills(charge(), "c1", "s", asked)))["precise_total_amount_cents"] == "0.42"
    assert one(bills(charge(usd=None), "c1", "s", asked)).state == "unpriced"


def test_an_unknown_cost_waits_for_a_price_and_keeps_its_tokens() -> None:
    """No body, no 0: the usage and the reason are kept."""
    bill = one(bills(charge(usd=None, reason="no price for gpt-9"), "c1", "s", Terms()))
    assert (bill.state, bill.body, bill.usd) == ("unpriced", "", None)
    assert bill.reason == "no price for gpt-9"
    assert Facts.read(bill.facts).usage == USAGE


def test_tokens_are_billed_though_their_price_is_not_known() -> None:
    """Only what needs the price waits for it."""
    states = [bill.state for bill in bills(charge(usd=None), "c1", "s", Terms(metrics=SEVERAL))]
    assert states == ["unpriced", "queued"]


@pytest.mark.parametrize("usd", [Decimal("NaN"), Decimal(-1), Decimal("Infinity"), Decimal("1e40")])
def test_a_strange_cost_waits_and_raises_nothing(usd: Decimal) -> None:
    """A provider that says -1 USD fails no call, and is not billed."""
    bill = one(bills(charge(usd=usd), "c1", "s", Terms()))
    assert (bill.state, bill.usd) == ("unpriced", None)
    assert bill.reason


def test_an_explicit_zero_is_billed_as_zero() -> None:
    """What a provider says is free is an event of 0, not unknown."""
    bill = one(bills(charge(usd=Decimal("0.00")), "c1", "s", Terms()))
    assert bill.state == "queued"
    assert body(bill)["properties"]["askii_coins"] == "0"
    assert body(bill)["properties"]["usd"] == "0"


def test_nobody_to_bill_is_unattributed() -> None:
    """The price is kept, the event is not written."""
    bill = one(bills(charge(), "c1", "", Terms(), whose={"customer": "ann"}))
    assert (bill.state, bill.body, bill.usd) == ("unattributed", "", Decimal("0.0042"))
    assert Facts.read(bill.facts).whose == {"customer": "ann"}


def test_an_estimate_is_flagged_and_held_where_the_policy_says_so() -> None:
    """Whoever reads the event sees that the provider's own count never came."""
    guess = charge(estimated=True, outcome="closed")
    assert body(one(bills(guess, "c1", "s", Terms())))["properties"]["estimated"] == "true"
    held = one(bills(guess, "c1", "s", Terms(broken="hold")))
    assert (held.state, held.body) == ("held", "")
    assert "estimated" not in body(one(bills(charge(), "c1", "s", Terms(broken="hold"))))["properties"]  # fmt: skip


def test_attempts_that_failed_are_listed_or_billed() -> None:
    """By policy; both have the call's id, and an id of their own."""
    attempt = charge(id="c1-1", outcome="attempt", estimated=True)
    listed = one(bills(attempt, "c1", "s", Terms()))
    assert (listed.state, listed.id, listed.call) == ("listed", "c1-1:askii_coins", "c1")
    billed = one(bills(attempt, "c1", "s", Terms(failed_attempts="bill", broken="hold")))
    assert billed.state == "queued"
    assert body(billed)["properties"]["call_id"] == "c1"


# --- ids ---------------------------------------------------------------------------------------

NAMES = st.text(max_size=40) | st.text("ab:/-~. é", max_size=12)


@given(NAMES, NAMES, NAMES, NAMES)
def test_ids_are_url_safe_and_never_meet(a: str, b: str, c: str, d: str) -> None:
    """Two charges or codes that differ have ids that differ, and each stands in a path as it is."""
    one_id, other = event_id(a, b), event_id(c, d)
    assert quote(one_id, safe=":") == one_id
    assert len(one_id) <= 255
    assert (one_id == other) == ((a, b) == (c, d))


@given(NAMES)
def test_a_safe_id_stays_and_any_other_becomes_safe(name: str) -> None:
    """Ids of our own are not touched."""
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", safe(name))
    assert safe("call_0123abc-2") == "call_0123abc-2"


@pytest.mark.parametrize(
    "subscription", ["sub 42", "a/b?c#d", "kunde-ü-東京-👩‍💻", '"quoted"\\', "x" * 1024]
)
def test_any_subscription_is_sent_as_it_is(subscription: str) -> None:
    """Spaces, slashes, unicode: the body has the very id."""
    bill = one(bills(charge(), "c1", subscription, Terms()))
    assert body(bill)["external_subscription_id"] == bill.subscription == subscription
    assert usable(subscription) == subscription


@pytest.mark.parametrize("wrong", ["", "  ", "a\x00b", "a\nb", "\ud800", "x" * 1025, None, 3, b"s"])
def test_what_no_database_can_hold_is_no_subscription(wrong: Any) -> None:
    """Better unattributed than somebody else's."""
    assert not usable(wrong)


# --- what gets in --------------------------------------------------------------------------------


def test_only_allowed_metadata_gets_in_and_as_text() -> None:
    """Numbers and flags become text; what is nested, empty or not allowed stays out."""
    given_metadata = {
        "project": "blue", "n": 3, "ratio": 1e-7, "flag": True, "none": None, "nested": {"a": 1}, "other": "x",
    }  # fmt: skip
    names = ("project", "n", "ratio", "flag", "none", "nested", "absent")
    told = properties(given_metadata, names)
    assert told == {"project": "blue", "n": "3", "ratio": "0.0000001", "flag": "true"}
    event = body(one(bills(charge(), "c1", "s", Terms(properties=names), properties=told)))
    assert list(event["properties"])[-4:] == ["project", "n", "ratio", "flag"]


def test_every_property_is_text_and_they_are_few_and_short() -> None:
    """At most 30 of them, each bounded: no event can outgrow a batch."""
    names = tuple(f"p{n}" for n in range(20))
    told = properties(dict.fromkeys(names, "y" * 9_999), names)
    strange = charge(model="m" * 9_999, provider="p\x00\ud800", kind="k" * 9_999, estimated=True)
    event = body(one(bills(strange, "c" * 9_999, "s", Terms(properties=names), properties=told)))
    values = event["properties"].values()
    assert len(values) <= 30
    assert all(isinstance(value, str) and 0 < len(value) <= 256 for value in values)
    assert len(json.dumps(event)) < 10_000


def test_what_looks_like_a_key_is_redacted() -> None:
    """Somebody puts a key into metadata, or a model's name: it does not travel."""
    key = "sk-" + "a1B2" * 10
    assert key not in said(f"the key is {key}")
    told = whose({"user": (key,), "key": ("hash",)})
    made = bills(charge(model=key, reason=key, usd=None), "c1", "", Terms(), whose=told)
    assert key not in repr(made)
    assert "hash" not in repr(made)


def test_of_a_usage_only_numbers_get_in() -> None:
    """What a provider puts beside its counts may be text of the prompt; what prices depend on stays."""
    usage = {
        "prompt_tokens": 3, "echo": "SECRET-PROMPT", "flag": True, "credit": "1.5", "none": None,
        "prompt_tokens_details": {"cached_tokens": 2, "text": "SECRET-PROMPT"},
        "beside": [{"model": "m2", "prompt_tokens": 1, "note": "SECRET-PROMPT"}],
        "measures": [{"dimension": "d", "quantity": "2", "unit": "u", "facts": {"size": "1x1"}}, "SECRET-PROMPT"],
        "service_tier": "flex", "facts": {"region": "eu"}, "list": ["SECRET-PROMPT"],
        "deep": {"a": {"b": {"c": {"d": {"e": 1}}}}},
    }  # fmt: skip
    kept = counts(usage)
    assert "SECRET" not in json.dumps(kept)
    assert kept["prompt_tokens_details"] == {"cached_tokens": 2}
    assert kept["beside"] == [{"model": "m2", "prompt_tokens": 1}]
    assert kept["measures"] == [
        {"dimension": "d", "quantity": "2", "unit": "u", "facts": {"size": "1x1"}}
    ]
    assert (kept["service_tier"], kept["facts"], kept["credit"]) == ("flex", {"region": "eu"}, "1.5")  # fmt: skip
    assert "flag" not in kept
    # What is nested deeper than any usage is not followed.
    assert kept["deep"] == {"a": {"b": {"c": {}}}}


# --- written later, from facts -----------------------------------------------------------------


def test_the_rate_is_the_one_that_held() -> None:
    """An unattributed call is billed at the rate of its own time, whatever holds by then."""
    old = Terms(Currency(rate=2))
    kept = one(bills(charge(), "c1", "", old)).facts
    event = body(written(Facts.read(kept), "s"))
    assert event["properties"]["askii_coins"] == "0.0084"
    assert event["properties"]["rate"] == "2"


def test_a_bill_written_later_is_the_bill_that_would_have_been() -> None:
    """Attributed afterwards, it has the same bytes as if its subscription had been known."""
    now = bills(charge(), "c1", "s", Terms(metrics=SEVERAL, mode="dynamic"))
    later = [
        written(Facts.read(bill.facts), "s")
        for bill in bills(charge(), "c1", "", Terms(metrics=SEVERAL, mode="dynamic"))
    ]
    assert [bill.body for bill in later] == [bill.body for bill in now]


def test_the_sum_of_all_events_is_the_sum_of_all_costs() -> None:
    """Over random calls (a million under LLMKIT_FULL), with more digits than floats have, read back from the bytes."""
    count = 1_000_000 if os.environ.get("LLMKIT_FULL") else 20_000
    rng, terms = random.Random(5), Terms()
    total = coins = dollars = Decimal(0)
    for number in range(count):
        usd = Decimal(rng.randrange(1, 10 ** rng.randrange(1, 34))).scaleb(-24)
        total = EXACT.add(total, usd)
        sent = one(bills(charge(usd=usd), f"c{number}", "s", terms)).body
        told = json.loads(sent)["properties"]
        assert NUMBER.match(told["askii_coins"])
        coins = EXACT.add(coins, Decimal(told["askii_coins"]))
        dollars = EXACT.add(dollars, Decimal(told["usd"]))
    assert dollars == total
    assert coins == EXACT.multiply(total, Decimal(1_000_000))


@given(st.decimals("1e-12", "1e9", allow_nan=False, allow_infinity=False))
def test_numbers_of_events_are_always_plain(usd: Decimal) -> None:
    """From 1e-12 to 1e9 USD no value is anything but digits and a point between digits."""
    event = body(one(bills(charge(usd=usd), "c1", "s", Terms(mode="dynamic"))))
    told = event["properties"]
    numbers = [told[name] for name in ("askii_coins", "usd", "rate", "prompt_tokens")]
    assert all(NUMBER.match(text) for text in (*numbers, event["precise_total_amount_cents"]))


# --- terms -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": (Metric("a"), Metric("a", measure="usd"))}, {"properties": ("a", "a")}, {"properties": ("model",)},
        {"properties": ("askii_coins",)}, {"properties": tuple(map(str, range(21)))}, {"mode": "static"},
    ],
)  # fmt: skip
def test_terms_that_cannot_hold_are_refused(wrong: dict[str, Any]) -> None:
    """Two events under one id, or two values under one name, would bill wrongly in silence."""
    with pytest.raises(ConfigurationError):
        Terms(**wrong)


class Settings:
    currency: Any = None
    rate: Any = None
    environ = {"ASKII_COIN_EXCHANGE_RATE": "10"}  # noqa: RUF012 - read only
    compat = False
    metrics: Any = None
    mode = "standard"
    properties = ("project",)
    broken = "drain"
    failed_attempts = "list"
    drain_seconds = 3.0
    batch_results = True


def test_terms_are_read_from_settings_once() -> None:
    """The rate of the environment, the default metric, and how long a stream is read on."""
    settings: Any = Settings()
    terms = terms_of(settings)
    settings.environ = {}
    assert terms.currency.rate == 10
    assert [metric.code for metric in terms.metrics] == ["askii_coins"]
    assert (terms.drain_seconds, terms.batch_results) == (3.0, True)


@pytest.mark.parametrize(("name", "value"), [("currency", "coins"), ("metrics", ["coins"]), ("rate", 0)])  # fmt: skip
def test_settings_that_are_none_are_refused(name: str, value: Any) -> None:
    """A currency or a metric of another kind is said to be none."""
    settings: Any = Settings()
    setattr(settings, name, value)
    with pytest.raises(ConfigurationError):
        terms_of(settings)


def test_a_currency_of_ones_own_names_code_and_property() -> None:
    """Credits at 100 a dollar."""
    settings: Any = Settings()
    settings.currency = Currency("credits", 100)
    assert currency_of(settings) is settings.currency
    told = body(one(bills(charge(), "c1", "s", terms_of(settings))))
    assert (told["code"], told["properties"]["credits"]) == ("credits", "0.42")


@pytest.mark.parametrize(
    "value", ["gpt-4o", "", "a\x00b", "sk-" + "a1B2" * 10, "x" * 5000, None, 3, True, ["gpt-4o"]]
)
def test_a_term_is_said_as_anything_else_is(value: Any) -> None:
    """What is remembered is what is said anew, the first time and any later one; what is no text is no failure."""
    assert term(value) == term(value) == said(value)
