"""Transports and exchanges: from a prepared request to bytes, over httpx.

Own transports are used directly, with requests made once and no cookies, redirects or auth of httpx's own; a caller's
client is always used through its public ``send``. The TLS context is made once for the process (36 ms each, measured).
"""

from __future__ import annotations

import functools
import os
import ssl
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpcore
import httpx
from typing_extensions import override

from .._http import HTTPRequest, HTTPResponse
from .._secret import redact
from ..errors import APIResponseValidationError, ConfigurationError
from ._backend import AsyncWatchedBackend, WatchedBackend
from ._inflate import Inflate, inflater
from ._pools import AsyncPool, Pool
from ._progress import Progress

__all__ = ["MAX_BODY", "AsyncTransports", "Body", "SyncTransports", "head", "prepare", "raw"]

T = TypeVar("T")
MAX_BODY = 256 * 1024 * 1024
_USER_AGENT = "llmkit"
_DEFAULT_HEADERS = {"accept-encoding": "gzip, deflate", "user-agent": _USER_AGENT}
_LIMITS = {"max_connections": 1000, "max_keepalive_connections": 100, "keepalive_expiry": 30.0}


@functools.cache
def shared_tls() -> ssl.SSLContext:
    """The process's TLS context."""
    return httpx.create_ssl_context()


@functools.lru_cache(maxsize=512)
def _url(url: str) -> httpx.URL:
    return httpx.URL(url)


def prepare(request: HTTPRequest, progress: Progress) -> httpx.Request:
    """Make httpx's request of ours."""
    url = _url(request.url)
    headers = [(b"host", url.netloc)]
    headers += [
        (k.lower().encode("ascii"), v.encode("utf-8")) for k, v in _with_defaults(request.headers)
    ]
    headers.append((b"content-length", b"%d" % len(request.body)))
    # Reads are limited by the exchange's own progress; these are the limits of what comes before.
    timeout = {
        "connect": progress.connect(),
        "pool": progress.connect(),
        "write": progress.remaining(),
    }
    extensions = {"timeout": {**timeout, "read": None}}
    return httpx.Request(
        request.method, url, headers=headers, stream=_Bytes(request.body), extensions=extensions
    )


