"""Management as one app: LiteLLM's paths at its root, OpenAPI at ``/openapi.json`` and ``/docs``."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Final

<<<<<<< HEAD
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..auth.shown import shown_by
from ..errors_of import refused_by
=======
from anyio.to_thread import run_sync
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

>>>>>>> int
from ..failure import Refused
from ..gateway import Gateway
from . import (
    activity,
    budgets,
    checks,
    customers,
    estimates,
    global_spend,
    key_lists,
    key_several,
    keys,
    members,
    models,
    organisations,
    resets,
    routes,
    spend,
    tags,
    teams,
    users,
)

__all__ = ["management"]

_PARTS: Final = (
    keys.router,
    key_lists.router,
    key_several.router,
    users.router,
    teams.router,
    members.router,
    organisations.router,
    budgets.router,
    customers.router,
    tags.router,
    models.router,
    spend.router,
    global_spend.router,
    activity.router,
    resets.router,
    estimates.router,
    checks.router,
)
_PAGES: Final = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")
_DESCRIBED: Final = f"{__package__}.described"


def management(gateway: Gateway) -> Router:
    """The app that answers what is no model's endpoint."""
<<<<<<< HEAD
    app = FastAPI(
        title="llmkit",
        description=_ABOUT,
        responses=dict.fromkeys(_STATUSES, _ERROR),
        redirect_slashes=False,
    )
    app.state.gateway = gateway
    app.add_middleware(_AsJSON)
    for router in _ROUTERS:
        app.include_router(router)
    app.add_exception_handler(RequestValidationError, _misspelled)
    for kind in (Refused, HTTPException, Exception):
        app.add_exception_handler(kind, _failed)
    return app


class _AsJSON:
    """Reads a body as JSON where its sender said no other form: ``curl -d`` says it is a web page's.

    Only of who shows a key. A browser sends such bodies, with its cookies, for any page that tells it to.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] == "http" and scope["method"] in _WITH_BODY:
            headers = Headers(scope=scope)
            said = headers.get("content-type", "").partition(";")[0].strip().lower()
            if said in _UNSAID and shown_by(headers):
                kept = [one for one in scope["headers"] if one[0] != b"content-type"]
                scope = {**scope, "headers": [*kept, (b"content-type", b"application/json")]}
        await self._app(scope, receive, send)


_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_UNSAID: Final = frozenset({"", "text/plain", "application/x-www-form-urlencoded"})


async def _failed(request: Request, error: Exception) -> Response:
    refused = refused_by(error)
    if isinstance(error, HTTPException) and error.status_code == _NOWHERE:
        refused = Refused(
            _NOWHERE,
            "there is nothing at this path: GET /routes lists what there is",
            "not_found_error",
        )
    return JSONResponse(refused.body(), refused.status, dict(refused.headers))
=======
    entries = [entry for part in _PARTS for entry in part.entries]
    pages = _Pages(entries)
    found = [routes.of(entry, gateway) for entry in entries]
    found += [Route(path, pages, methods=["GET"]) for path in _PAGES]
    return Router(found, redirect_slashes=False, default=_nothing)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    what = "there is nothing at this path: GET /routes lists what there is"
    raise Refused(404, what, "not_found_error")
>>>>>>> int


class _Pages:
    """The document and its pages, made when first asked for."""

    def __init__(self, entries: list[routes.Entry]) -> None:
        self._entries = entries
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await run_sync(self._made) if self._app is None else self._app
        await app(scope, receive, send)

    def _made(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                self._app = import_module(_DESCRIBED).described(self._entries)
            made: ASGIApp = self._app
            return made
