"""What the fronts promise, as functions of a request's body; and the bodies, to be broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmkit._call import ChatCall
from llmkit._fold import fold
from llmkit._http import Endpoint, HTTPResponse
from llmkit._json import NotJSON, load
from llmkit.errors import InvalidRequestError, LLMKitError
from llmkit.fronts import chat, generate_content, messages, responses
from llmkit.fronts._riding import pack

from ._targets import WIRES, call_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from llmkit.errors import APIError
    from llmkit.fronts import Asked

__all__ = ["BODIES", "FRONTS", "TARGETS", "answers", "fails", "reads", "tells"]

FRONTS: dict[str, Any] = {
    "chat": chat,
    "messages": messages,
    "responses": responses,
    "generate_content": generate_content,
}
HERE = Endpoint("https://a.test/v1")

# --- bodies -------------------------------------------------------------------------------------

_SCHEMA = {"type": "object", "properties": {"a": {"type": "integer", "description": "x"}}}
_PICTURE = "data:image/png;base64,iVBORw=="
_CALLED = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
_BLOCK = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
_RODE = pack({"thinking_blocks": [_BLOCK], "calls": {"c1": {"thought_signature": "c2ln"}}})
_CHAT = {
    "model": "acme/m1",
    "stream": True,
    "stream_options": {"include_usage": True},
    "temperature": 0.5,
    "reasoning_effort": "low",
    "max_tokens": 9,
    "unknown": {"a": 1},
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}},
                {"type": "image_url", "image_url": {"url": _PICTURE, "detail": "low"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [_CALLED],
            "thinking_blocks": [_BLOCK],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ],
    "tools": [{"type": "function", "function": {"name": "add", "parameters": _SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "add"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": _SCHEMA}},
}
_MESSAGES = {
    "model": "acme/m1",
    "max_tokens": 2048,
    "stream": True,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["END"],
    "service_tier": "standard_only",
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": _SCHEMA}},
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "hi"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="},
                },
                {"type": "document", "source": {"type": "text", "data": "abc"}, "title": "A"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": _RODE},
                {"type": "redacted_thinking", "data": "eHl6"},
                {"type": "text", "text": "Well."},
                {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c1",
                    "content": [{"type": "text", "text": "2"}],
                    "is_error": True,
                }
            ],
        },
    ],
    "tools": [
        {"name": "add", "description": "d", "input_schema": _SCHEMA},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
    ],
    "tool_choice": {"type": "tool", "name": "add", "disable_parallel_tool_use": True},
}
_RESPONSES = {
    "model": "acme/m1",
    "stream": True,
    "instructions": "Be brief.",
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs", "x"],
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": _SCHEMA}},
    "metadata": {"a": "b"},
    "input": [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "hi"},
                {"type": "input_image", "image_url": _PICTURE, "detail": "low"},
                {
                    "type": "input_file",
                    "file_data": "data:application/pdf;base64,AAAA",
                    "filename": "a",
                },
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "encrypted_content": _RODE,
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Well.", "annotations": []}],
        },
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a": 1}'},
        {
            "type": "function_call_output",
            "call_id": "c1",
            "output": [{"type": "input_text", "text": "2"}],
        },
    ],
    "tools": [
        {"type": "function", "name": "add", "parameters": _SCHEMA, "strict": True},
        {"type": "web_search", "filters": {"allowed_domains": ["a.test"]}},
        {"type": "custom", "name": "run", "format": {"type": "text"}},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "add"}],
    },
}
_GENERATE = {
    "model": "models/m1",
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "hi"},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
                {"file_data": {"mime_type": "video/mp4", "file_uri": "https://a.test/v"}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "Hm", "thought": True, "thoughtSignature": _RODE},
                {"text": "Well."},
                {"functionCall": {"name": "add", "args": {"a": 1}, "id": "c1"}},
                {"executableCode": {"code": "1", "language": "PYTHON"}},
            ],
        },
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "add", "response": {"result": 2}, "id": "c1"}}],
        },
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "add",
                    "parameters": {
                        "type": "OBJECT",
                        "properties": {"a": {"type": "STRING", "nullable": True, "minLength": "1"}},
                        "propertyOrdering": ["a"],
                    },
                }
            ]
        },
        {"googleSearch": {}},
    ],
    "toolConfig": {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["add", "b"]},
        "retrievalConfig": {},
    },
    "generationConfig": {
        "temperature": 0.5,
        "topK": 3,
        "candidateCount": 1,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "ARRAY", "items": {"type": "STRING"}},
        "responseModalities": ["TEXT"],
        "thinkingConfig": {"thinkingBudget": 9, "includeThoughts": True},
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "v"}}},
    },
    "safetySettings": [{"category": "c", "threshold": "t"}],
    "labels": {"a": "b"},
}
BODIES: dict[str, str] = {
    "chat": json.dumps(_CHAT),
    "messages": json.dumps(_MESSAGES),
    "responses": json.dumps(_RESPONSES),
    "generate_content": json.dumps(_GENERATE),
}

# --- promises -----------------------------------------------------------------------------------


def reads(front: str, body: bytes) -> Asked | None:
    """A request is read, or refused as one; each chat can write what was read, or refuses that."""
    try:
        asked: Asked = FRONTS[front].read(load(body))
    except NotJSON:
        return None
    except InvalidRequestError:
        return None
    for wire in WIRES.values():
        _writes(wire, asked)
    return asked


def _writes(wire: Any, asked: Asked) -> None:
    for drops in (False, True):
        call = ChatCall(
            "call_1",
            "acme",
            "m1",
            asked.messages,
            params=asked.params,
            stream=asked.stream,
            drop_params=drops,
        )
        try:
            load(wire.build(call, HERE).body)
        except LLMKitError:
            # What is wrong may be quoted, a key too: it is the caller's own.
            continue


def tells(front: str, wire: str, data: bytes, asked: Asked | None = None) -> None:
    """Whatever a chat's stream says can be told, as it comes and as a whole, and so can an answer."""
    decoder = WIRES[wire].decoder(call_of(wire))
    events = FRONTS[front].events(asked)
    told: list[Any] = []
    chunks: list[Any] = []
    try:
        for chunk in (*decoder.feed(data), *decoder.finish()):
            chunks.append(chunk)
            told += events.add(chunk)
        told += events.finish()
    except LLMKitError as error:
        fails(front, error)
    for event in told:
        assert load(FRONTS[front].frame(event).partition(b"data: ")[2])
    _is_told(events.result())
    _is_told(FRONTS[front].write(fold(chunks), asked))


def answers(front: str, wire: str, body: bytes, asked: Asked | None = None) -> None:
    """Whatever a chat's answer says can be told."""
    try:
        read = WIRES[wire].parse(call_of(wire), HTTPResponse(200, {}, body))
    except LLMKitError as error:
        fails(front, error)
        return
    _is_told(FRONTS[front].write(read, asked))


def _is_told(answer: Any) -> None:
    assert isinstance(json.loads(json.dumps(answer)), dict)


def fails(front: str, error: Any) -> None:
    """Whatever went wrong has a status and a body."""
    failure: APIError = error
    status, body = FRONTS[front].error(failure)
    assert status >= 400
    _is_told(body)


def _target(front: str) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        reads(front, data)

    return target


TARGETS: dict[str, Callable[[bytes], None]] = {f"front {front}": _target(front) for front in FRONTS}
"""Each front's name, and what its reader promises."""
