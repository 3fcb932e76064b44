"""``Route``: one call's way through a router. It says what to do next, and is told what became of it.

Groups are visited in order, each once; those who may answer are asked in their group's order, each once in a round;
what has to be waited for comes last. A route is one call's own: it is not for several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..._operations import FOR_EVER, Admit, Admitted, Candidate, Full, Look, Looked
from ...errors import APIError, ConfigurationError
from ..retry import RetryPolicy
from . import ending, health
from .checks import window_of
from .failing import Others, Rule, may_be_done, rule_of
from .groups import Group, Target, Terms, instead_of
from .member import Member
from .refusing import refusal, why_not
from .steps import NO_CHANGES, NOTHING_MORE, After, Ask, Go, How, Step, Wait

if TYPE_CHECKING:
    from .table import Table
    from .wanted import Wanted

__all__ = ["Route", "Visit"]

_NO_TERMS: Final = Terms()
_POLICY: Final = RetryPolicy()
_FRESH: Final = 0.5
"""Seconds for which what a store has said of a group's members is not asked again."""
_AT_ONCE: Final = 8
"""Most candidates that a store is asked to choose from."""
_MARGIN: Final = 30.0
"""Seconds for which a place outlives the call's deadline, for whoever had it to say how it ended."""
_LEAST: Final = 0.001
_ASKED: Final = "; it may have been done all the same: look before you ask again"


class _Tried(NamedTuple):
    """A member that was asked: in which round, up to which it may be asked again, and not before when."""

    round: int
    rounds: float
    ready: float


class _Asked(NamedTuple):
    """What a store was asked, until it answers."""

    visit: Visit
    members: tuple[Member, ...]
    ticket: str


class _Next(NamedTuple):
    """Who comes next of all that are left. ``again``: in a further round."""

    at: float
    again: bool
    visit: Visit
    member: Member


class Visit:
    """One group in one call."""

    __slots__ = (
        "ahead",
        "asked",
        "attempts",
        "changes",
        "closed",
        "group",
        "looked",
        "order",
        "rule",
        "wanted",
    )

    def __init__(self, group: Group, wanted: Wanted, changes: Mapping[str, Any]) -> None:
        self.group, self.wanted, self.changes = group, wanted, changes
        self.order: Iterator[Member] | None = None
        self.ahead: Member | None = None
        """Who was seen to be first, and not asked yet."""
        self.attempts = 0
        self.asked = False
        """Whether its fallbacks are known."""
        self.closed = False
        """Whether a policy has ended it."""
        self.looked = False
        self.rule: Rule | None = None
        """What follows from the latest failure in it."""


