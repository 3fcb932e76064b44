"""Tools and the choice among them. Native tools, and what OpenAI's form has no place for, go through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._params import Ledger
from ._traits import Traits

__all__ = ["search_tool", "write_choice", "write_tools"]

_NO_PARAMETERS = {"type": "object", "properties": {}}
_FUNCTION = ("name", "description", "parameters", "strict")
_CHOICES = {"auto": "auto", "none": "none", "required": "any", "any": "any"}
_NATIVE_CHOICES = frozenset({"auto", "none", "any", "tool"})
_SEARCH = ("max_uses", "allowed_domains", "blocked_domains")


def write_tools(traits: Traits, ledger: Ledger, tools: Any) -> list[Any]:
    """Write the tools."""
    if not isinstance(tools, Sequence) or isinstance(tools, str | bytes):
        raise ledger.invalid("tools must be a list")
    return [_tool(traits, ledger, f"tools[{i}]", tool) for i, tool in enumerate(tools)]


def _tool(traits: Traits, ledger: Ledger, path: str, tool: Any) -> Mapping[str, Any]:
    if not isinstance(tool, Mapping):
        raise ledger.invalid(f"{path} must be a dict, not {type(tool).__name__}")
    function = tool.get("function")
    if tool.get("type") == "custom" and "custom" in tool:
        raise ledger.invalid(f"{path}: {ledger.call.provider} has no tools that take free text")
    if not isinstance(function, Mapping):
        return tool
    rest = {k: v for k, v in tool.items() if k not in ("type", "function")}
    rest |= {k: v for k, v in function.items() if k not in _FUNCTION}
    made = {"name": function.get("name"), "description": function.get("description")}
    made["input_schema"] = function.get("parameters") or _NO_PARAMETERS
    made |= _strict(traits, ledger, path, function.get("strict"))
    return {name: value for name, value in (made | rest).items() if value is not None}


def _strict(traits: Traits, ledger: Ledger, path: str, strict: Any) -> dict[str, Any]:
    if strict and not traits.schema:
        ledger.refuse(f"{path}.function.strict", strict, "the model has no strict tools")
        return {}
    return {"strict": strict}


def write_choice(ledger: Ledger, params: Mapping[str, Any], body: dict[str, Any]) -> None:
    """Write ``tool_choice`` and ``parallel_tool_calls``: here they are one field."""
    choice = _choice(ledger, params.get("tool_choice"))
    parallel = params.get("parallel_tool_calls")
    if parallel is False and choice != {"type": "none"}:
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice is None:
        return
    if body.get("tools") or "tools" in ledger.call.extra_body:
        body.setdefault("tool_choice", choice)
    elif choice["type"] not in ("auto", "none"):
        raise ledger.invalid("tool_choice demands a tool, and there are no tools")


def _choice(ledger: Ledger, given: Any) -> dict[str, Any] | None:
    if given is None:
        return None
    if isinstance(given, str) and given in _CHOICES:
        return {"type": _CHOICES[given]}
    if isinstance(given, Mapping):
        if str(given.get("type")) in _NATIVE_CHOICES:
            return dict(given)
        function = given.get("function")
        if given.get("type") == "function" and isinstance(function, Mapping):
            return {"type": "tool", "name": function.get("name")}
    raise ledger.invalid(
        f"tool_choice is {given!r:.80}; it must be 'auto', 'none', 'required' or "
        "{'type': 'function', 'function': {'name': …}}"
    )


def search_tool(ledger: Ledger, kind: str, given: Any) -> dict[str, Any]:
    """``web_search_options`` as the server tool that searches."""
    if not isinstance(given, Mapping):
        raise ledger.invalid("web_search_options must be a dict; {} turns the search on")
    tool: dict[str, Any] = {"type": kind, "name": "web_search"}
    tool |= {name: given[name] for name in _SEARCH if given.get(name) is not None}
    location = given.get("user_location")
    if isinstance(location, Mapping):
        place = location.get("approximate")
        tool["user_location"] = {"type": "approximate", **(place or location)}
    size = given.get("search_context_size")
    if size not in (None, "medium"):
        reason = "how much is read cannot be chosen; max_uses limits how often is searched"
        ledger.refuse("web_search_options.search_context_size", size, reason)
    return tool
