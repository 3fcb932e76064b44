from __future__ import annotations

import copy
import decimal
import json
import pickle
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit import catalogue, pricing
from llmkit.catalogue import FrozenMap, ModelInfo, Rate
from llmkit.pricing import Cost, cost

D = Decimal


def model(provider: str, name: str) -> ModelInfo:
    """A model that the catalogue must have."""
    found = catalogue.find(provider, name)
    assert found is not None
    return found


GPT_4O = model("openai", "gpt-4o")
GPT_5 = model("openai", "gpt-5")
SONNET = model("anthropic", "claude-sonnet-4-5")
FLASH = model("gemini", "gemini-2.5-flash")
PRO = model("gemini", "gemini-2.5-pro")


def usage(prompt: int = 0, completion: int = 0, **rest: Any) -> dict[str, Any]:
    """A usage in OpenAI's shape; ``cached``, ``audio`` and ``reasoning`` go into the details."""
    inner = {"cached": "cached_tokens", "audio": "audio_tokens", "written": "cache_write_tokens"}
    outer = {"reasoning": "reasoning_tokens", "spoken": "audio_tokens", "drawn": "image_tokens"}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {v: rest.pop(k) for k, v in inner.items() if k in rest},
        "completion_tokens_details": {v: rest.pop(k) for k, v in outer.items() if k in rest},
        **rest,
    }


def quantities(result: Cost) -> dict[str, int | Decimal]:
    """How much of each dimension was priced."""
    return {line.dimension: line.quantity for line in result.lines}


# --- exact costs, by hand ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("priced", "used", "total"),
    [
        (GPT_4O, usage(1000, 100), "0.0035"),  # 1000 x 2.5 + 100 x 10
        (GPT_4O, usage(1000, 100, cached=600), "0.00275"),  # 400 x 2.5 + 600 x 1.25 + 100 x 10
        (GPT_4O, usage(1000, 100, cached=1000), "0.00225"),  # all of it cached
        (GPT_5, usage(1000, 1000, reasoning=800), "0.01125"),  # reasoning is output, once
        (FLASH, usage(1000, 100, audio=400), "0.00083"),  # 600 x 0.3 + 400 x 1 + 100 x 2.5
        (PRO, usage(200_000, 1000), "0.26"),  # at the threshold: 1.25 and 10
        (PRO, usage(200_001, 1000), "0.5150025"),  # above it: all at 2.5 and 15
    ],
)
def test_costs_by_hand(priced: ModelInfo, used: dict[str, Any], total: str) -> None:
    """The sum is that of pencil and paper, and exact."""
    result = cost(used, priced)
    assert (result.total, result.status, result.reason) == (D(total), "exact", None)
    assert result.revision == priced.revision


