"""Seconds, characters, pictures, searches: which of them are billed, and what stands for what."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmkit.pricing import Cost, Measure, cost

from ._sheets import model, rate, usage

D = Decimal
SECONDS = Measure("audio_input", D("90.5"), "second")
LETTERS = Measure("input", 1200, "character")
PICTURES = Measure("image_output", 2, "image")
UNITS = Measure("search", 3, "search")


def quantities(result: Cost) -> dict[str, int | Decimal]:
    """How much of each dimension and unit was priced."""
    return {f"{line.dimension}/{line.unit}": line.quantity for line in result.lines}


@pytest.mark.parametrize(
    ("measure", "key", "usd", "per", "total"),
    [
        (SECONDS, "audio_input/second", "0.36", 3600, "0.00905"),
        (LETTERS, "input/character", "15", 1_000_000, "0.018"),
        (PICTURES, "image_output/image", "0.04", 1, "0.08"),
        (UNITS, "search/search", "2", 1000, "0.006"),
        (Measure("time", D("2.5"), "second"), "time/second", "0.001", 1, "0.0025"),
        (Measure("input", 4, "page"), "input/page", "1", 1000, "0.004"),
    ],
)
def test_each_is_priced_by_its_own_rate(
    measure: Measure, key: str, usd: str, per: int, total: str
) -> None:
    """What an answer tells without tokens has an exact price, where the model has one for it."""
    result = cost(None, model(rate(key, usd, per), mode="other"), measures=[measure])
    assert (result.total, result.status) == (D(total), "exact")


def test_tokens_go_before_the_seconds_that_they_were_made_of() -> None:
    """A model with both prices bills tokens where they were counted, and never both."""
    both = model(
        rate("input", "2"), rate("output", "3"), rate("audio_input/second", "5"), rate("audio_input", "2"),
    )  # fmt: skip
    heard = usage(10, 1, prompt_tokens_details={"audio_tokens": 10})
    assert quantities(cost(heard, both, measures=[SECONDS])) == {
        "audio_input/token": 10, "output/token": 1,
    }  # fmt: skip
    told = cost(None, both, measures=[SECONDS])
    assert told.reason == "the answer does not tell the output tokens"


def test_seconds_go_before_tokens_that_have_no_price() -> None:
    """A model that is sold by the second is, whatever else is counted."""
    by_second = model(rate("audio_input/second", "1"))
    assert quantities(cost(usage(10, 1), by_second, measures=[SECONDS])) == {
        "audio_input/second": D("90.5")
    }


def test_both_where_neither_stands_for_the_other() -> None:
    """Tokens of a text, and pictures beside them that are none of those tokens."""
    both = model(rate("input", "1"), rate("image_input/image", "5"), mode="embedding")
    result = cost(usage(7, 0), both, measures=[Measure("image_input", 2, "image")])
    assert quantities(result) == {"input/token": 7, "image_input/image": 2}
    assert result.total == D(17)


def test_a_picture_instead_of_its_tokens() -> None:
    """Tokens that are a picture have no price here, the picture has: its text is billed by tokens."""
    draws = model(rate("input", "1"), rate("output", "2"), rate("image_output/image", "5"))
    drawn = usage(7, 30, completion_tokens_details={"image_tokens": 20})
    result = cost(drawn, draws, measures=[PICTURES])
    assert quantities(result) == {"input/token": 7, "output/token": 10, "image_output/image": 2}


def test_pixels_without_a_price_are_not_lost() -> None:
    """They are none of the tokens that were counted, so the cost cannot be told."""
    texts = model(rate("input", "1"), mode="embedding")
    result = cost(usage(7, 0), texts, measures=[Measure("image_input", 5000, "pixel")])
    assert result.reason == "no image_input rate per pixel for m"


def test_tools_beside_the_tokens() -> None:
    """A search in files has its fee, or makes the cost unknown."""
    tool = Measure("file_search", 2, "call")
    sold = model(rate("input", "1"), rate("output", "1"), rate("file_search/call", "3"))
    assert cost(usage(1, 1), sold, measures=[tool]).total == D(8)
    unsold = model(rate("input", "1"), rate("output", "1"))
    assert cost(usage(1, 1), unsold, measures=[tool]).reason == "no file_search rate for m"


def test_what_is_free_says_so_in_a_line() -> None:
    """A price of nothing that a vendor states is an exact nothing, with its source."""
    free = model(rate("request/request", "0"), mode="moderation")
    for used in (None, usage(9, 0)):
        result = cost(used, free, measures=[Measure("request", 1, "request")])
        assert (result.total, result.status, len(result.lines)) == (D(0), "exact", 1)
        assert result.lines[0].source


def test_a_measure_without_a_price_is_unknown() -> None:
    """And never nothing."""
    by_token = model(rate("input", "1"), rate("output", "1"))
    assert cost(None, by_token, measures=[SECONDS]).reason == "no audio_input rate per second for m"
    fee = Measure("request", 1, "request")
    assert "nothing that the answer tells" in str(cost(None, model(), measures=[fee]).reason)


@pytest.mark.parametrize(
    ("used", "sold", "total"),
    [
        ({"server_tool_use": {"web_search_requests": 3}}, "web_search/prompt", "12"),
        ({"server_tool_use": {"web_search_requests": 3}}, "web_search/call", "32"),
        ({"server_side_tool_usage_details": {"web_search_calls": 2}}, "web_search/call", "22"),
        ({"num_sources_used": 4}, "search_source/source", "42"),
        ({"search_context_size": "low"}, "web_search/call", "12"),
        ({"server_tool_use_details": {"tool_calls_executed": 1}}, "web_search/call", None),
        ({"num_sources_used": 4}, "web_search/call", None),
    ],
)
def test_searches_and_tools_that_a_usage_counts(
    used: dict[str, Any], sold: str, total: str | None
) -> None:
    """By the query or by the prompt, at whatever place a provider tells them; what is not sold is unknown."""
    searches = model(rate("input", "1"), rate("output", "1"), rate(sold, "10"))
    result = cost(usage(1, 1, **used), searches)
    assert result.total == (None if total is None else D(total))


def test_cached_films_are_told_apart() -> None:
    """Where the usage says what of the cache was which, nothing is assumed."""
    sees = model(
        rate("input", "1"), rate("cached_read", "0"), rate("output", "0"),
        rate("audio_input", "4"), rate("cached_audio_read", "2"),
    )  # fmt: skip
    details = {
        "cached_tokens": 6, "audio_tokens": 5, "cached_tokens_details": {"audio_tokens": 3},
    }  # fmt: skip
    result = cost(usage(10, 0, prompt_tokens_details=details), sees)
    assert (result.status, result.total) == ("exact", D(2 * 4 + 3 * 2 + 2))
    assert quantities(result)["cached_read/token"] == 3
    del details["cached_tokens_details"]
    assert cost(usage(10, 0, prompt_tokens_details=details), sees).status == "estimated"


def test_rounds_of_other_models() -> None:
    """Each round at the rates of the model that did it; one that nobody knows makes the cost unknown."""
    big = model(rate("input", "10"), rate("output", "10"), name="big")
    small = model(rate("input", "1"), rate("output", "1"), name="small")
    find = {"big": big, "small": small}.get
    rounds = [usage(1, 1, model="big"), usage(2, 2)]
    assert cost(usage(5, 5, beside=rounds), small, find=find).total == D(10 + 20 + 4)
    assert cost(usage(5, 5, billed_model="big"), small, find=find).total == D(100)
    unknown = cost(usage(5, 5, beside=[usage(1, 1, model="new")]), small, find=find)
    assert unknown.reason == "no price for new, which did some of it"
