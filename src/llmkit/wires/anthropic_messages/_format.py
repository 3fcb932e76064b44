"""``response_format``: natively where the model can, else by a tool that it must call, else by an instruction.

A tool holds the form best, but it can be demanded only where the model is not thinking and has no other tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._json import dump_text
from .._params import Ledger
from ._schema import Lost, fitted, is_open

if TYPE_CHECKING:
    from . import AnthropicMessages

__all__ = ["ANSWER", "answers_by_tool", "write_format"]

ANSWER = "answer_in_json"
"""The name of the tool that stands for a response format."""

_OBJECT = "Answer with one JSON object and nothing else: no fence, no words before or after it."


def answers_by_tool(wire: AnthropicMessages, call: ChatCall) -> bool:
    """Whether the answer to this call comes as the call of our own tool."""
    given = call.params.get("response_format")
    if not isinstance(given, Mapping) or given.get("type") != "json_schema":
        return False
    return not _is_native(wire, call, given) and not _is_taken(call)


def _is_native(wire: AnthropicMessages, call: ChatCall, given: Mapping[str, Any]) -> bool:
    return wire.traits(call.model).schema and not is_open(_schema(given))


def _is_taken(call: ChatCall) -> bool:
    """Whether tools are the caller's, or thinking keeps them from being demanded."""
    names = ("tools", "thinking", "reasoning_effort", "web_search_options")
    given = any(call.params.get(name) not in (None, [], ()) for name in names)
    return given or not call.extra_body.keys().isdisjoint(("thinking", "tools"))


def _schema(given: Mapping[str, Any]) -> Any:
    described = given.get("json_schema")
    return described.get("schema") if isinstance(described, Mapping) else None


def write_format(
    wire: AnthropicMessages, ledger: Ledger[ChatCall], given: Any, body: dict[str, Any]
) -> str | None:
    """Put the format into the body; return the instruction that must stand in for it, if one must."""
    kind = given.get("type") if isinstance(given, Mapping) else None
    if kind == "text":
        return None
    if kind == "json_object":
        reason = "by an instruction: there is no mode for just any JSON"
        ledger.adjust("response_format", "emulated", given, None, reason)
        return _OBJECT
    if kind != "json_schema":
        raise ledger.invalid(
            "response_format must be {'type': 'text' | 'json_object' | 'json_schema', …} or a pydantic class"
        )
    if not isinstance(_schema(given), Mapping):
        raise ledger.invalid("response_format.json_schema.schema must be a JSON schema")
    if _is_native(wire, ledger.call, given):
        _native(ledger, given, body)
        return None
    return _emulated(ledger, given, body)


def _native(ledger: Ledger[ChatCall], given: Mapping[str, Any], body: dict[str, Any]) -> None:
    schema = _schema(given)
    lost = Lost()
    sent = fitted(schema, "schema", lost)
    name = "response_format.json_schema"
    if lost.moved:
        reason = "the grammar cannot hold it; the description tells it to the model"
        ledger.adjust(name, "moved", lost.moved, "description", reason)
    if lost.closed:
        reason = "objects take no other properties than those that are named"
        ledger.adjust(name, "defaulted", lost.closed, {"additionalProperties": False}, reason)
    output = body.setdefault("output_config", {})
    output["format"] = {"type": "json_schema", "schema": sent}


def _emulated(
    ledger: Ledger[ChatCall], given: Mapping[str, Any], body: dict[str, Any]
) -> str | None:
    schema = _schema(given)
    if _is_taken(ledger.call):
        reason = "by an instruction with the schema: the model has no native form for it"
        ledger.adjust("response_format", "emulated", given, None, reason)
        return f"{_OBJECT} It must fit this JSON schema: {dump_text(schema)}"
    told = (given.get("json_schema") or {}).get("description")
    tool = {"name": ANSWER, "input_schema": schema}
    tool["description"] = told or "Give the whole answer by calling this, and only this."
    body["tools"] = [tool]
    choice = {"type": "tool", "name": ANSWER, "disable_parallel_tool_use": True}
    body["tool_choice"] = choice
    reason = "by a tool that must be called: the model has no native form for it"
    ledger.adjust("response_format", "emulated", given, tool, reason)
    return None
