"""Cost bugs of others by host: Bedrock, Azure, Vertex, DeepSeek, Groq, Fireworks, Perplexity.

As in ``test_known_bugs``: figures of the thread, the right amount worked out beside it in millionths of a dollar, each
answer whole and streamed. Threads were read 2026-11-22; numbers without a name are BerriAI/litellm's.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

import llmkit
from llmkit.testing import FrozenClock, Raw, scripted

from ._said import AZURE, HI, KEY, chat_usage, converse, costs, gemini, openai

D = Decimal
HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "bedrock/global.anthropic.claude-opus-4-8"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Bedrock is."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")


# --- Bedrock -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("aws")
def test_bedrock_counts_exclude_the_cache() -> None:
    """#15263, #15270, #29145: inputTokens excludes the cache; costs came out negative, or without it."""
    used = {
        "inputTokens": 13,
        "cacheReadInputTokens": 9882,
        "cacheWriteInputTokens": 1000,
        "outputTokens": 4,
        "totalTokens": 10_899,
    }
    cost = costs(HAIKU, converse(used))
    # 13 x 1 + 9,882 x 0.1 + 1,000 x 1.25 + 4 x 5 = 13 + 988.2 + 1,250 + 20
    assert (cost.total, cost.status) == (D("0.0022712"), "exact")


@pytest.mark.usefixtures("aws")
def test_bedrock_writes_for_an_hour() -> None:
    """#36762: 9,634 tokens written for an hour are $0.09634, not the $0.0602125 of five minutes."""
    written = [{"inputTokens": 9634, "ttl": "1h"}]
    used = {
        "inputTokens": 0,
        "cacheReadInputTokens": 0,
        "cacheWriteInputTokens": 9634,
        "cacheDetails": written,
        "outputTokens": 10,
        "totalTokens": 9644,
    }
    cost = costs(OPUS, converse(used))
    # 9,634 x 10 + 10 x 25 = 96,340 + 250
    assert (cost.total, cost.status) == (D("0.09659"), "exact")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("where", ["", "us.", "eu.", "jp.", "au."])
def test_bedrock_costs_a_tenth_more_in_a_region(where: str) -> None:
    """#42679: AWS bills a bare id and a geographic profile by the region, 10 % above `global.`; it said 9 % less."""
    used = {
        "inputTokens": 1000,
        "cacheReadInputTokens": 2000,
        "cacheWriteInputTokens": 800,
        "outputTokens": 100,
        "totalTokens": 3900,
    }
    name = "anthropic.claude-sonnet-4-6"
    everywhere = costs(f"bedrock/global.{name}", converse(used))
    # 1,000 x 3 + 2,000 x 0.3 + 800 x 3.75 + 100 x 15 = 3,000 + 600 + 3,000 + 1,500
    assert (everywhere.total, everywhere.status) == (D("0.0081"), "exact")
    # 1,000 x 3.3 + 2,000 x 0.33 + 800 x 4.125 + 100 x 16.5
    assert costs(f"bedrock/{where}{name}", converse(used)).total == D("0.00891")


# --- Azure ---------------------------------------------------------------------------------------


def test_azure_deployments_by_their_base_model() -> None:
    """#1810, #1874, #8538: a deployment's name says nothing; base_model does, and without it the answer's model."""
    said = openai("gpt-4", chat_usage(9, 28))
    told = costs("azure/bolsters-experiments", said, base_model="gpt-4-1106-preview", **AZURE)
    assert told.total == D("0.00093")  # 9 x 10 + 28 x 30
    by_answer = costs("azure/bolsters-experiments", said, **AZURE)
    assert by_answer.total == D("0.00195")  # gpt-4: 9 x 30 + 28 x 60


def test_azure_deployments_of_nothing_known_are_unknown() -> None:
    """#6310: no price for the name: the answer comes, and the cost is unknown, not an error and not 0."""
    cost = costs("azure/my-llama", openai("my-llama", chat_usage(16, 32)), **AZURE)
    assert (cost.total, cost.status) == (None, "unknown")


def test_azure_audio_tokens() -> None:
    """#19764, #19771: 482 of 592 tokens were spoken, and all were billed as text."""
    used = chat_usage(
        17, 592, text_tokens=17, audio_tokens=0, out_text_tokens=110, out_audio_tokens=482
    )
    said = openai("gpt-audio", used)
    cost = costs("azure/my-voice", said, base_model="openai/gpt-audio", **AZURE)
    # 17 x 2.5 + 110 x 10 + 482 x 64 = 42.5 + 1,100 + 30,848
    assert (cost.total, cost.status) == (D("0.0319905"), "exact")


# --- Vertex ---------------------------------------------------------------------------------------


def test_flex_of_vertex_is_told_by_its_traffic() -> None:
    """#37724: ON_DEMAND_FLEX was billed as standard, $0.0018555, twice what it cost."""
    used = {
        "promptTokenCount": 7,
        "candidatesTokenCount": 205,
        "totalTokenCount": 212,
        "trafficType": "ON_DEMAND_FLEX",
    }
    cost = costs(
        "vertex_ai/gemini-3.5-flash",
        gemini("gemini-3.5-flash", used),
        vertex_project="p",
        vertex_location="global",
    )
    # half of 7 x 1.5 + 205 x 9 = 1,855.5
    assert (cost.total, cost.status) == (D("0.00092775"), "exact")


