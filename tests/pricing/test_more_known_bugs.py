"""More cost bugs from others' issue threads: clouds, tiers, sound, pictures, batches, vectors, streams.

As in ``test_known_bugs``: figures of the thread, the right amount worked out beside it in millionths of a dollar, each
answer whole and streamed. Threads were read 2026-11-22; numbers without a name are BerriAI/litellm's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import llmkit
from llmkit import pricing
from llmkit.testing import Raw, scripted

from ._said import (
    HI,
    KEY,
    anthropic,
    assert_adds_up,
    converse,
    costs,
    gemini,
    openai,
    quantities,
    sse,
)

D = Decimal
HAIKU = "bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "bedrock/global.anthropic.claude-opus-4-8"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Bedrock is."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def chat_usage(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    """OpenAI's counts; details of the completion begin with ``out_``."""
    outer = {k[4:]: v for k, v in details.items() if k.startswith("out_")}
    inner = {k: v for k, v in details.items() if not k.startswith("out_")}
    made = {"prompt_tokens": prompt, "completion_tokens": completion}
    return {
        **made,
        "total_tokens": prompt + completion,
        **({"prompt_tokens_details": inner} if inner else {}),
        **({"completion_tokens_details": outer} if outer else {}),
    }


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
def test_bedrock_regional_profiles_cost_a_tenth_more() -> None:
    """#11364 was of an `eu.` profile: since Claude 4.5 a geographic profile costs 10 % more than the global one."""
    used = {"inputTokens": 1000, "outputTokens": 100, "totalTokens": 1100}
    everywhere = costs(HAIKU, converse(used))
    in_europe = costs(HAIKU.replace("global.", "eu."), converse(used))
    assert everywhere.total == D("0.0015")  # 1,000 x 1 + 100 x 5
    assert in_europe.total == D("0.00165")


# --- Azure ---------------------------------------------------------------------------------------

AZURE: dict[str, Any] = {"base_url": "https://a.example/openai/v1"}


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
    """#19764, #19771: 482 of 592 tokens were spoken, and were billed as text: $0.00592 for $0.03966 of output."""
    used = chat_usage(
        17, 592, text_tokens=17, audio_tokens=0, out_text_tokens=110, out_audio_tokens=482
    )
    cost = costs("azure/my-voice", openai("gpt-audio", used), base_model="gpt-audio", **AZURE)
    # 17 x 2.5 + 110 x 10 + 482 x 80 = 42.5 + 1,100 + 38,560
    assert (cost.total, cost.status) == (D("0.0397025"), "exact")


# --- sound and pictures --------------------------------------------------------------------------


def test_audio_without_a_rate_of_its_own_is_not_free() -> None:
    """#37661: audio of a model without an audio rate was billed at $0; it costs what text does."""
    parts = [{"modality": "TEXT", "tokenCount": 32}, {"modality": "AUDIO", "tokenCount": 3200}]
    used = {
        "promptTokenCount": 3232,
        "promptTokensDetails": parts,
        "candidatesTokenCount": 10,
        "totalTokenCount": 3242,
    }
    cost = costs("gemini/gemini-2.5-pro", gemini("gemini-2.5-pro", used))
    assert cost.total == D("0.00414")  # 3,232 x 1.25 + 10 x 10


def test_audio_of_a_cached_prompt() -> None:
    """Sound read from the cache has a rate of its own at Google, which told how much of it was sound."""
    used = {
        "promptTokenCount": 5000,
        "cachedContentTokenCount": 4000,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 1000},
            {"modality": "AUDIO", "tokenCount": 4000},
        ],
        "cacheTokensDetails": [
            {"modality": "TEXT", "tokenCount": 1000},
            {"modality": "AUDIO", "tokenCount": 3000},
        ],
        "candidatesTokenCount": 10,
        "totalTokenCount": 5010,
    }
    cost = costs("gemini/gemini-2.5-flash", gemini("gemini-2.5-flash", used))
    # fresh audio 1,000 x 1; cached text 1,000 x 0.03; cached audio 3,000 x 0.1; 10 x 2.5
    assert cost.total == D("0.001355")


def test_pictures_in_an_answer() -> None:
    """#17410: 1,120 tokens of a picture were billed as text: $0.12 a thousand tokens, and thoughts as text."""
    used = {
        "promptTokenCount": 10,
        "candidatesTokenCount": 1120,
        "thoughtsTokenCount": 225,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        "totalTokenCount": 1355,
    }
    name = "gemini-3-pro-image-preview"
    cost = costs(f"gemini/{name}", gemini(name, used))
    # 10 x 2 + 225 x 12 + 1,120 x 120 = 20 + 2,700 + 134,400
    assert (cost.total, cost.status) == (D("0.13712"), "exact")


