"""An answer of the first version to models. Unknown fields are kept; none of them raises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, dump_text, load
from ...types._model import lenient
from ...types.chat import ChatCompletion
from .._cohere import beside, besides, count, error_in, named_error
from .._errors import unreadable
from ..cohere_chat._usage import translated

__all__ = ["annotated", "as_call", "ending", "listed", "parse", "parse_body", "rest", "usage"]

_FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
}
# What is told elsewhere, or is the prompt again.
_OURS = frozenset({
    "text", "generation_id", "tool_calls", "citations", "finish_reason", "chat_history", "message",
    "is_finished", "event_type", "response",
})  # fmt: skip


def parse(call: ChatCall, response: HTTPResponse) -> ChatCompletion:
    """Read an answer below 400."""
    try:
        data = load(response.body)
    except NotJSON:
        raise unreadable(call, response, "it is not JSON") from None
    return parse_body(call, response, data)


def parse_body(call: ChatCall, response: HTTPResponse, data: Any) -> ChatCompletion:
    """Read an answer's JSON. An error inside a 200 is raised as what it says it is."""
    if not isinstance(data, dict):
        raise unreadable(call, response, "it is JSON, but no object")
    if not isinstance(data.get("text"), str):
        if isinstance(data.get("message"), str) or data.get("error"):
            raise error_in(call, data, response.headers)
        raise unreadable(call, response, "it has no text")
    made_id = data.get("generation_id") or call.id
    calls = [as_call(made_id, i, told) for i, told in enumerate(listed(data.get("tool_calls")))]
    citations = listed(data.get("citations"))
    finish, ended = ending(call, data, called=bool(calls))
    message: dict[str, Any] = {"role": "assistant", "content": data["text"]}
    if calls:
        message["tool_calls"] = calls
    if citations:
        message["annotations"] = [note for each in citations for note in annotated(each)]
        message["provider_specific_fields"] = {"citations": citations}
    choice = {"index": 0, "message": message, "finish_reason": finish, **ended}
    made = {**rest(data), "id": made_id, "model": call.model, "object": "chat.completion"}
    made["choices"] = [choice]
    if (counted := usage(data)) is not None:
        made["usage"] = counted
    return lenient(ChatCompletion, made)


def listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def rest(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an answer that OpenAI's form has no place for."""
    return {k: v for k, v in data.items() if k not in _OURS and v is not None}


def usage(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Billed units, tokens and what was cached, as of the second version; ``None`` where nothing is told."""
    told: dict[str, Any] = {
        name: found for name in ("billed_units", "tokens") if (found := beside(data, name))
    }
    if not told:
        return None
    cached = count(besides(data), "cached_tokens")
    return translated(told if cached is None else {**told, "cached_tokens": cached})


def as_call(made_id: Any, index: int, told: Mapping[str, Any]) -> dict[str, Any]:
    """A tool call, which has no id of its own there: one is made, that no other answer has."""
    parameters = told.get("parameters")
    arguments = dump_text(parameters if isinstance(parameters, Mapping) else {})
    function = {"name": told.get("name"), "arguments": arguments}
    return {"id": f"{made_id}-{index}", "type": "function", "function": function}


def annotated(citation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A citation as annotations, one for each document."""
    where = {"start_index": citation.get("start"), "end_index": citation.get("end")}
    found = citation.get("document_ids")
    names: Iterable[Any] = found if isinstance(found, list) else ()
    for name in names:
        told = {"file_id": name, "cited_text": citation.get("text"), **where}
        yield {"type": "file_citation", "file_citation": told}


def ending(call: ChatCall, told: Mapping[str, Any], *, called: bool) -> tuple[str, dict[str, Any]]:
    """Why the answer ended, in OpenAI's word and in the provider's own. Raises where it has failed."""
    reason = told.get("finish_reason")
    natural = "tool_calls" if called else "stop"
    if not isinstance(reason, str) or not reason:
        return natural, {}
    failure = named_error(call, reason.upper(), told)
    if failure is not None:
        raise failure
    finish = _FINISH.get(reason.upper(), reason.lower())
    return natural if finish == "stop" else finish, {"native_finish_reason": reason}
