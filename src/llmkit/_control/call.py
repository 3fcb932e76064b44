"""The flow of one call: hooks, attempts, retries, fallbacks, stream, settlement; once for both colours.

It decides and yields; a driver performs. Whatever happens, one settlement is stored and one ``CallFinished`` is told.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._call import Adjustment, Call, ChatCall
from .._flow import (
    Cancelled,
    Flow,
    Notify,
    Opened,
    Send,
    acquire,
    consult,
    notify,
    relay,
    sleep,
)
from .._http import Endpoint, HTTPRequest, HTTPResponse, merge_headers
from .._settlements import Outcome
from ..errors import APIError, InvalidRequestError, NotEntitledError, StreamInterruptedError
from ..events import (
    CallStarted,
    Diverted,
    FallingBack,
    RetryScheduled,
    StreamStarted,
)
from ..providers import at_once_of
from ..types.answer import Answer
from ..types.chat import ChatCompletion
from ..wires import Step
from .account import account_of
from .attempts import (
    Try,
    complete,
    ended,
    failed,
    held,
    limited,
    marked,
    repeatable,
    started,
    told,
    understood,
    unseen,
)  # fmt: skip
from .happening import Happening
from .job import Diversion, Job, Leg, authorized, identity
from .media import fetched
from .retry import ONCE, RetryPolicy, again, worth_it
from .session import Session
from .settle import Account
from .structured import parse_answer

__all__ = ["consulted", "on_leg", "perform", "prepared", "read", "written"]

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
        if job.hooks or job.media is not None or leg.where is not None:
            ready.append((yield from _prepare(job, position, leg)))
        else:
            ready.append(_request(job, position, leg, leg.call, leg.endpoint))
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
    endpoint = leg.endpoint
    if leg.where is not None and leg.provider.locate is not None:
        endpoint = yield from leg.provider.locate(leg.where)
    return _request(job, position, leg, call, endpoint)


def _request(
    job: Job, position: int, leg: Leg, call: Call, endpoint: Endpoint
) -> tuple[Leg, HTTPRequest]:
    headers = call.extra_headers
    if (name := leg.provider.idempotency_header) is not None:
        mark = {name: f"{job.id}-{position}"}
        headers = merge_headers(headers, mark) if headers else mark
    if call is leg.call and endpoint is leg.endpoint:
        leg.headers = headers
    else:
        leg = _for(leg, call, endpoint, headers)
    request = leg.wire.build(leg.call, endpoint)
    return leg, request.with_headers(headers) if headers else request


def _for(leg: Leg, call: Call, endpoint: Endpoint, headers: Mapping[str, str]) -> Leg:
    """The leg, for what hooks, fetched media and a search for the address have made of its call."""
    if not call.facts and (facts := leg.provider.facts_at(endpoint.base_url)):
        call = replace(call, facts=facts)
    made = (leg.key, leg.key_source, call, leg.options, leg.where, headers)
    return Leg(leg.provider, leg.wire, endpoint, *made, leg.deployment, leg.timeouts)


def perform(job: Job) -> Flow[Any]:
    """Run the call; the outcome is the answer, a stream's once it has ended."""
    account = account_of(job)
    try:
        try:
            if job.begins:
                yield Notify(CallStarted(job.id, *job.named, job.stream, job.kind, job.first_url))
            completion = yield from _answered(job, account)
            yield from account.settle("mocked" if account.mocked else "completed", completion)
            if job.cache is not None:
                # It has been paid for, whatever becomes of keeping it.
                yield from job.cache.keep(job, account, completion)
        except GeneratorExit:
            raise
        except BaseException as error:
            yield from _failed(account, error)
            if job.cache is not None:
                yield from job.cache.failed(job, account)
            raise
        if job.hooks or job.wanted is not None:
            return (yield from _finished(job, account, completion))
        return completion
    except BaseException:
        # An interrupt within the settlement itself: nothing more can be done here.
        account.abandon()
        if job.cache is not None:
            job.cache.left(kept=False, failed=True)
        raise


def _failed(account: Account, error: BaseException) -> Flow[None]:
    if isinstance(error, Cancelled):
        account.left(error.sent)
        ended: Outcome = "closed" if error.reason == "closed" else "cancelled"
        yield from account.settle(ended, account.partial())
        return
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
            # It may change it.
            completion._keep(_as_sent=False)  # noqa: SLF001 - one's own answer
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
    if job.mock is not None or job.cache is not None:
        from .unasked import unasked  # noqa: PLC0415 - most calls are asked for

        ready, found = yield from unasked(job, account, ready)
        if found is not None:
            return (yield from read(job, account, found))
    give_back = None
    if job.limit is not None:
        give_back = yield from acquire(job.limit, job.clock.now() + job.timeouts.total)
    try:
        if job.way is not None:
            return (yield from job.way.asked(job, account))  # type: ignore[no-any-return]
        result = yield from _through_legs(job, account, ready)
        if isinstance(result, Opened):
            return (yield from read(job, account, result))
        answer = account.priced(result)
    finally:
        if give_back is not None:
            try:
                give_back()
            except BaseException:
                # An interrupt; somebody may keep it for long, and with it this frame.
                give_back()
                raise
    # Not returned above: an interrupt behind a call whose value is returned would find the place taken for good.
    return answer


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
            if account.holds is None:
                return (yield from on_leg(job, account, leg, request))
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
    assert account.holds is not None  # noqa: S101 - without a budget nothing is diverted
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
    now = job.clock.now()
    until = now + job.timeouts.total - account.elapsed()
    if leg.timeouts is not None:
        until = min(until, now + leg.timeouts.total)
    if account.tab is not None and account.tab.counts_rows(leg.call):
        return _counted(job, account, leg, request, until, waited)
    if getattr(leg.wire, "steps", None) is not None:
        return _asked(job, account, leg, request, until, waited)
    flow: Any
    step = Step(request, stream=True)
    if job.way is not None:
        # Where a router chooses, nothing is asked for again here: it rather asks somebody else.
        flow = _attempt(job, account, leg, step, Try(waited, until, whole=True, counts=True))
    else:
        flow = _tried(job, account, leg, step, until, waited=waited)
    return flow  # type: ignore[no-any-return]


