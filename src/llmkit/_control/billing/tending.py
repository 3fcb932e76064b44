"""What is to be looked after beside delivery: bills that are late, calls whose end nobody saw, what can be forgotten.

Flows and when they are due; nothing here waits. It is run by whoever delivers, now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..._billing_events import BillsLate, CallsUnknown
from ..._flow import Flow, notify, store
from ..._outbox import Count, Counted, Forget

__all__ = ["EVERY", "Tending"]

EVERY: Final = 5.0
"""Seconds between two looks, at least."""
_FORGETTING: Final = 3600.0
_AT_ONCE: Final = 1000
_HOUR: Final = 3600.0
_NEAR_LATE: Final = 10.0


class Tending:
    """Looks after an outbox.

    Args:
        late_after: seconds after which a queued bill is late.
        keep: milliseconds for which delivered bills are kept.
        period_end: Unix time at which the next billing period ends that anybody knows of.
    """

    def __init__(
        self, late_after: float, keep: int, period_end: Callable[[], float | None]
    ) -> None:
        self._late_after = late_after
        self._keep = keep
        self._period_end = period_end
        self._told_late = 0.0
        self._told_period: float | None = None
        self._told_unknown = 0
        self._looked = self._forgot = float("-inf")

    def due(self, now: float) -> bool:
        """Whether it is time, on any clock that does not go back."""
        return now - self._looked >= EVERY

    def run(self, now: float) -> Flow[None]:
        """Look after everything. Raises what the outbox raises."""
        self._looked = now
        counted: Counted = yield from store(Count())
        yield from self._late(counted)
        yield from self._unknown(counted)
        if now - self._forgot >= _FORGETTING:
            forgotten = yield from store(Forget(counted.now - self._keep, _AT_ONCE))
            # There may be more: then again at the next look.
            self._forgot = now if forgotten < _AT_ONCE else self._forgot

    def _late(self, counted: Counted) -> Flow[None]:
        age = 0.0 if counted.oldest is None else max(0, counted.now - counted.oldest) / 1000
        queued = counted.states.get("queued", 0)
        end = self._near(age, counted.now / 1000)
        if end is not None and end != self._told_period:
            self._told_period = end
            yield from notify(BillsLate(age, queued, end))
        elif age > self._late_after and age >= 2 * self._told_late:
            self._told_late = age
            yield from notify(BillsLate(age, queued))
        if age <= self._late_after:
            self._told_late = 0.0

    def _near(self, age: float, now: float) -> float | None:
        """The end of a period that bills which do wait may miss."""
        if age <= min(self._late_after, _NEAR_LATE):
            return None
        end = self._period_end()
        return end if end is not None and 0 <= end - now <= max(_HOUR, self._late_after) else None

    def _unknown(self, counted: Counted) -> Flow[None]:
        unknown = counted.states.get("unknown", 0)
        before, self._told_unknown = self._told_unknown, unknown
        if unknown > before:
            yield from notify(CallsUnknown(unknown))
