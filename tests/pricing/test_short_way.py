"""The short way for usages of text comes to what the general way comes to, and is gone where nothing is rare."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit.catalogue import FrozenMap, ModelInfo, Uplift, default
from llmkit.pricing import Cost, CostLine, _text, cost
from llmkit.pricing._rates import Sheet, sheet
from llmkit.pricing._text import of_text
from llmkit.types.usage import CacheCreation, PromptTokensDetails, Usage

from ._sheets import model, rate, usage
from .test_any_sheet import TIERS, sheets

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
WHOLE = st.sampled_from([0, 20, 99, 100, 250_000])
MAYBE = st.sampled_from([0, 0, 1, 7, 100, None])
TEXT = st.fixed_dictionaries(
    {"prompt_tokens": WHOLE, "completion_tokens": WHOLE},
    optional={
        "total_tokens": WHOLE | st.sampled_from([None, 41, 127, -1]),
        "prompt_tokens_details": st.fixed_dictionaries(
            {},
            optional={
                "cached_tokens": MAYBE,
                "cache_write_tokens": MAYBE,
                "audio_tokens": st.sampled_from([None, 0, 0, 5]),
                "cached_tokens_details": st.just({"text_tokens": 3}),
            },
        ),
        "completion_tokens_details": st.fixed_dictionaries(
            {}, optional={"reasoning_tokens": MAYBE, "video_tokens": st.sampled_from([0, 5])}
        ),
        "cache_read_input_tokens": MAYBE,
        "cache_creation_input_tokens": MAYBE,
        "cache_creation": st.fixed_dictionaries({"ephemeral_1h_input_tokens": MAYBE}),
        "speed": st.sampled_from(["fast", 3]),
        "inference_geo": st.sampled_from(["us", None]),
        "service": st.just("unheard of"),
        "num_sources_used": st.sampled_from([0, 2]),
    },
)
ON = st.sampled_from([None, NOON, NOON - 86400, 43199.9999999, "2026-11-21", 1e18, float("nan")])


OFTEN = (
    rate("input", "3.1"),
    rate("input", "4.1", input_tokens_over=99),
    rate("cached_read", "0.3", 1000),
    rate("cache_write", "4.7", 3),
    rate("reasoning", "5.3", from_="2026-11-21"),
    rate("output", "7.7", 1000),
)


@st.composite
def models(draw: st.DrawFn) -> ModelInfo:
    """Any sheet, with what else a model's record says of prices."""
    made = draw(sheets())
    uplifts = (Uplift(FrozenMap({"region": "us"}), Decimal("1.1")),)
    return replace(
        made,
        rates=(
            *made.rates,
            rate("input", "3.1"),
            rate("output", "7.7", 1000, input_tokens_over=99),
        ),
        uplifts=draw(st.sampled_from([(), uplifts])),
        varies=draw(st.sampled_from(["", "routed"])),
        priced_as=draw(st.sampled_from([made.priced_as, FrozenMap({"cached_read": "input"})])),
        tiers=FrozenMap({"flex": ("flex",), "": ("priority",)}) if draw(st.booleans()) else {},
    )


def told(*given: Any, **more: Any) -> object:
    """All that a cost says, with its numbers' own digits; or what was raised."""
    try:
        made = cost(*given, **more)
    except (OverflowError, OSError) as error:
        return type(error)
    return made.to_dict(), str(made.total), [str(line.amount) for line in made.lines]


@settings(deadline=None, max_examples=300)
@given(TEXT, models(), TIERS, ON, st.sampled_from([None, {}, {"region": "eu"}]), st.booleans())
def test_both_ways_come_to_the_same(
    counts: dict[str, Any],
    info: ModelInfo,
    tier: str | None,
    on: str | float | None,
    conditions: dict[str, str] | None,
    estimated: bool,  # noqa: FBT001 - drawn
) -> None:
    """A usage as a mapping is read the general way; twice, since the second time all is known."""
    terms = {"service_tier": tier, "on": on, "conditions": conditions, "estimated": estimated}
    wanted = told(counts, info, **terms)
    ours = Usage.model_validate(counts)
    assert told(ours, info, **terms) == wanted
    assert told(ours, info, **terms) == wanted


