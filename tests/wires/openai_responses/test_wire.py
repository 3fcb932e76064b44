"""The Responses wire: requests as given, answers and events kept whole, failures as what they say they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from llmkit import errors
from llmkit._calls import ResourceCall, ResponsesCall
from llmkit._http import Endpoint, HTTPResponse
from llmkit.types.responses import DeletedResponse, InputItems, Response
from llmkit.wires.openai_responses import RESPONSES, OpenAIResponses
from llmkit.wires.openai_responses.stored import STORED

TO = Endpoint("https://e.test/v1", query={"api-version": "1"})
TEXT = {"type": "output_text", "text": "Hi", "annotations": []}
ANSWER = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "m",
    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "content": [TEXT]}],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    "more": {"kept": True},
}


def call(**told: Any) -> ResponsesCall:
    """A call of somebody's."""
    return ResponsesCall("call_0", "somebody", "m", **({"input": "Hello"} | told))


def answered(body: Any, status: int = 200, **headers: str) -> HTTPResponse:
    """An answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPResponse(status, headers, raw)


def sse(*events: dict[str, Any]) -> bytes:
    """Events as they are sent."""
    return b"".join(b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events)


def test_request_goes_as_given() -> None:
    """Fields are sent as they are, nulls are not, the caller's own fields are merged in."""
    made = RESPONSES.build(
        call(params={"tools": [{"type": "mcp"}], "user": None}, extra_body={"x": 1}, stream=True),
        TO,
    )
    assert made.url == "https://e.test/v1/responses?api-version=1"
    wanted = {"model": "m", "input": "Hello", "tools": [{"type": "mcp"}], "stream": True, "x": 1}
    assert json.loads(made.body) == wanted
    assert made.headers["accept"] == "text/event-stream"
    bare = RESPONSES.build(call(input=None, params={"prompt": {"id": "p"}}), TO)
    assert json.loads(bare.body) == {"model": "m", "prompt": {"id": "p"}}


def test_what_a_host_does_not_take_is_refused() -> None:
    """A parameter that is refused raises, is dropped where that is asked for, or sent where it is allowed."""
    wire = OpenAIResponses(refused=frozenset({"user"}))
    with pytest.raises(errors.UnsupportedParamsError, match="user"):
        wire.build(call(params={"user": "u"}), TO)
    dropped = wire.build(call(params={"user": "u"}, drop_params=True), TO)
    assert dropped.adjustments[0].change == "dropped"
    allowed = wire.build(call(params={"user": "u"}, allowed=frozenset({"user"})), TO)
    assert json.loads(allowed.body)["user"] == "u"
    with pytest.raises(errors.InvalidRequestError, match="finite"):
        RESPONSES.build(call(params={"temperature": float("nan")}), TO)


def test_answer_is_kept_whole() -> None:
    """Every field of an answer is there, typed or not, and its usage is in chat's terms beside it."""
    answer = RESPONSES.parse(call(), answered(ANSWER))
    assert answer.to_dict() == ANSWER
    assert answer.output_text == "Hi"
    assert answer["more"]["kept"]
    assert answer.get("nothing") is None
    assert answer.counted().prompt_tokens == 3
    assert answer.parsed is None
    assert RESPONSES.parse(call(), answered({**ANSWER, "usage": None})).counted() is None


