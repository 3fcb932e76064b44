"""``usage-based-routing``: the member that would have used the least part of its limits goes first.

Limits are kept by admission, whatever the order: here they are only weighed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..member import Member
from ..strategy import State
from ..wanted import Wanted
from .scored import by_score

__all__ = ["UsageBased"]

_REQUESTS: Final = ("rpm", "rpd")
_TOKENS: Final = ("tpm", "tpd")
# Of English text and code; only to weigh members against each other.
_BYTES_PER_TOKEN: Final = 4

Shares = Sequence[tuple[str, Sequence[float]]]
"""For each limit that any member has: its name, and for each member what one of it is a part of; 0 without a limit."""


class UsageBased:
    """Lowest used share of rpm, tpm, rpd and tpd first, with what this call takes. Who has no room comes last.

    Who has no limit has used none of it. Where nobody has one, the fewest tokens of the last minute go first.
    """

    counts = True
    used = True
    whole = True

    def __init__(self, name: str = "usage-based-routing-v2") -> None:
        self.name = name

    def prepare(self, members: Sequence[Member]) -> Shares:
        """What one request, or one token, is a part of."""
        found = []
        for name in (*_REQUESTS, *_TOKENS):
            limits = [getattr(member.deployment, name) for member in members]
            if any(limits):
                found.append((name, [1.0 / limit if limit else 0.0 for limit in limits]))
        return found

    def plan(self, call: Wanted, state: State, now: float) -> Iterator[Member]:
        """See ``Strategy``."""
        members = state.members
        shares = self.prepare(members) if state.prepared is None else state.prepared
        return by_score(members, self._scores(call, members, shares), state.draw)

    def _scores(self, call: Wanted, members: Sequence[Member], shares: Shares) -> Sequence[float]:
        used = [member.used for member in members]
        if not shares:
            return [taken.get("tpm", 0) for taken in used]
        tokens = call.size // _BYTES_PER_TOKEN + call.answer
        scores: list[float] = []
        for name, parts in shares:
            more = 1 if name in _REQUESTS else tokens
            found = [
                (taken.get(name, 0) + more) * part for taken, part in zip(used, parts, strict=True)
            ]
            scores = list(map(max, scores, found)) if scores else found
        return scores

    def why(self, call: Wanted, member: Member) -> str:
        """See ``Strategy``."""
        shares = self.prepare([member])
        if not shares:
            return f"{self.name}: no limit, {member.used.get('tpm', 0)} tokens in the last minute"
        [score] = self._scores(call, [member], shares)
        return f"{self.name}: {score:.0%} of its limits used, with this call"
