"""What the simulated Responses endpoint refuses. Pure: a parsed body in, a `Refusal` raised or nothing.

Names, types and ranges: OpenAI's API reference, responses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..openai_chat._refusal import bad_request, missing, wrong_type

__all__ = ["check"]

_Types = type | tuple[type, ...]
_PHRASES: Final[Mapping[_Types, str]] = {
    bool: "a boolean",
    int: "an integer",
    (int, float): "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    (str, list): "a string or an array",
    (str, dict): "a string or an object",
}
_TYPES: Final[Mapping[str, _Types]] = {
    "model": str,
    "input": (str, list),
    "access_programs": dict,
    "background": bool,
    "background_options": dict,
    "context_management": list,
    "conversation": (str, dict),
    "image": dict,
    "include": list,
    "instructions": str,
    "max_output_tokens": int,
    "max_tool_calls": int,
    "metadata": dict,
    "moderation": dict,
    "parallel_tool_calls": bool,
    "previous_response_id": str,
    "prompt": dict,
    "prompt_cache_key": str,
    "prompt_cache_options": dict,
    "prompt_cache_retention": str,
    "reasoning": dict,
    "safety_identifier": str,
    "service_tier": str,
    "store": bool,
    "stream": bool,
    "stream_options": dict,
    "temperature": (int, float),
    "text": dict,
    "tool_choice": (str, dict),
    "tools": list,
    "top_logprobs": int,
    "top_p": (int, float),
    "truncation": str,
    "user": str,
}
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "max_output_tokens": (16, math.inf),
    "temperature": (0, 2),
    "top_logprobs": (0, 20),
    "top_p": (0, 1),
}
_ROLES: Final = ("assistant", "system", "developer", "user")
_PARTS: Final = (
    "input_text", "input_image", "input_file", "input_audio", "output_text", "refusal",
)  # fmt: skip
_TEXTS: Final = frozenset({"input_text", "output_text"})
_RESULTS: Final = {
    "function_call_output": "function_call",
    "custom_tool_call_output": "custom_tool_call",
}


def check(body: Any) -> None:
    """Raise the `Refusal` that a request deserves."""
    if not isinstance(body, dict):
        raise bad_request("The JSON body of your request must be an object.")
    for name in ("model", "input"):
        if body.get(name) is None:
            raise missing(name)
    for name, value in body.items():
        if value is not None:
            _parameter(name, value)
    if body.get("previous_response_id") is not None:
        text = f"Previous response with id '{body['previous_response_id']}' not found."
        raise bad_request(text, "previous_response_id", "previous_response_not_found")
    _items(body["input"])
    _tools(body.get("tools") or [])
    _format(body.get("text") or {})


def _parameter(name: str, value: Any) -> None:
    if name not in _TYPES:
        raise bad_request(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    kinds = _TYPES[name]
    wrong = isinstance(value, bool) and kinds is not bool
    if wrong or not isinstance(value, kinds):
        raise wrong_type(name, _PHRASES[kinds], value)
    least, most = _RANGES.get(name, (-math.inf, math.inf))
    if isinstance(value, int | float) and not least <= value <= most:
        bound, code = (f">= {least}", "min") if value < least else (f"<= {most}", "max")
        text = f"Invalid '{name}': expected a value {bound}, but got {value} instead."
        raise bad_request(
            text, name, f"integer_{'below' if code == 'min' else 'above'}_{code}_value"
        )


def _items(given: Any) -> None:
    called: set[tuple[str, str]] = set()
    for i, item in enumerate(given if isinstance(given, list) else ()):
        path = f"input[{i}]"
        if not isinstance(item, dict):
            raise wrong_type(path, "an object", item)
        kind = item.get("type", "message")
        _ITEMS.get(kind, _any)(path, item)
        if kind in _RESULTS.values():
            called.add((kind, item["call_id"]))
        elif kind in _RESULTS and (_RESULTS[kind], item["call_id"]) not in called:
            text = f"No tool call found for {_said(kind)} with call_id {item['call_id']}."
            raise bad_request(text, "input")


def _said(kind: str) -> str:
    return kind.replace("_", " ")


def _any(path: str, item: Mapping[str, Any]) -> None:
    """An item of another kind: the real API looks into it, the simulator does not."""


def _message(path: str, item: Mapping[str, Any]) -> None:
    if item.get("role") not in _ROLES:
        text = f"Invalid value: '{item.get('role')}'. Supported values are: {', '.join(_ROLES)}."
        raise bad_request(text, path, "invalid_value")
    _content(f"{path}.content", item.get("content"))


def _content(path: str, content: Any) -> None:
    if content is None:
        raise missing(path)
    if not isinstance(content, str | list):
        raise wrong_type(path, "a string or an array", content)
    for i, part in enumerate(content if isinstance(content, list) else ()):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _PARTS:
            text = f"Invalid value: '{kind}'. Supported values are: {', '.join(_PARTS)}."
            raise bad_request(text, f"{path}[{i}]", "invalid_value")
        if kind in _TEXTS and not isinstance(part.get("text"), str):
            raise missing(f"{path}[{i}].text")


def _call(path: str, item: Mapping[str, Any]) -> None:
    written = "input" if item.get("type") == "custom_tool_call" else "arguments"
    for name in ("call_id", "name", written):
        if not isinstance(item.get(name), str):
            raise missing(f"{path}.{name}")


def _result(path: str, item: Mapping[str, Any]) -> None:
    if not isinstance(item.get("call_id"), str):
        raise missing(f"{path}.call_id")
    _content(f"{path}.output", item.get("output"))


_ITEMS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], None]]] = {
    "message": _message,
    "function_call": _call,
    "custom_tool_call": _call,
    "function_call_output": _result,
    "custom_tool_call_output": _result,
}


def _tools(tools: list[Any]) -> None:
    for i, tool in enumerate(tools):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if not isinstance(kind, str):
            raise missing(f"tools[{i}].type")
        if kind in ("function", "custom") and not isinstance(tool.get("name"), str):
            # What is nested, as in chat, is not seen.
            raise missing(f"tools[{i}].name")


def _format(text: Mapping[str, Any]) -> None:
    given = text.get("format") or {"type": "text"}
    if given.get("type") not in ("text", "json_object", "json_schema"):
        raise bad_request("Invalid value for 'text.format.type'.", "text.format", "invalid_value")
    for name in ("name", "schema") if given["type"] == "json_schema" else ():
        if name not in given:
            raise missing(f"text.format.{name}")
