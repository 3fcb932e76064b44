"""What is found by one look into a table is what Starlette finds by going through its routes."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.routing import BaseRoute, Match, Mount, Route, Router

from llmkit.proxy.app import _routes, create_app
from llmkit.proxy.direct import Direct
from llmkit.proxy.settings import Settings


class Told:
    """An endpoint that says who it is, and what it sees."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.saw: dict[str, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.saw = dict(scope)


def asked(app: Any, method: str, path: str, **more: Any) -> dict[str, Any]:
    """The scope of a request that was passed on."""
    scope = {"type": "http", "method": method, "path": path, "app": None, **more}
    asyncio.run(app(scope, None, None))
    return scope


def test_all_routes_of_the_gateway() -> None:
    """Each path that has no names in it, by each of its methods, leads where it led."""
    router = Router(_routes(create_app(Settings(master_key=None)).gateway))
    found = Direct(router)._found
    assert ("POST", "/v1/chat/completions") in found
    assert len(found) > 40
    for (method, path), route in found.items():
        scope = {"type": "http", "method": method, "path": path}
        matches = (one for one in router.routes if one.matches(scope)[0] is Match.FULL)
        assert next(matches) is route


def test_the_first_that_takes_it() -> None:
    """A route with names before it goes before; one for another method does not; nobody is passed over."""
    names = ("any", "own", "get", "post", "other", "behind")
    any_, own, get, post, other, behind = map(Told, names)
    routes: list[BaseRoute] = [
        Route("/a/{name}", any_, methods=["GET"]),
        Route("/a/b", own, methods=["GET", "POST"]),
        Route("/c", get, methods=["GET"]),
        Route("/c", post, methods=["POST"]),
        Mount("/d", other),
        Route("/d", behind, methods=["GET"]),
    ]
    direct = Direct(Router(routes))
    assert set(direct._found) == {("POST", "/a/b"), ("GET", "/c"), ("HEAD", "/c"), ("POST", "/c")}
    for method, path, told in (
        ("GET", "/a/b", any_),
        ("POST", "/a/b", own),
        ("GET", "/c", get),
        ("POST", "/c", post),
    ):
        scope = asked(direct, method, path)
        assert scope["endpoint"] is told
        assert told.saw["path_params"] == ({"name": "b"} if told is any_ else {})
        assert scope["route"].endpoint is told


def test_below_another_app() -> None:
    """Mounted below a path, it leaves all to Starlette, which takes that off."""
    told = Told("own")
    direct = Direct(Router([Route("/c", told, methods=["GET"])]))
    scope = asked(direct, "GET", "/gateway/c", root_path="/gateway", path_params={"x": "y"})
    assert scope["path_params"] == told.saw["path_params"] == {"x": "y"}
    scope = asked(direct, "GET", "/c", path_params={"x": "y"})
    assert scope["path_params"] == {"x": "y"}
