"""``doctor()``: what is not right is found before anything is billed, and nothing is billed by looking."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from llmkit import errors
from llmkit._control.billing.examination import Examination, Examined, examine
from llmkit._control.billing.lago import Lago
from llmkit._control.billing.metric import Metric
from llmkit._control.billing.questions import Questions
from llmkit._secret import Secret
from llmkit.testing import lago_faults

from ._virtual import Virtual

COINS = Metric("askii_coins")


def examined(world: Virtual, *metrics: Metric, lago: Lago | None = None, **how: Any) -> Examination:
    """What a doctor finds."""
    how.setdefault("subscription", "sub_1")
    what = Examined(lago or world.lago, metrics or (COINS,), **how)
    questions = Questions(world.clock.now, world.clock.wall, tries=2)
    found: Examination = world.drive(examine(what, questions))
    assert not world.fake.events
    return found


def ready(**how: Any) -> Virtual:
    """A Lago that is set up as it should be."""
    world = Virtual(**how)
    world.fake.furnish("sub_1", balance_cents=1000, started_at=world.clock.wall() - 1e6)
    return world


def levels(found: Examination, about: str) -> list[str]:
    """How it is said to be about something."""
    return [finding.level for finding in found.findings if finding.about.startswith(about)]


def test_a_lago_that_is_well_has_no_failure() -> None:
    """All is looked at, and said in words; nothing is stored."""
    world = ready()
    found = examined(world)
    assert found.ok
    assert {finding.level for finding in found.findings} == {"ok"}
    text = str(found)
    for word in (
        "address",
        "key",
        "clock",
        "metric askii_coins",
        "store",
        "charge for askii_coins",
        "wallets",
    ):
        assert word in text
    assert not world.fake.events


def test_a_wrong_code_fails_loudly() -> None:
    """A code that Lago would answer with 200 and never count is a failure that names it."""
    found = examined(ready(), Metric("askii_coin"))
    assert not found.ok
    [finding] = [one for one in found.findings if one.about == "metric askii_coin"]
    assert finding.level == "failure"
    assert "never count" in finding.message
    assert "askii_coin" in finding.remedy
    assert levels(found, "charge for askii_coin") == ["failure"]


@pytest.mark.parametrize(
    ("field", "aggregation", "level"),
    [
        ("askii_coins", "sum_agg", "ok"),
        ("credits", "sum_agg", "failure"),
        ("askii_coins", "max_agg", "failure"),
        ("askii_coins", "count_agg", "failure"),
    ],
)
def test_a_metric_must_sum_our_field(field: str, aggregation: Any, level: str) -> None:
    """Another aggregation, or another field, does not count what is sent."""
    world = ready()
    world.fake.add_metric("askii_coins", field, aggregation)
    assert levels(examined(world), "metric askii_coins") == [level]


def test_requests_may_be_counted() -> None:
    """A metric of requests is as well counted as summed."""
    world = ready()
    world.fake.add_metric("calls", "calls", "count_agg")
    found = examined(world, Metric("calls", measure="requests"))
    assert levels(found, "metric calls") == ["ok"]


def test_what_a_metric_does_to_small_calls_is_warned_of() -> None:
    """Rounding and expressions are told."""
    world = ready()
    metric = {
        "code": "askii_coins",
        "aggregation_type": "sum_agg",
        "field_name": "x",
        "expression": "a+b",
    }
    answer = lago_faults.status(200, {"billable_metric": {**metric, "rounding_function": "floor"}})
    world.fake.fail(answer, on="GET /billable_metrics")
    assert levels(examined(world), "metric askii_coins") == ["ok", "warning", "warning"]


def test_a_wrong_key_ends_it() -> None:
    """Nothing more is asked with a key that is none."""
    world = ready()
    found = examined(world, lago=Lago(world.fake.api_url, Secret("wrong-" + "key")))
    assert [(finding.level, finding.about) for finding in found.findings] == [("failure", "key")]
    assert len(world.fake.requests) == 1


def test_a_key_that_cannot_be_had_is_a_finding() -> None:
    """A function that gives no key is said, not raised."""

    def none() -> Secret:
        raise errors.ConfigurationError("no key")

    world = ready()
    found = examined(world, lago=Lago(world.fake.api_url, none))
    assert levels(found, "key") == ["failure"]


def test_what_a_key_may_not_do_is_said() -> None:
    """Without the right to write events it fails; without a right to read, it is warned what goes without."""
    world = ready()
    world.fake.add_key("poor-key", {"billable_metric": ["read"]})
    found = examined(world, lago=Lago(world.fake.api_url, Secret("poor-key")))
    assert levels(found, "key") == ["failure"]
    assert levels(found, "events") == ["warning"]
    assert levels(found, "subscription sub_1") == ["warning"]
    world.fake.add_key("sender-key", {"event": ["write"]})
    found = examined(world, lago=Lago(world.fake.api_url, Secret("sender-key")))
    assert levels(found, "key") == ["ok"]
    assert levels(found, "metric") == ["warning"]
    world.fake.add_key(
        "half-key",
        {"event": ["write", "read"], "subscription": ["read"], "billable_metric": ["read"]},
    )
    found = examined(world, lago=Lago(world.fake.api_url, Secret("half-key")))
    assert levels(found, "usage") == ["warning"]
    assert levels(found, "wallets") == ["warning"]


@pytest.mark.parametrize(
    "fault", [lago_faults.html(404), lago_faults.html(200), lago_faults.empty(200)]
)
def test_what_is_no_lago_is_said(fault: Any) -> None:
    """An address at which something else answers is a failure, and the end."""
    world = ready()
    world.fake.fail_always(fault)
    found = examined(world)
    assert [(finding.level, finding.about) for finding in found.findings] == [
        ("failure", "address")
    ]


def test_a_wrong_path_is_said() -> None:
    """An ``api_url`` that ends elsewhere is found out."""
    world = ready()
    found = examined(world, lago=Lago(world.fake.origin + "/lago", Secret(world.fake.api_key)))
    assert levels(found, "address") == ["failure"]


def test_who_cannot_be_reached_is_said() -> None:
    """A Lago that is down is a finding after a second try, and no exception."""
    world = ready()
    world.fake.down()
    found = examined(world)
    assert levels(found, "address") == ["failure"]
    assert len(world.fake.requests) == 2


@pytest.mark.parametrize(
    ("skew", "level"),
    [
        (0.0, "ok"),
        (3.0, "ok"),
        (-30.0, "warning"),
        (30.0, "warning"),
        (600.0, "failure"),
        (-9000.0, "failure"),
    ],
)
def test_a_clock_that_is_wrong_is_said(skew: float, level: str) -> None:
    """Compared with the ``Date`` of the answers; the seconds are named."""
    world = ready()
    world.fake.skew = skew
    found = examined(world)
    assert levels(found, "clock") == [level]
    [finding] = [one for one in found.findings if one.about == "clock"]
    assert level == "ok" or str(abs(round(skew))) in finding.message.replace("29", "30").replace(
        "31", "30"
    )


def test_no_subscription_is_a_warning() -> None:
    """Without one it is not known whether events would be counted; it says so."""
    found = examined(ready(), subscription=None)
    assert found.ok
    assert levels(found, "subscription") == ["warning"]


@pytest.mark.parametrize("name", ["sub_2", ".."])
def test_an_unknown_subscription_fails(name: str) -> None:
    """Lago would take its events, and never count them."""
    found = examined(ready(), subscription=name)
    assert levels(found, f"subscription {name}") == ["failure"]


def test_a_plan_without_the_charge_fails() -> None:
    """Events would be kept, and cost nothing."""
    world = ready()
    world.fake.add_metric("tokens")
    found = examined(world, COINS, Metric("tokens", measure="total_tokens"))
    assert levels(found, "charge for askii_coins") == ["ok"]
    assert levels(found, "charge for tokens") == ["failure"]


@pytest.mark.parametrize(
    ("model", "mode", "level"),
    [
        ("standard", "standard", "ok"),
        ("dynamic", "dynamic", "ok"),
        ("standard", "dynamic", "failure"),
        ("dynamic", "standard", "failure"),
    ],
)
def test_the_charges_model_must_be_the_mode(model: Any, mode: str, level: str) -> None:
    """A dynamic charge needs amounts, another does not read them."""
    world = Virtual()
    world.fake.add_metric("askii_coins")
    world.fake.add_plan("p")
    world.fake.add_charge("p", "askii_coins", model=model, price="0.000001")
    world.fake.add_customer("cus_1")
    world.fake.add_subscription("sub_1", "cus_1", "p", started_at=world.clock.wall() - 1e6)
    assert levels(examined(world, mode=mode), "charge for") == [level]


def test_a_price_of_nothing_is_warned_of() -> None:
    """A unit that costs 0 is hardly meant."""
    world = Virtual()
    world.fake.furnish("sub_1", price=Decimal(0), started_at=world.clock.wall() - 1e6)
    assert levels(examined(world), "charge for") == ["warning"]


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (lago_faults.status(200, {"fees": [{"units": "4200.5"}]}), "ok"),
        (lago_faults.status(200, {"fees": [{"units": "0.0"}]}), "failure"),
        (
            lago_faults.status(
                422, {"code": "validation_errors", "error_details": {"properties": ["x"]}}
            ),
            "warning",
        ),
    ],
)
def test_a_charge_in_advance_is_asked_for_an_estimate(answer: Any, level: str) -> None:
    """Only there Lago says whether it reads our field as a number."""
    world = ready()
    charge = {
        "billable_metric_code": "askii_coins",
        "charge_model": "standard",
        "pay_in_advance": True,
        "filters": [{}],
    }
    plan = {"plan": {"code": "p", "charges": [{**charge, "properties": {"amount": "1"}}]}}
    subscription = {
        "external_id": "sub_1",
        "external_customer_id": "cus_1",
        "status": "active",
        "plan_code": "p",
    }
    world.fake.fail_always(
        lago_faults.status(200, {"subscription": subscription}), on="GET /subscriptions"
    )
    world.fake.fail_always(lago_faults.status(200, plan), on="GET /plans")
    world.fake.fail_always(answer, on="POST /events/estimate_fees")
    assert levels(examined(world), "charge for") == ["ok", "warning", level]


@pytest.mark.parametrize(
    ("id_", "word"),
    [
        ("1a901a90-1a90-4a90-8a90-1a901a901a90", "PostgreSQL"),
        ("org|askii_coins|sub_1|1763780000", "ClickHouse"),
    ],
)
def test_which_store_it_has_is_told_by_its_ids(id_: str, word: str) -> None:
    """The form of an event's own id says what happens to events that come again."""
    world = ready()
    event = {"lago_id": id_, "transaction_id": "t", "code": "askii_coins"}
    answer = lago_faults.status(200, {"events": [event], "meta": {}})
    world.fake.fail_always(answer, on="GET /events?")
    assert word in str(examined(world))