@pytest.mark.parametrize(("location", "total"), [("global", "0.0060"), ("us-central1", "0.0066")])
def test_vertex_costs_a_tenth_more_in_a_region(location: str, total: str) -> None:
    """#37543, #34393: since July 2026 every location but `global` costs 1.1 times as much, which was left out."""
    used = {"promptTokenCount": 1000, "candidatesTokenCount": 500, "totalTokenCount": 1500}
    cost = costs(
        "vertex_ai/gemini-3.5-flash",
        gemini("gemini-3.5-flash", used),
        vertex_project="p",
        vertex_location=location,
    )
    assert cost.total == D(total)  # 1,000 x 1.5 + 500 x 9, and a tenth


# --- others ---------------------------------------------------------------------------------------


def test_cached_tokens_at_fireworks() -> None:
    """#25950, #33017: cached tokens were billed at the full rate."""
    used = chat_usage(10_000, 100, cached_tokens=8000)
    name = "accounts/fireworks/models/kimi-k2p6"
    cost = costs(f"fireworks_ai/{name}", openai(name, used))
    # 2,000 x 0.95 + 8,000 x 0.16 + 100 x 4 = 1,900 + 1,280 + 400
    assert (cost.total, cost.status) == (D("0.00358"), "exact")


def test_cached_tokens_at_groq() -> None:
    """UKGovernmentBEIS/inspect_ai#5529: cached tokens are half price, and reasoning is part of the completion."""
    used = chat_usage(10_000, 100, cached_tokens=9900, out_reasoning_tokens=60)
    cost = costs("groq/openai/gpt-oss-120b", openai("openai/gpt-oss-120b", used))
    # 100 x 0.15 + 9,900 x 0.075 + 100 x 0.6 = 15 + 742.5 + 60
    assert (cost.total, cost.status) == (D("0.0008175"), "exact")


def heard(model: str, **told: Any) -> Any:
    """What a transcription cost."""
    with scripted(Raw({"text": "Yes", **told})):
        return llmkit.transcription(model=model, file=("a.wav", b"RIFF"), api_key=KEY).cost


def test_seconds_of_a_transcription() -> None:
    """#36357, #7601, #20228: seconds that only the usage tells were billed as none; 27 cost $0.0027."""
    cost = heard("openai/whisper-1", usage={"type": "duration", "seconds": 27})
    assert (cost.total, cost.status) == (D("0.0027"), "exact")  # 27 x 100 (0.006 a minute)


@pytest.mark.parametrize(("seconds", "total"), [(3600, "0.111"), (4, "0.000308333333")])
def test_groq_bills_ten_seconds_at_least(seconds: int, total: str) -> None:
    """#16570: 4 seconds are billed as 10; the page says so: https://console.groq.com/docs/speech-to-text."""
    cost = heard("groq/whisper-large-v3", duration=seconds)
    assert cost.total is not None
    assert round(cost.total, 12) == D(total)  # 0.111 an hour


# --- DeepSeek -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "total"),
    [
        ("2026-11-23T02:00:00+00:00", "0.004972"),  # 2,000 x 1.32 + 8,000 x 0.044 + 500 x 3.96
        ("2026-11-23T12:00:00+00:00", "0.002486"),  # half of each: a weekday at noon
        ("2026-11-22T02:00:00+00:00", "0.002486"),  # and all of a weekend
    ],
)
@pytest.mark.parametrize(
    "told",
    [
        {"prompt_tokens_details": {"cached_tokens": 8000}},
        {"prompt_cache_hit_tokens": 8000, "prompt_cache_miss_tokens": 2000},
    ],
)
def test_deepseek_by_the_clock(at: str, told: dict[str, Any], total: str) -> None:
    """#16009, #5017: hits were not seen; NousResearch/hermes-agent#88010: nor that peak hours cost twice as much."""
    said = openai("deepseek-v4-pro", {**chat_usage(10_000, 500), **told})
    clock = FrozenClock(at=datetime.fromisoformat(at).timestamp())
    with scripted(said[0]), llmkit.Client(clock=clock) as client:
        cost = client.completion("deepseek/deepseek-v4-pro", HI, api_key=KEY).cost
    assert (cost.total, cost.status) == (D(total), "exact")


# --- Perplexity -----------------------------------------------------------------------------------


def test_perplexity_says_what_it_costs() -> None:
    """#17887, #15337: its own bill, $0.006, holds the fee of the request; $0.000216 was said."""
    used = {**chat_usage(7, 149), "num_search_queries": 1, "search_context_size": "low"}
    bill = {
        "input_tokens_cost": 0.00002,
        "output_tokens_cost": 0.00098,
        "request_cost": 0.005,
        "total_cost": 0.006,
    }
    cost = costs("perplexity/sonar-pro", openai("sonar-pro", {**used, "cost": bill}))
    assert (cost.total, cost.status) == (D("0.006"), "provider_reported")


def test_perplexity_without_its_bill() -> None:
    """vercel/ai#13705: 100 and 50 tokens of sonar are $0.00015, and $0.00515 with the fee of the request."""
    used = {**chat_usage(100, 50), "num_search_queries": 1, "search_context_size": "low"}
    cost = costs("perplexity/sonar", openai("sonar", used))
    assert cost.total == D("0.00515")  # 100 x 1 + 50 x 1 + 5,000
