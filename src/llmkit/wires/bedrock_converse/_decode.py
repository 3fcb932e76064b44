"""An answer's JSON to models. Unknown fields and blocks are kept; none of them raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, dump_text, load
from ...types._model import lenient
from ...types.chat import ChatCompletion
from .._aws_errors import failure
from .._aws_paths import bare
from .._errors import unreadable
from ._blocks import Block, fields, inner
from ._format import ANSWER, answers_by_tool
from ._usage import translated

if TYPE_CHECKING:
    from . import BedrockConverse

__all__ = ["answered", "as_answer", "beside", "ending", "parse"]

# A reason not listed is kept as it is: a malformed answer is none of OpenAI's, and hiding it helps nobody.
_FINISH: dict[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_SAID = frozenset({"role", "content"})
_OURS = frozenset({"output", "stopReason", "usage", "serviceTier", "p"})


def parse(wire: BedrockConverse, call: ChatCall, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 400. An error inside a 200 is raised as what it says it is."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    if not isinstance(data, dict):
        raise unreadable(call, response, "it is JSON, but no object")
    told = inner(inner(data, "output"), "message")
    content = told.get("content")
    if not isinstance(content, list):
        if "__type" in data or "error" in data or (data.keys() & {"message", "Message"}):
            raise failure(call, response, data)
        raise unreadable(call, response, "it has no content")
    by_tool = answers_by_tool(wire, call)
    blocks = [block for block in content if isinstance(block, dict)]
    message = {name: value for name, value in told.items() if name not in _SAID}
    message |= fields([as_answer(block) for block in blocks] if by_tool else blocks)
    finish, ended = ending(data, by_tool=by_tool)
    choice = {"index": 0, "message": message, "finish_reason": finish, **ended}
    head = {"id": call.id, "object": "chat.completion", "choices": [choice]}
    return lenient(ChatCompletion, answered(call, data) | head)


def answered(call: ChatCall, data: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer says beside its message: the model behind a router, usage, tier, traces."""
    made: dict[str, Any] = {**beside(data), "model": _model(call, data)}
    if isinstance(data.get("usage"), Mapping):
        made["usage"] = translated(data["usage"])
    if tier := inner(data, "serviceTier").get("type"):
        made["service_tier"] = tier
    return made


def beside(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an answer that OpenAI's form has no place for."""
    return {k: v for k, v in data.items() if k not in _OURS and v is not None}


def _model(call: ChatCall, data: Mapping[str, Any]) -> str:
    """A prompt router says which model it chose, by its ARN; nothing else does."""
    routed = inner(inner(data, "trace"), "promptRouter").get("invokedModelId")
    return routed.rpartition("/")[2] if isinstance(routed, str) and routed else bare(call.model)


def ending(data: Mapping[str, Any], *, by_tool: bool) -> tuple[str | None, dict[str, Any]]:
    """Why the answer ended, in OpenAI's word, and in the provider's own."""
    reason = data.get("stopReason")
    if not isinstance(reason, str):
        return None, {}
    finish = "stop" if by_tool and reason == "tool_use" else _FINISH.get(reason, reason)
    return finish, {"stop_reason": reason}


def as_answer(block: Block) -> Block:
    """The call of the tool that stands for a response format, as the text that it stands for."""
    use = inner(block, "toolUse")
    if use.get("name") != ANSWER:
        return block
    return {"text": dump_text(use.get("input") or {})}
