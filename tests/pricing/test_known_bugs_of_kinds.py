"""Cost bugs of others by kind of usage: sound, pictures, tiers, batches, long prompts, vectors, streams.

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
    AZURE,
    HI,
    KEY,
    anthropic,
    assert_adds_up,
    chat_usage,
    costs,
    gemini,
    openai,
    quantities,
    sse,
)

D = Decimal
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
    vectors = "text-embedding-3-small"
    name, more = f"openai/{vectors}", {}
    if provider == "azure":
        name, more = "azure/my-vectors", {**AZURE, "base_model": f"openai/{vectors}"}
    with scripted(Raw(body)):
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


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("gemini-2.5-flash", "0.03655"),  # 1,000 x 0.3 + 500 x 2.5, and one prompt at 35,000
        ("gemini-3-flash-preview", "0.03"),  # 1,000 x 0.5 + 500 x 3, and two queries at 14,000
    ],
)
def test_gemini_searches_by_prompt_or_by_query(name: str, total: str) -> None:
    """Up to 2.5 a grounded prompt has its price, from 3 each query has; empty queries are not billed.

    Source: https://ai.google.dev/gemini-api/docs/pricing. iyulab/TokenMeter 0.13.0 fixed three fees for one.
    """
    used = {"promptTokenCount": 1000, "candidatesTokenCount": 500, "totalTokenCount": 1500}
    found = {"groundingMetadata": {"webSearchQueries": ["", "lighthouses", "", "lamps"]}}
    assert costs(f"gemini/{name}", gemini(name, used, **found)).total == D(total)


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
