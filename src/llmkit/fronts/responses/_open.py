"""Items of a stream while they grow: each knows the events that begin it, add to it and end it.

Source: https://platform.openai.com/docs/api-reference/responses-streaming, read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from typing_extensions import override

from ._write import reasoning

__all__ = ["Call", "Item", "Refusal", "Said", "Thought"]

Event = dict[str, Any]


class Item:
    """One item at its place in the output."""

    def __init__(self, name: str, index: int) -> None:
        self.name, self.index = name, index
        self._pieces: list[str] = []

    def begin(self) -> Iterator[Event]:
        """The events that begin it."""
        begun = {**self.whole(), "status": "in_progress"}
        yield self._event("output_item.added", item=begun)

    def grow(self, piece: str) -> Iterator[Event]:
        """The events of one more piece."""
        self._pieces.append(piece)
        yield self._part(f"{self.growing}.delta", delta=piece)

    def end(self) -> Iterator[Event]:
        """The events that end it."""
        yield self._event("output_item.done", item=self.whole())

    def whole(self) -> dict[str, Any]:
        """The item as it is by now."""
        raise NotImplementedError

    growing: ClassVar[str] = ""

    @property
    def text(self) -> str:
        """All pieces so far."""
        return "".join(self._pieces)

    def _event(self, kind: str, **told: Any) -> Event:
        return {"type": f"response.{kind}", "output_index": self.index, **told}

    def _part(self, kind: str, **told: Any) -> Event:
        return self._event(kind, item_id=self.name, **told)


class Thought(Item):
    """Thinking, as a summary."""

    growing = "reasoning_summary_text"

    def __init__(self, name: str, index: int) -> None:
        super().__init__(name, index)
        self.rides: dict[str, Any] = {}

    @override
    def _part(self, kind: str, **told: Any) -> Event:
        return super()._part(kind, summary_index=0, **told)

    @override
    def begin(self) -> Iterator[Event]:
        yield from super().begin()
        part = {"type": "summary_text", "text": ""}
        yield self._part("reasoning_summary_part.added", part=part)

    @override
    def end(self) -> Iterator[Event]:
        text = self.text
        yield self._part("reasoning_summary_text.done", text=text)
        part = {"type": "summary_text", "text": text}
        yield self._part("reasoning_summary_part.done", part=part)
        yield from super().end()

    @override
    def whole(self) -> dict[str, Any]:
        return reasoning(self.name, self.text, self.rides)


class Said(Item):
    """A text of the assistant's."""

    growing = "output_text"

    def __init__(self, name: str, index: int) -> None:
        super().__init__(name, index)
        self._notes: list[Any] = []

    @override
    def _part(self, kind: str, **told: Any) -> Event:
        return super()._part(kind, content_index=0, **told)

    @override
    def begin(self) -> Iterator[Event]:
        empty = {"id": self.name, "type": "message", "status": "in_progress"}
        yield self._event("output_item.added", item=empty | {"role": "assistant", "content": []})
        yield self._part("content_part.added", part=self._content())

    @override
    def grow(self, piece: str) -> Iterator[Event]:
        for event in super().grow(piece):
            yield event | self._beside()

    @override
    def end(self) -> Iterator[Event]:
        yield self._part(f"{self.growing}.done", **self._told(), **self._beside())
        yield self._part("content_part.done", part=self._content())
        yield from super().end()

    @override
    def whole(self) -> dict[str, Any]:
        made = {"id": self.name, "type": "message", "status": "completed", "role": "assistant"}
        return made | {"content": [self._content()]}

    def annotate(self, note: Mapping[str, Any]) -> Event:
        """The event of one more citation."""
        self._notes.append(dict(note))
        index = len(self._notes) - 1
        return self._part(
            "output_text.annotation.added", annotation_index=index, annotation=dict(note)
        )

    def _told(self) -> dict[str, Any]:
        return {"text": self.text}

    def _beside(self) -> dict[str, Any]:
        return {"logprobs": []}

    def _content(self) -> dict[str, Any]:
        return {"type": "output_text", "text": self.text, "annotations": [*self._notes]}


class Refusal(Said):
    """What the assistant says instead of an answer."""

    growing = "refusal"

    @override
    def _told(self) -> dict[str, Any]:
        return {"refusal": self.text}

    @override
    def _beside(self) -> dict[str, Any]:
        return {}

    @override
    def _content(self) -> dict[str, Any]:
        return {"type": "refusal", "refusal": self.text}


class Call(Item):
    """A call of a function, or of a tool that takes free text."""

    def __init__(self, name: str, index: int, call: int, told: Mapping[str, Any]) -> None:
        super().__init__(name, index)
        self.call = call
        self._told = told
        self._custom = told.get("type") == "custom"

    @override
    def grow(self, piece: str) -> Iterator[Event]:
        self._pieces.append(piece)
        yield self._part(f"{self._growing}.delta", delta=piece)

    @override
    def end(self) -> Iterator[Event]:
        if self._custom:
            yield self._part(f"{self._growing}.done", input=self.text)
        else:
            told = {"arguments": self.text or "{}", "name": self._told.get("name")}
            yield self._part(f"{self._growing}.done", **told)
        yield from super().end()

    @override
    def begin(self) -> Iterator[Event]:
        field = "input" if self._custom else "arguments"
        yield self._event(
            "output_item.added", item={**self.whole(), field: "", "status": "in_progress"}
        )

    @property
    def _growing(self) -> str:
        return "custom_tool_call_input" if self._custom else "function_call_arguments"

    @override
    def whole(self) -> dict[str, Any]:
        told = {"call_id": self._told.get("id"), "name": self._told.get("name")}
        made = {"id": self.name, "status": "completed", **told}
        if self._custom:
            return {"type": "custom_tool_call", **made, "input": self.text}
        return {"type": "function_call", **made, "arguments": self.text or "{}"}
