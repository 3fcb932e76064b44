"""The gateway as one ASGI app: its parts are made here and put together. What they do is theirs."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Sequence
from importlib import import_module
from typing import Final, Self

from anyio.to_thread import run_sync
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from .auth import bearers, sessions
from .data import requests
from .direct import Direct
from .endpoints import chats, files, others, socket, watching
from .gateway import Gateway
from .made import made
from .management import deployments
from .middleware import Guarded, Outermost, crossing
from .operation import headers, metrics, probes, telemetry
from .running import Life
from .settings import Settings

__all__ = ["Proxy", "create_app"]

_ROUTES: Final = (
    chats.routes,
    others.routes,
    files.routes,
    socket.routes,
    sessions.routes,
    probes.routes,
)
"""``routes(gateway)``, in the order in which they are looked at."""
_RUNNING: Final = (
    bearers.running,
    requests.running,
    deployments.running,
    metrics.running,
    watching.running,
)
"""``running(gateway)``: asynchronous contexts, which the app lives in."""
_MANAGEMENT: Final = f"{__package__}.management.app"
_AROUND: Final = (headers.around, metrics.around, telemetry.around)
"""``around(app, gateway)``: what goes around all requests, the innermost first."""


class Proxy:
    """The gateway, as an ASGI app of its own or below a path of another one's.

    Where the server tells apps of its start and end (``lifespan``), it opens and closes what it needs then. Mounted in
    an app that passes none of this on, it opens with the first request; ``async with app:`` in that app's own lifespan
    opens and closes it in time.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        router = Router(_routes(gateway), redirect_slashes=False, default=_Late(gateway))
        app: ASGIApp = Direct(router)
        for around in _AROUND:
            app = around(app, gateway)
        self._life = Life(gateway, _RUNNING)
        guarded = Guarded(app, gateway.settings, self._life)
        self._app = Outermost(crossing(guarded, gateway.settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or heed what the server says of its start and end."""
        await self.answered(scope, receive, send)

    def answered(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The same, to be awaited: for a server that need not be shown that it is a coroutine function."""
        if scope["type"] == "lifespan":
            return self._life.told(receive, send)
        return self._app(scope, receive, send)

    def end_soon(self) -> None:
        """Say that the server is about to end: WebSockets are closed when their chats have ended. In its event loop."""
        self.gateway.ending.set()

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
    return [route for routes in _ROUTES for route in routes(gateway)]


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
                self._app = import_module(_MANAGEMENT).Management(self._gateway)
            made: ASGIApp = self._app
            return made
