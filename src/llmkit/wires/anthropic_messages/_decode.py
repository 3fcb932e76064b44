"""An answer's JSON to models. Unknown fields and blocks are kept; none of them raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, dump_text, load
from ...types._model import lenient
from ...types.chat import ChatCompletion
from .._errors import unreadable
from ._blocks import KEPT, Block, fields
from ._errors import stream_error
from ._format import ANSWER, answers_by_tool
from ._usage import translated

if TYPE_CHECKING:
    from . import AnthropicMessages

__all__ = ["as_answer", "beside", "ending", "parse", "parse_body", "refusal"]

# A reason not listed is kept as it is: ``pause_turn`` is none of OpenAI's, and hiding it would end the turn.
_FINISH: dict[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_OURS = frozenset(
    {
        "type",
        "role",
        "content",
        "stop_reason",
        "stop_sequence",
        "stop_details",
        "usage",
        "id",
        "model",
    }
)


def parse(wire: AnthropicMessages, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 400."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    return parse_body(wire, call, response, data)


def parse_body(
    wire: AnthropicMessages, call: ChatCall, response: HTTPResponse, data: Any
) -> ChatCompletion:
    """Read an answer's JSON. An error inside a 200 is raised as what it says it is."""
    if not isinstance(data, dict):
        raise unreadable(call, response, "it is JSON, but no object")
    if data.get("type") == "error" or data.get("error"):
        raise stream_error(call, data, response.headers)
    content = data.get("content")
    if not isinstance(content, list):
        raise unreadable(call, response, "it has no content")
    blocks = [block for block in content if isinstance(block, dict)]
    by_tool = answers_by_tool(wire, call)
    finish, ended = ending(data, by_tool=by_tool)
    message = fields([as_answer(block) for block in blocks] if by_tool else blocks)
    message |= refusal(data, silent=not (message["content"] or message.get("tool_calls")))
    choice = {"index": 0, "message": message, "finish_reason": finish, **ended}
    names = {"id": data.get("id") or call.id, "model": data.get("model") or call.model}
    made = {**beside(data), **names, "object": "chat.completion", "choices": [choice]}
    if isinstance(data.get("usage"), dict):
        made["usage"] = translated(data["usage"])
        made["service_tier"] = data["usage"].get("service_tier")
    return lenient(ChatCompletion, {k: v for k, v in made.items() if v is not None})


def beside(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an answer that OpenAI's form has no place for."""
    return {k: v for k, v in data.items() if k not in _OURS and v is not None}


def ending(data: Mapping[str, Any], *, by_tool: bool) -> tuple[str | None, dict[str, Any]]:
    """Why the answer ended, in OpenAI's word, and in the provider's own."""
    reason = data.get("stop_reason")
    if not isinstance(reason, str):
        return None, {}
    finish = "stop" if by_tool and reason == "tool_use" else _FINISH.get(reason, reason)
    told = {name: data.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    return finish, {name: value for name, value in told.items() if value is not None}


def refusal(data: Mapping[str, Any], *, silent: bool) -> dict[str, Any]:
    """What a message says of a refusal: its explanation, else its category, else only that it is one.

    These are not the model's words. Of an answer without any (``silent``) it is kept that it said nothing.
    """
    if data.get("stop_reason") != "refusal":
        return {}
    details = data.get("stop_details")
    told = details if isinstance(details, Mapping) else {}
    said = {"refusal": str(told.get("explanation") or told.get("category") or "refusal")}
    return {**said, "provider_specific_fields": {KEPT: []}} if silent else said


def as_answer(block: Block) -> Block:
    """The call of the tool that stands for a response format, as the text that it stands for."""
    if block.get("type") != "tool_use" or block.get("name") != ANSWER:
        return block
    return {"type": "text", "text": dump_text(block.get("input") or {})}
