"""A stream as its own events, typed and kept whole. The head is told with the first event that says something.

Up to then a failure is one of opening the stream, which may be tried again; a head says only that there will be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._call import Call
from ...types._model import lenient
from ...types.responses import Response, ResponseEvent
from ._decode import parse, typed
from ._events import Events
from ._gather import Gathering

__all__ = ["ResponsesDecoder"]

_HEADS = frozenset({"response.created", "response.in_progress", "response.queued"})


class ResponsesDecoder:
    """Feed it bytes, cut anywhere; it yields events. ``done`` once the one that ends the answer has come.

    A host that ignores ``stream`` is read as a stream of one event, ``response.completed``.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._events = Events(call)
        self._gathering = Gathering()
        self._held: list[ResponseEvent] = []
        self._speaking = False
        self.done = False

    def feed(self, data: bytes) -> Iterator[ResponseEvent]:
        """Take the next bytes."""
        for kind, event in self._events.feed(data):
            yield from self._event(kind, event)

    def finish(self) -> Iterator[ResponseEvent]:
        """The bytes have ended."""
        if (plain := self._events.plain) is not None:
            answer = parse(self._call, plain)
            kind = f"response.{answer.status or 'completed'}"
            event = {"type": kind, "sequence_number": 0, "response": answer.to_dict()}
            yield from self._event(kind, event)
            self.done = True
            return
        for kind, event in self._events.finish():
            yield from self._event(kind, event)

    def _event(self, kind: str, event: dict[str, Any]) -> Iterator[ResponseEvent]:
        self._gathering.add(kind, event)
        self._held.append(lenient(ResponseEvent, {"type": kind, **event}))
        if self._speaking or kind not in _HEADS:
            self._speaking = True
            held, self._held = self._held, []
            yield from held
        self.done = self._events.done

    def result(self) -> Response:
        """The answer as far as it has come."""
        return typed(self._gathering.answer())
