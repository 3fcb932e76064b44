"""What orchestrators and people ask of the gateway itself: whether it lives, whether it can work, what it counts.

``/health/liveliness`` and ``/health/readiness`` ask for no key and say nothing of what is inside. Only ``/health`` asks
models: each deployment something small, which costs a little.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from anyio.to_thread import run_sync
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..._operations import ReadRules
from ...errors import LLMKitError
from ..endpoints.asking import subject_of
from ..failure import Refused
from ..gateway import Gateway

__all__ = ["routes"]

_FRESH: Final = 10.0
"""Seconds for which a check of deployments is not made again."""
_PATIENCE: Final = 2.0
"""Seconds in which a database that is there answers."""


def routes(gateway: Gateway) -> list[BaseRoute]:
    """Probes, metrics, and what there is."""
    checks = _Checks(gateway)
    asked: list[tuple[str, Callable[..., Any], str]] = [
        ("/", _about, "about"),
        ("/health", partial(_health, gateway, checks), "health"),
        ("/health/liveliness", _alive, "liveliness"),
        ("/health/liveness", _alive, "liveness"),
        ("/health/readiness", partial(_ready, gateway), "readiness"),
        ("/metrics", partial(_metrics, gateway), "metrics"),
        ("/routes", partial(_listed, gateway), "routes"),
    ]
    return [Route(path, answer, methods=["GET"], name=name) for path, answer, name in asked]


async def _about(request: Request) -> Response:
    said = {"name": "llmkit", "docs": "/docs", "health": "/health/readiness", "routes": "/routes"}
    return JSONResponse(said)


async def _alive(request: Request) -> Response:
    return JSONResponse("I'm alive!")


# --- readiness ----------------------------------------------------------------------------------


async def _ready(gateway: Gateway, request: Request) -> Response:
    """Whether a request would be answered: 503 where the database or the ledger is not there."""
    found = await asyncio.gather(_database(gateway), _ledger(gateway))
    named = dict(zip(("db", "ledger"), found, strict=True))
    well = all(found)
    said = {name: "connected" if there else "unreachable" for name, there in named.items()}
    status = "healthy" if well else "unhealthy"
    body = {"status": status, **said}
    return JSONResponse(body, 200 if well else 503, {"cache-control": "no-store"})


async def _database(gateway: Gateway) -> bool:
    def asked() -> None:
        with gateway.database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    return await _answers(run_sync(asked, abandon_on_cancel=True))


async def _ledger(gateway: Gateway) -> bool:
    return await _answers(gateway.store.aperform(ReadRules(("readiness",))))


async def _answers(asking: Any) -> bool:
    try:
        await asyncio.wait_for(asking, _PATIENCE)
    except Exception:  # noqa: BLE001 - whatever is wrong: who asks is told that it does not answer
        return False
    return True


# --- deployments --------------------------------------------------------------------------------


class _Checks:
    """Checks of deployments: one at a time, and not again at once."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[str | None, tuple[float, tuple[Any, ...]]] = {}
        self._lock = asyncio.Lock()

    async def of(self, group: str | None) -> tuple[Any, ...]:
        """Of a group, or of all."""
        async with self._lock:
            at, found = self._known.get(group, (0.0, ()))
            if not at or time.monotonic() - at > _FRESH:
                found = await self._gateway.calls.ahealth_check(group)
                self._known = {group: (time.monotonic(), found)}
        return found


async def _health(gateway: Gateway, checks: _Checks, request: Request) -> Response:
    """Each deployment, asked something small: LiteLLM's form of it."""
    await subject_of(gateway, request)
    group, wanted = request.query_params.get("model"), request.query_params.get("model_id")
    if wanted is not None:
        group = await run_sync(_group_of, gateway, wanted)
    found = await checks.of(group)
    if wanted is not None:
        found = tuple(one for one in found if one.deployment == wanted)
    well = [_shown(one) for one in found if one.healthy]
    ill = [_shown(one) for one in found if one.healthy is False]
    return JSONResponse(
        {
            "healthy_endpoints": well,
            "unhealthy_endpoints": ill,
            "unchecked_endpoints": [_shown(one) for one in found if one.healthy is None],
            "healthy_count": len(well),
            "unhealthy_count": len(ill),
        }
    )


def _group_of(gateway: Gateway, deployment: str) -> str:
    """Of a deployment: no others are asked than those of its group."""
    for one in gateway.calls.deployments():
        if one.deployment == deployment:
            return str(one.group)
    raise Refused(
        404, "no deployment has this model_id: GET /model/info lists them", "not_found_error"
    )


def _shown(one: Any) -> dict[str, Any]:
    shown = {"model": one.model, "model_name": one.group, "model_id": one.deployment}
    return shown | {"seconds": round(one.seconds, 3)} | ({"error": one.error} if one.error else {})


# --- metrics and routes -------------------------------------------------------------------------


async def _metrics(gateway: Gateway, request: Request) -> Response:
    if not gateway.settings.open_metrics:
        await subject_of(gateway, request)
    accept = request.headers.get("accept", "")
    # Deployments' state may be asked of a store, and waited for.
    page, media_type = await run_sync(_page, gateway, accept)
    return Response(page, headers={"content-type": media_type})


def _page(gateway: Gateway, accept: str) -> tuple[bytes, str]:
    try:
        states = gateway.calls.deployments()
    except LLMKitError:
        # What was counted is there all the same.
        states = ()
    return gateway.metrics.page(accept, states)


async def _listed(gateway: Gateway, request: Request) -> Response:
    """Every path there is. Who has no key at all is told nothing."""
    await subject_of(gateway, request)
    router = request.scope.get("router")
    rest = getattr(router, "default", None)
    # What takes much to load is made for the first request there, or here.
    rest = await run_sync(made) if (made := getattr(rest, "made", None)) else rest
    listed = [*_each(getattr(router, "routes", ()), ""), *_each(getattr(rest, "routes", ()), "")]
    found = {(one["path"], *one["methods"]): one for one in listed}
    return JSONResponse({"routes": [found[key] for key in sorted(found)]})


def _each(found: Iterable[Any], prefix: str) -> Iterator[dict[str, Any]]:
    for one in found:
        # What FastAPI includes stands in a router of its own, by its version.
        inner = getattr(getattr(one, "original_router", one), "routes", None)
        path = prefix + getattr(one, "path", "")
        if inner:
            yield from _each(inner, path)
            continue
        methods = sorted(getattr(one, "methods", None) or ())
        yield {"path": path, "methods": methods, "name": getattr(one, "name", "")}
