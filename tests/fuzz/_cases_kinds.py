"""Inputs that grow, for the chats that came later, for all other calls, and for the fronts: see ``_cases``."""

from __future__ import annotations

import base64
import contextlib
import json
from itertools import repeat
from typing import TYPE_CHECKING, Any

from llmkit._eventstream import BadFrame, Frames, encoded
from llmkit._http import HTTPResponse
from llmkit._ndjson import LineDecoder
from llmkit.errors import LLMKitError

from ._cases import LONG, stream
from ._fronts import FRONTS, reads
from ._kinds import KINDS
from ._targets import WIRES, call_of, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Case = Callable[[int], Callable[[], Any]]

__all__ = ["CASES"]

Fields = dict[str, Any]


def _sse(events: Iterable[Fields]) -> list[bytes]:
    return [f"data: {json.dumps(event)}\n\n".encode() for event in events]


def _lines(events: Iterable[Fields]) -> list[bytes]:
    return [json.dumps(event).encode() + b"\n" for event in events]


def _read(kind: str, given: Iterable[bytes]) -> Callable[[], Any]:
    """A stream of a call beside chat, read to its end, and what it comes to."""
    made = list(given)

    def read() -> Any:
        subject = KINDS[kind]
        decoder = subject.wire.decoder(subject.call)
        with contextlib.suppress(LLMKitError):
            for piece in made:
                for _ in decoder.feed(piece):
                    continue
            for _ in decoder.finish():
                continue
        return decoder.result()

    return read


def _parsed(kind: str, body: Any) -> Callable[[], Any]:
    data = HTTPResponse(200, {}, (body if isinstance(body, str) else json.dumps(body)).encode())

    def read() -> Any:
        subject = KINDS[kind]
        with contextlib.suppress(LLMKitError):
            return subject.wire.parse(subject.call, data)

    return read


# --- frames and lines ---------------------------------------------------------------------------


def _framed(given: Iterable[bytes]) -> Callable[[], Any]:
    made = list(given)

    def read() -> Any:
        frames = Frames()
        # More than so many bytes of headers cannot be.
        with contextlib.suppress(BadFrame):
            return [frame for piece in made for frame in frames.feed(piece)]

    return read


def _lined(given: Iterable[bytes]) -> Callable[[], Any]:
    made = list(given)
    return lambda: [
        line for lines in [LineDecoder()] for piece in made for line in lines.feed(piece)
    ]


FRAMES: dict[str, Case] = {
    "frame by bytes": lambda n: _framed(pieces(encoded({"a": "b"}, b"x" * 20 * n), 1)),
    "frame by kibibytes": lambda n: _framed(pieces(encoded({"a": "b"}, b"x" * 1000 * n), 1024)),
    "tiny frames": lambda n: _framed([encoded({}, b"x") * n]),
    "tiny frames one by one": lambda n: _framed([encoded({}, b"x")] * n),
    "headers": lambda n: _framed([encoded({f"h{i}": "x" for i in range(n)}, b"")]),
    "line by bytes": lambda n: _lined(pieces(b"x" * 20 * n, 1)),
    "line by kibibytes": lambda n: _lined(pieces(b"x" * 1000 * n, 1024)),
    "tiny lines": lambda n: _lined([b"1\n" * n]),
    "empty lines": lambda n: _lined([b"\r\n"] * n),
}

# --- Converse -----------------------------------------------------------------------------------


def _frame(name: str, data: Any) -> bytes:
    return encoded({":event-type": name, ":message-type": "event"}, json.dumps(data).encode())


def _converse(events: Iterable[tuple[str, Fields]]) -> Callable[[], Any]:
    ends = [("messageStop", {"stopReason": "end_turn"}), ("metadata", {"usage": {}})]
    return stream("bedrock_converse", (_frame(name, data) for name, data in [*events, *ends]))


def _deltas(deltas: Iterable[Fields], **start: Any) -> Callable[[], Any]:
    begun = [("contentBlockStart", {"contentBlockIndex": 0, "start": start})] if start else []
    return _converse(
        [*begun, *(("contentBlockDelta", {"contentBlockIndex": 0, "delta": d}) for d in deltas)]
    )


