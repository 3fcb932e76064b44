"""Answers that llmkit did not make (dicts, other SDKs' objects) as answers of its own, as far as their price needs it.

Reads whose form a usage has. What it costs is worked out in ``costing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..types._model import Model, lenient
from ..types.answer import Answer
from ..types.chat import ChatCompletion
from ..types.messages import MessageResponse
from ..types.responses import Response
from ..types.usage import Usage
from ..wires.anthropic_messages import _usage as anthropic
from ..wires.gemini import _usage as gemini
from ..wires.openai_chat._decode import normalize_usage
from ..wires.openai_responses import _usage as responses

__all__ = ["adopted", "as_mapping", "usage_of"]

# What only one of the forms has beside ``input_tokens``.
_CLAUDES: Final = ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation")
_GEMINIS: Final = ("usageMetadata", "usage_metadata")


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A dict, or what an object stands for. Raises TypeError for anything else."""
    if isinstance(value, Mapping):
        return value
    for name in ("model_dump", "to_dict", "dict"):
        dump = getattr(value, name, None)
        made = dump() if callable(dump) else None
        if isinstance(made, Mapping):
            return made
    fields = getattr(value, "__dict__", None)
    if not fields:
        raise TypeError(f"{type(value).__name__} is neither an answer nor a usage")
    return dict(fields)


def adopted(given: Any) -> Answer:
    """An answer of one's own that says what the given one does. Raises TypeError for what is none."""
    data = as_mapping(given)
    told = next((data[name] for name in ("usage", *_GEMINIS) if data.get(name) is not None), None)
    items = data.get("output")
    usage = None if told is None else usage_of(told, items, data.get("tools"))
    rest = {name: data[name] for name in ("model", "service_tier", "cost") if data.get(name)}
    rest.setdefault("model", data.get("modelVersion") or data.get("model_version") or "")
    if isinstance(items, list):
        return _counted(lenient(Response, {**rest, "output": [*map(_item, items)]}), usage)
    if data.get("type") == "message":
        native = {} if told is None else dict(as_mapping(told))
        return _counted(lenient(MessageResponse, {**rest, "usage": native}), usage)
    made = lenient(ChatCompletion, rest)
    made.usage = usage
    return made


def _counted(made: Response | MessageResponse, usage: Usage | None) -> Answer:
    made.count(usage)
    return made


def _item(item: Any) -> Any:
    return item if isinstance(item, Mapping) else as_mapping(item)


def _items(given: Any) -> list[Any] | None:
    return [_item(item) for item in given] if isinstance(given, list) else None


def usage_of(given: Any, items: Any = None, tools: Any = None) -> Usage:
    """Any of the four forms of a usage in a chat's terms. Raises TypeError for what is none."""
    if isinstance(given, Usage):
        return given
    data = _plain(as_mapping(given))
    if "promptTokenCount" in data or "prompt_token_count" in data:
        return lenient(Usage, gemini.usage(_camel(data), 0) or {})
    if "input_tokens" in data and "prompt_tokens" not in data:
        if any(data.get(name) is not None for name in _CLAUDES) or "total_tokens" not in data:
            return lenient(Usage, anthropic.translated(data))
        searched = responses.searches(_items(items))
        return lenient(Usage, responses.translated(data, searched, _items(tools)) or {})
    normalize_usage(data)
    return lenient(Usage, data)


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not told, and dicts all the way down."""
    return {k: _dumped(v) for k, v in data.items() if v is not None}


def _dumped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, list):
        return [_dumped(item) for item in value]
    if isinstance(value, Model) or hasattr(value, "model_dump"):
        return _plain(value.model_dump())
    return value


def _camel(data: Any) -> Any:
    """The names that Google's SDK writes with underscores, as the API has them."""
    if isinstance(data, list):
        return [_camel(item) for item in data]
    if not isinstance(data, Mapping):
        return getattr(data, "value", data)
    return {_joined(name): _camel(value) for name, value in data.items()}


def _joined(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
