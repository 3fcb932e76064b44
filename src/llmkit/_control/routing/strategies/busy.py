"""``least-busy``: the member with the fewest calls on their way goes first."""

from __future__ import annotations

from collections.abc import Iterator

from ..member import Member
from ..strategy import State
from ..wanted import Wanted
from .scored import by_score

__all__ = ["LeastBusy"]


class LeastBusy:
    """The fewest calls on their way first; with a store, those of all processes count."""

    name = "least-busy"
    counts = True
    used = False
    whole = True

    def plan(self, call: Wanted, state: State, now: float) -> Iterator[Member]:
        """See ``Strategy``."""
        members = state.members
        return by_score(members, [member.running for member in members], state.draw)

    def why(self, call: Wanted, member: Member) -> str:
        """See ``Strategy``."""
        return f"{self.name}: {member.running} calls on their way there"
