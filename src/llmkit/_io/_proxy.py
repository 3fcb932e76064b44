"""Requests by way of a proxy: forwarded where both speak plain HTTP, through a tunnel (HTTP's or SOCKS5's) elsewhere.

Ours rather than httpcore's pools: to ask a proxy is to connect, in its limits and in what has been sent of a call;
whatever fails closes its connection; and one that was used is looked at as any other is before it is used again.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import re
import ssl
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import anyio
import httpcore
from typing_extensions import override

from ..errors import ConfigurationError
from ._backend import AsyncWatchedBackend, WatchedBackend
from ._pool import AsyncPool, Pool
from ._progress import CURRENT

__all__ = ["AsyncProxyPool", "Proxy", "ProxyPool", "named_proxy"]

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LONGEST_HEAD = 64 * 1024
_PIECE = 4096
_OK, _REDIRECT = 200, 300
_SOCKS = 5
_LONGEST = 255
_NO_AUTH, _PASSWORD = 0, 2
_ADDRESS_SIZES = {1: 4, 4: 16}
_NAME = 3
# RFC 1928, section 6.
_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}

# Bytes to write, or how many may be read; what was read is sent in.
Talk = Generator[bytes | int, bytes, None]


def named_proxy(proxy: Any) -> str:
    """A proxy's address, as ``proxy=`` or the environment give it.

    Raises ``ConfigurationError`` where it is none.
    """
    if not isinstance(proxy, str):
        raise ConfigurationError(
            f"proxy is an address such as http://host:3128, not {type(proxy).__name__}"
        )
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(address)
        known = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        shown = re.sub(r"^(\w+://)?.*@", r"\1…@", proxy)
        raise ConfigurationError(
            f"a proxy is an address such as http://host:3128 or socks5://host:1080, not {shown!r}"
        )
    return address


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, what is spoken with it, and who one is to it."""

    scheme: str
    host: str
    port: int
    user: bytes | None
    password: bytes

    @classmethod
    def of(cls, url: str) -> Proxy:
        """The proxy at this address. Raises ``ConfigurationError``."""
        parts = urlsplit(named_proxy(url))
        user = None if parts.username is None else unquote(parts.username).encode()
        password = unquote(parts.password or "").encode()
        port = parts.port or _PORTS[parts.scheme]
        return cls(parts.scheme, parts.hostname or "", port, user, password)

    @property
    def speaks_http(self) -> bool:
        """Whether it is HTTP's, and forwards."""
        return self.scheme in ("http", "https")

    @property
    def header(self) -> list[tuple[bytes, bytes]]:
        """Who one is to it."""
        if self.user is None:
            return []
        return [
            (
                b"proxy-authorization",
                b"Basic " + base64.b64encode(self.user + b":" + self.password),
            )
        ]

    def forwarded(self, request: httpcore.Request) -> httpcore.Request:
        """The request, made to the proxy itself, with all of its address."""
        host = next(value for name, value in request.headers if name.lower() == b"host")
        whole = b"%b://%b%b" % (request.url.scheme, host, request.url.target)
        url = httpcore.URL(scheme=self.scheme, host=self.host, port=self.port, target=whole)
        made = httpcore.Request(request.method, url, extensions=request.extensions)
        made.headers, made.stream = [*request.headers, *self.header], request.stream
        return made

    def asked(self, host: str, port: int) -> Talk:
        """What is said to it for a connection to this host."""
        return self._connect(host, port) if self.speaks_http else self._socks(host, port)

    def _connect(self, host: str, port: int) -> Talk:
        target = b"%b:%d" % (f"[{host}]".encode() if ":" in host else host.encode(), port)
        headers = [(b"host", target), *self.header]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        yield b"CONNECT %b HTTP/1.1\r\n%b\r\n" % (target, lines)
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            data += yield _PIECE
            # What came behind the head would be lost: nobody has been asked anything yet.
            if len(data) > _LONGEST_HEAD or b"\r\n\r\n" in data[:-4]:
                raise httpcore.ProxyError("the proxy said more than it was asked")
        _check_status(data)

    def _socks(self, host: str, port: int) -> Talk:
        offered = bytes([_NO_AUTH] if self.user is None else [_NO_AUTH, _PASSWORD])
        yield bytes([_SOCKS, len(offered)]) + offered
        version, method = yield from _exactly(2)
        if version != _SOCKS:
            raise httpcore.ProxyError("the proxy does not speak SOCKS5")
        if method not in offered:
            raise httpcore.ProxyError("the proxy asks for other credentials")
        if method == _PASSWORD:
            yield b"\x01" + _counted(self.user or b"") + _counted(self.password)
            _, refused = yield from _exactly(2)
            if refused:
                raise httpcore.ProxyError("the proxy does not accept these credentials")
        yield bytes([_SOCKS, 1, 0]) + _socks_address(host) + port.to_bytes(2)
        yield from _socks_reply()


def _check_status(head: bytes) -> None:
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ?([^\r\n]*)", head)
    if found is None:
        raise httpcore.ProxyError("the proxy does not speak HTTP")
    status = int(found[1])
    if not _OK <= status < _REDIRECT:
        raise httpcore.ProxyError(f"the proxy answered {status} {found[2].decode('latin-1')[:80]}")


