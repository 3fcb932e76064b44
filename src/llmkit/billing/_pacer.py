"""``Pacer``: how often Lago is asked, by class of request. It waits for nobody: it says how long one has to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

from .._http import HTTPResponse

__all__ = ["Pacer"]

_TOO_MANY: Final = 429
_LONGEST: Final = 60.0
_BURST: Final = 0.1


class _Lane:
    """One class. ``free``: the time by which all that was taken would have been spread evenly."""

    __slots__ = ("burst", "free", "rate", "until")

    def __init__(self, rate: float) -> None:
        # In any second no more than the rate: what a burst takes at once, the even flow leaves out.
        self.burst = int(rate * _BURST)
        self.rate = rate - self.burst
        self.free = self.until = float("-inf")

    def wait(self, now: float, most: float) -> float | None:
        room = self.burst / self.rate
        start = max(now, self.free - room, self.until)
        if start - now > most:
            return None
        self.free = max(self.free, start) + 1 / self.rate
        return start - now


class Pacer:
    """At most so many requests of each class in any second, and none while Lago wants none.

    Args:
        rates: requests a second by class.
        now: seconds, on a clock that does not go back.
    """

    def __init__(self, rates: Mapping[str, float], now: Callable[[], float]) -> None:
        self._lanes = {kind: _Lane(rate) for kind, rate in rates.items()}
        self._now = now
        self._lock = threading.RLock()

    def take(self, kind: str, most: float) -> float | None:
        """Seconds to wait before the next request; ``None``: more than ``most``, and nothing was taken."""
        with self._lock:
            return self._lanes[kind].wait(self._now(), max(0.0, most))

    def told(self, kind: str, response: HTTPResponse) -> None:
        """Let Lago be until its limit is reset, where an answer says that nothing is left of it.

        ``X-RateLimit-Reset`` is seconds from now, https://getlago.com/docs/api-reference/rate-limits, read 2026-11-22.
        """
        spent = response.headers.get("x-ratelimit-remaining", "").strip() == "0"
        if not spent and response.status != _TOO_MANY:
            return
        pause = min(_LONGEST, _seconds(response.headers.get("x-ratelimit-reset", "")))
        with self._lock:
            lane = self._lanes[kind]
            lane.until = max(lane.until, self._now() + pause)

    def forked(self) -> None:
        """This is a copy in another process; whoever held the lock does not go on here."""
        self._lock = threading.RLock()


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 1.0
    return found if 0 <= found < float("inf") else 1.0