def _blocks(n: int, delta: Fields) -> Callable[[], Any]:
    return _converse(
        ("contentBlockDelta", {"contentBlockIndex": i, "delta": delta}) for i in range(n)
    )


def _invoked(events: Iterable[Fields]) -> Callable[[], Any]:
    inside = (base64.b64encode(json.dumps(event).encode()).decode() for event in events)
    return stream("invoked_anthropic", (_frame("chunk", {"bytes": text}) for text in inside))


_TEXT = {"type": "text_delta", "text": LONG}
BEDROCK: dict[str, Case] = {
    "text": lambda n: _deltas(repeat({"text": LONG}, n)),
    "reasoning": lambda n: _deltas(repeat({"reasoningContent": {"text": LONG}}, n)),
    "redacted": lambda n: _deltas(repeat({"reasoningContent": {"redactedContent": "eHl6"}}, n)),
    "arguments": lambda n: _deltas(repeat({"toolUse": {"input": LONG}}, n), toolUse={"name": "f"}),
    "citations": lambda n: _deltas(repeat({"citation": {"location": {"web": {"url": "u"}}}}, n)),
    "results": lambda n: _deltas(repeat({"toolResult": [{"text": "a"}]}, n)),
    "image": lambda n: _deltas(repeat({"image": {"source": {"bytes": "AAAA"}}}, n)),
    "blocks": lambda n: _blocks(n, {"text": "a"}),
    "calls": lambda n: _blocks(n, {"toolUse": {"input": "{}"}}),
    "thoughts": lambda n: _blocks(n, {"reasoningContent": {"text": "a"}}),
    "usages": lambda n: _converse(("metadata", {"usage": {f"a{i}": 1}}) for i in range(n)),
    "invoked": lambda n: _invoked(
        repeat({"type": "content_block_delta", "index": 0, "delta": _TEXT}, n)
    ),
    "invoked, added": lambda n: _invoked({f"amazon-bedrock-{i}": 1} for i in range(n)),
    "text of titan": lambda n: _read(
        "text bedrock amazon.titan-text-lite-v1",
        [
            _frame("chunk", {"bytes": base64.b64encode(b'{"outputText": "Hello"}').decode()})
            for _ in range(n)
        ],
    ),
}

# --- Ollama, Cohere -----------------------------------------------------------------------------


def _ollama(said: Iterable[Fields], **beside: Any) -> Callable[[], Any]:
    told = [{"message": message, "done": False, **beside} for message in said]
    return stream("ollama_chat", _lines([*told, {"message": {}, "done": True}]))


def _cohere(kind: str, message: Fields, n: int, **beside: Any) -> Callable[[], Any]:
    event = {"type": kind, "index": 0, "delta": {"message": message}, **beside}
    return stream("cohere_chat", _sse([*repeat(event, n), {"type": "message-end", "delta": {}}]))


def _first(events: Iterable[Fields]) -> Callable[[], Any]:
    end = {"event_type": "stream-end", "response": {"text": "a"}}
    return stream("cohere_chat_v1", _lines([*events, end]))


