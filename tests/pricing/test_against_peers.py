"""What an oracle from outside found: other libraries' extractors, and the raw usages, over thousands of real answers.

Each figure is worked out beside it in millionths of a dollar, from the vendor's own page.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

import llmkit
from llmkit import catalogue, completion_cost
from llmkit.pricing import Unbounded, cost
from llmkit.testing import Raw, scripted

from ._said import HI, KEY, chat_usage, costs, openai

D = Decimal


def searched(model: str, tool: str) -> dict[str, Any]:
    """An answer of Responses that searched once, with a tool."""
    return {
        "object": "response",
        "model": model,
        "service_tier": "default",
        "tools": [{"type": "function", "name": "f"}, {"type": tool}],
        "output": [{"type": "web_search_call", "action": {"type": "search"}}],
        "usage": {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100},
    }


@pytest.mark.parametrize(
    ("model", "tool", "total"),
    [
        # 1000 x 2 + 100 x 8, and 10 USD for a thousand searches, or 25 where the pages are free.
        ("gpt-4.1-2025-04-14", "web_search", "0.0128"),
        ("gpt-4.1-2025-04-14", "web_search_preview", "0.0278"),
        ("gpt-4.1", "web_search_preview_2025_03_11", "0.0278"),
        # 1000 x 0.15 + 100 x 0.6
        ("gpt-4o-mini-2024-07-18", "web_search_preview", "0.02521"),
        # It reasons: 1000 x 1.25 + 100 x 10, and 10 with either tool.
        ("gpt-5", "web_search_preview", "0.01225"),
    ],
)
def test_the_older_search_has_its_own_price(model: str, tool: str, total: str) -> None:
    """A search by the preview tool cost 0.010 here, and costs 0.025 with a model that does not reason."""
    result = completion_cost(searched(model, tool))
    assert (result.total, result.status) == (D(total), "exact")


@pytest.mark.parametrize("provider", ["gemini", "vertex_ai"])
def test_video_costs_what_text_does(provider: str) -> None:
    """Its tokens had no price, where the page has one for text, image and video."""
    used = {
        "prompt_tokens": 4610,
        "completion_tokens": 101,
        "total_tokens": 4711,
        "prompt_tokens_details": {"video_tokens": 3096, "text_tokens": 14, "audio_tokens": 1500},
    }
    result = cost(used, catalogue.find(provider, "gemini-2.5-flash"))
    # 3,110 x 0.3 + 1,500 x 1 + 101 x 2.5 = 933 + 1,500 + 252.5
    assert (result.total, result.status) == (D("0.0026855"), "exact")


def test_video_that_has_a_price_keeps_it() -> None:
    """Where a model lists another price for video, that one holds."""
    used = {"prompt_tokens": 100, "prompt_tokens_details": {"video_tokens": 100}}
    result = cost(used, catalogue.find("gemini", "gemini-embedding-2"))
    assert result.total == D("0.0012")  # 100 x 12
    live = catalogue.find("gemini", "gemini-3.8-live")
    assert live is not None
    assert "video_input" not in live.priced_as


@pytest.mark.parametrize(
    ("provider", "answered", "usd"),
    [
        ("azure_ai", "claude-opus-4-5-20251101", "5"),
        ("azure_ai", "claude-sonnet-4-5-20250929", "3"),
        ("azure_ai", "claude-haiku-4-5-20251001", "1"),
        ("azure_ai", "claude-opus-4-1-20250805", "15"),
        ("azure_ai", "deepseek-r1-0528", "1.35"),
        ("azure_ai", "embed-english-v3.0", "0.1"),
        ("azure", "gpt-5.1-chat-2025-11-13", "1.25"),
        ("azure", "gpt-5-chat-2025-10-03", "1.25"),
        ("openai", "gpt-3.5-turbo-instruct:20230824-v2", "1.5"),
    ],
)
def test_names_that_only_answers_have(provider: str, answered: str, usd: str) -> None:
    """A deployment is priced by the model that its answer names, which was not listed so."""
    found = catalogue.find(provider, answered)
    assert found is not None
    assert [r.usd for r in found.rates if r.key == "input" and not r.condition] == [D(usd)]


def test_moderation_is_free() -> None:
    """Its answers have no usage; nothing is billed for any of them, where the cost was unknown."""
    answer = {"id": "modr-1", "model": "omni-moderation-latest", "results": [{"flagged": False}]}
    with scripted(Raw(json.dumps(answer))), llmkit.Client() as client:
        cost = client.moderation("openai/omni-moderation-latest", "hello", api_key=KEY).cost
    assert (cost.total, cost.status) == (D(0), "exact")
    assert [line.rate for line in cost.lines] == [D(0)]


# --- routers --------------------------------------------------------------------------------------


OPEN = "openrouter/moonshotai/kimi-k2.5"
VARIES = "hosts of different prices serve it, and the list has one of them"


def test_a_router_that_does_not_say_what_it_took() -> None:
    """A host's price was called exact for all of them: OpenRouter itself said 0.00022876 for 0.000215 of the list."""
    name = OPEN.partition("/")[2]
    cost = costs(OPEN, openai(name, chat_usage(129, 86)))
    assert cost.total is not None
    assert (cost.status, cost.reason) == ("estimated", VARIES)
    stated = costs(OPEN, openai(name, {**chat_usage(129, 86), "cost": 0.00022876}))
    assert (stated.total, stated.status) == (D("0.00022876"), "provider_reported")


