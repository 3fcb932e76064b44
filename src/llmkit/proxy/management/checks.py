"""``/health/services`` and ``/health/test_connection``: whether what the gateway needs is there, and a model answers.

What orchestrators ask is in ``operation.probes``. Paths and fields are LiteLLM's (``_health_endpoints.py``, 1.109.1,
read 2026-11-23).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import text

from ..._operations import ReadRules
from ...errors import LLMKitError
from . import fields
from .asking import Asked, Asking, refused

__all__ = ["router"]

router = APIRouter(tags=["health"])
_PATIENCE: Final = 2.0
"""Seconds in which what is there answers."""
_SERVICES: Final = ("database", "ledger", "redis")


# --- services ------------------------------------------------------------------------------------


@router.get("/health/services")
async def services(
    asking: Asked, service: Annotated[str, Query(min_length=1, max_length=64)]
) -> dict[str, Any]:
    """Whether a service answers: ``database``, ``ledger`` (of budgets), ``redis``. The answer's ``status`` tells."""
    if not asking.sees_all:
        asking.must_be_administrator()
    if service not in _SERVICES:
        raise refused(f"there is no service {service!r}: {', '.join(_SERVICES)}", "service")
    if service == "redis" and asking.gateway.settings.redis_url is None:
        raise refused("no Redis is set: redis_url says where it is", "service")
    well = await _answers(asking, service)
    message = f"{service} answers" if well else f"{service} does not answer in {_PATIENCE:.0f} s"
    return {"status": "success" if well else "error", "service": service, "message": message}


async def _answers(asking: Asking, service: str) -> bool:
    gateway = asking.gateway
    if service == "ledger":
        asked: Any = gateway.store.aperform(ReadRules(("readiness",)))
    elif service == "database":
        asked = gateway.database.read(lambda session: session.execute(text("SELECT 1")))
    else:
        # What routers share of their deployments is read there.
        asked = run_sync(gateway.calls.deployments, abandon_on_cancel=True)
    try:
        await asyncio.wait_for(asked, _PATIENCE)
    except Exception:  # noqa: BLE001 - whatever is wrong: who asks is told that it does not answer
        return False
    return True


# --- connections ---------------------------------------------------------------------------------


class Connection(fields.Said):
    """``/health/test_connection``: an entry of a ``model_list``, or the name of a model that there is."""

    mode: Literal["chat", "completion", "embedding", "responses"] | None = None
    litellm_params: dict[str, Any]
    model_info: dict[str, Any] = Field(default_factory=dict)


@router.post("/health/test_connection")
async def connection(asking: Asked, body: Connection) -> dict[str, Any]:
    """Ask a model something small, which costs a little; nothing of it is kept but the call."""
    asking.must_be_administrator()
    model = body.litellm_params.get("model")
    if not isinstance(model, str) or not model or "*" in model:
        raise refused("say which model: litellm_params.model, without *", "litellm_params.model")
    alone = body.litellm_params.keys() == {"model"}
    if alone and model in asking.gateway.calls.get_model_names():
        found = await asking.gateway.calls.ahealth_check(model)
    else:
        found = await _tried(asking, body)
    return _result(found)


async def _tried(asking: Asking, body: Connection) -> Any:
    """A deployment that is there as long as it is asked, under a name that nobody knows."""
    calls, name = asking.gateway.calls, f"test-{uuid4()}"
    mode = {} if body.mode is None else {"mode": body.mode}
    info = {k: v for k, v in body.model_info.items() if k not in {"id", "db_model"}}
    entry = {
        "model_name": name,
        "litellm_params": body.litellm_params,
        "model_info": {**info, **mode, "id": name},
    }
    try:
        calls.upsert_deployment(entry)
    except LLMKitError as error:
        raise refused(str(error), "litellm_params") from None
    try:
        return await calls.ahealth_check(name)
    finally:
        calls.delete_deployment(name)


def _result(found: Any) -> dict[str, Any]:
    ill = [one for one in found if not one.healthy]
    shown = [{"model": one.model, "seconds": round(one.seconds, 3)} for one in found]
    result: dict[str, Any] = {"endpoints": shown}
    if ill:
        result["error"] = ill[0].error
    return {"status": "error" if ill else "success", "result": result}
