"""Connections that end at places told by the answer's own bytes, and what a reader must have got by then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from typing_extensions import override

from llmkit.testing._sending import End, Step, Turn
from llmkit.testing.faults import Fault
from llmkit.testing.faults._fault import wire_bytes

READING_TIME = 0.02

ENDS = {"cut": End.CLOSE, "reset": End.RESET, "stall": End.HOLD}


def _in_an_event(body: bytes) -> int:
    """In the middle, and within an event's data where there are events."""
    start = body.find(b"data: ", len(body) // 2)
    return len(body) // 2 if start < 0 else start + 12


def _before_the_last_event(body: bytes) -> int:
    """Where the last event begins, or the last third."""
    start = body.rfind(b"data: ")
    return 2 * len(body) // 3 if start < 0 else start


PLACES: Mapping[str, Callable[[bytes], int]] = {
    "in the head": lambda body: -1,
    "behind the head": lambda body: 0,
    "at the first byte": lambda body: 1,
    "in an event": _in_an_event,
    "before the last event": _before_the_last_event,
    "before the last byte": lambda body: len(body) - 1,
}
"""How many bytes of the body are sent; -1 stands for all of the head but its last byte."""


class Ends(Fault):
    """The connection is cut, reset or stalled at a place; ``sent`` is what of the body was sent before.

    A place behind the last byte is none: then all of it is sent, and nothing is wrong.
    """

    __slots__ = ("_at", "_how", "_reading", "name", "sent")

    def __init__(self, how: str, place: str | int, *, reading_time: float = READING_TIME) -> None:
        self.name = f"{how} {place}"
        self._how = ENDS[how]
        self._at = (lambda body: place) if isinstance(place, int) else PLACES[place]
        self._reading = reading_time
        self.sent = b""

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        message = self.as_http(turn)
        body = wire_bytes(message)
        at = self._at(body)
        self.sent = body[: max(0, at)]
        yield message.head()[: -1 if at < 0 else None]
        yield self.sent
        if at >= len(body):
            return
        if self._how is End.RESET:
            # It throws away what its receiver has not read yet.
            yield self._reading
        yield self._how

    @override
    def __repr__(self) -> str:
        return f"<{self.name}>"


class AtOnce(Fault):
    """Another fault's stream, all of it in one chunk but for ``alone`` events that come before, in one of their own.

    ``sent`` is what came in ``good`` whole events.
    """

    __slots__ = ("_alone", "_good", "inner", "sent")

    def __init__(self, inner: Fault, good: int, alone: int) -> None:
        self.inner, self._good, self._alone = inner, good, alone
        self.sent = b""

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        message = self.inner.as_http(turn)
        pieces = tuple(message.pieces)
        good, alone = b"".join(pieces[: self._good]), b"".join(pieces[: self._alone])
        if message.chunked:
            self.sent = b"%x\r\n%b\r\n" % (len(good), good)
            message = replace(message, pieces=(alone, b"".join(pieces[self._alone :])))
        yield message.head()
        for piece in message.body():
            yield piece
            yield READING_TIME

    @override
    def __repr__(self) -> str:
        return f"<at once behind {self._alone}: {self.inner}>"


def _openai(event: Any) -> str:
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])


def _anthropic(event: Any) -> str:
    return str(event.get("delta", {}).get("text", ""))


def _gemini(event: Any) -> str:
    parts = (part for c in event["candidates"] for part in c.get("content", {}).get("parts", ()))
    return "".join(part.get("text", "") for part in parts)


_TEXT = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}


def told(wire: str, chunked: bytes) -> str:
    """The text of all whole events in the beginning of a stream."""
    # A line may end with CR alone: half of a CR LF ends it, too.
    body = unchunked(chunked).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    whole = body[: body.rfind(b"\n\n") + 1]
    lines = (line for line in whole.split(b"\n") if line.startswith(b"data: "))
    events = (json.loads(line[6:]) for line in lines if line != b"data: [DONE]")
    return "".join(map(_TEXT[wire], events))


def unchunked(data: bytes) -> bytes:
    """The body of what was sent in chunks, as far as it has come."""
    plain = b""
    while b"\r\n" in data:
        size, _, data = data.partition(b"\r\n")
        plain += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return plain
