"""From a charge to its bills: what each event says, byte by byte, and what a bill waits for that cannot be sent yet.

Pure. A bill is written from its ``Facts`` and a subscription alone, the first time and any later one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from types import MappingProxyType
from typing import Any, Final

from ..._json import dump_text
from ..._outbox import Bill, State
from ...errors import ConfigurationError
from .charge import Charge
from .currency import EXACT, amount, plain
from .facts import CALL, Facts, counts, currency_in, said, term, told_of_currency, told_of_metric
from .metric import MONEY, Measured, Metric, measured
from .terms import Terms

__all__ = ["bills", "event_id", "measured_anew", "safe", "written"]

_ZERO: Final = Decimal(0)
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_CENTS: Final = Decimal(100)
_PRECISE: Final = Decimal("1E-15")
"""Lago keeps 15 decimals of a cent: numeric(40, 15). Source: lago-api, db/structure.sql, read 2026-11-22."""
_ROUNDED: Final = Context(prec=200)
_SAFE: Final = re.compile(r"[A-Za-z0-9._-]{1,96}\Z")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_TOKENS: Final = ("prompt_tokens", "completion_tokens")
_NOBODY: Final = "nobody says whom to bill"


def bills(
    charge: Charge,
    call: str,
    subscription: str,
    terms: Terms,
    *,
    whose: Mapping[str, str] = _NOTHING,
    properties: Mapping[str, str] = _NOTHING,
) -> tuple[Bill, ...]:
    """A charge's bills: one for each metric that it is measured at. It never raises for what a charge may hold.

    Args:
        charge: what is billed.
        call: the id of the call that it is of.
        subscription: whose it is; ``""`` where nobody said.
        terms: what they are written by.
        whose: what else is said of whose the call is, kept for who attributes it later.
        properties: what of its metadata the events have.
    """
    first = _facts(charge, call, terms)._replace(whose=dict(whose), properties=dict(properties))
    counted = [(one, measured(one, charge, terms.currency)) for one in terms.metrics]
    counted = [(metric, found) for metric, found in counted if not found.nothing]
    carrier = _carrier([metric for metric, _ in counted])
    return tuple(
        written(
            _counted(first, metric, found, terms)._replace(carries=metric is carrier), subscription
        )
        for metric, found in counted
    )


def _facts(charge: Charge, call: str, terms: Terms) -> Facts:
    usd, reason = _cost(charge)
    return Facts(
        call=call,
        charge=charge.id,
        at=charge.at,
        outcome=term(charge.outcome),
        provider=term(charge.provider),
        model=term(charge.model),
        kind=term(charge.kind),
        usd=usd,
        status=charge.cost_status,
        reason=term(reason),
        estimated=charge.estimated,
        usage=counts(charge.usage),
        whose={},
        properties={},
        metric={},
        currency=told_of_currency(terms.currency),
        waits=_waits(charge, terms),
    )


def _cost(charge: Charge) -> tuple[str | None, str]:
    if charge.usd is None:
        return None, charge.reason or "what it cost is not known"
    try:
        return plain(amount(charge.usd, "a cost")), charge.reason
    except ConfigurationError as error:
        return None, error.message


def _waits(charge: Charge, terms: Terms) -> str:
    if charge.outcome == "attempt":
        return "" if terms.failed_attempts == "bill" else "listed"
    return "held" if charge.estimated and terms.broken == "hold" else ""


def _carrier(metrics: list[Metric]) -> Metric | None:
    """The metric whose bill has the charge's cost in dollars: the first of money, else the first."""
    return next((one for one in metrics if one.measure in MONEY), metrics[0] if metrics else None)


def _counted(facts: Facts, metric: Metric, found: Measured, terms: Terms) -> Facts:
    told = told_of_metric(metric, terms.mode_of(metric))
    if metric.measure in MONEY:
        return facts._replace(metric=told)
    units = None if found.units is None else plain(found.units)
    return facts._replace(metric=told, units=units, reason=found.reason or facts.reason)