def test_a_router_of_models_with_one_price() -> None:
    """Those that their makers alone sell, and those that cost nothing, have no other price."""
    cost = costs("openrouter/openai/gpt-4o", openai("openai/gpt-4o", chat_usage(1000, 100)))
    assert (cost.total, cost.status) == (D("0.0035"), "exact")  # 1000 x 2.5 + 100 x 10
    free = catalogue.find("openrouter", "deepseek/deepseek-r1:free")
    assert free is not None
    assert not free.varies


def test_no_bound_where_hosts_differ() -> None:
    """What a dearer host takes is in no list; what the caller says he pays is."""
    asked = {"messages": HI, "max_tokens": 10}
    above = llmkit.cost_bound("openrouter/meta-llama/llama-3.1-8b-instruct", **asked)
    assert isinstance(above, Unbounded)
    assert above.reason == VARIES
    own = {"input_cost_per_token": "0.000001", "output_cost_per_token": "0.000001"}
    assert llmkit.cost_bound("openrouter/meta-llama/llama-3.1-8b-instruct", **asked, **own)


def test_writing_geminis_cache_by_way_of_a_router() -> None:
    """Its list has five minutes of storage alone, 0.375; the tokens, 1.25, are paid beside it."""
    used = {**chat_usage(1000, 10), "prompt_tokens_details": {"cache_write_tokens": 1000}}
    result = cost(used, catalogue.find("openrouter", "google/gemini-2.5-pro"))
    # 1000 x 1.625 + 10 x 10
    assert (result.total, result.status) == (D("0.001725"), "exact")


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini-3.1-pro-preview"])
def test_nobody_writes_a_cache_below_the_price_of_reading(model: str) -> None:
    """Vertex had 0.25 for writing tokens of long prompts, which cost 2.5 and 4 to read."""
    found = catalogue.find("vertex_ai", model)
    assert found is not None
    assert not [rate for rate in found.rates if rate.key == "cache_write"]


def test_googles_name_of_the_standard_tier() -> None:
    """OpenRouter hands it on, and bills the standard price: four recorded answers were without one."""
    found = catalogue.find("openrouter", "google/gemini-2.5-flash")
    result = cost(chat_usage(808, 4), found, service_tier="provisioned")
    assert (result.total, result.status) == (D("0.0002524"), "exact")  # 808 x 0.3 + 4 x 2.5


# --- tiers and announced prices, of which a list has only part ------------------------------------


def test_a_dearer_tier_without_a_price_for_pictures() -> None:
    """Priority text is dearer by 1.8; pictures were billed at the standard price, exactly."""
    model = catalogue.find("gemini", "gemini-3-pro-image")
    drawn = {**chat_usage(100, 1000), "completion_tokens_details": {"image_tokens": 1000}}
    result = cost(drawn, model, service_tier="priority")
    assert (result.total, result.reason) == (
        None,
        "no priority image_output rate for gemini-3-pro-image",
    )
    assert cost(drawn, model).total == D("0.1202")  # 100 x 2 + 1000 x 120
    written = cost(chat_usage(100, 1000), model, service_tier="priority")
    assert (written.total, written.status) == (D("0.02196"), "exact")  # 100 x 3.6 + 1000 x 21.6


@pytest.mark.parametrize(("on", "total"), [("2026-12-31", "0.00905"), ("2027-01-01", "0.0181")])
def test_speech_gets_dearer_with_the_text_of_its_model(on: str, total: str) -> None:
    """The rise is announced for output; sound, which one list has by itself, would have stayed as it was."""
    model = catalogue.find("gemini", "gemini-3.8-flash-tts")
    spoken = {**chat_usage(100, 1000), "completion_tokens_details": {"audio_tokens": 1000}}
    # 100 x 0.5 + 1000 x 9, and twice that
    assert cost(spoken, model, on=on).total == D(total)
