"""The gateway as one ASGI app: its parts are made here and put together. What they do is theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Self

from anyio.to_thread import run_sync
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from .failure import Refused
from .gateway import Gateway
from .made import made
from .middleware import Guarded, Outermost, crossing
from .running import Life
from .settings import Settings

__all__ = ["Proxy", "create_app"]

_ROUTES: Final = (
    "endpoints.chats",
    "endpoints.others",
    "endpoints.files",
    "endpoints.socket",
    "auth.sessions",
    "operation.probes",
)
"""``routes(gateway) -> list[BaseRoute]``, in the order in which they are looked at."""
_RUNNING: Final = (
    "auth.bearers",
    "data.requests",
    "management.models",
    "operation.metrics",
)
"""``running(gateway)``: an asynchronous context, which the app lives in."""
_AROUND: Final = ("operation.headers", "operation.metrics", "operation.telemetry")
"""``around(app, gateway) -> ASGI app``: what goes around all requests, the innermost first."""


class Proxy:
    """The gateway, as an ASGI app of its own or below a path of another one's.

    Where the server tells apps of its start and end (``lifespan``), it opens and closes what it needs then. Mounted in
    an app that passes none of this on, it opens with the first request; ``async with app:`` in that app's own lifespan
    opens and closes it in time.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        router = Router(_routes(gateway), redirect_slashes=False, default=_Late(gateway))
        app: ASGIApp = router
        for around in _offered(_AROUND, "around"):
            app = around(app, gateway)
        guarded = Guarded(self._opened(app), gateway.settings)
        self._app = Outermost(crossing(guarded, gateway.settings))
        self._life = Life(gateway, _offered(_RUNNING, "running"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or heed what the server says of its start and end."""
        if scope["type"] == "lifespan":
            await self._life.told(receive, send)
            return
        await self._app(scope, receive, send)

    def _opened(self, app: ASGIApp) -> ASGIApp:
        async def answers(scope: Scope, receive: Receive, send: Send) -> None:
            if not self._life.begun:
                await self._life.begin_late()
            with self._life.busy():
                await app(scope, receive, send)

        return answers

    async def __aenter__(self) -> Self:
        await self._life.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._life.end()


def create_app(settings: Settings | None = None) -> Proxy:
    """The gateway that these settings describe. Nothing is opened until it begins.

    Raises:
        ConfigurationError: something is wrong in the settings or in the file that they name.
    """
    return Proxy(made(settings or Settings()))


def _routes(gateway: Gateway) -> Sequence[BaseRoute]:
    return [route for routes in _offered(_ROUTES, "routes") for route in routes(gateway)]


class _Late:
    """Who answers at all other paths: made for the first request there, as it takes much to load."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        app = await run_sync(self.made) if self._app is None else self._app
        await app(scope, receive, send)

    def made(self) -> ASGIApp:
        """The app itself."""
        with self._lock:
            if self._app is None:
                found = _offered(("management.app",), "management")
                self._app = found[0](self._gateway) if found else _nowhere
            made: ASGIApp = self._app
            return made


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise Refused(
        404, "there is nothing at this path: GET /routes lists what there is", "not_found_error"
    )


def _offered(modules: Sequence[str], name: str) -> list[Callable[..., Any]]:
    there = [f"{__package__}.{one}" for one in modules if find_spec(f"{__package__}.{one}")]
    found = (getattr(import_module(one), name, None) for one in there)
    return [one for one in found if one is not None]