class _Bytes(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A request's body. httpx's own is an async generator, which trio complains of when a write fails within it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @override
    def __iter__(self) -> Iterator[bytes]:
        return iter((self._data,))

    @override
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


def _with_defaults(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    names = {name.lower() for name in headers}
    defaults = [(k, v) for k, v in _DEFAULT_HEADERS.items() if k not in names]
    return [*headers.items(), *defaults]


def raw(response: Any, decoded: Callable[[], Any]) -> tuple[Any, Inflate | None]:
    """The pieces of a body as they come, and what decompresses them.

    A coding that was not asked for is left to httpx (``decoded``), which may know it.
    """
    try:
        return response.stream, inflater(response.headers.get("content-encoding", ""))
    except LookupError:
        return decoded(), None


def head(response: Any, body: bytes = b"") -> HTTPResponse:
    """Read status and headers of httpx's response; cookies stay behind."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        if name.lower() != "set-cookie":
            headers[name.lower()] = value
    return HTTPResponse(response.status_code, headers, body)


class Body:
    """A body gathered piece by piece, up to a limit."""

    def __init__(self, response: HTTPResponse) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._response = response

    def add(self, piece: bytes) -> None:
        """Take the next piece. Raises ``APIResponseValidationError`` where it is too much."""
        self._size += len(piece)
        if self._size > MAX_BODY:
            raise APIResponseValidationError(
                f"the answer has more than {MAX_BODY} bytes",
                status_code=self._response.status,
                request_id=self._response.request_id,
                sent="yes",
            )
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """All of it."""
        return b"".join(self._pieces)


def _proxy_for(url: str) -> str | None:
    """The proxy for an address, as the standard library reads the environment."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(parts.netloc) or urllib.request.proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class _Sync(httpx.HTTPTransport):
    """httpx's transport over a pool whose network is watched; hooks set on httpx's class still work."""

    def __init__(self, verify: ssl.SSLContext, proxy: str | None) -> None:
        super().__init__(verify=verify, proxy=proxy)
        self._pool.close()
        self._pool = _sync_pool(verify, proxy)


class _Async(httpx.AsyncHTTPTransport):
    def __init__(self, verify: ssl.SSLContext, proxy: str | None) -> None:
        super().__init__(verify=verify, proxy=proxy)
        self._pool = _async_pool(verify, proxy)


def _sync_pool(verify: ssl.SSLContext, proxy: str | None) -> Any:
    made = None if proxy is None else _proxy(proxy)
    return Pool(
        ssl_context=verify,
        proxy=made,
        network_backend=WatchedBackend(),
        **_LIMITS,
    )


def _async_pool(verify: ssl.SSLContext, proxy: str | None) -> Any:
    made = None if proxy is None else _proxy(proxy)
    backend = AsyncWatchedBackend(async_backend())
    return AsyncPool(
        ssl_context=verify,
        proxy=made,
        network_backend=backend,
        **_LIMITS,  # type: ignore[arg-type]
    )


def async_backend() -> httpcore.AsyncNetworkBackend:
    """Httpcore's network for the running loop."""
    import sniffio  # noqa: PLC0415 - only where a loop is running

    if sniffio.current_async_library() == "trio":
        return httpcore.TrioBackend()
    return httpcore.AnyIOBackend()


def _proxy(url: str) -> httpcore.Proxy:
    parsed = httpx.Proxy(url)
    auth = parsed.raw_auth
    return httpcore.Proxy(url=str(parsed.url), auth=auth)


def _over(kind: Callable[[ssl.SSLContext, str | None], T], verify: Any, proxy: str | None) -> T:
    try:
        return kind(verify, proxy)
    except (ValueError, ImportError) as error:
        raise ConfigurationError(
            f"the proxy that the environment names cannot be used: {redact(str(error))}"
        ) from None


class _Transports:
    """Transports by proxy, made when first needed; a child process makes its own."""

    def __init__(self, verify: Any) -> None:
        self._verify = verify
        self._proxies: dict[str, str | None] = {}

    def proxy(self, url: str) -> str | None:
        """The proxy for an address, resolved once for each origin."""
        origin = url[: url.find("/", 8)]
        if origin not in self._proxies:
            self._proxies[origin] = _proxy_for(url)
        return self._proxies[origin]

    def context(self) -> ssl.SSLContext:
        """The TLS context: the process's own, or what the caller's ``verify`` says."""
        if isinstance(self._verify, ssl.SSLContext):
            return self._verify
        if self._verify is None or self._verify is True:
            return shared_tls()
        if isinstance(self._verify, str):
            return ssl.create_default_context(cafile=self._verify)
        return httpx.create_ssl_context(verify=False)


class SyncTransports(_Transports):
    """Blocking transports, shared by all threads."""

    def __init__(self, verify: Any = None) -> None:
        super().__init__(verify)
        self._made: dict[str | None, _Sync] = {}
        self._pid = os.getpid()

    def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return httpx's response with its body unread."""
        prepared = prepare(request, progress)
        response = self._for(request.url).handle_request(prepared)
        response.request = prepared
        return response

    def _for(self, url: str) -> _Sync:
        if self._pid != os.getpid():
            # A forked child shares its parent's sockets: it must neither use nor properly close them.
            self._made, self._pid = {}, os.getpid()
        proxy = self.proxy(url)
        made = self._made.get(proxy)
        return made or self._made.setdefault(proxy, _over(_Sync, self.context(), proxy))

    def close(self) -> None:
        """Close all connections."""
        made, self._made = self._made, {}
        for transport in made.values():
            transport.close()

    def __del__(self) -> None:
        if self._pid == os.getpid():
            self.close()


class AsyncTransports(_Transports):
    """Transports of one event loop."""

    def __init__(self, verify: Any = None) -> None:
        super().__init__(verify)
        self._made: dict[str | None, _Async] = {}

    async def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return httpx's response with its body unread."""
        prepared = prepare(request, progress)
        proxy = self.proxy(request.url)
        if proxy not in self._made:
            self._made[proxy] = _over(_Async, self.context(), proxy)
        response = await self._made[proxy].handle_async_request(prepared)
        response.request = prepared
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        made, self._made = self._made, {}
        for transport in made.values():
            await transport.aclose()
