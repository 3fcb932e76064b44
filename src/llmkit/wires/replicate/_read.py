"""A prediction's JSON to OpenAI's form. What has no place there is kept: ``output``, ``metrics`` …

Source: ``Prediction`` of replicate-python 1.0.7 and https://replicate.com/docs/topics/predictions, read 2026-11-22;
which ``metrics`` are counts of tokens, no page of those says: their names do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..._call import Call
from ..._http import HTTPResponse
from ..._json import NotJSON, dump_text, load
from ...types._model import lenient
from ...types.chat import ChatCompletion
from .._errors import unreadable
from ._errors import ended

__all__ = ["RUNNING", "checked", "completion", "fields", "prediction"]

RUNNING = frozenset({"starting", "processing"})
_ENDED = frozenset({"failed", "canceled", "aborted"})
_DONE = "succeeded"
_HEAD = frozenset({"id", "model", "created_at", "input", "logs", "error"})


def prediction(call: Call, response: HTTPResponse) -> dict[str, Any]:
    """A prediction, whatever its status. Raises ``APIResponseValidationError`` where it is none."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    known = RUNNING | _ENDED | {_DONE}
    told = data if isinstance(data, dict) else {}
    if not isinstance(told.get("id"), str) or str(told.get("status")) not in known:
        raise unreadable(call, response, "it is no prediction")
    return told


def checked(call: Call, data: dict[str, Any]) -> dict[str, Any]:
    """A prediction that may still come to something. Raises an ``APIError`` for one that did not."""
    if data["status"] in _ENDED:
        raise ended(call, data["status"], data, data.get("error"))
    return data


def completion(call: Call, data: dict[str, Any]) -> ChatCompletion:
    """A prediction that has succeeded, as a chat's answer. Raises an ``APIError`` for one that has not."""
    checked(call, data)
    message = {"role": "assistant", "content": _text(data.get("output"))}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    made = {**fields(call, data), "object": "chat.completion", "choices": [choice]}
    return lenient(ChatCompletion, made)


def fields(call: Call, data: Mapping[str, Any]) -> dict[str, Any]:
    """All but the choices."""
    told = {k: v for k, v in data.items() if k not in _HEAD and v is not None}
    counted = _usage(data.get("metrics"))
    return {
        **told,
        "id": data["id"],
        "created": _seconds(data.get("created_at")),
        "model": data.get("model") or call.model,
        **({} if counted is None else {"usage": counted}),
    }


def _text(output: Any) -> str | None:
    """Language models write a list of pieces; what is no text is told as JSON, and kept beside it."""
    if output is None or isinstance(output, str):
        return output
    if isinstance(output, list) and all(isinstance(piece, str) for piece in output):
        return "".join(output)
    return dump_text(output)


def _usage(metrics: Any) -> dict[str, Any] | None:
    """Tokens, where a model counts them; most are paid for by the second, which is in ``metrics``."""
    if not isinstance(metrics, Mapping):
        return None
    prompt, answer = (_count(metrics.get(f"{side}_token_count")) for side in ("input", "output"))
    if prompt is None and answer is None:
        return None
    total = None if prompt is None or answer is None else prompt + answer
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": total}


def _count(value: Any) -> int | None:
    """A count; some are written as fractions."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _seconds(moment: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(moment).timestamp()) if moment else None
    except (TypeError, ValueError, OverflowError):
        return None
