"""Virtual time: what is to happen, in order, and who waits for something else to end."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

__all__ = ["Clock"]


class Clock:
    """What happens next. Two things of one moment happen in the order in which they were put down."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do this then."""
        self._number += 1
        heappush(self._events, (when, self._number, what))

    def run(self) -> None:
        """Do all, until nothing is left."""
        while self._events:
            self.now, _, what = heappop(self._events)
            what()
