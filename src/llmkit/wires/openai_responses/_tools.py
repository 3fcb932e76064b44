"""Tools, the choice among them and the answer's format, between chat's nesting and this API's flat form.

Both directions are here, so that they cannot drift apart. Source:
https://platform.openai.com/docs/api-reference/responses/create#tools, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "SEARCHES",
    "chat_choice",
    "chat_format",
    "chat_tool",
    "flat_choice",
    "flat_format",
    "flat_tool",
    "search_options",
    "search_tool",
]

SEARCHES = ("web_search", "web_search_preview")
_NAMED = ("function", "custom")


def flat_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool of chat's, flattened; a hosted tool, which is flat anyway, as it is."""
    kind = str(tool.get("type"))
    inner = tool.get(kind)
    if kind not in _NAMED or not isinstance(inner, Mapping):
        return dict(tool)
    made = {"type": kind, **inner}
    grammar = inner.get("format")
    if isinstance(grammar, Mapping) and isinstance(grammar.get("grammar"), Mapping):
        made["format"] = {"type": "grammar", **grammar["grammar"]}
    if kind == "function":
        made.setdefault("parameters", None)
        made.setdefault("strict", False)
    return made


def chat_tool(tool: Mapping[str, Any]) -> dict[str, Any] | None:
    """A flat tool as chat's; ``None`` for a hosted one, which chat has no form for."""
    kind = tool.get("type")
    if kind not in _NAMED:
        return None
    inner = {name: value for name, value in tool.items() if name != "type" and value is not None}
    grammar = inner.get("format")
    if isinstance(grammar, Mapping) and grammar.get("type") == "grammar":
        rest = {name: value for name, value in grammar.items() if name != "type"}
        inner["format"] = {"type": "grammar", "grammar": rest}
    return {"type": kind, kind: inner}


def flat_choice(choice: Any) -> Any:
    """``tool_choice`` of chat's, flattened."""
    if not isinstance(choice, Mapping):
        return choice
    allowed = choice.get("allowed_tools")
    if isinstance(allowed, Mapping):
        listed = allowed.get("tools")
        tools = [flat_choice(tool) for tool in listed] if isinstance(listed, list | tuple) else []
        return {"type": "allowed_tools", **allowed, "tools": tools}
    kind = str(choice.get("type"))
    inner = choice.get(kind)
    return {"type": kind, **inner} if isinstance(inner, Mapping) else dict(choice)


def chat_choice(choice: Any) -> Any:
    """A flat ``tool_choice`` as chat's; ``None`` where it chooses a hosted tool."""
    if not isinstance(choice, Mapping):
        return choice
    kind = choice.get("type")
    rest = {name: value for name, value in choice.items() if name != "type"}
    if kind == "allowed_tools":
        listed = choice.get("tools")
        tools = [chat_choice(tool) for tool in listed] if isinstance(listed, list | tuple) else []
        return None if None in tools else {"type": kind, kind: {**rest, "tools": tools}}
    return {"type": kind, kind: rest} if kind in _NAMED else None


def flat_format(given: Mapping[str, Any]) -> dict[str, Any]:
    """``response_format`` as ``text.format``."""
    inner = given.get("json_schema")
    if not isinstance(inner, Mapping):
        return dict(given)
    named = {"name": "answer", **inner}
    return {"type": "json_schema", **{k: v for k, v in named.items() if v is not None}}


def chat_format(given: Mapping[str, Any]) -> dict[str, Any]:
    """``text.format`` as ``response_format``."""
    if given.get("type") != "json_schema":
        return dict(given)
    inner = {name: value for name, value in given.items() if name != "type" and value is not None}
    return {"type": "json_schema", "json_schema": inner}


def search_tool(options: Mapping[str, Any]) -> dict[str, Any]:
    """``web_search_options`` as the hosted tool."""
    made = {k: v for k, v in options.items() if k not in ("user_location", "allowed_domains")}
    location = options.get("user_location")
    if isinstance(location, Mapping):
        place = location.get("approximate")
        made["user_location"] = {"type": "approximate", **(place or location)}
    if options.get("allowed_domains"):
        made["filters"] = {"allowed_domains": options["allowed_domains"]}
    return {"type": SEARCHES[0], **made}


def search_options(tool: Mapping[str, Any]) -> dict[str, Any]:
    """The hosted search as ``web_search_options``."""
    made = {k: v for k, v in tool.items() if k not in ("type", "user_location", "filters")}
    location, filters = tool.get("user_location"), tool.get("filters")
    if isinstance(location, Mapping):
        place = {k: v for k, v in location.items() if k != "type"}
        made["user_location"] = {"type": "approximate", "approximate": place}
    if isinstance(filters, Mapping):
        made |= filters
    return {name: value for name, value in made.items() if value is not None}
