"""What the simulated API refuses in `tools`, `tool_choice` and the format of the output.

Pure. Which schemas a grammar can hold is told in `_check_schema`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..._schema import shape_fault
from ._blocks import CACHE_CONTROL
from ._check_schema import grammar_fault
from ._refusal import Refusal, invalid
from ._shape import (
    SHAPELESS,
    Check,
    boolean,
    list_of,
    mapping,
    matching,
    nullable,
    one_of,
    record,
    tagged,
    text,
)

__all__ = ["OUTPUT_FORMAT", "TOOLS", "TOOL_CHOICE", "check_format", "check_tools"]

_NOT_A_SCHEMA: Final = (
    "JSON schema is invalid. It must match JSON Schema draft 2020-12 "
    "(https://json-schema.org/draft/2020-12). Learn more about tool use at "
    "https://docs.claude.com/en/docs/tool-use."
)
_COMBINING: Final = ("oneOf", "allOf", "anyOf")
# Tools that the API runs by itself or knows the schema of.
_BUILT_IN: Final = (
    "advisor_20260301",
    "bash_20250124",
    "browser_toolset_20260801",
    "code_execution_20250522",
    "code_execution_20250825",
    "code_execution_20260120",
    "code_execution_20260521",
    "computer_20250124",
    "computer_20251124",
    "computer_toolset_20260801",
    "mcp_toolset",
    "memory_20250818",
    "text_editor_20250124",
    "text_editor_20250429",
    "text_editor_20250728",
    "tool_search_tool_bm25_20251119",
    "tool_search_tool_regex_20251119",
    "web_fetch_20250910",
    "web_fetch_20260209",
    "web_fetch_20260309",
    "web_fetch_20260318",
    "web_search_20250305",
    "web_search_20260209",
    "web_search_20260318",
)


def _input_schema(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise invalid(where, SHAPELESS)
    if "type" not in value:
        raise invalid(f"{where}.type", "Field required")
    one_of("object")(value["type"], f"{where}.type")
    if any(keyword in value for keyword in _COMBINING):
        raise invalid(
            where, "input_schema does not support oneOf, allOf, or anyOf at the top level"
        )
    if shape_fault(value):
        raise invalid(where, _NOT_A_SCHEMA)


_CUSTOM: Final[Mapping[str, Check]] = {
    "type": nullable(text),
    "name": matching("^[a-zA-Z0-9_-]{1,128}$"),
    "description": text,
    "input_schema": _input_schema,
    "cache_control": CACHE_CONTROL,
    "strict": boolean,
    "defer_loading": boolean,
    "allowed_callers": list_of(text),
    "eager_input_streaming": nullable(boolean),
    "input_examples": list_of(mapping),
}
_KINDS: Final = tagged(
    {"custom": record(_CUSTOM, ("name", "input_schema")), **dict.fromkeys(_BUILT_IN, mapping)}
)


def _tool(value: Any, where: str) -> None:
    is_untyped = isinstance(value, dict) and value.get("type") is None
    _KINDS({**value, "type": "custom"} if is_untyped else value, where)


TOOLS: Final = list_of(_tool)
"""The shape of `tools`."""

_PARALLEL: Final[Mapping[str, Check]] = {"type": text, "disable_parallel_tool_use": boolean}
TOOL_CHOICE: Final = tagged(
    {
        "auto": record(_PARALLEL),
        "any": record(_PARALLEL),
        "tool": record({**_PARALLEL, "name": text}, ("name",)),
        "none": record({"type": text}),
    }
)
"""The shape of `tool_choice`."""

OUTPUT_FORMAT: Final = record(
    {"type": one_of("json_schema"), "schema": mapping}, ("type", "schema")
)
"""The shape of a format of the output."""


def check_tools(body: Mapping[str, Any]) -> None:
    """Raise the `Refusal` that the tools and the choice of one deserve; return if they are fine."""
    tools = body.get("tools") or []
    _check_built_in(tools, body["model"])
    names = [tool["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise invalid("tools", "Tool names must be unique.")
    _check_strict(tools)
    choice = body.get("tool_choice")
    if choice is not None and not tools and choice["type"] != "none":
        raise Refusal(400, "`tool_choice` may only be specified while providing `tools`.")
    if choice is not None and choice["type"] == "tool" and choice["name"] not in names:
        raise Refusal(400, f"Tool '{choice['name']}' not found in provided tools")


def _check_built_in(tools: Sequence[Mapping[str, Any]], model: str) -> None:
    kinds = [tool["type"] for tool in tools if tool.get("type") in _BUILT_IN]
    if kinds:
        raise Refusal(400, f"'{model}' does not support tool types: {', '.join(kinds)}.")


def _check_strict(tools: Sequence[Mapping[str, Any]]) -> None:
    strict = [(index, tool) for index, tool in enumerate(tools) if tool.get("strict")]
    for index, tool in strict:
        if fault := grammar_fault(tool["input_schema"]):
            # Limits are the request's, and are told without a place.
            whole = fault.startswith("Schemas")
            raise Refusal(400, fault if whole else f"tools.{index}.custom: {fault}")
    if fault := grammar_fault(*(tool["input_schema"] for _, tool in strict)):
        raise Refusal(400, fault)


def check_format(wanted: Mapping[str, Any], where: str) -> None:
    """Raise the `Refusal` that a format's schema deserves; return if it is fine."""
    schema = wanted["schema"]
    if shape_fault(schema):
        raise invalid(f"{where}.schema", _NOT_A_SCHEMA)
    if fault := grammar_fault(schema):
        raise invalid(f"{where}.schema", fault)
