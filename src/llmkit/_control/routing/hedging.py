"""Delayed hedging: a second request beside one that takes too long; who answers first wins, the other is cancelled.

Who is asked, and how, is the router's flow's: it is called for both. Here is when, and what becomes of the accounts.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Generic, Protocol, TypeVar

from ..._flow import Cancelled, Flow, notify, race
from ...errors import ConfigurationError
from ...events import Hedged
from ..job import Job, Leg
from ..settle import Account
from . import checked

__all__ = ["Asking", "Hedge", "Hedging", "Latencies", "hedgeable"]

T = TypeVar("T")

_KEPT: Final = 200
"""So many of the latest observations say how long an answer takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """When a second request goes out beside a slow one. Times are seconds.

    ``after``: so long after the first; ``None``: after the ``quantile`` of what the first one's deployment takes (to
    the first chunk, for a stream), once there are ``observations`` of it, and never sooner than ``least``.
    ``most``: so many further requests at the same time.

    Raises:
        ConfigurationError: a value is none of what it can be.
    """

    after: float | None = None
    quantile: float = 0.95
    least: float = 0.0
    observations: int = 20
    most: int = 1

    def __post_init__(self) -> None:
        if self.after is not None:
            checked.seconds(self.after, "hedge: after")
        checked.number(self.quantile, "hedge: quantile", 0.5, 0.999)
        checked.seconds(self.least, "hedge: least")
        checked.whole(self.observations, "hedge: observations", 1)
        checked.whole(self.most, "hedge: most", 1)

    @classmethod
    def of(cls, given: Any) -> Hedge | None:
        """What a router is told as ``hedge``: one of these, its fields, ``True`` for one as it is, or nothing.

        Raises:
            ConfigurationError: it is none of these.
        """
        if given is None or given is False or isinstance(given, Hedge):
            return given or None
        if given is True:
            return cls()
        known = [field.name for field in fields(cls)]
        if not isinstance(given, Mapping):
            raise ConfigurationError(
                f"hedge is a Hedge, True, or a mapping of {', '.join(known)}, not {given!r:.80}"
            )
        for name in given:
            if name not in known:
                raise ConfigurationError(
                    f"hedge: there is no {name!r:.80}{checked.near(name, known)}"
                )
        return cls(**given)


class Latencies:
    """Quantiles of the latest observations, exactly. Any thread may add one."""

    __slots__ = ("_latest",)

    def __init__(self) -> None:
        self._latest: deque[float] = deque(maxlen=_KEPT)

    def __len__(self) -> int:
        return len(self._latest)

    def add(self, seconds: float) -> None:
        """One more; the oldest one goes where there are enough."""
        self._latest.append(seconds)

    def quantile(self, share: float) -> float:
        """The least of those that at least ``share`` of all do not exceed. There has to be one."""
        ordered = sorted(self._latest)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def hedgeable(leg: Leg) -> bool:
    """Whether a call may be asked for twice: it makes nothing that stays, and is one request with an answer."""
    call = leg.call
    return not call.makes and call.concerns is None and getattr(leg.wire, "steps", None) is None


class Asking(Protocol[T]):
    """What a router's flow does for a hedge. ``T``: somebody who was chosen, with a place taken."""

    def named(self, choice: T) -> str:
        """The deployment's id."""

    def another(self) -> Flow[T | None]:
        """Choose somebody else, who has a place now; ``None`` where nobody has. It does not wait for one."""

    def attempt(self, choice: T, account: Account) -> Flow[Any]:
        """Ask; give the place back where that fails, or is cancelled. A stream that has begun keeps it."""

    def unused(self, choice: T) -> None:
        """Give a place back: nobody asked, or nobody wants the answer."""


class Hedging:
    """When a router hedges: what its deployments take, as far as this process has seen."""

    def __init__(self, hedge: Hedge) -> None:
        self.hedge = hedge
        self._seen: dict[tuple[str, str, bool], Latencies] = {}

    def observed(self, name: str, job: Job, seconds: float) -> None:
        """A deployment has answered (a stream: has begun) after so long, or had not yet."""
        self._seen.setdefault((name, job.kind, job.stream), Latencies()).add(seconds)

    def after(self, name: str, job: Job) -> float | None:
        """Seconds until another one is asked beside this deployment; ``None``: nobody knows what is slow here."""
        if self.hedge.after is not None:
            return self.hedge.after
        found = self._seen.get((name, job.kind, job.stream))
        if found is None or len(found) < self.hedge.observations:
            return None
        return max(self.hedge.least, found.quantile(self.hedge.quantile))

    def keep(self, names: Collection[str]) -> None:
        """These are all the deployments that there are: what the others took is forgotten."""
        for key in [key for key in tuple(self._seen) if key[0] not in names]:
            self._seen.pop(key, None)

    def run(self, job: Job, account: Account, first: T, asking: Asking[T]) -> Flow[tuple[T, Any]]:
        """Ask ``first``, and another one beside it if that takes too long; return who answered, and the answer.

        Raises what the first one failed with, where all did. Whoever fails before another is asked is not hedged: what
        its failure is worth, the router's flow knows.
        """
        after = self.after(asking.named(first), job)
        if after is None:
            began = job.clock.now()
            value = yield from asking.attempt(first, account)
            self.observed(asking.named(first), job, job.clock.now() - began)
            return first, value
        return (yield from _Hedged(self, job, account, asking, after).run(first))


