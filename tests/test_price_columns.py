from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmkit.catalogue._columns import Condition, columns

Read = tuple[str, str, str, int, Condition]


def read(fields: dict[str, Any], mode: str | None = None) -> list[Read]:
    """The rates as plain tuples, prices as text."""
    return [
        (r.dimension, r.unit, str(r.usd), r.per, r.condition) for r in columns(fields, mode).rates
    ]


M = 1_000_000
ONE_FIELD: list[tuple[str, str, object, str, str, str, int, Condition]] = [
    ("chat", "input_cost_per_token", 1.5e-07, "input", "token", "0.15", M, {}),
    ("chat", "output_cost_per_token", 1e-05, "output", "token", "10", M, {}),
    ("chat", "input_cost_per_token", 0.0001, "input", "token", "100", M, {}),
    (
        "chat",
        "cache_read_input_token_cost",
        3.0000000000000004e-07,
        "cached_read",
        "token",
        "0.3",
        M,
        {},
    ),
    ("chat", "input_cost_per_token_cache_hit", 2.8e-08, "cached_read", "token", "0.028", M, {}),
    ("chat", "cache_creation_input_token_cost", 1.25e-06, "cache_write", "token", "1.25", M, {}),
    ("chat", "output_cost_per_reasoning_token", 4e-06, "reasoning", "token", "4", M, {}),
    ("chat", "input_cost_per_audio_token", 4e-05, "audio_input", "token", "40", M, {}),
    ("chat", "output_cost_per_audio_token", 8e-05, "audio_output", "token", "80", M, {}),
    (
        "chat",
        "cache_read_input_audio_token_cost",
        4e-07,
        "cached_audio_read",
        "token",
        "0.4",
        M,
        {},
    ),
    ("chat", "cache_read_input_image_token_cost", 2e-06, "cached_image_read", "token", "2", M, {}),
    ("chat", "input_cost_per_image_token", 1e-06, "image_input", "token", "1", M, {}),
    ("chat", "output_cost_per_image_token", 3e-05, "image_output", "token", "30", M, {}),
    ("chat", "input_cost_per_video_token", 3e-06, "video_input", "token", "3", M, {}),
    ("chat", "citation_cost_per_token", 2e-06, "citation", "token", "2", M, {}),
    ("embedding", "input_cost_per_image", 6e-05, "image_input", "image", "0.00006", 1, {}),
    (
        "embedding",
        "input_cost_per_audio_per_second",
        0.00014,
        "audio_input",
        "second",
        "0.00014",
        1,
        {},
    ),
    (
        "embedding",
        "input_cost_per_video_per_second",
        0.0007,
        "video_input",
        "second",
        "0.0007",
        1,
        {},
    ),
    ("image_generation", "input_cost_per_image", 0.02, "image_output", "image", "0.02", 1, {}),
    ("image_generation", "output_cost_per_image", 0.04, "image_output", "image", "0.04", 1, {}),
    ("image_generation", "input_cost_per_pixel", 1.9e-08, "image_output", "pixel", "0.019", M, {}),
    (
        "image_edit",
        "output_cost_per_image_2K",
        0.12,
        "image_output",
        "image",
        "0.12",
        1,
        {"resolution": "2K"},
    ),
    (
        "image_edit",
        "output_cost_per_image_1024",
        0.3,
        "image_output",
        "image",
        "0.3",
        1,
        {"resolution": "1024"},
    ),
    (
        "audio_transcription",
        "input_cost_per_second",
        0.0001,
        "audio_input",
        "second",
        "0.0001",
        1,
        {},
    ),
    ("audio_speech", "output_cost_per_second", 0.00025, "audio_output", "second", "0.00025", 1, {}),
    ("audio_speech", "input_cost_per_character", 1.5e-05, "input", "character", "15", M, {}),
    (
        "video_generation",
        "output_cost_per_second_720p",
        0.1,
        "video_output",
        "second",
        "0.1",
        1,
        {"resolution": "720p"},
    ),
    (
        "video_generation",
        "output_cost_per_video_per_second",
        0.1,
        "video_output",
        "second",
        "0.1",
        1,
        {},
    ),
    ("chat", "input_cost_per_second", 0.00042, "time", "second", "0.00042", 1, {}),
    ("embedding", "input_cost_per_query", 7e-05, "request", "request", "0.07", 1000, {}),
    ("rerank", "input_cost_per_query", 0.002, "search", "search", "2", 1000, {}),
    ("ocr", "ocr_cost_per_page", 0.003, "input", "page", "3", 1000, {}),
    (
        "ocr",
        "ocr_cost_per_page_batches",
        0.002,
        "input",
        "page",
        "2",
        1000,
        {"service_tier": "batch"},
    ),
    ("chat", "input_cost_per_request", 0.005, "request", "request", "5", 1000, {}),
    ("chat", "file_search_cost_per_1k_calls", 2.5, "file_search", "call", "2.5", 1000, {}),
    (
        "chat",
        "explicit_cache_read_input_token_cost",
        2.5e-07,
        "cached_read",
        "token",
        "0.25",
        M,
        {"cache": "explicit"},
    ),
]


