"""Management as one app: LiteLLM's paths at its root, OpenAPI at ``/openapi.json``, ``/docs``, errors in our form."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..auth.shown import shown_by
from ..errors_of import refused_by
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
    spend,
    tags,
    teams,
    users,
)

__all__ = ["management"]

_ABOUT: Final = "Keys, users, teams, organisations, budgets, models and spend."
_ROUTERS: Final = (
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
_STATUSES: Final = (400, 401, 403, 404, 405, 422, 429, 500, 503)


def management(gateway: Gateway) -> FastAPI:
    """The app that answers what is no model's endpoint."""
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
