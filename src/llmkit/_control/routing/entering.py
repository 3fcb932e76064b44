"""How a call gets in at a deployment: at once, by this process's own admission, or by the store that all share."""

from __future__ import annotations

from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Final

from ..._operations import FOR_EVER, Admit, Admitted, Candidate, Full, Look, Looked
from .member import Member
from .quotas import MINUTE
from .steps import Ask, Go, How
from .visit import Asked, Tried, Visit

if TYPE_CHECKING:
    from .route import Route

__all__ = ["LEAST", "answered", "as_go", "at_once", "enter", "look", "room"]

_tuple: Final = tuple.__new__
LEAST: Final = 0.001
"""Seconds; less is not waited."""
_FRESH: Final = 0.5
"""Seconds for which what a store has said of a group's members is not asked again."""
_OWN: Final = 0.1
"""The same of this process's own admission: what leaves its windows is not missed for so long."""
_AT_ONCE: Final = 8
"""Most candidates that a store is asked to choose from."""
_MARGIN: Final = 30.0
"""Seconds for which a place outlives the call's deadline, for whoever had it to say how it ended."""
_NO_PLACE: Final = 90.0
"""Seconds that a ticket lives which only counts in a minute's window, or is a probe's: whoever crashes as one does not
keep all others away until the deadline of its call."""


def at_once(route: Route, now: float) -> Go | None:
    """Get in at the only one who is there, and is well; ``None``: there is more to be thought about."""
    visit = route.visits[0]
    member = visit.group.alone
    if member is None or member.strikes or member.cooling > now:
        return None
    waits = visit.order is not None or route.waiting is not None
    # Of tags, nothing is to be asked where there is one alone.
    if waits or visit.pool.fit.unfit(visit.wanted):
        return None
    table = route.table
    number = next(table.numbers)
    # In the order of its fields: most calls make one, and its own __new__ is three times as slow.
    go = _tuple(Go, (
        member, "", False, visit.group.name, "first", visit.changes, now, False, 0.0, number
    ))  # fmt: skip
    with table.lock:
        if member.strikes:
            return None
        _in(route, visit, go)
    return _gone(route, visit, go)


def enter(route: Route, visit: Visit, member: Member, now: float) -> Go | Ask | None:
    """Get in there, or ask whether one may; ``None``: there is no room."""
    table = route.table
    if table.limits.any(member) or table.counts(visit.group):
        shared = table.shared
    elif member.strikes and table.shared:
        shared = True
    else:
        return _take(route, visit, member, now)
    return _ask(route, visit, member, now) if shared else _own(route, visit, member, now)


def _take(route: Route, visit: Visit, member: Member, now: float) -> Go | None:
    """Where there are no limits, only a probe has to be alone."""
    go = as_go(route, visit, member, now)
    with route.table.lock:
        if member.strikes:
            if member.cooling > now or member.probing > now:
                return None
            go = go._replace(probe=True)
        _in(route, visit, go)
    return _gone(route, visit, go)


def _own(route: Route, visit: Visit, member: Member, now: float) -> Go | None:
    """By this process's own admission."""
    wants, ticket = _wants(route, visit, member), _ticket(route)
    op = Admit(ticket, (wants,), _lease(route, now))
    go = as_go(route, visit, member, now, ticket)
    with route.table.lock:
        if member.strikes:
            if member.cooling > now or member.probing > now:
                return None
            go = go._replace(probe=True)
        # An interrupt finds it there and leaves it, whether it has got in or not.
        route.out[member] = go, visit
        told = route.table.admission.perform(op, int(now * 1000))
        if isinstance(told, Full):
            del route.out[member]
            _is_full(route, member, told.waits[0], now)
            return None
        known = member.used
        for name, _, _, amount in wants.quotas:
            known[name] = known.get(name, 0) + amount
        _in(route, visit, go)
    return _gone(route, visit, go)


def _in(route: Route, visit: Visit, go: Go) -> None:
    """It is in: first where it is looked for when the call is interrupted. Whoever calls has the lock."""
    member = go.member
    route.out[member] = go, visit
    if go.probe:
        member.prober, member.probing = go.number, route.until + _MARGIN
    member.enter(go.number)