@pytest.mark.parametrize(
    ("mode", "field", "value", "dimension", "unit", "usd", "per", "condition"), ONE_FIELD
)
def test_a_field_is_a_rate(
    mode: str,
    field: str,
    value: object,
    dimension: str,
    unit: str,
    usd: str,
    per: int,
    condition: Condition,
) -> None:
    """Base names give dimension and unit, figures come as vendors quote them and without noise."""
    found = columns({field: value}, mode)
    assert read({field: value}, mode) == [(dimension, unit, usd, per, condition)]
    assert (found.uplifts, found.unknown) == ((), ())


@pytest.mark.parametrize(
    ("suffix", "condition"),
    [
        ("_above_200k_tokens", {"input_tokens_over": 200_000}),
        ("_above_272k_tokens_priority", {"input_tokens_over": 272_000, "service_tier": "priority"}),
        ("_priority_above_272k_tokens", {"input_tokens_over": 272_000, "service_tier": "priority"}),
        ("_above_1hr", {"ttl": "1h"}),
        (
            "_above_12hr_above_272k_tokens_flex",
            {"ttl": "12h", "input_tokens_over": 272_000, "service_tier": "flex"},
        ),
        ("_batches", {"service_tier": "batch"}),
        ("_balanced", {"service_tier": "balanced"}),
        ("_ultrafast", {"service_tier": "ultrafast"}),
    ],
)
def test_a_name_ends_in_conditions(suffix: str, condition: Condition) -> None:
    """Length, lifetime and tier may follow in any order and number."""
    found = read({f"cache_creation_input_token_cost{suffix}": 1e-06})
    assert found == [("cache_write", "token", "1", M, condition)]


@pytest.mark.parametrize(
    "field",
    [
        "input_cost_per_tokens",
        "input_cost_per_token_above_15s_interval",
        "input_cost_per_token_above_1hr",
        "input_cost_per_token_prioritys",
        "cost_per_second",
        "input_dbu_cost_per_token",
        "price",
        "tiered_pricing",
    ],
)
def test_what_is_not_understood_is_named(field: str) -> None:
    """A price that was overlooked would be an amount that is too low."""
    value: object = [{"input_cost_per_token": 1}] if field == "tiered_pricing" else 0.5
    assert columns({field: value, "input_cost_per_token": 1e-06}).unknown == (field,)


def test_other_fields_say_nothing_of_prices() -> None:
    """A model's limits and abilities stand among its prices; a null is not a price."""
    found = columns({"max_tokens": 5, "mode": "chat", "input_cost_per_token": None})
    assert (found.rates, found.unknown) == ((), ())


@pytest.mark.parametrize(
    "value", [-1e-06, float("nan"), float("inf"), "cheap", True, [1], {"a": 1}]
)
def test_what_is_no_price_is_refused_or_named(value: object) -> None:
    """Neither a negative amount nor a word may become money."""
    if isinstance(value, (list, dict)):
        assert columns({"input_cost_per_token": value}).unknown == ("input_cost_per_token",)
        return
    with pytest.raises(ValueError, match=r"input_cost_per_token: .* is not a price"):
        columns({"input_cost_per_token": value})


