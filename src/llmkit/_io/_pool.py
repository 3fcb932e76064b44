"""Connections of one client, by origin: httpcore's connections, kept in an order of our own.

httpcore's pools look at every connection for each request, and for each idle one at all the others: their cost grows
with the square of what is idle. Here the one used last is taken first, and nothing else is looked at. There are no
locks: lists and sets are changed by single operations, so that a collector may give a connection back at any moment.
Proxies are not spoken here, but where their connections are made: in ``_proxy``.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import httpcore

from ._backend import AsyncWatchedBackend, WatchedBackend
from ._limit import ParallelLimit
from ._running import is_trio

__all__ = ["AsyncPool", "Pool", "async_backend"]

_MOST_EXCHANGES = 1000
_MOST_IDLE = 100
_KEEP_SECONDS = 30.0
# What a place is waited for where the request does not say.
_LONG = 600.0


class _Connections:
    """What both colours share: which connections are idle, and which exist."""

    def __init__(self, tls: Callable[[], ssl.SSLContext]) -> None:
        self._tls = tls
        self._idle: dict[tuple[Any, ...], deque[Any]] = {}
        self._all: set[Any] = set()
        self.limit = ParallelLimit(_MOST_EXCHANGES, "connections at once")

    def tls(self, origin: httpcore.Origin) -> ssl.SSLContext | None:
        """The context for an origin, if it needs one: making one takes its time."""
        return self._tls() if origin.scheme == b"https" else None

    def take(self, origin: httpcore.Origin) -> Any:
        """The connection to the origin that was used last, if there is one."""
        idle = self._idle.get((origin.scheme, origin.host, origin.port))
        try:
            return idle.pop() if idle else None
        except IndexError:  # another thread took the last one
            return None

    def put(self, connection: Any, origin: httpcore.Origin) -> Any:
        """Keep an idle connection; return the one that there is no room for any more, if any."""
        key = (origin.scheme, origin.host, origin.port)
        idle = self._idle.get(key)
        if idle is None:
            idle = self._idle.setdefault(key, deque())
        idle.append(connection)
        try:
            return idle.popleft() if len(idle) > _MOST_IDLE else None
        except IndexError:  # others took them all meanwhile
            return None

    def made(self, connection: Any) -> Any:
        """Remember a connection until it is gone."""
        self._all.add(connection)
        return connection

    def gone(self, connection: Any) -> None:
        """Forget one."""
        self._all.discard(connection)

    def forget(self) -> list[Any]:
        """Forget all of them; return them."""
        self._idle = {}
        everything, self._all = list(self._all), set()
        return everything


def async_backend() -> httpcore.AsyncNetworkBackend:
    """Httpcore's network for the running loop."""
    return httpcore.TrioBackend() if is_trio() else httpcore.AnyIOBackend()


def _deadline(request: httpcore.Request) -> float:
    seconds = request.extensions.get("timeout", {}).get("pool")
    return time.monotonic() + (_LONG if seconds is None else seconds)


def _clean(connection: Any) -> bool:
    """Whether nothing is left behind the answer: httpcore would read it as the next one's beginning.

    Both attributes are httpcore's and h11's own; where they are called otherwise, the connection is not kept.
    """
    state = getattr(getattr(connection, "_connection", None), "_h11_state", None)
    return state is not None and not state.trailing_data[0]


