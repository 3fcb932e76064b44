"""``Route``: one call's way through a router. It says what to do next, and is told what became of it.

Groups are visited in order, each once; those who may answer are asked in their group's order, each once in a round;
what has to be waited for comes last. A route is one call's own; of its methods only ``next`` and ``peek`` are for one
thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import TYPE_CHECKING, Final

from ..._operations import Admitted, Full, Looked
from ...errors import APIError, ConfigurationError
from ..retry import RetryPolicy
from . import ending, health, waiting
from .decision import Decision, decided
from .entering import answered, as_go, at_once, enter, look
from .failing import PassedOver, Rule, may_be_done, rule_of
from .groups import Group, Target, Terms, instead_of
from .member import Member
from .refusing import refusal
from .steps import NO_CHANGES, NOTHING_MORE, After, Ask, Go, Step
from .visit import Asked, Bar, Tried, Visit, barred, changed

if TYPE_CHECKING:
    from .table import Table
    from .wanted import Wanted

__all__ = ["Route"]

_NOWHERE: Final = (None, None)
_NO_TERMS: Final = Terms()
_POLICY: Final = RetryPolicy()
_ASKED: Final = "; it may have been done all the same: look before you ask again"


class Route:
    """One call's way.

    Args:
        table: who there is.
        wanted: the call.
        until: its deadline, by the router's clock.
        draw: a number from 0 up to 1, another one each time.
        now: the time.
        id: the call's, of which its tickets are made.
        policy: how long to wait between rounds, and how many there are.
        terms: what the call says of its failover.

    Raises:
        UnknownModelError: there is no such group.
    """

    __slots__ = (
        "asked",
        "at",
        "attempts",
        "bars",
        "draw",
        "error",
        "full",
        "id",
        "let_in",
        "never",
        "out",
        "over",
        "pending",
        "policy",
        "rested",
        "round",
        "settings",
        "table",
        "terms",
        "tickets",
        "tried",
        "unknown",
        "until",
        "visits",
        "waiting",
    )  # fmt: skip

    def __init__(
        self,
        table: Table,
        wanted: Wanted,
        *,
        until: float,
        draw: Callable[[], float],
        now: float,
        id: str = "",  # noqa: A002 - it is the call's
        policy: RetryPolicy = _POLICY,
        terms: Terms = _NO_TERMS,
    ) -> None:
        self.table, self.settings = table, table.settings
        self.until, self.draw, self.id, self.policy, self.terms = until, draw, id, policy, terms
        self.visits = [Visit(table.find(wanted.group), wanted, NO_CHANGES)]
        self.at = 0
        """Which of them is being visited."""
        self.pending: list[Target] = []
        self.unknown: list[str] = []
        """What is wrong with fallbacks that are no groups."""
        self.tried: dict[Member, Tried] = {}
        self.out: dict[Member, tuple[Go, Visit]] = {}
        self.bars: list[Bar] = []
        self.full: dict[Member, float] = {}
        """Who had no room, and until when; ``inf`` until somebody leaves."""
        self.never: set[Member] = set()
        """Who has no room for such a call at any time."""
        self.error: Exception | None = None
        """The latest failure; none is kept once it was raised."""
        self.round = self.attempts = self.tickets = 0
        self.waiting: float | None = None
        """Since when nobody could be asked."""
        self.rested = False
        """Whether it has waited since it looked last."""
        self.asked: Asked | None = None
        self.let_in: Go | None = None
        self.over = False

    @property
    def raises(self) -> bool:
        """Whether who finds nobody free is told so at once."""
        return self.settings.when_busy == "raise"

    # --- what comes next

    def next(self, now: float) -> Step:
        """What to do next.

        Raises:
            RouterRateLimitError: nobody is free in time.
            NoDeploymentError: nobody can take the call, whenever it is asked.
            Exception: the latest failure, where there was one.
        """
        if self.let_in is not None:
            let_in, self.let_in = self.let_in, None
            return let_in
        if self.asked is not None or self.rested:
            self._anew()
        if not self.attempts and (go := at_once(self, now)) is not None:
            return go
        while not self.over:
            step = self._any(now) or self._later(now)
            if step is not None:
                return step
        raise self._ending(now)

    def spare(self, now: float) -> Go | Ask | None:
        """Another of the same group who is free at once, to be asked beside the one who has not answered."""
        if self.let_in is not None:
            let_in, self.let_in = self.let_in, None
            return let_in
        if self.asked is not None or self.over:
            self.asked = None
            return None
        return self._one(self.visits[min(self.at, len(self.visits) - 1)], now)

    def answered(self, told: Admitted | Full | Looked, now: float) -> None:
        """What the store has said."""
        asked, self.asked = self.asked, None
        assert asked is not None  # noqa: S101 - it was asked
        self.let_in = answered(self, asked, told, now)

    def _anew(self) -> None:
        """After a wait, or where a store did not answer: look at all again."""
        self.at, self.asked, self.rested = 0, None, False
        self.full.clear()
        for visit in self.visits:
            visit.anew()

    def _any(self, now: float) -> Step | None:
        """The next who is free, of the groups in their order."""
        while self.at < len(self.visits):
            visit = self.visits[self.at]
            step = None if visit.closed else self._one(visit, now)
            if step is not None:
                return step
            self.further(visit)
            self.at += 1
        return None

    def _one(self, visit: Visit, now: float) -> Go | Ask | None:
        """The next of a group who is free."""
        if visit.order is None:
            if (asking := look(self, visit, now)) is not None:
                return asking
            visit.order = self._plan(visit, now)
        while (member := self.candidate(visit, now)) is not None:
            step = enter(self, visit, member, now)
            if step is not None:
                return step
        return None

    def _plan(self, visit: Visit, now: float) -> Iterator[Member]:
        return visit.pool.plan(visit.wanted, self.draw, now)

    def candidate(self, visit: Visit, now: float) -> Member | None:
        """The next in a group's order who may be asked now."""
        if (ahead := visit.ahead) is not None:
            visit.ahead = None
            if self._open(ahead, now):
                return ahead
        for member in visit.order or ():
            if self._open(member, now):
                return member
        return None

    def _open(self, member: Member, now: float) -> bool:
        """Whether it may be asked now, as far as is known here."""
        if member.cooling > now or (member.strikes and member.probing > now):
            return False
        if not self.attempts and not self.full:
            return True
        tried = self.tried.get(member)
        if tried is not None and not (
            tried.round < self.round <= tried.rounds and tried.ready <= now
        ):
            return False
        return self.full.get(member, 0.0) <= now and not barred(self.bars, member)

    def further(self, visit: Visit) -> None:
        """Where a group has nobody left at once, go on to what is to be tried instead of it."""
        if not visit.succeeded:
            visit.succeeded = True
            self.pending[:0] = instead_of(visit.group.name, visit.why, self.terms, self.settings)
        if visit is not self.visits[-1]:
            return
        while self.pending and len(self.visits) <= self.settings.max_fallbacks:
            target = self.pending.pop(0)
            group = self._found(target.group)
            if group is not None and self._is_new(group):
                wanted = changed(self.visits[0].wanted, target.changes)
                self.visits.append(Visit(group, wanted, target.changes))
                return

    def _is_new(self, group: Group) -> bool:
        """Whether it has anybody whom none of those visited has: each is visited once, by whatever name."""
        return not all(
            any(one in visit.group.members for visit in self.visits) for one in group.members
        )

    def _found(self, name: str) -> Group | None:
        try:
            return self.table.find(name)
        except ConfigurationError as error:
            self.unknown.append(error.message)
            return None

    def _later(self, now: float) -> Step | None:
        """Nobody is left in order: whoever is free all the same, or another round, or a wait; or it is over."""
        found, place = waiting.soonest(self, now)
        if found is None or found.at > now:
            step = waiting.wait(self, found, place, now)
            self.over, self.rested = step is None, True
            return step
        if not found.again:
            return enter(self, found.visit, found.member, now)
        self.round += 1
        self._anew()
        return None

    # --- what became of it

    def failed(
        self,
        go: Go,
        error: Exception,
        now: float,
        repeatable: bool = True,  # noqa: FBT001, FBT002 - as the flow knows it
        *,
        blames: bool = True,
    ) -> After:
        """An attempt has failed.

        Args:
            go: the attempt.
            error: what with; ``next`` raises the latest where nobody else is left.
            now: the time.
            repeatable: whether the request may be sent again where nobody knows what became of it.
            blames: whether it says anything of the deployment.
        """
        visit = self._visit(go)
        if visit is None:
            return NOTHING_MORE
        rule = rule_of(error, continuing=self.settings.continue_streams)
        rule = rule if blames else rule._replace(cools="never")
        alone = visit.group.hosts == 1 if rule.whole else len(visit.group.members) == 1
        what = health.Failure(error, rule, go.began, alone)
        if self.error is None or not isinstance(error, PassedOver):
            self.error = error
        visit.rule = rule
        if not repeatable and may_be_done(error):
            visit.rule = _doubtful(rule, error)
        self._follow(visit, go.member, error, now)
        after = ending.failed(self.table, go, what, now)
        self.out.pop(go.member, None)
        return after

    def _visit(self, go: Go) -> Visit | None:
        """The visit that an attempt is out for; it is forgotten last, so that who is interrupted can leave it."""
        known, visit = self.out.get(go.member, _NOWHERE)
        return visit if known is go else None

    def _follow(self, visit: Visit, member: Member, error: Exception, now: float) -> None:
        """Say who may still be asked after this failure, and when."""
        rule = visit.rule
        assert rule is not None  # noqa: S101 - whoever calls has set it
        bound = self.settings.retries(visit.group.name, error)
        visit.closed = visit.closed or (bound is not None and visit.attempts > bound)
        asked = getattr(error, "retry_after", None) or 0.0
        again = rule.again and asked <= self.policy.longest_retry_after
        own = member.deployment.num_retries if bound is None else inf
        rounds = self.policy.retries if own is None else own
        wait = self.policy.wait(self.round + 1, error) if again else 0.0
        ready = now + max(wait, self.settings.retry_after)
        self.tried[member] = Tried(self.round, rounds if again else -1, ready)
        if rule.others != "all":
            self.bars.append(Bar(rule.others, member))
        self.over = self.over or (rule.others == "none" and not again)
        if visit.group.failover is not None:
            visit.pool, visit.order = visit.group.failover, None

    def opened(self, go: Go, now: float, seconds: float) -> After:
        """A stream's first chunk is there: its deployment is well. How it ends is told later."""
        return ending.opened(self.table, go, seconds, now)

    def worked(
        self,
        go: Go,
        now: float,
        seconds: float,
        *,
        first_chunk: float | None = None,
        prompt: int | None = None,
        answer: int | None = None,
    ) -> After:
        """An attempt was answered in full: in so many seconds, with so many tokens, as far as that is known."""
        known, _ = self.out.get(go.member, _NOWHERE)
        if known is not go:
            return NOTHING_MORE
        used = ending.Used(seconds, first_chunk, prompt, answer)
        after = ending.worked(self.table, go, used, now)
        self.out.pop(go.member, None)
        return after

    def left(self, go: Go, now: float) -> After:
        """An attempt was given up by its caller: that says nothing of the deployment."""
        with self.table.lock:
            return self.left_locked(go, now)

    def left_locked(self, go: Go, now: float) -> After:
        """``left``, for who has the table's lock already."""
        if self._visit(go) is None:
            return NOTHING_MORE
        after = ending.left(self.table, go, now)
        self.out.pop(go.member, None)
        return after

    def _ending(self, now: float) -> Exception:
        """What the call fails with. Nothing of it is kept here."""
        error, self.error = self.error, None
        if error is None:
            return refusal(self, now)
        found, _ = waiting.soonest(self, now)
        known = found is not None and now < found.at < inf
        if known and isinstance(error, APIError) and error.retryable and error.retry_after is None:
            assert found is not None  # noqa: S101 - it is known
            error.retry_after = found.at - now
        return error

    # --- what would come

    def peek(self, now: float) -> Go:
        """Who is likely to be asked first, for naming; nothing is taken."""
        visit = self.visits[0]
        if visit.ahead is None and visit.order is None:
            visit.order = self._plan(visit, now)
            visit.ahead = self.candidate(visit, now)
        member = visit.ahead
        if member is None or self.table.shared or self.table.counts(visit.group):
            # Others are asked first, or there is nobody just now.
            visit.anew()
        if member is None:
            member = next(self._plan(visit, now), visit.group.members[0])
        return as_go(self, visit, member, now)

    def outlook(self, now: float) -> Iterator[Go]:
        """Everybody who may come, in order: of the group, then of what is tried instead of it. Nothing is taken."""
        while self.at < len(self.visits):
            visit = self.visits[self.at]
            first = [visit.ahead] if visit.ahead is not None else []
            order = visit.order or self._plan(visit, now)
            for member in (*first, *order):
                yield as_go(self, visit, member, now)
            self.further(visit)
            self.at += 1

    def decision(self, now: float) -> Decision:
        """Who would be asked, and why; nothing is taken.

        Raises:
            NoDeploymentError: nobody can take the call, whenever it is asked.
        """
        return decided(self, now)


def _doubtful(rule: Rule, error: Exception) -> Rule:
    """What follows where nobody knows whether it was done: nobody is asked for the same."""
    if isinstance(error, APIError):
        error.message += _ASKED
        error.args = (error.message,)
    return rule._replace(others="none", instead="none", again=False)
