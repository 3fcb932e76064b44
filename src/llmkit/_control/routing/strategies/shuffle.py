"""``simple-shuffle``: members drawn by weight, one after the other, each only once somebody asks for it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from math import log
from typing import Final, NamedTuple

from ..member import Member
from ..strategy import Draw, State
from ..wanted import Wanted

__all__ = ["Drawn", "SimpleShuffle", "drawn", "evenly", "sums_of", "weighed"]

# What a deployment can be weighed by, the first that any of a group has.
_WEIGHTS: Final[tuple[Callable[[Member], float | None], ...]] = (
    lambda member: member.deployment.weight,
    lambda member: member.deployment.rpm,
    lambda member: member.deployment.tpm,
)
# How often one that was drawn before may come up again before the others are put into an order at once.
_PATIENCE: Final = 8


class Drawn(NamedTuple):
    """Members to be drawn by weight.

    ``weights`` and their ``sums`` are of ``heavy``, in its order; no sums where all weigh the same. ``light`` weigh
    nothing, and are drawn when nobody else is left.
    """

    heavy: Sequence[Member]
    weights: Sequence[float]
    sums: Sequence[float]
    light: Sequence[Member]


def weighed(members: Sequence[Member]) -> list[float]:
    """What each is drawn by. A deployment's weight is shared by its keys."""
    keys = [max(1, len(member.deployment.keys)) for member in members]
    for weight in _WEIGHTS:
        found = [float(weight(member) or 0.0) for member in members]
        if any(found):
            return [one / shared for one, shared in zip(found, keys, strict=True)]
    return [1.0 / shared for shared in keys]


def sums_of(members: Sequence[Member]) -> Drawn:
    """What is needed to draw of these members."""
    weights = weighed(members)
    heavy = [member for member, weight in zip(members, weights, strict=True) if weight > 0]
    light = [member for member, weight in zip(members, weights, strict=True) if not weight > 0]
    kept = [weight for weight in weights if weight > 0]
    sums = list(accumulate(kept)) if len(set(kept)) > 1 else []
    return Drawn(heavy, kept, sums, light)


def evenly(members: Sequence[Member], draw: Draw) -> Iterator[Member]:
    """All of them in any order, each as likely as the other."""
    left = len(members)
    if not left:
        return
    place = int(draw() * left)
    yield members[place]
    rest = list(members)
    while left > 1:
        left -= 1
        rest[place] = rest[left]
        place = int(draw() * left)
        yield rest[place]


def drawn(prepared: Drawn, draw: Draw) -> Iterator[Member]:
    """All of them, drawn one after the other by their weights."""
    if prepared.sums:
        yield from _by_weight(prepared, draw)
    else:
        yield from evenly(prepared.heavy, draw)
    if prepared.light:
        yield from evenly(prepared.light, draw)


def _by_weight(prepared: Drawn, draw: Draw) -> Iterator[Member]:
    members, _, sums, _ = prepared
    total, last = sums[-1], len(sums) - 1
    taken: set[int] = set()
    for _ in range(_PATIENCE):
        place = min(bisect_right(sums, draw() * total), last)
        if place not in taken:
            yield members[place]
            taken.add(place)
    yield from _others(prepared, taken, draw)


def _others(prepared: Drawn, taken: set[int], draw: Draw) -> Iterator[Member]:
    """Those who are left, all at once: each waits a random time, the shorter the more it weighs."""
    members, weights, _, _ = prepared
    waits = [
        (-log(1.0 - draw()) / weights[place], place, member)
        for place, member in enumerate(members)
        if place not in taken
    ]
    waits.sort()
    for _, _, member in waits:
        yield member


class SimpleShuffle:
    """Draws by ``weight``; where no member has one, by ``rpm``, else by ``tpm``, else evenly."""

    name = "simple-shuffle"
    counts = False
    used = False
    whole = True

    def prepare(self, members: Sequence[Member]) -> Drawn:
        """Sums of the weights."""
        return sums_of(members)

    def plan(self, call: Wanted, state: State, now: float) -> Iterator[Member]:
        """See ``Strategy``."""
        prepared = state.prepared
        if len(state.members) == 1:
            return iter(state.members)
        return drawn(sums_of(state.members) if prepared is None else prepared, state.draw)

    def why(self, call: Wanted, member: Member) -> str:
        """See ``Strategy``."""
        return f"{self.name}: drawn by weight"
