"""The flow of one call: hooks, attempts, retries, fallbacks, stream, settlement; once for both colours.

It decides and yields; a driver performs. Whatever happens, one settlement is stored and one ``CallFinished`` is told.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._call import Adjustment, Call, CallInfo, ChatCall
from .._flow import (
    Cancelled,
    Flow,
    Opened,
    acquire,
    consult,
    notify,
    relay,
    send,
    sleep,
)
from .._http import Endpoint, HTTPRequest, HTTPResponse, merge_headers
from .._operations import Outcome
from .._secret import Secret
from ..errors import (
    APIConnectionError,
    APIError,
    InvalidRequestError,
    NotEntitledError,
    StreamInterruptedError,
)
from ..events import (
    AttemptStarted,
    CallStarted,
    Diverted,
    FallingBack,
    RetryScheduled,
    StreamStarted,
)
from ..providers import unasked
from ..types.answer import Answer
from ..types.chat import ChatCompletion
from ..wires import Step
from .address import Key, told_key
from .attempts import Try, complete, ended, explained, failed, held, limited
from .happening import Happening
from .job import Diversion, Job, Leg, identity
from .media import fetched
from .mock import mocked
from .retry import ONCE, retrying
from .session import Session
from .settle import Account
from .structured import parse_answer

__all__ = ["consulted", "on_leg", "perform", "prepared", "read", "written"]

_REDIRECT = 300
_FINAL = (InvalidRequestError, NotEntitledError)
"""Whoever else is asked, they are as wrong."""
GoesOn = Callable[[Any, APIError], Flow[Opened]]
"""Given a stream's session and what broke it: what it goes on with. Raises the same where it does not."""


def prepared(job: Job) -> Flow[list[tuple[Leg, HTTPRequest]]]:
    """Consult the hooks and write each leg's request: mistakes come to light before anything is sent."""
    if job.way is not None:
        return (yield from job.way.outlook(job))  # type: ignore[no-any-return]
    ready = []
    for position, leg in enumerate(job.legs):
        ready.append((yield from _prepare(job, position, leg)))
    return ready


def _prepare(job: Job, position: int, leg: Leg) -> Flow[tuple[Leg, HTTPRequest]]:
    call = (yield from consulted(job, leg.call)) if job.hooks else leg.call
    return (yield from written(job, position, leg, call))


def consulted(job: Job, call: Call) -> Flow[Call]:
    """The call as its hooks want it."""
    for hook in job.hooks:
        if (before := getattr(hook, "before_call", None)) is not None:
            call = (yield from consult(before, call)) or call
    return call


def written(job: Job, position: int, leg: Leg, call: Call) -> Flow[tuple[Leg, HTTPRequest]]:
    """The request of this leg for a call, and the leg as it is then."""
    if job.media is not None and isinstance(call, ChatCall):
        call = yield from fetched(call, leg.wire.reads_url, job.media)
    headers = call.extra_headers
    if (name := leg.provider.idempotency_header) is not None:
        headers = merge_headers(headers, {name: f"{job.id}-{position}"})
    endpoint = leg.endpoint
    if leg.where is not None and leg.provider.locate is not None:
        endpoint = yield from leg.provider.locate(leg.where)
    ready = _for(leg, call, endpoint, headers)
    return ready, ready.wire.build(call, endpoint).with_headers(headers)


def _for(leg: Leg, call: Call, endpoint: Endpoint, headers: Mapping[str, str]) -> Leg:
    """The leg, for what hooks, fetched media and a search for the address have made of its call."""
    if (facts := leg.provider.facts_at(endpoint.base_url)) and not call.facts:
        call = replace(call, facts=facts)
    if call is leg.call and endpoint is leg.endpoint and not headers:
        return leg
    made = (leg.key, leg.key_source, call, leg.options, leg.where, headers)
    return Leg(leg.provider, leg.wire, endpoint, *made, leg.deployment, leg.timeouts)


