"""Calls in the Messages form to a host that speaks it: as they are, whole and in events, and failures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit import errors
from llmkit._calls import MessagesCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.wires.anthropic_messages.native import MESSAGES, NativeMessages

TO = Endpoint("https://e.test")
HELLO = [{"role": "user", "content": "Hello"}]
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hi"}, {"type": "new_kind", "x": 1}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 3,
        "cache_read_input_tokens": 4,
        "output_tokens": 2,
        "service_tier": "priority",
    },
    "container": {"id": "c"},
}


def call(**told: Any) -> MessagesCall:
    """A call of somebody's."""
    told = {"messages": HELLO, "params": {"max_tokens": 9}} | told
    return MessagesCall("call_0", "somebody", "m", **told)


def parsed(body: Any) -> Any:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return MESSAGES.parse(call(), HTTPResponse(200, {}, raw))


def sse(*events: dict[str, Any]) -> bytes:
    """Events as they are sent."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


def test_request_goes_as_given() -> None:
    """Fields are sent as they are; what a host does not take is refused, dropped, or sent where allowed."""
    given = {"max_tokens": 9, "system": "s", "tools": [{"name": "f"}], "top_k": None, "speed": "x"}
    made = MESSAGES.build(call(params=given, stream=True, extra_body={"x": 1}), TO)
    wanted = {k: v for k, v in given.items() if v is not None}
    assert (
        json.loads(made.body) == {"model": "m", "messages": HELLO, "stream": True, "x": 1} | wanted
    )
    assert made.url == "https://e.test/v1/messages"
    wire = NativeMessages(refused=frozenset({"system"}))
    with pytest.raises(errors.UnsupportedParamsError, match="system"):
        wire.build(call(params=given), TO)
    dropped = wire.build(call(params=given, drop_params=True), TO)
    assert "system" not in json.loads(dropped.body)
    allowed = wire.build(call(params=given, allowed=frozenset({"system"})), TO)
    assert json.loads(allowed.body)["system"] == "s"
    inner = [{"type": "image", "source": {"type": "file", "file_id": "f"}}, "x"]
    result = {"type": "tool_result", "tool_use_id": "t", "content": inner}
    turns = [{"role": "user", "content": [result, "odd"]}, "odd"]
    assert "files-api" in MESSAGES.build(call(messages=turns), TO).headers["anthropic-beta"]


def test_answer_is_kept_whole() -> None:
    """Every field and block is there, typed or not; its tokens, the cache's too, and its tier count for the price."""
    answer = parsed(ANSWER)
    assert answer.to_dict() == ANSWER
    assert (answer.text, answer.content[1]["x"], answer.tier()) == ("Hi", 1, "priority")
    assert answer.counted().prompt_tokens == 7
    assert "Hi" in answer._repr_markdown_()
    bare = parsed({**ANSWER, "usage": None})
    assert (bare.counted(), bare.tier()) == (None, None)
    assert "no usage" in bare._repr_markdown_()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", errors.APIResponseValidationError),
        ([], errors.APIResponseValidationError),
        ({"choices": []}, errors.APIResponseValidationError),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
            errors.OverloadedError,
        ),
    ],
)
def test_bad_answers(body: Any, kind: type[errors.APIError]) -> None:
    """What is no answer inside a 200 raises what it is."""
    with pytest.raises(kind):
        parsed(body)


def test_errors_by_status() -> None:
    """An error has the class that its type says."""
    told = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}
    made = MESSAGES.error(call(), HTTPResponse(429, {}, json.dumps(told).encode()))
    assert isinstance(made, errors.RateLimitError)


START = {"type": "message_start", "message": {**ANSWER, "content": [], "stop_reason": None}}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}}
STOP = {"type": "content_block_stop", "index": 0}
LAST = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 5},
    "context_management": {"applied_edits": []},
}
END = {"type": "message_stop"}
TOOL = {
    "type": "content_block_start",
    "index": 1,
    "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
}


