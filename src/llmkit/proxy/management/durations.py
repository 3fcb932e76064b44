"""LiteLLM's durations (``30s``, ``30m``, ``30h``, ``30d``, ``1w``, ``1mo``) as times and as windows of budgets.

Source: docs.litellm.ai/docs/proxy/virtual_keys and /docs/proxy/users, read 2026-11-23.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from ..._control.budget.windows import period_of
from ...errors import ConfigurationError
from ..failure import Refused

__all__ = ["duration_of", "end_of", "now", "when", "window_of"]

_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})(mo|[smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_CALENDAR: Final = {"1mo": "month", "3mo": "quarter", "12mo": "year", "1y": "year"}
_FOR_EVER: Final = frozenset({"", "-1", "permanent"})
_LAST_YEAR: Final = 9000


def now() -> datetime:
    """UTC's time, without a zone, as tables have it."""
    return datetime.now(UTC).replace(tzinfo=None)


def when(at: datetime | None) -> str | None:
    """A time, with its zone."""
    return None if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def end_of(duration: str | None, since: datetime, param: str = "duration") -> datetime | None:
    """When a duration that begins then is over; ``None``: never. Raises ``Refused`` (400) where it is none."""
    text = (duration or "").strip().lower()
    if text in _FOR_EVER:
        return None
    if (found := _DURATION.fullmatch(text)) is None:
        raise _refused(
            f"a duration is a number and s, m, h, d, w or mo, such as 30d, not {text!r:.40}", param
        )
    number, unit = int(found[1]), found[2]
    end: datetime | None
    try:
        end = (
            _months_after(since, number)
            if unit == "mo"
            else since + timedelta(seconds=number * _SECONDS[unit])
        )
    except (OverflowError, ValueError):
        end = None
    if end is None or end.year >= _LAST_YEAR:
        raise _refused("a duration may not be that long: -1 is for ever", param)
    return end


def _months_after(since: datetime, number: int) -> datetime:
    months = since.year * 12 + since.month - 1 + number
    year, month = months // 12, months % 12 + 1
    return since.replace(
        year=year, month=month, day=min(since.day, calendar.monthrange(year, month)[1])
    )


def window_of(duration: str | None, param: str = "budget_duration") -> str | None:
    """A budget's window, by its duration: so many seconds, hours, days … roll; months are the calendar's.

    Raises:
        Refused: 400, where there is no such window.
    """
    text = (duration or "").strip().lower()
    if text in _FOR_EVER:
        return None
    try:
        return period_of(_CALENDAR.get(text, text)).name
    except ConfigurationError as error:
        raise _refused(f"{param}: {error}; months are 1mo, 3mo and 12mo", param) from None


def duration_of(window: str) -> str | None:
    """``window_of``, the other way; ``None``: for ever."""
    named = {name: duration for duration, name in _CALENDAR.items()}
    return None if window == "total" else named.get(window, window)


def _refused(message: str, param: str) -> Refused:
    return Refused(400, message, "bad_request_error", param=param)
