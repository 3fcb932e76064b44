"""Management as one app: LiteLLM's paths at its root, OpenAPI at ``/openapi.json`` and ``/docs``."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Final

from anyio.to_thread import run_sync
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

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
    entries = [entry for part in _PARTS for entry in part.entries]
    pages = _Pages(entries)
    found = [routes.of(entry, gateway) for entry in entries]
    found += [Route(path, pages, methods=["GET"]) for path in _PAGES]
    return Router(found, redirect_slashes=False, default=_nothing)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    what = "there is nothing at this path: GET /routes lists what there is"
    raise Refused(404, what, "not_found_error")


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