def written(text: str) -> dict[str, Any]:
    """A piece of a call's arguments."""
    delta = {"type": "input_json_delta", "partial_json": text}
    return {"type": "content_block_delta", "index": 1, "delta": delta}


def test_events_are_kept_whole() -> None:
    """Each event is there as it came; the head comes with the first that speaks; the message is what they make up."""
    decoder = MESSAGES.decoder(call(stream=True))
    odd = {"type": "something_new", "x": 1}
    assert not [*decoder.feed(sse(START, {"type": "ping"}))]
    events = [*decoder.feed(sse(BLOCK, DELTA, STOP, odd, LAST, END, DELTA))]
    assert [event.to_dict() for event in events] == [
        START, {"type": "ping"}, BLOCK, DELTA, STOP, odd, LAST, END,
    ]  # fmt: skip
    assert "".join(event.said for event in events) == "Hi"
    assert decoder.done
    assert not [*decoder.finish()]
    answer = decoder.result()
    assert (answer.text, answer.stop_reason) == ("Hi", "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (3, 5)
    assert answer["context_management"] == {"applied_edits": []}


def test_the_answer_so_far() -> None:
    """Before its end a stream comes to what was said by then; a model that takes over is named."""
    decoder = MESSAGES.decoder(call(stream=True))
    [*decoder.feed(sse(START, BLOCK, DELTA, TOOL, written('{"a":'), written(" 1")))]
    text, tool = decoder.result().content
    assert (text["text"], tool["input"]) == ("Hi", '{"a": 1')
    [*decoder.feed(sse(written("}"), {**STOP, "index": 1}))]
    assert decoder.result().content[1]["input"] == {"a": 1}
    other = {"type": "fallback", "to": {"model": "m-2"}}
    [*decoder.feed(sse({**BLOCK, "index": 2, "content_block": other}))]
    assert decoder.result().model == "m-2"
    cited = {"type": "text", "text": "", "citations": []}
    begun = {**BLOCK, "index": 3, "content_block": cited}
    note = {"type": "citations_delta", "citation": {"type": "x"}}
    events = [*decoder.feed(sse(begun, {**DELTA, "index": 3, "delta": note}))]
    assert events[0]["content_block"]["citations"] == []
    assert decoder.result().content[3]["citations"] == [{"type": "x"}]


def test_an_end_without_its_last_event() -> None:
    """A stream that told why it stopped is whole, and its last event is told all the same."""
    decoder = MESSAGES.decoder(call(stream=True))
    events = [*decoder.feed(sse(START, BLOCK, DELTA, STOP) + sse(LAST)[:-1]), *decoder.finish()]
    assert [event.type for event in events[-2:]] == ["message_delta", "message_stop"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (sse(START, BLOCK), errors.StreamInterruptedError),
        (b"what is this", errors.APIResponseValidationError),
        (b"data: {\n\n", errors.APIResponseValidationError),
        (b"event: error\ndata: gone\n\n", errors.APIError),
        (sse({"type": "error", "error": {"type": "overloaded_error"}}), errors.OverloadedError),
        (b"<html>", errors.APIResponseValidationError),
        (b"data: 7\n\n", errors.APIError),
    ],
)
def test_broken_streams(body: bytes, kind: type[errors.APIError]) -> None:
    """A stream that breaks, or tells an error, raises what it is."""
    decoder = MESSAGES.decoder(call(stream=True))
    with pytest.raises(kind):
        [*decoder.feed(body), *decoder.finish()]


def test_plain_body_in_place_of_events() -> None:
    """A host that ignores ``stream`` is read as the fewest events that say its answer."""
    decoder = MESSAGES.decoder(call(stream=True))
    assert not [*decoder.feed(json.dumps(ANSWER).encode())]
    events = [event.type for event in decoder.finish()]
    assert events[0] == "message_start"
    assert events[-2:] == ["message_delta", "message_stop"]
    assert decoder.result().to_dict() == ANSWER