LISTED = default().find("openai", "gpt-4o-mini")
SHORT: dict[str, dict[str, Any]] = {
    "counts": usage(5, 7),
    "OpenAI's": usage(
        5,
        7,
        total_tokens=12,
        prompt_tokens_details={"cached_tokens": 3, "audio_tokens": 0},
        completion_tokens_details={"reasoning_tokens": 2, "audio_tokens": 0},
    ),
    "Anthropic's": usage(
        5,
        7,
        cache_read_input_tokens=2,
        cache_creation_input_tokens=0,
        cache_creation={"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        inference_geo="us",
    ),
    "Gemini's": usage(
        5, 7, prompt_tokens_details={"text_tokens": 5, "tool_use_tokens": 1}, traffic_type="on"
    ),
    "a host's own words": usage(5, 7, queue_time=0.1, cost=0.1, speed="fast"),
}
LONG: dict[str, dict[str, Any]] = {
    "no answer": {"prompt_tokens": 5},
    "nothing at all": usage(0, 0),
    "sound": usage(5, 7, prompt_tokens_details={"audio_tokens": 1}),
    "a kind that is no field": usage(5, 7, completion_tokens_details={"video_tokens": 1}),
    "a search": usage(5, 7, server_tool_use={"web_search_requests": 1}),
    "rounds beside it": usage(5, 7, beside=[usage(1, 1)]),
    "another model": usage(5, 7, billed_model="other"),
    "written for an hour": usage(5, 7, cache_creation={"ephemeral_1h_input_tokens": 1}),
    "written for some other time": usage(5, 7, cache_creation={"ephemeral_9m_input_tokens": 0}),
    "two counts of a thing": usage(
        5, 7, prompt_tokens_details={"cached_tokens": 3}, cache_read_input_tokens=2
    ),
    "more read than asked": usage(5, 7, cache_read_input_tokens=6),
    "more thought than said": usage(5, 7, completion_tokens_details={"reasoning_tokens": 8}),
    "less than nothing": usage(5, 7, total_tokens=-1),
    "less than nothing, written": usage(5, 7, cache_creation_input_tokens=-1),
}


@pytest.mark.parametrize("name", SHORT)
def test_what_goes_the_short_way(name: str) -> None:
    """The usages of most answers are told at once, whoever gives them."""
    assert LISTED is not None
    assert of_text(Usage.model_validate(SHORT[name]), LISTED, None, None, None) is not None


@pytest.mark.parametrize("name", LONG)
def test_what_does_not(name: str) -> None:
    """What is rare, strange, or has to be assumed is the general way's."""
    assert LISTED is not None
    assert of_text(Usage.model_validate(LONG[name]), LISTED, None, None, None) is None


@pytest.mark.parametrize("value", ["", False, "5", 2.5, []])
def test_what_somebody_put_there_is_looked_at(value: Any) -> None:
    """A usage can be changed by hand: what is no count there, however empty it is, is the general way's to judge."""
    assert LISTED is not None
    ours = Usage.model_validate(usage(5, 7))
    inner = PromptTokensDetails().model_copy(update={"audio_tokens": value})
    split = CacheCreation().model_copy(update={"ephemeral_1h_input_tokens": value})
    for name in ("prompt_tokens", "total_tokens", "cache_read_input_tokens"):
        assert of_text(ours.model_copy(update={name: value}), LISTED, None, None, None) is None
    for changes in ({"prompt_tokens_details": inner}, {"cache_creation": split}):
        assert of_text(ours.model_copy(update=changes), LISTED, None, None, None) is None
    assert not cost(ours.model_copy(update={"prompt_tokens_details": inner}), LISTED)


def test_what_is_no_usage_goes_the_general_way() -> None:
    """Objects and mappings of others are read as before."""
    info = model(rate("input", "1"), rate("output", "2"))
    for given_ in (usage(5, 7), object(), 5, Usage.model_construct()):
        assert of_text(given_, info, None, None, None) is None


def test_a_price_changes_with_the_day() -> None:
    """What was found for a day does not hold for the next one; nor is the last second of one the next one's."""
    info = model(
        rate("input", "1", until="1970-01-02"), rate("input", "3", from_="1970-01-02"), rate("output", "0")
    )  # fmt: skip
    ours = Usage.model_validate(usage(5, 1))
    moments = (7.0, 86398.0, 86399.9999999, 86400.0, 86401.0, 7.0)
    totals = [cost(ours, info, on=moment).total for moment in moments]
    assert totals == [5, 5, 15, 15, 15, 5]


def test_what_is_assumed_is_said_each_time() -> None:
    """Where a rate may hold or may not, the dearer one is taken, and that is said the second time, too."""
    info = model(rate("input", "1"), rate("input", "2", size="big"), rate("output", "3"))
    ours = Usage.model_validate(usage(5, 1))
    first, second = cost(ours, info), cost(ours, info)
    assert first == second
    assert (first.total, first.status) == (Decimal(13), "estimated")
    assert "size" in str(first.reason)


def test_a_price_is_not_found_before_what_is_assumed_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that comes while another has just put a price there says what is assumed, too."""
    info = model(rate("input", "1"), rate("input", "2", size="big"), rate("output", "3"))
    reasons: list[Any] = []

    def put(self: _text._Prices, key: str, found: Any) -> None:
        dict.__setitem__(self, key, found)
        if not reasons:
            reasons.append(cost(Usage.model_validate(usage(5, 0)), info).reason)

    monkeypatch.setattr(_text._Prices, "__setitem__", put, raising=False)
    cost(Usage.model_validate(usage(5, 0)), info)
    assert "size" in str(reasons[0])


@pytest.mark.parametrize(("total", "spoken"), [(19, 7), (12, 0), (None, 0)])
def test_reasoning_that_is_counted_beside_the_answer(total: int | None, spoken: int) -> None:
    """The total shows whether the answer's count has the reasoning in it."""
    info = model(rate("input", "1"), rate("output", "2"), rate("reasoning", "3"))
    told_ = {"total_tokens": total, "completion_tokens_details": {"reasoning_tokens": 7}}
    ours = Usage.model_validate(usage(5, 7, **told_))
    lines = {line.dimension: line.quantity for line in cost(ours, info).lines}
    assert lines == {"input": 5, "reasoning": 7} | ({"output": spoken} if spoken else {})
    # Without a rate of its own it has no line of its own.
    info = model(rate("input", "1"), rate("output", "2"))
    lines = {line.dimension: line.quantity for line in cost(ours, info).lines}
    assert lines == {"input": 5, "output": 7 + spoken}


def test_what_answers_say_is_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts come from answers: whatever they say, what is kept of it is bounded, and the price is right."""
    monkeypatch.setattr(_text, "_MOST", 5)
    info = model(rate("input", "1"), rate("output", "2"), rate("output", "4", from_="2026-11-21"))
    for number in range(20):
        ours = Usage.model_validate(usage(5, 1, speed=f"s{number}"))
        assert cost(ours, info, on=NOON + number * 86400).total == 9
    made: Sheet = sheet(info)
    assert len(made.terms) <= 5
    assert len(made.ages) <= 5


def test_a_tier_without_rates_is_the_general_way_s() -> None:
    """What must be said of a tier is said each time, and a tier that has no price has none the second time either."""
    info = model(rate("input", "1"), rate("output", "2"))
    ours = Usage.model_validate(usage(5, 1))
    for _ in range(2):
        assert "no flex rates" in str(cost(ours, info, service_tier="flex").reason)
        assert cost(ours, info, service_tier="priority").total is None


def test_what_it_makes_is_a_cost_like_any_other() -> None:
    """It is made in another way than by its class, and cannot be told from one that was."""
    info = model(rate("input", "1"), rate("output", "2"))
    made = cost(Usage.model_validate(usage(5, 1)), info)
    assert type(made) is Cost
    assert made == Cost.from_dict(made.to_dict()) == pickle.loads(pickle.dumps(made))  # noqa: S301 - our own
    assert hash(made) == hash(Cost.from_dict(made.to_dict()))
    assert repr(made) == "<Cost $7 exact, 2 lines>"
    with pytest.raises(FrozenInstanceError):
        made.total = Decimal(0)  # type: ignore[misc]
    assert [type(line) for line in made.lines] == [CostLine, CostLine]
