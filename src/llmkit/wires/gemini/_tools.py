"""Tools and ``tool_choice``: functions declared, the provider's own tools by OpenAI's names or as they are.

Source: ``Tool`` and ``ToolConfig`` of the v1beta reference (docs/wires/gemini.md), read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._params import Ledger
from ._schema import Converter

__all__ = ["Tools"]

# OpenAI's (and Anthropic's) names for what the provider runs by itself.
_OWN = {
    "web_search": "googleSearch",
    "web_search_preview": "googleSearch",
    "google_search": "googleSearch",
    "code_interpreter": "codeExecution",
    "code_execution": "codeExecution",
    "url_context": "urlContext",
    "web_fetch": "urlContext",
}
_DATE = re.compile(r"(?:_\d+)+$")
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "any": "ANY", "validated": "VALIDATED"}


class Tools:
    """One call's tools on their way to the wire."""

    def __init__(self, ledger: Ledger, *, json_schema: bool) -> None:
        self._ledger, self._json_schema = ledger, json_schema
        self._strict = False

    def encode(self, tools: Any, functions: Any = ()) -> list[dict[str, Any]]:
        """All tools: functions in one entry, then the provider's own. ``functions``: OpenAI's older form."""
        for name, given in (("tools", tools), ("functions", functions)):
            if isinstance(given, str | bytes) or not isinstance(given, Sequence):
                raise self._ledger.invalid(f"{name} must be a list, not {type(given).__name__}")
        tools = [*tools, *({"type": "function", "function": function} for function in functions)]
        declared: list[dict[str, Any]] = []
        own: list[dict[str, Any]] = []
        for i, tool in enumerate(tools):
            if not isinstance(tool, Mapping):
                kind = type(tool).__name__
                raise self._ledger.invalid(f"tools[{i}] must be a dict, not {kind}")
            if tool.get("type") == "function":
                declared.append(self._function(f"tools[{i}]", tool))
            else:
                own += self._own(f"tools[{i}]", tool)
        return [*([{"functionDeclarations": declared}] if declared else []), *own]

    def _function(self, path: str, tool: Mapping[str, Any]) -> dict[str, Any]:
        function = tool.get("function")
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise self._ledger.invalid(f"{path}.function must have a name")
        self._strict = self._strict or bool(function.get("strict"))
        made = {"name": function["name"]}
        if function.get("description") is not None:
            made["description"] = function["description"]
        if "cache_control" in tool:
            why = "the provider caches prompts by itself"
            given = tool["cache_control"]
            self._ledger.adjust(f"{path}.cache_control", "dropped", given, None, why)
        return made | self._parameters(f"{path}.function.parameters", function.get("parameters"))

    def _parameters(self, path: str, schema: Any) -> dict[str, Any]:
        if schema is None:
            return {}
        if not isinstance(schema, Mapping):
            kind = type(schema).__name__
            raise self._ledger.invalid(f"{path} must be a JSON schema, not {kind}")
        if self._json_schema:
            return {"parametersJsonSchema": schema}
        made = Converter(self._ledger, path, schema).convert()
        # An object without properties is refused there; a function without parameters has none.
        return {"parameters": made} if made.get("properties") else {}

    def _own(self, path: str, tool: Mapping[str, Any]) -> list[dict[str, Any]]:
        kind = tool.get("type")
        if kind is None and tool:
            return [dict(tool)]
        # Dated names (web_search_20250305) are one tool's versions.
        name = _DATE.sub("", str(kind))
        if name not in _OWN:
            self._ledger.refuse(path, dict(tool), f"it has no tool {kind!r}")
            return []
        rest = {k: v for k, v in tool.items() if k not in ("type", "name")}
        if rest:
            self._ledger.adjust(
                path, "dropped", rest, None, "the provider's tool has no such options"
            )
        return [{_OWN[name]: {}}]

    def choice(self, given: Any) -> dict[str, Any] | None:
        """``functionCallingConfig``; strict functions need a mode that holds the model to its schemas."""
        if given in (None, "auto") and self._strict:
            why = "strict holds for all functions of a call, by its mode"
            self._ledger.adjust("tools.strict", "emulated", True, "VALIDATED", why)
            return {"mode": "VALIDATED"}
        if given is None:
            return None
        if isinstance(given, str) and given in _MODES:
            return {"mode": _MODES[given]}
        if isinstance(given, Mapping):
            return self._chosen(given)
        raise self._ledger.invalid(
            f"tool_choice must be auto, none, required or one function, not {given!r:.80}"
        )

    def _chosen(self, given: Mapping[str, Any]) -> dict[str, Any]:
        allowed = given.get("allowed_tools")
        if isinstance(allowed, Mapping):
            names = [_name(tool) for tool in allowed.get("tools") or ()]
            mode = "ANY" if allowed.get("mode") == "required" else "VALIDATED"
            return {"mode": mode, "allowedFunctionNames": [n for n in names if n]}
        name = _name(given)
        if name is None:
            raise self._ledger.invalid(f"tool_choice names no function: {given!r:.80}")
        return {"mode": "ANY", "allowedFunctionNames": [name]}


def _name(choice: Any) -> str | None:
    function = choice.get("function") if isinstance(choice, Mapping) else None
    named = function if isinstance(function, Mapping) else choice
    name = named.get("name") if isinstance(named, Mapping) else None
    return name if isinstance(name, str) else None
