"""Fetching what a prompt points at, guarded: names are resolved first, only allowed addresses are connected to.

The address that was checked is the one that is connected to: a name cannot change its mind in between. No cookies, no
credentials, no proxy, no redirect: those are for the flow to decide.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import AsyncIterable, Iterable
from types import TracebackType
from typing import Any, cast

import anyio
import httpcore
from typing_extensions import override

from .._flow import Deadlines, Fetch
from .._http import HTTPRequest, HTTPResponse
from ..errors import InvalidRequestError
from ._answers import head, raw
from ._backend import WatchedBackend
from ._pool import AsyncPool, Pool, async_backend
from ._progress import Progress, during
from ._tap import Answer, Pointed, athrough, is_tapped, through
from ._tls import shared_tls
from ._unbroken import Unbroken

__all__ = ["afetch", "checked", "fetch", "fetching"]

_HEADERS = [("accept-encoding", "identity"), ("user-agent", "llmkit"), ("accept", "*/*")]


def checked(found: Iterable[Any], host: str, *, public_only: bool) -> str:
    """The first address of a host, if all of them are allowed."""
    addresses = [info[4][0] for info in found]
    if not addresses:
        raise httpcore.ConnectError(f"{host} has no address")
    for address in addresses:
        ip = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(ip, "ipv4_mapped", None) or ip
        if public_only and (not mapped.is_global or mapped.is_multicast):
            raise InvalidRequestError(f"fetch_media: {host} is not a public address")
    return str(addresses[0])


class _Guarded(WatchedBackend):
    def __init__(self, *, public_only: bool) -> None:
        super().__init__()
        self._public_only = public_only

    @override
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        address = checked(found, host, public_only=self._public_only)
        return super().connect_tcp(address, port, timeout, local_address, socket_options)


class _AsyncGuarded(httpcore.AsyncNetworkBackend):
    def __init__(self, *, public_only: bool) -> None:
        self._inner = async_backend()
        self._public_only = public_only

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        address = checked(found, host, public_only=self._public_only)
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)


def fetching(effect: Fetch) -> Progress:
    """The progress of fetching one URL, under the policy's time."""
    seconds = effect.policy.seconds
    return Progress(Deadlines(time.monotonic() + seconds, seconds, seconds, seconds))


def _asked(effect: Fetch) -> httpcore.Request:
    url = httpcore.URL(effect.url)
    seconds = dict.fromkeys(("connect", "read", "write", "pool"), effect.policy.seconds)
    headers = [("host", _host(url)), *_HEADERS]
    return httpcore.Request("GET", url, headers=headers, extensions={"timeout": seconds})


def _host(url: httpcore.URL) -> str:
    name = url.host.decode("ascii")
    host = f"[{name}]" if ":" in name else name
    default = {b"http": 80, b"https": 443}[url.scheme]
    return host if url.port in (None, default) else f"{host}:{url.port}"


def fetch(effect: Fetch, progress: Progress) -> HTTPResponse:
    """Fetch one URL, blocking; the body is read up to the policy's limit."""
    return _tapped(effect, progress) if is_tapped() else _fetch(effect, progress)


def _tapped(effect: Fetch, progress: Progress) -> HTTPResponse:
    body = _Limited(effect, progress)
    with during(progress):
        response = through(lambda _, p: _answer(_fetch(effect, p), p))(_request(effect), progress)
        pieces, inflate = raw(response, response.iter_bytes)
        for piece in pieces:
            for plain in (piece,) if inflate is None else inflate.pieces(piece):
                body.add(plain)
            if progress.stopped:
                break
        response.close()
    return body.answer(head(response))


def _request(effect: Fetch) -> HTTPRequest:
    return Pointed("GET", effect.url, dict(_HEADERS))


def _answer(whole: HTTPResponse, progress: Progress) -> Answer:
    return Answer(whole.status, whole.headers, (whole.body,), progress)


def _fetch(effect: Fetch, progress: Progress) -> HTTPResponse:
    # A pool of ours, for one request: an interrupt within httpcore's leaves its lock taken, and it is never closed.
    pool = Pool(shared_tls, _Guarded(public_only=effect.policy.public_only))
    body = _Limited(effect, progress)
    with during(progress), contextlib.closing(pool):
        response = pool.handle_request(_asked(effect))
        with contextlib.closing(response), body:
            for piece in cast("Iterable[bytes]", response.stream):
                body.add(piece)
    return body.answer(_head(response))


async def afetch(effect: Fetch, progress: Progress) -> HTTPResponse:
    """Fetch one URL, awaiting it."""
    return await (_atapped(effect, progress) if is_tapped() else _afetch(effect, progress))


async def _atapped(effect: Fetch, progress: Progress) -> HTTPResponse:
    async def network(_: HTTPRequest, progress: Progress) -> Answer:
        return _answer(await _afetch(effect, progress), progress)

    body = _Limited(effect, progress)
    with during(progress):
        response = await athrough(network)(_request(effect), progress)
        pieces, inflate = raw(response, response.aiter_bytes)
        async for piece in pieces:
            for plain in (piece,) if inflate is None else inflate.pieces(piece):
                body.add(plain)
            if progress.stopped:
                break
        await response.aclose()
    return body.answer(head(response))


async def _afetch(effect: Fetch, progress: Progress) -> HTTPResponse:
    body = _Limited(effect, progress)
    with anyio.fail_after(effect.policy.seconds), during(progress):
        response = await Unbroken(_read(effect, body))
    return body.answer(_head(response))


async def _read(effect: Fetch, body: _Limited) -> httpcore.Response:
    pool = AsyncPool(shared_tls, _AsyncGuarded(public_only=effect.policy.public_only))
    try:
        response = await pool.handle_async_request(_asked(effect))
        async with contextlib.aclosing(response):
            with body:
                async for piece in cast("AsyncIterable[bytes]", response.stream):
                    body.add(piece)
    finally:
        with anyio.CancelScope(shield=True):
            await pool.aclose()
    return response


def _head(response: httpcore.Response) -> HTTPResponse:
    headers = {k.decode("ascii").lower(): v.decode("latin-1") for k, v in response.headers}
    return HTTPResponse(response.status, headers)


class _Limited:
    """A body, up to the policy's size. Once it is too big reading is stopped, which it survives."""

    def __init__(self, effect: Fetch, progress: Progress) -> None:
        self._limit = effect.policy.max_bytes
        self._url = effect.url.partition("?")[0]
        self._progress = progress
        self._pieces: list[bytes] = []
        self._size = 0

    def __enter__(self) -> None:
        """Nothing to do yet."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        return self._progress.stopped and isinstance(error, httpcore.ReadError)

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            # Not raised here, within the generators of the layers below: the next read ends them in order.
            self._progress.stop()
        else:
            self._pieces.append(piece)

    def answer(self, response: HTTPResponse) -> HTTPResponse:
        if self._size > self._limit:
            raise InvalidRequestError(f"fetch_media: {self._url} has more than {self._limit} bytes")
        return HTTPResponse(response.status, response.headers, b"".join(self._pieces))
