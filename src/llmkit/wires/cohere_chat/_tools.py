"""Tools and the choice among them.

There is a word for "must" and one for "must not" and none for "this one": one tool is demanded by sending only it.
Strictness is a matter of the whole request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._params import Ledger

__all__ = ["write_choice", "write_tools"]

_NO_PARAMETERS = {"type": "object", "properties": {}}
_CHOICES = {"none": "NONE", "required": "REQUIRED", "any": "REQUIRED"}
_NATIVE = ("NONE", "REQUIRED")
_CACHE = "cache_control"


def write_tools(ledger: Ledger, tools: Any, body: dict[str, Any]) -> None:
    """Put the tools into the body."""
    if not isinstance(tools, Sequence) or isinstance(tools, str | bytes):
        raise ledger.invalid("tools must be a list")
    strict = [_strict(tool) for tool in tools]
    if tools:
        body["tools"] = [_tool(ledger, f"tools[{i}]", tool) for i, tool in enumerate(tools)]
    if any(strict) and "strict_tools" not in ledger.call.extra_body:
        body["strict_tools"] = True
        if not all(strict):
            reason = "strictness holds for all tools of a request or for none"
            ledger.adjust(
                "tools[].function.strict", "moved", strict, {"strict_tools": True}, reason
            )


def _strict(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return bool(isinstance(function, Mapping) and function.get("strict"))


def _tool(ledger: Ledger, path: str, tool: Any) -> Mapping[str, Any]:
    if not isinstance(tool, Mapping):
        raise ledger.invalid(f"{path} must be a dict, not {type(tool).__name__}")
    function = tool.get("function")
    if not isinstance(function, Mapping):
        raise ledger.invalid(
            f"{path}: {ledger.call.provider} has functions for tools and no others; "
            f"this one's type is {tool.get('type')!r:.40}"
        )
    if tool.get(_CACHE):
        reason = "the provider caches prompts by itself"
        ledger.adjust(f"{path}.{_CACHE}", "dropped", tool[_CACHE], None, reason)
    kept = {name: value for name, value in function.items() if name != "strict"}
    if kept.get("parameters") is None:
        kept["parameters"] = _NO_PARAMETERS
    rest = {name: value for name, value in tool.items() if name not in ("function", _CACHE)}
    return {"type": "function", **rest, "function": kept}


def write_choice(ledger: Ledger, params: Mapping[str, Any], body: dict[str, Any]) -> None:
    """Write ``tool_choice``; ``parallel_tool_calls`` can only be as it is."""
    if params.get("parallel_tool_calls") is False:
        reason = "how many tools are called at once cannot be chosen"
        ledger.refuse("parallel_tool_calls", False, reason)
    given = params.get("tool_choice")
    if given is None or given == "auto":
        return
    if isinstance(given, str) and (given in _CHOICES or given in _NATIVE):
        word: str | None = _CHOICES.get(given, given)
    else:
        word = _only(ledger, given, body)
    if word == "REQUIRED" and not (body.get("tools") or "tools" in ledger.call.extra_body):
        raise ledger.invalid("tool_choice demands a tool, and there are no tools")
    if word is not None:
        body["tool_choice"] = word


def _only(ledger: Ledger, given: Any, body: dict[str, Any]) -> str | None:
    """Some tools of all: the others are left out of the request."""
    names, word = _chosen(given)
    if not names:
        raise ledger.invalid(
            f"tool_choice is {given!r:.80}; it must be 'auto', 'none', 'required' or "
            "{'type': 'function', 'function': {'name': …}}"
        )
    tools = body.get("tools") or []
    fitting = [tool for tool in tools if tool["function"].get("name") in names]
    if not fitting:
        raise ledger.invalid(f"tool_choice names {', '.join(names)}, which is none of the tools")
    if len(fitting) < len(tools) or "tools" not in (given.get("allowed_tools") or given):
        reason = "by sending only what is chosen: single tools cannot be named"
        ledger.adjust("tool_choice", "emulated", given, word, reason)
    body["tools"] = fitting
    return word


def _chosen(given: Any) -> tuple[list[str], str | None]:
    if not isinstance(given, Mapping):
        return [], None
    allowed = given.get("allowed_tools", given)
    listed = allowed.get("tools") if isinstance(allowed, Mapping) else None
    if given.get("type") == "allowed_tools" and isinstance(listed, list):
        word = "REQUIRED" if allowed.get("mode") == "required" else None
        return [name for name in map(_name, listed) if name], word
    name = _name(given)
    return ([name] if name else []), "REQUIRED"


def _name(given: Any) -> str | None:
    function = given.get("function") if isinstance(given, Mapping) else None
    source = function if isinstance(function, Mapping) else given
    name = source.get("name") if isinstance(source, Mapping) else None
    return name if isinstance(name, str) else None
