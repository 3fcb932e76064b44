"""Tools as the server takes them, and calls both ways: arguments are objects there, and ids may be missing.

Source: ``Tool`` and ``ToolCall`` of the server's ``api/types.go`` (named in the package), read 2026-11-22.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..._json import NotJSON, dump_text, load
from .._params import Ledger

__all__ = ["as_call", "is_made", "offered", "sent_call"]

_MADE = "call_noid_"
_NOTHING = {"type": "object", "properties": {}}
_KNOWN = ("name", "description", "parameters")


def offered(ledger: Ledger, tools: Any) -> list[dict[str, Any]]:
    """The tools of a call. Only functions can be offered; what they have beyond name and schema is not read."""
    if isinstance(tools, str | bytes) or not isinstance(tools, Sequence):
        raise ledger.invalid(f"tools must be a list, not {type(tools).__name__}")
    return [made for i, tool in enumerate(tools) if (made := _tool(ledger, f"tools[{i}]", tool))]


def _tool(ledger: Ledger, path: str, tool: Any) -> dict[str, Any] | None:
    if not isinstance(tool, Mapping):
        raise ledger.invalid(f"{path} must be a dict, not {type(tool).__name__}")
    if tool.get("type") != "function":
        ledger.refuse(path, dict(tool), f"it has no tool {tool.get('type')!r}")
        return None
    function = tool.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise ledger.invalid(f"{path}.function must have a name")
    for place, fields in ((path, tool), (f"{path}.function", function)):
        for name in ("cache_control", "strict"):
            if fields.get(name):
                ledger.adjust(
                    f"{place}.{name}", "dropped", fields[name], None, "there is no such mark"
                )
    made = {name: function[name] for name in _KNOWN if function.get(name) is not None}
    return {"type": "function", "function": {"parameters": _NOTHING, **made}}


def sent_call(ledger: Ledger, path: str, call: Any) -> dict[str, Any]:
    """A call of the history as the server has it. Raises ``InvalidRequestError`` where it is none."""
    function = _fields(_fields(call).get("function"))
    if not isinstance(function.get("name"), str):
        raise ledger.invalid(f"{path}.function must be a dict with name and arguments")
    made = {
        "name": function["name"],
        "arguments": _object(ledger, path, function.get("arguments")),
    }
    call_id = call.get("id")
    return (
        {"function": made}
        if call_id is None or is_made(call_id)
        else {"id": call_id, "function": made}
    )


def _fields(value: Any) -> Any:
    """What a name can be asked of: a dict, or a model of an answer; nothing where it is neither."""
    return value if hasattr(value, "get") else {}


def _object(ledger: Ledger, path: str, arguments: Any) -> Any:
    if isinstance(arguments, Mapping):
        return arguments
    try:
        made = load(arguments) if arguments else {}
    except (NotJSON, TypeError):
        made = None
    if not isinstance(made, dict):
        raise ledger.invalid(
            f"{path}.function.arguments must be a JSON object as text, not {arguments!r:.80}; "
            "use json.dumps(…), or '{}' where the model wrote something broken"
        )
    return made


def is_made(call_id: Any) -> bool:
    """Whether an id is one of ours, which stand where an answer had none."""
    return isinstance(call_id, str) and call_id.startswith(_MADE)


def as_call(call: Any, position: int, moment: Any) -> dict[str, Any] | None:
    """A call of an answer in OpenAI's form; ``None`` where it is none.

    Older servers give no ids: one is made of the call and its moment, the same each time it is read.
    """
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return None
    name, arguments = function.get("name"), function.get("arguments")
    text = (
        arguments
        if isinstance(arguments, str)
        else dump_text({} if arguments is None else arguments)
    )
    made: dict[str, Any] = {"id": call.get("id") or _id(moment, position, name, text)}
    rest = {k: v for k, v in call.items() if k not in ("id", "function", "type")}
    return made | rest | {"type": "function", "function": {"name": name, "arguments": text}}


def _id(*parts: Any) -> str:
    return (
        _MADE
        + hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).hexdigest()[:24]
    )
