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
from llmkit.pricing import cost
from llmkit.testing import Raw, scripted

from ._said import KEY


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
