"""Tools and the choice among them. Native tools go through as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._params import Ledger
from ._parts import NATIVE_TOOLS, cache_point
from ._traits import Traits

__all__ = ["write_choice", "write_tools"]

_NO_PARAMETERS = {"type": "object", "properties": {}}
_CHOICES: dict[str, dict[str, Any]] = {
    "auto": {"auto": {}},
    "required": {"any": {}},
    "any": {"any": {}},
}
_NATIVE_CHOICES = frozenset({"auto", "any", "tool"})


def write_tools(traits: Traits, ledger: Ledger, tools: Any) -> list[Any]:
    """Write the tools, each with the cache point that it is marked with."""
    if not isinstance(tools, Sequence) or isinstance(tools, str | bytes):
        raise ledger.invalid("tools must be a list")
    made: list[Any] = []
    for i, tool in enumerate(tools):
        made += _tool(traits, ledger, f"tools[{i}]", tool)
    return made


def _tool(traits: Traits, ledger: Ledger, path: str, tool: Any) -> list[Any]:
    if not isinstance(tool, Mapping):
        raise ledger.invalid(f"{path} must be a dict, not {type(tool).__name__}")
    if not tool.keys().isdisjoint(NATIVE_TOOLS):
        return [tool]
    function = tool.get("function")
    if not isinstance(function, Mapping):
        raise ledger.invalid(
            f"{path} must be {{'type': 'function', 'function': …}}, or a native tool: {', '.join(NATIVE_TOOLS)}"
        )
    schema = function.get("parameters") or _NO_PARAMETERS
    made = {"name": function.get("name"), "description": function.get("description") or None}
    made["inputSchema"] = {"json": schema}
    if (strict := function.get("strict")) and not traits.schema:
        ledger.refuse(f"{path}.function.strict", strict, "the model is not known for strict tools")
    else:
        made["strict"] = strict
    spec = {"toolSpec": {name: value for name, value in made.items() if value is not None}}
    mark = tool.get("cache_control")
    return [spec] if mark is None else [spec, cache_point(mark)]


def write_choice(traits: Traits, ledger: Ledger, body: dict[str, Any]) -> None:
    """Write ``tool_choice`` and ``parallel_tool_calls``."""
    params = ledger.call.params
    given, tools = params.get("tool_choice"), body.get("toolConfig", {}).get("tools")
    if given == "none":
        _none(ledger, body)
        return
    choice = None if given is None else _choice(ledger, given)
    if choice is not None and tools:
        body["toolConfig"].setdefault("toolChoice", choice)
    elif choice is not None and "auto" not in choice:
        raise ledger.invalid("tool_choice demands a tool, and there are no tools")
    if params.get("parallel_tool_calls") is False and tools:
        _one_by_one(traits, ledger, body)


def _none(ledger: Ledger, body: dict[str, Any]) -> None:
    if "toolConfig" not in body:
        return
    if any("toolUse" in block for turn in body["messages"] for block in turn["content"]):
        reason = "it has no such choice, and the tools must be told while the history has calls"
        ledger.refuse("tool_choice", "none", reason)
        return
    sent = body.pop("toolConfig")["tools"]
    ledger.adjust(
        "tool_choice", "emulated", "none", None, "it has no such choice; tools are left out"
    )
    ledger.adjust("tools", "dropped", sent, None, "tool_choice is 'none'")


def _choice(ledger: Ledger, given: Any) -> dict[str, Any]:
    if isinstance(given, str) and given in _CHOICES:
        return _CHOICES[given]
    if isinstance(given, Mapping):
        function = given.get("function")
        if given.get("type") == "function" and isinstance(function, Mapping):
            return {"tool": {"name": function.get("name")}}
        if len(given) == 1 and given.keys() <= _NATIVE_CHOICES:
            return dict(given)
    raise ledger.invalid(
        f"tool_choice is {given!r:.80}; it must be 'auto', 'none', 'required' or "
        "{'type': 'function', 'function': {'name': …}}"
    )


def _one_by_one(traits: Traits, ledger: Ledger, body: dict[str, Any]) -> None:
    """Only one maker's models can be told, and only in their own words: two choices at once are refused."""
    if traits.messages is None:
        ledger.refuse("parallel_tool_calls", False, "its models may call several tools at once")
        return
    name, value = next(iter(body["toolConfig"].pop("toolChoice", {"auto": {}}).items()))
    choice = {"type": name, **value, "disable_parallel_tool_use": True}
    body.setdefault("additionalModelRequestFields", {})["tool_choice"] = choice
