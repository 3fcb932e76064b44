"""What the fake Lago says of money: a subscription's usage in its current period, and wallets."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ._answers import Answer, date_of, failed, ok, second
from ._asked import Asked
from ._books import Books, Charge, Plan, Subscription, Wallet, an_id
from ._counting import Counted, cents, counted
from ._events import listed
from ._reading import month

__all__ = ["charged_cents", "charges", "customer_wallets", "refresh", "settle", "usage", "wallets"]


def usage(books: Books, asked: Asked, seen: Mapping[str, list[Counted]]) -> Answer:
    """`GET /customers/{external_customer_id}/current_usage`. *seen*: older numbers, where they lag behind."""
    customer = asked.names[0]
    if customer not in books.customers:
        return failed(404, "customer_not_found")
    found = books.subscription(asked.query.get("external_subscription_id", ""))
    if found is None or found.customer != customer:
        return failed(405, "no_active_subscription")
    plan, began = books.plans[found.plan], month(asked.now)
    code = asked.query.get("billable_metric_code")
    numbers = seen.get(found.external_id) or charges(books, found, asked.now)
    charged = [
        (charge, one)
        for charge, one in zip(plan.charges, numbers, strict=True)
        if code in (None, charge.metric)
    ]
    return ok({"customer_usage": _usage(books, plan, charged, began)})


def charges(books: Books, one: Subscription, now: float) -> list[Counted]:
    """What each charge of its plan comes to in the current period."""
    began = month(now)[0]
    return [_now(books, one, charge, began) for charge in books.plans[one.plan].charges]


def customer_wallets(books: Books, asked: Asked) -> Answer:
    """`GET /customers/{external_customer_id}/wallets`."""
    return _wallets(books, asked, asked.names[0])


def wallets(books: Books, asked: Asked) -> Answer:
    """`GET /wallets?external_customer_id=`, of everybody without it."""
    return _wallets(books, asked, asked.query.get("external_customer_id"))


def refresh(books: Books, now: float) -> None:
    """Lago's five-minute job: take current usage off what wallets show as ongoing."""
    for wallet in books.wallets:
        wallet.ongoing = sum(
            (charged_cents(books, one, wallet, now) for one in books.of_customer(wallet.customer)),
            Decimal(0),
        )


def charged_cents(books: Books, one: Subscription, wallet: Wallet | None, now: float) -> Decimal:
    """What this wallet (`None`: any) would pay of the subscription's current period, in cents."""
    charges = books.plans[one.plan].charges
    paid = (
        charge
        for charge in charges
        if not wallet or not wallet.metrics or charge.metric in wallet.metrics
    )
    return sum((_now(books, one, charge, month(now)[0]).cents for charge in paid), Decimal(0))


def settle(books: Books, one: Subscription, now: float) -> int:
    """Invoice the period until now, and begin another: the cents that were to be paid.

    Wallets pay by priority, what they apply to; what they do not cover is paid otherwise.
    """
    owed = charged_cents(books, one, None, now)
    held = [w for w in books.wallets if w.customer == one.customer and not w.terminated]
    left = owed
    for wallet in sorted(held, key=lambda each: (each.priority, each.created)):
        paid = min(left, wallet.balance, charged_cents(books, one, wallet, now))
        wallet.balance, wallet.ongoing, left = wallet.balance - paid, Decimal(0), left - paid
    one.period = int(now * 1000) + 1
    return cents(owed)


def _now(books: Books, found: Subscription, charge: Charge, began: float) -> Counted:
    return counted(books, found.external_id, charge, max(int(began * 1000), found.period))


def _wallets(books: Books, asked: Asked, customer: str | None) -> Answer:
    if customer is not None and customer not in books.customers:
        return failed(404, "customer_not_found")
    found = [_wallet(one) for one in books.wallets if customer in (None, one.customer)]
    return listed("wallets", found, asked)


def _usage(
    books: Books, plan: Plan, charged: list[tuple[Charge, Counted]], period: tuple[float, float]
) -> dict[str, Any]:
    total = cents(sum((one.cents for _, one in charged), Decimal(0)))
    return {
        "from_datetime": second(period[0]),
        "to_datetime": second(period[1]),
        "issuing_date": date_of(period[1] + 1),
        "currency": plan.currency,
        "amount_cents": total,
        "taxes_amount_cents": 0,
        "total_amount_cents": total,
        "lago_invoice_id": None,
        "charges_usage": [_charged(books, plan, charge, one) for charge, one in charged],
    }


def _charged(books: Books, plan: Plan, charge: Charge, one: Counted) -> dict[str, Any]:
    metric = books.metrics[charge.metric]
    units = format(one.units, "f")
    return {
        "units": units,
        "total_aggregated_units": units,
        "events_count": one.events,
        "amount_cents": cents(one.cents),
        "amount_currency": plan.currency,
        "charge": {
            "lago_id": an_id("charge", plan.code, charge.metric, charge.model),
            "charge_model": charge.model,
        },
        "billable_metric": {
            "lago_id": an_id("metric", metric.code),
            "name": metric.code,
            "code": metric.code,
            "aggregation_type": metric.aggregation,
        },
        "filters": [],
        "grouped_usage": [],
    }


def _wallet(one: Wallet) -> dict[str, Any]:
    left = one.balance - one.ongoing
    return {
        "lago_id": an_id("wallet", one.customer, one.code),
        "lago_customer_id": an_id("customer", one.customer),
        "external_customer_id": one.customer,
        "status": "terminated" if one.terminated else "active",
        "currency": one.currency,
        "name": one.code,
        "code": one.code,
        "priority": one.priority,
        "rate_amount": "1.0",
        "credits_balance": _credits(one.balance),
        "balance_cents": cents(one.balance),
        "consumed_credits": "0.0",
        "created_at": second(one.created),
        "expiration_at": None if one.expires is None else second(one.expires),
        "last_balance_sync_at": None,
        "last_consumed_credit_at": None,
        "terminated_at": None,
        "invoice_requires_successful_payment": False,
        "applies_to": {"fee_types": [], "billable_metric_codes": list(one.metrics)},
        "recurring_transaction_rules": [],
        "ongoing_balance_cents": cents(left),
        "ongoing_usage_balance_cents": cents(one.ongoing),
        "credits_ongoing_balance": _credits(left),
        "credits_ongoing_usage_balance": _credits(one.ongoing),
    }


def _credits(held: Decimal) -> str:
    whole = format(held.scaleb(-2).normalize(), "f")
    return whole if "." in whole else f"{whole}.0"
