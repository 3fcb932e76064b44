"""Which rate holds: by day, hour, size, region, tier, and what is done where that cannot be told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from llmkit.catalogue import FrozenMap, Uplift
from llmkit.pricing import Measure, cost

from ._sheets import model, rate, usage

D = Decimal
NIGHT = {"utc": "16:30-00:30"}
OFF_PEAK = model(rate("input", "2"), rate("output", "0"), rate("input", "1", utc="16:30-00:30"))


@pytest.mark.parametrize(
    ("on", "total"),
    [
        (None, "2"),  # as of the catalogue's day
        ("2026-10-31", "1"),
        ("2026-11-01", "2"),
        ("2026-12-24", "2"),
        ("2026-12-25", "3"),
        ("2026-12-25T00:00:00+01:00", "2"),  # still the 24th in UTC
        (1_798_156_800, "3"),  # 2026-12-25T00:00:00Z
    ],
)
def test_the_newest_price_that_holds(on: str | float | None, total: str) -> None:
    """Of prices with a day from which they hold, the newest that has begun."""
    dated = model(
        rate("input", "1"),
        rate("input", "2", from_="2026-11-01"),
        rate("input", "3", from_="2026-12-25"),
        rate("output", "0"),
    )
    result = cost(usage(1, 1), dated, on=on)
    assert (result.total, result.status) == (D(total), "exact")


@pytest.mark.parametrize(("on", "total"), [("2026-05-31", "5"), ("2026-06-01", "7")])
def test_a_price_that_ends_goes_before_what_follows_it(on: str, total: str) -> None:
    """``until`` is the first day on which it no longer holds."""
    ended = model(rate("input", "7"), rate("input", "5", until="2026-06-01"), rate("output", "0"))
    result = cost(usage(1, 0), ended, on=on)
    assert (result.total, result.status) == (D(total), "exact")


def test_a_tier_goes_before_a_newer_day() -> None:
    """A day does not make a rate more specific than a tier does."""
    both = model(
        rate("input", "4", from_="2026-01-01"),
        rate("input", "1", service_tier="batch"),
        rate("output", "0"),
    )
    assert cost(usage(1, 0), both, service_tier="batch").total == D(1)


def test_the_longest_threshold_that_is_passed() -> None:
    """Of two lengths that a prompt passes, the longer has the price."""
    long = model(
        rate("input", "1"),
        rate("input", "2", input_tokens_over=100),
        rate("input", "3", input_tokens_over=200),
        rate("output", "0"),
    )
    assert [cost(usage(n, 0), long).total for n in (100, 101, 200, 201)] == [100, 202, 400, 603]


@pytest.mark.parametrize(
    ("on", "seconds", "total", "status"),
    [
        ("2026-11-19T12:00:00", 5, "2", "exact"),
        ("2026-11-19T20:00:00", 5, "1", "exact"),
        ("2026-11-20T00:10:00", 5, "1", "exact"),  # past midnight
        ("2026-11-20T02:10:00+02:00", 5, "1", "exact"),
        ("2026-11-19T16:29:50", 30, "2", "estimated"),  # begins before, ends within
        ("2026-11-20T00:30:10", 0, "2", "estimated"),  # our clock is not the vendor's
        ("2026-11-19T12:00:00", 50_000, "2", "estimated"),  # the window is within the call
        ("2026-11-19", 0, "2", "estimated"),  # the hour is not told
        (None, 0, "2", "estimated"),
    ],
)
def test_off_peak_hours(on: str | None, seconds: float, total: str, status: str) -> None:
    """Within the window its price, outside the usual one, and where it is open the dearer, noted."""
    result = cost(usage(1, 0), OFF_PEAK, on=on, seconds=seconds)
    assert (result.total, result.status) == (D(total), status)
    if status == "estimated":
        assert "off-peak cannot be told" in (result.reason or "")


@pytest.mark.parametrize(
    ("on", "total"),
    [
        ("2026-11-20T12:00:00", "1"),  # a Friday, in its hours
        ("2026-11-20T08:00:00", "2"),
        ("2026-11-21T12:00:00", "2"),  # a Saturday, at an hour of weekdays
        ("2026-11-22T08:00:00", "3"),  # a Sunday, all day
    ],
)
def test_weekdays(on: str, total: str) -> None:
    """Days of the week count from Monday, and go with hours or without."""
    week = model(
        rate("input", "2"),
        rate("input", "1", utc="10:00-00:00", weekdays="12345"),
        rate("input", "3", weekdays="7"),
        rate("output", "0"),
    )
    assert cost(usage(1, 0), week, on=on).total == D(total)


def test_hours_past_midnight_belong_to_the_day_they_begin_on() -> None:
    """Saturday, a quarter past midnight, is Friday's night."""
    night = model(
        rate("input", "2"),
        rate("input", "1", utc="16:30-00:30", weekdays="5"),
        rate("output", "0"),
    )
    assert cost(usage(1, 0), night, on="2026-11-21T00:15:00").total == D(1)
    assert cost(usage(1, 0), night, on="2026-11-20T00:15:00").total == D(2)


