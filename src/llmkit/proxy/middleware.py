"""What goes around every request: its id, its errors. Pure ASGI."""

from __future__ import annotations

import json
import logging
import re
from typing import Any, Final
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors_of import refused_by
from .settings import Settings

__all__ = ["Outermost"]

_log = logging.getLogger("llmkit.proxy")
_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Outermost:
    """Gives each request an id (``scope["state"]["http_id"]``, ``x-request-id``), and each error a body."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        http_id = _id_of(scope)
        scope.setdefault("state", {})["http_id"] = http_id
        begun = False

        async def sends(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], (b"x-request-id", http_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sends)
        except Exception as error:  # noqa: BLE001 - whatever it is, its client is told of it, and nothing of what is inside
            await _failed(error, http_id, sends, begun=begun)


async def _failed(error: Exception, http_id: str, send: Send, *, begun: bool) -> None:
    refused = refused_by(error)
    if refused.status >= 500:  # noqa: PLR2004
        _log.error("request %s failed", http_id, exc_info=error)
    if begun:
        return
    body = json.dumps(refused.body()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(name.encode(), value.encode()) for name, value in refused.headers.items()]
    start: dict[str, Any] = {"type": "http.response.start", "status": refused.status}
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            said: str = value.decode()
            return said
    return uuid4().hex
