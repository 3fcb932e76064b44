"""OpenAI's Responses as their server writes them: whole answers and events. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..._answer import Answer, ToolUse
from ..._asked import fingerprint
from ..._tokens import split

__all__ = ["event", "events", "response"]

Json = dict[str, Any]
# A fixed time (2025-01-01T00:00:00Z), so that equal requests get equal bodies.
_CREATED: Final = 1_735_689_600
_ENCRYPTED: Final = "reasoning.encrypted_content"
_REPEATED: Final[Mapping[str, Any]] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
}


def event(data: Mapping[str, Any]) -> bytes:
    """An event as it is sent."""
    return f"event: {data['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def response(body: Mapping[str, Any], said: Answer) -> Json:
    """The whole answer."""
    cut = said.choices[0].finish_reason == "length"
    details = {"reason": "max_output_tokens"} if cut else None
    made = _head(body, "incomplete" if cut else "completed")
    return made | {
        "incomplete_details": details,
        "output": _items(body, said),
        "usage": _usage(said),
    }


def _head(body: Mapping[str, Any], status: str) -> Json:
    told = {name: value for name, value in body.items() if name in _REPEATED and value is not None}
    return {
        "id": f"resp_{fingerprint(body)}",
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": body["model"],
        "output": [],
        "service_tier": "default",
        "usage": None,
        **_REPEATED,
        **told,
    }


def _usage(said: Answer) -> Json:
    return {
        "input_tokens": said.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": said.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": said.reasoning_tokens},
        "total_tokens": said.prompt_tokens + said.completion_tokens,
    }


def _items(body: Mapping[str, Any], said: Answer) -> list[Json]:
    """The items of the first choice: the API gives no others."""
    choice, digest = said.choices[0], fingerprint(body)
    status = "incomplete" if choice.finish_reason == "length" else "completed"
    made: list[Json] = []
    if choice.reasoning:
        summary = [{"type": "summary_text", "text": choice.reasoning}]
        thought: Json = {"id": f"rs_{digest}", "type": "reasoning", "summary": summary}
        if _ENCRYPTED in (body.get("include") or ()):
            thought["encrypted_content"] = f"gAAAA{digest}"
        made.append(thought)
    if choice.content is not None:
        part = {"type": "output_text", "text": choice.content, "annotations": [], "logprobs": []}
        message = {"id": f"msg_{digest}", "type": "message", "status": status}
        made.append(message | {"role": "assistant", "content": [part]})
    return [*made, *(_call(tool, status) for tool in choice.tools)]


def _call(tool: ToolUse, status: str) -> Json:
    name = {"call_id": tool.id, "name": tool.name, "status": status}
    if tool.kind == "custom":
        return {"id": f"ctc_{tool.id}", "type": "custom_tool_call", **name, "input": tool.arguments}
    written = {"arguments": tool.arguments}
    return {"id": f"fc_{tool.id}", "type": "function_call", **name, **written}


def events(body: Mapping[str, Any], said: Answer) -> Iterator[Json]:
    """The events of a stream, numbered."""
    for number, told in enumerate(_events(body, said)):
        yield {**told, "sequence_number": number}


def _events(body: Mapping[str, Any], said: Answer) -> Iterator[Json]:
    for kind in ("created", "in_progress"):
        yield {"type": f"response.{kind}", "response": _head(body, "in_progress")}
    whole = response(body, said)
    for index, item in enumerate(whole["output"]):
        for told in _GROWING[item["type"]](item):
            beside = {} if "item" in told else {"item_id": item["id"]}
            yield {**told, "output_index": index, **beside}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _thought(item: Json) -> Iterator[Json]:
    text = item["summary"][0]["text"]
    yield {"type": "response.output_item.added", "item": {**item, "summary": []}}
    part, place = {"type": "summary_text", "text": text}, {"summary_index": 0}
    empty = {**part, "text": ""}
    yield {"type": "response.reasoning_summary_part.added", "part": empty, **place}
    for piece in split(text):
        yield {"type": "response.reasoning_summary_text.delta", "delta": piece, **place}
    yield {"type": "response.reasoning_summary_text.done", "text": text, **place}
    yield {"type": "response.reasoning_summary_part.done", "part": part, **place}
    yield {"type": "response.output_item.done", "item": item}


def _message(item: Json) -> Iterator[Json]:
    (part,) = item["content"]
    begun = {**item, "content": [], "status": "in_progress"}
    yield {"type": "response.output_item.added", "item": begun}
    place = {"content_index": 0}
    yield {"type": "response.content_part.added", "part": {**part, "text": ""}, **place}
    for piece in split(part["text"]):
        yield {"type": "response.output_text.delta", "delta": piece, "logprobs": [], **place}
    yield {"type": "response.output_text.done", "text": part["text"], "logprobs": [], **place}
    yield {"type": "response.content_part.done", "part": part, **place}
    yield {"type": "response.output_item.done", "item": item}


def _called(item: Json) -> Iterator[Json]:
    custom = item["type"] == "custom_tool_call"
    field = "input" if custom else "arguments"
    kind = "custom_tool_call_input" if custom else "function_call_arguments"
    begun = {**item, field: "", "status": "in_progress"}
    yield {"type": "response.output_item.added", "item": begun}
    for piece in split(item[field]):
        yield {"type": f"response.{kind}.delta", "delta": piece}
    yield {"type": f"response.{kind}.done", field: item[field]}
    yield {"type": "response.output_item.done", "item": item}


_GROWING: Final = {
    "reasoning": _thought,
    "message": _message,
    "function_call": _called,
    "custom_tool_call": _called,
}
