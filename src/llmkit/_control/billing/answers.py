"""What Lago answers, read: typed values, or a ``LagoError``. Pure functions of an ``HTTPResponse``.

Whatever comes (HTML of a proxy, half an object, a number where a text should be) ends as one of the two, never as
another exception. Amounts of money are whole cents, units are ``Decimal``; times are milliseconds of Unix time.
Fields: Lago's OpenAPI 1.51.0 and its server's serializers (https://github.com/getlago/lago-api), read 2026-11-22.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Generic, NamedTuple, TypeVar

from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._secret import redact
from ...errors import LagoError

__all__ = [
    "Authorized", "BillableMetric", "ChargeUsage", "Event", "Feature", "Page", "Plan", "PlanCharge",
    "Subscription", "Usage", "Wallet", "charges_estimated", "read_authorized", "read_entitlements", "read_event",
    "read_events", "read_metric", "read_plan", "read_public_key", "read_subscription", "read_subscriptions",
    "read_usage", "read_wallets", "refusal",
]  # fmt: skip

T = TypeVar("T")

_OK: Final = 200
_REFUSED: Final = 300
_PASSING: Final = frozenset({408, 425, 429})
_BROKEN: Final = 500
# So much of what a server says is shown, and kept.
_LONGEST: Final = 500
_DEEPEST: Final = 6
_MOST: Final = 50
_NAN: Final = Decimal("nan")
_MOST_DIGITS: Final = 60
_LEAST_DIGITS: Final = 1000


class Event(NamedTuple):
    """An event as Lago keeps it. ``amount``: its ``precise_total_amount_cents``. ``lago_id`` tells its store."""

    transaction_id: str
    subscription: str
    code: str
    at: int | None
    properties: Mapping[str, Any]
    amount: Decimal | None = None
    lago_id: str = ""


class Page(NamedTuple, Generic[T]):
    """One page of a list; ``following`` is the number of the next, ``None`` at the end."""

    items: tuple[T, ...]
    following: int | None = None
    total: int | None = None


class Feature(NamedTuple):
    """What a subscription entitles to: a feature, and its privileges' values by code."""

    code: str
    privileges: Mapping[str, Any]


class PlanCharge(NamedTuple):
    """A charge of a plan. ``amount``: a standard charge's price of one unit, in the currency's main unit."""

    metric: str
    model: str
    amount: Decimal | None = None
    in_advance: bool = False
    filtered: bool = False


class Plan(NamedTuple):
    """A plan and its charges."""

    code: str
    currency: str
    charges: tuple[PlanCharge, ...]


class Subscription(NamedTuple):
    """A subscription; ``features`` and ``plan`` are ``None`` where the answer does not have them."""

    external_id: str
    customer: str
    status: str
    plan_code: str
    started: int | None = None
    ending: int | None = None
    period_start: int | None = None
    period_end: int | None = None
    features: tuple[Feature, ...] | None = None
    plan: Plan | None = None
    terminated: int | None = None


class ChargeUsage(NamedTuple):
    """What one charge has come to in the current period."""

    metric: str
    units: Decimal
    amount_cents: int
    events: int | None = None
    aggregation: str = ""
    model: str = ""


class Usage(NamedTuple):
    """A subscription's current period. ``amount_cents`` is of all charges, without taxes."""

    currency: str
    amount_cents: int
    since: int | None
    until: int | None
    charges: tuple[ChargeUsage, ...]


class Wallet(NamedTuple):
    """A prepaid wallet. ``metrics`` and ``fee_types``: what alone it pays for; empty: anything."""

    id: str
    status: str
    currency: str
    balance_cents: int
    ongoing_cents: int | None = None
    rate: Decimal | None = None
    priority: int | None = None
    expires: int | None = None
    created: int | None = None
    metrics: tuple[str, ...] = ()
    fee_types: tuple[str, ...] = ()