def test_cache_writes_are_priced_by_ttl() -> None:
    """Fresh, read, written for 5 minutes and for an hour: four rates, no token twice."""
    used = usage(
        10_000,
        500,
        cache_read_input_tokens=4000,
        cache_creation_input_tokens=3000,
        cache_creation={"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 1000},
    )
    result = cost(used, SONNET)
    # 3000 x 3 + 4000 x 0.3 + 2000 x 3.75 + 1000 x 6 + 500 x 15
    assert result.total == D("0.0312")
    assert result.status == "exact"
    assert [line.rate for line in result.lines if line.dimension == "cache_write"] == [6, D("3.75")]


def test_cache_writes_of_untold_ttl_take_the_default_ttl() -> None:
    """Anthropic writes for 5 minutes unless asked otherwise."""
    result = cost(usage(1000, 10, cache_creation_input_tokens=1000), SONNET)
    assert result.total == D("0.0039")  # 1000 x 3.75 + 10 x 15
    longer = cost(usage(1000, 10, written=1000), SONNET, conditions={"ttl": "1h"})
    assert longer.total == D("0.00615")  # 1000 x 6 + 10 x 15


def test_cache_writes_that_a_vendor_does_not_charge_apart_are_input() -> None:
    """Before GPT-5.6 a write to the cache is an input token like any other."""
    assert cost(usage(1000, 100, written=500), GPT_4O).total == D("0.0035")


def test_both_spellings_of_cached_tokens_are_one_count() -> None:
    """A usage that says it twice is not priced twice."""
    result = cost(usage(1000, 100, cached=600, cache_read_input_tokens=600), GPT_4O)
    assert (result.total, result.status) == (D("0.00275"), "exact")


def test_audio_both_ways_is_priced_apart() -> None:
    """Spoken tokens are taken out of both totals."""
    spoken = model("openai", "gpt-4o-audio-preview")
    result = cost(usage(300, 350, audio=200, spoken=300), spoken)
    # 100 x 2.5 + 200 x 40 + 50 x 10 + 300 x 80
    assert result.total == D("0.03275")
    assert quantities(result) == {
        "audio_input": 200,
        "input": 100,
        "audio_output": 300,
        "output": 50,
    }


def test_web_searches_are_priced_by_the_call() -> None:
    """Three searches at 10 USD a thousand, beside the tokens."""
    result = cost(usage(1000, 100, server_tool_use={"web_search_requests": 3}), SONNET)
    assert result.total == D("0.0345")  # 0.003 + 0.0015 + 0.03


def test_search_models_charge_their_fee_once_a_request() -> None:
    """Their searches, counted or not, are in the fee of 25 USD a thousand."""
    searcher = model("openai", "gpt-4o-search-preview")
    plain = cost(usage(100, 100), searcher)
    counted = cost(usage(100, 100, server_tool_use={"web_search_requests": 2}), searcher)
    assert plain.total == counted.total == D("0.02625")


@pytest.mark.parametrize(
    ("tier", "total"),
    [
        (None, "0.01125"),
        ("auto", "0.01125"),
        ("default", "0.01125"),
        ("standard", "0.01125"),
        ("flex", "0.005625"),
        ("batch", "0.005625"),
        ("priority", "0.0225"),
        ("fast", "0.0225"),
    ],
)
def test_service_tiers(tier: str | None, total: str) -> None:
    """The tier that the answer names picks the rates; spellings of one tier agree."""
    result = cost(usage(1000, 1000), GPT_5, service_tier=tier)
    assert (result.total, result.status) == (D(total), "exact")


def test_an_unpriced_cheaper_tier_is_priced_as_standard_and_says_so() -> None:
    """Flex is never dearer than standard, so that is a safe estimate."""
    result = cost(usage(1000, 100), GPT_4O, service_tier="flex")
    assert (result.total, result.status) == (D("0.0035"), "estimated")
    assert "no flex rates" in (result.reason or "")


def test_an_unpriced_other_tier_is_unknown() -> None:
    """Committed capacity has no list price, and standard could be too little."""
    result = cost(usage(1000, 100), SONNET, service_tier="priority")
    assert (result.total, result.status) == (None, "unknown")
    assert "no priority rates" in (result.reason or "")


def test_equally_specific_rates_take_the_dearest_and_say_so() -> None:
    """Priority above 272,000 tokens has no listed rate: the dearer of the two that touch it."""
    result = cost(usage(300_000, 1000), model("openai", "gpt-5.5"), service_tier="priority")
    assert result.total == D("3.825")  # 300000 x 12.5 (priority) + 1000 x 75 (priority)
    assert result.status == "estimated"
    assert "several input rates apply" in (result.reason or "")


@pytest.mark.parametrize(
    ("on", "total"),
    [(None, "0.003"), ("2026-11-30", "0.003"), ("2026-12-01", "0.006"), ("2027-05-05", "0.006")],
)
def test_announced_prices_apply_from_their_day(on: str | None, total: str) -> None:
    """An introductory price ends on a date, which the call's own date is held against."""
    argon = model("gemini", "gemini-4-argon")
    assert cost(usage(1000, 100), argon, on=on).total == D(total)


def test_speed_and_region_that_the_usage_names_are_priced() -> None:
    """Fast mode has its own rates, and processing in one region is a tenth dearer."""
    opus = model("anthropic", "claude-opus-4-8")
    assert cost(usage(1000, 100, speed="fast"), opus).total == D("0.015")
    newest = model("anthropic", "claude-sonnet-5-5")
    result = cost(usage(1000, 100, inference_geo="us"), newest)
    assert result.total == D("0.0033")  # 1000 x 2.2 + 100 x 11
    assert result.lines[0].condition == {"region": "us"}
    assert cost(usage(1000, 100), newest, conditions={"region": "us"}).total == D("0.0033")
    assert cost(usage(1000, 100, inference_geo="global"), newest).total == D("0.003")
    searching = usage(1000, 100, inference_geo="us", server_tool_use={"web_search_requests": 1})
    assert cost(searching, newest).total == D("0.0133")  # searches are not dearer there


def test_attributes_and_keys_read_alike() -> None:
    """A usage may be an object, a mapping, or lack every optional field."""
    bare = SimpleNamespace(prompt_tokens=1000, completion_tokens=100)
    nested = SimpleNamespace(
        prompt_tokens=1000,
        completion_tokens=100,
        prompt_tokens_details=SimpleNamespace(cached_tokens=600),
        server_tool_use=None,
    )
    assert cost(bare, GPT_4O).total == D("0.0035")
    assert cost(nested, GPT_4O).total == D("0.00275")


def test_lines_say_where_their_rate_comes_from() -> None:
    """Each line can be checked against the page and date it names."""
    line = cost(usage(1000, 100, cached=600), GPT_4O).lines[1]
    assert (line.dimension, line.quantity, line.unit) == ("cached_read", 600, "token")
    assert (line.rate, line.per, line.amount) == (D("1.25"), 1_000_000, D("0.00075"))
    assert line.source.startswith("https://developers.openai.com/")
    assert line.read == "2026-11-22"
    assert "genai-prices" in line.via


# --- what cannot be told ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "priced", "reason"),
    [
        (None, GPT_4O, "no usage reported"),
        ({}, GPT_4O, "no usage reported"),
        (usage(10, 10), None, "no price for mystery"),
        ({"prompt_tokens": 5}, GPT_4O, "no completion tokens"),
        (usage(0, 0), GPT_4O, "no tokens at all"),
        (usage(1000, 10, audio=400), GPT_4O, "no audio_input rate for gpt-4o"),
        (usage(1000, 10, spoken=4), GPT_4O, "no audio_output rate for gpt-4o"),
        (usage(1000, 10, drawn=4), GPT_4O, "no image_output rate for gpt-4o"),
        (usage(10, 10, server_tool_use={"web_search_requests": 1}), PRO, None),
        (
            usage(10, 10, server_tool_use={"web_search_requests": 1}),
            model("openai", "gpt-4"),
            "no web_search rate for gpt-4",
        ),
        (usage(-1, 10), GPT_4O, "prompt_tokens=-1"),
        (usage(True, 10), GPT_4O, "prompt_tokens=True"),
        ({"prompt_tokens": "9", "completion_tokens": 1}, GPT_4O, "prompt_tokens='9'"),
        ({"prompt_tokens": 9.5, "completion_tokens": 1}, GPT_4O, "prompt_tokens=9.5"),
        (usage(10, 10, cached=-5), GPT_4O, "cached_tokens=-5"),
    ],
)
def test_what_cannot_be_priced_is_unknown(
    used: object, priced: ModelInfo | None, reason: str | None
) -> None:
    """There is a reason and no amount, and never a zero."""
    result = cost(used, priced, model_name="mystery")
    if reason is None:
        assert result.known
        return
    assert (result.total, result.status, result.lines) == (None, "unknown", ())
    assert reason in (result.reason or "")


