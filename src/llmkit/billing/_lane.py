"""``Lane``: this object's part in delivering: one run at a time, whoever asks for it, the thread or ``flush``.

Flows only, over ``Delivery``, which decides all that is sent. Another process's object has a lane of its own, and the
outbox says which of them it is for now.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from .._control.billing.delivery import Delivery, Round
from .._control.billing.standing import Flushed
from .._flow import Flow, acquire, sleep, store
from .._io._limit import ParallelLimit
from .._outbox import Count
from ..errors import APITimeoutError

__all__ = ["Lane"]

_SLICE: Final = 0.25
"""Seconds after which others get their turn, and the end of the thread is looked for; longer waits are no part."""
_PATIENCE: Final = 60.0
_POLL: Final = 0.25
_REST: Final = 5.0


class Lane:
    """Delivers, one run at a time.

    Args:
        make: makes a ``Delivery`` for a sender's name.
        now: the driver's clock, in seconds.
    """

    def __init__(self, make: Callable[[str], Delivery], now: Callable[[], float]) -> None:
        self._make = make
        self._now = now
        self.renew()

    def renew(self) -> None:
        """Begin anew, under another name: in a forked process, where all is its parent's."""
        self.delivery = self._make(f"{os.getpid()}-{os.urandom(8).hex()}")
        self._turn = ParallelLimit(1, "deliveries")

    def slice(self) -> Flow[Round]:
        """Deliver for a moment. ``wait``: when to come again; it is short, for another process may end meanwhile."""
        found = yield from self._run(self._now() + _SLICE, patience=_PATIENCE, patient=True)
        wait = found.wait
        return found if wait is None or wait < _REST else found._replace(wait=_REST)

    def flush(self, until: float | None) -> Flow[Flushed]:
        """Deliver all that is there, until a time, or until it goes no further just now."""
        total = Flushed()
        while True:
            try:
                found = yield from self._once(until)
            except APITimeoutError:
                # The thread is in the middle of a request that takes longer than there is time.
                break
            total = _added(total, found)
            if not found.left or found.due is not None or not self._goes_on(found, until):
                break
            if found.wait:
                yield from sleep(min(found.wait, _POLL))
        # What is in memory, until the outbox can be written, is not among those that a run finds.
        return replace(total, left=(yield from self.left()))

    def _once(self, until: float | None) -> Flow[Round]:
        if until is None:
            return (yield from self._run(self._now() + _SLICE, patience=_PATIENCE))
        return (yield from self._run(until, patience=until - self._now(), hard=True))

    def _goes_on(self, found: Round, until: float | None) -> bool:
        if until is None:
            return bool(found.delivered or found.dead) or not found.wait
        return self._now() < until

    def _run(
        self, until: float, *, patience: float, hard: bool = False, patient: bool = False
    ) -> Flow[Round]:
        let_go = yield from acquire(self._turn, self._now() + patience)
        try:
            return (yield from self.delivery.run(until, hard=hard, patient=patient))
        finally:
            let_go()

    def left(self) -> Flow[int]:
        """How many bills are queued."""
        counted = yield from store(Count())
        return int(counted.states.get("queued", 0))

    def release(self, until: float) -> Flow[None]:
        """Let other processes deliver; where a request is out still, the lane's lease does."""
        try:
            let_go = yield from acquire(self._turn, until)
        except APITimeoutError:
            return
        try:
            yield from self.delivery.release()
        finally:
            let_go()


def _added(total: Flushed, found: Round) -> Flushed:
    return Flushed(
        total.delivered + found.delivered,
        total.deduped + found.deduped,
        total.dead + found.dead,
    )