def _ask(route: Route, visit: Visit, first: Member, now: float) -> Ask:
    """By the store: the first of a few who has room there."""
    table, members = route.table, [first]
    while len(members) < _AT_ONCE and (member := route.candidate(visit, now)) is not None:
        members.append(member)
    candidates = tuple([_wants(route, visit, member) for member in members])
    asked = Asked(visit, tuple(members), _ticket(route))
    route.asked = asked
    lease = _lease(route, now)
    if not table.counts(visit.group) and not any(map(_lasts, candidates)):
        lease = min(lease, int(_NO_PLACE * 1000))
    return Ask(Admit(asked.ticket, candidates, lease), asked.members)


def _wants(route: Route, visit: Visit, member: Member) -> Candidate:
    table = route.table
    share = route.settings.share if table.lost else 1.0
    return table.limits.candidate(member, visit.wanted, share, counts=table.counts(visit.group))


def _lasts(candidate: Candidate) -> bool:
    """Whether a ticket means anything for as long as the call lasts."""
    return candidate.parallel is not None or any(q.width > MINUTE for q in candidate.quotas)


def _lease(route: Route, now: float) -> int:
    return max(1, int((route.until - now + _MARGIN) * 1000))


def _ticket(route: Route) -> str:
    route.tickets += 1
    return f"{route.id}/{route.tickets}"


def _is_full(route: Route, member: Member, wait: int | None, now: float) -> None:
    """It has no room until then; ``inf``: until somebody leaves."""
    late = wait is None or wait >= FOR_EVER
    route.full[member] = inf if late else now + max((wait or 0) / 1000, LEAST)
    if wait is not None and late and not route.table.lost:
        route.never.add(member)


def answered(route: Route, asked: Asked, told: Admitted | Full | Looked, now: float) -> Go | None:
    """What the store has said: who was let in, where anybody was."""
    if isinstance(told, Looked):
        route.table.take(asked.visit.group, told, now)
        return None
    if isinstance(told, Full):
        for member, wait in zip(asked.members, told.waits, strict=True):
            _is_full(route, member, wait, now)
        return None
    visit, member = asked.visit, asked.members[told.place]
    # Those behind it were not looked at: they are still next in order.
    visit.order = chain(asked.members[told.place + 1 :], visit.order or ())
    go = as_go(route, visit, member, now, asked.ticket, shared=True)
    with route.table.lock:
        # The store knows nothing of keys one by one, nor of a wildcard's models.
        if told.probe or (member.strikes and member.place != member.id):
            go = go._replace(probe=True)
        _in(route, visit, go)
    return _gone(route, visit, go)


def look(route: Route, visit: Visit, now: float) -> Ask | None:
    """Ask how a group's members are, where that is not known yet."""
    if visit.looked:
        return None
    group, table = visit.group, route.table
    counts = table.counts(group)
    if not (counts or table.shared):
        return None
    visit.looked = True
    # What is admitted here is counted meanwhile, too; what is elsewhere, only the store knows.
    fresh = (0.0 if counts else _FRESH) if table.shared else _OWN
    if now - group.looked < fresh:
        return None
    group.looked = now
    op = Look(group.ids, group.counted)
    if table.shared:
        route.asked = Asked(visit, group.members, "")
        return Ask(op, group.members)
    table.look(group, op, now)
    return None


def as_go(
    route: Route,
    visit: Visit,
    member: Member,
    now: float,
    ticket: str = "",
    *,
    shared: bool = False,
) -> Go:
    """Asking this one, before any place is taken."""
    how: How
    if member in route.tried:
        how = "again"
    elif visit is not route.visits[0] and not visit.attempts:
        how = "fallback"
    else:
        how = "rerouted" if route.attempts else "first"
    waited = 0.0 if route.waiting is None else now - route.waiting
    number = next(route.table.numbers)
    name = visit.group.name
    return Go(member, ticket, False, name, how, visit.changes, now, shared, waited, number)


def _gone(route: Route, visit: Visit, go: Go) -> Go:
    route.tried[go.member] = Tried(route.round, -1, inf)
    route.attempts += 1
    visit.attempts += 1
    route.waiting = None
    return go


def room(route: Route, visit: Visit, member: Member, now: float) -> bool:
    """Whether there is room just now, as far as this process knows; nothing is taken."""
    table = route.table
    if not table.limits.any(member):
        return True
    wants = _wants(route, visit, member)
    if table.shared:
        free = wants.parallel is None or member.running < wants.parallel
        free = free and all(
            member.used.get(each.name, 0) + each.amount <= each.limit for each in wants.quotas
        )
        if not free:
            route.full[member] = inf
        return free
    with table.lock:
        wait = table.admission.wait(wants, int(now * 1000))
        if wait == 0:
            return True
        _is_full(route, member, wait, now)
        return False