class BillableMetric(NamedTuple):
    """What a code adds up. ``field``: the property whose values are."""

    code: str
    aggregation: str
    field: str
    recurring: bool = False
    rounding: str = ""
    expression: str = ""


class Authorized(NamedTuple):
    """A publisher portal's word. ``subscription``: who is billed; ``""`` where it does not say."""

    allowed: bool
    subscription: str = ""
    message: str = ""


class _Odd(Exception):
    """A field is not what it should be."""


def refusal(response: HTTPResponse, asked: str = "") -> LagoError:
    """What Lago says against a request, whatever the form: its envelope, a page of HTML, nothing."""
    envelope = _envelope(response.body)
    code, word = _text(envelope.get("code")), _text(envelope.get("error"))
    details = shown(envelope.get("error_details"))
    said = ": ".join(part for part in (code or word, _brief(details)) if part)
    kind = "" if envelope else f" ({response.content_type or 'nothing'}, not Lago's JSON)"
    about = f" to {asked}" if asked else ""
    error = LagoError(f"Lago answered {response.status}{about}{kind}{': ' if said else ''}{said}")
    error.status_code, error.code, error.details = response.status, code, details
    error.retryable = response.status in _PASSING or response.status >= _BROKEN
    return error


def shown(details: Any, depth: int = _DEEPEST) -> Any:
    """What a server said, bounded and redacted."""
    if isinstance(details, str):
        return redact(details[:_LONGEST])
    if details is None or isinstance(details, bool | int | float):
        return details
    if depth == 0:
        return "…"
    if isinstance(details, Mapping):
        items = list(details.items())[:_MOST]
        return {redact(str(k)[:_LONGEST]): shown(v, depth - 1) for k, v in items}
    return [shown(item, depth - 1) for item in list(details)[:_MOST]]


def _brief(details: Any) -> str:
    if details in (None, {}, [], ""):
        return ""
    return details if isinstance(details, str) else str(details)[:_LONGEST]


def _envelope(body: bytes) -> Mapping[str, Any]:
    try:
        value = load(body) if body else None
    except NotJSON:
        return {}
    return value if isinstance(value, Mapping) else {}


def _reading(response: HTTPResponse, asked: str, reader: Callable[[Mapping[str, Any]], T]) -> T:
    """Read a success by ``reader``; everything else is a ``LagoError``."""
    if not _OK <= response.status < _REFUSED:
        raise refusal(response, asked)
    try:
        return reader(_object(load(response.body)))
    except (NotJSON, _Odd) as odd:
        why = str(odd) if isinstance(odd, _Odd) else "it is not JSON"
    error = LagoError(f"Lago's answer to {asked} cannot be read: {redact(why[:_LONGEST])}")
    error.status_code, error.retryable = response.status, True
    raise error


def read_event(response: HTTPResponse) -> Event:
    """The answer to ``read_event`` and to ``event``."""
    return _reading(response, "a question for an event", lambda body: _event(body.get("event")))


def read_events(response: HTTPResponse) -> Page[Event]:
    """The answer to ``events`` and to ``batch``."""
    return _reading(response, "a question for events", lambda body: _page(body, "events", _event))


def read_subscription(response: HTTPResponse) -> Subscription:
    """The answer to ``subscription``."""
    return _reading(
        response,
        "a question for a subscription",
        lambda body: _subscription(body.get("subscription")),
    )


def read_subscriptions(response: HTTPResponse) -> Page[Subscription]:
    """The answer to ``subscriptions``."""
    return _reading(
        response,
        "a question for subscriptions",
        lambda body: _page(body, "subscriptions", _subscription),
    )


def read_entitlements(response: HTTPResponse) -> tuple[Feature, ...]:
    """The answer to ``entitlements``."""
    return _reading(
        response, "a question for entitlements", lambda body: _features(body.get("entitlements"))
    )