class Pool:
    """Blocking connections, shared by all threads."""

    def __init__(
        self, tls: Callable[[], ssl.SSLContext], network: WatchedBackend | None = None
    ) -> None:
        self._connections = _Connections(tls)
        self._backend = network or WatchedBackend()

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send on an idle connection, or a new one; the answer gives it back when it is closed."""
        give_back = self._connections.limit.acquire(_deadline(request))
        origin = request.url.origin
        connection = None
        try:
            connection = self._idle(origin) or self._new(origin)
            response = connection.handle_request(request)
        except BaseException as error:
            give_back()
            if connection is not None:
                self._drop(connection)
            if isinstance(error, httpcore.ConnectionNotAvailable):
                # Another thread closed it since it was taken: nothing was sent.
                return self.handle_request(request)
            raise
        response.stream = _Body(self, connection, origin, response.stream, give_back)
        return response

    def _idle(self, origin: httpcore.Origin) -> httpcore.HTTPConnection | None:
        while (connection := self._connections.take(origin)) is not None:
            if connection.is_idle() and not connection.has_expired():
                return connection  # type: ignore[no-any-return]
            self._drop(connection)
        return None

    def _new(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        connection = httpcore.HTTPConnection(
            origin, self._connections.tls(origin), _KEEP_SECONDS, network_backend=self._backend
        )
        return self._connections.made(connection)  # type: ignore[no-any-return]

    def _drop(self, connection: httpcore.HTTPConnection) -> None:
        self._connections.gone(connection)
        connection.close()

    def keep(self, connection: httpcore.HTTPConnection, origin: httpcore.Origin) -> None:
        """Take back a connection whose answer was read, or given up."""
        if not (connection.is_idle() and _clean(connection)):
            return self._drop(connection)
        surplus = self._connections.put(connection, origin)
        return None if surplus is None else self._drop(surplus)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.forget():
            connection.close()


class _Body:
    """An answer's body that gives its connection back when it is closed."""

    def __init__(
        self,
        pool: Pool,
        connection: httpcore.HTTPConnection,
        origin: httpcore.Origin,
        pieces: Any,
        give_back: Callable[[], None],
    ) -> None:
        self._pool, self._connection, self._origin = pool, connection, origin
        self._pieces, self._give_back = pieces, give_back
        self._open = [True]

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if _first(self._open):
            try:
                self._pieces.close()
            finally:
                self._give_back()
                self._pool.keep(self._connection, self._origin)


def _first(token: list[bool]) -> bool:
    """Whether this is the first to ask, whatever thread or collector asks too."""
    try:
        return token.pop()
    except IndexError:
        return False


class AsyncPool:
    """The connections of one event loop."""

    def __init__(
        self, tls: Callable[[], ssl.SSLContext], network: httpcore.AsyncNetworkBackend
    ) -> None:
        self._connections = _Connections(tls)
        is_watched = isinstance(network, AsyncWatchedBackend)
        self._backend = network if is_watched else AsyncWatchedBackend(network)

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send on an idle connection, or a new one; the answer gives it back when it is closed."""
        give_back = await self._connections.limit.aacquire(_deadline(request))
        origin = request.url.origin
        connection = None
        try:
            connection = await self._idle(origin) or self._new(origin)
            response = await connection.handle_async_request(request)
        except BaseException as error:
            give_back()
            if connection is not None:
                await self._drop(connection)
            if isinstance(error, httpcore.ConnectionNotAvailable):
                # Another thread closed it since it was taken: nothing was sent.
                return await self.handle_async_request(request)
            raise
        response.stream = _AsyncBody(self, connection, origin, response.stream, give_back)
        return response

    async def _idle(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection | None:
        while (connection := self._connections.take(origin)) is not None:
            if connection.is_idle() and not connection.has_expired():
                return connection  # type: ignore[no-any-return]
            await self._drop(connection)
        return None

    def _new(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        connection = httpcore.AsyncHTTPConnection(
            origin, self._connections.tls(origin), _KEEP_SECONDS, network_backend=self._backend
        )
        return self._connections.made(connection)  # type: ignore[no-any-return]

    async def _drop(self, connection: httpcore.AsyncHTTPConnection) -> None:
        self._connections.gone(connection)
        with anyio.CancelScope(shield=True):
            await connection.aclose()

    async def keep(self, connection: httpcore.AsyncHTTPConnection, origin: httpcore.Origin) -> None:
        """Take back a connection whose answer was read, or given up."""
        if not (connection.is_idle() and _clean(connection)):
            return await self._drop(connection)
        surplus = self._connections.put(connection, origin)
        return None if surplus is None else await self._drop(surplus)

    async def aclose(self) -> None:
        """Close all connections."""
        for connection in self._connections.forget():
            await connection.aclose()


class _AsyncBody:
    """An answer's body that gives its connection back when it is closed."""

    def __init__(
        self,
        pool: AsyncPool,
        connection: httpcore.AsyncHTTPConnection,
        origin: httpcore.Origin,
        pieces: Any,
        give_back: Callable[[], None],
    ) -> None:
        self._pool, self._connection, self._origin = pool, connection, origin
        self._pieces, self._give_back = pieces, give_back
        self._open = [True]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield piece
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        # What waits here is httpcore's closing, and ours of what is not kept: each keeps a cancellation out by itself.
        if _first(self._open):
            try:
                await self._pieces.aclose()
            finally:
                self._give_back()
                await self._pool.keep(self._connection, self._origin)
