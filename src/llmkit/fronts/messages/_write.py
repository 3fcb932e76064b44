"""A whole answer as a message: blocks as they came where the provider told blocks, else from the fields.

Source: https://platform.claude.com/docs/en/api/messages, read 2026-11-22; arguments that are no JSON are wrapped as
…/agents-and-tools/tool-use/fine-grained-tool-streaming tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._json import NotJSON, load
from ...types.chat import ChatCompletion
from ...types.usage import Usage
from ...wires.anthropic_messages._blocks import KEPT, still_says
from .. import Asked
from .._pieces import extra_of
from .._riding import pack, riding

__all__ = ["block_input", "cited", "head", "image_block", "native_usage", "stopped", "write"]

Json = dict[str, Any]
_STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
    "error": "end_turn",
}
_COUNTS = frozenset({
    "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details",
    "beside",  # "iterations" have it, and the next
    "billed_model",
})  # fmt: skip
_BROKEN = "INVALID_JSON"
_ENDINGS = ("stop_reason", "stop_sequence", "stop_details")


def write(completion: ChatCompletion, asked: Asked | None = None) -> Json:
    """A whole answer in this API's form."""
    choice = completion.choices[0] if completion.choices else None
    message = {} if choice is None else choice.message.to_dict()
    told = {} if choice is None else extra_of(choice)
    made = head(completion.id, completion.model or ("" if asked is None else asked.model))
    made["content"] = [*_content(message, told)]
    made |= stopped(None if choice is None else choice.finish_reason, told)
    tier = completion.service_tier
    made["usage"] = native_usage(completion.usage, tier)
    beside = extra_of(completion)
    return made | {name: value for name, value in beside.items() if name not in made}


def head(response: str, model: str) -> Json:
    """What an answer begins with."""
    name = response if response.startswith("msg_") else f"msg_{response}"
    return {"id": name, "type": "message", "role": "assistant", "model": model}


def stopped(finish: str | None, told: Mapping[str, Any]) -> Json:
    """Why the answer ended: in the provider's own word where it is one of this API's."""
    made: Json = {"stop_reason": None, "stop_sequence": None}
    if finish is not None:
        made["stop_reason"] = _STOPS.get(finish, finish)
    return made | {name: told[name] for name in _ENDINGS if name in told}


def _content(message: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[Any]:
    beside = message.get("provider_specific_fields")
    kept = beside.get(KEPT) if isinstance(beside, Mapping) else None
    if isinstance(kept, list) and still_says(kept, message):
        yield from kept
        return
    yield from _thoughts(message)
    said = message.get("content")
    if said or (said == "" and "stop_reason" in told):
        notes = [note for n in message.get("annotations") or () if (note := cited(n))]
        yield {"type": "text", "text": said} | ({"citations": notes} if notes else {})
    if message.get("refusal") and "stop_reason" not in told:
        yield {"type": "text", "text": message["refusal"]}
    for image in message.get("images") or ():
        yield image_block(image)
    for call in message.get("tool_calls") or ():
        yield _call(call)


def _thoughts(message: Mapping[str, Any]) -> Iterator[Json]:
    blocks = message.get("thinking_blocks")
    if blocks:
        yield from ({"signature": "", **b} if _is_open(b) else b for b in blocks)
    elif message.get("reasoning_content"):
        yield {"type": "thinking", "thinking": message["reasoning_content"], "signature": ""}
    if rides := riding(message, told=("thinking_blocks",)):
        yield {"type": "redacted_thinking", "data": pack(rides)}


def _is_open(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "thinking"


def _call(call: Mapping[str, Any]) -> Json:
    inner = call.get("custom") or call.get("function") or {}
    made = {"type": "tool_use", "id": call.get("id"), "name": inner.get("name")}
    if call.get("custom"):
        return made | {"input": {"input": inner.get("input")}}
    return made | {"input": block_input(inner.get("arguments"))}


def block_input(arguments: Any) -> Json:
    """A call's arguments as the object that this API has; what is none is wrapped."""
    try:
        made = load(arguments) if arguments else {}
    except NotJSON:
        return {_BROKEN: arguments}
    return made if isinstance(made, dict) else {_BROKEN: arguments}


def image_block(image: Mapping[str, Any]) -> Json:
    """A picture that the model made."""
    address = image.get("image_url")
    url = str(address.get("url") if isinstance(address, Mapping) else address)
    kind, mark, data = url.removeprefix("data:").partition(";base64,")
    if not mark:
        return {"type": "image", "source": {"type": "url", "url": url}}
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}


def cited(note: Mapping[str, Any]) -> Json | None:
    """An annotation as a citation; ``None`` for one that points at no page."""
    inner = note.get("url_citation")
    if not isinstance(inner, Mapping):
        return None
    made = {"type": "web_search_result_location", "url": inner.get("url")}
    made |= {"title": inner.get("title"), "cited_text": inner.get("cited_text") or ""}
    return made | {"encrypted_index": ""}


def native_usage(usage: Usage | None, tier: str | None = None) -> Json:
    """Chat's usage as this API counts: what the cache was read from and written to is counted apart."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    told = {k: v for k, v in usage.to_dict().items() if k not in _COUNTS and v is not None}
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if details is not None else None
    wrote = details.cache_write_tokens if details is not None else None
    made: Json = {"input_tokens": max(0, (usage.prompt_tokens or 0) - (cached or 0) - (wrote or 0))}
    made["output_tokens"] = usage.completion_tokens or 0
    if cached is not None:
        made["cache_read_input_tokens"] = cached
    if wrote is not None:
        made["cache_creation_input_tokens"] = wrote
    inner = usage.completion_tokens_details
    if inner is not None and inner.reasoning_tokens is not None:
        made["output_tokens_details"] = {"thinking_tokens": inner.reasoning_tokens}
    return made | told | ({} if tier is None else {"service_tier": tier})
