"""What strategies that give every member a score have in common: the order that scores make. No score is made here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..member import Member
from ..strategy import Draw
from .shuffle import evenly

__all__ = ["by_score"]


def by_score(members: Sequence[Member], scores: Sequence[Any], draw: Draw) -> Iterator[Member]:
    """The lowest first; equal ones in any order. Those behind are only sorted once somebody asks for them."""
    if not members:
        return
    best = min(scores)
    yield from evenly([m for m, score in zip(members, scores, strict=True) if score == best], draw)
    behind = [(score, draw(), place) for place, score in enumerate(scores) if score != best]
    behind.sort()
    for _, _, place in behind:
        yield members[place]
