"""What is counted of calls, under Prometheus's names. Nothing is counted here; the gateway shows the same families.

The families of ``prometheus_client`` are made anew for each page: between two of them nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from ._counting import CallCounts, Histogram, Table

__all__ = [
    "NUMBERS",
    "Reading",
    "call_families",
    "counter",
    "event_families",
    "folded",
    "gauge",
    "histogram",
]

Reading = Callable[[Any], Any]
Value = Callable[[Mapping[str, str], str], str]


def call_families(counts: CallCounts) -> Iterator[Metric]:
    """Of calls, by model. Times are seconds, money is USD."""
    yield counter(
        "llmkit_calls",
        "Calls of models, by how they ended; 'error' is its class.",
        counts.outcomes,
        lambda cell: cell.value,
    )
    table = counts.models
    for name, what, number in NUMBERS:
        yield counter(f"llmkit_{name}", what, table, number)
    for name, what, times in _TIMES:
        yield histogram(f"llmkit_{name}_seconds", what, table, times)


def event_families(counts: CallCounts) -> Iterator[Metric]:
    """Of what happened on the way."""
    yield counter(
        "llmkit_events",
        "What happened on the way: retries, fallbacks, cooldowns, budgets' thresholds.",
        counts.events,
        lambda cell: cell.value,
    )


def folded(counts: CallCounts) -> Metric:
    """How often there were too many labels."""
    family = CounterMetricFamily(
        "llmkit_series_folded",
        "How often something was counted under 'other', because a table had too many labels.",
        labels=["table"],
    )
    for name, table in counts.tables.items():
        family.add_metric([name], table.folded)
    return family


NUMBERS: Final[tuple[tuple[str, str, Reading], ...]] = (
    ("attempts", "Requests to providers.", lambda cell: cell.attempts),
    ("prompt_tokens", "Tokens read.", lambda cell: cell.prompt),
    ("completion_tokens", "Tokens written.", lambda cell: cell.completion),
    ("spend_usd", "What calls cost, in USD; the ledger has the exact amounts.", lambda c: c.usd),
    ("unpriced_calls", "Calls of which the cost is not known.", lambda cell: cell.unpriced),
)
_TIMES: Final[tuple[tuple[str, str, Reading], ...]] = (
    ("call", "A call with all its attempts.", lambda cell: cell.seconds),
    ("upstream", "What providers took, of calls that are no streams.", lambda cell: cell.upstream),
    ("first_chunk", "Until a stream's first chunk.", lambda cell: cell.first),
)


# --- each kind of family ------------------------------------------------------------------------


def gauge(name: str, what: str, value: float) -> Metric:
    """A number that comes and goes."""
    return GaugeMetricFamily(name, what, value=value)


def counter(
    name: str,
    what: str,
    table: Table[Any],
    number: Reading,
    labels: tuple[str, ...] = (),
    value: Value | None = None,
) -> Metric:
    """What grows, by a table's labels, or by others that ``value`` says out of these."""
    labels, read = labels or table.labels, value or _value
    family = CounterMetricFamily(name, what, labels=list(labels))
    sums: dict[tuple[str, ...], Any] = {}
    for named, cell in table:
        values = tuple(read(named, label) for label in labels)
        sums[values] = sums.get(values, 0) + number(cell)
    for values, total in sums.items():
        family.add_metric(list(values), float(total))
    return family


def histogram(
    name: str,
    what: str,
    table: Table[Any],
    times: Reading,
    labels: tuple[str, ...] = (),
    value: Value | None = None,
) -> Metric:
    """Times, by a table's labels, or by others that ``value`` says out of these."""
    labels, read = labels or table.labels, value or _value
    family = HistogramMetricFamily(name, what, labels=list(labels))
    sums: dict[tuple[str, ...], Histogram] = {}
    for named, cell in table:
        found: Histogram = times(cell)
        if found.number:
            sums.setdefault(tuple(read(named, label) for label in labels), Histogram()).take(
                found.plain()
            )
    for values, one in sums.items():
        family.add_metric(list(values), one.buckets(), one.total)
    return family


def _value(named: Mapping[str, str], label: str) -> str:
    return named[label]
