"""Cost bugs that users of other libraries have reported, each with the figures of its thread and the right amount.

Every amount is worked out by hand beside its test, in millionths of a dollar. Answers are scripted, and each is asked
for whole and as a stream, which must cost the same. Threads were read 2026-11-22.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import catalogue, pricing
from llmkit.catalogue import FrozenMap, ModelInfo, Rate
from llmkit.errors import APIError
from llmkit.testing import Raw, scripted

from ._said import (
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

if TYPE_CHECKING:
    from llmkit.testing import SentRequest

D = Decimal


def model(name: str, /, **usd: str) -> ModelInfo:
    """OpenAI's model of a name, at rates in USD per million tokens; ``over_200k__input`` is a long prompt's."""
    rates = []
    for key, amount in usd.items():
        step, _, dimension = key.rpartition("__")
        when = {"input_tokens_over": int(step[5:-1]) * 1000} if step else {}
        rates.append(Rate(dimension, "token", D(amount), 10**6, FrozenMap(when), "a test", "2026"))
    found = catalogue.find("openai", "gpt-4o")
    assert found is not None
    return ModelInfo(
        **{field: getattr(found, field) for field in ModelInfo.__dataclass_fields__}
        | {"name": name, "aliases": (), "rates": tuple(rates), "uplifts": ()}
    )


# --- 51: Anthropic's cached tokens ---------------------------------------------------------------


def test_51_anthropic_cached_tokens() -> None:
    """BerriAI/litellm#11364 (2026-01-19): $0.047080 was said of a call that cost $0.36394875."""
    used = {
        "input_tokens": 10,
        "cache_read_input_tokens": 66_360,
        "cache_creation_input_tokens": 32_435,
        "output_tokens": 5120,
    }
    cost = costs("anthropic/claude-opus-4-5", anthropic("claude-opus-4-5", used))
    # 10 x 5 + 66,360 x 0.5 + 32,435 x 6.25 + 5,120 x 25 = 50 + 33,180 + 202,718.75 + 128,000
    assert (cost.total, cost.status) == (D("0.36394875"), "exact")


def test_51_anthropic_cached_tokens_of_a_stream() -> None:
    """BerriAI/litellm#11789: $0.002059 for the stream, though it cost $0.000292, as it does whole."""
    used = {"input_tokens": 4, "cache_read_input_tokens": 2455, "output_tokens": 23}
    name = "claude-3-5-haiku-20241022"
    cost = costs(f"anthropic/{name}", anthropic(name, used | {"cache_creation_input_tokens": 0}))
    # 4 x 0.8 + 2,455 x 0.08 + 23 x 4 = 3.2 + 196.4 + 92
    assert cost.total == D("0.0002916")


# --- 52: OpenAI's cached tokens ------------------------------------------------------------------


def test_52_openai_cached_tokens() -> None:
    """BerriAI/litellm#6215: cached tokens are part of the prompt, and were charged once more beside it."""
    used = {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "total_tokens": 2306,
        "prompt_tokens_details": {"cached_tokens": 1920},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    cost = costs("openai/gpt-4o", openai("gpt-4o-2024-08-06", used))
    # 86 x 2.5 + 1,920 x 1.25 + 300 x 10 = 215 + 2,400 + 3,000
    assert (cost.total, cost.status) == (D("0.005615"), "exact")


# --- 53: Gemini's cache hits ---------------------------------------------------------------------

HITS = {
    "promptTokenCount": 262_960,
    "cachedContentTokenCount": 257_955,
    "candidatesTokenCount": 1744,
    "totalTokenCount": 264_704,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 262_960}],
}


def test_53_gemini_cache_hits_at_the_rates_of_the_thread() -> None:
    """BerriAI/litellm#14849: $0.7642 was said, $0.1849 is what its reader worked out at one rate each."""
    with scripted(gemini("gemini-2.5-pro", HITS)[0]):
        usage = llmkit.completion("gemini/gemini-2.5-pro", HI, api_key=KEY).usage
    cost = pricing.cost(usage, model("then", input="1.25", cached_read="0.625", output="10"))
    # 5,005 x 1.25 + 257,955 x 0.625 + 1,744 x 10 = 6,256.25 + 161,221.875 + 17,440
    assert cost.total == D("0.184918125")


