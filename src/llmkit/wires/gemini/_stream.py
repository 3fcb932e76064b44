"""A stream's bytes to chunks. Unknown events never raise; an error does, as what it says it is.

A finish reason is told when the bytes have ended, and not before: the provider sends some with calls still to come
(github.com/BerriAI/litellm/issues/31634), and people stop reading at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import TooLong
from ...types._model import lenient
from ...types.chat import ChatCompletionChunk
from .._errors import incomplete, unreadable
from ._decode import Reading
from ._failures import failure, is_error
from ._frames import Frames

__all__ = ["GeminiDecoder"]

_DONE = b"[DONE]"  # some gateways close with OpenAI's word


class GeminiDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. Events, a JSON array and a single JSON are all read."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._frames = Frames()
        self._reading = Reading(call)
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        try:
            for text in self._frames.feed(data):
                yield from self._text(text)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        for text in self._frames.finish():
            yield from self._text(text)
        if not self._reading.finished:
            raise incomplete(self._call)
        self.done = True
        yield self._chunk(self._reading.close(), self._reading.end())

    def _text(self, text: bytes) -> Iterator[ChatCompletionChunk]:
        if not text.strip() or text.strip() == _DONE:
            return
        try:
            data = load(text)
        except NotJSON:
            if self._reading.finished:
                return
            response = HTTPResponse(200, body=text)
            raise unreadable(self._call, response, "an event of the stream is not JSON") from None
        for event in data if isinstance(data, list) else (data,):
            yield from self._event(event)

    def _event(self, event: Any) -> Iterator[ChatCompletionChunk]:
        if not isinstance(event, Mapping):
            return
        if is_error(event):
            raise failure(self._call, HTTPResponse(200), event)
        choices = self._reading.add(HTTPResponse(200), event)
        if choices:
            yield self._chunk(choices, self._reading.head())

    def _chunk(self, choices: list[dict[str, Any]], head: dict[str, Any]) -> ChatCompletionChunk:
        data = {**head, "object": "chat.completion.chunk", "choices": choices}
        try:
            return ChatCompletionChunk.model_validate(data)
        except ValueError:
            return lenient(ChatCompletionChunk, data)
