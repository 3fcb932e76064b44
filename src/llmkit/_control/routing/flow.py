"""The flow of a router's call: it does what its route says, and leaves every place that it is given.

Who is asked is the ``Route``'s affair, how one deployment is asked is ``call``'s. Nothing here chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..._flow import Cancelled, Flow, Opened, acquire, notify, sleep
from ..._http import HTTPRequest
from ..._operations import Admit
from ...errors import APIError, ConfigurationError
from ...events import Diverted, FallingBack, Queued, Rerouted, RetryScheduled
from ...types.answer import Answer
from .. import call as calls
from ..job import Diversion, Job, Leg
from ..mock import mocked
from ..settle import Account
from .places import Places
from .steps import Ask, Go, Wait

if TYPE_CHECKING:
    from .legs import Asking, Legs
    from .route import Route
    from .shared import Shared

__all__ = ["Way"]

_REFUSALS: Final = (APIError, ConfigurationError)


class Way:
    """One call's way through a router.

    Args:
        route: who is asked.
        legs: what makes requests of them.
        asking: the call.
        named: provider and model of the first choice.
        group: what was asked for.
        line: where those wait who need a place; ``priority``: how far ahead.
        shared: the store that other processes ask, too; ``None`` where there is none.
        reroute: what makes the route for another group, where a budget wants one.
    """

    __slots__ = (
        "_asking",
        "_began",
        "_diverted",
        "_error",
        "_legs",
        "_line",
        "_places",
        "_priority",
        "_ready",
        "_reroute",
        "_route",
        "_shared",
        "_turn",
        "group",
        "named",
    )

    def __init__(
        self,
        route: Route,
        legs: Legs,
        asking: Asking,
        *,
        named: tuple[str, str],
        group: str,
        line: Any,
        priority: int,
        shared: Shared | None,
        now: Callable[[], float],
        reroute: Callable[[str], Route],
    ) -> None:
        self._route, self._legs, self._asking = route, legs, asking
        self.named, self.group = named, group
        self._line, self._priority, self._reroute = line, priority, reroute
        self._shared = shared
        self._places = Places(route, shared, line.wake, now)
        self._ready: dict[tuple[str, str], tuple[Leg, HTTPRequest]] = {}
        self._turn: Any = None
        self._diverted = False
        self._began = 0.0
        self._error: Exception | None = None

    def asked(self, job: Job, account: Account) -> Flow[Answer]:
        """Ask one deployment after another until one has answered; read its answer to its end.

        Raises:
            APIError: what the last one failed with, or that there is nobody to ask.
        """
        try:
            if self._shared is not None and self._shared.due:
                yield from self._shared.before()
            return (yield from self._through(job, account))
        finally:
            if self._turn is not None:
                self._turn.leave()
            # They know frames, and these what they are kept by.
            self._error = None
            self._route.forget()
            if self._places.owing:
                job.abandon(self._places)

    def _through(self, job: Job, account: Account) -> Flow[Answer]:
        seen = self._line.news
        if self._line.crowded(self._priority):
            self._turn = self._line.turn(self._priority)
            yield from acquire(self._turn, job.clock.now() + job.timeouts.total)
        while True:
            step = self._route.next(job.clock.now())
            if isinstance(step, Go):
                self._places.took(step)
                answer = yield from self._visited(job, account, step)
                if answer is not None:
                    return answer
            elif isinstance(step, Ask):
                yield from self._let_in(job, step)
            else:
                yield from self._waited(job, step, seen)

    # --- waiting

    def _let_in(self, job: Job, step: Ask) -> Flow[None]:
        """Ask the store for a place, or how everybody is."""
        assert self._shared is not None  # noqa: S101 - nobody would have been told to ask it
        places, asked = self._places, step.operation
        if isinstance(asked, Admit):
            places.trying(asked.ticket)
        answer = yield from self._shared.ask(asked)
        # No call between the two: an interrupt sees it as being tried, or as the route's.
        self._route.answered(answer, job.clock.now())
        if isinstance(asked, Admit):
            places.answered()

    def _waited(self, job: Job, step: Wait, seen: object) -> Flow[None]:
        """Wait before a further round, or for one to be free; who waits for a place keeps theirs in line."""
        if step.retry and self._error is not None:
            number = len(self._ready) + 1
            yield from notify(RetryScheduled(job.id, number, step.seconds, self._error))
        else:
            yield from notify(Queued(job.id, step.group, step.seconds, step.reason))
        if not step.place:
            yield from sleep(step.seconds)
            return
        if self._turn is None:
            self._turn = self._line.turn(self._priority, seen)
        yield from acquire(self._turn, job.clock.now() + step.seconds)

    # --- asking one

    def _visited(self, job: Job, account: Account, go: Go) -> Flow[Answer | None]:
        """Ask one, and read its answer; ``None``: it failed, and the route knows with what."""
        if self._turn is not None:
            self._turn.leave(took=True)
            self._turn = None
        try:
            result = yield from self._tried(job, account, go)
            if result is None:
                return None
            return (yield from self._read(job, account, result))
        except GeneratorExit:
            self._places.drop()
            raise
        except BaseException:
            # Whatever it was: unless more was said before, nothing is known of the deployment by it.
            yield from self._told(self._places.left())
            raise

    def _tried(self, job: Job, account: Account, go: Go) -> Flow[Answer | Opened | None]:
        """What it answers; ``None``: it has failed before that."""
        ready = self._ready.get((go.member.id, go.group))
        leg = None
        try:
            if ready is None:
                leg = self._legs.leg(self._asking, go.member, go.changes)
        except _REFUSALS as error:
            yield from self._failed(account, error)
            return None
        if leg is not None:
            # A guardrail's refusal is the call's, whoever would answer.
            call = (yield from calls.consulted(job, leg.call)) if job.hooks else leg.call
        try:
            if ready is None:
                assert leg is not None  # noqa: S101 - one of the two
                ready = yield from calls.written(job, len(self._ready), leg, call)
                self._ready[go.member.id, go.group] = ready
            return (yield from self._sent(job, account, go, *ready))
        except Diversion as other:
            model, why = other.model, (other.scope, other.threshold)
        except _REFUSALS as error:
            yield from self._failed(account, error, makes=leg is not None and leg.call.makes)
            return None
        yield from self._diverted_to(job, model, why)
        return None

    def _sent(
        self, job: Job, account: Account, go: Go, leg: Leg, request: HTTPRequest
    ) -> Flow[Answer | Opened]:
        """Ask it; say so first where it is not the first."""
        if go.error is not None and go.how != "again":
            yield from notify(_other(job, go, leg))
        self._began = job.clock.now()
        if (mock := leg.options.get("mock_response")) is not None:
            account.leaving(leg, request.adjustments)
            made: Answer | Opened = mocked(leg.call, mock)
            account.mocked = True
            return made
        if account.holds is not None:
            account.holds.diverting = not self._diverted
        return (yield from calls.on_leg(job, account, leg, request, go.waited))

    def _failed(self, account: Account, error: Exception, *, makes: bool = False) -> Flow[None]:
        """It has failed, and nobody has seen anything of its answer."""
        self._error = error
        events = self._places.failed(error, repeatable=not makes)
        if account.holds is not None:
            account.holds.given_up()
            yield from account.holds.close()
        yield from self._told(events)

    def _diverted_to(self, job: Job, model: str, why: tuple[str, Any]) -> Flow[None]:
        """A budget says that another group shall answer: nothing was asked for here."""
        yield from self._told(self._places.left())
        self._diverted = True
        self._route.forget()
        self._route = self._places.route = self._reroute(model)
        yield from notify(Diverted(job.id, "", model, *why))

    # --- reading

    def _read(self, job: Job, account: Account, result: Answer | Opened) -> Flow[Answer]:
        """Read an answer to its end: the deployment's place is taken until then."""
        streams = isinstance(result, Opened)
        first = job.clock.now() - self._began if streams else None
        try:
            answer = yield from calls.read(job, account, result)
        except APIError as error:
            yield from self._told(self._places.failed(error, repeatable=False))
            raise
        except Cancelled:
            # It had begun to answer.
            yield from self._told(self._worked(job, None, first))
            raise
        events = self._worked(job, answer, first)
        if events or self._places.owing:
            yield from self._told(events)
        return answer

    def _worked(self, job: Job, answer: Answer | None, first: float | None) -> Sequence[Any]:
        seconds = None if answer is None else job.clock.now() - self._began
        usage = None if answer is None else answer.counted()
        return self._places.worked(seconds=seconds, first_chunk=first, usage=usage)

    def _told(self, events: Sequence[Any]) -> Flow[None]:
        """Tell the store what it is owed, and whoever listens what has come of it."""
        if self._places.owing:
            yield from self._places.close()
        for event in events:
            yield from notify(event)


def _other(job: Job, go: Go, leg: Leg) -> FallingBack | Rerouted:
    assert go.error is not None  # noqa: S101 - who calls has looked
    if go.how == "fallback":
        return FallingBack(job.id, leg.call.provider, leg.call.model, go.error)
    return Rerouted(job.id, go.group, go.member.deployment.id, go.error)