def test_53_gemini_cache_hits_today() -> None:
    """The same counts at today's rates for prompts over 200,000 tokens: no token twice."""
    cost = costs("gemini/gemini-2.5-pro", gemini("gemini-2.5-pro", HITS))
    # 5,005 x 2.5 + 257,955 x 0.25 + 1,744 x 15 = 12,512.5 + 64,488.75 + 26,160
    assert (cost.total, cost.status) == (D("0.10316125"), "exact")
    assert quantities(cost) == {"input": 5005, "cached_read": 257_955, "output": 1744}


@pytest.mark.parametrize("details", [None, [{"modality": "TEXT", "tokenCount": 7441}]])
def test_53_gemini_implicit_cache(details: Any) -> None:
    """BerriAI/litellm#11156, #16341, danny-avila/LibreChat#12855: hits count, told by modality or not."""
    used: dict[str, Any] = {
        "promptTokenCount": 11_125,
        "cachedContentTokenCount": 7441,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 409,
        "totalTokenCount": 11_554,
    }
    if details:
        used["cacheTokensDetails"] = details
    cost = costs("gemini/gemini-2.5-flash", gemini("gemini-2.5-flash", used))
    # 3,684 x 0.3 + 7,441 x 0.03 + 429 x 2.5 = 1,105.2 + 223.23 + 1,072.5
    assert (cost.total, cost.status) == (D("0.00240093"), "exact")


# --- 54: xAI's cached tokens ---------------------------------------------------------------------