def drawn(model: str, usage: dict[str, Any]) -> pricing.Cost:
    """What a call that makes a picture cost."""
    body = {"created": 1, "data": [{"b64_json": "iVBORw0KGgo="}], "usage": usage}
    with scripted(Raw(body)):
        cost = llmkit.image_generation(prompt="a cat", model=model, api_key=KEY).cost
    assert_adds_up(cost)
    return cost


def test_pictures_by_tokens() -> None:
    """#13847, #17906, #18141: $0.042 by its pixels, though it cost $0.32075 by its tokens."""
    inner = {"text_tokens": 150, "image_tokens": 0}
    used = {
        "input_tokens": 150,
        "output_tokens": 8000,
        "total_tokens": 8150,
        "input_tokens_details": inner,
    }
    # 150 x 5 + 8,000 x 40
    assert drawn("openai/gpt-image-1", used).total == D("0.32075")


def test_pictures_without_details_of_the_output() -> None:
    """#31142, #26876: the Images API does not split its output, all of which is picture: $30, not $10 a million."""
    inner = {"text_tokens": 22, "image_tokens": 0}
    used = {
        "input_tokens": 22,
        "output_tokens": 1372,
        "total_tokens": 1394,
        "input_tokens_details": inner,
    }
    # 22 x 5 + 1,372 x 30
    assert drawn("openai/gpt-image-2", used).total == D("0.04127")


# --- tiers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "served", "total"),
    [
        ("priority", "default", "0.00225"),  # 1,000 x 1.25 + 100 x 10
        ("priority", "priority", "0.0045"),  # twice that
        ("flex", "flex", "0.001125"),  # half of it
        ("flex", None, "0.001125"),
    ],
)
def test_the_tier_that_served_is_billed(asked: str, served: str | None, total: str) -> None:
    """#31837, #13810: what the answer says of the tier goes before what was asked for."""
    more = {} if served is None else {"service_tier": served}
    said = openai("gpt-5", chat_usage(1000, 100), **more)
    assert costs("openai/gpt-5", said, service_tier=asked).total == D(total)


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
        base_url="https://a.example/v1/projects/p/locations/global",
    )
    # half of 7 x 1.5 + 205 x 9 = 1,855.5
    assert (cost.total, cost.status) == (D("0.00092775"), "exact")


@pytest.mark.parametrize(
    ("speed", "total"),
    [
        ("standard", "0.0135"),  # 1,000 x 5 + 2,000 x 0.5 + 800 x 6.25 + 100 x 25
        ("fast", "0.027"),  # twice each of them: 10, 1, 12.5 and 50
    ],
)
def test_fast_mode_as_it_was_served(speed: str, total: str) -> None:
    """#38378: billed by what was asked, and without the factor on the cache's reads and writes."""
    used = {
        "input_tokens": 1000,
        "cache_read_input_tokens": 2000,
        "cache_creation_input_tokens": 800,
        "output_tokens": 100,
        "speed": speed,
    }
    said = anthropic("claude-opus-4-8", used)
    cost = costs("anthropic/claude-opus-4-8", said, extra_body={"speed": "fast"})
    assert (cost.total, cost.status) == (D(total), "exact")


def test_a_region_is_dearer_for_every_kind_of_token() -> None:
    """#38378 too: Anthropic's processing in the United States costs a tenth more, cached tokens included."""
    used = {
        "input_tokens": 1000,
        "cache_read_input_tokens": 2000,
        "output_tokens": 100,
        "inference_geo": "us",
    }
    cost = costs("anthropic/claude-opus-4-8", anthropic("claude-opus-4-8", used))
    assert cost.total == D("0.00935")  # (1,000 x 5 + 2,000 x 0.5 + 100 x 25) x 1.1


def test_anthropic_priority_has_no_list_price() -> None:
    """#30558: committed capacity was billed at the standard rate; there is no list price, so none is made up."""
    used = {"input_tokens": 1000, "output_tokens": 100, "service_tier": "priority"}
    cost = costs("anthropic/claude-opus-4-8", anthropic("claude-opus-4-8", used))
    assert (cost.total, cost.status) == (None, "unknown")


# --- batches and long prompts --------------------------------------------------------------------


def test_batches_of_anthropic() -> None:
    """#32307: two answers of a batch, 9 in and 25 and 18 out: $0.0005825."""
    total = D(0)
    for output in (25, 18):
        used = {"input_tokens": 9, "output_tokens": output, "service_tier": "batch"}
        cost = costs("anthropic/claude-opus-4-6", anthropic("claude-opus-4-6", used))
        total += cost.total or D("NaN")
    assert total == D("0.0005825")  # 18 x 2.5 + 43 x 12.5


@pytest.mark.parametrize(
    ("prompt", "total"),
    [
        (10_000, "0.00579"),  # 2,000 x 1.25 + 8,000 x 0.13 + 300 x 7.5
        (272_001, "0.6653775"),  # above: 264,001 x 2.5 + 8,000 x 0.25 + 300 x 11.25
    ],
)
def test_batches_with_cached_tokens(prompt: int, total: str) -> None:
    """#38341, #39861: cached tokens of a batch at the batch's full rate, and long prompts at the short ones'."""
    said = openai("gpt-5.4", chat_usage(prompt, 300, cached_tokens=8000), service_tier="batch")
    cost = costs("openai/gpt-5.4", said)
    assert cost.status == "exact"
    assert cost.total == D(total)