_USE = {"function": {"name": "f", "arguments": {}}}
LINED: dict[str, Case] = {
    "ollama text": lambda n: _ollama(repeat({"content": LONG}, n)),
    "ollama thinking": lambda n: _ollama(repeat({"thinking": LONG}, n)),
    "ollama calls": lambda n: _ollama(repeat({"tool_calls": [_USE]}, n)),
    "ollama calls of one line": lambda n: _ollama([{"tool_calls": [_USE] * n}]),
    "ollama images": lambda n: _ollama(repeat({"images": ["iVBO"]}, n)),
    "ollama fields": lambda n: _ollama({f"field_{i}": i} for i in range(n)),
    "ollama logprobs": lambda n: _ollama(
        repeat({"content": "a"}, n), logprobs=[{"token": "a", "logprob": -1}]
    ),
    "cohere text": lambda n: _cohere("content-delta", {"content": {"text": LONG}}, n),
    "cohere thinking": lambda n: _cohere("content-delta", {"content": {"thinking": LONG}}, n),
    "cohere plan": lambda n: _cohere("tool-plan-delta", {"tool_plan": LONG}, n),
    "cohere arguments": lambda n: _cohere(
        "tool-call-delta", {"tool_calls": {"function": {"arguments": LONG}}}, n
    ),
    "cohere citations": lambda n: _cohere(
        "citation-start", {"citations": {"start": 0, "end": 1, "sources": [{}]}}, n
    ),
    "cohere blocks": lambda n: stream(
        "cohere_chat",
        _sse(
            {"type": "content-delta", "index": i, "delta": {"message": {"content": {"text": "a"}}}}
            for i in range(n)
        ),
    ),
    "cohere, first: text": lambda n: _first(
        repeat({"event_type": "text-generation", "text": LONG}, n)
    ),
    "cohere, first: calls": lambda n: _first(
        {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": i, "name": "f"}}
        for i in range(n)
    ),
    "cohere, first: citations": lambda n: _first(
        repeat({"event_type": "citation-generation", "citations": [{"start": 0, "end": 1}]}, n)
    ),
    "replicate": lambda n: stream(
        "replicate", [*[b"event: output\ndata: Hello there\n\n"] * n, b"event: done\ndata: {}\n\n"]
    ),
    "watsonx": lambda n: stream(
        "watsonx", _sse(repeat({"choices": [{"index": 0, "delta": {"content": LONG}}]}, n))
    ),
}

# --- Responses and Messages ---------------------------------------------------------------------


def _response(events: Iterable[Fields]) -> list[bytes]:
    return _sse([*events, {"type": "response.completed", "response": {"id": "r", "output": []}}])


def _delta(kind: str, **told: Any) -> Fields:
    return {"type": f"response.{kind}.delta", "output_index": 0, "delta": LONG, **told}


def _item(place: int, **item: Any) -> Fields:
    return {"type": "response.output_item.done", "output_index": place, "item": item}


_EVENTS: dict[str, Callable[[int], Iterable[Fields]]] = {
    "text": lambda n: repeat(_delta("output_text"), n),
    "refusal": lambda n: repeat(_delta("refusal"), n),
    "reasoning": lambda n: repeat(_delta("reasoning_text"), n),
    "summaries": lambda n: (
        _delta("reasoning_summary_text", summary_index=i, delta="a") for i in range(n)
    ),
    "parts": lambda n: (_delta("output_text", content_index=i, delta="a") for i in range(n)),
    "places": lambda n: (_delta("output_text", output_index=i, delta="a") for i in range(n)),
    "ids": lambda n: (
        {"type": "response.output_text.delta", "item_id": f"m{i}", "delta": "a"} for i in range(n)
    ),
    "calls": lambda n: (_item(i, type="function_call", name="f", arguments="{}") for i in range(n)),
    "arguments": lambda n: [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"type": "function_call"},
        },
        *repeat(_delta("function_call_arguments"), n),
    ],
    "messages": lambda n: (
        _item(
            i, type="message", content=[{"type": "output_text", "text": "a", "annotations": [{}]}]
        )
        for i in range(n)
    ),
    "images": lambda n: (_item(i, type="image_generation_call", result="AA") for i in range(n)),
    "heads": lambda n: repeat({"type": "response.in_progress", "response": {"id": "r"}}, n),
    "unknown": lambda n: ({"type": f"response.new_{i}"} for i in range(n)),
}


def _messages(events: Iterable[Fields]) -> list[bytes]:
    begun = {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1}}}
    return _sse([begun, *events, {"type": "message_stop"}])


_CHUNKS: dict[str, Callable[[int], Iterable[Fields]]] = {
    "text": lambda n: repeat({"content": LONG}, n),
    "reasoning": lambda n: repeat({"reasoning_content": LONG}, n),
    "turns": lambda n: (
        {"reasoning_content": "a"} if i % 2 else {"content": "a"} for i in range(n)
    ),
    "arguments": lambda n: repeat(
        {"tool_calls": [{"index": 0, "function": {"arguments": LONG}}]}, n
    ),
    "calls": lambda n: (
        {"tool_calls": [{"index": i, "id": f"c{i}", "function": {"name": "f", "arguments": "{}"}}]}
        for i in range(n)
    ),
    "notes": lambda n: repeat({"content": "a", "annotations": [{"type": "url_citation"}]}, n),
    "blocks": lambda n: repeat({"thinking_blocks": [{"type": "thinking", "thinking": "a"}]}, n),
    "images": lambda n: repeat({"images": [{"image_url": {"url": "data:image/png;base64,AA"}}]}, n),
}


