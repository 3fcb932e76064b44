"""The gateway's cache of answers, for its administrator: ``/cache/ping``, ``/cache/delete``, ``/cache/flushall``.

Paths and fields are LiteLLM's (litellm/proxy/caching_routes.py, read 2026-11-23). What is kept, and for whom, is the
cache's affair.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final

from anyio.to_thread import run_sync
from fastapi import APIRouter
from pydantic import Field

from ..._entries import Clear, Keep, Look
from ...cache import Cache, MemoryEntries, RedisEntries, SQLiteEntries
from ...errors import ConfigurationError
from ..failure import Refused
from . import fields
from .asking import Asked, refused

__all__ = ["router"]

router = APIRouter(tags=["caching"], prefix="/cache")
_TYPES: Final = ((MemoryEntries, "local"), (SQLiteEntries, "disk"), (RedisEntries, "redis"))
"""What LiteLLM calls these stores."""
_BRIEF: Final = 5.0


class Answers(fields.Said):
    """``/cache/delete``: which answers, as ``x-litellm-cache-key`` and the request log name them."""

    keys: Annotated[list[str], Field(min_length=1, max_length=1000)]


@router.get("/ping")
async def ping(asking: Asked) -> dict[str, Any]:
    """Whether an entry can be kept and read again; and what the cache was told to do."""
    asking.must_be_administrator()
    cache = _cache(asking)
    if not await run_sync(_works, cache):
        what = "the cache has not kept what it was given"
        raise Refused(503, what, "internal_server_error")
    return {
        "status": "healthy",
        "cache_type": _type(cache),
        "ping_response": True,
        "set_cache_response": "success",
        "litellm_cache_params": {
            "namespace": cache.namespace,
            "ttl": cache.ttl,
            "mode": f"default_{cache.mode}",
            "supported_call_types": sorted(cache.kinds),
        },
        "stats": dict(cache.stats),
    }


def _works(cache: Cache) -> bool:
    key = f"ping.{secrets.token_hex(8)}"
    cache.store.perform(Keep(key, b"ping", _BRIEF))
    found: bytes | None = cache.store.perform(Look((key,)))
    cache.store.perform(Clear(key))
    return found == b"ping"


@router.post("/delete")
async def delete(asking: Asked, body: Answers) -> dict[str, Any]:
    """Throw out these answers. ``deleted``: how many of them were there."""
    asking.must_be_administrator()
    cache = _shared(asking)
    try:
        found = await run_sync(lambda: [cache.forget(key) for key in dict.fromkeys(body.keys)])
    except ConfigurationError:
        raise refused("keys are what x-litellm-cache-key says of answers", "keys") from None
    return {"status": "success", "deleted": sum(found)}


@router.post("/flushall")
async def flush(asking: Asked) -> dict[str, Any]:
    """Throw out all answers, and nothing else that is in the same store. ``deleted``: how many there were."""
    asking.must_be_administrator()
    return {"status": "success", "deleted": await run_sync(_shared(asking).clear)}


def _cache(asking: Asked) -> Cache:
    cache: Cache | None = asking.gateway.calls.cache
    if cache is None:
        what = "there is no cache: litellm_settings: {cache: true} makes one"
        raise Refused(404, what, "not_found_error")
    return cache


def _shared(asking: Asked) -> Cache:
    """The cache, where what is thrown out here is thrown out in every worker."""
    cache = _cache(asking)
    if _type(cache) == "local" and asking.gateway.settings.workers > 1:
        what = "each worker has a cache of its own, and this is one of them"
        how = "give cache_params type disk or redis, or end all workers with SIGHUP"
        raise Refused(409, f"{what}: {how}", "bad_request_error")
    return cache


def _type(cache: Cache) -> str:
    return next((name for kind, name in _TYPES if isinstance(cache.store, kind)), "other")