def perform(job: Job) -> Flow[Any]:
    """Run the call; the outcome is the answer, a stream's once it has ended."""
    provider, model = job.named
    info = CallInfo(
        id=job.id,
        provider=provider,
        model=model,
        transport=job.transport,
        started=job.clock.wall(),
        mocked=job.mock is not None,
        metadata=job.metadata,
        kind=job.kind,
        attributes=job.shown,
        group=job.group,
    )
    account = Account(
        info,
        job.clock.now,
        job.abandon,
        stream=job.stream,
        heard=job.heard,
        catalogue=job.catalogue,
        holds=_holds(job),
        tab=None if job.desk is None else _tab(job),
    )
    try:
        return (yield from _settled(job, account))
    except BaseException:
        # An interrupt within the settlement itself: nothing more can be done here.
        account.abandon()
        raise


def _holds(job: Job) -> Any:
    if job.book is None or job.mock is not None:
        return None
    from .hold import Holds  # noqa: PLC0415 - only for who has a budget

    return Holds(job.book)


def _tab(job: Job) -> Any:
    if job.mock is not None:
        return None
    from .billing.tab import Tab  # noqa: PLC0415 - only for who bills

    return Tab(job)


def _settled(job: Job, account: Account) -> Flow[Answer]:
    try:
        if job.heard:
            yield from notify(CallStarted(job.id, *job.named, job.stream, job.kind))
        completion = yield from _answered(job, account)
        yield from account.settle("mocked" if account.mocked else "completed", completion)
    except GeneratorExit:
        raise
    except Cancelled as cancelled:
        account.left(cancelled.sent)
        outcome: Outcome = "closed" if cancelled.reason == "closed" else "cancelled"
        yield from account.settle(outcome, account.partial())
        raise
    except BaseException as error:
        yield from _failed(account, error)
        raise
    return (yield from _finished(job, account, completion))


def _failed(account: Account, error: BaseException) -> Flow[None]:
    partial = account.partial()
    if isinstance(error, APIError):
        error.attempts = tuple(account.info.attempts)
        error.partial = partial
    broken: Outcome = "failed" if partial is None else "interrupted"
    outcome: Outcome = broken if isinstance(error, Exception) else "cancelled"
    yield from account.settle(outcome, partial, error)


def _finished(job: Job, account: Account, completion: Answer) -> Flow[Answer]:
    """What may still refuse the answer comes after its settlement: it has been paid for."""
    if job.wanted is not None and isinstance(completion, ChatCompletion):
        parse_answer(completion, job.wanted)
    for hook in job.hooks:
        if (after := getattr(hook, "after_call", None)) is not None:
            completion = (yield from consult(after, account.call, completion)) or completion
    return completion


def _answered(job: Job, account: Account) -> Flow[Answer]:
    ready: Sequence[tuple[Leg, HTTPRequest]] = ()
    try:
        if job.way is None or job.mock is not None:
            ready = yield from prepared(job)
    except Cancelled as cancelled:
        # What may have left was not the call's: it asked for what the prompt points at.
        cancelled.sent = "no"
        raise
    if job.mock is not None:
        account.mocked = True
        leg, request = ready[0]
        account.leaving(leg, request.adjustments)
        return (yield from read(job, account, mocked(leg.call, job.mock)))
    if job.limit is None:
        return (yield from _asked(job, account, ready))
    give_back = yield from acquire(job.limit, job.clock.now() + job.timeouts.total)
    try:
        return (yield from _asked(job, account, ready))
    finally:
        give_back()


def _asked(job: Job, account: Account, ready: Sequence[tuple[Leg, HTTPRequest]]) -> Flow[Answer]:
    if job.way is not None:
        return (yield from job.way.asked(job, account))  # type: ignore[no-any-return]
    result = yield from _through_legs(job, account, ready)
    return (yield from read(job, account, result))


def read(
    job: Job, account: Account, result: Answer | Opened, goes_on: GoesOn | None = None
) -> Flow[Answer]:
    """Read a stream to its end; a whole answer is there already. ``goes_on``: what may mend one that breaks."""
    if not isinstance(result, Opened):
        return account.priced(result)
    assert account.call is not None  # noqa: S101 - a stream belongs to a call
    session = _session(account.call, result, account)
    account.info.first_chunk_seconds = account.elapsed()
    if job.heard:
        yield from notify(StreamStarted(job.id, account.elapsed()))
    while True:
        try:
            yield from relay(result, session)
            return session.result()
        except APIError as error:
            error.scrub(account.secrets)
            complete(error, account.call, account, None)
            if goes_on is None:
                raise
            result = yield from goes_on(session, error)


