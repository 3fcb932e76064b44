"""Requests by way of httpx's own transport classes, for those who have put something in their methods' place.

vcrpy, pytest-httpx and tracing do. None of them can have before httpx is loaded, and nobody needs it loaded for us.
"""

from __future__ import annotations

import functools
import sys
from types import FunctionType, SimpleNamespace
from typing import Any

import httpcore
from typing_extensions import override

__all__ = ["asend", "is_hooked", "is_hooked_async", "send"]


def is_hooked() -> bool:
    """Whether somebody wants to see blocking requests."""
    httpx: Any = sys.modules.get("httpx")
    return httpx is not None and _replaced(httpx, httpx.HTTPTransport.handle_request)


def is_hooked_async() -> bool:
    """Whether somebody wants to see awaited requests."""
    httpx: Any = sys.modules.get("httpx")
    return httpx is not None and _replaced(httpx, httpx.AsyncHTTPTransport.handle_async_request)


def _replaced(httpx: Any, method: Any) -> bool:
    # Wrappers give themselves out for what they wrap, but for their type and where their code stands.
    if type(method) is not FunctionType:
        return True
    return bool(method.__code__.co_filename != httpx.HTTPTransport.close.__code__.co_filename)


def send(pool: Any, request: httpcore.Request, url: str) -> Any:
    """Send over the pool by way of httpx's transport; return httpx's response with its body unread."""
    via = _classes()
    return via.sync(pool).handle_request(via.request(request, url))


async def asend(pool: Any, request: httpcore.Request, url: str) -> Any:
    """``send`` for async code."""
    via = _classes()
    return await via.awaited(pool).handle_async_request(via.request(request, url))


@functools.cache
def _classes() -> Any:
    """Httpx's classes as they are needed here; made late, because httpx is loaded late."""
    import httpx  # noqa: PLC0415 - whoever hooked it has loaded it

    class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        @override
        def __iter__(self) -> Any:
            return iter(self._stream)

        @override
        def __aiter__(self) -> Any:
            return aiter(self._stream)

    class Sync(httpx.HTTPTransport):
        def __init__(self, pool: Any) -> None:
            self._pool = pool

    class Awaited(httpx.AsyncHTTPTransport):
        def __init__(self, pool: Any) -> None:
            self._pool = pool

    def request(core: httpcore.Request, url: str) -> httpx.Request:
        return httpx.Request(
            core.method.decode("ascii"),
            url,
            headers=core.headers,
            stream=Body(core.stream),
            extensions=core.extensions,
        )

    return SimpleNamespace(sync=Sync, awaited=Awaited, request=request)
