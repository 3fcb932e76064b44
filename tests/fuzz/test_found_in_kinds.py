"""What fuzzing the later wires and the fronts found, each as small as it gets. Found and mended on 2026-11-22."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest

from llmkit import errors
from llmkit._call import ChatCall
from llmkit._calls import CountCall, EmbeddingCall, ImageCall, MessagesCall, TextCall
from llmkit._eventstream import encoded
from llmkit._http import Endpoint, HTTPResponse
from llmkit.fronts import generate_content, responses
from llmkit.types.audio import TranscriptionSegment
from llmkit.types.chat import ChatCompletion
from llmkit.types.embedding import EmbeddingResponse
from llmkit.types.image import ImageResponse
from llmkit.types.text import TextCompletion
from llmkit.wires._aws_frames import FrameReader
from llmkit.wires._numbers import whole
from llmkit.wires._subtitles import subtitles
from llmkit.wires.anthropic_messages.native import NativeMessages
from llmkit.wires.anthropic_resources.counting import AnthropicCount
from llmkit.wires.bedrock_text import BEDROCK_TEXT
from llmkit.wires.deepgram import LISTEN
from llmkit.wires.openai_audio import SPEECH
from llmkit.wires.openai_images import OpenAIImages
from llmkit.wires.openai_text import OPEN
from llmkit.wires.vertex_embeddings import TEXTS

from ._kinds import KINDS
from ._targets import WIRES, call_of, pieces

WHO = ("call_1", "acme", "m1")
HELLO = [{"role": "user", "content": "hi"}]
HERE = Endpoint("https://a.test/v1")


def sse(*events: Any) -> bytes:
    """Events as they are sent."""
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def said(body: Any) -> HTTPResponse:
    """An answer; text goes as it is."""
    return HTTPResponse(200, {}, (body if isinstance(body, str) else json.dumps(body)).encode())


def read(decoder: Any, data: bytes) -> Any:
    """What a whole stream comes to."""
    for _ in (*decoder.feed(data), *decoder.finish()):
        continue
    return decoder.result() if hasattr(decoder, "result") else None


# --- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"this is no frame at all, as anybody can see",
        encoded({":event-type": "x"}, b"{}") + encoded({}, b"abc")[:-1] + b"x" + b"more of it",
    ],
    ids=["prelude", "checksum"],
)
def test_what_is_told_of_a_bad_frame(data: bytes) -> None:
    """It shows the bytes that are wrong, however many have come behind them."""
    told = set()
    for size in (0, 1, 5, 30):
        reader = FrameReader(call_of("bedrock_converse"))
        with pytest.raises(errors.APIResponseValidationError) as caught:
            [frame for piece in pieces(data, size) for frame in reader.feed(piece)]
        told.add(str(caught.value))
    assert len(told) == 1


def test_white_space_before_a_plain_body() -> None:
    """It is no frame, however much of it comes alone."""
    told = set()
    for size in (0, 1, 7):
        reader = FrameReader(call_of("bedrock_converse"))
        assert not [
            frame for piece in pieces(b"\n" * 40 + b"{}", size) for frame in reader.feed(piece)
        ]
        assert reader.plain is not None
        told.add(reader.plain.body)
    assert told == {b"{}"}


# --- texts that are no base64 -------------------------------------------------------------------


def test_base64_beyond_ascii() -> None:
    """A letter that base64 never has is no error of Python's."""
    with pytest.raises(errors.APIResponseValidationError, match="base64"):
        SPEECH.parse(KINDS["speech openai"].call, said({"audio": "ü"}))
    chunk = {"content": {"parts": [{"inlineData": {"mimeType": "audio/x", "data": "ü"}}]}}
    decoder = WIRES["gemini"].decoder(call_of("gemini"))
    assert [*decoder.feed(sse({"candidates": [chunk]}))]
    invoked = WIRES["invoked_anthropic"].decoder(call_of("invoked_anthropic"))
    frame = encoded({":event-type": "chunk", ":message-type": "event"}, '{"bytes": "ü"}'.encode())
    with pytest.raises(errors.APIResponseValidationError, match="no event in it"):
        [*invoked.feed(frame)]


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "number"),
    [
        (4, 4), (4.0, 4), ("12", 12), (True, None), (4.5, None), (float("inf"), None),
        (float("nan"), None), ("9" * 5000, None), ("", None), ("x", None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_counts(given: Any, number: int | None) -> None:
    """Whatever says a whole number is one; nothing else is, and nothing raises."""
    assert whole(given) == number


def test_infinite_counts() -> None:
    """JSON's numbers have no largest one: what is too large for a float counts nothing."""
    told = (
        '{"predictions": [{"embeddings": {"values": [1], "statistics": {"token_count": 1e999}}}]}'
    )
    call = EmbeddingCall(*WHO, ("x",))
    assert TEXTS.parse(call, said(told)).counted() is None
    text = TextCall("call_1", "acme", "meta.llama3", "x")
    made = BEDROCK_TEXT.parse(text, said('{"generation": "a", "prompt_token_count": 1e999}'))
    assert (made.text, made.counted()) == ("a", None)
    answer = said('{"output": [], "created_at": 1e999}')
    assert WIRES["openai_responses"].parse(call_of("openai_responses"), answer).created is None


def test_times_without_end() -> None:
    """A cue that never ends cannot be written."""
    cues = [TranscriptionSegment(start=0, end=end, text="a") for end in (1.0, float("inf"))]
    assert subtitles(cues, "srt").count("-->") == 1


# --- values of other types ----------------------------------------------------------------------

PLACE = {"type": "response.output_text.delta", "delta": "a", "output_index": 0}


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "response.output_item.done", "item": {"type": [], "id": "x"}}],
        [PLACE | {"content_index": []}],
        [
            {"type": "response.output_item.added", "item": {"type": "message", "content": 1.5}},
            PLACE,
        ],
        [{"type": "response.created", "response": {"created_at": float("inf")}}],
    ],
)
def test_responses_of_odd_types(events: list[Any]) -> None:
    """Neither a list where a word is due nor a number where a list is ends a stream."""
    data = sse(*events, {"type": "response.completed", "response": {"id": "r"}})
    decoder = WIRES["openai_responses"].decoder(call_of("openai_responses"))
    assert [*decoder.feed(data)]
    assert read(KINDS["responses"].wire.decoder(KINDS["responses"].call), data).id == "r"


