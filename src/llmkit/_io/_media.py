"""Fetching what a prompt points at, guarded: names are resolved first, only allowed addresses are connected to.

The address that was checked is the one that is connected to, so a name cannot change its mind in between. No cookies, no
credentials, no proxy, no redirect: those are for the flow to decide.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable
from typing import Any

import anyio
import httpcore
from typing_extensions import override

from .._flow import Deadlines, Fetch
from .._http import HTTPResponse
from ..errors import InvalidRequestError
from ._http import async_backend, shared_tls
from ._progress import Progress, during

__all__ = ["afetch", "fetch"]

_HEADERS = [("accept-encoding", "identity"), ("user-agent", "llmkit"), ("accept", "*/*")]


def _checked(found: Iterable[Any], host: str, *, public_only: bool) -> str:
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


class _Guarded(httpcore.SyncBackend):
    def __init__(self, *, public_only: bool) -> None:
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
        address = _checked(found, host, public_only=self._public_only)
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
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        address = _checked(found, host, public_only=self._public_only)
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    @override
    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def _until(effect: Fetch) -> Progress:
    seconds = effect.policy.seconds
    return Progress(Deadlines(time.monotonic() + seconds, seconds, seconds, seconds))


def _extensions(effect: Fetch) -> dict[str, Any]:
    names = ("connect", "read", "write", "pool")
    return {"timeout": dict.fromkeys(names, effect.policy.seconds)}


def fetch(effect: Fetch) -> HTTPResponse:
    """Fetch one URL, blocking; the body is read up to the policy's limit."""
    progress = _until(effect)
    backend = _Guarded(public_only=effect.policy.public_only)
    with (
        during(progress),
        httpcore.ConnectionPool(ssl_context=shared_tls(), network_backend=backend) as pool,
        pool.stream("GET", effect.url, headers=_HEADERS, extensions=_extensions(effect)) as response,
    ):
        body = _Limited(effect)
        for piece in response.iter_stream():
            body.add(piece, progress)
        return body.answer(response)


async def afetch(effect: Fetch) -> HTTPResponse:
    """Fetch one URL, awaiting it."""
    progress = _until(effect)
    backend = _AsyncGuarded(public_only=effect.policy.public_only)
    with anyio.fail_after(effect.policy.seconds):
        async with (
            httpcore.AsyncConnectionPool(ssl_context=shared_tls(), network_backend=backend) as pool,
            pool.stream(
                "GET", effect.url, headers=_HEADERS, extensions=_extensions(effect)
            ) as response,
        ):
            body = _Limited(effect)
            async for piece in response.aiter_stream():
                body.add(piece, progress)
            return body.answer(response)


class _Limited:
    """A body, up to the policy's size and time."""

    def __init__(self, effect: Fetch) -> None:
        self._limit = effect.policy.max_bytes
        self._url = effect.url.partition("?")[0]
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes, progress: Progress) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise InvalidRequestError(f"fetch_media: {self._url} has more than {self._limit} bytes")
        if progress.remaining() <= 0:
            raise httpcore.ReadTimeout("the time for this URL is used up")
        self._pieces.append(piece)

    def answer(self, response: httpcore.Response) -> HTTPResponse:
        headers = {k.decode("ascii").lower(): v.decode("latin-1") for k, v in response.headers}
        return HTTPResponse(response.status, headers, b"".join(self._pieces))
