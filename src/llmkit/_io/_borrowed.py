"""A caller's own client, httpx's or one like it: always used through its public ``build_request`` and ``send``.

Its proxies, hooks, cookies and certificates are the caller's affair, and it is never closed here. What has left is
learnt from httpcore's trace, where the client has one.
"""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

import anyio

from .._http import HTTPRequest
from ..errors import ConfigurationError
from ._progress import Progress
from ._watch import watched

if TYPE_CHECKING:
    from ._sending import AsyncSending, Sending

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
        if request.upload is None:
            return self._sent(self._built(request, progress), progress)
        from ._sending import sending  # noqa: PLC0415 - who uploads nothing does not wait for it

        with contextlib.closing(sending(request.upload, progress)) as body:
            return self._sent(self._built(request, progress, body), progress)

    def _sent(self, made: Any, progress: Progress) -> Any:
        made.extensions["trace"] = _Trace(progress)
        with watched(progress):
            return _seen(self._client.send(made, stream=True), progress)

    async def asend(self, request: HTTPRequest, progress: Progress) -> Any:
        """``send`` for an async client, under the call's own deadline."""
        if request.upload is None:
            return await self._asent(self._built(request, progress), progress)
        from ._sending import asending  # noqa: PLC0415

        with contextlib.closing(await asending(request.upload, progress)) as body:
            return await self._asent(self._built(request, progress, body), progress)

    async def _asent(self, made: Any, progress: Progress) -> Any:
        tell = _Trace(progress)

        async def trace(name: str, info: Any) -> None:
            tell(name, info)

        made.extensions["trace"] = trace
        with anyio.fail_after(progress.remaining()):
            return _seen(await self._client.send(made, stream=True), progress)

    def _built(
        self,
        request: HTTPRequest,
        progress: Progress,
        body: Sending | AsyncSending | None = None,
    ) -> Any:
        progress.borrowed = True
        progress.uploading = body is not None
        left = progress.remaining()
        # As bytes: httpx would have text be ASCII.
        headers = [(name.encode("ascii"), v.encode("utf-8")) for name, v in request.headers.items()]
        if body is not None and body.length is not None:
            headers.append((b"content-length", b"%d" % body.length))
        return self._client.build_request(
            request.method,
            request.url,
            headers=headers,
            content=request.body if body is None else body,
            extensions={
                "timeout": {
                    "connect": progress.connect(),
                    "read": left,
                    "write": left,
                    "pool": left,
                }
            },
        )


class _Trace:
    """What httpcore says of one request: what has left, and over which connection."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._connected: Any = None

    def __call__(self, name: str, info: Any) -> None:
        if name.endswith(("connect_tcp.complete", "start_tls.complete")):
            # While it is made, it is ours alone: a proxy that says nothing is waited for without any limit.
            self._connected = self._progress.stream = info.get("return_value")
        elif name.endswith("send_request_headers.started"):
            # What is said to a proxy for a tunnel is none of the request.
            if getattr(info.get("request"), "method", b"") == b"CONNECT":
                return
            self._progress.writing()
            # HTTP/2 shares its connection with other requests: it is never ours to close.
            self._progress.stream = self._connected if name.startswith("http11.") else None
        elif name.endswith("send_request_body.complete") and self._progress.sent != "no":
            self._progress.reading()


def _seen(response: Any, progress: Progress) -> Any:
    """A response has come: its connection can be closed from here, unless it is shared."""
    if getattr(response, "http_version", "") in ("HTTP/1.1", "HTTP/1.0"):
        progress.stream = response.extensions.get("network_stream")
    return response
