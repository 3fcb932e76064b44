"""A stream's bytes to chunks. Unknown events never raise; an error event does, as what it says it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...errors import APIError
from ...types._model import lenient
from ...types.chat import ChatCompletion, ChatCompletionChunk, ToolCallDelta
from .._alike import CREDIT, LESSON, Alike, Run
from .._errors import error_from, incomplete, unreadable
from .._plain import PlainBody
from . import _at_once
from ._decode import is_error, items, normalize_choice, normalize_usage, parse

__all__ = ["OpenAIChatDecoder"]

# A host whose events need mending has nothing of trying without: so many in a row, and it is tried no more.
_TRIES = 4
_HEAD = ("id", "model", "created")
_DONE = b"[DONE]"
_OUR_EVENTS = ("", "message")  # a host's other events (pings and the like) need not be JSON


class OpenAIChatDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once ``[DONE]`` has come.

    A host that ignores ``stream`` and answers with one JSON object is read as a stream of one chunk.
    """

    relays: ClassVar[bool] = True
    """Whether what ``run`` takes is what a client of OpenAI's is sent for it."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._begun = self._finished = False
        self._tries, self._credit = _TRIES, CREDIT
        self._like: Alike | None = None
        self._usages = 0
        self._usage_last = False
        self._head: dict[str, Any] = {}
        self._calls: dict[tuple[Any, Any], tuple[Any, Any]] = {}
        self._numbers: dict[Any, int] = {}
        self._taken: set[tuple[Any, Any]] = set()
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        if self._plain.open and self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                chunk = self._at_once(event) if self._tries else None
                if chunk is not None or (chunk := self._event(event)) is not None:
                    yield chunk
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._plain.response) is not None:
            self.done = True
            yield _as_chunk(parse(self._call, plain))
            return
        for event in self._sse.finish():
            if (chunk := self._event(event)) is not None:
                yield chunk
        if not (self.done or self._finished or self._ends_with_usage()):
            raise incomplete(self._call, b"" if self._begun else bytes(self._sse.stray))
        self.done = True

    def run(self, data: bytes) -> Run | None:
        """What a piece begins with, where that is events like the last one; else ``None``, and nothing is taken."""
        if self._like is None or self.done or not self._sse.idle:
            return None
        found = self._like.run(data)
        if found is not None:
            self._usage_last = False
            self._credit = CREDIT
        return found

    def _at_once(self, event: Event) -> ChatCompletionChunk | None:
        """The event as a chunk, where it needs no mending."""
        if self._like is not None and not (self.done or event.name):
            known = self._like.one(event.data)
            if known is not None:
                self._usage_last = False
                self._credit = min(CREDIT, self._credit + 1)
                return known[1]
        if self.done or event.name or event.data == _DONE:
            return None
        chunk = _at_once.read(event.data)
        if chunk is None:
            self._tries -= 1
            return None
        self._tries = _TRIES
        self._begun, self._usage_last = True, chunk.usage is not None
        self._usages += self._usage_last
        self._note(chunk)
        if self._credit >= LESSON:
            self._credit -= LESSON
            self._like = _at_once.like(event.data, chunk) or self._like
        return chunk

    def _note(self, chunk: ChatCompletionChunk) -> None:
        for choice in chunk.choices:
            if choice.finish_reason is not None:
                self._finished = True
            for call in choice.delta.tool_calls or ():
                self._number_of(choice.index, call)
        if len(self._head) < len(_HEAD):
            for name in _HEAD:
                self._head.setdefault(name, getattr(chunk, name))

    def _number_of(self, choice: int, call: ToolCallDelta) -> None:
        given = call.index if "index" in call.__pydantic_fields_set__ else None
        named = bool(call.function and call.function.name)
        number = self._numbered(choice, given, call.id, named=named)
        if given is None or number != given:
            call.index = number

    def _event(self, event: Event) -> ChatCompletionChunk | None:
        said = event.data.strip()
        if self.done or (not said and event.name != "error"):
            return None
        if said == _DONE:
            self.done = True
            return None
        data = self._loaded(event)
        return self._chunk(event, data) if isinstance(data, dict) else None

    def _loaded(self, event: Event) -> Any:
        try:
            return load(event.data)
        except NotJSON:
            response = HTTPResponse(200, body=event.data)
            if event.name == "error":
                raise self._broken(event.data.decode("utf-8", "replace")) from None
            if event.name not in _OUR_EVENTS:
                return None
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None

    def _chunk(self, event: Event, data: dict[str, Any]) -> ChatCompletionChunk | None:
        if is_error(data):
            raise self._broken(data)
        if event.name == "error":
            raise self._broken({"error": data})
        if "choices" not in data and "usage" not in data:
            return None
        return self._normalized(data)

    def _broken(self, body: Any) -> APIError:
        return error_from(self._call, HTTPResponse(200), body)

    def _normalized(self, data: dict[str, Any]) -> ChatCompletionChunk:
        self._begun = True
        choices = data["choices"] = [c for c in items(data.get("choices")) if isinstance(c, dict)]
        for choice in choices:
            self._normalize_choice(choice)
        self._normalize_usage(data)
        self._fill_head(data)
        try:
            return ChatCompletionChunk.model_validate(data)
        except ValueError:
            return lenient(ChatCompletionChunk, data)

    def _normalize_choice(self, choice: dict[str, Any]) -> None:
        if not isinstance(choice.get("delta"), dict):
            # Some hosts send the last piece as a message, some send nulls.
            choice["delta"] = choice.get("message") or {}
        # Perplexity and Writer send the whole message so far beside each delta: it is not the answer's end.
        choice.pop("message", None)
        normalize_choice(choice, "delta")
        for call in items(choice["delta"].get("tool_calls")):
            if isinstance(call, dict):
                self._number(choice["index"], call)
        if choice.get("finish_reason") is not None:
            self._finished = True

    def _number(self, choice: Any, call: dict[str, Any]) -> None:
        given = call.get("index")
        if not isinstance(given, int | str):
            given = None
        named = isinstance(call.get("function"), dict) and bool(call["function"].get("name"))
        call["index"] = self._numbered(choice, given, call.get("id"), named=named)

    def _numbered(self, choice: Any, given: int | str | None, call_id: Any, *, named: bool) -> int:
        """An index of its own for each call: some hosts send none, some send 0 for all of several."""
        # What was learned of events may hold no longer.
        self._like = None
        key = (choice, given)
        index, known = self._calls.get(key, (None, None))
        fresh = index is None or (call_id and known and call_id != known and named)
        if fresh:
            index = given
            if not isinstance(index, int) or (choice, index) in self._taken:
                index = self._free(choice)
            self._taken.add((choice, index))
        self._calls[key] = (index, call_id or known)
        return index  # type: ignore[no-any-return]

    def _free(self, choice: Any) -> int:
        """The first number that no call of this choice has."""
        number = self._numbers.get(choice, 0)
        while (choice, number) in self._taken:
            number += 1
        self._numbers[choice] = number
        return number

    def _normalize_usage(self, data: dict[str, Any]) -> None:
        if data.get("usage") is None and (elsewhere := _usage_elsewhere(data)) is not None:
            data["usage"] = dict(elsewhere)
        self._usage_last = isinstance(data.get("usage"), dict)
        if self._usage_last:
            normalize_usage(data["usage"])
            self._usages += 1

    def _ends_with_usage(self) -> bool:
        """Perplexity ends some answers with their usage, and neither a finish reason nor [DONE].

        A usage in every chunk only counts along: it ends nothing.
        """
        return self._usage_last and self._usages == 1

    def _fill_head(self, data: dict[str, Any]) -> None:
        """A chunk that leaves out id, model or time has its predecessors'."""
        for name in _HEAD:
            if data.get(name) is None:
                data[name] = self._head.get(name) or getattr(self._call, name, None)
            elif name not in self._head:
                self._head[name] = data[name]
        data["object"] = "chat.completion.chunk"


def _usage_elsewhere(data: dict[str, Any]) -> dict[str, Any] | None:
    """Groq has it in ``x_groq`` (https://console.groq.com/docs/api-reference), Moonshot in the finishing
    choice (https://github.com/AstrBotDevs/AstrBot/issues/6614 shows one); both read 2026-11-22.
    """
    for place in (data.get("x_groq"), *data["choices"]):
        if isinstance(place, dict) and isinstance(place.get("usage"), dict):
            usage: dict[str, Any] = place["usage"]
            return usage
    return None


def _as_chunk(completion: ChatCompletion) -> ChatCompletionChunk:
    data = completion.to_dict() | {"object": "chat.completion.chunk"}
    for choice in data.get("choices") or ():
        choice["delta"] = choice.pop("message", {})
        for position, call in enumerate(choice["delta"].get("tool_calls") or ()):
            call.setdefault("index", position)
    return lenient(ChatCompletionChunk, data)
