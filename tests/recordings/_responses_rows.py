"""Recorded traffic of the Responses API: rows, what each answer says by an independent reading, what is not asserted.

Nothing of llmkit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from . import _reader
from ._reader import Row

Json = dict[str, Any]

ENDS = ("response.completed", "response.incomplete", "response.failed")

EXEMPT: dict[tuple[str, str], str] = {
    ("i13745", "gathered"): "most deltas were cut out of the recording",
}
"""Row and test → why it cannot be asserted."""


@cache
def rows() -> tuple[Row, ...]:
    """All rows; none where there are no recordings."""
    found = _reader.directory()
    if found is None:
        return ()
    return tuple(row for api in apis() for row in _reader.rows(found, api))


def apis() -> list[str]:
    """The files of the dialect."""
    found = _reader.directory()
    return [] if found is None else [a for a in _reader.apis(found) if a.endswith(".responses")]


def events(row: Row) -> list[Json]:
    """The events of a stream."""
    lines = row.body.decode().replace("\r\n", "\n").split("\n")
    texts = [line[5:].strip() for line in lines if line.startswith("data:")]
    return [json.loads(text) for text in texts if text and text != "[DONE]"]


def is_failure(row: Row) -> bool:
    """Whether it is an error, by its status or inside a 200."""
    if row.status != 200:
        return True
    if row.is_event_stream:
        return any(event["type"] in ("error", "response.failed") for event in events(row))
    return json.loads(row.body).get("status") == "failed"


def answer(row: Row) -> Json:
    """The whole answer: the last event's, with the items that were done where that has none."""
    if not row.is_event_stream:
        whole: Json = json.loads(row.body)
        return whole
    told = events(row)
    last: Json = next(event["response"] for event in told if event["type"] in ENDS)
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    return last if last.get("output") else {**last, "output": done}


@dataclass
class Said:
    """What an answer says."""

    text: str = ""
    refusal: str = ""
    reasoning: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    counts: Json = field(default_factory=dict)
    finish: str = "stop"


def said(whole: Json) -> Said:
    """Read an answer's items one by one."""
    made = Said()
    for item in whole["output"]:
        for part in item.get("content") or []:
            made.text += part["text"] if part["type"] == "output_text" else ""
            made.refusal += part["refusal"] if part["type"] == "refusal" else ""
        if item["type"] == "reasoning":
            parts = [*(item.get("summary") or []), *(item.get("content") or [])]
            made.reasoning += [part["text"] for part in parts if part["text"]]
        if item["type"] in ("function_call", "custom_tool_call"):
            written = item["arguments"] if "arguments" in item else item["input"]
            made.calls.append((item["call_id"], item["name"], written))
    if whole.get("status") == "incomplete":
        reason = (whole.get("incomplete_details") or {}).get("reason")
        made.finish = "content_filter" if reason == "content_filter" else "length"
    elif made.calls:
        made.finish = "tool_calls"
    made.counts = counts(whole.get("usage"))
    return made


def counts(usage: Json | None) -> Json:
    """A usage's counts in chat's words."""
    if usage is None:
        return {}
    inputs, outputs = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    read, written = usage.get("input_tokens"), usage.get("output_tokens")
    return {
        "prompt": read,
        "completion": written,
        "total": usage.get("total_tokens", read + written),
        "cached": (inputs or {}).get("cached_tokens"),
        "written": (inputs or {}).get("cache_write_tokens"),
        "reasoning": (outputs or {}).get("reasoning_tokens"),
    }
