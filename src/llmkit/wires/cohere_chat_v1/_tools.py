"""Tools of the first version: parameters have a name, a type in Python's words and a description, and no schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._params import Ledger

__all__ = ["write_choice", "write_tools"]

_TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
}
_TOLD = frozenset({"type", "description", "title"})


def write_tools(ledger: Ledger, tools: Any, body: dict[str, Any]) -> None:
    """Put the tools into the body."""
    if not tools:
        return
    if not isinstance(tools, Sequence) or isinstance(tools, str | bytes):
        raise ledger.invalid("tools must be a list")
    body["tools"] = [_tool(ledger, f"tools[{i}]", tool) for i, tool in enumerate(tools)]


def _tool(ledger: Ledger, path: str, tool: Any) -> Mapping[str, Any]:
    if isinstance(tool, Mapping) and "parameter_definitions" in tool:
        return tool
    function = tool.get("function") if isinstance(tool, Mapping) else None
    if not isinstance(function, Mapping):
        raise ledger.invalid(
            f"{path}: {ledger.call.provider} has functions for tools and no others"
        )
    _note_lost(ledger, path, tool)
    _note_lost(ledger, f"{path}.function", function)
    schema = function.get("parameters")
    told = schema if isinstance(schema, Mapping) else {}
    found = told.get("properties")
    properties = found if isinstance(found, Mapping) else {}
    required = told.get("required") or ()
    lost = {name: part for name, part in properties.items() if not _is_told(part)}
    if lost:
        reason = "parameters have a type and a description there, and no schema"
        ledger.adjust(f"{path}.function.parameters", "dropped", lost, None, reason)
    made = {"name": function.get("name"), "description": function.get("description") or ""}
    definitions = {
        name: _definition(part, is_required=name in required) for name, part in properties.items()
    }
    return {**made, "parameter_definitions": definitions}


def _note_lost(ledger: Ledger, path: str, given: Mapping[str, Any]) -> None:
    for name in ("strict", "cache_control"):
        if given.get(name):
            reason = "there is no such mark"
            ledger.adjust(f"{path}.{name}", "dropped", given[name], None, reason)


def _is_told(part: Any) -> bool:
    return isinstance(part, Mapping) and part.keys() <= _TOLD and str(part.get("type")) in _TYPES


def _definition(part: Any, *, is_required: bool) -> dict[str, Any]:
    told = part if isinstance(part, Mapping) else {}
    kind = told.get("type")
    made: dict[str, Any] = {"type": _TYPES.get(kind, "str") if isinstance(kind, str) else "str"}
    if told.get("description"):
        made["description"] = told["description"]
    return made | {"required": is_required}


def write_choice(ledger: Ledger, params: Mapping[str, Any], body: dict[str, Any]) -> None:
    """No tool at all is said by sending none; there is no word for "must"."""
    if params.get("parallel_tool_calls") is False:
        ledger.refuse(
            "parallel_tool_calls", False, "how many tools are called at once cannot be chosen"
        )
    choice = params.get("tool_choice")
    if choice is None or choice == "auto":
        return
    if choice == "none":
        if body.pop("tools", None) is not None:
            reason = "by sending no tools"
            ledger.adjust("tool_choice", "emulated", choice, None, reason)
        return
    ledger.refuse("tool_choice", choice, "a call of a tool cannot be demanded")
