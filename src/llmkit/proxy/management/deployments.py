"""Deployments that the database keeps, in every process's router: at its start, and within a second of a change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...errors import LLMKitError
from ..data.models import Model
from ..gateway import Gateway

__all__ = ["changing", "entry_of", "kept_in", "reconcile", "running"]

_log = logging.getLogger("llmkit.proxy")
_EVERY: Final = 1.0
"""Seconds between two looks at what other processes have changed."""
_KEPT: Final = "db_model"
"""What LiteLLM says in ``model_info`` of deployments that are in the database."""


_CHANGING: Final[WeakKeyDictionary[Any, asyncio.Lock]] = WeakKeyDictionary()


def changing(gateway: Gateway) -> asyncio.Lock:
    """Held by whoever changes what the router has: nobody takes away what another is just adding."""
    return _CHANGING.setdefault(gateway.calls, asyncio.Lock())


def entry_of(row: Model, params: Mapping[str, Any]) -> dict[str, Any]:
    """A kept deployment as an entry of a ``model_list``."""
    told = {"id": row.model_id, _KEPT: True, "updated_at": _when(row.updated_at)}
    return {
        "model_name": row.model_name,
        "litellm_params": dict(params),
        "model_info": {**(row.model_info or {}), **told},
    }


def kept_in(gateway: Gateway) -> dict[str, Any]:
    """The kept deployments that this process's router has: when each was changed, by its id."""
    entries = gateway.calls.get_model_list()
    infos = [entry.get("model_info") or {} for entry in entries]
    return {info["id"]: info.get("updated_at") for info in infos if info.get(_KEPT)}


def _when(at: datetime) -> str:
    return at.replace(tzinfo=UTC).isoformat()


async def reconcile(gateway: Gateway) -> None:
    """Let the router have what the database has. What cannot be read or is wrong is left out, and logged.

    ``changing`` is held by who asks.
    """
    rows = await gateway.database.read(lambda session: list(session.scalars(select(Model))))
    have = kept_in(gateway)
    for gone in have.keys() - {row.model_id for row in rows}:
        gateway.calls.delete_deployment(gone)
    for row in rows:
        if have.get(row.model_id) != _when(row.updated_at):
            _take(gateway, row)


def _take(gateway: Gateway, row: Model) -> None:
    from .sealing import unsealed  # noqa: PLC0415 - few keep any, and what it needs is large

    try:
        entry = entry_of(row, unsealed(gateway.settings, row.litellm_params))
        gateway.calls.upsert_deployment(entry)
    except (LLMKitError, ValueError) as error:
        _log.error("the model %s (%s) is left out: %s", row.model_id, row.model_name, error)


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[None]:
    """What lives as long as the gateway does."""
    async with changing(gateway):
        await reconcile(gateway)
    task = asyncio.create_task(_keep_up(gateway), name="llmkit-proxy-models")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep_up(gateway: Gateway) -> None:
    seen: Any = None
    while True:
        try:
            found = await gateway.database.read(_version)
            if found != seen:
                async with changing(gateway):
                    await reconcile(gateway)
                seen = found
        except Exception:  # noqa: BLE001 - whatever it is, the next look may succeed
            # The database is away for a time: what is known goes on.
            _log.exception("models cannot be looked up")
        await asyncio.sleep(_EVERY)


def _version(session: Session) -> tuple[Any, ...]:
    row = session.execute(select(func.count(), func.max(Model.updated_at)).select_from(Model)).one()
    return tuple(row)
