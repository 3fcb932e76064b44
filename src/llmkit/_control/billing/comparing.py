"""Whether an event that Lago has is the bill that was sent. Pure; the form may differ, what is billed may not."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ..._json import NotJSON, load
from .answers import Event, moment

__all__ = ["differences"]


def differences(body: str, event: Event) -> str:
    """What differs between an event's text as it is sent and the event there; ``""``: nothing."""
    try:
        sent = load(body)
    except NotJSON:
        sent = None
    if not isinstance(sent, Mapping):
        return "what was to be sent is no event"
    ours, theirs = _sent(sent), _there(event)
    wrong = (
        f"{name} is {_short(theirs.get(name))}, not {_short(ours.get(name))}"
        for name in dict.fromkeys((*ours, *theirs))
        if not _alike(ours.get(name), theirs.get(name))
    )
    return "; ".join(wrong)


def _sent(sent: Mapping[str, Any]) -> dict[str, Any]:
    properties = sent.get("properties")
    return {
        "external_subscription_id": sent.get("external_subscription_id"),
        "code": sent.get("code"),
        "timestamp": moment(sent.get("timestamp")),
        "precise_total_amount_cents": sent.get("precise_total_amount_cents"),
        **_named(properties if isinstance(properties, Mapping) else {}),
    }


def _there(event: Event) -> dict[str, Any]:
    return {
        "external_subscription_id": event.subscription,
        "code": event.code,
        "timestamp": event.at,
        "precise_total_amount_cents": event.amount,
        **_named(event.properties),
    }


def _named(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {f"properties.{name}": value for name, value in properties.items()}


def _alike(ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    one, other = _number(ours), _number(theirs)
    return str(ours) == str(theirs) if one is None or other is None else one == other


def _number(value: Any) -> Decimal | None:
    text = repr(value) if isinstance(value, float) else str(value)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _short(value: Any) -> str:
    return str(value)[:100]
