"""Real-shaped traffic of both of Cohere's chats, to be broken."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["ANSWERS", "EVENTS", "error"]

_USAGE = {
    "billed_units": {"input_tokens": 9, "output_tokens": 4},
    "tokens": {"input_tokens": 99, "output_tokens": 7, "reasoning_tokens": 2},
    "cached_tokens": 64,
}
_CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
_SOURCE = {"type": "document", "id": "d0", "document": {"url": "https://a.test", "title": "A"}}
_CITED = {"start": 0, "end": 3, "text": "Grü", "sources": [_SOURCE], "content_index": 1}
_LOGPROB = {"text": "Grüße", "token_ids": [1, 2], "logprobs": [-0.5, -1]}


def _event(kind: str, index: int | None = None, **message: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind} | ({} if index is None else {"index": index})
    return made | ({"delta": {"message": message}} if message else {})


_SECOND: list[list[dict[str, Any]]] = [
    [
        {**_event("message-start", role="assistant"), "id": "ans_1"},
        _event("content-start", 0, content={"type": "thinking", "thinking": ""}),
        _event("content-delta", 0, content={"thinking": "Let me"}),
        _event("content-end", 0),
        _event("content-start", 1, content={"type": "text", "text": ""}),
        {**_event("content-delta", 1, content={"text": "Grüße"}), "logprobs": _LOGPROB},
        _event("content-end", 1),
        _event("citation-start", 0, citations=_CITED),
        _event("citation-end", 0),
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": _USAGE}},
    ],
    [
        {**_event("message-start", role="assistant"), "id": "ans_2"},
        _event("tool-plan-delta", tool_plan="I will add."),
        _event("tool-call-start", 0, tool_calls={**_CALL, "function": {"name": "add"}}),
        _event("tool-call-delta", 0, tool_calls={"function": {"arguments": "nul"}}),
        _event("tool-call-delta", 0, tool_calls={"function": {"arguments": "l"}}),
        _event("tool-call-end", 0),
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": _USAGE}},
    ],
]
_MESSAGE = {
    "role": "assistant",
    "tool_plan": "I will add.",
    "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Grüße"}],
    "tool_calls": [_CALL],
    "citations": [_CITED],
}
_FIRST_ANSWER = {
    "text": "Grüße",
    "generation_id": "gen_1",
    "finish_reason": "COMPLETE",
    "citations": [{"start": 0, "end": 3, "text": "Grü", "document_ids": ["d0"]}],
    "tool_calls": [{"name": "add", "parameters": {"a": 1}}],
    "meta": _USAGE,
}
_FIRST: list[list[dict[str, Any]]] = [
    [
        {"event_type": "stream-start", "generation_id": "gen_1"},
        {"event_type": "text-generation", "text": "Grüße"},
        {"event_type": "citation-generation", "citations": _FIRST_ANSWER["citations"]},
        {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": 0, "name": "add"}},
        {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": 0, "parameters": "{}"}},
        {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": _FIRST_ANSWER},
    ]
]

EVENTS: dict[str, list[list[tuple[str, str]]]] = {
    "cohere_chat": [[(e["type"], json.dumps(e)) for e in events] for events in _SECOND],
    "cohere_chat_v1": [[("", json.dumps(e)) for e in events] for events in _FIRST],
}
ANSWERS: dict[str, list[str]] = {
    "cohere_chat": [
        json.dumps(
            {"id": "a", "message": _MESSAGE, "finish_reason": "TOOL_CALL", "usage": _USAGE}
            | {"logprobs": [_LOGPROB]}
        )
    ],
    "cohere_chat_v1": [json.dumps(_FIRST_ANSWER)],
}


def error(said: str, key: str) -> dict[str, list[str]]:
    """Errors that say this, and echo a key."""
    body = json.dumps({"id": key, "message": said})
    return {"cohere_chat": [body], "cohere_chat_v1": [body]}
