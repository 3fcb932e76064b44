"""Who can be asked later, and when, where nobody is left who can be asked at once."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from . import health
from .entering import LEAST
from .member import Member
from .steps import Wait
from .visit import Visit, barred

if TYPE_CHECKING:
    from .route import Route

__all__ = ["Next", "free_at", "left_over", "soonest", "wait", "why_not"]

_LOOKS: Final = (0.25, 0.5)
"""Seconds after which it is looked again whether another process has left a place, first and later: nobody says so."""


class Next(NamedTuple):
    """Who comes next of all that are left. ``again``: in a further round."""

    at: float
    again: bool
    visit: Visit
    member: Member


def left_over(route: Route) -> Iterator[tuple[Visit, Member]]:
    """Whom the call may still ask, at some time."""
    for visit in route.visits:
        if visit.closed:
            continue
        out = visit.group.pool.unfit(visit.wanted)
        tries, bars = route.tried, route.bars
        for number, member in enumerate(visit.group.members):
            if out and out >> number & 1:
                continue
            tried = tries.get(member)
            if tried is not None and tried.rounds < max(route.round, tried.round + 1):
                continue
            if not bars or not barred(bars, member):
                yield visit, member


def free_at(route: Route, member: Member, now: float) -> tuple[float, bool]:
    """When a member is free, as far as is known, and whether it may be earlier: when somebody leaves."""
    if member.cooling > now:
        return (inf if health.lasting(member) else member.cooling), False
    if member.strikes and member.probing > now:
        return inf, True
    until = route.full.get(member, 0.0)
    return until, until > now and member not in route.never


def soonest(route: Route, now: float) -> tuple[Next | None, bool]:
    """Who can be asked first of all that are left, and whether somebody who leaves may make it earlier."""
    best: Next | None = None
    first, place, raises = inf, False, route.raises
    for visit, member in left_over(route):
        free, leaves = free_at(route, member, now)
        tried = route.tried.get(member)
        again = False
        if tried is not None:
            again = tried.round == route.round
            if raises and free > max(now, tried.ready):
                continue
            free = max(tried.ready, free)
        elif raises and free > now:
            continue
        place = place or leaves
        if best is None or free < first or (free == first and best.again and not again):
            best, first = Next(free, again, visit, member), free
    return (None, False) if first == inf and not place else (best, place)


def wait(route: Route, found: Next | None, place: bool, now: float) -> Wait | None:  # noqa: FBT001 - what ``soonest`` says
    """Wait for the first; ``None``: nobody is worth it, or in time for it."""
    began = now if route.waiting is None else route.waiting
    limit = min(route.until, began + route.settings.longest_wait)
    if found is not None and found.again and free_at(route, found.member, now)[0] <= now:
        # It is free: this is the time between two rounds.
        limit = route.until
    if found is None or now >= limit or (found.at >= limit and not place):
        return None
    route.waiting = began
    until = min(found.at, limit)
    if place and route.table.store is not None:
        first, later = _LOOKS
        looks = min(max(now - began, first), later) * (0.5 + route.draw())
        until = min(until, now + looks)
    seconds = max(until - now, LEAST)
    return Wait(
        seconds, why_not(route, found.member, now), place, found.visit.group.name, found.again
    )


def why_not(route: Route, member: Member, now: float) -> str:
    """Why a member that could take the call is not asked now; empty where nothing is against it."""
    if member in route.tried:
        return "it was asked, and failed"
    after = member.reason.removesuffix(health.LASTING)
    if member.cooling > now:
        return f"it cools down for {member.cooling - now:.3g} s more after {after}"
    if member.strikes and member.probing > now:
        return f"after {after}, another call is finding out whether it is well"
    return _no_room(route, member, now)


def _no_room(route: Route, member: Member, now: float) -> str:
    until = route.full.get(member, 0.0)
    if until <= now:
        return ""
    if until < inf:
        return f"its limit is reached for {until - now:.3g} s"
    return "the call takes more than its limit" if member in route.never else "its places are taken"
