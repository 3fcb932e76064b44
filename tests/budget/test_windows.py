"""Windows: names, calendars of time zones, and that each moment is in exactly one period."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmkit._control.budget.windows import TOTAL, Period, period_of
from llmkit._operations import FOR_EVER, ROLLING_BUCKETS
from llmkit.errors import ConfigurationError

HOUR = 3_600_000
# Half hours and quarters, leaps at midnight, a whole day left out, summer times of half an hour, none at all.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Chatham",
    "America/St_Johns",
    "Antarctica/Troll",
]
UNITS = ["day", "week", "month", "quarter", "year"]


def at(text: str, zone: str = "UTC") -> int:
    """Milliseconds of a local time."""
    moment = datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return int(moment.timestamp() * 1000)


def period(unit: str, zone: str, now: int) -> tuple[int, int]:
    """Beginning and end of the period that a time is in."""
    starts = period_of(unit, zone).around(now).starts
    begin = max(start for start in starts if start <= now)
    return begin, starts[starts.index(begin) + 1]


@pytest.mark.parametrize(
    ("name", "text", "seconds"),
    [
        ("30s", "30s", 30),
        ("90s", "90s", 90),
        ("60s", "1m", 60),
        ("90m", "90m", 5400),
        ("24h", "1d", 86_400),
        ("36h", "36h", 129_600),
        ("30d", "30d", 2_592_000),
        ("2w", "14d", 1_209_600),
        ("1W", "7d", 604_800),
    ],
)
def test_a_rolling_window(name: str, text: str, seconds: int) -> None:
    """The same time has one name, and sixty buckets cover it."""
    found = period_of(name)
    assert found.name == text
    assert found.width * ROLLING_BUCKETS >= seconds * 1000 > (found.width - 1) * ROLLING_BUCKETS
    assert found.around(0).width == found.width


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (None, "total"),
        ("total", "total"),
        ("forever", "total"),
        ("monthly", "month"),
        ("1mo", "month"),
        ("Daily", "day"),
        ("year", "year"),
    ],
)
def test_other_names_of_windows(name: str | None, text: str) -> None:
    """LiteLLM's ``1mo`` is a calendar's month; no window at all is for ever."""
    assert period_of(name).name == text


def test_for_ever_is_one_period() -> None:
    """Nothing ever leaves it."""
    assert TOTAL.around(5).starts == (0, FOR_EVER)


def test_a_zone_is_in_the_name() -> None:
    """Months of two zones are two accounts; UTC's is plain."""
    assert period_of("month", "Asia/Tokyo").name == "month@Asia/Tokyo"
    assert period_of("month", "UTC").name == "month"
    assert period_of("30d", "Asia/Tokyo") == period_of("30d")


@pytest.mark.parametrize(
    ("window", "zone", "says"),
    [
        ("30x", "UTC", "no window"),
        ("0d", "UTC", "no window"),
        ("-1d", "UTC", "no window"),
        ("1.5h", "UTC", "no window"),
        ("mnth", "UTC", "did you mean 'month'"),
        ("2mo", "UTC", "no window"),
        ("4000d", "UTC", "ten years"),
        (30, "UTC", "a window is a text"),
        ("day", "Europe/Berln", "did you mean 'Europe/Berlin'"),
        ("day", "../../etc/passwd", "no time zone"),
        ("day", "", "no time zone"),
    ],
)
def test_what_is_no_window_is_refused(window: object, zone: str, says: str) -> None:
    """The error says what there is."""
    with pytest.raises(ConfigurationError, match=says):
        period_of(window, zone)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-06-01", "Europe/Berlin", 24),
        ("2018-11-04", "America/Sao_Paulo", 23),
        ("2026-10-04", "Australia/Lord_Howe", 23.5),
    ],
)
def test_days_when_the_clock_is_changed(day: str, zone: str, hours: float) -> None:
    """A day is as long as it is there: also where midnight itself is left out."""
    begin, end = period("day", zone, at(f"{day}T12:00", zone))
    assert end - begin == hours * HOUR


def test_a_day_that_was_left_out_is_no_period() -> None:
    """Samoa had no 30 December 2011: the 29th ends where the 31st begins."""
    begin, end = period("day", "Pacific/Apia", at("2011-12-29T12:00", "Pacific/Apia"))
    assert end - begin == 24 * HOUR
    after, _ = period("day", "Pacific/Apia", at("2011-12-31T12:00", "Pacific/Apia"))
    assert after == end


def test_weeks_begin_on_monday() -> None:
    """At midnight of the zone, not of UTC."""
    begin, end = period("week", "Asia/Kathmandu", at("2026-11-22T23:59", "Asia/Kathmandu"))
    assert begin == at("2026-11-16T00:00", "Asia/Kathmandu")
    assert end == at("2026-11-23T00:00", "Asia/Kathmandu")


@pytest.mark.parametrize(
    ("unit", "begin", "end"),
    [
        ("month", "2024-02-01", "2024-03-01"),
        ("quarter", "2024-01-01", "2024-04-01"),
        ("year", "2024-01-01", "2025-01-01"),
    ],
)
def test_months_quarters_years(unit: str, begin: str, end: str) -> None:
    """The calendar's own."""
    assert period(unit, "UTC", at("2024-02-29T12:00")) == (at(begin), at(end))


moments = st.integers(at("1975-01-01"), at("2060-01-01"))


@given(moments, st.sampled_from(UNITS), st.sampled_from(ZONES))
def test_the_period_contains_now(now: int, unit: str, zone: str) -> None:
    """There is a period before the one of now, and the boundaries are in order."""
    starts = period_of(unit, zone).around(now).starts
    assert list(starts) == sorted(set(starts))
    assert len(starts) == 4
    assert starts[1] <= now < starts[2]


@given(moments, st.sampled_from(UNITS), st.sampled_from(ZONES), st.integers(0, 10**9))
def test_each_moment_is_in_one_period(now: int, unit: str, zone: str, ahead: int) -> None:
    """Whoever computes boundaries, at whatever time, they are the same boundaries."""
    mine, others = (set(period_of(unit, zone).around(t).starts) for t in (now, now + ahead))
    low, high = max(min(mine), min(others)), min(max(mine), max(others))
    assert {s for s in mine if low <= s <= high} == {s for s in others if low <= s <= high}


@given(moments, st.sampled_from(ZONES))
def test_a_day_begins_at_the_first_moment_of_its_date(now: int, zone: str) -> None:
    """The boundary shows the new date, and the moment before it the old one; but for leaps within a day."""
    begin, _ = period("day", zone, now)
    place = zoneinfo.ZoneInfo(zone)
    first = datetime.fromtimestamp(begin / 1000, UTC).astimezone(place)
    before = (datetime.fromtimestamp(begin / 1000, UTC) - timedelta(milliseconds=1)).astimezone(
        place
    )
    assert first.date() > before.date()
    assert (first.hour, first.minute) in {(0, 0), (0, 30), (1, 0)}


def test_a_period_is_a_value() -> None:
    """It can be a key, and is equal where it means the same."""
    assert {period_of("24h"): 1}[period_of("1d")] == 1
    assert period_of("day") == Period("day", 0, "day", "UTC")


def test_a_machine_without_time_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slim images and Windows have none: UTC works all the same, and what is missing is said."""
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(ConfigurationError, match="this machine has no time zones, install tzdata"):
        period_of("day", "Nowhere/At-All")
    assert period_of("day", "UTC").around(0).starts
