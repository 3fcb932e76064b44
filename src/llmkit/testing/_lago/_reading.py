"""What can be read from the fake Lago of subscriptions, metrics and plans; fees estimated; authorization."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ._answers import Answer, failed, invalid, missing, moment, ok, second
from ._asked import Asked
from ._books import Books, Charge, Metric, Plan, Subscription, an_id
from ._counting import amount, cents, number
from ._events import listed

__all__ = [
    "authorized", "entitlements", "estimate", "metric", "month", "plan", "subscription", "subscriptions",
]  # fmt: skip


def subscription(books: Books, asked: Asked) -> Answer:
    """`GET /subscriptions/{external_id}`: an active one, unless `status` asks for another."""
    found = books.subscription(asked.names[0], asked.query.get("status", "active"))
    if found is None:
        return failed(404, "subscription_not_found")
    plan = books.plans[found.plan]
    more = {"plan": _plan(books, plan), "entitlements": _entitlements(found)}
    return ok({"subscription": _subscription(found, plan, asked.now) | more})


def subscriptions(books: Books, asked: Asked) -> Answer:
    """`GET /subscriptions`: the active ones, of a customer if one is named."""
    customer = asked.query.get("external_customer_id")
    wanted = [asked.query[name] for name in ("status[]", "status") if name in asked.query]
    every = [one for found in books.subscriptions.values() for one in found]
    found = [
        _subscription(one, books.plans[one.plan], asked.now)
        for one in every
        if one.status in (wanted or ["active"]) and customer in (None, one.customer)
        and asked.query.get("plan_code") in (None, one.plan)
    ]  # fmt: skip
    return listed("subscriptions", found, asked)


def entitlements(books: Books, asked: Asked) -> Answer:
    """`GET /subscriptions/{external_id}/entitlements`."""
    found = books.subscription(asked.names[0], asked.query.get("subscription_status", "active"))
    if found is None:
        return failed(404, "subscription_not_found")
    return ok({"entitlements": _entitlements(found)})


def metric(books: Books, asked: Asked) -> Answer:
    """`GET /billable_metrics/{code}`."""
    found = books.metrics.get(asked.names[0])
    return (
        ok({"billable_metric": _metric(found)})
        if found
        else failed(404, "billable_metric_not_found")
    )


def plan(books: Books, asked: Asked) -> Answer:
    """`GET /plans/{code}`."""
    found = books.plans.get(asked.names[0])
    return ok({"plan": _plan(books, found)}) if found else failed(404, "plan_not_found")


def estimate(books: Books, asked: Asked) -> Answer:
    """`POST /events/estimate_fees`: for charges paid in advance only; it looks at what creating events does not."""
    given = asked.member("event")
    if not isinstance(given, Mapping) or not given:
        return missing("event")
    found = books.subscription(str(given.get("external_subscription_id")))
    if found is None:
        return failed(404, "subscription_not_found")
    measured = books.metrics.get(str(given.get("code")))
    if measured is None:
        return failed(404, "billable_metric_not_found")
    charges = [one for one in books.plans[found.plan].charges if one.metric == measured.code]
    instant = [one for one in charges if one.pay_in_advance]
    return _estimated(books, found, measured, instant, given) if instant else invalid(
        {"code": ["does_not_match_an_instant_charge"]}
    )  # fmt: skip


def authorized(books: Books, asked: Asked, decides: str) -> Answer:
    """`POST /v1/entitlement/authorize`, which is no Lago's but Moneta's. A refusal is 200, too."""
    customer = asked.member("external_customer_id")
    found = books.of_customer(str(customer))
    if decides != "Allow" or not found:
        why = "Not authorized" if found else "No active subscription"
        return ok(
            {"status": decides if found else "Deny", "code": 401 if found else 422, "message": why}
        )
    named = {"external_id": found[0].external_id, "plan_code": found[0].plan}
    return ok({"status": "Allow", "code": 200, "extra": {"authorized_subscription": named}})


def month(at: float) -> tuple[float, float]:
    """The month's first second and its last, as Unix times, of the month that *at* is in (UTC)."""
    first = datetime.fromtimestamp(at, UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    years, months = divmod(first.month, 12)
    after = first.replace(year=first.year + years, month=months + 1)
    return first.timestamp(), after.timestamp() - 1


def _estimated(
    books: Books,
    found: Subscription,
    measured: Metric,
    charges: list[Charge],
    given: Mapping[str, Any],
) -> Answer:
    properties = given.get("properties")
    value = properties.get(measured.field) if isinstance(properties, Mapping) else None
    units = number(value, "postgres")
    if units is None:
        return invalid({"properties": ["value_is_not_valid_number"]})
    currency = books.plans[found.plan].currency
    return ok({"fees": [_fee(charge, units, currency, measured) for charge in charges]})


def _fee(charge: Charge, units: Any, currency: str, measured: Metric) -> dict[str, Any]:
    exact = amount(charge, units, ())
    return {
        "lago_id": None,
        "item": {"type": "charge", "code": measured.code, "name": measured.code},
        "amount_cents": cents(exact),
        "precise_amount": format(exact.scaleb(-2), "f"),
        "amount_currency": currency,
        "units": format(units, "f"),
        "pay_in_advance": True,
    }


def _subscription(one: Subscription, plan: Plan, now: float) -> dict[str, Any]:
    began, ends = month(now)
    nothing = (
        "name", "ending_at", "canceled_at", "previous_plan_code", "next_plan_code", "downgrade_plan_date",
        "trial_ended_at", "on_termination_credit_note",
    )  # fmt: skip
    return dict.fromkeys(nothing) | {
        "lago_id": an_id("subscription", one.external_id, one.started),
        "external_id": one.external_id,
        "lago_customer_id": an_id("customer", one.customer),
        "external_customer_id": one.customer,
        "billing_time": "calendar",
        "plan_code": one.plan,
        "plan_amount_cents": 0,
        "plan_amount_currency": plan.currency,
        "status": one.status,
        "created_at": second(one.started / 1000),
        "started_at": moment(one.started),
        "subscription_at": moment(one.started),
        "terminated_at": None if one.ended is None else moment(one.ended),
        "current_billing_period_started_at": second(began),
        "current_billing_period_ending_at": second(ends),
        "on_termination_invoice": "generate",
        "applicable_usage_thresholds": [],
    }


def _entitlements(one: Subscription) -> list[dict[str, Any]]:
    return [
        {
            "code": code,
            "name": code,
            "description": None,
            "privileges": [_privilege(name, value) for name, value in privileges.items()],
            "overrides": {},
        }
        for code, privileges in one.entitlements.items()
    ]


def _privilege(code: str, value: Any) -> dict[str, Any]:
    kinds = {bool: "boolean", int: "integer"}
    return {
        "code": code,
        "name": None,
        "value_type": kinds.get(type(value), "string"),
        "config": {},
        "value": value,
        "plan_value": value,
        "override_value": None,
    }


def _metric(one: Metric) -> dict[str, Any]:
    return {
        "lago_id": an_id("metric", one.code),
        "name": one.code,
        "code": one.code,
        "description": None,
        "aggregation_type": one.aggregation,
        "recurring": False,
        "rounding_function": None,
        "rounding_precision": None,
        "expression": " + ".join(f"event.properties.{name}" for name in one.needs) or None,
        "field_name": one.field,
        "weighted_interval": None,
        "filters": [],
        "created_at": second(0),
    }


def _plan(books: Books, one: Plan) -> dict[str, Any]:
    return {
        "lago_id": an_id("plan", one.code),
        "name": one.code,
        "code": one.code,
        "interval": "monthly",
        "amount_cents": 0,
        "amount_currency": one.currency,
        "pay_in_advance": False,
        "created_at": second(0),
        "charges": [_charge(one, charge) for charge in one.charges],
    }


def _charge(plan: Plan, charge: Charge) -> dict[str, Any]:
    dynamic = charge.model == "dynamic"
    return {
        "lago_id": an_id("charge", plan.code, charge.metric, charge.model),
        "lago_billable_metric_id": an_id("metric", charge.metric),
        "billable_metric_code": charge.metric,
        "charge_model": charge.model,
        "pay_in_advance": charge.pay_in_advance,
        "invoiceable": True,
        "min_amount_cents": 0,
        "created_at": second(0),
        "properties": {} if dynamic else {"amount": format(charge.price, "f")},
        "filters": [],
    }
