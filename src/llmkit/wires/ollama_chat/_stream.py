"""A stream's bytes to chunks: one JSON object a line. An error is a line, too, and is raised as what it says.

What does not begin as JSON is read as events: the server's OpenAI form, and gateways that have only that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._ndjson import LineDecoder, TooLong
from ...types._model import lenient
from ...types.chat import ChatCompletionChunk
from .._errors import incomplete, unreadable
from ..openai_chat import OpenAIChatDecoder
from ._decode import Reading
from ._errors import is_error, stream_error

__all__ = ["OllamaDecoder"]


class OllamaDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once the last line has come."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._lines = LineDecoder()
        self._reading = Reading(call)
        self._events: OpenAIChatDecoder | None = None
        self._sniffed = self._begun = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        if not self._sniffed and (data := data.lstrip()):
            self._sniffed = True
            self._events = None if data[:1] == b"{" else OpenAIChatDecoder(self._call)
        if self._events is not None:
            for chunk in self._events.feed(data):
                self.done = self._events.done
                yield chunk
            self.done = self._events.done
            return
        try:
            for line in self._lines.feed(data):
                yield from self._line(line)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if self._events is not None:
            yield from self._events.finish()
            self.done = True
            return
        for line in self._lines.finish():
            if self._begun and not _whole(line):
                raise incomplete(self._call)
            yield from self._line(line)
        if not self.done:
            raise incomplete(self._call)

    def _line(self, line: bytes) -> Iterator[ChatCompletionChunk]:
        if self.done:
            return
        try:
            data = load(line)
        except NotJSON:
            response = HTTPResponse(200, body=line)
            raise unreadable(self._call, response, "a line of the stream is not JSON") from None
        if is_error(data):
            raise stream_error(self._call, HTTPResponse(200), data)
        if not isinstance(data, dict) or not data.keys() & {"message", "done"}:
            response = HTTPResponse(200, body=line)
            raise unreadable(self._call, response, "a line of the stream has no message")
        self._begun = True
        made = _chunk(self._reading.add(data))
        self.done = self._reading.done
        yield made


def _chunk(data: dict[str, Any]) -> ChatCompletionChunk:
    data["object"] = "chat.completion.chunk"
    try:
        return ChatCompletionChunk.model_validate(data)
    except ValueError:
        return lenient(ChatCompletionChunk, data)


def _whole(line: bytes) -> bool:
    try:
        load(line)
    except NotJSON:
        return False
    return True
