"""Faults that are no answer at all, or more than anyone wants: noise, floods, bombs, and broken handshakes."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, repeat
from typing import Final, Literal

from typing_extensions import override

from .._sending import End, Message, Step, Turn, composed
from .._wires import Reply
from ._fault import Fault, at_least, one_of
from ._framing import JSON, Framing, framing_of

__all__ = ["Bomb", "BreakTLS", "Endless", "Garbage"]

# Noise that is the same every time.
_NOISE: Final = hashlib.shake_128(b"llmkit").digest(1024)
# Fatal handshake_failure: RFC 8446, section 6.
_ALERT: Final = b"\x15\x03\x03\x00\x02\x02\x28"
_HELLOS: Final[Mapping[str, tuple[Step, ...]]] = {
    "reset": (End.RESET,),
    "garbage": (_NOISE, End.CLOSE),
    "alert": (_ALERT, End.CLOSE),
    "stall": (End.HOLD,),
}
_FILLING: Final = b"x" * 1024
_MEBIBYTE: Final = 1024 * 1024
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@dataclass(frozen=True, slots=True)
class Garbage(Fault):
    """Bytes that are no HTTP in place of the ``head``, or a right head and a binary ``body``; equal ones every time."""

    where: Literal["head", "body"] = "head"

    def __post_init__(self) -> None:
        one_of(("head", "body"), where=self.where)

    @override
    def reply(self, turn: Turn) -> Reply:
        streams = bool(turn.reply.frames)
        return replace(turn.reply, body=_NOISE, frames=(_NOISE,) if streams else ())

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        if self.where == "body":
            yield from Fault.steps(self, turn)
        else:
            yield _NOISE
            yield End.CLOSE


@dataclass(frozen=True, slots=True)
class Endless(Fault):
    """An answer that begins well and never ends. A stream goes on with one of its events, over and over.

    Without *newline* it goes on with a line that never ends instead. A plain answer goes on with white space, or
    with a text that never ends. *pause* is the time between two pieces, in seconds: 0 for a flood.
    """

    newline: bool = True
    pause: float = 0.001

    def __post_init__(self) -> None:
        at_least(0, pause=self.pause)

    @override
    def as_http(self, turn: Turn) -> Message:
        pieces = _endless_events if turn.reply.frames else _endless_json
        return _unbounded(turn, pieces(turn.reply, newline=self.newline))

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        message = self.as_http(turn)
        yield message.head()
        for piece in message.body():
            yield piece
            yield float(self.pause)


@dataclass(frozen=True, slots=True)
class Bomb(Fault):
    """A right answer behind *size* bytes that mean nothing, all of it packed (gzip) to about a thousandth.

    The bytes are white space before JSON, comments before events, or frames of a type that nobody knows. They are
    packed as they are sent, so a large *size* costs the simulator little.
    """

    size: int = 1024 * _MEBIBYTE

    def __post_init__(self) -> None:
        at_least(0, size=self.size)

    @override
    def as_http(self, turn: Turn) -> Message:
        frames = turn.reply.frames
        answer = b"".join(frames) if frames else turn.reply.body
        message = _unbounded(turn, _packed(framing_of(frames), self.size, answer))
        return replace(message, headers={**message.headers, "Content-Encoding": "gzip"})

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        message = self.as_http(turn)
        yield message.head()
        yield from message.body()
        if message.last:
            yield End.CLOSE


@dataclass(frozen=True, slots=True)
class BreakTLS(Fault):
    """What meets the first message of a TLS handshake: the client connects with ``https://`` to the same port.

    *how*: the connection is ``reset``; ``garbage`` comes; a fatal ``alert`` (handshake_failure) comes; or a ``stall``,
    nothing until the client leaves. It needs no certificate. A request that comes without a handshake, because the
    address is a plain one or the connection was opened earlier, meets a reset.
    """

    how: Literal["reset", "garbage", "alert", "stall"] = "reset"

    def __post_init__(self) -> None:
        one_of(_HELLOS, how=self.how)

    def hello(self) -> tuple[Step, ...]:
        """What answers a handshake."""
        return _HELLOS[self.how]

    @override
    def steps(self, turn: Turn) -> Iterator[Step]:
        yield End.RESET


def _unbounded(turn: Turn, pieces: Iterator[bytes]) -> Message:
    """The answer with a body whose length nobody says."""
    message = composed(turn)
    last = turn.last or not turn.chunks
    return replace(message, pieces=pieces, chunked=turn.chunks, length=None, last=last)


def _endless_events(reply: Reply, *, newline: bool) -> Iterator[bytes]:
    # An event from the middle is part of the answer's text: neither its beginning nor its end.
    middle = (len(reply.frames) - 1) // 2
    if newline:
        return chain(reply.frames[:middle], repeat(reply.frames[middle]))
    return chain(reply.frames[:middle], (framing_of(reply.frames).opening,), repeat(_FILLING))


def _endless_json(reply: Reply, *, newline: bool) -> Iterator[bytes]:
    if newline:
        return chain((reply.body[:-1],), repeat(JSON.pad(len(_FILLING))))
    return chain((JSON.opening,), repeat(_FILLING))


def _packed(framing: Framing, size: int, answer: bytes) -> Iterator[bytes]:
    """Gzip (RFC 1952) of *size* bytes of padding and *answer*."""
    block, rest = framing.pad(_MEBIBYTE), framing.pad(size % _MEBIBYTE)
    checksum = 0
    yield _GZIP_HEAD
    for _ in range(size // _MEBIBYTE):
        checksum = zlib.crc32(block, checksum)
        yield _flushed(block)
    yield _flushed(rest)
    yield _finished(answer)
    checksum = zlib.crc32(answer, zlib.crc32(rest, checksum))
    whole = size // _MEBIBYTE * len(block) + len(rest) + len(answer)
    yield struct.pack("<LL", checksum, whole & 0xFFFFFFFF)


@lru_cache(maxsize=8)
def _flushed(plain: bytes) -> bytes:
    """*plain* as blocks of deflate that depend on none before them, and may therefore be sent again and again."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


def _finished(plain: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush()
