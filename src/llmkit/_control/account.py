"""What a call begins with: its account, and what else keeps one of it. What happens to that stands in ``settle``."""

from __future__ import annotations

from typing import Any

from .._call import CallInfo, keep_headers, keep_limits
from .job import Job
from .settle import Account

__all__ = ["account_of"]

_new = object.__new__


def account_of(job: Job) -> Account:
    """The account of a call that begins now."""
    info, way = _new(CallInfo), job.way
    # Field by field: every call makes one, and its __init__ with so many keywords takes twice as long.
    info.id, info.kind, info.transport = job.id, job.kind, job.transport
    if way is None:
        call = job.legs[0].call
        info.provider, info.model, info.group = call.provider, call.model, ""
    else:
        (info.provider, info.model), info.group = way.named, way.group
    info.started, info.seconds, info.first_chunk_seconds = job.clock.wall(), 0.0, None
    info.base_url = info.deployment = ""
    info.key_source = info.status_code = info.request_id = None
    info.attempts, info.ledger = [], ()
    keep_headers(info, {})
    keep_limits(info, {})
    info.raw = b""
    info.cache_key = info.saved_cache_cost = None
    info.cache_hit, info.mocked = False, job.mock is not None
    info.metadata, info.attributes = job.metadata, job.shown
    return Account(
        info,
        job.clock.now,
        job.abandon,
        stream=job.stream,
        heard=job.heard,
        catalogue=job.catalogue,
        holds=None if job.book is None else _holds(job),
        tab=None if job.desk is None else _tab(job),
    )


def _holds(job: Job) -> Any:
    if job.mock is not None:
        return None
    from .hold import Holds  # noqa: PLC0415 - only for who has a budget

    return Holds(job.book, one_store=job.one_store)


def _tab(job: Job) -> Any:
    if job.mock is not None:
        return None
    from .billing.tab import Tab  # noqa: PLC0415 - only for who bills

    return Tab(job)
