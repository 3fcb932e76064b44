"""Streams made from the providers' documents: every event is kept whole, and they come to what was said at once."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from llmkit import errors

from .._openapi import document
from ._asked import ANTHROPIC, OPENAI, STREAMED, answered, driven, dumped, sse
from ._samples import Samples, lost

ENDS = {"completed", "incomplete", "cancelled"}
_FRAMES = ("response.created", "response.queued", "response.in_progress", "response.completed")
_FRAMES += ("response.incomplete", "response.failed", "response.output_item.added")
_FRAMES += ("response.output_item.done", "error")
Json = dict[str, Any]


def samples(spec: str, seed: str) -> Samples:
    """A maker of values of one document."""
    return Samples(document(spec), seed)


def kept_whole(events: list[Json], chunks: list[Any]) -> None:
    """Fail unless the chunks are the events."""
    assert [lost(event, dumped(chunk)) for event, chunk in zip(events, chunks, strict=True)] == [
        [] for _ in events
    ]


def at_once(name: str, whole: Json) -> Any:
    """What the answer is when it comes in one piece."""
    wire, call = STREAMED[name]
    return wire.parse(call, answered(whole))


def between(made: Samples, place: int) -> list[Json]:
    """Events of every kind about one item, but those that begin and end it."""
    some = (made.make({"$ref": "#/ResponseStreamEvent"}) for _ in range(8))
    return [{**event, "output_index": place} for event in some if event["type"] not in _FRAMES]


def response_events(made: Samples, whole: Json) -> list[Json]:
    """The events of an answer, without its last."""
    head = {**whole, "status": "in_progress", "output": []}
    events: list[Json] = [{"type": "response.created", "sequence_number": 0, "response": head}]
    for place, item in enumerate(whole["output"]):
        begun = {k: v for k, v in item.items() if k in ("type", "id", "status")}
        told = {"output_index": place, "sequence_number": 1}
        events.append({"type": "response.output_item.added", "item": begun, **told})
        events += between(made, place)
        events.append({"type": "response.output_item.done", "item": item, **told})
    return events


@pytest.mark.parametrize("bare", [False, True], ids=["told again", "with nothing at the end"])
def test_responses(*, bare: bool) -> None:
    """Every kind of event and item; the last event has the items, or leaves them to those before it."""
    made = samples(OPENAI, "responses")
    seen: set[str] = set()
    for whole in made.of("Response", 120):
        whole["status"] = whole.get("status") if whole.get("status") in ENDS else "completed"
        whole["error"] = None
        last = {**whole, "output": []} if bare else whole
        end = {"type": f"response.{whole['status']}", "sequence_number": 9, "response": last}
        events = [*response_events(made, whole), end]
        seen |= {event["type"] for event in events}
        chunks, answer = driven("responses", sse(events))
        kept_whole(events, chunks)
        wanted = at_once("responses", whole)
        assert dumped(answer) == dumped(wanted)
        assert (answer.counted(), answer.output_text) == (wanted.counted(), wanted.output_text)
    kinds = document(OPENAI)["components"]["schemas"]["ResponseStreamEvent"]["anyOf"]
    assert len(seen) >= len(kinds) - 4, "errors, failures and waiting have streams of their own"


def test_responses_that_fail() -> None:
    """An ``error`` event and ``response.failed`` are raised as what they are, whatever else they say."""
    made = samples(OPENAI, "failures")
    for schema in ("ResponseErrorEvent", "ResponseFailedEvent"):
        for event in made.of(schema, 40):
            with pytest.raises(errors.APIError):
                driven("responses", sse([event]))


@pytest.mark.parametrize(
    ("name", "schema"), [("images", "ImageGenStreamEvent"), ("edits", "ImageEditStreamEvent")]
)
def test_images(name: str, schema: str) -> None:
    """Unfinished pictures are events only; finished ones are the answer's, with what all of them used."""
    made = samples(OPENAI, name)
    for _ in range(40):
        events = list(made.of(schema, 5))
        done = [event for event in events if event["type"].endswith(".completed")]
        chunks, answer = driven(name, sse(events))
        kept_whole(events, chunks)
        assert [image.b64_json for image in answer.data] == [event["b64_json"] for event in done]
        last = {k: v for k, v in done[-1].items() if k in ("size", "quality", "field_of_tomorrow")}
        assert lost(last, dumped(answer)) == []
        counts = answer.counted()
        assert counts.total_tokens == sum(event["usage"]["total_tokens"] for event in done)
        told = [event["usage"]["input_tokens_details"]["image_tokens"] for event in done]
        assert counts.prompt_tokens_details.image_tokens == sum(told)


def test_transcription() -> None:
    """Segments of a stream are those of a whole answer; the last event has text, usage and the rest."""
    made = samples(OPENAI, "transcription")
    for whole in made.of("CreateTranscriptionResponseDiarizedJson", 60):
        events = [*made.of("TranscriptTextDeltaEvent", 2), *whole["segments"]]
        (last,) = made.of("TranscriptTextDoneEvent", 1)
        chunks, answer = driven("transcription", sse([*events, last]))
        kept_whole([*events, last], chunks)
        wanted = {k: v for k, v in last.items() if k != "type"} | {"segments": whole["segments"]}
        assert (
            lost(wanted if whole["segments"] else {**wanted, "segments": None}, dumped(answer))
            == []
        )
        usage, counts = last.get("usage"), answer.counted()
        assert (counts and counts.prompt_tokens) == (usage and usage["input_tokens"])
        if usage and usage.get("input_token_details"):
            audio = usage["input_token_details"].get("audio_tokens")
            assert (counts.prompt_tokens_details or counts).get("audio_tokens") == audio