def _counted(
    job: Job, account: Account, leg: Leg, request: HTTPRequest, until: float, waited: float
) -> Flow[Answer | Opened]:
    assert account.tab is not None  # noqa: S101 - it is what counts
    account.tab.batch = yield from _batch(job, account, leg, until)
    return (yield from _asked(job, account, leg, request, until, waited))


def _asked(
    job: Job, account: Account, leg: Leg, request: HTTPRequest, until: float, waited: float
) -> Flow[Answer | Opened]:
    steps = getattr(leg.wire, "steps", None)
    flow: Any
    if steps is None:
        flow = _tried(job, account, leg, Step(request, stream=True), until, waited=waited)
    else:
        flow = _stepped(job, account, leg, steps(leg.call, leg.endpoint), until)
    return flow  # type: ignore[no-any-return]


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
    this = Try(waited, until, whole, first)
    try:
        return (yield from _attempt(job, account, leg, step, this))
    except APIError as error:
        # Where a router would rather ask somebody else, only what has begun is asked for again here.
        policy = ONCE if first and job.way is not None else job.policy
        worth = worth_it(policy, repeatable(leg, step))
        if not worth(error) or policy.retries == 0:
            raise
        failure = error
    return (yield from _retried(job, account, leg, step, this, policy, worth, failure))


def _retried(
    job: Job,
    account: Account,
    leg: Leg,
    step: Step,
    this: Try,
    policy: RetryPolicy,
    worth: Callable[[BaseException], bool],
    failure: APIError,
) -> Flow[Answer | HTTPResponse | Opened]:
    def attempt(number: int, slept: float) -> Flow[Answer | HTTPResponse | Opened]:
        counts = this.counts or number > 1
        later = Try(slept or this.waited, this.until, this.whole, counts)
        return _attempt(job, account, leg, step, later)

    def scheduled(number: int, seconds: float, error: APIError) -> Flow[None]:
        return notify(RetryScheduled(job.id, number, seconds, error))

    def left() -> float:
        return this.until - job.clock.now()

    return again(attempt, policy, worth, left, scheduled, failure)


def _attempt(
    job: Job, account: Account, leg: Leg, step: Step, this: Try
) -> Flow[Answer | HTTPResponse | Opened]:
    """One request and its answer."""
    account.leaving(leg, step.request.adjustments, None if callable(leg.key) else leg.key)
    # Before anything is held: a function that fails here leaves no hold to another try, which may be a longer one.
    secret = (yield from told(leg.key, account)) if callable(leg.key) else leg.key
    clock, watched = job.clock, account.holds is not None or account.tab is not None
    if watched or "max_cost" in leg.options:
        leg, step = yield from held(job, account, leg.with_key(secret), step, this)
    number = account.number()
    if job.begins and this.counts:
        yield from started(job, number, leg, step)
    began, wall = clock.now(), clock.wall()
    error: BaseException | None = None
    try:
        # Of nobody's answer yet, there is nothing to be forgotten.
        if watched or account.info.status_code is not None:
            account.asking()
        deadlines = limited(job, leg, this.until)
        auth = leg.provider.auth_of(leg.key_source)
        at_once = at_once_of(type(auth))
        if at_once is None or (signed := at_once(auth, step.request, secret)) is None:
            who = identity(job, leg, secret, deadlines, account.shows)
            signed = yield from authorized(job, auth, step.request, who)
        decoder = leg.wire.decoder(leg.call) if job.stream and step.stream else None
        try:
            outcome = yield Send(signed, deadlines, decoder)
        except StreamInterruptedError as broken:
            raise unseen(broken) from None
        answer = understood(account, leg, outcome, whole=this.whole)
    except BaseException as failure:
        error = failure
        marked(failure, account, leg, step, clock.wall())
        raise
    finally:
        if this.counts or error is not None:
            try:
                attempt = ended(job, account, this, wall, began, error)
            except BaseException:
                # An interrupt: what the attempt has come to is not to be forgotten.
                account.left("maybe")
                raise
        if isinstance(error, APIError):
            yield from failed(job, account, attempt, error)
        # It knows this frame: what both hold would wait for the collector.
        error = None
    return answer