def test_hours_that_are_none_make_no_price() -> None:
    """A record that a user wrote wrongly is unknown, and raises nothing."""
    wrong = model(rate("input", "2"), rate("input", "1", utc="at night"), rate("output", "0"))
    result = cost(usage(1, 0), wrong, on="2026-11-21T00:15:00")
    assert (result.total, result.reason) == (
        None,
        "'at night' are no hours such as 16:30-00:30",
    )


def test_a_picture_costs_by_size_and_quality() -> None:
    """What was asked for picks the price; what was left open is the dearest, and noted."""
    pictures = model(
        rate("image_output/image", "0.04", size="1024x1024", quality="standard"),
        rate("image_output/image", "0.08", size="1024x1024", quality="hd"),
        rate("image_output/image", "0.12", size="1792x1024", quality="hd"),
        mode="image",
    )

    def of(**facts: str) -> tuple[Decimal | None, str]:
        result = cost(None, pictures, measures=[Measure("image_output", 2, "image", facts)])
        return result.total, result.status

    assert of(size="1024x1024", quality="HD") == (D("0.16"), "exact")
    assert of(size="1024x1024") == (D("0.16"), "estimated")
    assert of() == (D("0.24"), "estimated")
    assert of(size="512x512", quality="hd") == (None, "unknown")


def test_regions() -> None:
    """A region's own price, a factor on any region but the global one, and none where nothing is told."""
    here = model(
        rate("input", "1"),
        rate("input", "4", region="eu-west-1"),
        rate("output", "0"),
        uplifts=(Uplift(FrozenMap({"region": "regional"}), D("1.1")),),
    )

    def of(region: str | None) -> Decimal | None:
        return cost(usage(1, 0), here, conditions={"region": region} if region else None).total

    assert [of("eu-west-1"), of("us-east-1"), of("global"), of(None)] == [
        D("4.4"), D("1.1"), D(1), D(1),
    ]  # fmt: skip


def test_a_tier_without_its_own_cached_price() -> None:
    """There may be no discount in that tier: the dearer of the two readings, and it is noted."""
    tiered = model(
        rate("input", "4"),
        rate("cached_read", "1"),
        rate("output", "0"),
        rate("input", "2", service_tier="batch"),
        rate("output", "0", service_tier="batch"),
    )
    cached = usage(10, 0, prompt_tokens_details={"cached_tokens": 8})
    result = cost(cached, tiered, service_tier="batch")
    assert (result.total, result.status) == (D(20), "estimated")
    assert "no batch cached_read rate" in (result.reason or "")
    assert cost(cached, tiered).total == D(16)


def test_the_least_that_is_billed() -> None:
    """Three seconds cost ten where ten are the least."""
    heard = model(rate("audio_input/second", "36", 3600, at_least=10), mode="transcription")
    short, long = (
        cost(None, heard, measures=[Measure("audio_input", D(n), "second")]) for n in (3, 30)
    )
    assert (short.total, short.lines[0].quantity) == (D("0.1"), 10)
    assert (long.total, long.lines[0].quantity) == (D("0.3"), 30)


def test_thirds_of_a_cent_add_up_in_anybodys_arithmetic() -> None:
    """An endless fraction ends upwards, so that a sum of lines is the total with 28 digits, too."""
    heard = model(rate("audio_input/second", "0.258", 3600), mode="transcription")
    result = cost(None, heard, measures=[Measure("audio_input", D("25.933313"), "second")])
    assert result.total is not None
    assert sum((line.amount for line in result.lines), D(0)) == result.total
    assert 0 <= result.total - D("25.933313") * D("0.258") / 3600 < D("1e-17")
