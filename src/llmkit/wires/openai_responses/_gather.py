"""A stream's events to the answer they make up, as far as it has come. Pieces are joined once, at the end.

Source: https://platform.openai.com/docs/api-reference/responses-streaming, read 2026-11-22. Some hosts close with an
answer that has no output; what the items said holds then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["ENDS", "Gathering"]

ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
"""The events that end a stream, and the status that they stand for."""

_HEADS = frozenset({"response.created", "response.in_progress", "response.queued"})
# Kind of delta: the item's list of parts that grows, what tells the place in it, the part's type and its text.
_PARTS: dict[str, tuple[str, str, str, str]] = {
    "response.output_text.delta": ("content", "content_index", "output_text", "text"),
    "response.refusal.delta": ("content", "content_index", "refusal", "refusal"),
    "response.reasoning_text.delta": ("content", "content_index", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index", "summary_text", "text"),
}
_TEXTS: dict[str, tuple[str, str]] = {
    "response.function_call_arguments.delta": ("function_call", "arguments"),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input"),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments"),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code"),
}
_OWNERS = {"output_text": "message", "refusal": "message"}


class _Growing:
    """One item: as it began, or as it is; what it has grown by stands in pieces."""

    __slots__ = ("done", "fields", "parts", "texts")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = dict(fields)
        self.done = False
        self.parts: dict[tuple[str, Any], tuple[str, str, list[str]]] = {}
        self.texts: dict[str, list[str]] = {}

    def complete(self, fields: Mapping[str, Any]) -> None:
        self.fields, self.done = dict(fields), True
        self.parts.clear()
        self.texts.clear()

    def result(self) -> dict[str, Any]:
        made = dict(self.fields)
        for name, pieces in self.texts.items():
            made[name] = "".join(pieces)
        for name in {place for place, _ in self.parts}:
            made[name] = [*begun] if isinstance(begun := made.get(name), list) else []
        for (name, _), (kind, field, pieces) in self.parts.items():
            part = {"type": kind, field: "".join(pieces)}
            made[name].append(part | ({"annotations": []} if kind == "output_text" else {}))
        return made


class Gathering:
    """Show it every event; ask for the ``answer`` at any time."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._items: dict[int, _Growing] = {}
        self._ids: dict[str, int] = {}
        self._end: dict[str, Any] | None = None

    def add(self, kind: str, event: Mapping[str, Any]) -> None:
        """Take the next event, of whatever kind."""
        response = event.get("response")
        if kind in ENDS and isinstance(response, Mapping):
            self._end = {"status": ENDS[kind], **response}
        elif kind in _HEADS and isinstance(response, Mapping):
            self._head = dict(response)
        elif kind in _PARTS:
            self._grow_part(kind, event)
        elif kind in _TEXTS:
            owner, name = _TEXTS[kind]
            if (piece := _piece(event)) and not (item := self._of(event, owner)).done:
                item.texts.setdefault(name, []).append(piece)
        elif kind in ("response.output_item.added", "response.output_item.done"):
            self._item(event, done=kind.endswith("done"))

    def _item(self, event: Mapping[str, Any], *, done: bool) -> None:
        item = event.get("item")
        if not isinstance(item, Mapping):
            return
        if done:
            self._of(event, "").complete(item)
        else:
            self._items[self.place(event)] = _Growing(item)

    def _grow_part(self, kind: str, event: Mapping[str, Any]) -> None:
        name, place, part, field = _PARTS[kind]
        item = self._of(event, _OWNERS.get(part, "reasoning"))
        piece = _piece(event)
        if not piece or item.done:
            return
        key = (name, event.get(place) if isinstance(event.get(place), int) else 0)
        item.parts.setdefault(key, (part, field, []))[2].append(piece)

    def _of(self, event: Mapping[str, Any], kind: str) -> _Growing:
        place = self.place(event)
        if place not in self._items:
            self._items[place] = _Growing({"type": kind, "id": event.get("item_id")})
        return self._items[place]

    def place(self, event: Mapping[str, Any]) -> int:
        """Which item an event is about; some hosts tell it only by the item's id."""
        item = event.get("item")
        told = item.get("id") if isinstance(item, Mapping) else event.get("item_id")
        place = event.get("output_index")
        if not isinstance(place, int):
            place = self._ids.get(str(told), len(self._items))
        if told is not None:
            self._ids.setdefault(str(told), place)
        return place

    def items(self) -> list[dict[str, Any]]:
        """The items so far, in their order."""
        told = (self._end or {}).get("output")
        if isinstance(told, list) and (told or not self._items):
            return [dict(item) for item in told if isinstance(item, Mapping)]
        return [item.result() for _, item in sorted(self._items.items())]

    def answer(self) -> dict[str, Any]:
        """The answer so far."""
        head = self._head if self._end is None else self._end
        return {**head, "output": self.items()}


def _piece(event: Mapping[str, Any]) -> str:
    piece = event.get("delta")
    return piece if isinstance(piece, str) else ""
