"""What is kept of each attempt: its hold before it leaves, its limits, its entry when it has ended, its error.

The attempt itself is ``call``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._call import Attempt, Call
from .._flow import Consult, Deadlines, Flow, Notify, Opened, notify
from .._http import HTTPResponse
from .._ratelimit import retry_after
from .._secret import Secret
from ..errors import APIConnectionError, APIError, APITimeoutError, StreamInterruptedError
from ..events import AttemptFailed, AttemptStarted
from ..types.answer import Answer
from ..wires import Step
from .address import told_key
from .job import Job, Leg
from .settle import Account

if TYPE_CHECKING:
    from .need import Need

__all__ = [
    "Try",
    "complete",
    "ended",
    "explained",
    "failed",
    "held",
    "limited",
    "marked",
    "repeatable",
    "started",
    "told",
    "understood",
    "unseen",
]


_REDIRECT = 300
_tuple = tuple.__new__


@dataclass(slots=True)
class Try:
    waited: float
    until: float
    whole: bool
    """Whether its answer is the call's; otherwise the wire has more to ask."""
    counts: bool
    """Whether it is a try of its own: what goes well behind the first request is one with it."""


def failed(job: Job, account: Account, attempt: Attempt, error: APIError) -> Flow[None]:
    """An attempt has failed: what it held is free, or spent, before anything else is tried."""
    yield from account.pays()
    yield from notify(AttemptFailed(job.id, attempt, error))


def held(job: Job, account: Account, leg: Leg, step: Step, this: Try) -> Flow[tuple[Leg, Step]]:
    """Take what the attempt may cost at most out of its budgets, and tell billing; refused, it ends before it began."""
    if account.info.status_code is not None:
        account.unanswered()
    began, wall = job.clock.now(), job.clock.wall()
    try:
        if account.holds is None and "max_cost" not in leg.options:
            need = _need(job, leg, step)
        else:
            from .holding import holding  # noqa: PLC0415 - only for who has a budget

            need, step = yield from holding(job, account.holds, leg, step, this.until)
        if account.tab is not None:
            yield from account.tab.leaving(need, step.request.method)
    except APIError as error:
        complete(error, leg.call, account, None)
        attempt = ended(job, account, this, wall, began, error)
        yield from notify(AttemptFailed(job.id, attempt, error))
        raise
    if need.leg is not leg:
        account.leaving(need.leg, step.request.adjustments)
    return need.leg, step


def _need(job: Job, leg: Leg, step: Step) -> Need:
    from .need import Need  # noqa: PLC0415 - only for who bills

    return Need(job, leg, step.request)


def told(ask: Callable[[], Any], account: Account) -> Flow[Secret | None]:
    """What a function that the caller gave says the key is; from now on it is hidden."""
    secret = told_key((yield Consult(ask, ())))
    account.shows(secret)
    return secret


def started(job: Job, number: int, leg: Leg, step: Step) -> Flow[None]:
    """Tell of an attempt that begins."""
    # Without its query, which a caller may have put a credential into.
    address, call = step.request.url.partition("?")[0], leg.call
    asked = call.params, call.content
    yield Notify(AttemptStarted(job.id, number, call.provider, call.model, address, *asked))


def unseen(broken: StreamInterruptedError) -> APIConnectionError:
    """A stream broke before its first chunk: nobody has seen anything of it."""
    text = f"no answer: {broken.message}"
    return APIConnectionError(text, request_id=broken.request_id, sent="yes")


def repeatable(leg: Leg, step: Step) -> bool:
    """Whether a request may go out again when nobody knows what became of it."""
    if leg.provider.idempotency_header in step.request.headers:
        return True
    makes = leg.call.makes and step.request.method == "POST"
    return not makes if step.repeatable is None else step.repeatable


def ended(
    job: Job, account: Account, this: Try, wall: float, began: float, error: BaseException | None
) -> Attempt:
    info = account.info
    # In the order of its fields: every call makes one, and its own __new__ is three times as slow.
    attempt = _tuple(Attempt, (
        account.under_way or account.number(), info.provider, info.model, wall, job.clock.now() - began,
        None if error is None else type(error).__name__,
        getattr(error or info, "status_code", None),
        "yes" if error is None else getattr(error, "sent", "maybe"),
        this.waited, info.deployment,
    ))  # fmt: skip
    account.tried(attempt, error)
    return attempt


def marked(error: BaseException, account: Account, leg: Leg, step: Step, now: float) -> None:
    """Say of what an attempt ended with what its account knows, and hide what is secret."""
    account.failed(error, step.request.method)
    if isinstance(error, APIError):
        error.scrub(account.secrets)
        complete(error, leg.call, account, now)


def complete(error: APIError, call: Call, account: Account, now: float | None) -> None:
    """Say on an error what only the call knows."""
    error.provider = error.provider or call.provider
    error.model = error.model or call.model
    error.request_id = error.request_id or account.info.request_id
    if now is not None and error.retry_after is None and not isinstance(error, APIConnectionError):
        error.retry_after = retry_after(account.info.headers, now)


def limited(job: Job, leg: Leg, until: float) -> Deadlines:
    """Until when an exchange may take. Raises APITimeoutError where that is over."""
    limits, call = leg.timeouts or job.timeouts, leg.call
    if until <= job.clock.now():
        raise APITimeoutError(
            f"the call's {limits.total:g} s were used up", provider=call.provider, model=call.model
        )
    return Deadlines(until, limits.connect, limits.first_token, limits.idle)


def explained(response: HTTPResponse) -> HTTPResponse:
    """A redirect's body says nothing; where it points does. llmkit follows none: they may leave with the key."""
    target = response.headers.get("location")
    if target is None:
        return response
    text = f"the provider redirects to {target}, which is not followed; set base_url to it".encode()
    return HTTPResponse(response.status, response.headers, text)


def understood(
    account: Account, leg: Leg, outcome: HTTPResponse | Opened, *, whole: bool
) -> Answer | HTTPResponse | Opened:
    """What came, as far as the wire reads it. Raises the error that it says."""
    if isinstance(outcome, Opened):
        account.answered(outcome.response)
        return outcome
    account.answered(outcome)
    if outcome.status >= _REDIRECT:
        raise leg.wire.error(leg.call, explained(outcome))
    return leg.wire.parse(leg.call, outcome) if whole else outcome
