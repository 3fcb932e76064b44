"""Bugs that other libraries had on this wire; each by its number at BerriAI/litellm, unless another is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._fold import fold
from llmkit._http import Endpoint

from ._made import NEW, WIRE, body, built, call, decoded, events, framed, ledger, message, parsed

USER = {"role": "user", "content": "Hi"}
TEXT = {"type": "text", "text": "Hello"}
CALL = {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}
RESULT = {"role": "tool", "tool_call_id": "t1", "content": "2"}


def thought(number: int) -> dict[str, Any]:
    """A signed piece of thinking."""
    return {"type": "thinking", "thinking": f"step {number}", "signature": f"sig{number}"}


def sent_back(said: Any, *rest: Any) -> Any:
    """The assistant's turn of the request that has this message in its history."""
    request = WIRE.build(call([USER, said, *rest]), Endpoint("https://api.test"))
    return json.loads(request.body)["messages"][1]["content"]


def test_10686_finish_reason_of_a_stream() -> None:
    """#10686: the finish reason is there, once, in the last chunk that has choices."""
    chunks = decoded(framed(events(message(TEXT, stop_reason="max_tokens"))))
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert reasons == [None] * (len(reasons) - 1) + ["length"]


def test_13834_interleaved_thinking_keeps_its_order() -> None:
    """#13834: a stream put together again has thinking, text and calls in the order in which they came."""
    native = message(thought(1), TEXT, thought(2), CALL, stop_reason="tool_use")
    said = fold(decoded(framed(events(native)))).choices[0].message
    assert sent_back(said, RESULT) == native["content"]


def test_32130_a_later_usage_keeps_the_cache_split() -> None:
    """#32130: counts of the stream's beginning survive the end's, which leaves them out."""
    split = {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 8}
    usage = {"input_tokens": 3, "output_tokens": 1, "cache_creation_input_tokens": 15}
    happened = events(
        message(TEXT, usage={**usage, "cache_creation": split, "cache_read_input_tokens": 100})
    )
    happened[-2]["usage"] = {"output_tokens": 9}
    answer = fold(decoded(framed(happened))).usage
    assert answer is not None
    assert answer.cache_creation is not None
    assert answer.cache_creation.model_dump() == split
    assert (answer.prompt_tokens, answer.completion_tokens) == (118, 9)


def test_31634_no_finish_before_the_calls_are_whole() -> None:
    """#31634 (there on Gemini): nothing finishes between two parallel calls."""
    native = message(CALL, {**CALL, "id": "t2"}, stop_reason="tool_use")
    chunks = [c for c in decoded(framed(events(native))) if c.choices]
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_17364_a_broken_stream_is_no_whole_answer() -> None:
    """#17364, #35958: a stream that breaks off raises, and what it used is known as far as it was told."""
    native = message(TEXT, usage={"input_tokens": 12, "output_tokens": 1})
    decoder = WIRE.decoder(call(stream=True))
    chunks = list(decoder.feed(framed(events(native)[:4])))
    with pytest.raises(llmkit.StreamInterruptedError) as caught:
        list(decoder.finish())
    assert caught.value.retryable
    partial = fold(chunks)
    assert partial.usage is not None
    assert (partial.usage.prompt_tokens, partial.usage.completion_tokens) == (12, None)


def test_what_is_no_event_stream_is_unreadable() -> None:
    """Bytes in which there is no event were no interrupted answer."""
    decoder = WIRE.decoder(call(stream=True))
    assert list(decoder.feed(b"\x80\xffnoise\n")) == []
    with pytest.raises(llmkit.errors.APIResponseValidationError, match="no event stream"):
        list(decoder.finish())


def test_lmnr_324_the_usage_chunk_is_apart() -> None:
    """lmnr-ai/lmnr-python#324: usage is in a chunk of its own, so none with choices has to be kept for it."""
    chunks = decoded(framed(events(message(TEXT))))
    assert all(c.choices == [] for c in chunks if c.usage)
    assert all(c.usage is None for c in chunks if c.choices)


def test_11364_cached_tokens_are_within_the_prompt() -> None:
    """#11364: what was read from the cache is counted once, and told apart."""
    usage = {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 95}
    found = parsed(message(TEXT, usage=usage)).usage
    assert found is not None
    assert found.prompt_tokens == 100
    assert found.prompt_tokens_details is not None
    assert found.prompt_tokens_details.cached_tokens == 95


@pytest.mark.parametrize("stream", [False, True])
def test_25322_signatures_stay_with_their_blocks(stream: bool) -> None:  # noqa: FBT001 - a case
    """#25322, #16893, #18570, langchain#37347 (there on Gemini): no signature is lost or moved, streamed or not."""
    native = message(
        thought(1),
        {"type": "redacted_thinking", "data": "d"},
        thought(2),
        CALL,
        stop_reason="tool_use",
    )
    answer = fold(decoded(framed(events(native)))) if stream else parsed(native)
    said = answer.choices[0].message
    assert said.thinking_blocks == native["content"][:3]
    for given in (said, said.model_dump(), json.loads(said.model_dump_json())):
        assert sent_back(given, RESULT) == native["content"]


def test_16893_thinking_that_is_not_shown_keeps_its_signature() -> None:
    """#16893's kin: thinking may come without a text, only to be sent back."""
    hidden = {**thought(1), "thinking": ""}
    native = message(hidden, TEXT)
    said = fold(decoded(framed(events(native)))).choices[0].message
    assert said.reasoning_content is None
    assert sent_back(said, USER) == [hidden, TEXT]


def test_37599_a_used_up_limit_is_a_rate_limit() -> None:
    """#37599: the 400 of a used-up limit is a RateLimitError, and no reason to try again at once."""
    text = "You have reached your specified API usage limits. You will regain access on 2026-12-01."
    failed = {"type": "error", "error": {"type": "invalid_request_error", "message": text}}
    with pytest.raises(llmkit.RateLimitError) as caught:
        parsed(failed)
    assert not caught.value.retryable


def test_40470_drop_params_hides_nothing() -> None:
    """#40470: what drop_params leaves out is listed, and what the model takes is not left out."""
    asked: dict[str, Any] = {"reasoning_effort": "high", "seed": 1, "drop_params": True}
    assert body(model=NEW, **asked)["thinking"] == {"type": "adaptive"}
    assert list(ledger(model=NEW, **asked)) == ["seed"]
    with pytest.raises(llmkit.UnsupportedParamsError):
        built(seed=1)


def test_a_call_without_arguments_is_json() -> None:
    """A streamed call of a tool without parameters has arguments that parse."""
    native = message({**CALL, "input": {}}, stop_reason="tool_use")
    (made,) = fold(decoded(framed(events(native)))).choices[0].message.tool_calls or ()
    assert json.loads(made.function.arguments or "") == {}


def test_calls_are_numbered_among_themselves() -> None:
    """A text before the first call does not make its index 1."""
    chunks = decoded(framed(events(message(TEXT, CALL, stop_reason="tool_use"))))
    indices = {
        c.index for ch in chunks for choice in ch.choices for c in choice.delta.tool_calls or ()
    }
    assert indices == {0}
