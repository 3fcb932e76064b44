"""Bugs that users of another library met with this format; each test names its report.

Numbers without a repository are those of https://github.com/BerriAI/litellm/issues.
"""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

import llmkit
from llmkit.wires.gemini import Gemini

from ._wire import LEVELLED, back, body, call_part, decode, event, folded, parse, sse


def test_39_a_stream_has_its_timeout() -> None:
    """#26939: a stream that never begins ends when the call's own timeout says so."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(llmkit.APITimeoutError):
            llmkit.completion(
                "gemini/gemini-2.5-flash",
                [{"role": "user", "content": "Hi"}],
                stream=True,
                api_key="k",
                base_url=url,
                timeout=0.3,
                num_retries=0,
            )
        assert time.monotonic() - began < 10


def test_42_finish_reason_with_logprobs() -> None:
    """#10686: a stream with logprobs keeps its finish reason."""
    tokens = {"chosenCandidates": [{"token": "A", "logProbability": -0.1}]}
    made = folded(
        event({"text": "A"}, finish=None, logprobsResult=tokens), event(finish="MAX_TOKENS")
    ).choices[0]
    assert made.finish_reason == "length"
    assert made.logprobs is not None
    assert made.logprobs.content is not None
    assert [t.token for t in made.logprobs.content] == ["A"]


def test_43_interleaved_thinking() -> None:
    """#13834: thoughts between texts and calls stay where they were."""
    parts = [
        {"text": "one", "thought": True}, {"text": "A"}, {"text": "two", "thought": True}, call_part(),
    ]  # fmt: skip
    made = folded(*(event(part, finish=None) for part in parts), event()).choices[0].message
    assert back(made)[0]["parts"] == parts


def test_44_later_usage_keeps_the_cache() -> None:
    """#32130: a later count without the cached tokens does not wipe them."""
    first = {"promptTokenCount": 9, "cachedContentTokenCount": 5, "totalTokenCount": 9}
    last = {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}
    usage = folded(
        {**event({"text": "A"}, finish=None), "usageMetadata": first},
        {**event(), "usageMetadata": {**last, "cachedContentTokenCount": None}},
        {"usageMetadata": last},
    ).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == usage.cache_read_input_tokens == 5
    assert (usage.completion_tokens, usage.total_tokens) == (2, 11)


def test_45_finish_before_calls() -> None:
    """#31634: a finish reason that comes before the calls is told after them, and as theirs."""
    chunks = decode(sse(event({"text": "A"}), event(call_part()), event({"text": ""})))
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert reasons == [None, None, None, "tool_calls"]


def test_49_no_chunk_without_choices() -> None:
    """The usage chunk with ``choices=[]`` breaks ``chunk.choices[0]``: none is made here."""
    usage = {"usageMetadata": {"promptTokenCount": 1}}
    chunks = decode(sse(usage, event({"text": "A"}), usage))
    assert all(chunk.choices for chunk in chunks)
    assert chunks[-1].usage is not None


def test_53_cached_tokens_are_within_the_prompt() -> None:
    """#14849: cache hits are part of the prompt, not beside it."""
    counts = {"promptTokenCount": 100, "cachedContentTokenCount": 90, "totalTokenCount": 100}
    usage = parse({**event(), "usageMetadata": counts}).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.cache_read_input_tokens) == (100, 90)


def test_66_unions_in_structured_output() -> None:
    """#15369: unions reach the provider, in both forms of schemas."""
    union = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]}
    schema = {"type": "object", "properties": {"u": union}}
    given = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    full = body(response_format=given)["generationConfig"]
    assert full["responseJsonSchema"] == schema
    subset = body(response_format=given, wire=Gemini(json_schema=False))["generationConfig"]
    assert subset["responseSchema"]["properties"]["u"] == {
        "anyOf": [{"type": "STRING"}, {"type": "ARRAY", "items": {"type": "INTEGER"}}]
    }


def test_67_signature_on_a_sibling() -> None:
    """#25322: a signature on the part beside the call stays on that part."""
    parts = [{"text": "", "thoughtSignature": "s"}, call_part(), call_part("g")]
    assert back(parse(event(*parts)).choices[0].message)[0]["parts"] == parts


def test_68_signatures_of_a_stream() -> None:
    """#16893: signatures survive streaming, wherever they come, the empty last part included."""
    streamed: list[Any] = [
        {"text": "Let"}, {"text": " me"}, call_part(thoughtSignature="s1"), {"text": "", "thoughtSignature": "s2"},
    ]  # fmt: skip
    made = folded(*(event(p, finish=None) for p in streamed), event()).choices[0].message
    result = {"role": "tool", "tool_call_id": made.tool_calls[0].id, "content": "1"}  # type: ignore[index]
    contents = back(made, result, model=LEVELLED)
    assert contents[0]["parts"] == [{"text": "Let me"}, *streamed[2:]]


def test_68_signatures_by_hand() -> None:
    """#16893: who puts content and calls together by hand keeps the signatures of the calls."""
    chunks = decode(sse(event({"text": "A"}, finish=None), event(call_part(thoughtSignature="s1"))))
    calls = [c for chunk in chunks for c in chunk.choices[0].delta.tool_calls or ()]
    said = {"role": "assistant", "content": "A", "tool_calls": [c.to_dict() for c in calls]}
    assert back(said)[0]["parts"] == [{"text": "A"}, call_part(thoughtSignature="s1")]


def test_69_signature_on_text() -> None:
    """#18570: a signature on a text is kept, and two signed texts are not made one."""
    parts = [{"text": "A", "thoughtSignature": "s1"}, {"text": "B", "thoughtSignature": "s2"}]
    for made in (parse(event(*parts)), folded(*(event(p, finish=None) for p in parts), event())):
        assert made.text == "AB"
        assert back(made.choices[0].message)[0]["parts"] == parts


def test_70_signatures_of_parallel_calls() -> None:
    """langchain-ai/langchain#37347: of parallel calls the first is signed; nothing is added to the others."""
    parts = [call_part(thoughtSignature="s"), call_part("g")]
    made = parse(event(*parts)).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "1"} for call in made.tool_calls or ()
    ]
    assert back(made, *results, model=LEVELLED)[0]["parts"] == parts


def test_30_no_key_in_the_address() -> None:
    """#8075: the key is in a header, which is hidden where requests are shown."""
    made = llmkit.completion(
        "gemini/gemini-2.5-flash",
        [{"role": "user", "content": "Hi"}],
        api_key="AIza-secret",
        dry_run=True,
    )
    assert "key" not in made.url
    assert "AIza-secret" not in str(made)
    assert made.headers["x-goog-api-key"] == "[redacted]"
