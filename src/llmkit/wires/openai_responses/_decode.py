"""An answer's JSON to a model: this API's own, or chat's. Unknown items and fields are kept; none of them raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._call import Call, ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ...types._model import lenient
from ...types.chat import ChatCompletion
from ...types.responses import Response
from ...types.usage import Usage
from .._errors import unreadable
from .._times import unix
from ._failures import failed, failure, is_error
from ._items import fields
from ._usage import searches, translated

__all__ = ["as_completion", "beside", "ending", "loaded", "parse", "parse_chat", "read", "typed"]

_OURS = frozenset({"object", "output", "usage", "id", "model", "created_at", "error"})
_CUT = {"max_output_tokens": "length", "content_filter": "content_filter"}


def parse(call: Call, response: HTTPResponse) -> Response:
    """Read an answer below 400. One that failed is raised as what its code says."""
    data = read(call, response)
    if data.get("status") == "failed":
        raise failed(call, data, response)
    return typed(data)


def read(call: Call, response: HTTPResponse) -> dict[str, Any]:
    """An answer's JSON, which is an answer. An error inside a 200 is raised."""
    data = loaded(call, response)
    if not isinstance(data.get("output"), list):
        raise unreadable(call, response, "it has no output")
    return data


def loaded(call: Call, response: HTTPResponse) -> dict[str, Any]:
    """An object of this API's. An error inside a 200 is raised."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    if not isinstance(data, dict):
        raise unreadable(call, response, "it is JSON, but no object")
    if is_error(data):
        raise failure(call, data, response)
    return data


def typed(data: Mapping[str, Any]) -> Response:
    """An answer as its model, with its usage counted in chat's terms beside it."""
    made = lenient(Response, data)
    usage = translated(data.get("usage"), searches(data.get("output")), data.get("tools"))
    made.count(None if usage is None else lenient(Usage, usage))
    return made


def parse_chat(call: ChatCall, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 400 as a chat's."""
    data = read(call, response)
    if data.get("status") == "failed":
        raise failed(call, data, response)
    return as_completion(call, data)


def as_completion(call: ChatCall, data: Mapping[str, Any]) -> ChatCompletion:
    """An answer in chat's form; what that has no place for is kept under its own name."""
    items = [item for item in data["output"] if isinstance(item, Mapping)]
    message = fields(items)
    called = bool(message.get("tool_calls"))
    choice: dict[str, Any] = {"index": 0, "message": message}
    choice["finish_reason"] = ending(data, called=called)
    if logprobs := _logprobs(items):
        choice["logprobs"] = {"content": logprobs}
    made = {**beside(data), "object": "chat.completion", "choices": [choice]}
    made |= {"id": data.get("id") or call.id, "model": data.get("model") or call.model}
    made |= {"created": unix(data.get("created_at"))}
    made["usage"] = translated(data.get("usage"), searches(items), data.get("tools"))
    return lenient(ChatCompletion, {k: v for k, v in made.items() if v is not None})


def beside(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an answer that chat has no place for."""
    return {k: v for k, v in data.items() if k not in _OURS and v is not None}


def ending(data: Mapping[str, Any], *, called: bool) -> str:
    """Why the answer ended, in chat's word."""
    if data.get("status") == "incomplete":
        details = data.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        return _CUT.get(str(reason), "length")
    return "tool_calls" if called else "stop"


def _logprobs(items: list[Mapping[str, Any]]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        content = item.get("content") if item.get("type") == "message" else None
        for part in content if isinstance(content, list) else ():
            listed = part.get("logprobs") if isinstance(part, Mapping) else None
            found += listed if isinstance(listed, list) else ()
    return found
