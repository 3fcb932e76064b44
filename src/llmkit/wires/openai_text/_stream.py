"""A stream of text completions: bytes to chunks, and to the whole answer. Unknown events never raise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._calls import TextCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...types.text import TextCompletion, TextCompletionChunk
from .._errors import error_from, incomplete, unreadable
from .._objects import built
from .._plain import PlainBody
from ._decode import normalized, parse

__all__ = ["TextDecoder"]

_LISTS = ("tokens", "token_logprobs", "top_logprobs", "text_offset")


class TextDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. A host that ignores ``stream`` is read as a stream of one."""

    def __init__(self, call: TextCall) -> None:
        self._call = call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._whole = _Whole(call)
        self._bare = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[TextCompletionChunk]:
        """Take the next bytes."""
        if self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                if (chunk := self._event(event)) is not None:
                    yield chunk
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[TextCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._plain.response) is not None:
            yield self._as_chunk(parse(self._call, plain))
        for event in self._sse.finish():
            if (chunk := self._event(event)) is not None:
                yield chunk
        if not (self.done or self._bare or self._whole.finished):
            raise incomplete(self._call, b"" if self._whole.begun else bytes(self._sse.stray))
        self.done = True

    def result(self) -> TextCompletion:
        """The whole answer, as far as it has come."""
        return self._whole.answer()

    def _event(self, event: Event) -> TextCompletionChunk | None:
        said = event.data.strip()
        if self.done or not said:
            return None
        if said == b"[DONE]":
            self.done = True
            return None
        try:
            data = load(event.data)
        except NotJSON:
            response = HTTPResponse(200, body=event.data)
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None
        return self._chunk(event, data) if isinstance(data, dict) else None

    def _chunk(self, event: Event, data: dict[str, Any]) -> TextCompletionChunk | None:
        if data.get("error") or data.get("object") == "error":
            raise error_from(self._call, HTTPResponse(200), data)
        if event.name == "error":
            raise error_from(self._call, HTTPResponse(200), {"error": data})
        if "choices" not in data and isinstance(data.get("value"), str):
            # Writer's: the text and nothing else, and the connection's end is the answer's.
            self._bare = True
            data["choices"] = [{"text": data["value"]}]
        if "choices" not in data and "usage" not in data:
            return None
        return built(TextCompletionChunk, self._whole.add(normalized(data)))

    def _as_chunk(self, answer: TextCompletion) -> TextCompletionChunk:
        data = answer.model_dump()
        self.done = True
        return built(TextCompletionChunk, self._whole.add(data))


class _Whole:
    """The answer that the chunks add up to."""

    def __init__(self, call: TextCall) -> None:
        self._head: dict[str, Any] = {"id": "", "model": ""}
        self._call = call
        self._choices: dict[int, dict[str, Any]] = {}
        self._texts: dict[int, list[str]] = {}
        self._usage: dict[str, Any] | None = None

    @property
    def begun(self) -> bool:
        """Whether there was any chunk."""
        return bool(self._choices)

    @property
    def finished(self) -> bool:
        """Whether each answer that began has said how it ended."""
        return self.begun and all(c.get("finish_reason") for c in self._choices.values())

    def add(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """Take a chunk; it is returned with what it left out and its predecessors said."""
        for name in ("id", "model", "created"):
            if chunk.get(name) in (None, ""):
                chunk[name] = self._head.get(name) or getattr(self._call, name, None)
        self._head |= {k: v for k, v in chunk.items() if k not in ("choices", "usage")}
        if isinstance(chunk.get("usage"), dict):
            self._usage = chunk["usage"]
        for choice in chunk["choices"]:
            self._add_choice(choice)
        return chunk

    def _add_choice(self, choice: dict[str, Any]) -> None:
        index = choice["index"]
        kept = self._choices.setdefault(index, {"index": index})
        text = choice["text"]
        self._texts.setdefault(index, []).append(text if isinstance(text, str) else "")
        for name, value in choice.items():
            if name == "logprobs":
                if isinstance(value, dict):
                    _extend(kept.setdefault("logprobs", {}), value)
            elif value is not None:
                kept[name] = value

    def answer(self) -> TextCompletion:
        """The whole, as far as it has come."""
        choices = [
            {**choice, "text": "".join(self._texts[index])}
            for index, choice in sorted(self._choices.items())
        ]
        return built(TextCompletion, {**self._head, "choices": choices, "usage": self._usage})


def _extend(kept: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if name in _LISTS and isinstance(value, list):
            # Whatever else came under that name before is no list to go on with.
            if not isinstance(kept.get(name), list):
                kept[name] = []
            kept[name].extend(value)
        elif value is not None:
            kept[name] = value
