"""A wire that remembers what it was given to read, and the way back: what was remembered, read once more. Pure.

``Taped`` stands for the wire of one leg of one call. Whatever asks through it (retries, steps, a hedge, a stream) is as
it was; of several tries the last one counts. ``replayed`` has the wire itself read an entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._call import Call
from ..._flow import Deadlines, Opened
from ..._http import HTTPResponse
from ...types.answer import Answer
from ..job import Leg
from .entry import DamagedEntry, Entry, Exchange

__all__ = ["Taped", "replayed"]

_NO_LIMITS = Deadlines(0, 0, 0, 0)


class Taped:
    """A wire, and what it has read last. What came to more than ``most`` bytes is forgotten."""

    def __init__(self, wire: Any, most: int) -> None:
        self._wire, self._most = wire, most
        self._before: list[HTTPResponse] = []
        self._whole: list[HTTPResponse] | None = None
        self._stream: _Decoder | None = None
        if getattr(wire, "steps", None) is not None:
            self.steps = self._steps

    def __getattr__(self, name: str) -> Any:
        # What else a wire has.
        return getattr(self._wire, name)

    def parse(self, call: Call, response: HTTPResponse) -> Any:
        """Read an answer, and remember it."""
        answer = self._wire.parse(call, response)
        self._whole = [response]
        return answer

    def decoder(self, call: Call) -> Any:
        """What reads a stream, and remembers it."""
        self._stream = _Decoder(self._wire.decoder(call), self._most)
        return self._stream

    def _steps(self, call: Call, to: Any) -> Any:
        answers: list[HTTPResponse] = []
        self._before = answers
        self._whole = self._stream = None
        asking = self._wire.steps(call, to)
        response: Any = None
        while True:
            try:
                step = asking.send(response)
            except StopIteration as done:
                self._whole = answers
                return done.value
            response = yield step
            answers.append(response)

    def exchanges(self, head: tuple[Any, Any] | None) -> list[Exchange] | None:
        """All that was read; ``None`` where it is not whole, or too much. ``head``: of a stream."""
        if head is None:
            found = [_exchange(one) for one in self._whole or ()]
        elif self._stream is None or (pieces := self._stream.pieces) is None:
            return None
        else:
            found = [*map(_exchange, self._before), Exchange(*head, pieces)]
        size = sum(len(piece) for one in found for piece in one.pieces)
        return found if found and size <= self._most else None


def _exchange(response: HTTPResponse) -> Exchange:
    return Exchange(response.status, response.headers, [response.body])


class _Decoder:
    """A stream's decoder, and the bytes that it was fed."""

    def __init__(self, decoder: Any, most: int) -> None:
        self._decoder, self._most = decoder, most
        self._pieces: list[bytes] | None = []
        self._size = 0
        self._ended = False
        self._known: bytes | None = None
        """What is fed once more: ``run`` has left it."""
        if hasattr(decoder, "run"):
            self.run = self._run

    def __getattr__(self, name: str) -> Any:
        # Where it is in its stream, what it comes to, whether its bytes may be relayed.
        return getattr(self._decoder, name)

    @property
    def pieces(self) -> list[bytes] | None:
        """The stream, once it has ended as it should."""
        return self._pieces if self._ended or self._decoder.done else None

    def feed(self, data: bytes) -> Iterator[Any]:
        """Take bytes."""
        known, self._known = self._known, None
        if data is not known:
            self._take(data)
        return self._decoder.feed(data)  # type: ignore[no-any-return]

    def finish(self) -> Iterator[Any]:
        """The bytes have ended."""
        yield from self._decoder.finish()
        self._ended = True

    def _run(self, data: bytes) -> Any:
        run = self._decoder.run(data)
        if run is not None:
            self._take(data)
            self._known = run.rest
        return run

    def _take(self, data: bytes) -> None:
        if self._pieces is None:
            return
        self._size += len(data)
        if self._size > self._most:
            self._pieces = None
        elif data:
            self._pieces.append(bytes(data))


def replayed(entry: Entry, leg: Leg, *, stream: bool) -> tuple[Answer | Opened, HTTPResponse]:
    """What the leg's wire makes of an entry, and the answer whose head is told.

    Raises:
        Exception: whatever the wire raises: the entry is not what it was.
    """
    if entry.stream is not stream:
        raise DamagedEntry("it is no answer of this form")
    last = entry.exchanges[-1]
    if not stream:
        return _answer(entry, leg), last.response
    head = HTTPResponse(last.status, last.headers)
    decoder = leg.wire.decoder(leg.call)
    chunks = [chunk for piece in last.pieces for chunk in decoder.feed(piece)]
    if not decoder.done:
        chunks += decoder.finish()
    return Opened(head, None, decoder, chunks, _NO_LIMITS), head


def _answer(entry: Entry, leg: Leg) -> Answer:
    if getattr(leg.wire, "steps", None) is None:
        answer: Answer = leg.wire.parse(leg.call, entry.exchanges[-1].response)
        return answer
    asking = leg.wire.steps(leg.call, leg.endpoint)
    try:
        next(asking)
        for one in entry.exchanges:
            asking.send(one.response)
    except StopIteration as done:
        whole: Answer = done.value
        return whole
    raise DamagedEntry("it is not a whole answer")