def test_a_missing_cached_rate_costs_what_reading_afresh_costs() -> None:
    """A model without a cached rate gives no discount, and none is invented."""
    result = cost(usage(1000, 100, cached=600), model("openai", "gpt-4o-audio-preview"))
    assert result.total == D("0.0035")


def test_missing_cache_write_rates_are_unknown_where_writes_cost_extra() -> None:
    """A write can cost more than input, so input would be too little."""
    rates = tuple(rate for rate in SONNET.rates if rate.dimension != "cache_write")
    result = cost(usage(1000, 100, written=10), replace(SONNET, rates=rates))
    assert result.reason == "no cache_write rate for claude-sonnet-4-5"


def test_cached_beyond_the_prompt_is_priced_beside_it() -> None:
    """Such a provider excludes cached tokens from the prompt; neither may get lost."""
    result = cost(usage(100, 10, cached=5000), SONNET)
    assert result.total == D("0.00195")  # 100 x 3 + 5000 x 0.3 + 10 x 15
    assert result.status == "estimated"
    assert "cached tokens exceed the prompt" in (result.reason or "")


def test_reasoning_beyond_the_completion_is_priced_beside_it() -> None:
    """Such a provider excludes reasoning from the completion."""
    result = cost(usage(100, 10, reasoning=500), GPT_5)
    assert result.total == D("0.005225")  # 100 x 1.25 + 510 x 10
    assert result.status == "estimated"


