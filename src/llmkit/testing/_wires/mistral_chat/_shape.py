"""Mistral's request as the OpenAI wire reads it, and that wire's answer as Mistral writes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["asked", "event", "streamed", "whole"]

_DONE: Final = b"data: [DONE]\n\n"
_ALONE: Final = frozenset(
    {"safe_prompt", "prompt_mode", "guardrails", "metadata", "prompt_cache_key", "reasoning_effort"}
)
_RENAMED: Final = {"random_seed": "seed"}
_USAGE: Final = ("prompt_tokens", "completion_tokens", "total_tokens")


def asked(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The request in OpenAI's form, as far as it shapes the answer."""
    made = {_RENAMED.get(k, k): v for k, v in sent.items() if k not in _ALONE and v is not None}
    made["messages"] = [_message(message) for message in sent["messages"]]
    if made.get("tool_choice") == "any":
        made["tool_choice"] = "required"
    if made.get("stream"):
        made["stream_options"] = {"include_usage": True}
    return made


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    made = {k: v for k, v in message.items() if k not in ("prefix", "name")}
    if isinstance(made.get("content"), list):
        made["content"] = "".join(map(_said, made["content"]))
    for call in made.get("tool_calls") or ():
        call.pop("index", None)
    return made


def _said(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        return str(part.get("text"))
    return "" if kind == "thinking" else f"[{kind}]"


def whole(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer in one piece."""
    choices = [
        {
            "index": choice["index"],
            "finish_reason": choice["finish_reason"],
            "message": {"role": "assistant", "tool_calls": None, **_content(choice["message"])},
        }
        for choice in answer["choices"]
    ]
    return {**_head(answer), "choices": choices, "usage": _usage(answer["usage"])}


def streamed(frames: Sequence[bytes]) -> tuple[bytes, ...]:
    """A stream: usage comes with the last chunk, and no chunk is of usage alone."""
    told = [json.loads(f.removeprefix(b"data:")) for f in frames if f != _DONE]
    chunks = [chunk for chunk in told if chunk["choices"]]
    events = [{**_head(chunk), "choices": [_step(c) for c in chunk["choices"]]} for chunk in chunks]
    if events and told[-1].get("usage"):
        events[-1]["usage"] = _usage(told[-1]["usage"])
    return (*map(event, events), _DONE)


def event(value: Any) -> bytes:
    """One event of a stream."""
    return b"data: %b\n\n" % json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _step(choice: Mapping[str, Any]) -> dict[str, Any]:
    delta = choice["delta"]
    role = {"role": delta["role"]} if "role" in delta else {}
    finish = choice["finish_reason"]
    return {"index": choice["index"], "delta": role | _content(delta), "finish_reason": finish}


def _content(message: Mapping[str, Any]) -> dict[str, Any]:
    """Text as it is, thinking as a part before it, calls under ids of nine characters."""
    made: dict[str, Any] = {}
    text = message.get("content")
    if thought := message.get("reasoning_content"):
        inner = [{"type": "text", "text": thought}]
        part = {"type": "thinking", "thinking": inner, "closed": True}
        made["content"] = [part, *([{"type": "text", "text": text}] if text else [])]
    elif "content" in message:
        made["content"] = text or ""
    if message.get("tool_calls"):
        made["tool_calls"] = [_call(call) for call in message["tool_calls"]]
    return made


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    if not call.get("id"):
        return dict(call)
    short = hashlib.sha256(call["id"].encode()).hexdigest()[:9]
    return {"index": 0, **call, "id": short}


def _head(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in ("id", "object", "created", "model")}


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    details = {"cached_tokens": usage["prompt_tokens_details"]["cached_tokens"]}
    return {**{name: usage[name] for name in _USAGE}, "prompt_tokens_details": details}