class _Nobody(Exception):
    """Nobody else is asked."""


class _Leg(Generic[T]):
    """One of the attempts that run beside each other."""

    __slots__ = ("account", "answered", "choice", "ended", "error", "late")

    def __init__(self, choice: T, account: Account) -> None:
        self.choice, self.account = choice, account
        self.answered = self.ended = False
        self.late = False
        """Whether the race was over before it had ended: it could not be woken."""
        self.error: BaseException | None = None


class _Hedged(Generic[T]):
    """One attempt with others beside it. Each has an account of its own; the winner's is the call's."""

    def __init__(
        self, hedging: Hedging, job: Job, account: Account, asking: Asking[T], after: float
    ) -> None:
        self._hedging, self._job, self._account = hedging, job, account
        self._asking, self._after = asking, after
        self._legs: dict[int, _Leg[T]] = {}

    def run(self, first: T) -> Flow[tuple[T, Any]]:
        """Ask all of them; the winner's choice, and its answer."""
        shown = self._legs[0] = _Leg(first, self._account.fork())
        most = self._hedging.hedge.most
        legs = [self._leg(shown), *(self._another(1 + number) for number in range(most))]
        winner: int | None = None
        failure: BaseException | None = None
        value: Any = None
        try:
            try:
                winner, value = yield from race(legs, self._after)
            except Exception:
                if shown.error is None:
                    raise
            finally:
                failure = shown.error
                try:
                    self._merge(winner)
                except BaseException:
                    # An interrupt: what was held by then is not to be forgotten.
                    self._merge(winner)
                    raise
            if winner is None and failure is not None:
                # As the first has failed, whoever was last: a hedge that was refused says nothing of the call.
                raise failure
            return self._legs[winner or 0].choice, value
        finally:
            # It knows this frame: what both hold would wait for the collector.
            failure = None

    def _leg(self, leg: _Leg[T]) -> Flow[Any]:
        began = self._job.clock.now()
        try:
            value = yield from self._asking.attempt(leg.choice, leg.account)
            leg.answered = True
        except BaseException as error:
            if not leg.late:
                leg.error = error
            # A loser has taken at least that long: without it, what is slow would never be seen.
            if isinstance(error, Cancelled):
                self._observed(leg, began)
            yield from _given_up(leg.account, error)
            raise
        finally:
            self._over(leg)
        self._observed(leg, began)
        return value

    def _over(self, leg: _Leg[T]) -> None:
        """It has ended. Too late for the race, it sees to itself what becomes of what it holds."""
        leg.ended = True
        if not leg.late:
            return
        self._account.info.attempts += leg.account.info.attempts
        self._account.late(leg.account)
        if leg.answered:
            self._asking.unused(leg.choice)

    def _another(self, number: int) -> Flow[Any]:
        # What a failure is worth that came before, the router's flow knows.
        if any(leg.error is not None for leg in self._legs.values()):
            raise _Nobody
        choice = yield from self._asking.another()
        if choice is None:
            raise _Nobody
        try:
            event = Hedged(self._job.id, self._asking.named(choice), self._after)
            yield from notify(event)
        except BaseException:
            self._asking.unused(choice)
            raise
        leg = self._legs[number] = _Leg(choice, self._account.fork())
        return (yield from self._leg(leg))

    def _observed(self, leg: _Leg[T], began: float) -> None:
        name = self._asking.named(leg.choice)
        self._hedging.observed(name, self._job, self._job.clock.now() - began)

    def _merge(self, winner: int | None) -> None:
        """All accounts become one. Who has answered too late, or for nobody, gives its place back."""
        for number, leg in self._legs.items():
            if number == winner:
                continue
            # Said first: whoever looks second knows of the other.
            leg.late = not leg.ended
            if leg.late and not leg.ended:
                self._account.left_behind(leg.account)
                continue
            leg.late = False
            if leg.answered:
                leg.answered = False
                self._asking.unused(leg.choice)
            self._account.merge(leg.account, goes_on=False)
        shown = self._legs[winner or 0]
        if shown.ended:
            self._account.merge(shown.account, goes_on=True)
        for leg in self._legs.values():
            # It knows frames, and these what it is kept by.
            leg.error = None


def _given_up(account: Account, error: BaseException) -> Flow[None]:
    """An attempt has failed for good: what it holds is settled, or left to be."""
    account.given_up()
    if not isinstance(error, GeneratorExit):
        yield from account.pays()