@pytest.mark.parametrize(
    ("decides", "level"), [("Deny", "ok"), ("Allow", "warning"), (None, "failure")]
)
def test_an_authorize_service_is_asked_for_nobody(decides: str | None, level: str) -> None:
    """It should answer, and deny."""
    world = ready()
    world.fake.service.decides = decides
    if decides == "Allow":
        world.fake.fail_always(
            lago_faults.status(200, {"status": "Allow"}), on="POST /v1/entitlement"
        )
    assert levels(examined(world, publisher="pub"), "entitlement") == [level]


def test_a_refusal_that_is_none_of_these_is_a_failure() -> None:
    """A 500 for one question fails that question, and the others are asked."""
    world = ready()
    world.fake.fail_always(lago_faults.status(500), on="GET /billable_metrics")
    found = examined(world)
    assert levels(found, "metric") == ["failure"]
    assert levels(found, "wallets") == ["ok"]


def test_a_metric_that_cannot_be_asked_for_is_a_finding() -> None:
    """A code that is a way up in a path is said."""
    assert levels(examined(ready(), Metric("..")), "metric ..") == ["failure"]


def test_an_examination_is_json() -> None:
    """It is dumped as plain values."""
    dumped = json.loads(json.dumps(examined(ready()).dump()))
    assert dumped["ok"] is True
    assert dumped["findings"][0].keys() == {"level", "about", "message", "remedy"}