def test_codes_that_are_no_words() -> None:
    """An error's code may be anything."""
    for code in ([], {}):
        with pytest.raises(errors.APIError):
            KINDS["responses"].wire.parse(KINDS["responses"].call, said({"error": {"code": code}}))


def test_messages_of_odd_types() -> None:
    """A type that is a list is a type that nobody knows; a usage that is a number is none."""
    call = MessagesCall(*WHO, HELLO, params={"max_tokens": 9}, stream=True)
    head = {"type": "message_start", "message": {"id": "m", "usage": 7}}
    rest = [{"type": []}, {"type": "message_delta", "usage": 8}, {"type": "message_stop"}]
    assert read(NativeMessages().decoder(call), sse(head, *rest)).id == "m"


def test_events_named_like_arguments() -> None:
    """A field that is called ``self`` is a field."""
    decoder = WIRES["bedrock_converse"].decoder(call_of("bedrock_converse"))
    frame = encoded({":event-type": "metadata", ":message-type": "event"}, b'{"self": 1}')
    (chunk,) = decoder.feed(frame)
    assert chunk["self"] == 1


def test_counts_with_fields_of_ours() -> None:
    """A count may come with a field that is called as one of ours, of whatever type."""
    body = {"input_tokens": 3, "model": 7, "object": []}
    assert AnthropicCount().parse(CountCall(*WHO, HELLO), said(body)).input_tokens == 3


def test_usages_of_several_pictures() -> None:
    """What is a number in one may be an object in the next."""
    call = ImageCall(*WHO, "x", stream=True)
    events = [
        {"type": "image_generation.completed", "b64_json": "", "usage": {"a": usage}}
        for usage in (1, {"b": 2}, 3)
    ]
    made = read(OpenAIImages().decoder(call), sse(*events))
    assert isinstance(made, ImageResponse)
    assert len(made.data) == 3


def test_logprobs_of_odd_types() -> None:
    """Those that are a list say nothing, and do not stand in the way of those that do."""
    choices = [{"text": "a", "logprobs": told} for told in ([], {"tokens": ["a"]})]
    data = sse(*({"choices": [choice]} for choice in choices)) + b"data: [DONE]\n\n"
    made = read(OPEN.decoder(TextCall(*WHO, "x", stream=True)), data)
    assert isinstance(made, TextCompletion)
    assert made.choices[0].logprobs.tokens == ["a"]


def test_a_request_id_that_is_none() -> None:
    """It would be shown, and whatever is in it."""
    made = LISTEN.error(
        KINDS["transcription deepgram"].call, HTTPResponse(400, {}, b'{"request_id": {"a": 1}}')
    )
    assert made.request_id is None


def test_vectors_that_are_dumped() -> None:
    """A vector that came as base64 is no reason to warn."""
    made = EmbeddingResponse.model_validate({"data": [{"embedding": "AACAPw=="}]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert json.loads(made.model_dump_json())["data"][0]["embedding"] == "AACAPw=="
        assert made.to_dict()["data"][0]["embedding"] == "AACAPw=="
    assert made.vectors == [[1.0]]


# --- fronts, and what is read by them -----------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [{"role": ["user"], "parts": ["x"]}]},
        {"contents": [{"parts": [{"functionResponse": {"name": "f", "parts": 7}}]}]},
        {"contents": "x", "generationConfig": {"speechConfig": {"voiceConfig": []}}},
        {"contents": "x", "tools": [{"functionDeclarations": 7}]},
        {"contents": "x", "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": 7}}},
    ],
)
def test_generate_content_of_odd_types(body: Any) -> None:
    """It is refused as a mistake in the request."""
    with pytest.raises(errors.InvalidRequestError):
        generate_content.read(body)


