"""A stream of this API as chat's chunks. What a chunk cannot say (signatures, hosted tools) comes with the last.

A host that tells an item only when it is done has it told then; nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..._call import ChatCall
from ...types._model import lenient
from ...types.chat import ChatCompletion, ChatCompletionChunk
from .._times import unix
from ._decode import beside, ending, parse_chat
from ._events import Events
from ._gather import ENDS, Gathering
from ._items import PARAGRAPH, annotation, as_call, as_images, fields, is_call, keepsake
from ._usage import searches, translated

__all__ = ["ResponsesChatDecoder"]

Event = Mapping[str, Any]
Said = dict[str, Any]


class ResponsesChatDecoder:
    """Feed it bytes, cut anywhere; it yields chunks."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._events = Events(call)
        self._gathering = Gathering()
        self._id, self._model = call.id, call.model
        self._created: int | None = None
        self._calls: dict[Any, int] = {}
        self._said: set[Any] = set()
        self._thought: Any = None
        self._length = 0
        self._starts: dict[Any, int] = {}
        self._begun = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        for kind, event in self._events.feed(data):
            yield from self._event(kind, event)

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._events.plain) is not None:
            self.done = True
            yield _as_chunk(parse_chat(self._call, plain))
            return
        for kind, event in self._events.finish():
            yield from self._event(kind, event)

    def _event(self, kind: str, event: Event) -> Iterator[ChatCompletionChunk]:
        self._gathering.add(kind, event)
        self._note(event.get("response"))
        if kind in ENDS:
            yield from self._end()
            self.done = True
        elif kind in _EVENTS:
            for said in _EVENTS[kind](self, event):
                yield self._chunk(said, **_logprobs(event))

    def _note(self, response: Any) -> None:
        if isinstance(response, Mapping):
            self._id = response.get("id") or self._id
            self._model = response.get("model") or self._model
            created = unix(response.get("created_at"))
            self._created = self._created if created is None else created

    def _text(self, event: Event) -> Iterator[Said]:
        if piece := _piece(event):
            place = self._gathering.place(event), _place(event, "content_index")
            self._starts.setdefault(place, self._length)
            self._said.add(self._gathering.place(event))
            self._length += len(piece)
            yield {"content": piece}

    def _refusal(self, event: Event) -> Iterator[Said]:
        if piece := _piece(event):
            self._said.add(self._gathering.place(event))
            yield {"refusal": piece}

    def _reasoning(self, event: Event) -> Iterator[Said]:
        piece = _piece(event)
        if not piece:
            return
        inner = _place(event, "summary_index", "content_index")
        place = self._gathering.place(event), event.get("type"), inner
        between = PARAGRAPH if self._thought not in (None, place) else ""
        self._thought = place
        self._said.add(self._gathering.place(event))
        yield {"reasoning_content": between + piece}

    def _added(self, event: Event) -> Iterator[Said]:
        item = event.get("item")
        if isinstance(item, Mapping) and is_call(item):
            yield self._call_begun(event, item)

    def _call_begun(self, event: Event, item: Event) -> Said:
        position = self._calls[self._gathering.place(event)] = len(self._calls)
        call = as_call(item)
        inner = call[call["type"]]
        inner["arguments" if "arguments" in inner else "input"] = ""
        return {"tool_calls": [{"index": position, **call}]}

    def _arguments(self, event: Event) -> Iterator[Said]:
        position = self._calls.get(self._gathering.place(event))
        if position is not None and (piece := _piece(event)):
            self._said.add(self._gathering.place(event))
            yield _grown(position, str(event.get("type")), piece)

    def _item_done(self, event: Event) -> Iterator[Said]:
        item, place = event.get("item"), self._gathering.place(event)
        if not isinstance(item, Mapping):
            return
        if is_call(item):
            if place not in self._calls:
                yield self._call_begun(event, item)
            if place not in self._said and (whole := item.get("arguments") or item.get("input")):
                yield _grown(self._calls[place], str(item.get("type")), str(whole))
        elif place not in self._said:
            yield from self._whole(item)
        yield from self._beside(place, item)

    def _whole(self, item: Event) -> Iterator[Said]:
        told = fields([item])
        thought = told.get("reasoning_content")
        if thought:
            between = PARAGRAPH if self._thought is not None else ""
            self._thought = (item.get("id"),)
            yield {"reasoning_content": between + thought}
        text = told.get("content")
        if text is not None:
            self._length += len(text)
            yield {"content": text}
        if told.get("refusal"):
            yield {"refusal": told["refusal"]}

    def _beside(self, place: Any, item: Event) -> Iterator[Said]:
        images = [*as_images(item)]
        if images:
            yield {"images": images}
        content = item.get("content") if item.get("type") == "message" else None
        notes: list[Any] = []
        for i, part in enumerate(content if isinstance(content, list) else ()):
            found = part.get("annotations") if isinstance(part, Mapping) else None
            start = self._starts.get((place, i), 0)
            listed = found if isinstance(found, list) else ()
            notes += (annotation(n, start) for n in listed if isinstance(n, Mapping))
        if notes:
            yield {"annotations": notes}

    def _end(self) -> Iterator[ChatCompletionChunk]:
        answer = self._gathering.answer()
        items = answer["output"]
        kept = keepsake(items)
        last: Said = {} if kept is None else {"provider_specific_fields": kept}
        chunk = self._chunk(last, finish_reason=ending(answer, called=bool(self._calls)))
        yield lenient(ChatCompletionChunk, {**beside(answer), **chunk.to_dict()})
        usage = translated(answer.get("usage"), searches(items), answer.get("tools"))
        if usage is not None:
            yield self._bare(usage=usage)

    def _chunk(self, delta: Said, **choice: Any) -> ChatCompletionChunk:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", **delta}
        return self._bare(choices=[{"index": 0, "delta": delta, **choice}])

    def _bare(self, **told: Any) -> ChatCompletionChunk:
        head = {"id": self._id, "model": self._model, "created": self._created}
        return lenient(ChatCompletionChunk, {**head, "choices": [], **told})