def test_two_different_counts_of_cached_tokens_take_the_smaller() -> None:
    """The discount is given only where both agree on it."""
    result = cost(usage(1000, 100, cached=600, cache_read_input_tokens=200), GPT_4O)
    assert quantities(result)["cached_read"] == 200
    assert result.status == "estimated"


def test_cached_audio_is_assumed_as_little_as_possible() -> None:
    """What was cached is not told by modality, so the dearer reading is taken."""
    fits = cost(usage(1000, 0, cached=300, audio=500), FLASH)
    # 200 x 0.3 + 500 x 1 + 300 x 0.03
    assert (fits.total, fits.status) == (D("0.000569"), "estimated")
    overlaps = cost(usage(1000, 0, cached=800, audio=500), FLASH)
    # 200 fresh audio x 1, 300 cached audio x 0.1, 500 cached text x 0.03
    assert overlaps.total == D("0.000245")
    beyond = cost(usage(100, 0, audio=500), FLASH)
    assert beyond.total == D("0.0005")
    assert "audio tokens exceed the prompt" in (beyond.reason or "")


def test_a_guessed_usage_is_marked() -> None:
    """A count that nobody reported gives an estimate, however exact the rates."""
    result = cost(usage(1000, 100), GPT_4O, estimated=True)
    assert (result.total, result.status) == (D("0.0035"), "estimated")
    assert result.reason == "the usage was estimated, not reported"


@pytest.mark.parametrize("amount", ["0.0125", "0"])
def test_the_providers_own_amount_wins(amount: str) -> None:
    """Also over a missing usage or price."""
    for used, priced in ((usage(1000, 100), GPT_4O), (None, None)):
        result = cost(used, priced, reported=D(amount))
        assert (result.total, result.status) == (D(amount), "provider_reported")


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity"])
def test_an_absurd_amount_from_the_provider_is_not_believed(amount: str) -> None:
    """The cost is then worked out from the usage."""
    assert cost(usage(1000, 100), GPT_4O, reported=D(amount)).total == D("0.0035")


def test_the_callers_decimal_context_does_not_round_a_bill() -> None:
    """Somebody else's precision of three digits changes nothing."""
    with decimal.localcontext(decimal.Context(prec=3)):
        result = cost(usage(1_234_567, 7_654_321), GPT_4O)
    assert result.total == D("79.6296275")


# --- the record ------------------------------------------------------------------------------


def test_a_known_cost_prints_as_money() -> None:
    """Plain digits, no exponent, and the Decimal's formats."""
    result = cost(usage(4, 0), model("openai", "gpt-5-nano"))
    assert str(result) == f"{result}" == "$0.0000002"
    assert f"{result:.8f}" == "0.00000020"
    assert float(result) == pytest.approx(2e-7)
    assert repr(result) == "<Cost $0.0000002 exact, 1 line>"
    assert str(replace(result, total=D("1E+2"))) == "$100"
    assert result.known
    assert result


def test_an_unknown_cost_is_never_a_number() -> None:
    """It prints its reason and refuses to become a float."""
    result = pricing.unknown("no price for x")
    assert str(result) == f"{result:.4f}" == "unknown: no price for x"
    assert not result
    assert not result.known
    with pytest.raises(ValueError, match="no price for x"):
        float(result)


