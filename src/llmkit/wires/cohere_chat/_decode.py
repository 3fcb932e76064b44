"""An answer's JSON to models. Unknown fields and blocks are kept; none of them raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ...types._model import lenient
from ...types.chat import ChatCompletion
from .._cohere import error_in, named_error
from .._errors import unreadable
from ._blocks import PLAN, annotated, as_call, as_logprobs, keepsake, text_of
from ._usage import translated

__all__ = ["blocks_of", "ending", "is_error", "parse", "starts"]

# A reason not listed is kept, in lower case.
_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}
_MESSAGE = frozenset({"role", "content", "tool_calls", PLAN, "citations"})
_OURS = frozenset({"id", "message", "finish_reason", "usage", "logprobs", "error"})


def parse(call: ChatCall, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 400."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    if not isinstance(data, dict):
        raise unreadable(call, response, "it is JSON, but no object")
    if is_error(data):
        raise error_in(call, data, response.headers)
    if not isinstance(data.get("message"), dict):
        raise unreadable(call, response, "it has no message")
    finish, ended = ending(call, data)
    choice = {"index": 0, "message": _message(data["message"]), "finish_reason": finish, **ended}
    if (logprobs := as_logprobs(data.get("logprobs"))) is not None:
        choice["logprobs"] = logprobs
    made = {name: value for name, value in data.items() if name not in _OURS and value is not None}
    made |= {"id": data.get("id") or call.id, "model": data.get("model") or call.model}
    made |= {"object": "chat.completion", "choices": [choice]}
    if isinstance(data.get("usage"), dict):
        made["usage"] = translated(data["usage"])
    return lenient(ChatCompletion, made)


def is_error(data: Mapping[str, Any]) -> bool:
    """Whether a JSON is an error: its message is a text, where an answer's is an object."""
    return bool(data.get("error")) or isinstance(data.get("message"), str)


def ending(call: ChatCall, told: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Why the answer ended, in OpenAI's word and in the provider's own. Raises where it has failed."""
    reason = told.get("finish_reason")
    if not isinstance(reason, str) or not reason:
        return None, {}
    failure = named_error(call, reason.upper(), told)
    if failure is not None:
        raise failure
    return _FINISH.get(reason.upper(), reason.lower()), {"native_finish_reason": reason}


def blocks_of(content: Any) -> list[dict[str, Any]]:
    """The blocks of a content, which may be a bare text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    found = content if isinstance(content, list) else []
    return [block for block in found if isinstance(block, dict)]


def starts(blocks: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Where each block begins in the whole text."""
    found, length = {}, 0
    for i, block in enumerate(blocks):
        found[i] = length
        length += len(text_of(block, "text"))
    return found


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a message; those with nothing to say are left out."""
    blocks = blocks_of(message.get("content"))
    plan = text_of(message, PLAN)
    texts = [text_of(block, "text") for block in blocks if block.get("type") == "text"]
    thoughts = [dict(block) for block in blocks if block.get("type") == "thinking"]
    citations = _listed(message.get("citations"))
    calls = [as_call(call) for call in _listed(message.get("tool_calls"))]
    where = starts(blocks)
    made = {name: value for name, value in message.items() if name not in _MESSAGE}
    made |= {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "reasoning_content": "".join(text_of(block, "thinking") for block in thoughts) + plan,
        "thinking_blocks": thoughts,
        "tool_calls": calls,
        "annotations": [note for citation in citations for note in annotated(citation, where)],
        "provider_specific_fields": keepsake(blocks, plan, citations),
    }
    return {name: value for name, value in made.items() if value or name == "content"}


def _listed(value: Any) -> list[Any]:
    found = value if isinstance(value, list) else []
    return [item for item in found if isinstance(item, dict)]
