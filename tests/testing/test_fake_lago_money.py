"""The fake Lago's subscriptions, usage, wallets and authorizations, as an entitlement is decided from."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmkit._http import HTTPRequest
from llmkit.testing import FakeLago, FrozenClock

from ._lago import ask, event, fake, post

USAGE = "/customers/cus_1/current_usage?external_subscription_id=sub_1"


@pytest.fixture
def lago() -> FakeLago:
    """A premium one."""
    return fake(premium=True)


def test_a_subscription_is_read_with_its_period_and_entitlements(lago: FakeLago) -> None:
    """One request answers whether it is active, until when, and what it may; another one the latter alone."""
    lago.grant("sub_1", {"llm": {"max_usd_per_day": 50, "tier": "pro", "beta": True}})
    said = ask(lago, "GET", "/subscriptions/sub_1")[1]["subscription"]
    assert (said["status"], said["external_customer_id"], said["plan_code"]) == (
        "active",
        "cus_1",
        "plan_askii_coins",
    )
    assert said["started_at"] == "2026-11-01T00:00:00.000Z"
    assert said["current_billing_period_started_at"] == "2026-11-01T00:00:00Z"
    assert said["current_billing_period_ending_at"] == "2026-11-30T23:59:59Z"
    alone = ask(lago, "GET", "/subscriptions/sub_1/entitlements")[1]["entitlements"]
    assert alone == said["entitlements"]
    (feature,) = alone
    assert feature["code"] == "llm"
    assert [(it["code"], it["value_type"], it["value"]) for it in feature["privileges"]] == [
        ("max_usd_per_day", "integer", 50),
        ("tier", "string", "pro"),
        ("beta", "boolean", True),
    ]


def test_only_active_subscriptions_are_found_unless_asked_for(lago: FakeLago) -> None:
    """A terminated one is a 404 without `status`, and is not in the list."""
    lago.add_subscription("sub_2", "cus_1", "plan_askii_coins")
    lago.terminate("sub_1")
    for path in ("/subscriptions/sub_1", "/subscriptions/sub_1/entitlements"):
        assert ask(lago, "GET", path) == (
            404,
            {"status": 404, "error": "Not Found", "code": "subscription_not_found"},
        )
    said = ask(lago, "GET", "/subscriptions/sub_1?status=terminated")[1]["subscription"]
    assert (said["status"], said["terminated_at"]) == ("terminated", "2026-11-22T02:53:20.000Z")
    listed = ask(lago, "GET", "/subscriptions?external_customer_id=cus_1")[1]["subscriptions"]
    assert [one["external_id"] for one in listed] == ["sub_2"]
    assert ask(lago, "GET", "/subscriptions?external_customer_id=no")[1]["subscriptions"] == []
    ended = ask(lago, "GET", "/subscriptions?status[]=terminated")[1]["subscriptions"]
    assert [one["external_id"] for one in ended] == ["sub_1"]


def test_usage_is_exact_in_units_and_whole_in_cents(lago: FakeLago) -> None:
    """Units are a decimal text, amounts are rounded cents."""
    post(lago, event("a", properties={"askii_coins": "1234567.5"}))
    usage = ask(lago, "GET", USAGE)[1]["customer_usage"]
    assert (usage["from_datetime"], usage["to_datetime"]) == (
        "2026-11-01T00:00:00Z",
        "2026-11-30T23:59:59Z",
    )
    assert (usage["issuing_date"], usage["amount_cents"], usage["currency"]) == (
        "2026-12-01",
        123,
        "USD",
    )
    (charge,) = usage["charges_usage"]
    assert (charge["units"], charge["events_count"], charge["amount_cents"]) == (
        "1234567.5",
        1,
        123,
    )
    assert charge["billable_metric"]["code"] == "askii_coins"
    assert lago.charged("sub_1").cents == Decimal("123.45675")
    other = ask(lago, "GET", f"{USAGE}&billable_metric_code=other")[1]["customer_usage"]
    assert other["charges_usage"] == []


def test_usage_is_of_this_month(lago: FakeLago) -> None:
    """What counted in another month is counted, and is in no usage of this one."""
    lago.terminate("sub_1")
    lago.add_subscription("sub_1", "cus_1", "plan_askii_coins", started_at=0)
    post(lago, event("a"), event("b", timestamp="1790000000.000"))
    assert lago.units("sub_1") == 8400
    assert lago.units("sub_1", since=1795000000) == 4200
    usage = ask(lago, "GET", USAGE)[1]["customer_usage"]
    assert usage["charges_usage"][0]["units"] == "4200"


def test_a_december_ends_with_its_year() -> None:
    """The period of December ends before the next year's first day."""
    lago = fake(clock=FrozenClock(at=1798000000.0))
    usage = ask(lago, "GET", USAGE)[1]["customer_usage"]
    assert (usage["to_datetime"], usage["issuing_date"]) == ("2026-12-31T23:59:59Z", "2027-01-01")


def test_no_usage_is_a_business_answer(lago: FakeLago) -> None:
    """An unknown customer is 404; one without this subscription 405, which is no misuse of HTTP."""
    assert ask(lago, "GET", USAGE.replace("cus_1", "cus_2"))[1]["code"] == "customer_not_found"
    without = {"status": 405, "error": "Method Not Allowed", "code": "no_active_subscription"}
    assert ask(lago, "GET", USAGE.replace("sub_1", "sub_2")) == (405, without)
    lago.add_customer("cus_2")
    assert ask(lago, "GET", USAGE.replace("cus_1", "cus_2")) == (405, without)


