"""The most that a call can cost: which model's rates, which provider's allowances, and what was written of it.

Nothing is sent, fetched or asked for. The arithmetic is that of ``pricing``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from .. import catalogue, pricing
from .._call import Call
from .._http import HTTPRequest
from .job import Job, Leg
from .settle import model_of

__all__ = ["bound_of", "bounded"]


def bounded(job: Job, *, exact: bool = False) -> pricing.Cost | pricing.Unbounded:
    """The bound for one attempt at the first deployment of a call.

    Raises:
        InvalidRequestError, UnsupportedParamsError: the call cannot be written.
    """
    leg = job.legs[0]
    return bound_of(job, leg.call, _written(job, leg), exact=exact)


def _written(job: Job, leg: Leg) -> HTTPRequest | None:
    """The request, where nothing has to be fetched for it."""
    if job.media is not None:
        return None
    written: HTTPRequest = leg.wire.build(leg.call, leg.endpoint)
    return written


def bound_of(
    job: Job, call: Call, request: HTTPRequest | None, *, exact: bool = False
) -> pricing.Cost | pricing.Unbounded:
    """The bound for one attempt at a call that is ready to be sent."""
    name = call.model if call.priced_as is None else call.priced_as
    model = call.price or model_of(job.catalogue, call.provider, name)
    return pricing.bound(
        call,
        model,
        allowance=catalogue.allowance(call.provider, name),
        request=request,
        last=_last_day(job),
    )


def _last_day(job: Job) -> str:
    """The day on which the call has ended at the latest, wherever its prices change first."""
    ends = job.clock.wall() + job.timeouts.total + _AHEAD
    return datetime.fromtimestamp(ends, UTC).date().isoformat()


# Where the day begins first, it is this much later than in UTC.
_AHEAD = 14 * 3600