def _session(call: Call, opened: Opened, account: Account) -> Session | Happening:
    if isinstance(call, ChatCall):
        return Session(call, opened, account)
    return Happening(call, opened, account)


def _through_legs(
    job: Job, account: Account, ready: Sequence[tuple[Leg, HTTPRequest]]
) -> Flow[Answer | Opened]:
    for position, (leg, request) in enumerate(ready):
        try:
            return (yield from _on_leg_or_cheaper(job, account, leg, request, position))
        except APIError as error:
            account.given_up()
            yield from account.pays()
            if position + 1 == len(ready) or isinstance(error, _FINAL):
                raise
            following = ready[position + 1][0].call
            yield from notify(FallingBack(job.id, following.provider, following.model, error))
    raise AssertionError("a call has at least one leg")


def _on_leg_or_cheaper(
    job: Job, account: Account, leg: Leg, request: HTTPRequest, position: int
) -> Flow[Answer | Opened]:
    """Try one deployment, or the one that a budget says shall answer in its place."""
    if account.holds is None:
        return (yield from on_leg(job, account, leg, request))
    account.holds.diverting = job.divert is not None
    try:
        return (yield from on_leg(job, account, leg, request))
    except Diversion as other:
        # Not the exception itself: it knows this frame.
        model, why = other.model, (other.scope, other.threshold)
    assert job.divert is not None  # noqa: S101 - nobody would have been told otherwise
    account.holds.diverting = False
    cheaper = job.divert(model)
    # Its own number: under the key of another request it would get that one's answer.
    leg, request = yield from _prepare(job, len(job.legs) + position, cheaper)
    yield from notify(Diverted(job.id, leg.call.provider, leg.call.model, *why))
    return (yield from on_leg(job, account, leg, request))


def on_leg(
    job: Job, account: Account, leg: Leg, request: HTTPRequest, waited: float = 0.0
) -> Flow[Answer | Opened]:
    """Try one deployment, as often as the policy says; ``waited``: seconds that were slept before."""
    until = job.clock.now() + job.timeouts.total - account.elapsed()
    if leg.timeouts is not None:
        until = min(until, job.clock.now() + leg.timeouts.total)
    if account.tab is not None and account.tab.counts_rows(leg.call):
        account.tab.batch = yield from _batch(job, account, leg, until)
    steps = getattr(leg.wire, "steps", None)
    if steps is not None:
        answer: Answer | Opened
        answer = yield from _stepped(job, account, leg, steps(leg.call, leg.endpoint), until)
        return answer
    step = Step(request, stream=True)
    outcome = yield from _tried(job, account, leg, step, until, waited=waited)
    assert not isinstance(outcome, HTTPResponse)  # noqa: S101 - it was parsed
    return outcome


def _batch(job: Job, account: Account, leg: Leg, until: float) -> Flow[Any]:
    """The batch that results are asked of: its rows are billed for when it had ended, whenever they are looked at."""
    from .billing.rows import of_batch  # noqa: PLC0415 - only for who bills for rows

    leg = of_batch(leg)
    step = Step(leg.wire.build(leg.call, leg.endpoint).with_headers(leg.headers))
    return (yield from _tried(job, account, leg, step, until))


def _stepped(job: Job, account: Account, leg: Leg, steps: Any, until: float) -> Flow[Any]:
    """A call of several requests: each is tried by itself, the wire says what follows. Its ledger has those of all."""
    changes: list[Adjustment] = []
    try:
        step = next(steps)
        for position in itertools.count():
            if step.wait > 0:
                yield from sleep(min(step.wait, max(0.0, until - job.clock.now())))
            step.request = step.request.with_headers(_headers_of(leg, position))
            changes += [change for change in step.request.adjustments if change not in changes]
            step.request.adjustments = tuple(changes)
            first = position == 0
            if not first:
                account.went_well()
            outcome = yield from _tried(job, account, leg, step, until, whole=False, first=first)
            if isinstance(outcome, Opened):
                return outcome
            step = steps.send(outcome)
    except StopIteration as done:
        return done.value
    except APIError as error:
        error.scrub(account.secrets)
        complete(error, leg.call, account, job.clock.wall())
        raise


