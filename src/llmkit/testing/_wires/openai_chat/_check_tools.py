"""What the simulated chat endpoint refuses in `tools`, `tool_choice` and `response_format`.

Pure. The schemas' own language is `_schema`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..._schema import shape_fault, strict_fault
from ._refusal import Refusal, bad_request, missing, wrong_type

__all__ = ["check_response_format", "check_tools"]

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")
_LONGEST_NAME: Final = 64
_MOST_TOOLS: Final = 128
_MODES: Final = ("none", "auto", "required")
_FORMATS: Final = ("text", "json_object", "json_schema")


def check_tools(given: Mapping[str, Any]) -> None:
    """Raise the `Refusal` that the tools and the tool choice deserve; return if they are fine."""
    tools = given.get("tools")
    if tools is None:
        return
    if not 1 <= len(tools) <= _MOST_TOOLS:
        fault, code = (
            ("empty array", "empty_array")
            if not tools
            else ("array too long", "array_above_max_length")
        )
        raise bad_request(f"Invalid 'tools': {fault}.", "tools", code)
    names = [_check_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]
    if "tool_choice" in given:
        _check_choice(given["tool_choice"], names)


def _check_tool(tool: Any, where: str) -> str:
    if not isinstance(tool, dict):
        raise wrong_type(where, "an object", tool)
    kind = tool.get("type")
    if kind not in ("function", "custom"):
        raise _unsupported(kind, f"{where}.type", ("function", "custom"))
    declared = tool.get(kind)
    if not isinstance(declared, dict):
        raise missing(f"{where}.{kind}")
    _check_name(declared.get("name"), f"{where}.{kind}.name")
    if kind == "function":
        _check_parameters(declared, f"{where}.function.parameters")
    return str(declared["name"])


def _unsupported(value: Any, where: str, known: tuple[str, ...]) -> Refusal:
    listed = ", ".join(f"'{name}'" for name in known)
    text = f"Invalid value: '{value}'. Supported values are: {listed}."
    return bad_request(text, where, "invalid_value")


def _check_name(name: Any, where: str) -> None:
    if name is None:
        raise missing(where)
    if not isinstance(name, str):
        raise wrong_type(where, "a string", name)
    if len(name) > _LONGEST_NAME:
        raise bad_request(
            f"Invalid '{where}': string too long. Expected a string with maximum length "
            f"{_LONGEST_NAME}, but got a string with length {len(name)} instead.",
            where,
            "string_above_max_length",
        )
    if not _NAME.fullmatch(name):
        raise bad_request(
            f"Invalid '{where}': string does not match pattern. Expected a string that matches "
            "the pattern '^[a-zA-Z0-9_-]+$'.",
            where,
            "invalid_value",
        )


def _check_parameters(function: Mapping[str, Any], where: str) -> None:
    schema = function.get("parameters")
    if schema is None:
        return
    if not isinstance(schema, dict):
        raise wrong_type(where, "an object", schema)
    kind = schema.get("type", "None")
    fault = _schema_fault(schema, function)
    if schema and kind != "object":
        fault = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
    if fault:
        text = f"Invalid schema for function '{function['name']}': {fault}"
        raise bad_request(text, where, "invalid_function_parameters")


def _schema_fault(schema: Any, owner: Mapping[str, Any]) -> str | None:
    """What is wrong with *schema*; *owner* is what holds it and says whether it is strict."""
    return shape_fault(schema) or (strict_fault(schema) if owner.get("strict") else None)


def _check_choice(choice: str | Mapping[str, Any], names: list[str]) -> None:
    if isinstance(choice, str):
        if choice not in _MODES:
            raise _unsupported(choice, "tool_choice", _MODES)
        return
    kind = choice.get("type")
    if kind not in ("function", "custom", "allowed_tools"):
        raise _unsupported(kind, "tool_choice.type", ("function", "custom", "allowed_tools"))
    for wanted in _wanted(choice, str(kind)):
        if wanted not in names:
            raise bad_request(
                f"Invalid value for 'tool_choice': no tool is named '{wanted}' in 'tools'.",
                "tool_choice",
            )


def _wanted(choice: Mapping[str, Any], kind: str) -> list[Any]:
    """The tool names that *choice* mentions."""
    inner = choice.get(kind)
    if not isinstance(inner, dict):
        raise missing(f"tool_choice.{kind}")
    if kind != "allowed_tools":
        return [inner.get("name")]
    tools = [tool for tool in inner.get("tools") or () if isinstance(tool, dict)]
    return [(tool.get(str(tool.get("type"))) or {}).get("name") for tool in tools]


def check_response_format(given: Mapping[str, Any]) -> None:
    """Raise the `Refusal` that the response format deserves; return if it is fine."""
    wanted = given.get("response_format", {"type": "text"})
    kind = wanted.get("type")
    if kind not in _FORMATS:
        raise _unsupported(kind, "response_format.type", _FORMATS)
    if kind == "json_object" and "json" not in str(given["messages"]).lower():
        raise bad_request(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'.",
            "messages",
        )
    if kind == "json_schema":
        _check_json_schema(wanted.get("json_schema"), "response_format.json_schema")


def _check_json_schema(wanted: Any, where: str) -> None:
    if not isinstance(wanted, dict):
        raise missing(where)
    _check_name(wanted.get("name"), f"{where}.name")
    schema = wanted.get("schema")
    if not isinstance(schema, dict):
        raise missing(f"{where}.schema")
    if fault := _schema_fault(schema, wanted):
        raise bad_request(
            f"Invalid schema for response_format '{wanted['name']}': {fault}",
            "response_format",
            "invalid_json_schema",
        )
