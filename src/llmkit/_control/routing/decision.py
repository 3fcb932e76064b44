"""``Decision``: who would be asked for a call, and why, without asking. Reasons become words when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING

from typing_extensions import override

from . import refusing, waiting
from .entering import room

if TYPE_CHECKING:
    from .deployment import Deployment
    from .member import Member
    from .route import Route
    from .visit import Visit

__all__ = ["Decision", "decided"]


class Decision:
    """Who would be asked.

    ``member``: the deployment under one of its keys. ``group``: whose it is; another one than was asked for is a
    fallback. ``wait``: seconds until it is free; 0 where it is now.
    """

    __slots__ = ("_excluded", "_now", "_route", "group", "member", "wait")

    def __init__(self, route: Route, visit: Visit, member: Member, now: float, wait: float) -> None:
        self.member, self.group, self.wait = member, visit.group.name, wait
        self._route, self._now = route, now
        self._excluded: Mapping[str, str] | None = None

    @property
    def deployment(self) -> Deployment:
        """What it was declared as; of a wildcard, for the model that was asked for."""
        return self.member.deployment

    @property
    def why(self) -> str:
        """Why this one, in a few words."""
        first = self._route.visits[0].group
        chosen = next(v for v in self._route.visits if v.group.name == self.group)
        name = chosen.pool.why(chosen.wanted, self.member)
        if self.wait:
            when = "once somebody leaves" if self.wait == inf else f"in {self.wait:.3g} s"
            name = f"the first that is free, {when}"
        return name if chosen.group is first else f"{name}; {first.name!r} has nobody who is free"

    @property
    def excluded(self) -> Mapping[str, str]:
        """Why others would not be asked, by their ids; as of when it is first read."""
        if self._excluded is None:
            self._excluded = refusing.reasons_of(self._route, self._now)
            self._excluded.pop(self.member.id, None)
        return self._excluded

    @override
    def __repr__(self) -> str:
        return f"Decision({self.member.id!r} of {self.group!r}: {self.why})"


def decided(route: Route, now: float) -> Decision:
    """Decide for a route that has asked nobody."""
    while route.at < len(route.visits):
        visit = route.visits[route.at]
        if visit.order is None:
            visit.order = visit.pool.plan(visit.wanted, route.draw, now)
        while (member := route.candidate(visit, now)) is not None:
            if room(route, visit, member, now):
                return Decision(route, visit, member, now, 0.0)
        route.further(visit)
        route.at += 1
    found, _ = waiting.soonest(route, now)
    if found is None:
        raise refusing.refusal(route, now)
    return Decision(route, found.visit, found.member, now, max(0.0, found.at - now))