def _deltas_of(deltas: Iterable[Fields]) -> list[bytes]:
    said = ({"choices": [{"index": 0, "delta": delta}]} for delta in deltas)
    return _sse([*said, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}])


def _told(front: str, deltas: Iterable[Fields]) -> Callable[[], Any]:
    """A chat's chunks as a front's events: reading them is linear, as ``_cases`` shows."""
    given = _deltas_of(deltas)

    def read() -> Any:
        decoder = WIRES["openai_chat"].decoder(call_of("openai_chat"))
        events = FRONTS[front].events(None)
        for piece in given:
            for chunk in decoder.feed(piece):
                for event in events.add(chunk):
                    FRONTS[front].frame(event)
        for event in events.finish():
            FRONTS[front].frame(event)
        return events.result()

    return read


NATIVE: dict[str, Case] = {
    **{
        f"{kind}: {name}": lambda n, make=make, kind=kind: (
            stream("openai_responses", _response(make(n)))
            if kind == "chat"
            else _read(kind, _response(make(n)))
        )
        for kind in ("chat", "responses")
        for name, make in _EVENTS.items()
    },
    "messages: text": lambda n: _read(
        "messages",
        _messages(repeat({"type": "content_block_delta", "index": 0, "delta": _TEXT}, n)),
    ),
    "messages: blocks": lambda n: _read(
        "messages",
        _messages(
            {"type": "content_block_start", "index": i, "content_block": {"type": "text"}}
            for i in range(n)
        ),
    ),
    "messages: usages": lambda n: _read(
        "messages", _messages({"type": "message_delta", "usage": {f"a{i}": 1}} for i in range(n))
    ),
    "messages: beside": lambda n: _read(
        "messages", _messages({"type": "message_delta", f"a{i}": 1} for i in range(n))
    ),
    **{
        f"{front}, told: {name}": lambda n, make=make, front=front: _told(front, make(n))
        for front in FRONTS
        for name, make in _CHUNKS.items()
    },
}

# --- texts, pictures, sound ---------------------------------------------------------------------


def _texts(choices: Iterable[Fields]) -> list[bytes]:
    return [*_sse({"choices": [choice]} for choice in choices), b"data: [DONE]\n\n"]


_PICTURE = {
    "type": "image_generation.completed",
    "b64_json": "AA",
    "usage": {"a": 1, "b": {"c": 1}},
}
_HEARD = {"type": "transcript.text.delta", "delta": "a "}
_SEGMENT = {"type": "transcript.text.segment", "text": "a", "start": 0, "end": 1}
_SPOKEN = base64.b64encode(LONG.encode()).decode()
OTHERS: dict[str, Case] = {
    "text": lambda n: _read("text", _texts(repeat({"index": 0, "text": LONG}, n))),
    "choices": lambda n: _read("text", _texts({"index": i, "text": "a"} for i in range(n))),
    "logprobs": lambda n: _read(
        "text",
        _texts(repeat({"index": 0, "logprobs": {"tokens": ["a"], "token_logprobs": [1]}}, n)),
    ),
    "text of ollama": lambda n: _read("text ollama", _lines(repeat({"response": LONG}, n))),
    "text of watsonx": lambda n: _read(
        "text watsonx", _sse(repeat({"results": [{"generated_text": LONG}]}, n))
    ),
    "text of cohere": lambda n: _read(
        "text cohere", _lines(repeat({"event_type": "text-generation", "text": LONG}, n))
    ),
    "pictures": lambda n: _read("image", _sse(repeat(_PICTURE, n))),
    "usages of pictures": lambda n: _read(
        "image", _sse({**_PICTURE, "usage": {f"a{i}": 1}} for i in range(n))
    ),
    "heard": lambda n: _read("transcription", _sse(repeat(_HEARD, n))),
    "segments": lambda n: _read("transcription", _sse(repeat(_SEGMENT, n))),
    "heard as text": lambda n: _read(
        "transcription as text", pieces(b"some words of a text\n" * 10 * n, 16)
    ),
    "spoken": lambda n: _read("speech openai", pieces(b"RIFF" * 100 * n, 16)),
    "spoken in events": lambda n: _read("speech openai", _sse(repeat({"audio": _SPOKEN}, n))),
    "results of a batch": lambda n: _read(
        "results anthropic", pieces(b'{"custom_id": "1", "result": {}}\n' * n, 16)
    ),
    "line of a batch": lambda n: _read("results anthropic", pieces(b" " * 20 * n, 1)),
}