def test_nothing_billed_is_a_true_zero() -> None:
    """A cache hit costs nothing, and that is known."""
    result = pricing.nothing("answered from the cache")
    assert (result.total, result.status, str(result)) == (D(0), "none", "$0")
    assert result.known


def test_a_cost_is_json_and_travels() -> None:
    """Amounts are strings in JSON; the record pickles, copies and hashes."""
    result = cost(usage(1000, 100, cached=600), GPT_4O)
    plain = json.loads(json.dumps(result.to_dict()))
    assert (plain["total"], plain["currency"], plain["status"]) == ("0.00275", "USD", "exact")
    assert plain["lines"][0]["amount"] == "0.001"
    assert json.loads(json.dumps(pricing.unknown("why").to_dict()))["total"] is None
    assert pickle.loads(pickle.dumps(result)) == copy.deepcopy(result) == result  # noqa: S301
    assert hash(result) == hash(copy.deepcopy(result))


# --- properties ------------------------------------------------------------------------------

# A slow machine is no failure of the code.
UNHURRIED = settings(deadline=None)
COUNT = st.integers(min_value=0, max_value=2_000_000)
TEXT_MODELS = st.sampled_from(
    [
        model
        for model in catalogue.models()
        if model.mode == "chat" and not model.supports("audio_output")
        if {"input", "output"}
        <= {rate.key for rate in model.rates if rate.usd and not rate.condition}
    ]
)


@st.composite
def usages(draw: st.DrawFn, most: int = 2_000_000, answer: int = 200_000) -> dict[str, Any]:
    """A usage whose details stay within its totals."""
    prompt = draw(st.integers(1, most))
    completion = draw(st.integers(0, answer))
    cached = draw(st.integers(0, prompt))
    written = draw(st.integers(0, prompt - cached))
    reasoning = draw(st.integers(0, completion))
    return usage(prompt, completion, cached=cached, written=written, reasoning=reasoning)


@UNHURRIED
@given(TEXT_MODELS, usages(), st.sampled_from([None, "default", "batch", "standard"]))
def test_lines_add_up_and_lose_no_token(
    priced: ModelInfo, used: dict[str, Any], tier: str | None
) -> None:
    """The total is the sum of the lines, none negative, and every token is in one of them."""
    result = cost(used, priced, service_tier=tier)
    if not result.known:
        assert "rate" in (result.reason or "")
        return
    assert result.total == sum((line.amount for line in result.lines), D(0))
    assert all(line.amount > 0 and line.quantity > 0 for line in result.lines)
    tokens = sum(line.quantity for line in result.lines if line.unit == "token")
    assert tokens == used["prompt_tokens"] + used["completion_tokens"]
    for line in result.lines:
        assert line.amount == D(line.quantity) * line.rate / line.per


@UNHURRIED
@given(TEXT_MODELS, usages(), COUNT, COUNT)
def test_more_tokens_never_cost_less(
    priced: ModelInfo, used: dict[str, Any], prompt: int, completion: int
) -> None:
    """Adding fresh input and output never lowers the cost, across every threshold."""
    more = {
        **used,
        "prompt_tokens": used["prompt_tokens"] + prompt,
        "completion_tokens": used["completion_tokens"] + completion,
    }
    less, greater = cost(used, priced).total, cost(more, priced).total
    assert (less is None) == (greater is None)
    if less is not None and greater is not None:
        assert greater >= less


@UNHURRIED
@given(st.dictionaries(st.sampled_from([*usage(), "server_tool_use"]), st.none() | COUNT))
def test_a_strange_usage_never_raises(used: dict[str, Any]) -> None:
    """Missing and misplaced fields give a cost or a reason."""
    result = cost(used, GPT_4O)
    assert result.known or result.reason


def test_a_rate_apart_for_reasoning_is_used() -> None:
    """Where reasoning has its own price its tokens leave the output."""
    apart = Rate("reasoning", "token", D(4), 1_000_000, FrozenMap(), "https://x.test", "2026-01-01")
    result = cost(usage(10, 100, reasoning=60), replace(GPT_5, rates=(*GPT_5.rates, apart)))
    assert quantities(result) == {"input": 10, "reasoning": 60, "output": 40}
