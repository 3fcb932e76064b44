"""Faults on the way: a right answer that comes late, in pieces, in part, or with too much behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from typing_extensions import override

from .._sending import End, Message, Step, Turn, composed, sent
from ._fault import Fault, at_least, one_of, replaced, wire_bytes

__all__ = [
    "CloseEarly",
    "Cut",
    "DripBody",
    "DripHead",
    "Length",
    "Reset",
    "SlowStart",
    "Split",
    "Stall",
    "Unasked",
]

# A reset throws away what its receiver has not read yet: it is given so long to do so.
_READING_TIME: Final = 0.02
_SLOWEST: Final = 0.001


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """The connection closes after the head and *at* bytes of what follows it.

    The bytes are counted as they are on the connection, a stream's chunk sizes among them: a cut can be anywhere.
    """

    at: int

    def __post_init__(self) -> None:
        at_least(0, at=self.at)

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        yield from _begun(self.as_http(turn), self.at)
        yield End.CLOSE


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """Silence after the head and *at* bytes of what follows it, counted as in `Cut`, until the client leaves."""

    at: int

    def __post_init__(self) -> None:
        at_least(0, at=self.at)

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        yield from _begun(self.as_http(turn), self.at)
        yield End.HOLD


@dataclass(frozen=True, slots=True)
class Split(Fault):
    """Harmless: the body in pieces of *size* bytes. Events are cut anywhere, and so are the sizes of chunks."""

    size: int

    def __post_init__(self) -> None:
        at_least(1, size=self.size)

    @override
    def as_http(self, turn: Turn) -> Message:
        message = composed(turn)
        return replace(message, pieces=_resized(b"".join(message.pieces), self.size))

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        message = self.as_http(turn)
        yield message.head()
        yield from _resized(wire_bytes(message), self.size)
        yield from _ended(message)


@dataclass(frozen=True, slots=True)
class SlowStart(Fault):
    """Silence for so many *seconds* before the first byte, then the answer as usual."""

    seconds: float

    def __post_init__(self) -> None:
        at_least(0, seconds=self.seconds)

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        yield float(self.seconds)
        yield from sent(self.as_http(turn))


@dataclass(frozen=True, slots=True)
class DripHead(Fault):
    """The status line and the headers come byte by byte, so many *per_second*; the body as usual."""

    per_second: float = 1

    def __post_init__(self) -> None:
        at_least(_SLOWEST, per_second=self.per_second)

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        message = self.as_http(turn)
        yield from _dripped(message.head(), self.per_second)
        yield from message.body()
        yield from _ended(message)


@dataclass(frozen=True, slots=True)
class DripBody(Fault):
    """The head comes as usual, what follows it byte by byte, so many *per_second*."""

    per_second: float = 1

    def __post_init__(self) -> None:
        at_least(_SLOWEST, per_second=self.per_second)

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        message = self.as_http(turn)
        yield message.head()
        yield from _dripped(wire_bytes(message), self.per_second)
        yield from _ended(message)


@dataclass(frozen=True, slots=True)
class Reset(Fault):
    """The connection is torn down (TCP RST): ``before`` the answer's first byte, ``during`` its body, ``after`` it."""

    when: Literal["before", "during", "after"] = "during"

    def __post_init__(self) -> None:
        one_of(("before", "during", "after"), when=self.when)

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        if self.when != "before":
            message = self.as_http(turn)
            size = len(wire_bytes(message))
            yield from _begun(message, size if self.when == "after" else size // 2)
            yield _READING_TIME
        yield End.RESET


@dataclass(frozen=True, slots=True)
class Length(Fault):
    """A `Content-Length` that is wrong by *off*, for a stream, too.

    With too much announced the body ends early, and the connection with it. With too little, the rest of the body
    comes unannounced, and the connection is kept.
    """

    off: int

    def __post_init__(self) -> None:
        if not self.off:
            raise ValueError("off must not be 0: that would be the right length")

    @override
    def as_http(self, turn: Turn) -> Message:
        message = composed(turn)
        body = b"".join(message.pieces)
        announced = max(0, len(body) + self.off)
        return replace(message, pieces=(body,), chunked=False, length=announced, last=turn.last)

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        yield from sent(self.as_http(turn))
        if self.off > 0:
            yield End.CLOSE


@dataclass(frozen=True, slots=True)
class Unasked(Fault):
    """A whole, right answer, and behind it bytes that nobody asked for; the connection is kept.

    `None` stands for a second answer, an error 500: a client that uses the connection again must not take it
    for the next request's.
    """

    data: bytes | None = None

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        message = self.as_http(turn)
        # In one piece with the answer's end, so that who reads the one has the other.
        yield message.head()
        yield wire_bytes(message) + (_second(turn) if self.data is None else self.data)
        yield from _ended(message)


@dataclass(frozen=True, slots=True)
class CloseEarly(Fault):
    """A right answer on a connection that is said to be kept, and is closed at once."""

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        yield from sent(self.as_http(turn))
        yield End.CLOSE


def _begun(message: Message, size: int) -> Iterator[bytes]:
    """The head and the first *size* bytes behind it."""
    yield message.head()
    yield wire_bytes(message)[:size]


def _ended(message: Message) -> Iterator[Step]:
    if message.last:
        yield End.CLOSE


def _resized(data: bytes, size: int) -> Iterable[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def _dripped(data: bytes, per_second: float) -> Iterator[Step]:
    for byte in data:
        yield bytes((byte,))
        yield 1 / per_second


def _second(turn: Turn) -> bytes:
    failure = turn.wire.failure(500, "This answers no request.")
    message = composed(replaced(turn, failure))
    return message.head() + wire_bytes(message)