@pytest.mark.parametrize(
    ("prompt", "total"),
    [
        (272_000, "0.6"),  # 172,000 x 2 + 100,000 x 2.5 + 600 x 10
        (272_001, "1.197004"),  # 172,001 x 4 + 100,000 x 5 + 600 x 15
    ],
)
def test_a_long_prompt_is_dearer_for_all_of_it(prompt: int, total: str) -> None:
    """#11017, #30135: above the step each rate changes, for all tokens: also for those written to the cache."""
    said = openai("gpt-6-sol", chat_usage(prompt, 600, cache_write_tokens=100_000))
    cost = costs("openai/gpt-6-sol", said)
    assert (cost.total, cost.status) == (D(total), "exact")


def test_cache_writes_of_openai() -> None:
    """#33772: cache_write_tokens were left out, or billed as plain input."""
    used = chat_usage(10_000, 500, cached_tokens=4000, cache_write_tokens=3000)
    cost = costs("openai/gpt-6-sol", openai("gpt-6-sol", used))
    # 3,000 x 2 + 4,000 x 0.2 + 3,000 x 2.5 + 500 x 10 = 6,000 + 800 + 7,500 + 5,000
    assert (cost.total, cost.status) == (D("0.0193"), "exact")


# --- vectors, searches, other hosts --------------------------------------------------------------


@pytest.mark.parametrize("provider", ["openai", "azure"])
def test_vectors_have_a_price(provider: str) -> None:
    """#7607: the cost of embeddings was missing, for a deployment at Azure above all."""
    body = {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}],
        "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
    }
    more = AZURE if provider == "azure" else {}
    with scripted(Raw(body)):
        name = f"{provider}/text-embedding-3-small"
        cost = llmkit.embedding(name, ["a lighthouse"], api_key=KEY, **more).cost
    assert (cost.total, cost.status) == (D("0.00002"), "exact")  # 1,000 x 0.02


def test_searches_are_billed_by_their_number() -> None:
    """A search costs a cent at Anthropic, beside the tokens that it brought in."""
    used = {
        "input_tokens": 10_000,
        "output_tokens": 500,
        "server_tool_use": {"web_search_requests": 3},
    }
    cost = costs("anthropic/claude-haiku-4-5", anthropic("claude-haiku-4-5", used))
    assert cost.total == D("0.0425")  # 10,000 x 1 + 500 x 5 + 3 x 10,000
    assert quantities(cost)["web_search"] == 3


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


# --- streams -------------------------------------------------------------------------------------


@pytest.mark.parametrize("choices", [[], [{"index": 0, "delta": {}}], None])
def test_the_usage_of_a_stream_wherever_it_comes(choices: Any) -> None:
    """#36083, #36168: a usage in a chunk with choices was lost, and with it the cached tokens: 1,000 / 100 / 600."""
    head = {"id": "c-1", "created": 1, "object": "chat.completion.chunk", "model": "gpt-4o"}
    text = {"index": 0, "delta": {"role": "assistant", "content": "Yes"}}
    ended = {"index": 0, "delta": {}, "finish_reason": "stop"}
    used = {"usage": chat_usage(1000, 100, cached_tokens=600)}
    if choices is None:  # in the chunk that ends it
        events = [{**head, "choices": [text]}, {**head, "choices": [ended], **used}]
    else:
        last = {**head, "choices": choices, **used}
        events = [{**head, "choices": [text]}, {**head, "choices": [ended]}, last]
    with scripted(sse(events, end="data: [DONE]\n\n")):
        stream = llmkit.completion("openai/gpt-4o", HI, api_key=KEY, stream=True)
        stream.until_done()
    # 400 x 2.5 + 600 x 1.25 + 100 x 10 = 1,000 + 750 + 1,000
    assert (stream.cost.total, stream.cost.status) == (D("0.00275"), "exact")


def test_a_later_usage_without_details_takes_none_away() -> None:
    """#32130: a second usage in a stream, without the cached tokens, wiped what the first had said."""
    head = {"id": "c-1", "created": 1, "object": "chat.completion.chunk", "model": "gpt-4o"}
    text = {"index": 0, "delta": {"role": "assistant", "content": "Yes"}, "finish_reason": "stop"}
    first = {**head, "choices": [text], "usage": chat_usage(1000, 100, cached_tokens=600)}
    second = {**head, "choices": [], "usage": chat_usage(1000, 100)}
    with scripted(sse([first, second], end="data: [DONE]\n\n")):
        stream = llmkit.completion("openai/gpt-4o", HI, api_key=KEY, stream=True)
        stream.until_done()
    assert stream.cost.total == D("0.00275")