def test_searches_are_counted_for_the_price() -> None:
    """Each search that was run is counted; opening what it found is none."""
    items = [
        {"type": "web_search_call", "action": {"type": "search"}},
        {"type": "web_search_call"},
        {"type": "web_search_call", "action": {"type": "open_page"}},
    ]
    answer = RESPONSES.parse(call(), answered({**ANSWER, "output": items}))
    assert answer.counted().server_tool_use.web_search_requests == 2


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", errors.APIResponseValidationError),
        (b'{"output": [', errors.APIResponseValidationError),
        ([], errors.APIResponseValidationError),
        ({"object": "chat.completion", "choices": []}, errors.APIResponseValidationError),
        ({"error": {"code": "rate_limit_exceeded", "message": "slow"}}, errors.RateLimitError),
        ({"type": "error", "code": "server_error", "message": "x"}, errors.InternalServerError),
        (
            {**ANSWER, "status": "failed", "error": {"code": "invalid_prompt"}},
            errors.BadRequestError,
        ),
        (
            {**ANSWER, "status": "failed", "error": {"code": "image_content_policy_violation"}},
            errors.ContentPolicyViolationError,
        ),
        ({**ANSWER, "status": "failed", "error": None}, errors.APIError),
    ],
)
def test_bad_answers(body: Any, kind: type[errors.APIError]) -> None:
    """What is no answer inside a 200 raises what it is; a failed answer stays in the error's body."""
    with pytest.raises(kind) as caught:
        RESPONSES.parse(call(), answered(body))
    if isinstance(body, dict) and "output" in body:
        assert caught.value.body["output"]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"code": "previous_response_not_found"}, errors.BadRequestError),
        (400, {"code": "context_length_exceeded"}, errors.ContextWindowExceededError),
        (401, {"code": "invalid_api_key"}, errors.AuthenticationError),
        (403, {"code": "unsupported_country_region_territory"}, errors.PermissionDeniedError),
        (404, {"code": "model_not_found"}, errors.NotFoundError),
        (413, {}, errors.RequestTooLargeError),
        (429, {"code": "insufficient_quota"}, errors.RateLimitError),
        (500, {"type": "server_error"}, errors.InternalServerError),
        (503, {"code": "server_is_overloaded"}, errors.ServiceUnavailableError),
    ],
)
def test_errors_by_status(status: int, error: dict[str, str], kind: type[errors.APIError]) -> None:
    """An error has the class of its status and the provider's own words."""
    told = {"error": {"message": "no", "type": None, "param": "p", "code": None, **error}}
    made = RESPONSES.error(call(), answered(told, status, **{"x-request-id": "req_1"}))
    assert type(made) is kind
    assert (made.code, made.param, made.request_id) == (error.get("code"), "p", "req_1")
    xai = RESPONSES.error(call(), answered({"code": "invalid-argument", "error": "no"}, status))
    assert "no" in xai.message


CREATED = {
    "type": "response.created",
    "response": {**ANSWER, "status": "in_progress", "output": []},
}
ADDED = {
    "type": "response.output_item.added",
    "output_index": 0,
    "item": {"type": "message", "id": "msg_1", "content": []},
}
DELTA = {
    "type": "response.output_text.delta",
    "output_index": 0,
    "item_id": "msg_1",
    "content_index": 0,
    "delta": "H",
}
COMPLETED = {"type": "response.completed", "response": ANSWER}


def decoded(*pieces: bytes) -> tuple[list[Any], Any]:
    """Events, and the decoder that made them."""
    decoder = RESPONSES.decoder(call(stream=True))
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.finish()], decoder


def test_events_are_kept_whole() -> None:
    """Each event is there as it came, of known kinds and unknown ones; the head comes with the first that speaks."""
    odd = {"type": "response.something_new", "x": {"y": 1}}
    decoder = RESPONSES.decoder(call(stream=True))
    assert not [*decoder.feed(sse(CREATED))]
    assert len([*decoder.feed(sse(ADDED))]) == 2
    events = [*decoder.feed(sse(odd, DELTA, COMPLETED, DELTA) + b"data: [DONE]\n\n")]
    assert [event.to_dict() for event in events] == [odd, DELTA, COMPLETED]
    assert (events[1].text, events[0].text) == ("H", "")
    assert decoder.done
    assert not [*decoder.finish()]
    assert decoder.result().to_dict() == ANSWER


def test_the_answer_so_far() -> None:
    """Before its end a stream comes to what was said by then."""
    decoder = RESPONSES.decoder(call(stream=True))
    argument = {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{"}
    thought = {"type": "response.reasoning_summary_text.delta", "output_index": 2, "delta": "hm"}
    [*decoder.feed(sse(CREATED, ADDED, DELTA, {**DELTA, "delta": "i"}, argument, thought))]
    answer = decoder.result()
    assert (answer.status, answer.output_text) == ("in_progress", "Hi")
    assert answer.output[1]["arguments"] == "{"
    assert answer.output[2]["summary"] == [{"type": "summary_text", "text": "hm"}]
    done = {"type": "response.output_item.done", "item": {"type": "x", "id": "msg_1"}}
    [*decoder.feed(sse(done, DELTA, {**DELTA, "delta": None}, {**done, "item": None}))]
    assert decoder.result().output[0].type == "x"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (sse(CREATED, ADDED), errors.StreamInterruptedError),
        (b"<html>no</html>", errors.APIResponseValidationError),
        (b"what is this", errors.APIResponseValidationError),
        (b"data: {\n\n", errors.APIResponseValidationError),
        (b"event: error\ndata: gone\n\n", errors.APIError),
        (
            sse({"type": "error", "code": "rate_limit_exceeded", "message": "x"}),
            errors.RateLimitError,
        ),
        (sse({"type": "error", "error": {"code": "server_error"}}), errors.InternalServerError),
        (
            sse({"type": "response.failed", "response": {"error": {"code": "server_error"}}}),
            errors.InternalServerError,
        ),
        (sse({"error": {"code": "overloaded"}}), errors.OverloadedError),
    ],
)
def test_broken_streams(body: bytes, kind: type[errors.APIError]) -> None:
    """A stream that breaks, or tells an error, raises what it is."""
    with pytest.raises(kind):
        decoded(body)