# --- answers ------------------------------------------------------------------------------------

_WORD = {"word": "a.", "text": "a.", "start": 0, "end": 1, "type": "word"}
_BATCHED = json.dumps({"custom_id": "1", "response": {"status_code": 200, "body": {"a": 1}}})
ANSWERS: dict[str, Case] = {
    "vectors": lambda n: _parsed(
        "embedding openai", {"data": [{"embedding": [0.5] * 90, "index": -i} for i in range(n)]}
    ),
    "vectors of wrong types": lambda n: _parsed(
        "embedding openai", {"data": [{"embedding": [0.5], "index": "x"}] * n}
    ),
    "ranks": lambda n: _parsed("rerank", {"results": [{"index": 0, "relevance_score": 1}] * n}),
    "judgements": lambda n: _parsed("moderation", {"results": [{"categories": {"a": True}}] * n}),
    "models": lambda n: _parsed("models openai", {"data": [{"id": "m"}] * n}),
    "results": lambda n: _parsed("results openai", "\n".join([_BATCHED] * n)),
    "words": lambda n: _parsed(
        "transcription elevenlabs, subtitles", {"text": "", "words": [_WORD] * n}
    ),
    "words without end": lambda n: _parsed(
        "transcription elevenlabs, subtitles",
        {"text": "", "words": [{**_WORD, "text": "a"}] * n},
    ),
    "utterances": lambda n: _parsed(
        "transcription deepgram, subtitles",
        {"results": {"utterances": [{"transcript": "a b", "start": 0, "end": 1}] * n}},
    ),
    "output": lambda n: _parsed(
        "responses", {"output": [{"type": "message", "content": [{"type": "output_text"}]}] * n}
    ),
}

# --- requests -----------------------------------------------------------------------------------


def _asked(front: str, body: Fields) -> Callable[[], Any]:
    data = json.dumps({"model": "m", **body}).encode()
    return lambda: reads(front, data)


def _turns(n: int, user: Fields, model: Fields) -> list[Fields]:
    return [turn for _ in range(n) for turn in (user, model)]


_USED = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
_GOT = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}
REQUESTS: dict[str, Case] = {
    "chat": lambda n: _asked(
        "chat",
        {
            "messages": _turns(
                n, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
            )
        },
    ),
    "messages": lambda n: _asked(
        "messages",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * n}]},
    ),
    "responses": lambda n: _asked(
        "responses",
        {"input": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}] * n},
    ),
    "responses, calls": lambda n: _asked(
        "responses",
        {
            "input": [
                *(
                    {"type": "function_call", "call_id": f"c{i}", "name": "f", "arguments": "{}"}
                    for i in range(n)
                ),
                *(
                    {"type": "function_call_output", "call_id": f"c{i}", "output": "x"}
                    for i in range(n)
                ),
            ]
        },
    ),
    "generate_content": lambda n: _asked(
        "generate_content", {"contents": [{"parts": [{"text": "a"}]}] * n}
    ),
    "generate_content, calls": lambda n: _asked(
        "generate_content", {"contents": ["a", *_turns(n, _USED, _GOT)]}
    ),
}

CASES: dict[str, Case] = {
    f"{group}: {name}": case
    for group, cases in {
        "frames": FRAMES,
        "bedrock": BEDROCK,
        "lined": LINED,
        "native": NATIVE,
        "other": OTHERS,
        "other answer": ANSWERS,
        "request": REQUESTS,
    }.items()
    for name, case in cases.items()
}
