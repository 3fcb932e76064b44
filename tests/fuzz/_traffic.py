"""Real-shaped traffic to be broken: events, answers and errors of the wires, as texts of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import _chats

__all__ = ["ANSWERS", "ERRORS", "KEY", "STREAMS"]

KEY = "sk-" + "fuzz-0123456789abcdefghijklmnop"
"""A key that providers echo in their answers here; it must not be seen in any error."""

Event = tuple[str, str]
"""Its name (empty for none), and its data."""

_FIXTURES = Path(__file__).parents[1] / "wires" / "openai_chat" / "fixtures"
_USAGE = {"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 4}
_CITED = {"type": "web_search_result_location", "url": "https://a.test", "title": "A"}


def _events(text: str) -> list[Event]:
    lines = (line for line in text.splitlines() if line.startswith("data:"))
    return [("", line.removeprefix("data:").strip()) for line in lines]


def _block(index: int, block: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _messages(*blocks: list[dict[str, Any]]) -> list[Event]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
    ended = {"stop_reason": "tool_use", "stop_sequence": None}
    said: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**head, "usage": _USAGE}},
        {"type": "ping"},
        *(piece for block in blocks for piece in block),
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 12}},
        {"type": "message_stop"},
    ]
    return [(event["type"], json.dumps(event)) for event in said]


_ANTHROPIC = [
    _messages(
        _block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Let me"},
            {"type": "signature_delta", "signature": "c2ln"},
        ),
        _block(
            1,
            {"type": "text", "text": "", "citations": []},
            {"type": "text_delta", "text": "Grüße \u2028"},
            {"type": "citations_delta", "citation": _CITED},
        ),
        _block(
            2,
            {"type": "tool_use", "id": "t1", "name": "add", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"a": '},
            {"type": "input_json_delta", "partial_json": "1}"},
        ),
    ),
    _messages(
        _block(0, {"type": "redacted_thinking", "data": "eHl6"}),
        _block(
            1,
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"query": "q"}'},
        ),
        _block(2, {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [_CITED]}),
        _block(3, {"type": "compaction"}, {"type": "compaction_delta", "content": "short"}),
        _block(
            4,
            {"type": "tool_use", "id": "t2", "name": "answer_in_json", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"x": [2]}'},
        ),
    ),
]


def _candidate(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    made = {"index": 0, "content": {"role": "model", "parts": [*parts]}, "finishReason": finish}
    return {"candidates": [made | more], "responseId": "r1", "modelVersion": "gemini-3-flash"}


def _call(**function: Any) -> dict[str, Any]:
    return {"functionCall": function, "thoughtSignature": "c2ln"}


_GROUNDED = {
    "webSearchQueries": ["q"],
    "groundingChunks": [{"web": {"uri": "https://a.test", "title": "A"}}],
    "groundingSupports": [
        {
            "segment": {"startIndex": 0, "endIndex": 3, "text": "Grü"},
            "groundingChunkIndices": [0],
        }
    ],
}
_LOGPROBS = {
    "chosenCandidates": [{"token": "a", "logProbability": -0.5}],
    "topCandidates": [{"candidates": [{"token": "b", "logProbability": -1}]}],
}
_PIECE = {"jsonPath": "$.a[0].b", "stringValue": "Gr", "willContinue": True}
_COUNTED = {
    "promptTokenCount": 4,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 2,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
}
_GEMINI = [
    [
        _candidate({"text": "Think", "thought": True}),
        _candidate({"text": "Grüße"}, logprobsResult=_LOGPROBS),
        _candidate(_call(name="f", args={"q": [1, {"b": "}]{"}]}, id="c1")),
        _candidate(finish="STOP", groundingMetadata=_GROUNDED)
        | {"usageMetadata": _COUNTED, "createTime": "2026-11-22T10:00:00Z"},
    ],
    [
        _candidate(_call(name="g", willContinue=True, partialArgs=[_PIECE])),
        _candidate({"functionCall": {"partialArgs": [_PIECE | {"stringValue": "ü"}]}}),
        _candidate({"inlineData": {"mimeType": "audio/L16", "data": "AAAA"}}),
        _candidate({"inlineData": {"mimeType": "audio/L16", "data": "AQ=="}}),
        _candidate({"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}),
        _candidate(
            {"executableCode": {"code": "1", "language": "PYTHON"}},
            finish="MAX_TOKENS",
            citationMetadata={"citationSources": [{"uri": "https://b.test", "endIndex": 2}]},
        ),
    ],
]

_FIRST_STREAMS: dict[str, list[list[Event]]] = {
    "openai_chat": [_events(path.read_text("utf-8")) for path in sorted(_FIXTURES.glob("*.sse"))],
    "anthropic_messages": _ANTHROPIC,
    "gemini": [[("", json.dumps(event)) for event in events] for events in _GEMINI],
}
STREAMS = {**_FIRST_STREAMS, **_chats.events_of(_FIRST_STREAMS)}

_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "Let me", "signature": "c2ln"},
        {"type": "text", "text": "Grüße", "citations": [_CITED]},
        {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": [1, {}]}},
    ],
    "stop_reason": "refusal",
    "stop_details": {"category": "cyber"},
    "usage": {**_USAGE, "cache_creation": {"ephemeral_5m_input_tokens": 1}},
}
_PARTS = [part for event in _GEMINI[0] for part in event["candidates"][0]["content"]["parts"]]

_FIRST_ANSWERS: dict[str, list[str]] = {
    "openai_chat": [path.read_text("utf-8") for path in sorted(_FIXTURES.glob("*.json"))],
    "anthropic_messages": [json.dumps(_MESSAGE)],
    "gemini": [
        json.dumps(
            _candidate(*_PARTS, finish="STOP", groundingMetadata=_GROUNDED, avgLogprobs=-0.1)
            | {"usageMetadata": _COUNTED}
        ),
        json.dumps({"promptFeedback": {"blockReason": "SAFETY"}}),
    ],
}
ANSWERS = {**_FIRST_ANSWERS, **_chats.answers_of(_FIRST_ANSWERS)}

_SAID = f"Incorrect API key provided: {KEY}. reached your usage limit; token count 9 exceeds"
_FIRST_ERRORS: dict[str, list[str]] = {
    "openai_chat": [
        json.dumps({"error": {"message": _SAID, "type": "t", "param": None, "code": "c"}}),
        json.dumps({"error": {"message": "failed", "metadata": {"raw": _SAID}, "code": 429}}),
        json.dumps({"object": "error", "message": _SAID, "code": KEY}),
        json.dumps({"detail": [{"loc": ["body", KEY], "msg": "wrong"}]}),
        f"<html><script>x</script><p>{_SAID}</p></html>",
    ],
    "anthropic_messages": [
        json.dumps(
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": _SAID},
                "request_id": KEY,
            }
        )
    ],
    "gemini": [
        json.dumps(
            {
                "error": {
                    "code": 429,
                    "message": _SAID,
                    "status": "RESOURCE_EXHAUSTED",
                    "details": [
                        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": KEY},
                        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"},
                        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
                    ],
                }
            }
        )
    ],
}
ERRORS = {**_FIRST_ERRORS, **_chats.errors_of(_FIRST_ERRORS, _SAID, KEY)}
