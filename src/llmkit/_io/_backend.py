"""httpcore's network, with an eye on the current exchange: deadlines at every read, and what has left.

Two thin wrappers around httpcore's own backends, one for each colour; no protocol is spoken here. Writes wait for the
read that follows them: a request's head and body leave together, in one call of the system.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import anyio
import httpcore
from typing_extensions import override

from ._progress import CURRENT, shut

__all__ = ["AsyncWatchedBackend", "WatchedBackend"]


# How much is written at once, and how much may be held back until the next read.
_PIECE = 64 * 1024
# What is readable while a request is written may be TLS talking to itself: HTTP is given this long to follow.
_MOMENT = 0.05


class _Early:
    """What a server says while it is still written to: refused, an upload is not read to its end.

    Its answer would be lost where it closes the connection at once, which is what many do.
    """

    def __init__(self) -> None:
        self._written = 0
        self.data = b""

    def is_due(self, stream: Any, more: int) -> bool:
        """Whether it is time to look, with so much more to write, and something is there."""
        self._written += more
        return self._written - more > _PIECE and bool(stream.get_extra_info("is_readable"))

    def heard(self, data: bytes) -> None:
        """It said this. Raises ``httpcore.WriteError`` where it is an answer, or the end."""
        self.data += data
        # "100 Continue" and its like are none.
        if not data or not self.data.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
            raise httpcore.WriteError("the server has answered before it was sent everything")

    def take(self) -> bytes:
        """What was heard, for the reader."""
        data, self.data, self._written = self.data, b"", 0
        return data


def _left(stream: object, timeout: float | None, *, written: bool) -> float | None:
    progress = CURRENT.get()
    if progress is None:
        return timeout
    progress.stream = stream
    if written:
        progress.reading()
    if progress.stopped:
        raise httpcore.ReadError("the answer is not read any further")
    seconds = progress.remaining(timeout)
    if seconds <= 0:
        raise httpcore.ReadTimeout("the time is used up")
    return seconds


def _writing(stream: object) -> None:
    if (progress := CURRENT.get()) is not None:
        progress.stream = stream
        if progress.stopped:
            raise httpcore.WriteError("the request is not sent any further")
        progress.writing()


class _Held:
    """Bytes that wait to be written, and whether all that were to be written have been."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self.written = True
        self.timeout: float | None = None

    def add(self, buffer: bytes, timeout: float | None) -> bool:
        """Hold these as well; whether that is too much."""
        if buffer:
            self._pieces.append(buffer)
            self._size += len(buffer)
            self.timeout = timeout
            self.written = False
        return self._size > _PIECE

    def take(self) -> bytes:
        """All of it, which is then about to be written."""
        pieces, self._pieces, self._size = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def __bool__(self) -> bool:
        return bool(self._pieces)


def _time_to_write(timeout: float | None) -> float | None:
    progress = CURRENT.get()
    if progress is None:
        return timeout
    seconds = progress.remaining(timeout)
    if seconds <= 0:
        raise httpcore.WriteTimeout("the time is used up")
    return seconds


# What httpcore's own stream does, without a context manager for each: a read and a write are most of what a call waits
# for, and a third of what its connection costs in Python.
def _received(sock: socket.socket, size: int, seconds: float | None) -> bytes:
    try:
        sock.settimeout(seconds)
        return sock.recv(size)
    except TimeoutError as error:
        raise httpcore.ReadTimeout(error) from error
    except OSError as error:
        raise httpcore.ReadError(error) from error


def _sent(sock: socket.socket, piece: bytes, seconds: float | None) -> None:
    try:
        sock.settimeout(seconds)
        sock.sendall(piece)
    except TimeoutError as error:
        raise httpcore.WriteTimeout(error) from error
    except OSError as error:
        raise httpcore.WriteError(error) from error


