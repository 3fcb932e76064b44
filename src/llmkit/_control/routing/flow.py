"""The flow of a router's call: it does what its route says, and leaves every place that it is given.

Who is asked is the ``Route``'s affair, how one deployment is asked is ``call``'s. Nothing here chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

from ..._flow import Cancelled, Flow, Opened, acquire, notify, sleep
from ..._http import HTTPRequest
from ..._operations import Admit
from ...errors import APIError, ConfigurationError, NotFoundError
from ...events import Diverted, FallingBack, Queued, Rerouted, RetryScheduled
from ...types.answer import Answer
from .. import call as calls
from ..job import Diversion, Job, Leg
from ..mock import mocking
from ..settle import Account
from .beside import Beside
from .continuing import Continuing
from .hedging import hedgeable
from .places import Place, Places
from .steps import Ask, Go, Wait

if TYPE_CHECKING:
    from .decision import Decision
    from .hedging import Hedging
    from .legs import Asking, Legs
    from .route import Route
    from .shared import Shared

__all__ = ["Way"]

_Ready = tuple[Leg, HTTPRequest]


class Way:
    """One call's way through a router.

    Args:
        route: who is asked.
        legs: what makes requests of them.
        asking: the call.
        named: provider and model of the first choice.
        group: what was asked for.
        line: where those wait who need a place; ``priority``: how far ahead, the lowest first.
        shared: the store that other processes ask, too; ``None`` where there is none.
        hedging: when a second one is asked beside the first; ``None``: never.
        now: the router's clock.
        reroute: what makes the route for another group, where a budget wants one.
    """

    __slots__ = (
        "_asking", "_diverted", "_error", "_hedging", "_legs", "_line", "_now", "_numbers",
        "_places", "_priority", "_queued", "_reading", "_ready", "_reroute", "_route", "_shared",
        "_turn", "group", "named",
    )  # fmt: skip

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
        hedging: Hedging | None,
        now: Callable[[], float],
        reroute: Callable[[str], Route],
    ) -> None:
        self._route, self._legs, self._asking = route, legs, asking
        self.named, self.group = named, group
        self._line, self._priority = line, priority
        self._shared, self._hedging, self._now, self._reroute = shared, hedging, now, reroute
        self._places = Places(shared, line, now)
        self._ready: dict[tuple[str, str], _Ready] = {}
        self._numbers = count()
        self._turn: Any = None
        self._queued: tuple[str, str] | None = None
        self._diverted = False
        self._error: Exception | None = None

    def asked(self, job: Job, account: Account) -> Flow[Answer]:
        """Ask one deployment after another until one has answered; read its answer to its end.

        Raises:
            APIError: what the last one failed with, or that there is nobody to ask.
        """
        try:
            if self._shared is not None and self._shared.due:
                yield from self._shared.before()
            seen = self._line.news
            if self._shared is not None or self._line.crowded(self._priority):
                yield from self._in_line(job, seen)
            while True:
                step = self._route.next(self._now())
                if isinstance(step, Go):
                    answer = yield from self._visited(job, account, step)
                    if answer is not None:
                        return answer
                elif isinstance(step, Ask):
                    yield from self._let_in(step)
                else:
                    yield from self._waited(job, step, seen)
        finally:
            if self._turn is not None:
                self._turn.leave()
            # It knows frames, and these what it is kept by.
            self._error = None
            self._route.error = None
            self._places.gather(self._route)
            if self._places.owing:
                job.abandon(self._places)

    def _in_line(self, job: Job, seen: object) -> Flow[None]:
        """Wait for those who go before, or for the store to be asked again."""
        if self._line.crowded(self._priority):
            self._turn = self._line.turn(self._priority)
            yield from acquire(self._turn, self._now() + job.timeouts.total)
        elif (others := self._shared) is not None and self._now() < others.rests:
            self._turn = self._line.turn(self._priority, seen)
            yield from acquire(self._turn, others.rests)

    # --- waiting

    def _let_in(self, step: Ask) -> Flow[None]:
        """Ask the store for a place, or how everybody is."""
        assert self._shared is not None  # noqa: S101 - nobody would have been told to ask it
        operation = step.operation
        trying = self._places.trying(operation.ticket) if isinstance(operation, Admit) else None
        answer = yield from self._shared.ask(operation)
        if answer is not None:
            self._route.answered(answer, self._now())
        if trying is not None:
            self._places.answered(trying)

    def _waited(self, job: Job, step: Wait, seen: object) -> Flow[None]:
        """Wait before a further round, or for one to be free; who waits for a place keeps theirs in line."""
        if step.retry and self._error is not None:
            tries = self._route.attempts + 1
            yield from notify(RetryScheduled(job.id, tries, step.seconds, self._error))
        elif self._queued != (told := (step.group, step.reason)):
            # Who looks again and again for what other processes leave says so once.
            self._queued = told
            yield from notify(Queued(job.id, step.group, step.seconds, step.reason))
        if step.place:
            if self._turn is None:
                self._turn = self._line.turn(self._priority, seen)
            yield from acquire(self._turn, self._now() + step.seconds)
        else:
            yield from sleep(step.seconds)

    def _taken(self, go: Go) -> Place:
        """A place was given: who has one waits no more, and those behind may look."""
        place = self._places.take(self._route, go)
        if self._turn is not None:
            self._turn.leave(took=True)
            self._turn = None
        return place

    # --- asking

    def _visited(self, job: Job, account: Account, go: Go) -> Flow[Answer | None]:
        """Ask one, and read its answer; ``None``: it failed, and the route knows with what."""
        place = self._taken(go)
        try:
            if self._error is not None and go.how != "again":
                yield from notify(self._other(job, go, self._error))
            if self._hedging is None:
                result = yield from self.attempt(job, account, place)
            else:
                place, result = yield from self._hedged(job, account, place, self._hedging)
        except Diversion as other:
            model, why = other.model, (other.scope, other.threshold)
        except Exception as error:
            if not place.failed:
                raise
            self._error = error
            return None
        else:
            return (yield from self._read(job, account, place, result))
        yield from self._divert(job, model, why)
        return None

    def _hedged(
        self, job: Job, account: Account, place: Place, hedging: Hedging
    ) -> Flow[tuple[Place, Answer | Opened]]:
        """The answer of the one who was chosen, or of another who was asked beside it."""
        try:
            leg, _ = yield from self._prepared(job, place)
        except BaseException as error:
            yield from self._unanswered(account, place, error)
            raise
        if not hedgeable(leg):
            return place, (yield from self.attempt(job, account, place))
        return (yield from hedging.run(job, account, place, Beside(self, job)))

    def attempt(self, job: Job, account: Account, place: Place) -> Flow[Answer | Opened]:
        """Ask one; where that fails, or is given up, its place is left.

        Raises:
            Exception: what it failed with; ``place.failed`` where the route knows, and goes on.
        """
        try:
            leg, request = yield from self._prepared(job, place)
            return (yield from self._sent(job, account, place, leg, request))
        except BaseException as error:
            yield from self._unanswered(account, place, error)
            raise

    def _unanswered(self, account: Account, place: Place, error: BaseException) -> Flow[None]:
        """Leave a place that has had no answer: with what it failed with, or with nothing said of it."""
        if isinstance(error, GeneratorExit):
            self._places.drop(place)
        elif isinstance(error, APIError | ConfigurationError) and not place.final:
            yield from self._failed(account, place, error)
        else:
            yield from self._told(self._places.left(place))

    def _prepared(self, job: Job, place: Place) -> Flow[_Ready]:
        """The request for one; the same one, where it is asked again."""
        go = place.go
        if (ready := self._ready.get((go.member.id, go.group))) is not None:
            return ready
        if self._legs.vet is not None:
            yield from self._legs.vetted(place)
        leg = self._legs.leg(self._asking, go.member, go.changes)
        call = leg.call
        try:
            if job.hooks:
                # A guardrail's refusal is the call's, whoever would answer.
                place.final = True
                call = yield from calls.consulted(job, call)
                place.final = False
            ready = yield from calls.written(job, next(self._numbers), leg, call)
        except Cancelled as cancelled:
            # What may have left was not the call's: it asked for what the prompt points at.
            cancelled.sent = "no"
            raise
        if job.cache is not None:
            ready = job.cache.taped(ready)
        self._ready[go.member.id, go.group] = ready
        return ready

    def _sent(
        self, job: Job, account: Account, place: Place, leg: Leg, request: HTTPRequest
    ) -> Flow[Answer | Opened]:
        """Ask it, or answer as it is told to."""
        place.began = self._now()
        if (mock := leg.options.get("mock_response")) is not None:
            return mocking(account, leg, request, mock)
        if account.holds is not None and self._diverted:
            account.holds.diverting = False
        return calls.on_leg(job, account, leg, request, place.go.waited)

    def _failed(self, account: Account, place: Place, error: Exception) -> Flow[None]:
        """It has failed, and nobody has seen anything of its answer."""
        ready = self._ready.get((place.go.member.id, place.go.group))
        call = None if ready is None else ready[0].call
        # What is kept at one deployment is not at another: whoever does not have it is well all the same.
        missing = (
            isinstance(error, NotFoundError) and call is not None and call.concerns is not None
        )
        events = self._places.failed(
            place, error, repeatable=call is None or not call.makes, blames=not missing
        )
        account.given_up()
        yield from account.pays()
        yield from self._told(events)

    def _divert(self, job: Job, model: str, why: tuple[str, Any]) -> Flow[None]:
        """A budget says that another group shall answer: nothing was asked for here."""
        self._diverted = True
        other = self._reroute(model)
        # What a store was not told of yet is of the tickets before: no name is used twice.
        other.tickets = self._route.tickets
        self._route = other
        named = self._legs.named(self._route.peek(self._now()).member)
        yield from notify(Diverted(job.id, *named, *why))

    # --- reading

    def _read(
        self, job: Job, account: Account, place: Place, result: Answer | Opened
    ) -> Flow[Answer]:
        """Read an answer to its end: the place of who gives it is taken until then."""
        first = self._now() - place.began if isinstance(result, Opened) else None
        self._reading = place
        try:
            if first is not None and (events := self._places.opened(place, first)):
                yield from self._told(events)
            mends = self._mending(job, account) if job.stream else None
            answer = yield from calls.read(job, account, result, mends)
        except BaseException as error:
            place = self._reading
            if isinstance(error, GeneratorExit):
                self._places.drop(place)
            elif isinstance(error, APIError) and not place.failed:
                yield from self._told(self._places.failed(place, error, repeatable=False))
            else:
                yield from self._told(self._places.left(place))
            raise
        place = self._reading
        usage = answer.counted()
        used = (None, None) if usage is None else (usage.prompt_tokens, usage.completion_tokens)
        events = self._places.worked(place, first_chunk=first, prompt=used[0], answer=used[1])
        if events or self._places.owing:
            yield from self._told(events)
        return answer

    def _mending(self, job: Job, account: Account) -> Continuing | None:
        """What lets a stream that breaks go on elsewhere, where it may."""
        if not self._route.settings.continue_streams:
            return None

        def writes_on(
            fork: Account, change: Callable[[Leg], Leg], error: APIError
        ) -> Flow[tuple[str, Opened]]:
            return self._writes_on(job, fork, change, error)

        return Continuing(job, account, writes_on)

    def _writes_on(
        self, job: Job, account: Account, change: Callable[[Leg], Leg], error: APIError
    ) -> Flow[tuple[str, Opened]]:
        """Ask somebody else for the rest of a stream that broke; raises where nobody is left."""
        yield from self._told(self._places.failed(self._reading, error, repeatable=True))
        while True:
            step = self._route.next(self._now())
            if isinstance(step, Ask):
                yield from self._let_in(step)
            elif isinstance(step, Wait):
                yield from self._waited(job, step, self._line.news)
            elif (opened := (yield from self._continued(job, account, step, change))) is not None:
                return step.member.place, opened

    def _continued(
        self, job: Job, account: Account, go: Go, change: Callable[[Leg], Leg]
    ) -> Flow[Opened | None]:
        """One's stream of the rest; ``None``: it has failed, and the route knows."""
        place = self._taken(go)
        try:
            leg = self._legs.leg(self._asking, go.member, go.changes)
            if job.hooks:
                place.final = True
                leg = replace(leg, call=(yield from calls.consulted(job, leg.call)))
                place.final = False
            leg = change(leg)
            number = next(self._numbers)
            leg, request = yield from calls.written(job, number, leg, leg.call)
            place.began = self._now()
            opened = yield from calls.on_leg(job, account, leg, request, go.waited)
        except BaseException as error:
            yield from self._unanswered(account, place, error)
            if place.failed:
                return None
            raise
        assert isinstance(opened, Opened)  # noqa: S101 - only a stream goes on
        self._reading = place
        return opened

    def _told(self, events: Sequence[Any]) -> Flow[None]:
        """Tell the store what it is owed, and whoever listens what has come of it."""
        if self._places.owed:
            yield from self._places.pay()
        for event in events:
            yield from notify(event)

    def _other(self, job: Job, go: Go, error: Exception) -> FallingBack | Rerouted:
        if go.how == "fallback":
            return FallingBack(job.id, *self._legs.named(go.member), error)
        return Rerouted(job.id, go.group, go.member.place, error)

    # --- without asking

    def outlook(self, job: Job) -> Flow[list[_Ready]]:
        """The requests for all who may be asked, in order, written as if to be sent.

        Raises:
            Exception: as the call would, where there is none.
        """
        ready: list[_Ready] = []
        failure: Exception | None = None
        for go in self._ahead():
            place = Place(self._route, go)
            try:
                ready.append((yield from self._prepared(job, place)))
            except (APIError, ConfigurationError) as error:
                if place.final:
                    raise
                failure = failure or error
            if ready and job.mock is not None:
                break
        if not ready and failure is not None:
            raise failure
        return ready

    def own(self, job: Job) -> Flow[list[_Ready]]:
        """The requests for all of the group that was asked for: each can answer. Who cannot be asked is left out.

        With hooks that are not ``pure``, and so consulted once, only that for whoever is likely to be asked first.
        """
        ahead = iter((self._route.peek(self._now()),))
        if all(getattr(hook, "pure", False) for hook in job.hooks):
            ahead = self._reroute(self.group).outlook(self._now())
        for go in takewhile(lambda go: go.how != "fallback", ahead):
            with suppress(APIError, ConfigurationError):
                yield from self._prepared(job, Place(self._route, go))
        return list(self._ready.values())

    def takes(self, ready: Sequence[_Ready]) -> None:
        """Make these requests where ``own`` ones were to be made."""
        self._ready = dict(zip(self._ready, ready, strict=True))

    def decision(self) -> Decision:
        """Who would be asked, and why."""
        return self._route.decision(self._now())

    def legs(self) -> list[Leg]:
        """Those of all who may be asked, in order; who cannot be asked is left out."""
        legs: list[Leg] = []
        failure: Exception | None = None
        for go in self._ahead():
            try:
                legs.append(self._legs.leg(self._asking, go.member, go.changes))
            except (APIError, ConfigurationError) as error:
                failure = failure or error
        if not legs and failure is not None:
            raise failure
        return legs

    def _ahead(self) -> Iterator[Go]:
        """Everybody who may be asked, whoever would be asked now first."""
        chosen = self._reroute(self.group).decision(self._now()).member
        ahead = tuple(self._route.outlook(self._now()))
        yield from (go for go in ahead if go.member is chosen)
        yield from (go for go in ahead if go.member is not chosen)

    # --- beside each other

    def unused(self, place: Place) -> None:
        """Nobody wants its answer."""
        self._places.left(place)

    def beside(self) -> Flow[Place | None]:
        """Another place that is free now; ``None`` where there is none."""
        while (step := self._route.spare(self._now())) is not None:
            if isinstance(step, Go):
                return self._places.take(self._route, step)
            yield from self._let_in(step)
            if self._shared is not None and self._shared.gate.down:
                break
        return None
