"""``latency-based-routing``: of two members drawn at random the one that answers sooner goes first.

Everybody going to the one fastest member would make it the slowest. What counts is a moving mean: of whole answers,
or, for streams, of the time until their first chunk; times the calls that are on their way there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ....errors import ConfigurationError
from ..member import Member
from ..strategy import Draw, State
from ..wanted import Wanted
from .shuffle import evenly

__all__ = ["LatencyBased"]

_TTL: Final = 60.0


class LatencyBased:
    """The sooner of two, drawn anew for each call.

    Args:
        ttl: seconds after which a measured time holds no more: one call at a time finds out anew. Who is new is taken
            to be as fast as whoever it is weighed against. By default a minute (LiteLLM: an hour).
        lowest_latency_buffer: draw only of those whose time is at most this part above the lowest: 0.5 is half as
            long again, 0 only the lowest. By default of all.

    Raises:
        ConfigurationError: one of them is no number of at least 0.
    """

    name = "latency-based-routing"
    counts = False
    used = False
    whole = True

    def __init__(self, ttl: float = _TTL, lowest_latency_buffer: float | None = None) -> None:
        for said, name in ((ttl, "ttl"), (lowest_latency_buffer or 0.0, "lowest_latency_buffer")):
            if isinstance(said, bool) or not isinstance(said, int | float) or not said >= 0:
                raise ConfigurationError(f"{name} is a number of at least 0, not {said!r:.80}")
        self.ttl = ttl
        self.buffer = lowest_latency_buffer

    def plan(self, call: Wanted, state: State, now: float) -> Iterator[Member]:
        """See ``Strategy``."""
        members, since = state.members, now - self.ttl
        if self.buffer is None:
            return _sooner(members, call, since, now, state.draw)
        return self._near(call, state, since, now)

    def _near(self, call: Wanted, state: State, since: float, now: float) -> Iterator[Member]:
        """Those near the lowest first, then the others."""
        assert self.buffer is not None  # noqa: S101 - whoever calls has looked
        well = [member for member in state.members if member.cooling <= now]
        times = [_seconds(member, call, since) for member in well]
        most = min([one for one in times if one is not None], default=0.0) * (1.0 + self.buffer)
        near = [m for m, one in zip(well, times, strict=True) if one is None or one <= most]
        yield from _sooner(near, call, since, now, state.draw)
        first = set(near)
        others = [member for member in state.members if member not in first]
        yield from _sooner(others, call, since, now, state.draw)

    def why(self, call: Wanted, member: Member) -> str:
        """See ``Strategy``."""
        seconds = member.first_chunk if call.stream else member.latency
        what = "until the first chunk" if call.stream else "for an answer, or 100 tokens of it"
        said = "not measured yet" if seconds is None else f"{seconds:.3g} s {what}"
        return f"{self.name}: {said}; {member.running} calls on their way there"


def _seconds(member: Member, call: Wanted, since: float) -> float | None:
    """How long it takes; ``None`` where nobody knows, or not any more: then one call at a time finds out."""
    known = member.first_chunk if call.stream else member.latency
    return None if member.measured < since and not member.running else known


def _sooner(
    members: Sequence[Member], call: Wanted, since: float, now: float, draw: Draw
) -> Iterator[Member]:
    """Two are drawn and weighed, and go first; of the others, two more. Who is cooling down weighs against nobody."""
    waiting: Member | None = None
    cooling: list[Member] = []
    for one in evenly(members, draw):
        if one.cooling > now:
            cooling.append(one)
        elif waiting is None:
            waiting = one
        else:
            yield from (one, waiting) if _later(waiting, one, call, since) else (waiting, one)
            waiting = None
    if waiting is not None:
        yield waiting
    yield from cooling


def _later(one: Member, other: Member, call: Wanted, since: float) -> bool:
    """Whether one is likely to answer later than the other. Who is not known is as fast, and goes first in doubt."""
    first, second = _seconds(one, call, since), _seconds(other, call, since)
    if first is None or second is None:
        gap = one.running - other.running
        return gap > 0 or (gap == 0 and first is not None)
    return first * (one.running + 1) > second * (other.running + 1)
