"""What the fake Lago counts of what it stores: by subscription, metric, time, and whether a number is one.

An event that is stored and not counted is Lago's quiet failure: a request that was answered with 200 says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from ._books import Books, Charge, Event, Metric, Store, Subscription

__all__ = ["Counted", "amount", "cents", "counted", "counts", "number", "text", "uncountable"]

# PostgreSQL's store sums only what its text form matches; ClickHouse reads the rest as zero.
_NUMERIC: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_EXACT: Final = Context(prec=400)
_SCALE: Final = Decimal(1).scaleb(-26)
_WIDEST: Final = Decimal(10) ** 12


@dataclass(frozen=True, slots=True)
class Counted:
    """What a charge comes to: units, the number of events, and what they cost in cents, not rounded."""

    units: Decimal
    events: int
    cents: Decimal


def text(value: Any) -> str | None:
    """A property as text, as the database reads it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def number(value: Any, store: Store) -> Decimal | None:
    """A property's value as it is counted: `None` if PostgreSQL leaves the event out.

    On ClickHouse what is no number is 0, and so is what does not fit into 38 digits, 26 of them decimals. What
    ClickHouse makes of an exponent was not seen: here it is 0, the reading that finds more mistakes.
    """
    found = text(value)
    readable = found is not None and _NUMERIC.fullmatch(found)
    if store == "postgres":
        return Decimal(found) if found is not None and readable else None
    value = Decimal(found) if found is not None and readable else Decimal(0)
    return (
        value.quantize(_SCALE, ROUND_DOWN, _EXACT).normalize(_EXACT)
        if abs(value) < _WIDEST
        else Decimal(0)
    )


def counts(books: Books, event: Event, among: Iterable[Subscription]) -> bool:
    """Whether an event belongs to one of these subscriptions, and its metric can make something of it."""
    metric = books.metrics.get(event.code)
    if metric is None or not any(_within(one, event.at) for one in among):
        return False
    return _measurable(metric, event, books.store)


def counted(books: Books, subscription: str, charge: Charge, since: int = 0) -> Counted:
    """What this subscription's events of this charge come to, of those from *since* (milliseconds) on.

    What an old server stored of a batch that it refused never reached what bills in advance.
    """
    metric, among = books.metrics[charge.metric], books.subscriptions.get(subscription, [])
    found = [
        event
        for event in books.metered(subscription, charge.metric)
        if event.at >= since
        and counts(books, event, among)
        and (event.processed or not charge.pay_in_advance)
    ]
    units = _AGGREGATED[metric.aggregation](found, metric, books.store)
    return Counted(units, len(found), amount(charge, units, found))


def amount(charge: Charge, units: Decimal, events: Iterable[Event]) -> Decimal:
    """What it costs, in cents with all their decimals."""
    if charge.model == "dynamic":
        return _total(event.precise or Decimal(0) for event in events)
    return _EXACT.multiply(_EXACT.multiply(units, charge.price), Decimal(100))


def cents(exact: Decimal) -> int:
    """Whole cents, as Lago answers them."""
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP, _EXACT))


def uncountable(books: Books) -> dict[str, list[str]]:
    """What the webhook `events.errors` would list. An unknown *subscription* is never among it."""
    found: dict[str, list[str]] = {"invalid_code": [], "missing_aggregation_property": []}
    for event in books.events.values():
        metric = books.metrics.get(event.code)
        if metric is None:
            found["invalid_code"].append(event.transaction_id)
        elif not _measurable(metric, event, "postgres"):
            found["missing_aggregation_property"].append(event.transaction_id)
    return found


def _within(subscription: Subscription, at: int) -> bool:
    return subscription.started <= at and (subscription.ended is None or at <= subscription.ended)


def _measurable(metric: Metric, event: Event, store: Store) -> bool:
    if metric.aggregation == "count_agg":
        return True
    value = event.properties.get(metric.field or "")
    if metric.aggregation == "unique_count_agg":
        return value is not None
    return number(value, store) is not None


def _total(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _EXACT.add(total, value)
    return total


def _values(events: list[Event], metric: Metric, store: Store) -> list[Decimal]:
    found = (number(event.properties.get(metric.field or ""), store) for event in events)
    return [value for value in found if value is not None]


def _sum(events: list[Event], metric: Metric, store: Store) -> Decimal:
    return _total(_values(events, metric, store))


def _count(events: list[Event], metric: Metric, store: Store) -> Decimal:
    return Decimal(len(events))


def _max(events: list[Event], metric: Metric, store: Store) -> Decimal:
    return max(_values(events, metric, store), default=Decimal(0))


def _latest(events: list[Event], metric: Metric, store: Store) -> Decimal:
    ordered = sorted(events, key=lambda event: event.at)
    return next(iter(_values(ordered[-1:], metric, store)), Decimal(0))


def _unique(events: list[Event], metric: Metric, store: Store) -> Decimal:
    return Decimal(len({text(event.properties.get(metric.field or "")) for event in events}))


_AGGREGATED: Final[Mapping[str, Callable[[list[Event], Metric, Store], Decimal]]] = {
    "sum_agg": _sum,
    "count_agg": _count,
    "max_agg": _max,
    "latest_agg": _latest,
    "unique_count_agg": _unique,
}
