"""``Pool``: the members of one group with all that can be worked out once, and the order in which a call asks them.

What strategies, checks and tags each know is put together here; who is well and has room is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .checks import Fit, unfit
from .member import Member
from .settings import Settings
from .strategies.affinity import key_of, nearest
from .strategy import Draw, State, Strategy
from .tags import Tagged
from .wanted import Wanted

__all__ = ["Pool"]

_MOST_KEPT = 1024


class Part(NamedTuple):
    """Some of a group's members, and what its strategy has prepared of them."""

    members: Sequence[Member]
    prepared: Any


class Pool:
    """The members of a group, in the order in which they were declared. Made anew when one comes or goes.

    Raises:
        ConfigurationError: a pattern of tags is none.
    """

    __slots__ = ("_fit", "_kept", "_levels", "_parts", "_stays", "_tagged", "_prepare", "members", "settings", "strategy")

    def __init__(
        self, members: Iterable[Member], settings: Settings, strategy: Strategy, group: str = ""
    ) -> None:
        self.members = tuple(members)
        self.settings = settings
        self.strategy = strategy
        self._prepare = getattr(strategy, "prepare", None)
        self._fit = Fit(self.members, settings)
        self._tagged = Tagged(self.members, settings) if settings.tag_filtering else None
        self._stays = settings.stays(group)
        orders: dict[int, int] = {}
        for place, member in enumerate(self.members):
            order = member.deployment.order
            orders[order] = orders.get(order, 0) | 1 << place
        self._levels = tuple(orders[order] for order in sorted(orders))
        self._parts: dict[int, Part] = {}

    def unfit(self, wanted: Wanted) -> int:
        """Those who can never take the call: a mask with a bit for each of ``members``, in their order."""
        out = self._fit.unfit(wanted)
        return out if self._tagged is None else out | self._tagged.unfit(wanted)

    def plan(self, wanted: Wanted, draw: Draw, now: float) -> Iterator[Member]:
        """Those who can take the call, the best first; each is found when it is asked for."""
        out = self.unfit(wanted)
        if len(self._levels) == 1 and not wanted.at:
            return self._level(self._levels[0] & ~out, wanted, draw, now)
        return self._through(out, wanted, draw, now)

    def excluded(self, wanted: Wanted) -> Mapping[str, str]:
        """Why members can never take the call, by their ids."""
        out = self.unfit(wanted)
        return {
            member.id: unfit(member, wanted, self.settings) or "its tags are not those of the call"
            for place, member in enumerate(self.members)
            if out >> place & 1
        }

    def _through(self, out: int, wanted: Wanted, draw: Draw, now: float) -> Iterator[Member]:
        kept = next((m for m in self.members if m.id == wanted.at), None) if wanted.at else None
        if kept is not None and not out >> self.members.index(kept) & 1:
            yield kept
        for level in self._levels:
            for member in self._level(level & ~out, wanted, draw, now):
                if member is not kept:
                    yield member

    def _level(self, mask: int, wanted: Wanted, draw: Draw, now: float) -> Iterator[Member]:
        part = self._parts.get(mask) or self._part(mask)
        if self._stays:
            key = key_of(wanted, self._stays)
            if key is not None:
                return nearest(key, part.members)
        state = State(part.members, draw, part.prepared)
        return iter(self.strategy.plan(wanted, state, now))

    def _part(self, mask: int) -> Part:
        members = tuple(m for place, m in enumerate(self.members) if mask >> place & 1)
        part = Part(members, None if self._prepare is None else self._prepare(members))
        if len(self._parts) >= _MOST_KEPT:
            self._parts.clear()
        self._parts[mask] = part
        return part
