"""Streams of texts, pictures and results: cut anywhere, ended early, broken, or no streams at all."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import llmkit
from llmkit._calls import ImageCall, ResourceCall, TextCall
from llmkit.wires.anthropic_resources.batches import AnthropicBatches, ResultsDecoder
from llmkit.wires.openai_images import ImageDecoder
from llmkit.wires.openai_text import TextDecoder

TEXT = TextCall("call_1", "acme", "m", "x", stream=True)
IMAGE = ImageCall("call_1", "acme", "m", "x", stream=True)
RESULTS = ResourceCall("call_1", "acme", "", resource="batches", action="content", target="b")


def frames(*events: Any, end: bool = True) -> bytes:
    """Events as a host sends them."""
    said = [f"data: {json.dumps(event)}\n\n" for event in events]
    return "".join([*said, "data: [DONE]\n\n"] if end else said).encode()


def piece(text: str, index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a text."""
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
    return {"id": "cmpl-1", "model": "m-1", "created": 5, "choices": [choice | more]}


WORDS = frames(
    piece("Wör"),
    piece("One", 1, logprobs={"tokens": ["One"], "token_logprobs": [-0.5], "text_offset": [0]}),
    piece("ter"),
    piece(" two", 1, logprobs={"tokens": [" two"], "token_logprobs": [None], "text_offset": [3]}),
    piece("", finish="stop"),
    piece("", 1, finish="length"),
    {"id": "cmpl-1", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 4}},
)
PICTURES = frames(
    {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "aGk="},
    {
        "type": "image_generation.completed",
        "b64_json": "aGk=",
        "created_at": 5,
        "size": "1x1",
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    },
    {
        "type": "image_generation.completed",
        "b64_json": "aG8=",
        "created_at": 6,
        "size": "1x1",
        "usage": {
            "input_tokens": 1, "output_tokens": 2, "total_tokens": 3,
            "input_tokens_details": {"text_tokens": 1, "image_tokens": 0},
        },
    },
    end=False,
)  # fmt: skip
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Wörter"}], "usage": {"input_tokens": 1, "output_tokens": 2},
}  # fmt: skip
LINES = b"".join(
    json.dumps(line, ensure_ascii=False).encode() + b"\n"
    for line in (
        {"custom_id": "1", "result": {"type": "succeeded", "message": MESSAGE}},
        {"custom_id": "2", "result": {"type": "errored", "error": {"type": "error", "error": {
            "type": "invalid_request_error", "message": "No."}}}},
        {"custom_id": "3", "result": {"type": "expired"}},
        {"custom_id": "4"},
    )
)  # fmt: skip


def decoder(kind: str) -> Any:
    """A fresh one."""
    if kind == "text":
        return TextDecoder(TEXT)
    if kind == "image":
        return ImageDecoder(IMAGE)
    return ResultsDecoder(AnthropicBatches(), RESULTS)


def read(kind: str, *pieces: bytes) -> tuple[list[Any], Any]:
    """All events, and the whole."""
    reading = decoder(kind)
    events = [event for data in pieces for event in reading.feed(data)]
    events += reading.finish()
    assert reading.done
    return [event.model_dump() for event in events], reading.result().model_dump()


@pytest.mark.parametrize(
    ("kind", "body"), [("text", WORDS), ("image", PICTURES), ("results", LINES)]
)
def test_cut_anywhere(kind: str, body: bytes) -> None:
    """However the bytes are cut, the events and the whole are the same."""
    whole = read(kind, body)
    for at in range(1, len(body)):
        assert read(kind, body[:at], body[at:]) == whole
    assert read(kind, *(body[i : i + 1] for i in range(len(body)))) == whole


def test_a_text_adds_up() -> None:
    """Choices are told apart, log-probabilities put together, and the usage is the last one's."""
    events, whole = read("text", WORDS)
    assert [choice["text"] for choice in whole["choices"]] == ["Wörter", "One two"]
    assert [choice["finish_reason"] for choice in whole["choices"]] == ["stop", "length"]
    assert whole["choices"][1]["logprobs"]["tokens"] == ["One", " two"]
    assert whole["choices"][1]["logprobs"]["token_logprobs"] == [-0.5, None]
    assert whole["usage"]["total_tokens"] == 5
    assert (whole["id"], whole["model"], whole["created"]) == ("cmpl-1", "m-1", 5)
    assert {event["model"] for event in events} == {"m-1"}


