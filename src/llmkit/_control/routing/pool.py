"""``Pool``: the members of one group with all that can be worked out once, and the order in which a call asks them.

What strategies, checks and tags each know is put together here; who is well and has room is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .checks import Fit, unfit
from .member import Member
from .settings import Settings
from .strategies.affinity import Places, key_of, nearest, placed
from .strategies.shuffle import SimpleShuffle, drawn, sums_of
from .strategy import Draw, State, Strategy
from .tags import Tagged
from .wanted import Wanted

__all__ = ["Pool"]

_MOST_KEPT = 1024


class Part(NamedTuple):
    """Some of a group's members, and what its strategy has prepared of them."""

    members: Sequence[Member]
    prepared: Any
    places: Places | None
    """Where calls go that keep to a member, where there are such."""


class Pool:
    """The members of a group, in the order in which they were declared. Made anew when one comes or goes.

    Raises:
        ConfigurationError: a pattern of tags is none.
    """

    __slots__ = (
        "_levels",
        "_parts",
        "_prepare",
        "_stays",
        "_tagged",
        "_weighted",
        "_whole",
        "alone",
        "fit",
        "members",
        "settings",
        "strategy",
    )

    def __init__(
        self, members: Iterable[Member], settings: Settings, strategy: Strategy, group: str = ""
    ) -> None:
        self.members = tuple(members)
        self.settings = settings
        self.strategy = strategy
        self._prepare = getattr(strategy, "prepare", None)
        self._whole = getattr(strategy, "whole", False)
        self._weighted = settings.weighted_failover and not isinstance(strategy, SimpleShuffle)
        self.fit = Fit(self.members, settings)
        self._tagged = Tagged(self.members, settings) if settings.tag_filtering else None
        self._stays = settings.stays(group)
        self._levels = _levels(self.members)
        untagged = self._whole and self._tagged is None
        self.alone = self.members[0] if len(self.members) == 1 and untagged else None
        """Who is asked whatever the call is, where there is one alone; unless it is ``unfit``."""
        self._parts: dict[int, Part] = {}

    def unfit(self, wanted: Wanted) -> int:
        """Those who can never take the call: a mask with a bit for each of ``members``, in their order."""
        out = self.fit.unfit(wanted)
        return out if self._tagged is None else out | self._tagged.unfit(wanted)

    def too_long(self, wanted: Wanted) -> bool:
        """Whether nobody can ever take the call, and its length is why for one of them at least."""
        everybody = (1 << len(self.members)) - 1
        return self.fit.too_long(wanted) and self.unfit(wanted) == everybody

    def plan(self, wanted: Wanted, draw: Draw, now: float) -> Iterator[Member]:
        """Those who can take the call, the best first; each is found when it is asked for."""
        out = self.unfit(wanted)
        if len(self._levels) == 1 and not wanted.at and not self.fit.behind(wanted):
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

    def why(self, wanted: Wanted, member: Member) -> str:
        """Why a member goes where it does in the order, as far as that is known afterwards."""
        if wanted.at == member.id:
            return "it has what the call continues"
        if self._stays and key_of(wanted, self._stays) is not None:
            return "affinity: calls that belong together stay together"
        said = getattr(self.strategy, "why", None)
        return self.strategy.name if said is None else str(said(wanted, member))

    def _through(self, out: int, wanted: Wanted, draw: Draw, now: float) -> Iterator[Member]:
        """Level after level; within one, those first of whom all is known that is asked for."""
        kept = self._continued(wanted.at, out) if wanted.at else None
        if kept is not None:
            yield kept
        behind = self.fit.behind(wanted)
        for level in self._levels:
            for mask in (level & ~out & ~behind, level & ~out & behind):
                for member in self._level(mask, wanted, draw, now) if mask else ():
                    if member is not kept:
                        yield member

    def _continued(self, at: str, out: int) -> Member | None:
        for place, member in enumerate(self.members):
            if member.id == at and not out >> place & 1:
                return member
        return None

    def _level(self, mask: int, wanted: Wanted, draw: Draw, now: float) -> Iterator[Member]:
        part = self._parts.get(mask) or self._part(mask)
        if part.places is not None:
            key = key_of(wanted, self._stays)
            if key is not None:
                return nearest(key, part.places)
        order = self.strategy.plan(wanted, State(part.members, draw, part.prepared), now)
        whole = iter(order) if self._whole else _all_of(order, part.members)
        return _then_by_weight(whole, part.members, draw) if self._weighted else whole

    def _part(self, mask: int) -> Part:
        members = tuple(m for place, m in enumerate(self.members) if mask >> place & 1)
        prepared = None if self._prepare is None else self._prepare(members)
        part = Part(members, prepared, placed(members) if self._stays else None)
        if len(self._parts) >= _MOST_KEPT:
            self._parts.clear()
        self._parts[mask] = part
        return part


def _levels(members: Sequence[Member]) -> tuple[int, ...]:
    """Masks of the members of one order each, the lowest first."""
    orders: dict[int, int] = {}
    for place, member in enumerate(members):
        order = member.deployment.order
        orders[order] = orders.get(order, 0) | 1 << place
    return tuple(orders[order] for order in sorted(orders))


def _all_of(order: Iterable[Member], members: Sequence[Member]) -> Iterator[Member]:
    """What a strategy of somebody else's says, and then those whom it has left out; nobody twice, and no stranger."""
    left = dict.fromkeys(members)
    for member in order:
        if member in left:
            del left[member]
            yield member
    yield from left


def _then_by_weight(
    order: Iterator[Member], members: Sequence[Member], draw: Draw
) -> Iterator[Member]:
    first = next(order, None)
    if first is not None:
        yield first
    yield from drawn(sums_of([member for member in members if member is not first]), draw)
