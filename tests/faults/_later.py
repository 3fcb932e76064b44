"""What a call over the chats that came later meets, where that is not what the table's default says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from llmkit._eventstream import Frames

from ._table import (
    ANSWER,
    BROKEN,
    FAILED,
    INTERRUPTED,
    STALLED,
    TABLE,
    UNREADABLE,
    Outcome,
    later,
)

__all__ = ["LATER", "expected", "told"]

LATER = ("ollama", "cohere", "bedrock", "responses")
_AT_HOME = "ollama"
"""Who runs on this machine: nobody sends a bill, whatever was counted."""

Both = tuple[Outcome, Outcome]
_UNCOUNTED = replace(ANSWER, cost="estimated", usage="estimated")
_LATE_FAILURE: Both = (FAILED, later(FAILED))
_ENDS_EARLY = dict.fromkeys(("ollama", "bedrock", "responses"))

# Cohere's first event is no part of the answer, nor are Bedrock's first and the first four of Responses. Ollama's and
# Cohere's errors inside a 200 have no status, Bedrock and OpenAI no 529. For all but Cohere the places are others:
# there is no "data: " in lines and frames, and the last event of Responses is half of its bytes.
_DIFFERENT: Mapping[str, Mapping[str, Both]] = {
    "malformed": dict.fromkeys(("cohere", "bedrock", "responses"), (UNREADABLE, UNREADABLE)),
    "malformed sse": {
        "ollama": (UNREADABLE, INTERRUPTED),
        "bedrock": (UNREADABLE, UNREADABLE),
        **dict.fromkeys(("cohere", "responses"), (UNREADABLE, BROKEN)),
    },
    "malformed, later": {"responses": (UNREADABLE, UNREADABLE)},
    "malformed sse, later": {
        **dict.fromkeys(("ollama", "cohere"), (UNREADABLE, INTERRUPTED)),
        "responses": (UNREADABLE, BROKEN),
    },
    "error inside, later": {
        **dict.fromkeys(("ollama", "cohere", "bedrock"), _LATE_FAILURE),
        "responses": (FAILED, FAILED),
    },
    "error inside, 429": dict.fromkeys(("ollama", "cohere"), (FAILED, FAILED)),
    "error inside, 400, later": dict.fromkeys(("ollama", "cohere"), _LATE_FAILURE),
    "error inside, echoing, later": dict.fromkeys(("ollama", "cohere"), _LATE_FAILURE),
    "length too short": {
        "ollama": (UNREADABLE, INTERRUPTED),
        "bedrock": (UNREADABLE, _UNCOUNTED),
        "responses": (UNREADABLE, later(UNREADABLE)),
    },
    "length too short by one": {"bedrock": (UNREADABLE, _UNCOUNTED)},
    "cut before the last event": dict.fromkeys(_ENDS_EARLY, (BROKEN, INTERRUPTED)),
    "reset before the last event": dict.fromkeys(_ENDS_EARLY, (BROKEN, INTERRUPTED)),
    "stall before the last event": dict.fromkeys(_ENDS_EARLY, (STALLED, later(STALLED))),
}


def expected(name: str, wire: str, *, stream: bool) -> Outcome:
    """What a call over one of these wires meets."""
    different = _DIFFERENT.get(name, {}).get(wire)
    met = TABLE[name].meets("", stream=stream) if different is None else different[stream]
    counted = met.cost in ("exact", "estimated")
    return replace(met, cost="none") if counted and wire == _AT_HOME else met


def told(wire: str, body: bytes) -> str:
    """The text of all whole events in the beginning of a stream, taken out of its chunks."""
    return "".join(_TEXT[wire](body))


def _lines(body: bytes) -> Iterator[Any]:
    whole = body[: body.rfind(b"\n") + 1]
    return (json.loads(line) for line in whole.split(b"\n") if line.strip())


def _events(body: bytes) -> Iterator[Any]:
    whole = body[: body.rfind(b"\n\n") + 1]
    said = (line for line in whole.split(b"\n") if line.startswith(b"data: "))
    return (json.loads(line[6:]) for line in said if line != b"data: [DONE]")


def _ollama(body: bytes) -> Iterator[str]:
    return (line["message"]["content"] for line in _lines(body))


def _cohere(body: bytes) -> Iterator[str]:
    for event in _events(body):
        if event["type"] in ("content-start", "content-delta"):
            yield event["delta"]["message"]["content"].get("text", "")


def _bedrock(body: bytes) -> Iterator[str]:
    for frame in Frames().feed(body):
        yield json.loads(frame.payload).get("delta", {}).get("text", "")


def _responses(body: bytes) -> Iterator[str]:
    for event in _events(body):
        if event["type"] == "response.output_text.delta":
            yield event["delta"]


_TEXT = {"ollama": _ollama, "cohere": _cohere, "bedrock": _bedrock, "responses": _responses}
