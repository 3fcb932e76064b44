"""Which route a request is for, where its path has no names in it: one look into a table.

Starlette goes through its routes one by one, and matches each. What is found here is what it would find; all else,
405 and 404 included, is left to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Final

from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send

__all__ = ["Direct"]

_KNOWN: Final = (Route, WebSocketRoute)


class Direct:
    """ASGI: a router's routes."""

    def __init__(self, router: Router) -> None:
        self._router, self._found = router, _found(router.routes)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        route = None
        if scope["type"] == "http" and not scope.get("root_path"):
            route = self._found.get((scope["method"], scope["path"]))
        if route is None:
            return self._router(scope, receive, send)
        scope.setdefault("router", self._router)
        scope["route"], scope["endpoint"] = route, route.endpoint
        scope["path_params"] = dict(scope.get("path_params", ()))
        return route.app(scope, receive, send)


def _found(routes: Iterable[BaseRoute]) -> dict[tuple[str, str], Route]:
    """By method and path: the first route that takes both, where its path is a plain one."""
    found: dict[tuple[str, str], Route] = {}
    before: list[Route] = []
    for route in routes:
        if not isinstance(route, _KNOWN):
            # What it takes is not known.
            break
        if not isinstance(route, Route):
            continue
        before.append(route)
        for method in () if route.param_convertors else route.methods or ():
            if _first(before, method, route.path) is route:
                found[method, route.path] = route
    return found


def _first(routes: Iterable[Route], method: str, path: str) -> Route:
    """Who takes a request, of some of whom one does."""
    takes = (one for one in routes if not one.methods or method in one.methods)
    return next(one for one in takes if one.path_regex.match(path))