def test_generate_content_that_can_be_read() -> None:
    """Odd values where nothing depends on them are left out."""
    schema = {"properties": {"a": {}}, "propertyOrdering": [{}, "a"], "minLength": "9" * 5000}
    thought = {"role": "model", "parts": [{"thought": True, "text": 7}, {"text": "a"}]}
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    asked = generate_content.read({"contents": ["x", thought], "generationConfig": config})
    assert asked.messages[1]["content"] == "a"


@pytest.mark.parametrize("item", [{"type": []}, {"role": [], "content": "x"}])
def test_items_of_odd_types(item: Any) -> None:
    """They are refused as mistakes in the request."""
    with pytest.raises(errors.InvalidRequestError):
        responses.read({"model": "m", "input": [item]})
    choice = {"type": "allowed_tools", "tools": 7}
    assert responses.read({"model": "m", "input": "x", "tool_choice": choice}).model == "m"


def test_answers_as_generate_content() -> None:
    """A field called ``content`` beside the message, a year beyond all calendars, the older form of a call."""
    call = {"name": "f", "arguments": "{"}
    beside = {"provider_specific_fields": 7, "function_call": call}
    choice = {
        "index": 0,
        "message": {"content": "a", **beside},
        "content": "b",
        "finish_reason": "stop",
    }
    made = ChatCompletion.model_validate({"created": 10**15, "choices": [choice]})
    told = generate_content.write(made)
    assert "createTime" not in told
    parts = told["candidates"][0]["content"]["parts"]
    assert [part.get("text") for part in parts if part.get("text")] == ["a"]
    assert [part["functionCall"]["name"] for part in parts if "functionCall" in part] == ["f"]


@pytest.mark.parametrize(
    ("wire", "params", "message"),
    [
        ("anthropic_messages", {"stop": 7}, {}),
        ("anthropic_messages", {"metadata": []}, {}),
        ("anthropic_messages", {"service_tier": []}, {}),
        ("anthropic_messages", {"reasoning_effort": []}, {}),
        ("anthropic_messages", {"tools": [], "tool_choice": {"type": []}}, {}),
        ("bedrock_converse", {"service_tier": []}, {}),
        ("cohere_chat", {"reasoning_effort": []}, {}),
        ("openai_chat", {"tools": 7}, {}),
        ("cohere_chat_v1", {}, {"role": "user", "content": 7}),
        ("mistral_chat", {}, {"role": "user", "content": "x", "tool_calls": 7}),
        ("mistral_chat", {}, {"role": "user", "content": "x", "tool_calls": {"a": 1}}),
        ("gemini", {}, {"role": "assistant", "function_call": [7]}),
    ],
)
def test_requests_of_odd_types(wire: str, params: Any, message: Any) -> None:
    """What a parameter or a message cannot be is refused before anything is sent."""
    call = ChatCall(*WHO, [*HELLO, message] if message else HELLO, params=params)
    with pytest.raises((errors.InvalidRequestError, errors.UnsupportedParamsError)):
        WIRES[wire].build(call, HERE)


def test_requests_that_can_be_written() -> None:
    """Odd values where nothing depends on them go as they are, or stay away."""
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": []}}
    written = WIRES["gemini"].build(call_of("gemini", [{"role": "user", "content": [part]}]), HERE)
    assert [a.change for a in written.adjustments] == ["dropped"]
    thought = {"role": "assistant", "content": "x", "thinking_blocks": 7}
    assert WIRES["mistral_chat"].build(call_of("mistral_chat", [*HELLO, thought]), HERE).body
    form = {"type": "json_schema", "json_schema": "x"}
    with pytest.raises(errors.InvalidRequestError):
        WIRES["anthropic_messages"].build(
            call_of("anthropic_messages", HELLO, response_format=form), HERE
        )


def test_log_probabilities_that_were_no_list_at_first() -> None:
    """A list is a new beginning, and what comes after it that is none replaces it."""
    chunks = [
        {"choices": [{"index": 0, "text": "a", "logprobs": {"tokens": said_before}}]}
        for said_before in (True, ["a"], ["b"])
    ]
    end = {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
    decoder = OPEN.decoder(TextCall(*WHO, "hi", stream=True))
    whole = read(decoder, sse(*chunks, end) + b"data: [DONE]\n\n")
    assert whole.choices[0].logprobs["tokens"] == ["a", "b"]