def test_given_decimals_and_text_keep_every_digit() -> None:
    """Only a float's digits are doubted."""
    exact = "0.00000012345678901234567"
    assert columns({"input_cost_per_token": exact}).rates[0].usd == Decimal(exact) * M
    assert columns({"input_cost_per_token": Decimal(exact)}).rates[0].usd == Decimal(exact) * M


def test_zero_stays_zero() -> None:
    """Who registers a model of their own may mean it; the builder judges for itself."""
    assert read({"input_cost_per_token": 0.0}) == [("input", "token", "0", M, {})]


def test_lengths_become_conditions() -> None:
    """Each range holds from its lower end on, the first always."""
    tiers = [
        {"range": [0, 32000.0], "input_cost_per_token": 3e-07, "output_cost_per_token": 1.5e-06},
        {"range": [32000.0, 128000.0], "input_cost_per_token": 5e-07},
    ]
    assert read({"tiered_pricing": tiers}) == [
        ("input", "token", "0.3", M, {}),
        ("output", "token", "1.5", M, {}),
        ("input", "token", "0.5", M, {"input_tokens_over": 32000}),
    ]


def test_hours_and_days_become_conditions() -> None:
    """A window is one rate; a whole day is told by its weekday alone."""
    off_peak = {
        "input_cost_per_token": 1.5e-07,
        "windows": [
            {"hours_utc": ["00:00-01:00", "16:30-00:30"], "weekdays": [1, 5]},
            {"hours_utc": "00:00-00:00", "weekdays": [6, 7]},
        ],
    }
    fields = {"input_cost_per_token": 3e-07, "off_peak_pricing": off_peak}
    assert read(fields) == [
        ("input", "token", "0.3", M, {}),
        ("input", "token", "0.15", M, {"utc": "00:00-01:00", "weekdays": "15"}),
        ("input", "token", "0.15", M, {"utc": "16:30-00:30", "weekdays": "15"}),
        ("input", "token", "0.15", M, {"weekdays": "67"}),
    ]
    elsewhere = {"off_peak_pricing": {**off_peak, "weekday_timezone": "Asia/Shanghai"}}
    assert columns(elsewhere).unknown == ("off_peak_pricing",)


def test_searches_differ_by_size_only_where_their_prices_do() -> None:
    """One price for all sizes needs no condition."""
    key = "search_context_cost_per_query"
    sizes = {f"search_context_size_{size}": 0.01 for size in ("low", "medium", "high")}
    assert read({key: sizes}) == [("web_search", "call", "10", 1000, {})]
    dearer = {**sizes, "search_context_size_high": 0.014}
    assert ("web_search", "call", "14", 1000, {"search_context_size": "high"}) in read(
        {key: dearer}
    )
    assert len(read({key: dearer})) == 3
    assert columns({key: {"per_mile": 1}}).unknown == (key,)


def test_regions_are_factors() -> None:
    """A multiplier is no price: it raises all of them."""
    fields = {
        "regional_processing_uplift_multiplier_eu": 1.1,
        "regional_endpoint_uplift_multiplier": 1.2,
    }
    assert columns(fields).uplifts == (
        ({"region": "regional"}, Decimal("1.2")),
        ({"region": "eu"}, Decimal("1.1")),
    )


def test_seconds_of_one_recording_are_not_priced_twice() -> None:
    """LiteLLM lists whisper's second as input and as output: it is one and the same."""
    fields = {
        "mode": "audio_transcription",
        "input_cost_per_second": 0.0001,
        "output_cost_per_second": 0.0001,
    }
    assert read(fields) == [("audio_input", "second", "0.0001", 1, {})]
    only = {
        "mode": "audio_transcription",
        "input_cost_per_second": 0,
        "output_cost_per_second": 0.0001,
    }
    assert read(only)[0][2] == "0.0001"