class _Watched(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._held = _Held()
        self._early = _Early()
        # TLS within TLS (an https proxy) has a socket, but does not speak on it itself.
        plain = type(stream).__name__ == "SyncStream"
        self._socket: Any = stream.get_extra_info("socket") if plain else None

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._held:
            with contextlib.suppress(httpcore.WriteError):
                self._flush()
        seconds = _left(self, timeout, written=self._held.written)
        return self._early.take() or self._read(max_bytes, seconds)

    def _read(self, max_bytes: int, seconds: float | None) -> bytes:
        if self._socket is None:
            return self._stream.read(max_bytes, seconds)
        return _received(self._socket, max_bytes, seconds)

    def _listen(self) -> None:
        with contextlib.suppress(httpcore.ReadTimeout):
            self._early.heard(self._read(_PIECE, _MOMENT))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._held.add(buffer, timeout):
            self._flush()

    def _flush(self) -> None:
        # httpcore goes on to read where a write fails: an early answer may be there all the same.
        _writing(self)
        buffer = self._held.take()
        # Each piece is given what is left, and not the whole again: a slow reader outlives no deadline either.
        for start in range(0, len(buffer), _PIECE):
            if self._early.is_due(self._stream, min(_PIECE, len(buffer) - start)):
                self._listen()
            self._send(buffer[start : start + _PIECE], _time_to_write(self._held.timeout))
        self._held.written = True

    def _send(self, piece: bytes, seconds: float | None) -> None:
        if self._socket is None:
            self._stream.write(piece, seconds)
        else:
            _sent(self._socket, piece, seconds)

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            return _made(self._stream.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:
            # httpcore closes after failures, but not after an interrupt.
            self._stream.close()
            raise

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _made(stream: httpcore.NetworkStream) -> _Watched:
    """A new stream, watched. From here on an interrupt knows what to close."""
    if (progress := CURRENT.get()) is not None:
        progress.stream = stream
    return _Watched(stream)


class WatchedBackend(httpcore.NetworkBackend):
    """Blocking sockets."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, and watch the stream."""
        return _made(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    @override
    def sleep(self, seconds: float) -> None:
        """Wait between httpcore's own connection retries (which are off)."""
        self._inner.sleep(seconds)


class _AsyncWatched(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._held = _Held()
        self._early = _Early()

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._held:
            with contextlib.suppress(httpcore.WriteError):
                await self._flush()
        seconds = _left(self, timeout, written=self._held.written)
        return self._early.take() or await self._stream.read(max_bytes, seconds)

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._held.add(buffer, timeout):
            await self._flush()

    async def _flush(self) -> None:
        _writing(self)
        piece = self._held.take()
        if self._early.is_due(self._stream, len(piece)):
            await self._listen()
        await self._stream.write(piece, _time_to_write(self._held.timeout))
        self._held.written = True

    async def _listen(self) -> None:
        with contextlib.suppress(httpcore.ReadTimeout):
            self._early.heard(await self._stream.read(_PIECE, _MOMENT))

    @override
    async def aclose(self) -> None:
        # asyncio closes a socket in a later turn of its loop: the other side shall know at once.
        shut(self._stream)
        await self._stream.aclose()

    @override
    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            made = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            # httpcore closes after failures, but not after a cancellation.
            with anyio.CancelScope(shield=True):
                await self.aclose()
            raise
        return _AsyncWatched(made)

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _one(group: BaseExceptionGroup[Any]) -> BaseException:
    """What whoever connects expects: attempts that were cancelled together, or failed alone, come in a group."""
    kind = anyio.get_cancelled_exc_class()
    others = group.split(kind)[1]
    one: BaseException = group if others is None else others
    while isinstance(one, BaseExceptionGroup) and (others is None or len(one.exceptions) == 1):
        one = one.exceptions[0]
    return one


class AsyncWatchedBackend(httpcore.AsyncNetworkBackend):
    """asyncio (through anyio) or trio, whichever is running."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect, and watch the stream."""
        try:
            return _AsyncWatched(
                await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
            )
        except BaseExceptionGroup as group:
            cancelled = _one(group)
        # Outside the handler: it shall not have the group as its context.
        raise cancelled

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait between httpcore's own connection retries (which are off)."""
        await self._inner.sleep(seconds)
