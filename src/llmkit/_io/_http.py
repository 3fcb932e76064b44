"""From a request to an open answer, over httpcore's connections. Here is how; which connection, is ``_pool``'s affair.

Where somebody has put something in the place of httpx's transport (vcrpy, tracing), requests go through that, see
``_hooked``; a caller's own client is used by ``_borrowed``. httpx itself is loaded only where it is needed: for those,
for proxies, and for what is odd.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import httpcore
from typing_extensions import override

from .._http import HTTPRequest
from . import _hooked
from ._pool import AsyncPool, Pool, async_backend
from ._progress import Progress
from ._tls import TLS
from ._transports import Transports

if TYPE_CHECKING:
    from ._sending import AsyncSending, Sending

__all__ = ["AsyncTransports", "SyncTransports"]

T = TypeVar("T")
_DEFAULT_HEADERS = ((b"accept-encoding", b"gzip, deflate"), (b"user-agent", b"llmkit"))
_CHUNKED = (b"transfer-encoding", b"chunked")
# An address that needs no escaping: nearly all of them.
_PLAIN = re.compile(r"https?://[a-zA-Z0-9.\-]+(:\d{1,5})?(/[\w!$&'()*+,;=:@%.~/?\-]*)?", re.ASCII)


class _URL(httpcore.URL):
    """An address that is asked for its origin again and again."""

    @override
    @functools.cached_property
    def origin(self) -> httpcore.Origin:
        return super().origin


@functools.lru_cache(maxsize=512)
def _address(url: str) -> tuple[httpcore.URL, bytes]:
    """The parsed address, and the ``host`` header that goes with it."""
    if _PLAIN.fullmatch(url):
        core = _URL(url)
        default = {b"http": 80, b"https": 443}[core.scheme]
        port = b"" if core.port in (None, default) else b":%d" % core.port
        return core, core.host.lower() + port
    import httpx  # noqa: PLC0415 - it escapes what has to be

    odd = httpx.URL(url)
    core = _URL(scheme=odd.raw_scheme, host=odd.raw_host, port=odd.port, target=odd.raw_path)
    return core, odd.netloc


@functools.lru_cache(maxsize=512)
def _name(name: str) -> bytes:
    return name.lower().encode("ascii")


@functools.lru_cache(maxsize=64)
def _method(name: str) -> bytes:
    return name.encode("ascii")


@functools.lru_cache(maxsize=512)
def _lower(name: bytes) -> str:
    return name.decode("latin-1").lower()


def _headers(request: HTTPRequest, host: bytes, length: int | None) -> list[tuple[bytes, bytes]]:
    given = [(_name(name), value.encode("utf-8")) for name, value in request.headers.items()]
    names = {name for name, _ in given}
    defaults = [header for header in _DEFAULT_HEADERS if header[0] not in names]
    told = _CHUNKED if length is None else (b"content-length", b"%d" % length)
    return [(b"host", host), *given, *defaults, told]


def _prepared(
    request: HTTPRequest, progress: Progress, body: Sending | AsyncSending | None = None
) -> httpcore.Request:
    url, host = _address(request.url)
    connect = progress.connect()
    # Reads are limited by the exchange's own progress; these are the limits of what comes before.
    write = progress.remaining() if body is None else progress.whole()
    limits = {"connect": connect, "pool": connect, "write": write, "read": None}
    data = request.body
    # Not by way of its constructor, which looks at the types of all: they are right already.
    made = httpcore.Request.__new__(httpcore.Request)
    made.method, made.url = _method(request.method), url
    made.headers = _headers(request, host, len(data) if body is None else body.length)
    made.stream = _Bytes(data) if body is None else body
    made.extensions = {"timeout": limits}
    return made


class _Bytes:
    """A request's body. httpcore's own is an async generator, which trio complains of when a write fails within it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._data,))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self._data)


class _Once:
    """An async iterator of one item."""

    def __init__(self, item: bytes) -> None:
        self._items = [item]

    def __aiter__(self) -> _Once:
        return self

    async def __anext__(self) -> bytes:
        if not self._items:
            raise StopAsyncIteration
        return self._items.pop()


