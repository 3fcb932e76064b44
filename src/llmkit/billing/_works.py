"""``Works``: what the sender's thread does: deliver, look after the outbox, refresh entitlements, send the last.

It holds all that this needs, and nobody who holds it: a billing object that is let go of is collected before its works
are done. What is decided is decided in flows.
"""

from __future__ import annotations

import contextlib
import logging
import random
import time
from typing import Any, Final

from .._billing_events import BillingReached, BillingUnreachable, BillsLeft
from .._control.billing.delivery import Delivery, Terms
from .._control.billing.lago import Lago
from .._control.billing.settings import Settings
from .._control.billing.standing import Flushed
from .._control.billing.tending import Tending
from .._flow import Flow, notify, store
from .._io._observe import Observers
from .._outbox import WAITING, Count, Counted
from .._secret import redact
from ..errors import StoreError
from ._lane import Lane
from ._link import Link

__all__ = ["Works"]

_log: Final = logging.getLogger("llmkit")
_DAY: Final = 86_400_000
_LEAST_REST: Final = 0.05
_LEASE: Final = 20.0
_MOMENT: Final = 1.0


class Works:
    """What a billing object has to do beside calls."""

    def __init__(
        self,
        settings: Settings,
        lago: Lago,
        link: Link,
        outbox: Any,
        observers: Observers,
        *,
        durable: bool,
        owned: bool,
    ) -> None:
        self._settings = settings
        self._lago = lago
        self.link = link
        self._outbox = outbox
        self._observers = observers
        self.gate: Any = None
        """Who is asked for entitlements, if anybody is."""
        self._durable, self._owned = durable, owned
        self.lane = Lane(self._delivery, settings.clock.now)
        keep = int(settings.keep_days * _DAY)
        self._tending = Tending(settings.late_after, keep, self._period_end)
        self.few = 0
        """How many bills the last round left alone, until there are more of them, or it is time."""
        self.failure = ""
        """Why the last round failed; ``""``: it did not."""

    def _delivery(self, sender: str) -> Delivery:
        settings = self._settings
        terms = Terms(
            batch_size=settings.batch_size,
            max_bytes=settings.max_bytes,
            requests_per_second=settings.requests_per_second["other"],
            timeout=settings.timeout,
            lease=max(_LEASE, 2 * settings.timeout + 10),
            verify_duplicates=settings.verify_duplicates,
            flush_at=settings.flush_at,
            flush_every=settings.flush_every,
        )
        return Delivery(self._lago, sender, settings.clock.now, random.random, terms)

    def _period_end(self) -> float | None:
        ends = getattr(self.gate, "period_end", None)
        return None if ends is None else ends()

    # --- the thread's -------------------------------------------------------------------------

    def deliver(self) -> tuple[float, bool]:
        """Send for a moment; the seconds to rest, and whether there is more to be sent then."""
        found = self.link.run(self.lane.slice())
        self.few = 0 if found.due is None else found.left
        if found.wait is None:
            return 0.0, bool(found.left and not self.few)
        moved = found.delivered or found.dead
        return (found.wait if moved else max(found.wait, _LEAST_REST)), True

    def tend(self) -> bool:
        """Do what else is due, for a moment; whether there is more of it."""
        self._outbox.recover()
        now = self._settings.clock.now()
        if self._tending.due(now):
            self.link.run(self._tending.run(now))
        return self._refresh()

    def _refresh(self) -> bool:
        """Ask anew for entitlements, for a moment: bills are not to wait for a Lago that is slow."""
        due = getattr(self.gate, "refresh_due", _nothing)
        until = time.monotonic() + _MOMENT
        while flows := due(1):
            self.link.run(flows[0])
            if time.monotonic() > until:
                return True
        return False

    def failed(self, error: Exception | None) -> None:
        """Tell that rounds fail, once, and that they do no more."""
        told, self.failure = self.failure, "" if error is None else _reason(error)
        if error is not None and not told:
            self._observers.tell(BillingUnreachable(self.failure))
        elif error is None and told:
            self._observers.tell(BillingReached(0.0))

    def last(self) -> None:
        """Nobody will ask any more: send what there is, for a short time, and close."""
        self.finish(self._settings.close_seconds)
        if self._owned:
            self._outbox.close()

    # --- everybody's --------------------------------------------------------------------------

    def flush(self, timeout: float | None) -> Flow[Flushed]:
        """Send what there is; without a time, as long as it goes on."""
        until = None if timeout is None else self._settings.clock.now() + timeout
        return self.lane.flush(until)

    def ending(self, until: float) -> Flow[int]:
        """Send what there is until then, give the lane back, tell what is left; how many wait to be sent.

        Raises:
            StoreError: the outbox cannot be read or written.
        """
        yield from self.lane.flush(until)
        yield from self.lane.release(until)
        return (yield from self.leaving())

    def leaving(self) -> Flow[int]:
        """Tell what is left, and send nothing; how many bills wait to be sent."""
        counted: Counted = yield from store(Count())
        left = counted.states.get("queued", 0)
        # What waits for somebody's word is lost with memory, too.
        states = () if self._durable else WAITING
        if count := left + sum(counted.states.get(state, 0) for state in states):
            yield from notify(BillsLeft(count, self._durable))
        return left

    def end(self, until: float) -> int:
        """``ending``, behind what memory has for the outbox."""
        self._outbox.recover()
        return self.link.run(self.ending(until))

    def finish(self, timeout: float) -> None:
        """``end`` where nobody is there to be told of a failure but the log."""
        try:
            self.end(self._settings.clock.now() + timeout)
        except Exception as error:  # noqa: BLE001 - see above
            _log.warning("the last bills could not be sent: %s", _reason(error))
        finally:
            self.link.close()

    def leave(self) -> None:
        """``leaving``; an outbox that fails now was told of before."""
        with contextlib.suppress(StoreError):
            self.link.run(self.leaving())

    def renew(self) -> None:
        """In a forked process: what is on its way is its parent's."""
        self.link.forget()
        self.lane.renew()
        self.failure = ""


def _nothing(most: int) -> tuple[Flow[None], ...]:
    """Nothing is due at a gate that asks nobody."""
    return ()


def _reason(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {error}")
