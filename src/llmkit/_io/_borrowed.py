"""A caller's own client, httpx's or one like it: always used through its public ``build_request`` and ``send``.

Its proxies, hooks, cookies and certificates are the caller's affair, and it is never closed here. What has left is
learnt from httpcore's trace, where the client has one.
"""

from __future__ import annotations

import inspect
from typing import Any

import anyio

from .._http import HTTPRequest
from ..errors import ConfigurationError
from ._progress import Progress

__all__ = ["Borrowed", "is_async_client"]


def is_async_client(client: Any) -> bool:
    """Whether ``send`` is a coroutine function."""
    return inspect.iscoroutinefunction(client.send)


class Borrowed:
    """Requests through a caller's client."""

    def __init__(self, client: Any) -> None:
        if not (hasattr(client, "send") and hasattr(client, "build_request")):
            raise ConfigurationError(
                "http_client must be an httpx (or httpx2) client: it has no send()"
            )
        self._client = client

    def send(self, request: HTTPRequest, progress: Progress) -> Any:
        """Send; return the client's response with its body unread."""
        made = self._built(request, progress)
        made.extensions["trace"] = lambda name, info: _traced(progress, name)
        return self._client.send(made, stream=True)

    async def asend(self, request: HTTPRequest, progress: Progress) -> Any:
        """``send`` for an async client, under the call's own deadline."""
        made = self._built(request, progress)

        async def trace(name: str, info: Any) -> None:
            _traced(progress, name)

        made.extensions["trace"] = trace
        with anyio.fail_after(progress.remaining()):
            return await self._client.send(made, stream=True)

    def _built(self, request: HTTPRequest, progress: Progress) -> Any:
        left = progress.remaining()
        return self._client.build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=request.body,
            extensions={
                "timeout": {
                    "connect": progress.connect(),
                    "read": left,
                    "write": left,
                    "pool": left,
                }
            },
        )


def _traced(progress: Progress, name: str) -> None:
    if name.endswith("send_request_headers.started"):
        progress.writing()
    elif name.endswith("send_request_body.complete"):
        progress.reading()