_EVENTS: dict[str, Callable[[ResponsesChatDecoder, Event], Iterator[Said]]] = {
    "response.output_text.delta": ResponsesChatDecoder._text,  # noqa: SLF001 - the class's own table
    "response.refusal.delta": ResponsesChatDecoder._refusal,  # noqa: SLF001
    "response.reasoning_text.delta": ResponsesChatDecoder._reasoning,  # noqa: SLF001
    "response.reasoning_summary_text.delta": ResponsesChatDecoder._reasoning,  # noqa: SLF001
    "response.output_item.added": ResponsesChatDecoder._added,  # noqa: SLF001
    "response.output_item.done": ResponsesChatDecoder._item_done,  # noqa: SLF001
    "response.function_call_arguments.delta": ResponsesChatDecoder._arguments,  # noqa: SLF001
    "response.custom_tool_call_input.delta": ResponsesChatDecoder._arguments,  # noqa: SLF001
}


def _place(event: Event, *names: str) -> int | None:
    """Where in its item an event's piece belongs; ``None`` where it is not told."""
    return next((value for name in names if isinstance(value := event.get(name), int)), None)


def _piece(event: Event) -> str:
    piece = event.get("delta")
    return piece if isinstance(piece, str) else ""


def _grown(position: int, kind: str, piece: str) -> Said:
    if "custom" in kind:
        return {"tool_calls": [{"index": position, "custom": {"input": piece}}]}
    return {"tool_calls": [{"index": position, "function": {"arguments": piece}}]}


def _logprobs(event: Event) -> dict[str, Any]:
    found = event.get("logprobs")
    return {"logprobs": {"content": found}} if isinstance(found, list) and found else {}


def _as_chunk(completion: ChatCompletion) -> ChatCompletionChunk:
    data = completion.to_dict() | {"object": "chat.completion.chunk"}
    for choice in data["choices"]:
        choice["delta"] = choice.pop("message", {})
        for position, call in enumerate(choice["delta"].get("tool_calls") or ()):
            call["index"] = position
    return lenient(ChatCompletionChunk, data)
