"""What goes around every request: its id, a line in the log, headers of safety; its size, its errors. Pure ASGI.

``Outermost`` stands outside, ``Guarded`` inside of CORS, so that a page in a browser can read errors, too.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Awaitable
from typing import Any, Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .._call import fresh_id
from .._secret import redact
from ..errors import APIError, APIResponseValidationError
from .errors_of import refused_by
from .failure import Refused
from .operation.logs import REQUEST, tell_access
from .running import Life
from .settings import Settings

__all__ = ["Guarded", "Outermost", "crossing"]

_log = logging.getLogger("llmkit.proxy")
_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_UPLOADS: Final = 4
"""How many times as many bytes as others' the bodies of uploads may have."""
_FAILED: Final = 500
_GONE: Final = 499
"""What nginx says of clients that have gone before their answer."""
_POLICY_VIOLATION: Final = 1008
_INTERNAL_ERROR: Final = 1011
_SAFE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_UNKEPT: Final = (b"cache-control", b"no-store")
"""Answers have keys and other people's words in them: nobody in between keeps them."""
_SECURE: Final = (b"strict-transport-security", b"max-age=31536000")
_READABLE: Final = ("x-request-id", "retry-after", "x-should-retry", "x-ratelimit-*", "x-litellm-*")


def crossing(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The app, for pages of the origins that are named; of no others."""
    if not settings.cors_origins:
        return app
    every = "*" in settings.cors_origins
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("*",),
        # Cookies are for pages whose origin was named.
        allow_credentials=not every,
        expose_headers=[name for name in _READABLE if "*" not in name],
    )


class Outermost:
    """Gives each request an id (``scope["state"]["http_id"]``, ``x-request-id``) and a line in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        http_id = _id_of(scope)
        scope.setdefault("state", {})["http_id"] = http_id
        # Starlette's routes then raise what they refuse (405), and do not answer in a form of their own.
        scope.setdefault("app", self)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = scope["state"]["answer"] = Answer(scope, http_id, send)
        began = time.perf_counter()
        REQUEST.set(http_id)
        try:
            await self._app(scope, receive, answer.send)
        finally:
            _note(scope, answer.status or _GONE, time.perf_counter() - began)


class Answer:
    """What a client is told: its beginning with the gateway's own headers. Others see here whether it has begun."""

    __slots__ = ("_own", "_send", "status", "too_large")

    def __init__(self, scope: Scope, http_id: str, send: Send) -> None:
        self._send = send
        self._own = [(b"x-request-id", http_id.encode()), *_SAFE]
        if scope.get("scheme") == "https":
            self._own.append(_SECURE)
        self.status = 0
        """0: it has not begun."""
        self.too_large: Refused | None = None
        """Why the request is not read on: whoever has answered otherwise is not heard."""

    def send(self, message: Message) -> Awaitable[None]:
        """Send on. Raises what it is ``too_large`` by."""
        if message["type"] == "http.response.start":
            if self.too_large is not None:
                raise self.too_large
            self.status = message["status"]
            headers = message["headers"] = [*message.get("headers", ()), *self._own]
            for name, _ in headers:
                if name == b"cache-control":
                    break
            else:
                headers.append(_UNKEPT)
        return self._send(message)


def _note(scope: Scope, status: int, seconds: float) -> None:
    """One line of the access log. What stands behind a path's ``?`` may be a key, and is not in it."""
    path: str = scope["path"]
    level = logging.DEBUG if path.startswith("/health") else logging.INFO
    subject, client = scope["state"].get("subject"), scope.get("client")
    said = {
        "method": scope["method"],
        "path": path,
        "status": status,
        "seconds": round(seconds, 6),
        "ip": client[0] if client else None,
        "key": getattr(subject, "alias", "") or getattr(subject, "key_name", "") or None,
        "user": getattr(subject, "user", "") or None,
        "team": getattr(subject, "team", "") or None,
    }
    tell_access(level, said)


class Guarded:
    """Ends each request that is too large, and gives each error a body that says nothing of what is inside.

    ``life``: what is opened before a request goes on, and not closed while any is under way.
    """

    def __init__(self, app: ASGIApp, settings: Settings, life: Life | None = None) -> None:
        self._app, self._most = app, settings.max_body
        self._life = life or _Forever()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._connected(scope, receive, send)
            return
        life = self._life
        life.requests += 1
        try:
            if not life.begun:
                await life.begin_late()
            await self._app(scope, _limited(scope, receive, self._most), send)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told that there was one
            await _fail(error, scope, send)
        finally:
            life.requests -= 1

    async def _connected(self, scope: Scope, receive: Receive, send: Send) -> None:
        life = self._life
        life.requests += 1
        try:
            if not life.begun:
                await life.begin_late()
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - as above
            refused = _told(error, scope)
            code = _INTERNAL_ERROR if refused.status >= _FAILED else _POLICY_VIOLATION
            # A reason has no more than 123 bytes: RFC 6455, section 5.5.
            reason = refused.message.encode()[:120].decode(errors="ignore")
            await send({"type": "websocket.close", "code": code, "reason": reason})
        finally:
            life.requests -= 1


class _Forever:
    """The life of what is always open."""

    requests = 0
    begun = True

    async def begin_late(self) -> None:
        """It has begun."""


async def _fail(error: Exception, scope: Scope, send: Send) -> None:
    """Say so; where an answer has begun, nothing can be said any more, and the server ends the connection."""
    refused, answer = _told(error, scope), scope["state"]["answer"]
    if answer.status or refused.status == _GONE:
        return
    answer.too_large = None
    body = json.dumps(refused.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [_header(*one) for one in refused.headers.items()]
    start: dict[str, Any] = {"type": "http.response.start", "status": refused.status}
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    return name.lower().encode("latin-1"), value.encode("latin-1", "replace")


def _told(error: Exception, scope: Scope) -> Refused:
    refused = refused_by(error)
    if refused.status >= _FAILED:
        # A programmer needs the way there; of what a provider did, the error itself is enough.
        ours = refused.status == _FAILED and not isinstance(error, APIError)
        _log.error(
            "request %s failed: %s",
            scope["state"]["http_id"],
            redact(_told_of(error)),
            exc_info=error if ours else None,
        )
    return refused


def _told_of(error: Exception) -> str:
    """What it says, save what it shows of an answer: answers are not logged."""
    said = str(error)
    if isinstance(error, APIResponseValidationError) and isinstance(error.body, str):
        return said.replace(repr(error.body), "(it is not shown here)")
    return said


def _limited(scope: Scope, receive: Receive, most: int) -> Receive:
    said = dict(scope["headers"])
    if said.get(b"content-type", b"").startswith(b"multipart/"):
        most *= _UPLOADS
    length = said.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > most:
        raise _too_large(most)
    # A length that is said is kept by the server.
    return receive if length is not None else _counted(receive, most, scope["state"]["answer"])


def _counted(receive: Receive, most: int, answer: Answer) -> Receive:
    """What is received of a body of unknown length."""
    left = most

    async def receives() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            answer.too_large = _too_large(most)
            raise answer.too_large
        return message

    return receives


def _too_large(most: int) -> Refused:
    what = f"the request's body has more than {most} bytes: send less"
    # What is still to come of it is not waited for.
    return Refused(413, what, "request_too_large", headers={"connection": "close"})


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            said: str = value.decode()
            return said
    return fresh_id()
