"""``Bell``: what wakes the sender's thread: a count, an age, a time, the end. It knows nobody, so anybody may hold it.

A lock, held for a moment; nothing is decided here but when to wake.
"""

from __future__ import annotations

import threading
import time

__all__ = ["Bell"]


class Bell:
    """Rung by whoever writes bills, waited for by the thread that sends them."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count = count
        self._seconds = seconds
        self._condition = threading.Condition()
        self._waiting = 0
        self._due = float("inf")
        self._not_before = 0.0
        self._asked = False
        self.ended = self.last = False
        """Whether the thread shall end; whether it shall send what there is before that."""

    def ring(self, count: int = 1) -> None:
        """So many more bills are there to be sent."""
        with self._condition:
            self._waiting += count
            now = time.monotonic()
            due = now if self._waiting >= self._count else now + self._seconds
            self._at(due)

    def call(self) -> None:
        """Something is to be done now that sends no bills."""
        with self._condition:
            self._asked = True
            self._condition.notify()

    def end(self, *, last: bool = False) -> None:
        """The thread shall end, or send what there is once more and end."""
        with self._condition:
            self.ended, self.last = True, last
            self._condition.notify()

    def _at(self, due: float) -> None:
        if due < self._due:
            self._due = due
            self._condition.notify()

    def rest(self, seconds: float, *, more: bool) -> None:
        """Send nothing for so long. ``more``: what is there is to be sent then, though nobody rings."""
        with self._condition:
            self._not_before = time.monotonic() + seconds
            if more:
                self._due = min(self._due, self._not_before)

    def wait(self, most: float) -> bool:
        """Wait until it is time, but no longer than ``most`` seconds; whether there are bills to be sent."""
        until = time.monotonic() + most
        with self._condition:
            while not (self.ended or self._asked):
                now = time.monotonic()
                due = max(self._due, self._not_before)
                if now >= min(due, until):
                    break
                self._condition.wait(min(min(due, until) - now, threading.TIMEOUT_MAX))
            self._asked = False
            sends = time.monotonic() >= max(self._due, self._not_before)
            if sends:
                self._due, self._waiting = float("inf"), 0
            return sends
