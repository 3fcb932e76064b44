"""What a recorded answer of Cohere's second chat says, read from its raw JSON without llmkit.

Streams are first put together into the message that they would have been in one piece, as the vendor's
documentation of the events has it; both forms are then read alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ._reader import Row

FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
}


class Failure(NamedTuple):
    """An error that an answer stands for."""

    kind: str
    status: int
    message: str
    request_id: str | None


@dataclass
class Told:
    """What an answer says; ``places`` are those of its citations: start, end, cited text."""

    id: str | None = None
    text: str = ""
    reasoning: str = ""
    thinking: list[str] = field(default_factory=list)
    plan: str = ""
    tool_calls: list[tuple[str, str, Any]] = field(default_factory=list)
    places: list[tuple[int, int, str]] = field(default_factory=list)
    citations: int = 0
    finish_reason: str | None = None
    native_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)


def failure(row: Row) -> Failure | None:
    """The error of a row; ``None`` where it is an answer."""
    if row.status == 200:
        return None
    body = json.loads(row.body)
    kinds = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError"}
    return Failure(kinds[row.status], row.status, body["message"], body.get("id"))


def events(row: Row) -> list[dict[str, Any]]:
    """The events of a stream, in order."""
    lines = [
        line.removeprefix("data:").strip()
        for line in row.body.decode().split("\n")
        if line.startswith("data:")
    ]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def message(row: Row) -> dict[str, Any]:
    """The whole answer in the form that it has in one piece."""
    return _folded(events(row)) if row.is_event_stream else json.loads(row.body)


def _folded(told: list[dict[str, Any]]) -> dict[str, Any]:
    content: dict[int, dict[str, Any]] = {}
    calls: dict[int, dict[str, Any]] = {}
    made: dict[str, Any] = {"tool_plan": "", "citations": []}
    whole: dict[str, Any] = {}
    for event in told:
        inner = (event.get("delta") or {}).get("message") or {}
        match event["type"]:
            case "message-start":
                whole["id"] = event["id"]
            case "tool-plan-delta":
                made["tool_plan"] += inner["tool_plan"]
            case "citation-start":
                made["citations"].append(inner["citations"])
            case "message-end":
                whole |= event["delta"]
            case "content-start" | "content-delta":
                _grow(content.setdefault(event["index"], {}), inner["content"])
            case "tool-call-start" | "tool-call-delta":
                _grow(calls.setdefault(event["index"], {}), inner["tool_calls"])
    made["content"] = [block for _, block in sorted(content.items())]
    made["tool_calls"] = [call for _, call in sorted(calls.items())]
    return {**whole, "message": made}


def _grow(into: dict[str, Any], piece: dict[str, Any]) -> None:
    for name, value in piece.items():
        if isinstance(value, dict):
            _grow(into.setdefault(name, {}), value)
        else:
            into[name] = into.get(name, "") + value


def arguments(text: str) -> Any:
    """Arguments as a value: none at all is an object without members, and what was cut off stays a text."""
    if text.strip() in ("", "null"):
        return {}
    try:
        return json.loads(text)
    except ValueError:
        return text


def read(row: Row) -> Told:
    """What an answer says."""
    whole = message(row)
    said = whole["message"]
    blocks = said.get("content") or []
    told = Told(id=whole["id"], plan=said.get("tool_plan") or "")
    told.text = "".join(block["text"] for block in blocks if block["type"] == "text")
    told.thinking = [block["thinking"] for block in blocks if block["type"] == "thinking"]
    told.reasoning = "".join(told.thinking) + told.plan
    for call in said.get("tool_calls") or []:
        function = call["function"]
        told.tool_calls.append((call["id"], function["name"], arguments(function["arguments"])))
    for citation in said.get("citations") or []:
        # All that was recorded cites the only text of its answer.
        place = (citation["start"], citation["end"], citation["text"])
        told.places += [place] * len(citation["sources"])
        told.citations += 1
    told.finish_reason = FINISH[whole["finish_reason"]]
    told.native_reason = whole["finish_reason"]
    told.usage = _usage(whole["usage"])
    return told


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    billed, used = usage["billed_units"], usage["tokens"]
    return {
        "prompt_tokens": billed["input_tokens"],
        "completion_tokens": billed["output_tokens"],
        "total_tokens": billed["input_tokens"] + billed["output_tokens"],
        "reasoning_tokens": used.get("reasoning_tokens"),
        "cached_tokens": usage.get("cached_tokens"),
        "used": (used["input_tokens"], used["output_tokens"], used.get("image_tokens")),
        "billed": (billed["input_tokens"], billed["output_tokens"]),
    }


def sent_back(row: Row) -> dict[str, Any]:
    """The assistant's message that this answer is when it goes back, in its plainest form."""
    said = message(row)["message"]
    return plain({**said, "role": "assistant", "citations": None})


def plain(said: dict[str, Any]) -> dict[str, Any]:
    """A message with its content in parts, arguments as values, and nothing that says nothing."""
    content = said.get("content") or []
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    made = {**said, "content": [block for block in content if block.get("text", "…") != ""]}
    made["tool_calls"] = [
        {**call, "function": {**f, "arguments": arguments(f["arguments"])}}
        for call in said.get("tool_calls") or []
        for f in (call["function"],)
    ]
    return {name: value for name, value in made.items() if value}
