"""Whatever is used and whatever is sold: lines add up, nothing is negative, nothing counts twice, nothing raises."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.catalogue import ModelInfo
from llmkit.pricing import Measure, cost

from ._sheets import model, rate

D = Decimal
UNHURRIED = settings(deadline=None)
COUNT = st.integers(0, 1_000_000)
USD = st.decimals("0.001", "100", places=3)
TOKENS = ("input", "output", "cached_read", "cache_write", "audio_input", "audio_output", "image_input",
          "image_output", "reasoning", "video_input", "cached_audio_read", "citation")  # fmt: skip
OTHERS = ("audio_input/second", "input/character", "image_output/image", "image_output/pixel", "search/search",
          "time/second", "request/request", "web_search/call", "web_search/prompt")  # fmt: skip
WHEN: st.SearchStrategy[dict[str, str | int]] = st.fixed_dictionaries(
    {},
    optional={
        "service_tier": st.sampled_from(["batch", "flex", "priority"]),
        "input_tokens_over": st.sampled_from([100, 200_000]),
        "from_": st.sampled_from(["2025-01-01", "2026-11-21", "2027-01-01"]),
        "until": st.sampled_from(["2025-06-01", "2027-06-01"]),
        "utc": st.sampled_from(["16:30-00:30", "00:00-08:00"]),
        "size": st.sampled_from(["1024x1024", "512x512"]),
        "region": st.sampled_from(["eu", "regional"]),
    },
)


@st.composite
def sheets(draw: st.DrawFn) -> ModelInfo:
    """Up to twenty rates of every kind, each under some condition or none."""
    rates = []
    for key in draw(st.lists(st.sampled_from([*TOKENS, *OTHERS]), max_size=20)):
        per = draw(st.sampled_from([1, 1000, 3600, 1_000_000]))
        when = draw(st.just({}) | WHEN)
        rates.append(rate(key, str(draw(USD)), per, **when))
    return model(*rates, mode=draw(st.sampled_from(["chat", "embedding", "transcription"])))


DETAILS = st.dictionaries(
    st.sampled_from(["cached_tokens", "audio_tokens", "image_tokens", "video_tokens", "reasoning_tokens"]),
    COUNT | st.none(),
)  # fmt: skip
USAGES = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": COUNT,
        "completion_tokens": COUNT,
        "total_tokens": COUNT,
        "prompt_tokens_details": DETAILS,
        "completion_tokens_details": DETAILS,
        "cache_read_input_tokens": COUNT,
        "cache_creation_input_tokens": COUNT,
        "server_tool_use": st.fixed_dictionaries({"web_search_requests": COUNT}),
        "citation_tokens": COUNT,
    },
)
MEASURES = st.lists(
    st.sampled_from(
        [
            Measure("audio_input", D("12.5"), "second"),
            Measure("input", 77, "character"),
            Measure("image_output", 2, "image", {"size": "1024x1024"}),
            Measure("image_output", 2_097_152, "pixel"),
            Measure("search", 1, "search"),
            Measure("time", D(3), "second"),
        ]
    ),
    max_size=3,
)
TIERS = st.sampled_from([None, "default", "batch", "flex", "priority"])
TIMES = st.sampled_from([None, "2026-11-19", "2026-11-19T17:00:00", 1_795_089_600.0])


@UNHURRIED
@given(sheets(), USAGES, MEASURES, TIERS, TIMES)
def test_lines_add_up_and_nothing_raises(
    priced: ModelInfo, used: dict[str, Any], measures: list[Measure], tier: str | None, on: Any
) -> None:
    """A total is the sum of its lines, in the usual precision, too; without one there is a reason."""
    result = cost(used, priced, measures=measures, service_tier=tier, on=on)
    if result.total is None:
        assert result.reason
        return
    assert result.lines
    assert sum((line.amount for line in result.lines), D(0)) == result.total
    assert all(line.amount >= 0 and line.quantity > 0 for line in result.lines)


@UNHURRIED
@given(sheets(), st.integers(1, 10_000), st.integers(0, 10_000), st.data(), TIERS)
def test_no_token_counts_twice(
    priced: ModelInfo, prompt: int, completion: int, data: st.DataObject, tier: str | None
) -> None:
    """Details within their totals: the tokens that are billed are those that were counted, none more."""
    cached = data.draw(st.integers(0, prompt))
    audio = data.draw(st.integers(0, prompt - cached))
    reasoning = data.draw(st.integers(0, completion))
    used = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": audio},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    result = cost(used, priced, service_tier=tier)
    tokens = sum(line.quantity for line in result.lines if line.unit == "token")
    if result.known and any(line.unit == "token" for line in result.lines):
        assert tokens == prompt + completion


@UNHURRIED
@given(sheets(), COUNT, COUNT, COUNT, COUNT)
def test_more_of_anything_never_costs_less(
    priced: ModelInfo, prompt: int, completion: int, more: int, longer: int
) -> None:
    """In fresh tokens of either side, where no threshold of length makes tokens cheaper."""
    rising = [r for r in priced.rates if "input_tokens_over" not in r.condition]
    plain = model(*rising)
    less = cost({"prompt_tokens": prompt, "completion_tokens": completion}, plain)
    bigger = cost({"prompt_tokens": prompt + more, "completion_tokens": completion + longer}, plain)
    if less.total is not None and bigger.total is not None:
        assert bigger.total >= less.total


@UNHURRIED
@given(sheets(), USAGES, st.decimals("0", "10", places=9))
def test_a_stated_amount_is_the_total(
    priced: ModelInfo, used: dict[str, Any], said: Decimal
) -> None:
    """Whatever our own is, it stands beside it."""
    result = cost(used, priced, reported=said)
    assert (result.total, result.status, result.reported) == (said, "provider_reported", said)
    assert sum((line.amount for line in result.lines), D(0)) == said
    assert result.ours == cost(used, priced)
