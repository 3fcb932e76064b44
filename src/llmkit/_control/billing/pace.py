"""When the next request to Lago may leave, and what is known of the way there. It waits for nothing itself.

Full jitter: after the n-th failure in a row a wait is drawn evenly from 0 to 2^(n-1) seconds, at most a minute; one
request leaves after it, and no other. Lago's limits: 500 events, 200 usages, 50 others a second and organisation,
told by ``X-RateLimit-*`` (https://getlago.com/docs/api-reference/rate-limits, read 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..._billing_events import BillingReached, BillingUnreachable
from .verdict import LONGEST_WAIT, Verdict, seconds

__all__ = ["Pace"]

_TELL_AFTER: Final = 3
# With fewer requests left than this part of the limit, what is left is spread over the time until it is reset.
_NEAR: Final = 0.1
_FEW: Final = 10.0


class Pace:
    """The way to one Lago, as its answers show it. Times are seconds of ``now``."""

    def __init__(
        self, now: Callable[[], float], draw: Callable[[], float], requests_per_second: float
    ) -> None:
        self._now = now
        self._draw = draw
        self._spacing = 1.0 / requests_per_second
        self._not_before = 0.0
        self._begun = False
        self._streak = 0
        self._denied = 0
        self._told: tuple[bool, bool] = (False, False)
        self.failures = 0
        """How many requests in a row came to nothing, for another reason than that there were too many."""
        self.since: float | None = None
        """When the first of them did."""
        self.reason = ""
        """What the last of them came to; ``""`` while all is well."""

    @property
    def broken(self) -> bool:
        """Whether it takes one bill to find out if the way is open again: more would be for nothing."""
        return self.failures >= _TELL_AFTER

    @property
    def wrong_key(self) -> bool:
        """Whether the key is refused, again and again."""
        return self._denied >= _TELL_AFTER

    @property
    def wait(self) -> float:
        """Seconds until a request may leave."""
        return max(0.0, self._not_before - self._now()) if self._begun else 0.0

    def leaves(self) -> None:
        """A request leaves now."""
        self._begun = True
        self._not_before = self._now() + self._spacing

    def limits(self, headers: Mapping[str, str]) -> None:
        """Slow down before there is nothing left."""
        remaining, reset = (
            seconds(headers.get(f"x-ratelimit-{name}")) for name in ("remaining", "reset")
        )
        if remaining is None or reset is None:
            return
        limit = seconds(headers.get("x-ratelimit-limit"))
        if remaining <= (_FEW if limit is None else limit * _NEAR):
            self._hold(min(reset, LONGEST_WAIT) / (int(remaining) + 1))

    def reached(self) -> BillingReached | None:
        """An answer came that speaks of the bills."""
        away = None if self.since is None else self._now() - self.since
        told = self._told[0]
        self._streak = self.failures = self._denied = 0
        self._told, self.since, self.reason = (False, False), None, ""
        return BillingReached(away) if told and away is not None else None

    def failed(self, verdict: Verdict) -> BillingUnreachable | None:
        """Nothing can be delivered now; what is returned has not been told yet."""
        self._streak += 1
        self.reason = verdict.reason
        self._hold(self._drawn(verdict.wait))
        if verdict.throttled:
            return None
        self.failures += 1
        self._denied = self._denied + 1 if verdict.denied else 0
        self.since = self._now() if self.since is None else self.since
        return self._news()

    def _drawn(self, asked: float | None) -> float:
        drawn = self._draw() * min(LONGEST_WAIT, 2.0 ** min(self._streak - 1, 10))
        # Jitter on top, or all who were refused together come back together.
        return drawn if not asked else asked + min(drawn, 0.1 * asked)

    def _hold(self, wait: float) -> None:
        until = self._now() + wait
        self._not_before = max(self._not_before, until) if self._begun else until
        # Also where no request could even be made, as for want of a key: or it would be tried without end.
        self._begun = True

    def _news(self) -> BillingUnreachable | None:
        told, key = self._told
        if not self.broken or (told and (key or not self.wrong_key)):
            return None
        self._told = (True, self.wrong_key)
        return BillingUnreachable(self.reason, self.wrong_key)
