"""A whole answer as a response: items as they came where the provider told items, else from the message's fields.

Source: https://platform.openai.com/docs/api-reference/responses/object, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...types.chat import ChatCompletion
from ...types.usage import Usage
from ...wires.openai_responses._items import KEPT, call_item, still_says
from ...wires.openai_responses._usage import native, searches
from .. import Asked
from .._pieces import extra_of
from .._riding import pack, riding

__all__ = ["cited", "ended", "head", "native_usage", "picture", "reasoning", "write"]

Json = dict[str, Any]
_DEFAULTS: Json = {
    "background": False,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "usage": None,
}
_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}


def write(completion: ChatCompletion, asked: Asked | None = None) -> Json:
    """A whole answer in this API's form."""
    choice = completion.choices[0] if completion.choices else None
    message = {} if choice is None else choice.message.to_dict()
    made = head(completion.id, completion.model, completion.created, asked)
    output = [*_output(made["id"], message)]
    made |= ended(None if choice is None else choice.finish_reason)
    made |= {"output": output, "usage": native_usage(completion.usage, output)}
    for name in ("service_tier", "system_fingerprint"):
        if completion.get(name) is not None:
            made[name] = completion[name]
    return made | extra_of(completion)


def head(response: str, model: str, created: int | None, asked: Asked | None) -> Json:
    """What an answer is before it says anything."""
    made: Json = {"id": response if response.startswith("resp_") else f"resp_{response}"}
    made |= {"object": "response", "created_at": created or 0, "status": "in_progress"}
    made |= _DEFAULTS | {"model": model or ("" if asked is None else asked.model), "output": []}
    return made | ({} if asked is None else dict(asked.kept))


def ended(finish: str | None) -> Json:
    """How an answer ended."""
    if finish in _CUT:
        return {"status": "incomplete", "incomplete_details": {"reason": _CUT[finish]}}
    if finish == "error":
        told = {"code": "server_error", "message": "the model broke off"}
        return {"status": "failed", "error": told}
    return {"status": "completed"}


def native_usage(usage: Usage | None, output: list[Any]) -> Json | None:
    """Chat's usage as this API counts; searches are told by their items, where there are such."""
    made = native(None if usage is None else usage.to_dict())
    if made is None:
        return None
    told = made.get("server_tool_use")
    count = told.get("web_search_requests") if isinstance(told, Mapping) else None
    if count is not None and count == searches(output):
        del made["server_tool_use"]
    return made


def _output(response: str, message: Mapping[str, Any]) -> Iterator[Json]:
    beside = message.get("provider_specific_fields")
    kept = beside.get(KEPT) if isinstance(beside, Mapping) else None
    if isinstance(kept, list) and still_says(kept, message):
        yield from kept
        return
    names = _Names(response)
    rides = riding(message)
    thought = message.get("reasoning_content")
    if thought or rides:
        yield reasoning(names.next("rs"), thought or "", rides)
    if said := _said(message):
        done = {"type": "message", "status": "completed", "role": "assistant", "content": said}
        yield {"id": names.next("msg"), **done}
    for image in message.get("images") or ():
        yield picture(names.next("ig"), image)
    for call in message.get("tool_calls") or ():
        yield {"id": names.next("fc"), **call_item(call), "status": "completed"}


class _Names:
    """Ids for the items of one answer: the same each time."""

    def __init__(self, response: str) -> None:
        self._response, self._count = response.removeprefix("resp_"), 0

    def next(self, prefix: str) -> str:
        """The next item's id."""
        self._count += 1
        return f"{prefix}_{self._response}_{self._count - 1}"


def _said(message: Mapping[str, Any]) -> list[Json]:
    made: list[Json] = []
    if message.get("content"):
        notes = [cited(note) for note in message.get("annotations") or ()]
        made.append({"type": "output_text", "text": message["content"], "annotations": notes})
    if message.get("refusal"):
        made.append({"type": "refusal", "refusal": message["refusal"]})
    audio = message.get("audio")
    if not made and isinstance(audio, Mapping) and audio.get("transcript"):
        made.append({"type": "output_text", "text": audio["transcript"], "annotations": []})
    return made


def reasoning(name: str, thought: str, rides: Mapping[str, Any]) -> Json:
    """A reasoning item: what is shown of the thoughts, and what must come back with them."""
    summary = [{"type": "summary_text", "text": thought}] if thought else []
    made: Json = {"id": name, "type": "reasoning", "summary": summary, "status": "completed"}
    return made | ({"encrypted_content": pack(rides)} if rides else {})


def picture(name: str, image: Mapping[str, Any]) -> Json:
    """A picture that the model made."""
    address = image.get("image_url")
    url = str(address.get("url") if isinstance(address, Mapping) else address)
    kind, mark, data = url.removeprefix("data:image/").partition(";base64,")
    made = {"id": name, "type": "image_generation_call", "status": "completed"}
    return made | ({"result": data, "output_format": kind} if mark else {"result": url})


def cited(note: Mapping[str, Any]) -> Json:
    """An annotation, flat."""
    kind = str(note.get("type"))
    inner = note.get(kind)
    return {"type": kind, **(inner if isinstance(inner, Mapping) else note)}