def test_odd_events_never_raise() -> None:
    """What is no object, or has no kind, is passed over."""
    events, _ = decoded(b"data: 7\n\ndata: {}\n\ndata: \n\n" + sse({"type": 7}, COMPLETED))
    assert [event.type for event in events] == ["response.completed"]


def test_plain_body_in_place_of_events() -> None:
    """A host that ignores ``stream`` is read as a stream of one event."""
    raw = json.dumps(ANSWER).encode()
    events, decoder = decoded(raw[:5], raw[5:])
    assert [event.type for event in events] == ["response.completed"]
    assert decoder.result().to_dict() == ANSWER


def kept(action: Any, body: Any = None, **params: Any) -> ResourceCall:
    """A call about an answer that is kept."""
    return ResourceCall(
        "call_0",
        "somebody",
        "",
        resource="responses",
        action=action,
        target="resp_1",
        params=params,
    )


def test_kept_answers() -> None:
    """What is kept is looked up, cancelled, forgotten and listed; a failed answer is an answer there."""
    failed = {**ANSWER, "status": "failed", "error": {"code": "server_error", "message": "x"}}
    found = STORED.parse(kept("retrieve"), answered(failed))
    assert isinstance(found, Response)
    assert found.error["message"] == "x"
    assert found.counted() is None, "what was used is not counted again"
    assert isinstance(STORED.parse(kept("cancel"), answered(ANSWER)), Response)
    gone = STORED.parse(kept("delete"), answered({"id": "resp_1", "deleted": True}))
    assert isinstance(gone, DeletedResponse)
    assert gone.deleted
    page = STORED.parse(kept("list"), answered({"data": [{"type": "message"}], "has_more": False}))
    assert isinstance(page, InputItems)
    assert page.data[0].type == "message"
    with pytest.raises(errors.APIResponseValidationError, match="it has no data"):
        STORED.parse(kept("list"), answered({"object": "list"}))
    assert isinstance(STORED.error(kept("list"), answered({}, 404)), errors.NotFoundError)
    made = STORED.build(kept("list", include=["a"], limit=3), TO)
    assert made.url.endswith("/responses/resp_1/input_items?api-version=1&limit=3&include%5B%5D=a")
    with pytest.raises(errors.InvalidRequestError):
        STORED.build(ResourceCall("c", "s", "", resource="responses", action="retrieve"), TO)
    assert STORED.parse(kept("delete"), HTTPResponse(200)).to_dict() == {
        "id": "resp_1", "deleted": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "name"), [("retrieve", "limit"), ("delete", "include"), ("cancel", "after")]
)
def test_kept_answers_refuse(action: str, name: str) -> None:
    """What is said of a list is refused where no list is asked for."""
    with pytest.raises(errors.UnsupportedParamsError, match=name):
        STORED.build(kept(action, **{name: "x"}), TO)


def test_kept_answer_streamed() -> None:
    """An answer that is being made is read from an event on; what it uses is not counted a second time."""
    asked = replace(kept("retrieve", starting_after=4), stream=True)
    made = STORED.build(asked, TO)
    assert made.url.endswith("?api-version=1&starting_after=4&stream=true")
    assert made.headers["accept"] == "text/event-stream"
    decoder = STORED.decoder(asked)
    last = {"type": "response.completed", "sequence_number": 5, "response": ANSWER}
    (event,) = [*decoder.feed(f"data: {json.dumps(last)}\n\n".encode()), *decoder.finish()]
    assert event.to_dict() == last
    assert decoder.result().to_dict() == ANSWER
    assert decoder.result().counted() is None
