"""Over what time a limit holds: rolling, by the calendar of a time zone, or for ever.

Boundaries are computed around a time that is given, by ``zoneinfo``; which of them counts is decided by the store.
"""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ..._operations import ROLLING_BUCKETS, Window
from ...errors import ConfigurationError

__all__ = ["TOTAL", "Period", "period_of", "zone_of"]

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ROLLING: Final = re.compile(r"([1-9][0-9]{0,8})\s*(s|m|h|d|w)")
_LONGEST_DAYS: Final = 3660
_MEANT: Final = {
    "second": "1s",
    "minute": "1m",
    "min": "1m",
    "hour": "1h",
    "1min": "1m",
    "1y": "year",
}
_OTHER_NAMES: Final = {
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "1mo": "month",
    "1q": "quarter",
    "quarterly": "quarter",
    "yearly": "year",
    "forever": "total",
    "none": "total",
}


class Period(NamedTuple):
    """``name`` is its text in an account: ``30d``, ``month``, ``day@Europe/Berlin``, ``total``.

    ``width`` is a bucket's, in milliseconds, of a rolling one. ``unit`` is a calendar's.
    """

    name: str
    width: int = 0
    unit: str = ""
    zone: str = "UTC"

    def around(self, now: int) -> Window:
        """The buckets around a time: of a calendar, the period before, this one, and two that follow."""
        if not self.unit:
            return _rolling_window(self.width)
        return Window(0, _starts(self.unit, zone_of(self.zone), now))


TOTAL: Final = Period("total")


def period_of(given: Any, zone: str = "UTC") -> Period:
    """Read a window: ``"30d"`` rolls; ``"day"``, ``"week"``, … are the calendar's; ``None`` is for ever.

    Raises:
        ConfigurationError: there is no such window or zone; the message says what there is.
    """
    if given is None:
        return TOTAL
    if not isinstance(given, str):
        raise ConfigurationError(
            f"a window is a text such as '30d' or 'month', or None, not {given!r}"
        )
    name = given.strip().lower()
    name = _OTHER_NAMES.get(name, name)
    if name == "total":
        return TOTAL
    if name in _UNITS:
        zone_of(zone)
        return Period(name if zone == "UTC" else f"{name}@{zone}", 0, name, zone)
    if (found := _ROLLING.fullmatch(name)) is not None:
        return _rolling(given, int(found[1]) * _SECONDS[found[2]])
    raise ConfigurationError(_unknown(given, name))


_rolling_window: Final = lru_cache(256)(Window)  # each claim has one


def _rolling(given: str, seconds: int) -> Period:
    if seconds > _LONGEST_DAYS * _SECONDS["d"]:
        raise ConfigurationError(f"a rolling window is ten years long at most, not {given}")
    # The same time has one name, however it was written.
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    width = -(-seconds * 1000 // ROLLING_BUCKETS)
    return Period(f"{seconds // _SECONDS[unit]}{unit}", width)


def _unknown(given: str, name: str) -> str:
    near = difflib.get_close_matches(name, (*_UNITS, *_OTHER_NAMES, "total"), 2)
    near = [_MEANT[name]] if name in _MEANT else near
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return (
        f"no window is called {given!r}: a number and s, m, h, d or w rolls ('30d'), "
        f"{', '.join(_UNITS)} are the calendar's, None is for ever{hint}"
    )


@lru_cache(256)
def zone_of(name: str) -> tzinfo:
    """A time zone by its name. Raises ``ConfigurationError``, with near misses, where there is none."""
    if name == "UTC":
        return UTC  # where no time zones are installed, too
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        known = zoneinfo.available_timezones()
    near = difflib.get_close_matches(str(name), sorted(known), 2)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    if not known:
        hint = ": this machine has no time zones, install tzdata"
    raise ConfigurationError(f"no time zone is called {name!r}{hint}")


def _starts(unit: str, zone: tzinfo, now: int) -> tuple[int, ...]:
    """Beginnings of periods, the second of which is that of ``now``.

    Where a clock skips midnight, the period begins at the moment of the leap; where it skips a whole day, that
    day has none. So each moment is in one period, whatever the zone does.
    """
    today = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone).date()
    found = sorted({_begins(_UNITS[unit](today, step), zone) for step in range(-4, 6)})
    current = max(i for i, start in enumerate(found) if start <= now)
    return tuple(found[current - 1 : current + 3])


def _begins(day: date, zone: tzinfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


def _day(today: date, step: int) -> date:
    return today + timedelta(step)


def _week(today: date, step: int) -> date:
    return today + timedelta(7 * step - today.weekday())


def _months(size: int) -> Callable[[date, int], date]:
    def begins(today: date, step: int) -> date:
        months = (today.year * 12 + today.month - 1) // size * size + step * size
        return date(months // 12, months % 12 + 1, 1)

    return begins


_UNITS: Final[dict[str, Callable[[date, int], date]]] = {
    "day": _day,
    "week": _week,
    "month": _months(1),
    "quarter": _months(3),
    "year": _months(12),
}
"""The first day of the period that is so many steps from the one that a day is in."""
