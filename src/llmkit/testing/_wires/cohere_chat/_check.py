"""What the simulated chat refuses. Pure: a parsed body in, a `Refusal` raised or nothing.

Names, types and ranges: https://docs.cohere.com/v2/reference/chat in its machine-readable form, read 2026-11-22.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ._door import Refusal

__all__ = ["check"]

# name -> the JSON types that it may have; what is not listed is an unknown field.
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "model": str,
    "messages": list,
    "stream": bool,
    "tools": list,
    "strict_tools": bool,
    "tool_choice": str,
    "documents": list,
    "citation_options": dict,
    "response_format": dict,
    "safety_mode": str,
    "max_tokens": int,
    "stop_sequences": list,
    "temperature": (int, float),
    "seed": int,
    "frequency_penalty": (int, float),
    "presence_penalty": (int, float),
    "k": int,
    "p": (int, float),
    "logprobs": bool,
    "thinking": dict,
    "priority": int,
}
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (0, 1),
    "frequency_penalty": (0, 1),
    "presence_penalty": (0, 1),
    "k": (0, 500),
    "p": (0.01, 0.99),
    "max_tokens": (1, math.inf),
    "seed": (0, 2**64),
    "priority": (0, 999),
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "tool_choice": ("REQUIRED", "NONE"),
    "safety_mode": ("CONTEXTUAL", "STRICT", "OFF"),
}
_MOST_STOPS: Final = 5
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "system": ("text",),
    "user": ("text", "image_url", "document"),
    "assistant": ("text", "thinking"),
    "tool": ("text", "document"),
}


def check(body: Mapping[str, Any]) -> None:
    """Raise the `Refusal` that *body* deserves; return if it is fine."""
    for name, value in body.items():
        _check_type(name, value)
        _check_value(name, value)
    if not body.get("messages"):
        raise _wrong("messages must have at least one element")
    if len(body.get("stop_sequences", ())) > _MOST_STOPS:
        raise _wrong(f"stop_sequences must have at most {_MOST_STOPS} elements")
    called: set[str] = set()
    for i, message in enumerate(body["messages"]):
        _check_message(f"messages[{i}]", message, called)
    _check_tools(body)
    _check_format(body)


def _wrong(text: str) -> Refusal:
    return Refusal(400, f"invalid request: {text}")


def _check_type(name: str, value: Any) -> None:
    if name not in _TYPES:
        raise Refusal(422, f"unknown field: parameter '{name}' is not a valid field")
    stray = isinstance(value, bool) and _TYPES[name] is not bool
    if stray or not isinstance(value, _TYPES[name]):
        raise _wrong(f"parameter '{name}' has a type that it cannot have")


def _check_value(name: str, value: Any) -> None:
    if name in _CHOICES and value not in _CHOICES[name]:
        raise _wrong(f"{name} must be one of {', '.join(_CHOICES[name])}")
    low, high = _RANGES.get(name, (-math.inf, math.inf))
    if name in _RANGES and not low <= value <= high:
        raise _wrong(f"{name} must be between {low:g} and {high:g} inclusive")


def _check_message(path: str, message: Any, called: set[str]) -> None:
    role = str(message.get("role")) if isinstance(message, Mapping) else ""
    if role not in _PARTS:
        raise _wrong(f"{path}: valid role is required")
    content, calls = message.get("content"), message.get("tool_calls") or []
    _check_content(path, role, content, needed=not calls)
    for call in calls:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("arguments"), str):
            raise _wrong(f"{path}.tool_calls must be functions with a name and arguments")
        called.add(str(call.get("id")))
    if role == "tool" and message.get("tool_call_id") not in called:
        raise _wrong(f"{path}: tool_call_id not found in previous tool calls")


def _check_content(path: str, role: str, content: Any, *, needed: bool) -> None:
    if content is None or content in ("", []):
        if needed and role != "tool":
            raise _wrong(f"{path}: content is required")
        return
    if isinstance(content, str):
        return
    kinds = [part.get("type") for part in content if isinstance(part, Mapping)]
    if len(kinds) < len(content) or not set(kinds) <= set(_PARTS[role]):
        raise _wrong(f"{path}.content must be a text, or parts of types {', '.join(_PARTS[role])}")


def _check_tools(body: Mapping[str, Any]) -> None:
    tools: Sequence[Any] = body.get("tools") or ()
    for i, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, Mapping) else None
        whole = isinstance(function, Mapping) and "name" in function and "parameters" in function
        if not whole or tool.get("type") != "function":
            raise _wrong(f"tools[{i}] must be a function with name and parameters")
    if body.get("tool_choice") == "REQUIRED" and not tools:
        raise _wrong("tool_choice REQUIRED needs tools")


def _check_format(body: Mapping[str, Any]) -> None:
    wanted = body.get("response_format") or {"type": "text"}
    if wanted.get("type") not in ("text", "json_object"):
        raise _wrong("response_format.type must be text or json_object")
    if wanted["type"] == "json_object" and body.get("tools"):
        raise _wrong("response_format is not supported together with tools")
