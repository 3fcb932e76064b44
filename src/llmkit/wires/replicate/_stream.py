"""A prediction's stream to chunks: events named ``output``, ``logs``, ``error`` and ``done``. Texts are not JSON there.

Source: https://replicate.com/docs/topics/predictions/streaming, read 2026-11-22. Streams have no counts. A whole
prediction in the place of events is read as a stream of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._call import ChatCall
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ..._sse import Event, SSEDecoder, TooLong
from ...types._model import lenient
from ...types.chat import ChatCompletionChunk
from .._errors import incomplete, unreadable
from .._plain import PlainBody
from ._errors import ended
from ._read import completion, prediction

__all__ = ["ReplicateDecoder"]

_REASONS = {"canceled": "canceled", "error": "failed"}


class ReplicateDecoder:
    """Feed it bytes, cut anywhere; it yields chunks. ``done`` once the event of that name has come."""

    def __init__(self, call: ChatCall) -> None:
        self._call = call
        self._sse = SSEDecoder()
        self._plain = PlainBody(call)
        self._begun = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        if self._plain.takes(data):
            return
        try:
            for event in self._sse.feed(data):
                yield from self._event(event)
        except TooLong as error:
            raise unreadable(self._call, HTTPResponse(200), str(error)) from None

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._plain.response) is not None:
            self.done = True
            yield _as_chunk(self._call, plain)
            return
        for event in self._sse.finish():
            yield from self._event(event)
        if not self.done:
            raise incomplete(self._call, b"" if self._begun else bytes(self._sse.stray))

    def _event(self, event: Event) -> Iterator[ChatCompletionChunk]:
        if self.done:
            return
        if event.name == "output":
            yield self._chunk({"content": event.data.decode("utf-8", "replace")}, None)
        elif event.name == "error":
            raise ended(self._call, "failed", _loaded(event), _told(event))
        elif event.name == "done":
            yield self._last(event)

    def _last(self, event: Event) -> ChatCompletionChunk:
        told = _loaded(event)
        reason = told.get("reason") if isinstance(told, Mapping) else None
        if isinstance(reason, str) and reason in _REASONS:
            raise ended(self._call, _REASONS[reason], told)
        self.done = True
        return self._chunk({}, "stop")

    def _chunk(self, delta: dict[str, Any], finish: str | None) -> ChatCompletionChunk:
        first = {} if self._begun else {"role": "assistant"}
        self._begun = True
        choice = {"index": 0, "delta": {**first, **delta}, "finish_reason": finish}
        head = {"id": self._call.id, "created": None, "model": self._call.model}
        return ChatCompletionChunk.model_validate(
            {**head, "object": "chat.completion.chunk", "choices": [choice]}
        )


def _loaded(event: Event) -> Any:
    try:
        return load(event.data)
    except NotJSON:
        return event.data.decode("utf-8", "replace")


def _told(event: Event) -> str:
    """An error's text, bare or in an object."""
    body = _loaded(event)
    if not isinstance(body, Mapping):
        return str(body)
    return str(body.get("detail") or body.get("message") or body.get("error") or body)


def _as_chunk(call: ChatCall, response: HTTPResponse) -> ChatCompletionChunk:
    data = completion(call, prediction(call, response)).to_dict()
    for choice in data["choices"]:
        choice["delta"] = choice.pop("message")
    return lenient(ChatCompletionChunk, data | {"object": "chat.completion.chunk"})