GROK = {
    "prompt_tokens": 2461,
    "completion_tokens": 401,
    "total_tokens": 2862,
    "prompt_tokens_details": {"text_tokens": 2461, "cached_tokens": 2432},
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def test_54_xai_cached_tokens() -> None:
    """BerriAI/litellm#14874, #14875, #37407: its text_tokens hold the cached ones, and xAI's own bill was $0.00368."""
    cost = costs("xai/grok-4.6", openai("grok-4.6", GROK))
    # 29 x 2 + 2,432 x 0.5 + 401 x 6 = 58 + 1,216 + 2,406
    assert (cost.total, cost.status) == (D("0.00368"), "exact")


def test_54_xai_bill_beside_ours() -> None:
    """The bill that came in that answer, 36,800,000 ticks, is the total; what we make of the counts is the same."""
    cost = costs("xai/grok-4.6", openai("grok-4.6", {**GROK, "cost_in_usd_ticks": 36_800_000}))
    assert (cost.total, cost.status) == (D("0.00368"), "provider_reported")
    assert cost.ours is not None
    assert cost.ours.total == D("0.00368")


@pytest.mark.parametrize("overlapping", [0, 80, 100])
def test_54_cached_images_once(overlapping: int) -> None:
    """BerriAI/litellm#37281: 90 of 100 tokens cached, 80 of them an image: $0.000039, and it said more."""
    used = {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "total_tokens": 110,
        "prompt_tokens_details": {"cached_tokens": 90, "image_tokens": overlapping},
    }
    flat = ModelInfo(
        **{
            **_fields(model("seen", input="1", cached_read="0.1", output="2")),
            "priced_as": FrozenMap({"image_input": "input", "reasoning": "output"}),
        }
    )
    # 10 x 1 + 90 x 0.1 + 10 x 2 = 10 + 9 + 20
    assert pricing.cost(used, flat).total == D("0.000039")


def _fields(of: ModelInfo) -> dict[str, Any]:
    return {field: getattr(of, field) for field in ModelInfo.__dataclass_fields__}


# --- 55: messages over another wire --------------------------------------------------------------

WROTE = {"cached_tokens": 155_000, "cache_write_tokens": 3000}


def said_by_openai(request: SentRequest) -> Raw:
    """172,000 tokens in, of which 155,000 were cached and 3,000 are written, on the wire and in the form asked for."""
    streamed = bool(request.json().get("stream"))
    if request.path.endswith("/chat/completions"):
        used = chat_usage(172_000, 1000, **WROTE)
        return openai("gpt-5.6-sol", used)[streamed]
    used = {"input_tokens": 172_000, "output_tokens": 1000, "total_tokens": 173_000}
    text = {"type": "output_text", "text": "Yes", "annotations": []}
    said = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    head = {"id": "resp_1", "object": "response", "model": "gpt-5.6-sol"}
    ended = {
        **head,
        "status": "completed",
        "output": [{**said, "content": [text]}],
        "usage": {**used, "input_tokens_details": WROTE},
    }
    begun = {**head, "status": "in_progress", "output": []}
    events = [
        {"type": "response.created", "sequence_number": 0, "response": begun},
        {"type": "response.completed", "sequence_number": 1, "response": ended},
    ]
    return sse(events, named=True) if streamed else Raw(ended)


@pytest.mark.parametrize("kind", ["messages", "responses", "completion"])
@pytest.mark.parametrize("stream", [False, True])
def test_55_cache_reads_by_every_way(kind: str, *, stream: bool) -> None:
    """BerriAI/litellm#35127: $0.86 of input by /v1/messages for what the same model bills $0.16625."""
    own = catalogue.Catalogue()
    own.register(
        [model("gpt-5.6-sol", input="5", cached_read="0.5", cache_write="6.25", output="0")]
    )
    with scripted(said_by_openai), llmkit.Client(catalogue=own) as client:
        cost = _asked(client, kind, stream=stream)
    # 14,000 x 5 + 155,000 x 0.5 + 3,000 x 6.25 = 70,000 + 77,500 + 18,750
    assert cost.total == D("0.16625")


@pytest.mark.parametrize("kind", ["messages", "responses", "completion"])
@pytest.mark.parametrize("stream", [False, True])
def test_55_cache_reads_at_the_rates_of_the_catalogue(kind: str, *, stream: bool) -> None:
    """The same counts today, a thousand tokens of answer included."""
    with scripted(said_by_openai), llmkit.Client() as client:
        cost = _asked(client, kind, stream=stream)
    # 14,000 x 4 + 155,000 x 0.4 + 3,000 x 5 + 1,000 x 20 = 56,000 + 62,000 + 15,000 + 20,000
    assert (cost.total, cost.status) == (D("0.153"), "exact")
    assert_adds_up(cost)


def _asked(client: llmkit.Client, kind: str, *, stream: bool) -> pricing.Cost:
    asked: dict[str, Any] = {"model": "openai/gpt-5.6-sol", "api_key": KEY}
    asked |= {"stream": True} if stream else {}
    if kind == "responses":
        answer = client.responses(input="Hi", **asked)
    elif kind == "messages":
        answer = client.messages(messages=HI, max_tokens=100, **asked)
    else:
        answer = client.completion(messages=HI, **asked)
    if stream:
        for _ in answer:
            pass
    return answer.cost


# --- 56: billing twice where the figure is a fallback's ------------------------------------------

CACHED = {
    "input_tokens": 9,
    "cache_read_input_tokens": 17_102,
    "cache_creation_input_tokens": 0,
    "output_tokens": 4,
}


def test_56_a_fully_cached_call() -> None:
    """Aider-AI/aider#5516, #5518: cached tokens were billed beside a prompt that holds them, 10.9 times too much."""
    cost = costs("anthropic/claude-haiku-4-5", anthropic("claude-haiku-4-5", CACHED))
    # 9 x 1 + 17,102 x 0.1 + 4 x 5 = 9 + 1,710.2 + 20
    assert cost.total == D("0.0017392")
    prompt = {k: v for k, v in quantities(cost).items() if k != "output"}
    assert prompt == {"input": 9, "cached_read": 17_102}


def test_56_an_estimate_counts_no_token_twice() -> None:
    """A stream that breaks off has told its prompt: that is priced as told, and only the answer is a guess."""
    whole = anthropic("claude-haiku-4-5", CACHED)[1]
    assert isinstance(whole.body, bytes)
    broken = whole.body[: whole.body.index(b"event: message_delta")]
    with scripted(Raw(broken, headers=whole.headers)):
        stream = llmkit.completion("anthropic/claude-haiku-4-5", HI, api_key=KEY, stream=True)
        with pytest.raises(APIError):
            stream.until_done()
    assert stream.cost.status == "estimated"
    # The prompt as told, and of "Yes" at most the token that a message begins with.
    assert stream.cost.total == D("0.0017242")  # 9 x 1 + 17,102 x 0.1 + 1 x 5
    assert_adds_up(stream.cost)


# --- 57: a model that was not asked --------------------------------------------------------------

FALLBACK = {
    "input_tokens": 412,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 264,
}


def fell_back(*before: dict[str, Any], serving: str = "claude-opus-4-8") -> dict[str, Any]:
    """A usage of a call to claude-fable-5 that another model has answered."""
    last = {"type": "fallback_message", "model": serving, **FALLBACK}
    return {**FALLBACK, "iterations": [*before, last]}


def declined(output: int, read: int = 0) -> dict[str, Any]:
    """A round of claude-fable-5 that it did not finish."""
    counts = {"input_tokens": 408, "output_tokens": output, "cache_read_input_tokens": read}
    return {"type": "message", "model": "claude-fable-5", **counts}


def after_fallback(usage: dict[str, Any], serving: str = "claude-opus-4-8") -> pricing.Cost:
    """What such a call cost, by both forms."""
    return costs(
        "anthropic/claude-fable-5",
        anthropic(serving, usage, asked="claude-fable-5"),
        max_tokens=1000,
    )


def test_57_the_model_that_answered_is_priced() -> None:
    """earendil-works/pi#8285: claude-opus-4-8 answered, and $0.01732 of claude-fable-5 was said instead of $0.00866."""
    cost = after_fallback(fell_back(declined(output=0)))
    # 412 x 5 + 264 x 25 = 2,060 + 6,600; what was declined before any output is not billed
    assert (cost.total, cost.status) == (D("0.00866"), "exact")


def test_57_each_round_at_its_own_rates() -> None:
    """BerriAI/litellm#39294: what was declined after some output is billed too, as the model that wrote it."""
    cost = after_fallback(fell_back(declined(output=299, read=560_186)))
    # Fable: 408 x 10 + 560,186 x 1 + 299 x 50 = 4,080 + 560,186 + 14,950; Opus: 8,660
    assert (cost.total, cost.status) == (D("0.587876"), "exact")


def test_57_an_unknown_model_makes_the_cost_unknown() -> None:
    """Neither the price of the model that was asked nor nothing: unknown, with the model's name."""
    cost = after_fallback(fell_back(serving="claude-of-next-year"), "claude-of-next-year")
    assert (cost.total, cost.status) == (None, "unknown")
    assert "claude-of-next-year" in (cost.reason or "")


def test_57_an_advisor_is_priced_as_itself() -> None:
    """Rounds of a model that gives advice come beside the totals, at its own rates."""
    advice = {
        "type": "advisor_message",
        "model": "claude-opus-4-8",
        "input_tokens": 1000,
        "output_tokens": 100,
    }
    own = {"input_tokens": 2000, "output_tokens": 50}
    used = {**own, "iterations": [{"type": "message", **own}, advice]}
    cost = costs("anthropic/claude-haiku-4-5", anthropic("claude-haiku-4-5", used))
    # 2,000 x 1 + 50 x 5 = 2,250; 1,000 x 5 + 100 x 25 = 7,500
    assert (cost.total, cost.status) == (D("0.00975"), "exact")


# --- 58: noise about unknown models --------------------------------------------------------------


def test_58_an_unknown_model_is_quiet(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """BerriAI/litellm#8536, #6324, #15854: the answer comes, the cost is unknown for a reason, nothing is printed."""
    used = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    with caplog.at_level("INFO"):
        cost = costs("openai/a-model-of-next-year", openai("a-model-of-next-year", used))
    assert (cost.total, cost.status) == (None, "unknown")
    assert cost.reason == "no price for openai/a-model-of-next-year"
    assert not cost
    with pytest.raises(ValueError, match="no price for"):
        float(cost)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


# --- 59: a tokenizer on the way of a stream ------------------------------------------------------


def test_59_no_tokenizer_on_the_call_path() -> None:
    """BerriAI/litellm#9145: a stream of two thousand chunks, with and without a usage, loads no tokenizer at all."""
    program = """
        import json, sys
        import llmkit
        from llmkit.testing import Raw, scripted
        hi = [{"role": "user", "content": "Hi"}]
        head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
        chunk = {**head, "choices": [{"index": 0, "delta": {"content": "word "}}]}
        last = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        used = {**head, "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2000}}
        for events in ([chunk] * 2000 + [last, used], [chunk] * 2000 + [last]):
            body = "".join(f"data: {json.dumps(event)}\\n\\n" for event in events)
            raw = Raw(body + "data: [DONE]\\n\\n", headers={"content-type": "text/event-stream"})
            with scripted(raw):
                stream = llmkit.completion("openai/gpt-4o", hi, stream=True)
                assert sum(1 for _ in stream) > 2000
            assert stream.cost.total, stream.cost
        loaded = [m for m in sys.modules if m.split(".")[0] in ("tiktoken", "tokenizers")]
        print(stream.cost.status, loaded)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("estimated []\n", "")
