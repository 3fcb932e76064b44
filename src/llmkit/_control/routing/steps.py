"""What a ``Route`` says is to be done next, and what is to be done after an attempt. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from ..._operations import Admit, Cool, Leave, Look
from .member import Member

__all__ = ["NOTHING_MORE", "NO_CHANGES", "After", "Ask", "Go", "How", "Step", "Wait"]


How = Literal["first", "rerouted", "fallback", "again"]


class Go(NamedTuple):
    """Ask this one. ``probe``: all that is known of it is that it has failed."""

    member: Member
    ticket: str
    """Its place at the deployment; empty where it needs none."""
    probe: bool
    group: str
    """The name that was asked for: with a wildcard, the model's."""
    how: How
    """``rerouted``: another of the group. ``fallback``: the first of another group. ``again``: in a further round."""
    changes: Mapping[str, Any]
    """What a fallback changes in the call."""
    began: float
    shared: bool
    """Whether it is the store that has given the place."""
    waited: float
    """Seconds for which nobody could be asked before."""
    number: int
    """Which attempt it is, of all of its router's."""


class Ask(NamedTuple):
    """Perform this on the shared store, and give the route what it says (``answered``)."""

    operation: Admit | Look
    members: tuple[Member, ...]


class Wait(NamedTuple):
    """Wait so many seconds at most; where ``place``, only until a call of this process leaves."""

    seconds: float
    reason: str
    place: bool
    group: str
    retry: bool
    """Whether it is the wait before a further round, rather than for one to be free."""


class After(NamedTuple):
    """What to perform on the shared store, and what to tell."""

    operations: Sequence[Leave | Cool] = ()
    events: Sequence[Any] = ()


NOTHING_MORE: Final = After()
NO_CHANGES: Final[Mapping[str, Any]] = MappingProxyType({})
Step = Go | Ask | Wait
