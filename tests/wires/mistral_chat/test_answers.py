"""What Mistral answers, whole and streamed: thinking, references, padding, usage, cut anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit._call import ChatCall
from llmkit._fold import fold
from llmkit._http import HTTPResponse
from llmkit.errors import APIError
from llmkit.types.chat import ChatCompletion
from llmkit.wires.mistral_chat import MistralChat

WIRE = MistralChat()
CALL = ChatCall(id="call_1", provider="mistral", model="magistral", messages=[], stream=True)
THINKING = {
    "type": "thinking",
    "thinking": [{"type": "text", "text": "Two and two"}],
    "closed": True,
}
CITED = {"type": "reference", "reference_ids": [1, 2]}
PARTS = [THINKING, {"type": "text", "text": "4"}, CITED, {"type": "text", "text": "!"}]
USAGE = {
    "prompt_tokens": 28,
    "total_tokens": 63,
    "completion_tokens": 35,
    "prompt_token_details": {"cached_tokens": 16},
    "num_cached_tokens": 16,
    "service_tier": "standard",
}


def parsed(content: Any, **usage: Any) -> ChatCompletion:
    """A whole answer of this content."""
    message = {"role": "assistant", "tool_calls": None, "content": content}
    data = {
        "id": "00117e68",
        "created": 1784541117,
        "model": "magistral",
        "usage": {**USAGE, **usage},
        "object": "chat.completion",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }
    return WIRE.parse(CALL, HTTPResponse(200, body=json.dumps(data).encode()))


def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """One event of a stream, padded as Mistral pads it."""
    head = {"id": "00117e68", "object": "chat.completion.chunk", "created": 1784541117}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = {**head, "model": "magistral", "choices": [choice], **more, "p": "abcdefgh"}
    return f"data: {json.dumps(data)}\n\n".encode()


def think(text: str, **more: Any) -> dict[str, Any]:
    """A delta of thinking."""
    return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}], **more}]}


STREAM = b"".join(
    [
        event({"role": "assistant", "content": ""}),
        event(think("Two ")),
        event(think("and two", closed=True)),
        event({"content": "4"}),
        event({"content": [CITED]}),
        event({"content": "!"}, "stop", usage=USAGE),
        b"data: [DONE]\n\n",
    ]
)


def streamed(size: int) -> ChatCompletion:
    """The stream's answer, its bytes cut into pieces of this size."""
    decoder = WIRE.decoder(CALL)
    pieces = (STREAM[at : at + size] for at in range(0, len(STREAM), size))
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    return fold([*chunks, *decoder.finish()])


def test_an_answer_in_parts() -> None:
    """Text, thinking and the parts themselves are there, each in its place."""
    message = parsed(PARTS).choices[0].message
    assert message.content == "4!"
    assert message.reasoning_content == "Two and two"
    assert message.thinking_blocks == [{"type": "thinking", "thinking": "Two and two"}]
    assert message["content_parts"] == PARTS


@pytest.mark.parametrize("size", range(1, len(STREAM) + 1))
def test_a_stream_is_the_answer(size: int) -> None:
    """A stream, cut anywhere, folds to what the whole answer says; padding is not part of it."""
    made = streamed(size)
    assert made.choices[0].message.to_dict() == parsed(PARTS).choices[0].message.to_dict()
    assert made.usage == parsed(PARTS).usage
    assert "p" not in made


def test_padding_stays_on_its_chunk() -> None:
    """Who looks at a single chunk finds all that came."""
    (first, *_) = WIRE.decoder(CALL).feed(STREAM)
    assert first["p"] == "abcdefgh"


def test_usage() -> None:
    """Cached tokens are found under Mistral's spelling; nothing of the usage is lost."""
    usage = parsed("4", prompt_audio_seconds=3).usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 16
    assert usage.cache_read_input_tokens == 16
    assert (usage["service_tier"], usage["prompt_audio_seconds"]) == ("standard", 3)


@pytest.mark.parametrize(
    "parts",
    [
        [None, 3, [], "a"],
        [{"type": "thinking"}, {"type": "thinking", "thinking": 5}],
        [{"type": ["x"]}, {"type": "thinking", "thinking": [None, {"text": {}}, {"signature": 3}]}],
    ],
)
def test_odd_parts_are_kept(parts: list[Any]) -> None:
    """Parts of no known form never raise, whole or streamed, and are kept."""
    assert parsed(parts).choices[0].message["content_parts"] == parts
    decoder = WIRE.decoder(CALL)
    raw = event({"content": parts}, "stop") + b"data: [DONE]\n\n"
    made = fold([*decoder.feed(raw), *decoder.finish()])
    assert made.choices[0].message.content == parsed(parts).choices[0].message.content


def test_a_signature_is_part_of_a_block() -> None:
    """Thinking that is signed keeps its signature beside its text."""
    made = parsed([{**THINKING, "signature": "s1"}]).choices[0].message
    assert made.thinking_blocks == [
        {"type": "thinking", "thinking": "Two and two", "signature": "s1"}
    ]


@pytest.mark.parametrize("data", [b"<html>no</html>", b'{"id":', b"[]", b'{"data": []}', b"null"])
def test_answers_that_are_none(data: bytes) -> None:
    """Anything but an answer is a typed error."""
    with pytest.raises(APIError):
        WIRE.parse(CALL, HTTPResponse(200, body=data))