def _socks_reply() -> Talk:
    _, code, _, kind = yield from _exactly(4)
    if code:
        raise httpcore.ProxyError(f"the proxy could not connect: {_REPLIES.get(code, code)}")
    size = _ADDRESS_SIZES.get(kind) or (yield from _exactly(1))[0]
    yield from _exactly(size + 2)


def _exactly(size: int) -> Generator[int, bytes, bytes]:
    data = b""
    while len(data) < size:
        data += yield size - len(data)
    return data


def _counted(text: bytes) -> bytes:
    if len(text) > _LONGEST:
        raise httpcore.ProxyError("SOCKS5 has no room for names of more than 255 bytes")
    return bytes([len(text)]) + text


def _socks_address(host: str) -> bytes:
    """An address as it is; a name for the proxy to resolve, which may know more than we do."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bytes([_NAME]) + _counted(host.encode("ascii"))
    return bytes([1 if address.version == 4 else 4]) + address.packed  # noqa: PLR2004 - IPv4


@contextlib.contextmanager
def _connecting() -> Iterator[None]:
    """Nothing of the request leaves here, and what fails has failed to connect."""
    token = CURRENT.set(None)
    try:
        yield
    except httpcore.TimeoutException as error:
        raise httpcore.ConnectTimeout("the proxy has not answered in time") from error
    except httpcore.NetworkError as error:
        raise httpcore.ConnectError(str(error) or "the proxy's connection broke") from error
    finally:
        CURRENT.reset(token)


def _left(until: float | None) -> float | None:
    if until is None:
        return None
    if (left := until - time.monotonic()) <= 0:
        raise httpcore.ConnectTimeout("the time is used up")
    return left


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _said(data: bytes) -> bytes:
    if not data:
        raise httpcore.ProxyError("the proxy has hung up")
    return data


class _ProxyBackend(WatchedBackend):
    """Connections through a proxy."""

    def __init__(self, proxy: Proxy, tls: Callable[[], ssl.SSLContext]) -> None:
        super().__init__()
        self._proxy, self._tls = proxy, tls

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the proxy, and have it connect to the host."""
        until, proxy = _until(timeout), self._proxy
        stream = super().connect_tcp(proxy.host, proxy.port, timeout, local_address, socket_options)
        try:
            with _connecting():
                if proxy.scheme == "https":
                    stream = stream.start_tls(self._tls(), proxy.host, _left(until))
                _talk(stream, proxy.asked(host, port), until)
        except BaseException:
            stream.close()
            raise
        return stream


def _talk(stream: httpcore.NetworkStream, talk: Talk, until: float | None) -> None:
    heard: Any = None
    with contextlib.suppress(StopIteration):
        while True:
            step = talk.send(heard)
            if isinstance(step, bytes):
                heard = stream.write(step, _left(until))  # type: ignore[func-returns-value]
            else:
                heard = _said(stream.read(step, _left(until)))


class _AsyncProxyBackend(AsyncWatchedBackend):
    """Connections through a proxy."""

    def __init__(
        self,
        proxy: Proxy,
        tls: Callable[[], ssl.SSLContext],
        inner: httpcore.AsyncNetworkBackend,
    ) -> None:
        super().__init__(inner)
        self._proxy, self._tls = proxy, tls

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the proxy, and have it connect to the host."""
        until, proxy = _until(timeout), self._proxy
        stream = await super().connect_tcp(
            proxy.host, proxy.port, timeout, local_address, socket_options
        )
        try:
            with _connecting():
                if proxy.scheme == "https":
                    stream = await stream.start_tls(self._tls(), proxy.host, _left(until))
                await _atalk(stream, proxy.asked(host, port), until)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await stream.aclose()
            raise
        return stream


async def _atalk(stream: httpcore.AsyncNetworkStream, talk: Talk, until: float | None) -> None:
    heard: Any = None
    with contextlib.suppress(StopIteration):
        while True:
            step = talk.send(heard)
            if isinstance(step, bytes):
                heard = await stream.write(step, _left(until))  # type: ignore[func-returns-value]
            else:
                heard = _said(await stream.read(step, _left(until)))


class ProxyPool:
    """Blocking connections by way of one proxy: those to itself, and those through it."""

    def __init__(self, tls: Callable[[], ssl.SSLContext], proxy: Proxy) -> None:
        self._proxy = proxy
        self._near, self._far = Pool(tls), Pool(tls, _ProxyBackend(proxy, tls))

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send, over the connection that its scheme asks for."""
        if self._proxy.speaks_http and request.url.scheme == b"http":
            return self._near.handle_request(self._proxy.forwarded(request))
        return self._far.handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        self._near.close()
        self._far.close()


class AsyncProxyPool:
    """The connections of one event loop by way of one proxy."""

    def __init__(
        self,
        tls: Callable[[], ssl.SSLContext],
        proxy: Proxy,
        network: httpcore.AsyncNetworkBackend,
    ) -> None:
        self._proxy = proxy
        self._near = AsyncPool(tls, network)
        self._far = AsyncPool(tls, _AsyncProxyBackend(proxy, tls, network))

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send, over the connection that its scheme asks for."""
        if self._proxy.speaks_http and request.url.scheme == b"http":
            return await self._near.handle_async_request(self._proxy.forwarded(request))
        return await self._far.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._near.aclose()
        await self._far.aclose()
