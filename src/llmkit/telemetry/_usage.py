"""``usage``: what the calls of a log come to, by day, model, user …; costs that are not known are counted apart."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import product
from typing import Any, Final

from .._control.budget.windows import zone_of
from .._cost import MATH
from ..errors import ConfigurationError
from ._reading import Logged, Reading, moment

__all__ = ["GROUPS", "UsageReport", "UsageRow", "usage"]

_BY_TIME: Final = {"day": "%Y-%m-%d", "month": "%Y-%m", "hour": "%Y-%m-%d %H:00"}
GROUPS: Final = (
    *_BY_TIME, "kind", "provider", "model", "group", "deployment", "outcome", "user", "team", "organisation",
    "customer", "key", "session", "tag",
)  # fmt: skip
"""What calls can be grouped by."""


@dataclass(slots=True)
class UsageRow:
    """What some calls come to. ``usd`` is the sum of the costs that are known; ``unpriced`` counts the others.

    ``by``: the values that these calls have in common; empty where it was not said. ``uncounted``: calls of which the
    tokens are not known. ``seconds`` is the sum of what calls took. ``hits``: calls that a cache answered;
    ``saved``: what their answers would have cost, as far as it is known; ``unsaid``: hits of which it is not.
    """

    by: tuple[str, ...] = ()
    calls: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    usd: Decimal = field(default_factory=lambda: Decimal(0))
    unpriced: int = 0
    seconds: float = 0.0
    hits: int = 0
    saved: Decimal = field(default_factory=lambda: Decimal(0))
    unsaid: int = 0

    def add(self, one: Logged) -> None:
        """Count one more call."""
        self.calls += 1
        self.failed += one.failed
        self.prompt_tokens += one.prompt_tokens or 0
        self.completion_tokens += one.completion_tokens or 0
        self.uncounted += one.prompt_tokens is None and one.completion_tokens is None
        self.seconds += one.seconds
        if one.cost is None:
            self.unpriced += 1
        else:
            self.usd = MATH.add(self.usd, one.cost)
        if one.hit:
            self.hits += 1
            self.unsaid += one.saved is None
            self.saved = MATH.add(self.saved, one.saved or Decimal(0))


@dataclass(slots=True)
class UsageReport:
    """Rows by what was asked for, and what all calls come to together.

    A call with several tags is in a row for each, and in ``total`` once. ``unreadable`` are lines of the log that say
    nothing of a call.
    """

    by: tuple[str, ...]
    rows: list[UsageRow]
    total: UsageRow
    unreadable: int = 0

    def __iter__(self) -> Iterator[UsageRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def asdicts(self) -> list[dict[str, Any]]:
        """The rows as plain values: money as texts, exact, and ``None`` where no cost is known."""
        return [_plain(self.by, row) for row in self.rows]


def usage(
    path: str | os.PathLike[str],
    by: str | Sequence[str] = "model",
    *,
    since: str | float | date | datetime | None = None,
    until: str | float | date | datetime | None = None,
    timezone: str = "UTC",
) -> UsageReport:
    """What the calls in a log of ``JSONL`` or ``SQLiteLog`` come to.

    Args:
        path: the log; files that it was rotated to are read along.
        by: one or several of ``day``, ``month``, ``hour``, ``kind``, ``provider``, ``model``, ``group``,
            ``deployment``, ``outcome``, ``user``, ``team``, ``organisation``, ``customer``, ``key``, ``session``,
            ``tag``.
        since: no earlier call: ``"2026-11-01"``, a date, a datetime, or Unix seconds.
        until: no call from then on.
        timezone: whose days, months and hours these are, where a time does not say, such as ``Europe/Berlin``.

    Returns:
        Rows in the order of their values, with times first to last, and the total.

    Raises:
        ConfigurationError: there is no such log, or no such group, time or time zone.
    """
    groups, zone = checked(by), zone_of(timezone)
    reading = Reading(path, since=_time(since, zone), until=_time(until, zone))
    rows: dict[tuple[str, ...], UsageRow] = {}
    total = UsageRow()
    for one in reading:
        total.add(one)
        for values in product(*(_values(one, group, zone) for group in groups)):
            rows.setdefault(values, UsageRow(values)).add(one)
    if reading.unreadable and not reading.found:
        raise ConfigurationError(f"{path} is no log of calls: no line of it could be read")
    ordered = [rows[values] for values in sorted(rows)]
    return UsageReport(groups, ordered, total, reading.unreadable)


def checked(by: str | Iterable[str]) -> tuple[str, ...]:
    """The groups; ``by`` may have them separated by commas."""
    given = by.split(",") if isinstance(by, str) else by
    groups = tuple(str(one).strip() for one in given)
    for one in groups:
        if one not in GROUPS:
            near = difflib.get_close_matches(one, GROUPS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ConfigurationError(
                f"calls are not grouped by {one!r:.80}{hint} One of {', '.join(GROUPS)}"
            )
    return groups


def _values(one: Logged, group: str, zone: tzinfo) -> tuple[str, ...]:
    if group in _BY_TIME:
        return (datetime.fromtimestamp(one.started, zone).strftime(_BY_TIME[group]),)
    return (one.tags or ("",)) if group == "tag" else (one.names[group],)


def _time(given: Any, zone: tzinfo) -> float | None:
    if given is None:
        return None
    return moment(given.isoformat() if isinstance(given, date) else str(given), zone)


def _plain(by: tuple[str, ...], row: UsageRow) -> dict[str, Any]:
    said = dict(zip(by, row.by, strict=False))
    return {
        **said,
        "calls": row.calls,
        "failed": row.failed,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "uncounted": row.uncounted,
        # Where no cost is known, the sum of none of them is no cost.
        "usd": None if row.calls and row.unpriced == row.calls else f"{row.usd:f}",
        "unpriced": row.unpriced,
        "seconds": round(row.seconds, 6),
        "cache_hits": row.hits,
        "saved_cache_cost": None if row.hits and row.unsaid == row.hits else f"{row.saved:f}",
        "unknown_savings": row.unsaid,
    }