def read_usage(response: HTTPResponse) -> Usage:
    """The answer to ``usage``."""
    return _reading(
        response, "a question for usage", lambda body: _usage(_object(body.get("customer_usage")))
    )


def read_wallets(response: HTTPResponse) -> Page[Wallet]:
    """The answer to ``wallets``."""
    return _reading(
        response, "a question for wallets", lambda body: _page(body, "wallets", _wallet)
    )


def read_metric(response: HTTPResponse) -> BillableMetric:
    """The answer to ``metric``."""
    return _reading(
        response,
        "a question for a metric",
        lambda body: _metric(_object(body.get("billable_metric"))),
    )


def read_plan(response: HTTPResponse) -> Plan:
    """The answer to ``plan``."""
    return _reading(response, "a question for a plan", lambda body: _plan(body.get("plan")))


def charges_estimated(response: HTTPResponse) -> tuple[Decimal, ...]:
    """The answer to ``estimate``: the units of each fee that an event would make."""
    return _reading(
        response,
        "a question for fees",
        lambda body: tuple(_decimal(_object(fee).get("units")) for fee in _list(body.get("fees"))),
    )


def read_public_key(response: HTTPResponse) -> bytes:
    """The answer to ``public_key``: an RSA key in PEM."""
    return _reading(response, "a question for its public key", _public_key)


def read_authorized(response: HTTPResponse) -> Authorized:
    """The answer to ``authorize``: allowed is only what is said so."""
    return _reading(response, "a question for an entitlement", _authorized)


def _public_key(body: Mapping[str, Any]) -> bytes:
    text = _required(_object(body.get("webhook")), "public_key")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _Odd("public_key is not base64") from None


def _authorized(body: Mapping[str, Any]) -> Authorized:
    extra = body.get("extra")
    found = extra.get("authorized_subscription") if isinstance(extra, Mapping) else None
    subscription = _text(found.get("external_id")) if isinstance(found, Mapping) else ""
    allowed = body.get("status") == "Allow"
    return Authorized(allowed, subscription, redact(_text(body.get("message"))[:_LONGEST]))


def _page(body: Mapping[str, Any], name: str, reader: Callable[[Any], T]) -> Page[T]:
    meta = body.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    items = tuple(reader(item) for item in _list(body.get(name)))
    return Page(items, _whole(meta.get("next_page")), _whole(meta.get("total_count")))


def _event(value: Any) -> Event:
    event = _object(value)
    properties, amount = event.get("properties"), event.get("precise_total_amount_cents")
    return Event(
        _required(event, "transaction_id"),
        _text(event.get("external_subscription_id")),
        _text(event.get("code")),
        moment(event.get("timestamp")),
        properties if isinstance(properties, Mapping) else {},
        None if amount is None else _decimal(amount),
        _text(event.get("lago_id")),
    )


def _subscription(value: Any) -> Subscription:
    found = _object(value)
    return Subscription(
        _required(found, "external_id"),
        _text(found.get("external_customer_id")),
        _required(found, "status"),
        _text(found.get("plan_code")),
        moment(found.get("started_at")),
        moment(found.get("ending_at")),
        moment(found.get("current_billing_period_started_at")),
        moment(found.get("current_billing_period_ending_at")),
        _features(found["entitlements"]) if found.get("entitlements") is not None else None,
        _plan(found["plan"]) if found.get("plan") is not None else None,
        moment(found.get("terminated_at")),
    )


def _features(value: Any) -> tuple[Feature, ...]:
    return tuple(_feature(_object(item)) for item in _list(value))


def _feature(item: Mapping[str, Any]) -> Feature:
    privileges = [_object(privilege) for privilege in _list(item.get("privileges") or [])]
    values = {_required(privilege, "code"): privilege.get("value") for privilege in privileges}
    return Feature(_required(item, "code"), values)


