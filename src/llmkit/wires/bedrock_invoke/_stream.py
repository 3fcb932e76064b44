"""A stream of ``chunk`` frames, each with one of the maker's events in base64, read by the maker's own decoder.

What AWS adds to an event (its own counts and latencies, a guardrail's trace) is kept, and told with the last chunk.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from ..._call import Call, ChatCall
from ..._eventstream import Frame
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from ...types._model import lenient
from ...types.chat import ChatCompletionChunk
from .. import ChatDecoder
from .._aws_frames import FrameReader
from .._aws_paths import bare
from .._errors import unreadable

__all__ = ["InvokedDecoder", "event_of"]

_ADDED = "amazon-bedrock-"
_METRICS = _ADDED + "invocationMetrics"
_COUNTS = {"inputTokenCount": "prompt_tokens", "outputTokenCount": "completion_tokens"}


def event_of(call: Call, frame: Frame) -> bytes:
    """The maker's event in a frame; empty where the frame is none. Raises where it cannot be read."""
    if frame.text(":event-type") != "chunk":
        return b""
    try:
        return base64.b64decode(load(frame.payload)["bytes"], validate=True)
    except (NotJSON, KeyError, TypeError, ValueError):
        response = HTTPResponse(200, body=frame.payload)
        raise unreadable(call, response, "a frame of the stream has no event in it") from None


class InvokedDecoder:
    """Feed it bytes, cut anywhere; it yields what ``inner`` makes of the events in them."""

    def __init__(self, call: ChatCall, inner: ChatDecoder, *, lines: bool = False) -> None:
        self._call, self._inner, self._lines = call, inner, lines
        self._frames = FrameReader(call)
        self._added: dict[str, Any] = {}
        self._counted = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[ChatCompletionChunk]:
        """Take the next bytes."""
        for frame in self._frames.feed(data):
            event = event_of(self._call, frame)
            self._note(event)
            framed = b"%b\n" % event if self._lines else b"data: %b\n\n" % event
            yield from self._noted(self._inner.feed(framed))

    def finish(self) -> Iterator[ChatCompletionChunk]:
        """The bytes have ended."""
        if (plain := self._frames.plain) is not None:
            yield from self._inner.feed(plain.body)
        yield from self._noted(self._inner.finish())
        if self._added:
            yield self._last()
        self.done = True

    def _noted(self, chunks: Iterator[ChatCompletionChunk]) -> Iterator[ChatCompletionChunk]:
        for chunk in chunks:
            self._counted = self._counted or chunk.usage is not None
            yield chunk

    def _note(self, event: bytes) -> None:
        if _ADDED.encode() not in event:
            return
        try:
            data = load(event)
        except NotJSON:
            return
        if isinstance(data, Mapping):
            self._added |= {k: v for k, v in data.items() if k.startswith(_ADDED)}

    def _last(self) -> ChatCompletionChunk:
        made: dict[str, Any] = {"id": self._call.id, "model": bare(self._call.model), **self._added}
        metrics = self._added.get(_METRICS)
        if not self._counted and isinstance(metrics, Mapping):
            usage = {ours: metrics.get(name) for name, ours in _COUNTS.items()}
            if all(isinstance(count, int) for count in usage.values()):
                usage["total_tokens"] = sum(usage.values())  # type: ignore[arg-type]
            made["usage"] = usage
        return lenient(ChatCompletionChunk, made)