def test_speech() -> None:
    """Audio is put together; the last event counts; kinds that nobody knows yet are passed over."""
    made = samples(OPENAI, "speech")
    for _ in range(40):
        pieces = list(made.of("SpeechAudioDeltaEvent", 3))
        for place, event in enumerate(pieces):
            event["audio"] = base64.b64encode(bytes([place] * 9)).decode()
        (last,) = made.of("SpeechAudioDoneEvent", 1)
        events = [pieces[0], {"type": "speech.audio.of_tomorrow"}, *pieces[1:], last]
        _, answer = driven("speech", sse(events))
        assert answer.content == b"\0" * 9 + b"\1" * 9 + b"\2" * 9
        assert lost(last["usage"], dumped(answer)["usage"]) == []
        counts = answer.counted()
        assert counts.completion_tokens == last["usage"]["output_tokens"]
        assert counts.completion_tokens_details.audio_tokens == last["usage"]["output_tokens"]


def test_speech_without_audio() -> None:
    """A piece of audio that has none is an error, not silence."""
    with pytest.raises(errors.APIResponseValidationError, match="no audio"):
        driven("speech", sse([{"type": "speech.audio.delta"}]))


def cut(value: Any) -> tuple[Any, Any]:
    """Texts and lists in two; anything else comes twice."""
    if not isinstance(value, str | list):
        return value, value
    return value[: len(value) // 2], value[len(value) // 2 :]


def halves(choice: Json) -> list[Json]:
    """A choice in two pieces: texts and lists cut in the middle, the reason at the end."""
    texts, told = cut(choice["text"]), choice.get("logprobs")
    made = [{**choice, "text": text} for text in texts]
    if isinstance(told, dict):
        for i, piece in enumerate(made):
            piece["logprobs"] = {name: cut(value)[i] for name, value in told.items()}
    made[0]["finish_reason"] = None
    return made


def test_text() -> None:
    """Pieces of several answers, with log-probabilities and a chunk of usage, are what the whole says."""
    made = samples(OPENAI, "text")
    for whole in made.of("CreateCompletionResponse", 60):
        for place, choice in enumerate(whole["choices"]):
            choice["index"] = place
        base = {k: v for k, v in whole.items() if k != "usage"}
        chunks = [
            {**base, "choices": [piece]} for choice in whole["choices"] for piece in halves(choice)
        ]
        raw = sse([*chunks, {**base, "choices": [], "usage": whole.get("usage")}])
        _, answer = driven("text", raw + b"data: [DONE]\n\n")
        wanted = at_once("text", whole)
        assert lost(wanted.model_dump(mode="json"), answer.model_dump(mode="json")) == []
        assert answer.counted() == wanted.counted()


GROWING = {
    "text": [("text_delta", "text")],
    "thinking": [("thinking_delta", "thinking")],
}
CALLING = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


def block_events(place: int, block: Json) -> list[Json]:
    """A block as it comes: what can grow does."""
    begun, deltas = dict(block), []
    for kind, name in GROWING.get(block["type"], ()):
        begun[name], cut = "", len(block[name]) // 2
        deltas += [{"type": kind, name: piece} for piece in (block[name][:cut], block[name][cut:])]
    if block["type"] == "thinking":
        begun["signature"] = ""
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    if block["type"] == "text" and isinstance(block.get("citations"), list):
        begun["citations"] = []
        deltas += [{"type": "citations_delta", "citation": one} for one in block["citations"]]
    if block["type"] in CALLING:
        begun["input"], text = {}, json.dumps(block["input"])
        pieces = ("", text[:3], text[3:])
        deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    told = {"index": place}
    return [
        {"type": "content_block_start", "content_block": begun, **told},
        *({"type": "content_block_delta", "delta": delta, **told} for delta in deltas),
        {"type": "content_block_stop", **told},
    ]


@pytest.mark.parametrize("schema", ["Message", "BetaMessage"])
def test_messages(schema: str) -> None:
    """Every kind of block, grown by deltas; the last counts hold, and what the delta says of the whole."""
    made = samples(ANTHROPIC, schema)
    for whole in made.of(schema, 150):
        whole["content"] = [b for b in whole["content"] if b["type"] != "fallback"]
        late = {
            k: whole.pop(k) for k in ("container", "stop_reason", "stop_sequence") if k in whole
        }
        first = {**whole["usage"], "output_tokens": 1}
        head = {**whole, "content": [], "stop_reason": None, "usage": first}
        events: list[Json] = [{"type": "message_start", "message": head}, {"type": "ping"}]
        for place, block in enumerate(whole["content"]):
            events += block_events(place, block)
        events.append({"type": "message_delta", "delta": late, "usage": whole["usage"]})
        events.append({"type": "message_stop"})
        chunks, answer = driven("messages", sse(events))
        kept_whole(events, chunks)
        wanted = at_once("messages", whole | late)
        assert lost(whole | late, dumped(answer)) == []
        assert answer.counted() == wanted.counted()
