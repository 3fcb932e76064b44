"""Calls that may be answered without asking anybody: by what they say themselves, or by what the cache has."""

from __future__ import annotations

from collections.abc import Sequence

from .._flow import Flow, Opened
from .._http import HTTPRequest
from ..types.answer import Answer
from .job import Job, Leg
from .mock import mocked
from .settle import Account

__all__ = ["unasked"]

_Ready = Sequence[tuple[Leg, HTTPRequest]]


def unasked(
    job: Job, account: Account, ready: _Ready
) -> Flow[tuple[_Ready, Answer | Opened | None]]:
    """The requests to make, and the answer that makes them needless, where there is one."""
    if job.mock is not None:
        account.mocked = True
        leg, request = ready[0]
        account.leaving(leg, request.adjustments)
        return ready, mocked(leg.call, job.mock)
    if job.way is None:
        # A fallback's answer is kept as its own.
        found, rest = (yield from job.cache.find(job, account, ready[:1])), ready[1:]
        return [*found.ready, *map(job.cache.taped, rest)], found.answer
    found = yield from job.cache.find(job, account, (yield from job.way.own(job)))
    if found.answer is None:
        job.way.takes(found.ready)
    return ready, found.answer