def _plan(value: Any) -> Plan:
    plan = _object(value)
    charges = tuple(_plan_charge(_object(charge)) for charge in _list(plan.get("charges") or []))
    return Plan(_required(plan, "code"), _text(plan.get("amount_currency")), charges)


def _plan_charge(charge: Mapping[str, Any]) -> PlanCharge:
    properties, model = charge.get("properties"), _text(charge.get("charge_model"))
    amount = properties.get("amount") if isinstance(properties, Mapping) else None
    return PlanCharge(
        _required(charge, "billable_metric_code"),
        model,
        _decimal(amount) if model == "standard" and amount is not None else None,
        charge.get("pay_in_advance") is True,
        bool(charge.get("filters")),
    )


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        _text(usage.get("currency")),
        _cents(usage.get("amount_cents")),
        moment(usage.get("from_datetime")),
        moment(usage.get("to_datetime")),
        tuple(_charge_usage(_object(charge)) for charge in _list(usage.get("charges_usage"))),
    )


def _charge_usage(charge: Mapping[str, Any]) -> ChargeUsage:
    metric = _object(charge.get("billable_metric"))
    model = charge.get("charge")
    return ChargeUsage(
        _required(metric, "code"),
        _decimal(charge.get("units")),
        _cents(charge.get("amount_cents")),
        _whole(charge.get("events_count")),
        _text(metric.get("aggregation_type")),
        _text(model.get("charge_model")) if isinstance(model, Mapping) else "",
    )


def _wallet(value: Any) -> Wallet:
    wallet = _object(value)
    applies, rate = wallet.get("applies_to"), wallet.get("rate_amount")
    applies = applies if isinstance(applies, Mapping) else {}
    return Wallet(
        _text(wallet.get("lago_id")),
        _required(wallet, "status"),
        _text(wallet.get("currency")),
        _cents(wallet.get("balance_cents")),
        _whole(wallet.get("ongoing_balance_cents")),
        None if rate is None else _decimal(rate),
        _whole(wallet.get("priority")),
        moment(wallet.get("expiration_at")),
        moment(wallet.get("created_at")),
        _texts(applies.get("billable_metric_codes")),
        _texts(applies.get("fee_types")),
    )


def _metric(metric: Mapping[str, Any]) -> BillableMetric:
    return BillableMetric(
        _required(metric, "code"),
        _required(metric, "aggregation_type"),
        _text(metric.get("field_name")),
        metric.get("recurring") is True,
        _text(metric.get("rounding_function")),
        _text(metric.get("expression")),
    )


def _object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise _Odd(f"an object is expected where {type(value).__name__} is")


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise _Odd(f"a list is expected where {type(value).__name__} is")


def _required(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if isinstance(value, str) and value:
        return value
    raise _Odd(f"it has no {name}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _cents(value: Any) -> int:
    if (cents := _whole(value)) is None:
        raise _Odd("an amount is not a whole number of cents")
    return cents


def _decimal(value: Any) -> Decimal:
    """A number, exactly: as a text, or as JSON has it."""
    if isinstance(value, float):
        value = repr(value)
    try:
        number = Decimal(value) if isinstance(value, int | str) else _NAN
    except InvalidOperation:
        number = _NAN
    if (
        isinstance(value, bool)
        or not number.is_finite()
        or not -_LEAST_DIGITS < number.adjusted() < _MOST_DIGITS
    ):
        raise _Odd("a number cannot be read")
    return number


def moment(value: Any) -> int | None:
    """An ISO 8601 time, or Unix seconds, in milliseconds of Unix time; ``None`` where it is neither."""
    try:
        return int(_decimal(value).scaleb(3))
    except _Odd:
        return _of_iso(value) if isinstance(value, str) else None


def _of_iso(text: str) -> int | None:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = datetime.fromisoformat(f"{text}Z")
        seconds = found.replace(microsecond=0).timestamp()
    except (ValueError, OverflowError):
        return None
    return int(seconds) * 1000 + found.microsecond // 1000
