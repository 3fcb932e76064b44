"""httpcore's network, with an eye on the current exchange: deadlines at every read, and what has left.

Two thin wrappers around httpcore's own backends, one for each colour; no protocol is spoken here.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import anyio
import httpcore
from typing_extensions import override

from ._progress import CURRENT, shut

__all__ = ["AsyncWatchedBackend", "WatchedBackend"]


_PIECE = 64 * 1024


def _left(stream: object, timeout: float | None) -> float | None:
    progress = CURRENT.get()
    if progress is None:
        return timeout
    progress.stream = stream
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
        progress.writing()


def _time_to_write(timeout: float | None) -> float | None:
    progress = CURRENT.get()
    if progress is None:
        return timeout
    seconds = progress.remaining(timeout)
    if seconds <= 0:
        raise httpcore.WriteTimeout("the time is used up")
    return seconds


class _Watched(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self, timeout))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _writing(self)
        # Each piece is given what is left, and not the whole again: a slow reader outlives no deadline either.
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], _time_to_write(timeout))

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
            return _Watched(self._stream.start_tls(ssl_context, server_hostname, timeout))
        except BaseException:
            # httpcore closes after failures, but not after an interrupt.
            self._stream.close()
            raise

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


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
        return _Watched(self._inner.connect_tcp(host, port, timeout, local_address, socket_options))

    @override
    def sleep(self, seconds: float) -> None:
        """Wait between httpcore's own connection retries (which are off)."""
        self._inner.sleep(seconds)


class _AsyncWatched(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, _left(self, timeout))

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _writing(self)
        await self._stream.write(buffer, timeout)

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
    """What a cancelled task expects: trio's attempts to connect, cancelled together, come in a group."""
    kind = anyio.get_cancelled_exc_class()
    others = group.split(kind)[1]
    while others is None and isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


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