class _Answer:
    """httpcore's response under the names that drivers know, which are httpx's."""

    __slots__ = ("_raw_headers", "headers", "status_code", "stream")
    lowered = True
    """Whether the names of its headers are in lower case, in a dict, and none is there twice."""
    shielded = True
    """Whether closing it, once it was read to its end, keeps a cancellation out by itself."""

    def __init__(self, response: httpcore.Response) -> None:
        self.status_code = response.status
        self._raw_headers = response.headers
        self.headers = _read_headers(response.headers)
        self.stream: Any = response.stream

    def _decoded(self) -> Any:
        """Httpx's response, which may know a coding that was not asked for."""
        import httpx  # noqa: PLC0415 - a server that sends what was not asked for is rare

        return httpx.Response(self.status_code, headers=self._raw_headers, content=self.stream)

    def iter_bytes(self) -> Iterator[bytes]:
        """The body, decompressed."""
        return self._decoded().iter_bytes()  # type: ignore[no-any-return]

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The same, for async code."""
        return self._decoded().aiter_bytes()  # type: ignore[no-any-return]

    def close(self) -> None:
        """Give the connection back."""
        self.stream.close()

    async def aclose(self) -> None:
        """Give the connection back."""
        await self.stream.aclose()


def _read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for key, value in raw:
        name = _lower(key)
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


class SyncTransports(Transports):
    """Blocking connections, shared by all threads."""

    def __init__(self, tls: TLS | None = None, proxy: str | None = None) -> None:
        # First, since __del__ looks at them also where ``proxy`` is refused.
        self._made: dict[str | None, Any] = {}
        self._pid = os.getpid()
        super().__init__(tls, proxy)

    def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return the response with its body unread."""
        pool = self._for(request.url)
        if request.upload is None:
            return _sent(pool, _prepared(request, progress), request.url)
        from ._sending import sending  # noqa: PLC0415 - who uploads nothing does not wait for it

        with contextlib.closing(sending(request.upload, progress)) as body:
            return _sent(pool, _prepared(request, progress, body), request.url)

    def _for(self, url: str) -> Any:
        if self._pid != os.getpid():
            # A forked child shares its parent's sockets: it must neither use nor properly close them.
            self._made, self._pid = {}, os.getpid()
        proxy = self.proxy(url)
        made = self._made.get(proxy)
        return made or self._made.setdefault(proxy, self._new(proxy))

    def _new(self, proxy: str | None) -> Any:
        if proxy is None:
            return Pool(self.tls)
        from ._proxy import Proxy, ProxyPool  # noqa: PLC0415 - who has no proxy does not wait for it

        return ProxyPool(self.tls, Proxy.of(proxy))

    def close(self) -> None:
        """Close all connections."""
        made, self._made = self._made, {}
        for pool in made.values():
            pool.close()

    def __del__(self) -> None:
        # Where the interpreter ends, modules may be gone already; sockets go by themselves.
        if os is not None and self._pid == os.getpid():
            self.close()


def _sent(pool: Any, prepared: httpcore.Request, url: str) -> Any:
    if _hooked.is_hooked():
        return _hooked.send(pool, prepared, url)
    return _Answer(pool.handle_request(prepared))


async def _asent(pool: Any, prepared: httpcore.Request, url: str) -> Any:
    if _hooked.is_hooked_async():
        return await _hooked.asend(pool, prepared, url)
    return _Answer(await pool.handle_async_request(prepared))


class AsyncTransports(Transports):
    """Connections of one event loop."""

    def __init__(self, tls: TLS | None = None, proxy: str | None = None) -> None:
        super().__init__(tls, proxy)
        self._made: dict[str | None, Any] = {}

    async def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return the response with its body unread."""
        proxy = self.proxy(request.url)
        if proxy not in self._made:
            self._made[proxy] = self._new(proxy)
        pool = self._made[proxy]
        if request.upload is None:
            return await _asent(pool, _prepared(request, progress), request.url)
        from ._sending import asending  # noqa: PLC0415

        with contextlib.closing(await asending(request.upload, progress)) as body:
            return await _asent(pool, _prepared(request, progress, body), request.url)

    def _new(self, proxy: str | None) -> Any:
        network = async_backend()
        if proxy is None:
            return AsyncPool(self.tls, network)
        from ._proxy import AsyncProxyPool, Proxy  # noqa: PLC0415

        return AsyncProxyPool(self.tls, Proxy.of(proxy), network)

    async def aclose(self) -> None:
        """Close all connections."""
        made, self._made = self._made, {}
        for pool in made.values():
            await pool.aclose()
