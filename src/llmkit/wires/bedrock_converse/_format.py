"""``response_format``: natively where the model can, else by a tool that it must call, else by an instruction.

A tool holds the form best, but it can be demanded only where the model is not thinking and has no other tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..._call import ChatCall
from ..._json import dump_text
from .._params import Ledger
from ..anthropic_messages._schema import Lost, fitted, is_open

if TYPE_CHECKING:
    from . import BedrockConverse

__all__ = ["ANSWER", "answers_by_tool", "write_format"]

ANSWER = "answer_in_json"
"""The name of the tool that stands for a response format."""

_OBJECT = "Answer with one JSON object and nothing else: no fence, no words before or after it."
_TAKEN = ("tools", "thinking", "reasoning_effort")


def answers_by_tool(wire: BedrockConverse, call: ChatCall) -> bool:
    """Whether the answer to this call comes as the call of our own tool."""
    given = call.params.get("response_format")
    if not isinstance(given, Mapping) or given.get("type") != "json_schema":
        return False
    if _is_native(wire, call, given) or not wire.traits(call.model).demands:
        return False
    extra = call.extra_body.keys()
    taken = any(call.params.get(name) not in (None, [], ()) for name in _TAKEN)
    return not taken and extra.isdisjoint(("toolConfig", "additionalModelRequestFields"))


def _is_native(wire: BedrockConverse, call: ChatCall, given: Mapping[str, Any]) -> bool:
    return wire.traits(call.model).schema and not is_open(_schema(given))


def _schema(given: Mapping[str, Any]) -> Any:
    described = given.get("json_schema")
    return described.get("schema") if isinstance(described, Mapping) else None


def write_format(
    wire: BedrockConverse, ledger: Ledger, call: ChatCall, body: dict[str, Any]
) -> str | None:
    """Put the format into the body; return the instruction that must stand in for it, if one must."""
    given = call.params["response_format"]
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
    if _is_native(wire, call, given):
        _native(ledger, given["json_schema"], body)
        return None
    if answers_by_tool(wire, call):
        _by_tool(ledger, given, body)
        return None
    reason = "by an instruction with the schema: the model is not known for a native form of it"
    ledger.adjust("response_format", "emulated", given, None, reason)
    return f"{_OBJECT} It must fit this JSON schema: {dump_text(_schema(given))}"


def _native(ledger: Ledger, given: Mapping[str, Any], body: dict[str, Any]) -> None:
    lost = Lost()
    made = {"schema": dump_text(fitted(given["schema"], "schema", lost))}
    made |= {n: given[n] for n in ("name", "description") if isinstance(given.get(n), str)}
    name = "response_format.json_schema"
    if lost.moved:
        reason = "the grammar cannot hold it; the description tells it to the model"
        ledger.adjust(name, "moved", lost.moved, "description", reason)
    if lost.closed:
        reason = "objects take no other properties than those that are named"
        ledger.adjust(name, "defaulted", lost.closed, {"additionalProperties": False}, reason)
    form = {"type": "json_schema", "structure": {"jsonSchema": made}}
    body.setdefault("outputConfig", {})["textFormat"] = form


def _by_tool(ledger: Ledger, given: Mapping[str, Any], body: dict[str, Any]) -> None:
    told = (given.get("json_schema") or {}).get("description")
    spec = {"name": ANSWER, "inputSchema": {"json": _schema(given)}}
    spec["description"] = told or "Give the whole answer by calling this, and only this."
    tool = {"toolSpec": spec}
    body["toolConfig"] = {"tools": [tool], "toolChoice": {"tool": {"name": ANSWER}}}
    reason = "by a tool that must be called: the model has no native form for it"
    ledger.adjust("response_format", "emulated", given, tool, reason)
