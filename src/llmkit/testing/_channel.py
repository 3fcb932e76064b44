"""One connection's socket, and the steps performed on it. Waits end when the client leaves or the server stops.

Nothing is decided here: see `_sending` for where steps come from.
"""

from __future__ import annotations

import contextlib
import io
import os
import selectors
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from typing_extensions import override

from ._sending import End, Step

__all__ = ["Channel"]

_PIECE: Final = 65536
_RECORD_HEAD: Final = 5
# On, with no time to linger: closing then tears the connection down. Windows has shorts there.
_TEAR_DOWN: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


class Channel(io.RawIOBase):
    """A socket, as a file to read requests from, and as a performer of steps."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self._early = bytearray()

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what came while nobody was reading, then the socket."""
        if not self._early:
            return self._sock.recv_into(buffer)
        size = min(len(buffer), len(self._early))
        buffer[:size] = self._early[:size]
        del self._early[:size]
        return size

    @override
    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Send all of *data*."""
        self._sock.sendall(data)
        return len(data)

    def read_hello(self) -> None:
        """Read a TLS record, so that nothing unread turns a later close into a reset."""
        head = self._exactly(_RECORD_HEAD)
        self._exactly(int.from_bytes(head[3:], "big"))

    def perform(self, steps: Iterable[Step]) -> bool:
        """Perform these steps; whether the connection can be used on. Raises `OSError` if it broke."""
        for step in steps:
            if isinstance(step, End):
                _ENDS[step](self)
                return False
            if isinstance(step, bytes):
                self._sock.sendall(step)
            elif self._left_within(step):
                return False
        return True

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self._sock.recv(size - len(data))):
            data += more
        return data

    def _left_within(self, seconds: float | None) -> bool:
        """Wait so long, or for ever; `True` as soon as the client has left."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not _readable(self._sock, left):
                return False
            data = self._sock.recv(_PIECE)
            if not data:
                return True
            self._early += data

    def _hold(self) -> None:
        self._left_within(None)

    def _close(self) -> None:
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.setblocking(False)
            with contextlib.suppress(OSError, ValueError):
                self._sock.unwrap()  # says that no more comes; what the client says to that is not awaited
            self._sock.setblocking(True)
        self._sock.shutdown(socket.SHUT_WR)
        # Closing with bytes unread would reset the connection, and the client might lose what was sent.
        while socket.socket.recv(self._sock, _PIECE):
            pass

    def _reset(self) -> None:
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _TEAR_DOWN)
        self._sock.close()


_ENDS: Final[Mapping[End, Callable[[Channel], None]]] = {
    End.CLOSE: Channel._close,  # noqa: SLF001 - the class's own table
    End.RESET: Channel._reset,  # noqa: SLF001
    End.HOLD: Channel._hold,  # noqa: SLF001
}


def _readable(sock: socket.socket, seconds: float | None) -> bool:
    """Whether there is something to read, or an end, within this time."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(seconds))
