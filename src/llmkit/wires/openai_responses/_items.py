"""Items of a Responses answer to the fields of a message and back, and what must be kept beside them.

A text and calls are all that OpenAI's chat message says. Everything else (ids, reasoning, order, hosted tools) stays as
it came in ``provider_specific_fields["output_items"]``. Source:
https://platform.openai.com/docs/api-reference/responses/object, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..._json import NotJSON, load

__all__ = [
    "KEPT",
    "Item",
    "annotation",
    "as_call",
    "as_images",
    "call_item",
    "fields",
    "is_call",
    "keepsake",
    "reasoning_text",
    "rebuilt",
    "still_says",
]

Item = Mapping[str, Any]

KEPT = "output_items"
PARAGRAPH = "\n\n"
"""What stands between two parts of reasoning once they are one text."""

_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_PLAIN_MESSAGE = frozenset({"type", "role", "content"})
_PLAIN_CALL = frozenset({"type", "call_id", "name", "arguments", "input"})
_PLAIN_PART = frozenset({"type", "text", "annotations", "logprobs"})


def is_call(item: Item) -> bool:
    """Whether the caller must run it: a function's call, or a tool's that takes free text."""
    kind = item.get("type")
    return isinstance(kind, str) and kind in _CALLS


def fields(items: Sequence[Item]) -> dict[str, Any]:
    """The fields of a message that these items make up; those with nothing to say are left out."""
    parts = [*_parts(items)]
    texts = [_str(part, "text") for part in parts if _is_text(part)]
    refusals = [_str(part, "refusal") for part in parts if part.get("type") == "refusal"]
    thoughts = [reasoning_text(item) for item in items if item.get("type") == "reasoning"]
    made: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": "".join(refusals),
        "reasoning_content": PARAGRAPH.join(thought for thought in thoughts if thought),
        "tool_calls": [as_call(item) for item in items if is_call(item)],
        "annotations": [*_annotations(parts)],
        "images": [image for item in items for image in as_images(item)],
        "provider_specific_fields": keepsake(items),
    }
    return {name: value for name, value in made.items() if value or name == "content"}


def _parts(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        content = item.get("content") if item.get("type", "message") == "message" else None
        if isinstance(content, str):
            yield {"type": "output_text", "text": content}
        for part in content if isinstance(content, list | tuple) else ():
            if isinstance(part, Mapping):
                yield part


def _is_text(part: Item) -> bool:
    # Clients also put an answer back under the names that a question's texts have.
    return part.get("type") in ("output_text", "input_text", "text")


def _str(source: Item, name: str) -> str:
    value = source.get(name)
    return value if isinstance(value, str) else ""


def reasoning_text(item: Item) -> str:
    """What a reasoning item shows of the thoughts: its summary, then the thoughts themselves."""
    parts: list[Any] = []
    for name in ("summary", "content"):
        found = item.get(name)
        parts += found if isinstance(found, list | tuple) else ()
    texts = (_str(part, "text") for part in parts if isinstance(part, Mapping))
    return PARAGRAPH.join(text for text in texts if text)


def as_call(item: Item) -> dict[str, Any]:
    """A call as OpenAI's tool call."""
    name = {"name": item.get("name")}
    if item.get("type") == "custom_tool_call":
        inner = {"custom": name | {"input": _str(item, "input")}, "type": "custom"}
    else:
        inner = {"function": name | {"arguments": _str(item, "arguments")}, "type": "function"}
    return {"id": item.get("call_id") or item.get("id"), **inner}


def as_images(item: Item) -> Iterator[dict[str, Any]]:
    """The picture that an item has, as a message has them."""
    if item.get("type") == "image_generation_call" and isinstance(item.get("result"), str):
        kind = str(item.get("output_format") or "png")
        url = f"data:image/{kind};base64,{item['result']}"
        yield {"type": "image_url", "image_url": {"url": url}}


def _annotations(parts: Iterable[Item]) -> Iterator[dict[str, Any]]:
    start = 0
    for part in parts:
        found = part.get("annotations")
        for note in found if isinstance(found, list) else ():
            if isinstance(note, Mapping):
                yield annotation(note, start)
        start += len(_str(part, "text")) if _is_text(part) else 0


def annotation(note: Item, start: int) -> dict[str, Any]:
    """A citation as a message has it, counted from the start of the whole text, of which its part is at ``start``."""
    kind = str(note.get("type"))
    inner = {name: value for name, value in note.items() if name != "type"}
    for name in ("start_index", "end_index"):
        if isinstance(inner.get(name), int):
            inner[name] += start
    return {"type": kind, kind: inner}


def keepsake(items: Sequence[Item]) -> dict[str, Any] | None:
    """What to keep of these items beside the message's fields; ``None`` where those say it all."""
    return None if _is_plain(items) else {KEPT: [dict(item) for item in items]}


def _is_plain(items: Sequence[Item]) -> bool:
    said = False
    called = False
    for item in items:
        if is_call(item) and item.keys() <= _PLAIN_CALL:
            called = True
        elif said or called or not _is_plain_message(item):
            return False
        else:
            said = True
    return True


def _is_plain_message(item: Item) -> bool:
    if item.get("type", "message") != "message" or not item.keys() <= _PLAIN_MESSAGE:
        return False
    content = item.get("content")
    if isinstance(content, str):
        return True
    if not isinstance(content, list) or len(content) != 1 or not isinstance(content[0], Mapping):
        return False
    part = content[0]
    plain = part.keys() <= _PLAIN_PART and not part.get("annotations") and not part.get("logprobs")
    return plain and _is_text(part)


def still_says(items: Sequence[Any], message: Mapping[str, Any]) -> bool:
    """Whether kept items and the message agree: whoever edits a message means the edit."""
    if not all(isinstance(item, Mapping) for item in items):
        return False
    told = fields(items)
    if (told["content"] or "") != (message.get("content") or ""):
        return False
    return _calls(told.get("tool_calls")) == _calls(message.get("tool_calls"))


def _calls(calls: Any) -> list[Any]:
    return [_call(call) for call in calls or ()]


def _call(call: Any) -> Any:
    if not hasattr(call, "get"):
        return call
    function, custom = call.get("function"), call.get("custom")
    if custom is not None and hasattr(custom, "get"):
        return call.get("id"), custom.get("name"), custom.get("input")
    if function is None or not hasattr(function, "get"):
        return call
    return call.get("id"), function.get("name"), _arguments(function.get("arguments"))


def _arguments(text: Any) -> Any:
    try:
        return load(text or "{}")
    except (NotJSON, TypeError):
        return text


def rebuilt(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Items from a message's text and calls alone. Its content must be a text, or nothing."""
    content, refusal = message.get("content"), message.get("refusal")
    parts: list[dict[str, Any]] = []
    if isinstance(content, str) and content:
        parts.append({"type": "output_text", "text": content, "annotations": []})
    if isinstance(refusal, str) and refusal:
        parts.append({"type": "refusal", "refusal": refusal})
    if parts:
        yield {"type": "message", "role": "assistant", "content": parts}
    for call in message.get("tool_calls") or ():
        yield call_item(call)


def call_item(call: Any) -> dict[str, Any]:
    """A tool call as an item."""
    custom = call.get("custom")
    if custom is not None:
        made = {"type": "custom_tool_call", "call_id": call.get("id"), "name": custom.get("name")}
        return made | {"input": custom.get("input") or ""}
    function = call.get("function") or {}
    made = {"type": "function_call", "call_id": call.get("id"), "name": function.get("name")}
    return made | {"arguments": function.get("arguments") or "{}"}
