"""``Strategy``: what puts those who may answer a call into an order. One interface, one method wide.

A strategy is pure: the numbers it draws and the time are given, and it keeps nothing between calls. What it can work
out once for a group, it is given back with each call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from .member import Member
from .wanted import Wanted

__all__ = ["Draw", "State", "Strategy"]

Draw = Callable[[], float]
"""Draws a number from 0 up to 1, another one each time."""


class State(NamedTuple):
    """Those who may answer, as they are now."""

    members: Sequence[Member]
    draw: Draw
    prepared: Any = None
    """What the strategy's ``prepare`` made of these members, where it has one."""


class Strategy(Protocol):
    """Puts members into an order.

    It may have a ``prepare(members)`` besides, whose result it finds in ``State.prepared``: it is asked for once for
    each set of members, so it may look only at what they were declared with. And a ``why(call, member)``: a few words
    about a choice. Whom an order leaves out is asked last; who is in it twice, once.
    """

    name: str
    """Why a deployment was chosen, in a word."""
    counts: bool
    """Whether it looks at what all processes have running and have used, rather than this one: with a store, that is
    asked for before each choice."""
    used: bool
    """Whether ``Member.used`` has to be known for it, also where there is no limit."""

    def plan(self, call: Wanted, state: State, now: float) -> Iterable[Member]:
        """Every member of ``state`` once, the best first. It is only read as far as it is needed."""
