"""An answer's JSON, whole or a line of a stream, to OpenAI's form. Unknown fields are kept; only errors raise.

Counts that are zero are left out by the server, and so are those it does not know: what is absent stays unsaid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ...types._model import lenient
from ...types.chat import ChatCompletion
from .._errors import unreadable
from ..openai_chat._decode import parse_body
from ._errors import is_error, stream_error
from ._tools import as_call

__all__ = ["Reading", "parse", "seconds", "usage"]

_READ = frozenset({"model", "created_at", "message", "done", "done_reason", "logprobs"})
_COUNTS = frozenset({"prompt_eval_count", "prompt_eval_cached_count", "eval_count"})
_SAID = frozenset({"role", "content", "thinking", "tool_calls", "images"})
# How base64 of each kind of picture begins; the server does not say which it is.
_PICTURES = {"/9j/": "image/jpeg", "R0lG": "image/gif", "UklG": "image/webp"}


def parse(call: ChatCall, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 400, in the server's own form or in OpenAI's."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    if isinstance(data, dict) and "choices" in data:
        return parse_body(call, response, data)
    if is_error(data):
        raise stream_error(call, response, data)
    if not isinstance(data, dict) or not isinstance(data.get("message"), Mapping):
        raise unreadable(call, response, "it has no message")
    reading = Reading(call)
    made = reading.add(data)
    (choice,) = made["choices"]
    message = {"content": None, **choice.pop("delta")}
    for tool_call in message.get("tool_calls", ()):
        tool_call.pop("index")
    choice["message"] = message
    return lenient(ChatCompletion, {**made, "object": "chat.completion"})


class Reading:
    """One answer under construction, from one object or many lines. ``done`` once the last one has come."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._calls = self._pictures = 0
        self._begun = False
        self.done = False

    def add(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Take an object, which is no error; return what it says, as a chunk with one choice."""
        message = data.get("message")
        message = message if isinstance(message, Mapping) else {}
        choice: dict[str, Any] = {"index": 0, "delta": self._delta(message, data.get("created_at"))}
        choice["finish_reason"] = self._finish(data)
        if isinstance(data.get("logprobs"), list):
            choice["logprobs"] = {"content": data["logprobs"]}
        told = {
            k: v for k, v in data.items() if k not in _READ and k not in _COUNTS and v is not None
        }
        counted = usage(data)
        return {
            **told,
            "id": self._call.id,
            "created": seconds(data.get("created_at")),
            "model": data.get("model") or self._call.model,
            "choices": [choice],
            **({} if counted is None else {"usage": counted}),
        }

    def _delta(self, message: Mapping[str, Any], moment: Any) -> dict[str, Any]:
        delta: dict[str, Any] = {} if self._begun else {"role": "assistant"}
        self._begun = True
        delta |= {k: v for k, v in message.items() if k not in _SAID and v is not None}
        for name, ours in (("content", "content"), ("thinking", "reasoning_content")):
            if message.get(name) is not None:
                delta[ours] = message[name]
        calls = [self._call_of(call, moment) for call in _items(message.get("tool_calls"))]
        if found := [call for call in calls if call is not None]:
            delta["tool_calls"] = found
        if pictures := [p for p in _items(message.get("images")) if isinstance(p, str)]:
            delta["images"] = [self._picture(data) for data in pictures]
        return delta

    def _call_of(self, call: Any, moment: Any) -> dict[str, Any] | None:
        """Calls come whole, one a line or several; their own numbers begin anew with some servers."""
        made = as_call(call, self._calls, moment)
        if made is None:
            return None
        self._calls += 1
        return {**made, "index": self._calls - 1}

    def _picture(self, data: str) -> dict[str, Any]:
        self._pictures += 1
        kind = _PICTURES.get(data[:4], "image/png")
        url = {"url": f"data:{kind};base64,{data}"}
        return {"type": "image_url", "image_url": url, "index": self._pictures - 1}

    def _finish(self, data: Mapping[str, Any]) -> str | None:
        if not data.get("done"):
            return None
        self.done = True
        reason = data.get("done_reason") or "stop"
        return "tool_calls" if reason == "stop" and self._calls else str(reason)


def usage(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """OpenAI's usage; ``None`` where nothing was counted. Thoughts are among the tokens of the answer.

    What was read from the cache is among the tokens of the prompt (https://docs.ollama.com/api/usage, 2026-11-22).
    """
    prompt, completion = (_count(data.get(name)) for name in ("prompt_eval_count", "eval_count"))
    if prompt is None and completion is None:
        return None
    total = None if prompt is None or completion is None else prompt + completion
    made = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    cached = _count(data.get("prompt_eval_cached_count"))
    if cached is None:
        return made
    kept = {"cache_read_input_tokens": cached, "prompt_tokens_details": {"cached_tokens": cached}}
    return made | kept


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def seconds(moment: Any) -> int | None:
    """A moment in ISO 8601 as Unix time; ``None`` where it is none."""
    try:
        return int(datetime.fromisoformat(moment).timestamp()) if moment else None
    except (TypeError, ValueError, OverflowError):
        return None


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