def test_pictures_add_up() -> None:
    """Only finished pictures are the answer, and what each used is added up."""
    events, whole = read("image", PICTURES)
    assert [event["type"].rpartition(".")[2] for event in events] == [
        "partial_image", "completed", "completed",
    ]  # fmt: skip
    assert [image["b64_json"] for image in whole["data"]] == ["aGk=", "aG8="]
    assert whole["usage"]["total_tokens"] == 6
    assert whole["usage"]["input_tokens_details"] == {"text_tokens": 1, "image_tokens": 0}
    assert (whole["created"], whole["size"]) == (6, "1x1")


def test_results_are_read() -> None:
    """A result is a chat, an error, or what became of it instead."""
    events, whole = read("results", LINES)
    assert [event["status"] for event in events] == ["succeeded", "errored", "expired", "errored"]
    assert events[0]["response"]["choices"][0]["message"]["content"] == "Wörter"
    assert events[1]["error"]["message"] == "No."
    assert whole["data"] == events


@pytest.mark.parametrize("kind", ["text", "image"])
def test_an_early_end(kind: str) -> None:
    """A stream that ends before its answer is broken; one with nothing in it is no stream."""
    begun = {"text": frames(piece("Wör"), end=False), "image": PICTURES.split(b"\n\n")[0] + b"\n\n"}
    for body in (begun[kind], b"", b": ping\n\n"):
        reading = decoder(kind)
        list(reading.feed(body))
        with pytest.raises(llmkit.StreamInterruptedError):
            list(reading.finish())
    reading = decoder(kind)
    list(reading.feed(b"what is this\n\n"))
    with pytest.raises(llmkit.APIResponseValidationError):
        list(reading.finish())


@pytest.mark.parametrize("kind", ["text", "image"])
def test_an_error_in_the_middle(kind: str) -> None:
    """An error event is raised as what it says, whatever it is wrapped in."""
    error = {"message": "slow", "type": "server_error", "code": "rate_limit_exceeded"}
    for body in (
        frames({"error": error}),
        b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n",
    ):
        with pytest.raises(llmkit.RateLimitError, match="slow"):
            list(decoder(kind).feed(body))


@pytest.mark.parametrize("kind", ["text", "image"])
def test_what_is_no_event(kind: str) -> None:
    """An event that is not JSON is told; one that is nothing known is passed over, and so is what follows the end."""
    with pytest.raises(llmkit.APIResponseValidationError, match="not JSON"):
        list(decoder(kind).feed(b"data: {half\n\n"))
    reading = decoder(kind)
    assert list(reading.feed(frames({"weather": "fine"}, [1]) + frames(piece("late")))) == []


@pytest.mark.parametrize("kind", ["text", "image"])
def test_an_endless_event(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event without an end is given up."""
    reading = decoder(kind)
    monkeypatch.setattr(reading._sse, "_limit", 100)
    with pytest.raises(llmkit.APIResponseValidationError, match="more than 100 bytes"):
        list(reading.feed(b"data: " + b"x" * 200))


def test_a_host_that_does_not_stream() -> None:
    """One JSON object in place of a stream is a stream of one."""
    whole = {"id": "1", "model": "m", "choices": [{"text": "Hi", "finish_reason": "eos"}]}
    events, folded = read("text", json.dumps(whole).encode())
    assert [event["choices"][0]["text"] for event in events] == ["Hi"]
    assert folded["choices"][0]["finish_reason"] == "stop"
    events, folded = read(
        "image", json.dumps({"created": 5, "data": [{"b64_json": "aGk="}]}).encode()
    )
    assert [event["type"] for event in events] == ["image_generation.completed"]
    assert folded["data"][0]["b64_json"] == "aGk="


def test_bare_values() -> None:
    """A host that sends texts and nothing else ends its answer by hanging up."""
    events, folded = read("text", frames({"value": "Hi"}, {"value": " you"}, end=False))
    assert len(events) == 2
    assert folded["choices"][0]["text"] == "Hi you"
    assert folded["model"] == "m"


def test_results_that_are_none() -> None:
    """A line that is no JSON object is told."""
    for line in (b"{half\n", b"3\n"):
        with pytest.raises(llmkit.APIResponseValidationError):
            list(decoder("results").feed(line))


@pytest.mark.parametrize("kind", ["text", "results"])
def test_work_grows_as_the_bytes_do(kind: str) -> None:
    """Four times the bytes, in small pieces, take about four times as long, not sixteen."""
    unit = frames(*[piece("x" * 50)] * 50, end=False) if kind == "text" else LINES * 10

    def seconds(times: int) -> float:
        body = unit * times
        reading = decoder(kind)
        began = time.process_time()
        for at in range(0, len(body), 64):
            for _ in reading.feed(body[at : at + 64]):
                pass
        reading.result()
        return time.process_time() - began

    seconds(2)
    few, many = min(seconds(5) for _ in range(3)), min(seconds(20) for _ in range(3))
    assert many < 10 * few
