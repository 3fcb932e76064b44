"""How an answer is sent: from what a wire wrote to the steps that the server performs.

Pure: a step is bytes to send, seconds to wait, or an end of the connection; nothing is sent here and no clock is read.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from ._wires import Reply, Wire

__all__ = ["End", "Message", "Step", "Turn", "composed", "sent"]


class End(enum.Enum):
    """How a connection ends. After one of these no step is performed."""

    CLOSE = "close"
    """No more bytes come (FIN); what the client still sends is thrown away until it has closed, too."""
    RESET = "reset"
    """The connection is torn down (RST)."""
    HOLD = "hold"
    """Silence, until the client leaves."""


Step = bytes | float | End
"""Bytes to send, seconds to wait, or the end."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request's turn: what the wire would answer, and what the request says of how it may be sent."""

    reply: Reply
    wire: Wire
    number: int
    """Which request of the simulator it is, from 1; 0 for one that could not be read."""
    now: float
    """Unix time in seconds."""
    chunks: bool = True
    """Whether the client knows chunks (HTTP/1.0 does not)."""
    last: bool = False
    """Whether the connection ends with this answer."""


@dataclass(frozen=True, slots=True)
class Message:
    """An HTTP answer before it is put into bytes."""

    status: int
    headers: Mapping[str, str]
    """All but those that say where the body ends."""
    pieces: Iterable[bytes]
    """The body, in the pieces in which it is sent; perhaps without end."""
    chunked: bool
    length: int | None
    """What `Content-Length` says, if there is one."""
    last: bool

    def head(self) -> bytes:
        """The status line and the headers."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += ["Transfer-Encoding: chunked"] if self.chunked else []
        lines += [] if self.length is None else [f"Content-Length: {self.length}"]
        lines += ["Connection: close"] if self.last else []
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def body(self) -> Iterator[bytes]:
        """The body as it is on the connection: with the sizes of its chunks, if it has any."""
        if not self.chunked:
            yield from self.pieces
            return
        for piece in self.pieces:
            # A chunk of no bytes would be the last one.
            yield b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
        yield b"0\r\n\r\n"


def composed(turn: Turn) -> Message:
    """The answer as it is when nothing is wrong."""
    reply, streams = turn.reply, bool(turn.reply.frames)
    chunked = streams and turn.chunks
    return Message(
        reply.status,
        _headers(turn, "text/event-stream; charset=utf-8" if streams else "application/json"),
        reply.frames if streams else (reply.body,),
        chunked,
        None if streams else len(reply.body),
        # Without chunks, the end of the connection ends a stream.
        turn.last or (streams and not chunked),
    )


def sent(message: Message) -> Iterator[Step]:
    """Send all of it: a body of known length at once, a stream piece by piece."""
    if message.length is None:
        yield message.head()
        yield from message.body()
    else:
        yield message.head() + b"".join(message.body())
    if message.last:
        yield End.CLOSE


_PHRASES: Final[Mapping[int, str]] = {status.value: status.phrase for status in HTTPStatus}


def _phrase(status: int) -> str:
    return _PHRASES.get(status, "Unknown")


def _headers(turn: Turn, kind: str) -> dict[str, str]:
    """The headers that every answer has, with the reply's own in their place, however they are spelled."""
    ours = {
        "Server": "llmkit-simulator",
        "Date": formatdate(turn.now, usegmt=True),
        "Content-Type": kind,
        "X-Request-Id": f"req_simulator_{turn.number}",
    }
    replaced = {name.lower() for name in turn.reply.headers}
    kept = {name: value for name, value in ours.items() if name.lower() not in replaced}
    return kept | dict(turn.reply.headers)