def test_a_dynamic_charge_costs_what_its_events_say(lago: FakeLago) -> None:
    """The price comes with each event, to fifteen decimals; without one it is nothing."""
    lago.add_plan("passed_on")
    lago.add_charge("passed_on", "askii_coins", "dynamic")
    lago.add_subscription("dyn", "cus_1", "passed_on")
    mine = {"external_subscription_id": "dyn"}
    post(lago, event("a", **mine, precise_total_amount_cents="0.420000000000001"))
    post(lago, event("b", **mine), event("c", **mine, precise_total_amount_cents="much"))
    assert lago.charged("dyn").cents == Decimal("0.420000000000001")
    assert lago.units("dyn") == 12600


def test_usage_can_lag_behind(lago: FakeLago) -> None:
    """Held, it says what it said; what came meanwhile is counted, and seen when it is released."""
    post(lago, event("a"))
    lago.hold_usage("sub_1")
    post(lago, event("b"))

    def seen() -> str:
        return str(ask(lago, "GET", USAGE)[1]["customer_usage"]["charges_usage"][0]["units"])

    assert (seen(), lago.units("sub_1")) == ("4200", 8400)
    lago.release_usage("sub_1")
    assert seen() == "8400"


def test_wallets_are_read(lago: FakeLago) -> None:
    """By either path, of one customer or of all; an unknown customer is 404."""
    lago.add_wallet("cus_1", 2800, priority=1, applies_to=["askii_coins"], expiration=1800000000)
    said = ask(lago, "GET", "/wallets?external_customer_id=cus_1")
    assert said == ask(lago, "GET", "/customers/cus_1/wallets")
    assert said == ask(lago, "GET", "/wallets")
    (wallet,) = said[1]["wallets"]
    assert (wallet["status"], wallet["currency"], wallet["priority"]) == ("active", "USD", 1)
    assert (wallet["balance_cents"], wallet["credits_balance"]) == (2800, "28.0")
    assert wallet["applies_to"] == {"fee_types": [], "billable_metric_codes": ["askii_coins"]}
    assert wallet["expiration_at"] == "2027-01-15T08:00:00Z"
    assert ask(lago, "GET", "/wallets?external_customer_id=no")[1]["code"] == "customer_not_found"
    lago.wallet("cus_1").terminated = True
    assert ask(lago, "GET", "/wallets")[1]["wallets"][0]["status"] == "terminated"


@pytest.mark.parametrize(("premium", "ongoing"), [(True, 877), (False, 1000)])
def test_ongoing_balances_are_premium_and_late(*, premium: bool, ongoing: int) -> None:
    """They move only when Lago looks, and only a premium one does; the settled balance moves by invoices."""
    lago = fake(premium=premium)
    lago.add_wallet("cus_1", 1000, applies_to=["askii_coins"])
    lago.add_wallet("cus_1", 1000, code="else", applies_to=["tokens"])
    post(lago, event(properties={"askii_coins": "1234567"}))

    def shown() -> list[tuple[int, int]]:
        wallets = ask(lago, "GET", "/customers/cus_1/wallets")[1]["wallets"]
        return [(one["balance_cents"], one["ongoing_balance_cents"]) for one in wallets]

    assert shown() == [(1000, 1000), (1000, 1000)]
    lago.refresh()
    assert shown() == [(1000, ongoing), (1000, 1000)]


def test_an_invoice_moves_the_balance_and_begins_a_period(lago: FakeLago) -> None:
    """What was used is taken off the first wallets that apply; usage begins at nothing."""
    lago.add_wallet("cus_1", 100, code="first", priority=1)
    lago.add_wallet("cus_1", 1000, code="second", priority=2)
    post(lago, event(properties={"askii_coins": "2500000"}, timestamp="1795315999.000"))
    assert lago.settle("sub_1") == 250
    assert (lago.wallet("cus_1", "first").balance, lago.wallet("cus_1", "second").balance) == (
        0,
        850,
    )
    assert ask(lago, "GET", USAGE)[1]["customer_usage"]["amount_cents"] == 0


def test_monetas_authorize() -> None:
    """A refusal is 200, too; what is allowed names the subscription; without the service it is 404."""
    lago = fake()
    headers = {"Authorization": f"Bearer {lago.api_key}"}

    def said(customer: str) -> tuple[int, bytes]:
        body = b'{"external_customer_id": "%s"}' % customer.encode()
        url = f"{lago.origin}/v1/entitlement/authorize"
        answer = lago.answer(HTTPRequest("POST", url, headers, body))
        return answer.status, answer.body

    status, body = said("cus_1")
    assert (status, b'"Allow"' in body, b'"external_id": "sub_1"' in body) == (200, True, True)
    assert b'"Deny"' in said("nobody")[1]
    lago.service.decides = "Deny"
    assert said("cus_1")[0] == 200
    assert b'"Deny"' in said("cus_1")[1]
    lago.service.decides = None
    assert said("cus_1")[0] == 404
