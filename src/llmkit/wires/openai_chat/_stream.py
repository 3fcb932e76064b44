"""A stream's bytes to chunks. Unknown events never raise; an error event does, as what it says it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...errors import APIError
from ...types._model import lenient
from ...types.chat import ChatCompletion, ChatCompletionChunk
from .._errors import error_from, incomplete, unreadable
from .._plain import PlainBody
from ._decode import is_error, items, normalize_choice, normalize_usage, parse

__all__ = ["OpenAIChatDecoder"]

_OUR_EVENTS = ("", "message")  # a host's other events (pings and the like) need not be JSON


class OpenAIChatDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once ``[DONE]`` has come.

    A host that ignores ``stream`` and answers with one JSON object is read as a stream of one chunk.
    """

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._begun = self._finished = False
        self._usages = 0
        self._usage_last = False
        self._head: dict[str, Any] = {}
        self._calls: dict[tuple[Any, Any], tuple[Any, Any]] = {}
        self._numbers: dict[Any, int] = {}
        self._taken: set[tuple[Any, Any]] = set()
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        if self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                if (chunk := self._event(event)) is not None:
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

    def _event(self, event: Event) -> ChatCompletionChunk | None:
        said = event.data.strip()
        if self.done or (not said and event.name != "error"):
            return None
        if said == b"[DONE]":
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
        """Give each call an index of its own: some hosts send none, some send 0 for all of several."""
        given, call_id = call.get("index"), call.get("id")
        if not isinstance(given, int | str):
            given = None
        key = (choice, given)
        index, known = self._calls.get(key, (None, None))
        named = isinstance(call.get("function"), dict) and call["function"].get("name")
        fresh = index is None or (call_id and known and call_id != known and named)
        if fresh:
            index = given
            if not isinstance(index, int) or (choice, index) in self._taken:
                index = self._free(choice)
            self._taken.add((choice, index))
        self._calls[key] = (index, call_id or known)
        call["index"] = index

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
        for name in ("id", "model", "created"):
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