class Route:
    """One call's way.

    Args:
        table: who there is.
        wanted: the call.
        until: its deadline, by the router's clock; ``draw``: a number from 0 up to 1, another one each time.
        now: the time.
        id: the call's, of which its tickets are made.
        policy: how long to wait between rounds, and how many there are.
        terms: what the call says of its failover.

    Raises:
        UnknownModelError: there is no such group.
    """

    __slots__ = (
        "_asked", "_at", "_bars", "_let_in", "_out", "_pending", "_tickets", "_waiting",
        "attempts", "draw", "error", "full", "id", "over", "policy", "round", "settings", "table", "terms", "tried",
        "unknown", "until", "visits",
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
        self.tried: dict[Member, _Tried] = {}
        self.full: dict[Member, float] = {}
        """Who had no room, and until when; ``inf`` until somebody leaves."""
        self.unknown: list[str] = []
        """Fallbacks that are no groups."""
        self.error: Exception | None = None
        """The latest failure; none is kept once it was raised."""
        self.round = 0
        self.attempts = 0
        self.over = False
        self._at = 0
        self._bars: list[tuple[Others, Member]] = []
        self._pending: list[Target] = []
        self._out: dict[Member, tuple[Go, Visit]] = {}
        self._asked: _Asked | None = None
        self._let_in: Go | None = None
        self._tickets = 0
        self._waiting: float | None = None

    # --- what comes next

    def peek(self, now: float) -> Go:
        """Who is likely to be asked first, for naming; nothing is taken."""
        visit = self.visits[0]
        if visit.ahead is None:
            visit.order = self._plan(visit, now)
            visit.ahead = self._candidate(visit, now)
        member = visit.ahead or next(self._plan(visit, now), visit.group.members[0])
        return self._as_go(visit, member, "", False, now, False)

    def next(self, now: float) -> Step:
        """What to do next.

        Raises:
            RouterRateLimitError: nobody is free in time.
            NoDeploymentError: nobody can take the call, whenever it is asked.
            Exception: the latest failure, where there was one.
        """
        if self._let_in is not None:
            let_in, self._let_in = self._let_in, None
            return let_in
        if self._asked is not None or self._waiting is not None:
            self._anew()
        while not self.over:
            step = self._pick_any(now) or self._later(now)
            if step is not None:
                return step
        raise self._ending(now)

    def spare(self, now: float) -> Go | Ask | None:
        """Another of the same group who is free at once, to be asked beside the one who has not answered."""
        if self._let_in is not None:
            let_in, self._let_in = self._let_in, None
            return let_in
        return self._pick(self.visits[min(self._at, len(self.visits) - 1)], now)

    def answered(self, told: Admitted | Full | Looked, now: float) -> None:
        """What the store has said."""
        asked, self._asked = self._asked, None
        assert asked is not None  # noqa: S101 - it was asked
        if isinstance(told, Looked):
            self.table.take(asked.visit.group, told, now)
        elif isinstance(told, Admitted):
            self._let_in = self._entered(asked, asked.members[told.place], told.probe, now)
        else:
            for member, wait in zip(asked.members, told.waits, strict=True):
                self._is_full(member, wait, now)

    def _anew(self) -> None:
        """After a wait, or where a store did not answer: look at all again."""
        self._at, self._asked = 0, None
        self.full.clear()
        for visit in self.visits:
            visit.order, visit.ahead, visit.looked = None, None, False

    def _pick_any(self, now: float) -> Step | None:
        while self._at < len(self.visits):
            visit = self.visits[self._at]
            step = None if visit.closed else self._pick(visit, now)
            if step is not None:
                return step
            self._further(visit)
            self._at += 1
        return None

    def _pick(self, visit: Visit, now: float) -> Go | Ask | None:
        """The next of a group who is free."""
        if visit.order is None:
            if (look := self._look(visit, now)) is not None:
                return look
            visit.order = self._plan(visit, now)
        while (member := self._candidate(visit, now)) is not None:
            step = self._enter(visit, member, now)
            if step is not None:
                return step
        return None

    def _plan(self, visit: Visit, now: float) -> Iterator[Member]:
        return visit.group.pool.plan(visit.wanted, self.draw, now)

    def _candidate(self, visit: Visit, now: float) -> Member | None:
        if (ahead := visit.ahead) is not None:
            visit.ahead = None
            if self._open(ahead, now):
                return ahead
        assert visit.order is not None  # noqa: S101 - whoever calls has seen to it
        for member in visit.order:
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
        return self.full.get(member, 0.0) <= now and not self._barred(member)

    def _barred(self, member: Member) -> bool:
        return any(_bars(others, failed, member) for others, failed in self._bars)

    # --- getting in

    def _enter(self, visit: Visit, member: Member, now: float) -> Go | Ask | None:
        table = self.table
        counts = visit.group.strategy.counts
        limited = counts or table.limits.any(member)
        if table.shared:
            if limited or member.strikes:
                return self._ask(visit, member, now)
            limited = False
        return self._take(visit, member, now, limited=limited)

    def _take(self, visit: Visit, member: Member, now: float, *, limited: bool) -> Go | None:
        ticket = self._ticket() if limited else ""
        op = Admit(ticket, (self._wants(visit, member),), self._lease(now)) if limited else None
        table = self.table
        with table.lock:
            probe = member.strikes > 0
            if probe and (member.cooling > now or member.probing > now):
                return None
            if op is not None:
                told = table.admission.perform(op, int(now * 1000))
                if not isinstance(told, Admitted):
                    self._is_full(member, told.waits[0], now)
                    return None
            if probe:
                member.probing = self.until + _MARGIN
            member.running += 1
        return self._gone(visit, member, ticket, probe, now, False)

    def _ask(self, visit: Visit, first: Member, now: float) -> Ask:
        members = [first]
        while len(members) < _AT_ONCE and (member := self._candidate(visit, now)) is not None:
            members.append(member)
        ticket = self._ticket()
        self._asked = _Asked(visit, tuple(members), ticket)
        candidates = tuple([self._wants(visit, member) for member in members])
        return Ask(Admit(ticket, candidates, self._lease(now)), self._asked.members)

    def _wants(self, visit: Visit, member: Member) -> Candidate:
        table = self.table
        share = self.settings.share if table.lost else 1.0
        return table.limits.candidate(
            member, visit.wanted, share, counts=visit.group.strategy.counts
        )

    def _lease(self, now: float) -> int:
        return max(1, int((self.until - now + _MARGIN) * 1000))

    def _ticket(self) -> str:
        self._tickets += 1
        return f"{self.id}/{self._tickets}"

    def _entered(self, asked: _Asked, member: Member, probe: bool, now: float) -> Go:
        with self.table.lock:
            probe = probe or (member.strikes > 0 and member.place != member.id)
            if probe:
                member.probing = self.until + _MARGIN
            member.running += 1
        return self._gone(asked.visit, member, asked.ticket, probe, now, True)

    def _is_full(self, member: Member, wait: int | None, now: float) -> None:
        self.full[member] = (
            inf if wait is None or wait == FOR_EVER else now + max(wait / 1000, _LEAST)
        )

    def _look(self, visit: Visit, now: float) -> Ask | None:
        """Ask a store how a group's members are, where that is not known yet."""
        group, table = visit.group, self.table
        if visit.looked or (not table.shared and not group.strategy.counts):
            return None
        visit.looked = True
        if not group.strategy.counts and now - group.looked < _FRESH:
            return None
        group.looked = now
        op = Look(group.ids, table.limits.counted(group.members))
        if not table.shared:
            with table.lock:
                told = table.admission.perform(op, int(now * 1000))
            table.take(group, told, now)
            return None
        self._asked = _Asked(visit, group.members, "")
        return Ask(op, group.members)

    def _gone(
        self, visit: Visit, member: Member, ticket: str, probe: bool, now: float, shared: bool
    ) -> Go:
        go = self._as_go(visit, member, ticket, probe, now, shared)
        self.tried[member] = _Tried(self.round, -1, inf)
        self._out[member] = go, visit
        self.attempts += 1
        visit.attempts += 1
        self._waiting = None
        return go

    def _as_go(
        self, visit: Visit, member: Member, ticket: str, probe: bool, now: float, shared: bool
    ) -> Go:
        return Go(
            member,
            ticket,
            probe,
            visit.group.name,
            self._how(visit, member),
            visit.changes,
            now,
            shared,
        )

    def _how(self, visit: Visit, member: Member) -> How:
        if member in self.tried:
            return "again"
        if visit is not self.visits[0] and not visit.attempts:
            return "fallback"
        return "rerouted" if self.attempts else "first"

    # --- other groups, other times

    def _further(self, visit: Visit) -> None:
        """Where a group has nobody left at once, find what to try instead of it."""
        if not visit.asked:
            visit.asked = True
            why = "plain" if visit.rule is None else visit.rule.instead
            self._pending[:0] = instead_of(visit.group.name, why, self.terms, self.settings)
        if visit is not self.visits[-1]:
            return
        while self._pending and len(self.visits) <= self.settings.max_fallbacks:
            target = self._pending.pop(0)
            try:
                group = self.table.find(target.group)
            except ConfigurationError as error:
                self.unknown.append(error.message)
                continue
            if all(group.name != seen.group.name for seen in self.visits):
                wanted = _changed(self.visits[0].wanted, target.changes)
                self.visits.append(Visit(group, wanted, target.changes))
                return

    def _later(self, now: float) -> Step | None:
        """Nobody is left who is free: whoever is by now, or wait for the first, or it is over."""
        found, place = self._soonest(now)
        if found is not None and found.at <= now:
            if not found.again:
                return self._enter(found.visit, found.member, now)
            self.round += 1
            self._anew()
            return None
        began = now if self._waiting is None else self._waiting
        limit = min(self.until, began + self._longest())
        if found is None or now >= limit or (found.at >= limit and not place):
            self.over = True
            return None
        self._waiting = began
        return self._wait(found, min(found.at, limit) - now, place, now)

    def _wait(self, found: _Next, seconds: float, place: bool, now: float) -> Wait:  # noqa: FBT001 - a field
        reason = why_not(self, found.member, now)
        return Wait(max(seconds, _LEAST), reason, place, found.visit.group.name, found.again)

    def _longest(self) -> float:
        own = self.terms.longest_wait
        return self.settings.longest_wait if own is None else own

    def _raises(self) -> bool:
        return (self.terms.when_busy or self.settings.when_busy) == "raise"

    def _soonest(self, now: float) -> tuple[_Next | None, bool]:
        """Who can be asked first of all that are left, and whether somebody who leaves may make it earlier."""
        best: _Next | None = None
        place, raises = False, self._raises()
        for visit, member in self.left_over():
            tried = self.tried.get(member)
            again = tried is not None and tried.round == self.round
            own = 0.0 if tried is None else tried.ready
            free, waits = self.free_at(member, now)
            if raises and free > max(now, own):
                continue
            place = place or waits
            at = max(own, free)
            if best is None or (at, again) < (best.at, best.again):
                best = _Next(at, again, visit, member)
        if best is not None and best.at == inf and not place:
            return None, False
        return best, place

    def left_over(self) -> Iterator[tuple[Visit, Member]]:
        """Whom the call may still ask, at some time."""
        for visit in self.visits:
            if visit.closed:
                continue
            out = visit.group.pool.unfit(visit.wanted)
            for number, member in enumerate(visit.group.members):
                tried = self.tried.get(member)
                if tried is not None and tried.rounds < max(self.round, tried.round + 1):
                    continue
                if not out >> number & 1 and not self._barred(member):
                    yield visit, member

    def free_at(self, member: Member, now: float) -> tuple[float, bool]:
        """When a member is free, as far as is known, and whether it may be earlier: when somebody leaves."""
        if member.cooling > now:
            return (inf if health.lasting(member) else member.cooling), False
        if member.strikes and member.probing > now:
            return inf, True
        until = self.full.get(member, 0.0)
        return until, until > now

    # --- what became of it

    def failed(
        self,
        go: Go,
        error: Exception,
        now: float,
        repeatable: bool = True,  # noqa: FBT001, FBT002 - as the flow knows it
        here: bool | None = None,  # noqa: FBT001 - the same
    ) -> After:
        """An attempt has failed.

        Args:
            go: the attempt.
            error: what with; ``next`` raises the latest where nobody else is left.
            now: the time.
            repeatable: whether the request may go to another deployment where nobody knows what became of it.
            here: whether it may go to the same again; by default, as ``repeatable``.
        """
        found = self._out.pop(go.member, None)
        if found is None:
            return NOTHING_MORE
        visit = found[1]
        rule = rule_of(error, continuing=self.settings.continue_streams)
        what = health.Failure(error, rule, go.began, _alone(visit.group, rule))
        self.error = error
        visit.rule = self._following(rule, error, repeatable, repeatable if here is None else here)
        self._bounded(visit, go.member, error, now)
        return ending.failed(self.table, go, what, now)

    def _following(self, rule: Rule, error: Exception, repeatable: bool, here: bool) -> Rule:  # noqa: FBT001
        """What may follow, for a request that may have been done."""
        if repeatable or not may_be_done(error):
            return rule
        if not (here and rule.again) and isinstance(error, APIError) and rule.others != "none":
            error.message += _ASKED
            error.args = (error.message,)
        return rule._replace(others="none", instead="none", again=here and rule.again)

    def _bounded(self, visit: Visit, member: Member, error: Exception, now: float) -> None:
        """Say who may still be asked after this failure, and when."""
        rule = visit.rule
        assert rule is not None  # noqa: S101 - whoever calls has set it
        bound = self.settings.retries(visit.group.name, error)
        if bound is not None and visit.attempts > bound:
            visit.closed = True
        asked = getattr(error, "retry_after", None) or 0.0
        again = rule.again and asked <= self.policy.longest_retry_after
        rounds = (self._rounds(member) if bound is None else inf) if again else -1
        wait = self.policy.wait(self.round + 1, error) if again else 0.0
        self.tried[member] = _Tried(self.round, rounds, now + max(wait, self.settings.retry_after))
        if rule.others != "all":
            self._bars.append((rule.others, member))
        if rule.others == "none" and not again:
            self.over = True

    def _rounds(self, member: Member) -> float:
        own = member.deployment.num_retries
        return self.policy.retries if own is None else own

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
        """An attempt has been answered in full: in so many seconds, with so many tokens, as far as it is known."""
        if self._out.pop(go.member, None) is None:
            return NOTHING_MORE
        used = ending.Used(seconds, first_chunk, prompt, answer)
        return ending.worked(self.table, go, used, now)

    def opened(self, go: Go, now: float, seconds: float) -> After:
        """A stream's first chunk is there: its deployment is well. How it ends is told later."""
        return ending.opened(self.table, go, seconds, now)

    def left(self, go: Go, now: float) -> After:
        """An attempt was given up by its caller: that says nothing of the deployment."""
        with self.table.lock:
            return self.left_locked(go, now)

    def left_locked(self, go: Go, now: float) -> After:
        """``left``, for who has the table's lock already."""
        if self._out.pop(go.member, None) is None:
            return NOTHING_MORE
        return ending.left(self.table, go, now)

    def _ending(self, now: float) -> Exception:
        """What the call fails with. Nothing of it is kept here: it knows the frames that know this."""
        error, self.error = self.error, None
        if error is None:
            return refusal(self, now)
        soonest, _ = self._soonest(now)
        if isinstance(error, APIError) and error.retry_after is None and soonest is not None:
            if error.retryable and now < soonest.at < inf:
                error.retry_after = soonest.at - now
        return error


def _changed(wanted: Wanted, changes: Mapping[str, Any]) -> Wanted:
    """The call with what a fallback changes in it."""
    if not changes:
        return wanted
    about = {k: changes.get(k, v) for k, v in wanted.subject.items()}
    params = {**wanted.params, **{k: v for k, v in changes.items() if k not in about}}
    return replace(wanted, subject=about, params=params)


def _alone(group: Group, rule: Rule) -> bool:
    return group.hosts == 1 if rule.whole else len(group.members) == 1


def _bars(others: Others, failed: Member, member: Member) -> bool:
    """Whether a failure like that there says that this one is not to be asked either."""
    if others == "none":
        return member is not failed
    if member is failed:
        return False
    if member.deployment.model == failed.deployment.model:
        return True
    if others == "elsewhere":
        return False
    window, other = window_of(failed), window_of(member)
    return window is not None and other is not None and other <= window
