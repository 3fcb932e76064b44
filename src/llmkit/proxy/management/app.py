"""Management as one app: LiteLLM's paths at its root, OpenAPI at ``/openapi.json``, ``/docs``, errors in our form."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from ..auth.shown import shown_by
from ..errors_of import refused_by
from ..failure import Refused
from ..gateway import Gateway

__all__ = ["Management"]

_ABOUT: Final = "Keys, users, teams, organisations, budgets, models, spend and the cache."
_PARTS: Final[Mapping[str, Sequence[str]]] = {
    "key": ("keys", "key_lists", "key_several"),
    "user": ("users", "activity"),
    "team": ("teams", "members", "activity"),
    "organization": ("organisations",),
    "budget": ("budgets",),
    "customer": ("customers", "activity"),
    "end_user": ("customers", "activity"),
    "tag": ("tags", "activity"),
    "model": ("models",),
    "model_group": ("models",),
    "v1": ("models",),
    "v2": ("key_lists", "users", "teams", "models"),
    "spend": ("spend",),
    "global": ("global_spend", "activity", "resets"),
    "provider": ("resets",),
    "utils": ("estimates",),
    "cost": ("estimates",),
    "health": ("checks",),
    "cache": ("caching",),
}
"""Who answers at paths that begin so, in the order in which they are looked at."""
_PAGES: Final = frozenset({"openapi.json", "docs", "redoc"})
_ERROR: Final[dict[str, Any]] = {
    "description": "Refused",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["message", "type", "param", "code"],
                        "properties": {
                            "message": {"type": "string"},
                            "type": {"type": "string"},
                            "param": {"type": ["string", "null"]},
                            "code": {"type": "string"},
                        },
                    }
                },
            }
        }
    },
}
_NOWHERE: Final = 404
_STATUSES: Final = (400, 401, 403, 404, 405, 409, 422, 429, 500, 503)


class Management:
    """What answers where no model's endpoint does.

    One app of FastAPI's for each part of the paths, made when it is first asked; and one of all, for the document. A
    part takes half a megabyte, all of them five: what nobody asks for is not there.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._apps: dict[str, FastAPI] = {}
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Raises ``Refused`` (404) where there is nothing at its path."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        first = path.lstrip("/").partition("/")[0]
        if first not in _PARTS and first not in _PAGES:
            raise _nothing()
        app = self._apps.get(first)
        if app is None:
            app = await run_sync(self._made, first)
        await app(scope, receive, send)

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Of all parts."""
        return self._made("docs").routes

    def _made(self, first: str) -> FastAPI:
        with self._lock:
            if first not in self._apps:
                names = _PARTS.get(first)
                made = _app(self._gateway, names or _every(), described=names is None)
                for one in (first,) if names else _PAGES:
                    self._apps[one] = made
            return self._apps[first]


def _every() -> list[str]:
    return list(dict.fromkeys(name for names in _PARTS.values() for name in names))


def _app(gateway: Gateway, names: Sequence[str], *, described: bool) -> FastAPI:
    app = FastAPI(
        title="llmkit",
        description=_ABOUT,
        responses=dict.fromkeys(_STATUSES, _ERROR),
        redirect_slashes=False,
        openapi_url="/openapi.json" if described else None,
    )
    app.state.gateway = gateway
    for name in names:
        app.include_router(import_module(f".{name}", __package__).router)
    app.add_middleware(_AsJSON)
    app.add_exception_handler(RequestValidationError, _misspelled)
    for kind in (Refused, HTTPException, Exception):
        app.add_exception_handler(kind, _failed)
    return app


async def _failed(request: Request, error: Exception) -> Response:
    refused = refused_by(error)
    if isinstance(error, HTTPException) and error.status_code == _NOWHERE:
        refused = _nothing()
    return JSONResponse(refused.body(), refused.status, dict(refused.headers))


async def _misspelled(request: Request, error: Exception) -> Response:
    """Which field is wrong, and how; never what it was, which may be a secret."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for this
    found = error.errors()
    wrong = [f"{_place(one)}: {one['msg']}" for one in found[:5]]
    refused = Refused(
        422, "; ".join(wrong)[:2000], "validation_error", param=_place(found[0]) if found else None
    )
    return JSONResponse(refused.body(), refused.status)


def _place(one: Any) -> str:
    _, *place = one["loc"]
    return ".".join(map(str, place)) or "body"


def _nothing() -> Refused:
    what = "there is nothing at this path: GET /routes lists what there is"
    return Refused(_NOWHERE, what, "not_found_error")


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
