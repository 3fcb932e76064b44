"""Whether a store is asked at all: one that is down is not waited for by every call, and is tried again soon.

It decides from what the operations came to and from a clock that is given; it waits for nothing and holds no lock:
two threads that decide at the same moment may both try, which does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...errors import StoreUnavailableError

__all__ = ["Gate", "NotAsked"]

_FIRST_WAIT: Final = 0.25
_LONGEST_WAIT: Final = 5.0
_LONGEST_TRY: Final = 30.0


class NotAsked(StoreUnavailableError):
    """The store was not even asked, because it could not be reached a moment ago."""


class Gate:
    """One store's, in one process. Times are seconds of ``clock``, which only goes forward."""

    __slots__ = (
        "_cause",
        "_clock",
        "_failed",
        "_next",
        "_since",
        "_wait",
        "_worked",
        "begin",
        "down",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = self.begin = clock
        """``begin``: an operation begins; what is returned belongs to how it ends."""
        self.down = False
        """Whether the last that is known of the store is that it cannot be reached."""
        self._cause: StoreUnavailableError | None = None
        self._wait = _FIRST_WAIT
        self._next = self._since = 0.0
        self._worked = self._failed = float("-inf")

    @property
    def seconds(self) -> float:
        """How long until the store is asked again; 0 where it is asked now."""
        return max(0.0, self._next - self._clock()) if self._cause else 0.0

    def refusal(self) -> NotAsked | None:
        """Why the store is not asked now. ``None``: ask it; while it is down, whoever is told so tries for all."""
        cause = self._cause
        if cause is None:
            return None
        now = self._clock()
        if now < self._next:
            wait = self._next - now
            return NotAsked(f"{cause.message} (asked again in {wait:.1f} s)")
        self._next = now + _LONGEST_TRY
        return None

    def failed(self, error: StoreUnavailableError, begun: float) -> bool:
        """The store could not be reached; whether that is news.

        Where another operation got through after this one had begun, the store is there, and merely busy. Many that
        fail together are one failure.
        """
        now = self._clock()
        if self._worked > begun:
            return False
        first = self._cause is None
        if first:
            self._since = now
        if first or begun > self._failed:
            self._wait = _FIRST_WAIT if first else min(2 * self._wait, _LONGEST_WAIT)
            self._failed, self._next = now, now + self._wait
        self._cause, self.down = error, True
        return first

    def left(self) -> None:
        """An operation ended in something that says nothing of the store: the next may try."""
        if self._cause is not None:
            self._next = self._clock()

    def worked(self) -> float | None:
        """The store answered. Where it was down before: for how many seconds."""
        self._worked = now = self._clock()
        if self._cause is None:
            return None
        self._cause, self.down = None, False
        return now - self._since