def measured_anew(facts: Facts, metric: Metric | None) -> Facts:
    """The same with what a metric counts now, where it could not be told before."""
    if facts.units is not None or metric is None or facts.metric["measure"] in MONEY:
        return facts
    found = measured(metric, facts.charged(), currency_in(facts.currency))
    return facts if found.units is None else facts._replace(units=plain(found.units))


def written(facts: Facts, subscription: str) -> Bill:
    """The bill of these facts for this subscription (``""``: nobody's yet), as far as it can be written."""
    units, usd = _units(facts), None if facts.usd is None else Decimal(facts.usd)
    state, reason = _state(facts, subscription, units)
    body = ""
    if state == "queued" and units is not None:
        body = dump_text(_event(facts, subscription, units))
    return Bill(
        id=event_id(facts.charge, facts.metric["code"]),
        call=safe(facts.call),
        state=state,
        subscription=subscription,
        code=facts.metric["code"],
        at=facts.at,
        body=body,
        facts=facts.text(),
        units=_ZERO if units is None else units,
        usd=usd if facts.carries else _ZERO,
        reason=reason,
    )


def _units(facts: Facts) -> Decimal | None:
    if facts.usd is None and (
        facts.metric["mode"] == "dynamic" or facts.metric["measure"] in MONEY
    ):
        return None
    if facts.metric["measure"] not in MONEY:
        return None if facts.units is None else Decimal(facts.units)
    usd = Decimal(facts.usd or 0)
    return currency_in(facts.currency).units(usd) if facts.metric["measure"] == "cost" else usd


def _state(facts: Facts, subscription: str, units: Decimal | None) -> tuple[State, str]:
    if facts.waits == "listed":
        return "listed", "an attempt that failed, and may have cost something"
    if facts.waits == "held":
        return "held", "the provider's own count never came; this is an estimate"
    if not subscription:
        return "unattributed", _NOBODY
    if units is None:
        return "unpriced", facts.reason or "what it used is not known"
    return "queued", ""


def _event(facts: Facts, subscription: str, units: Decimal) -> dict[str, Any]:
    code, seconds = facts.metric["code"], facts.at // 1000
    event: dict[str, Any] = {
        "transaction_id": event_id(facts.charge, code),
        "external_subscription_id": subscription,
        "code": code,
        "timestamp": f"{seconds}.{facts.at - seconds * 1000:03d}",
    }
    if facts.metric["mode"] == "dynamic":
        event["precise_total_amount_cents"] = _cents(Decimal(facts.usd or 0))
    event["properties"] = _said(facts, units)
    return event


def _said(facts: Facts, units: Decimal) -> dict[str, str]:
    found: dict[str, str] = {facts.metric["field"]: plain(units)}
    if facts.metric["measure"] == "cost":
        found |= {"usd": facts.usd or "", "rate": facts.currency["rate"]}
    found |= {
        CALL: said(facts.call),
        "provider": facts.provider,
        "model": facts.model,
        "kind": facts.kind,
    }
    for name in _TOKENS:
        if facts.usage.get(name) is not None:
            found.setdefault(name, str(facts.usage[name]))
    if facts.estimated:
        found["estimated"] = "true"
    for name, text in facts.properties.items():
        found.setdefault(name, text)
    return {name: text for name, text in found.items() if text}


def _cents(usd: Decimal) -> str:
    exact = EXACT.multiply(usd, _CENTS)
    return plain(exact.quantize(_PRECISE, rounding=ROUND_HALF_EVEN, context=_ROUNDED))


def event_id(charge: str, code: str) -> str:
    """An event's transaction id: ``"{charge}:{code}"``, where both can stand in a URL; else in a form that can.

    Two charges, or two codes, never have one id.
    """
    return f"{safe(charge)}:{safe(code)}"


def safe(name: str) -> str:
    """An id as it can stand in a URL; one that can as it is. Two of them are never one."""
    if _SAFE.match(name):
        return name
    whole = name.encode("utf-8", "surrogatepass")
    # What stands as it is has no "~".
    return f"{_UNSAFE.sub('-', name)[:32]}~{hashlib.sha256(whole).hexdigest()[:32]}"