def _headers_of(leg: Leg, position: int) -> Mapping[str, str]:
    """What goes along with a step. Each is a request of its own: under one key they would get one answer."""
    name = leg.provider.idempotency_header
    if not position or name is None or name not in leg.headers:
        return leg.headers
    return {**leg.headers, name: f"{leg.headers[name]}-{position}"}


def _tried(
    job: Job,
    account: Account,
    leg: Leg,
    step: Step,
    until: float,
    *,
    whole: bool = True,
    first: bool = True,
    waited: float = 0.0,
) -> Flow[Answer | HTTPResponse | Opened]:
    def attempt(number: int, slept: float) -> Flow[Answer | HTTPResponse | Opened]:
        this = Try(slept or waited, until, whole, first or number > 1)
        return _attempt(job, account, leg, step, this)

    def scheduled(number: int, seconds: float, error: APIError) -> Flow[None]:
        return notify(RetryScheduled(job.id, number, seconds, error))

    def left() -> float:
        return until - job.clock.now()

    def repeatable() -> bool:
        return _repeatable(leg, step)

    # Where a router would rather ask somebody else, only what has begun is asked for again here.
    policy = ONCE if first and job.way is not None else job.policy
    return (yield from retrying(attempt, policy, left, scheduled, repeatable))


def _repeatable(leg: Leg, step: Step) -> bool:
    """Whether a request may go out again when nobody knows what became of it."""
    if leg.provider.idempotency_header in step.request.headers:
        return True
    makes = leg.call.makes and step.request.method == "POST"
    return not makes if step.repeatable is None else step.repeatable


def _attempt(
    job: Job, account: Account, leg: Leg, step: Step, this: Try
) -> Flow[Answer | HTTPResponse | Opened]:
    account.leaving(leg, step.request.adjustments)
    # Before anything is held: a function that fails here leaves no hold to another try, which may be a longer one.
    secret = yield from _secret(leg.key)
    account.shows(secret)
    if account.holds is not None or account.tab is not None or "max_cost" in leg.options:
        leg = leg if leg.key is secret else replace(leg, key=secret)
        leg, step = yield from held(job, account, leg, step, this)
    call, request = leg.call, step.request
    number = account.number()
    if job.heard and this.counts:
        # Without its query, which a caller may have put a credential into.
        address = request.url.partition("?")[0]
        yield from notify(AttemptStarted(job.id, number, call.provider, call.model, address))
    began, wall = job.clock.now(), job.clock.wall()
    error: BaseException | None = None
    try:
        return (yield from _exchange(job, account, leg, step, secret, this))
    except BaseException as failure:
        error = failure
        account.failed(failure, request.method)
        if isinstance(failure, APIError):
            failure.scrub(account.secrets)
            complete(failure, call, account, job.clock.wall())
        raise
    finally:
        if this.counts or error is not None:
            attempt = ended(job, account, this, wall, began, error)
        if isinstance(error, APIError):
            yield from failed(job, account, attempt, error)
        # It knows this frame: what both hold would wait for the collector.
        error = None


def _secret(key: Key) -> Flow[Secret | None]:
    if not callable(key):
        return key
    return told_key((yield from consult(key)))


def _exchange(
    job: Job, account: Account, leg: Leg, step: Step, secret: Secret | None, this: Try
) -> Flow[Answer | HTTPResponse | Opened]:
    """One request and its answer."""
    account.asking()
    deadlines = limited(job, leg, this.until)
    who = identity(job, leg, secret, deadlines, account.shows)
    signing = leg.provider.auth_of(leg.key_source).authorize(step.request, who)
    # Where no provider is asked, nobody is asked for a credential either.
    known = unasked(signing, step.request) or step.request if job.keyless else None
    signed = known or (yield from signing)
    decoder = leg.wire.decoder(leg.call) if job.stream and step.stream else None
    try:
        outcome = yield from send(signed, deadlines, decoder)
    except StreamInterruptedError as error:
        # Before its first chunk: nobody has seen anything of it.
        raise APIConnectionError(
            f"no answer: {error.message}", request_id=error.request_id, sent="yes"
        ) from None
    response = outcome.response if isinstance(outcome, Opened) else outcome
    account.answered(response)
    if isinstance(outcome, Opened):
        return outcome
    if response.status >= _REDIRECT:
        raise leg.wire.error(leg.call, explained(response))
    return leg.wire.parse(leg.call, response) if this.whole else response
