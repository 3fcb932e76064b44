"""A clock that stands still until it is told to go: what tests of retries and backoff run by, in no time at all."""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["FrozenClock"]

# 2025-01-01T00:00:00Z, as in the simulator's answers.
_START: Final = 1_735_689_600.0


class FrozenClock:
    """For ``Client(clock=FrozenClock())``: waits between attempts are not waited, only counted.

    What a call sleeps advances the clock at once and is listed in ``slept``. Nothing else advances it but
    ``advance``: a call during which nothing slept took 0 seconds. Network timeouts are not read from it;
    they stay real. Thread-safe. Args: ``at``: the Unix time that it starts at.
    """

    def __init__(self, at: float = _START) -> None:
        self._at = at
        self._gone = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []
        """Seconds of each wait, in the order in which they began."""

    def now(self) -> float:
        """Seconds since the clock was made, as it sees them."""
        return self._gone

    def wall(self) -> float:
        """Unix time."""
        return self._at + self._gone

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ``ValueError`` for a negative number: time does not go back."""
        if not seconds >= 0:
            raise ValueError(f"a clock goes forward only, not by {seconds!r}")
        with self._lock:
            self._gone += seconds

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Advance by this much, without waiting."""
        self.slept.append(seconds)
        self.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        """Advance by this much, without waiting."""
        self.sleep(seconds)
