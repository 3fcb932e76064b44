"""Any answer through any front, whole and streamed, read by the official SDKs, and back into the internal form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmkit import errors
from llmkit.fronts import chat, generate_content, messages, responses

from ._made import answers, chunks, told, whole
from ._sdk import message_of, response_of

FRONTS: list[Any] = [chat, responses, messages, generate_content]
SIZES = st.integers(1, 7)


def said(message: dict[str, Any]) -> dict[str, Any]:
    """What of a message must survive every front: text, calls with their arguments, signed thoughts."""
    calls = [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    ]
    blocks = [b for b in message.get("thinking_blocks") or () if b.get("signature")]
    return {"content": message.get("content") or "", "calls": calls, "blocks": blocks}


def back_from_message(made: dict[str, Any]) -> dict[str, Any]:
    """The internal form of a message that is put back."""
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": made["content"]}]
    message: dict[str, Any] = messages.read({"model": "m", "messages": turns}).messages[1]
    return message


def back_from_response(made: dict[str, Any]) -> dict[str, Any]:
    """The internal form of a response's items that are put back."""
    items = [{"role": "user", "content": "?"}, *made["output"]]
    message: dict[str, Any] = responses.read({"model": "m", "input": items}).messages[1]
    return message


def back_from_content(made: dict[str, Any]) -> dict[str, Any]:
    """The internal form of a candidate that is put back."""
    contents = [{"role": "user", "parts": [{"text": "?"}]}, made["candidates"][0]["content"]]
    message: dict[str, Any] = generate_content.read({"contents": contents}).messages[1]
    return message


@given(answers())
def test_whole_answers_come_back(answer: dict[str, Any]) -> None:
    """A whole answer, written by a front and put back, still says what it said."""
    wanted = said(answer["choices"][0]["message"])
    completion = whole(answer)
    assert said(back_from_message(messages.write(completion))) == wanted
    assert said(back_from_response(responses.write(completion))) == wanted
    assert said(back_from_content(generate_content.write(completion))) == wanted
    assert chat.write(completion)["choices"][0]["message"] == answer["choices"][0]["message"]


@given(answers(), SIZES)
@settings(deadline=None, max_examples=40)
def test_streams_come_back(answer: dict[str, Any], size: int) -> None:
    """A stream's events, put together by the official SDKs and put back, still say what they said."""
    pytest.importorskip("anthropic")
    pytest.importorskip("openai")
    wanted = said(answer["choices"][0]["message"])
    pieces = chunks(answer, size)
    message = message_of(told(messages.events(), pieces))
    assert said(back_from_message(message)) == wanted
    assert message["usage"]["output_tokens"] == answer["usage"]["completion_tokens"]
    response = response_of(told(responses.events(), pieces))
    assert said(back_from_response(response)) == wanted
    assert response["usage"]["total_tokens"] == answer["usage"]["total_tokens"]
    parts = [
        part
        for event in told(generate_content.events(), pieces)
        for part in event["candidates"][0]["content"]["parts"]
    ]
    content = {"candidates": [{"content": {"role": "model", "parts": parts}}]}
    assert said(back_from_content(content)) == wanted


@given(answers(), SIZES)
def test_streams_end_as_whole_answers_do(answer: dict[str, Any], size: int) -> None:
    """What a stream comes to is what the whole answer is written as, but for where signed thoughts ride."""
    for front in FRONTS:
        events = front.events()
        told(events, chunks(answer, size))
        streamed, once = events.result(), front.write(whole(answer))
        assert streamed.get("usage") == once.get("usage")
        assert streamed.get("usageMetadata") == once.get("usageMetadata")
        assert events.usage.total_tokens == answer["usage"]["total_tokens"]
        for name in ("status", "stop_reason"):
            assert streamed.get(name) == once.get(name)


@given(answers(), SIZES)
def test_response_events_are_in_order(answer: dict[str, Any], size: int) -> None:
    """Events are numbered, items begin in order, and everything that begins is done before the end."""
    events = told(responses.events(), chunks(answer, size))
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    added = [e["output_index"] for e in events if e["type"] == "response.output_item.added"]
    done = [e["output_index"] for e in events if e["type"] == "response.output_item.done"]
    assert added == [*range(len(added))] == sorted(done)
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    items = {e["output_index"]: e["item"] for e in events if e["type"].endswith("item.done")}
    assert [items[i] for i in sorted(items)] == events[-1]["response"]["output"]


@pytest.mark.parametrize("front", FRONTS)
def test_events_of_nothing(front: Any) -> None:
    """A stream without a chunk still begins and ends as the format demands."""
    made = [*front.events().finish()]
    assert front is chat or made
    assert front.events().usage is None
    for event in made:
        assert front.frame(event).endswith(b"\n\n")


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (errors.RateLimitError("slow down", status_code=429), 429),
        (errors.InvalidRequestError("what?", param="x"), 400),
        (errors.OverloadedError("busy", status_code=529), 529),
        (errors.APIConnectionError("gone"), 502),
        (errors.BadRequestError("odd", status_code=418), 418),
    ],
)
def test_errors(front: Any, failure: errors.APIError, status: int) -> None:
    """A failure has its status and its message in each format."""
    told_status, body = front.error(failure)
    assert told_status == status
    assert failure.message in json.dumps(body)
    assert isinstance(body["error"], dict)


def test_a_broken_stream_ends_as_failed() -> None:
    """A stream that breaks off ends with the event that says so, and what had come."""
    failure = errors.RateLimitError("slow down", status_code=429)
    event = responses.failed(failure, {"id": "resp_1", "output": []}, 7)
    assert (event["type"], event["sequence_number"]) == ("response.failed", 7)
    assert event["response"]["error"]["code"] == "rate_limit_exceeded"
    other = responses.failed(errors.APIConnectionError("gone"), {}, 0)
    assert other["response"]["error"]["code"] == "server_error"


@given(answers())
def test_google_sdk_reads_what_is_written(answer: dict[str, Any]) -> None:
    """The official Google SDK's types take whole answers and events, packed signatures and all."""
    types = pytest.importorskip("google.genai.types")
    whole_answer = generate_content.write(whole(answer))
    for made in (whole_answer, *told(generate_content.events(), chunks(answer))):
        typed = types.GenerateContentResponse.model_validate(made)
        assert len(typed.candidates) == len(made["candidates"])
