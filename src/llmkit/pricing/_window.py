"""When a call was made, held against the times of day and the days of which prices depend.

Knows dates and windows of hours in UTC; which rate holds is decided in ``_rates``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from ._conditions import NEVER, Moment

__all__ = ["moment", "within"]

# The clock that a call was timed by is not the vendor's.
_SLACK: Final = timedelta(seconds=60)
_DAY: Final = 24 * 60
_SPAN: Final = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


def moment(on: str | float | None, seconds: float = 0) -> Moment:
    """Read an ISO date, an ISO time (in UTC if it says no zone) or Unix seconds. Raises ValueError for others."""
    if on is None or on == "":
        return NEVER
    if isinstance(on, str) and len(on) == len("2026-11-22"):
        return Moment(datetime.fromisoformat(on).date().isoformat())
    begun = _read(on)
    late = begun + timedelta(seconds=max(0, seconds)) + _SLACK
    return Moment(begun.date().isoformat(), _minute(begun - _SLACK), _minute(late))


def _minute(when: datetime) -> datetime:
    return when.replace(second=0, microsecond=0)


def _read(on: str | float) -> datetime:
    if not isinstance(on, str):
        return datetime.fromtimestamp(on, UTC)
    told = datetime.fromisoformat(on)
    return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)


def within(when: Moment, hours: str, weekdays: str) -> bool | None:
    """Whether a call ran within the hours (``16:30-00:30``) of the weekdays (``12345``, Monday being 1).

    Either may be empty, which is all of them; hours that go past midnight belong to the day on which they begin.
    ``None``: it cannot be told, as the time is not known, or some of the call was within, some not.
    """
    early, late = when.early, when.late
    if early is None or late is None or late - early >= timedelta(days=1):
        return None
    found = {_inside(each, hours, weekdays) for each in (early, late)}
    # A window may lie within a long call.
    if found == {False} and _passed(early, late, hours):
        return None
    return found.pop() if len(found) == 1 else None


def _passed(early: datetime, late: datetime, hours: str) -> bool:
    """Whether a window of hours begins during the call."""
    if not hours:
        return False
    start, _ = _minutes(hours)
    first = early.hour * 60 + early.minute
    return (start - first) % _DAY < (late - early) / timedelta(minutes=1)


def _inside(when: datetime, hours: str, weekdays: str) -> bool:
    start, end = _minutes(hours) if hours else (0, _DAY)
    now = when.hour * 60 + when.minute
    day = when
    if end <= start and now < end:
        day = when - timedelta(days=1)
    inside = start <= now < end if start < end else now >= start or now < end
    return inside and (not weekdays or str(day.isoweekday()) in weekdays)


@lru_cache(maxsize=256)
def _minutes(hours: str) -> tuple[int, int]:
    """Minutes since midnight at which the hours begin and end. Raises ValueError for what is no span."""
    found = _SPAN.fullmatch(hours)
    if found is None:
        raise ValueError(f"{hours!r} are no hours such as 16:30-00:30")
    first, of_first, last, of_last = map(int, found.groups())
    return first * 60 + of_first, last * 60 + of_last
