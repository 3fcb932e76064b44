"""Time as the drivers have it: what a ``Client`` reads and waits by, and how its limits become the network's own.

The network keeps real time whatever the clock says: a socket cannot be told to wait by another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import Protocol

import anyio

from .._flow import Deadlines

__all__ = ["SYSTEM_CLOCK", "Clock", "on_network", "real_time"]


class Clock(Protocol):
    """What ``Client(clock=…)`` takes. Times are seconds."""

    def now(self) -> float:
        """A time that never goes back, on any scale: durations and total limits are read from it."""

    def wall(self) -> float:
        """Unix time: when calls started, and what a ``Retry-After`` date is compared with."""

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        """Wait, blocking; no longer than until ``wake`` is set, where one is given."""

    def asleep(self, seconds: float) -> Awaitable[None]:
        """Wait, awaiting it, on asyncio or trio."""


class _SystemClock:
    """The machine's own."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        if wake is None:
            time.sleep(seconds)
        else:
            wake.wait(seconds)

    async def asleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


SYSTEM_CLOCK: Clock = _SystemClock()


def real_time(clock: Clock, deadline: float) -> float:
    """A time of this clock as ``time.monotonic()`` will show it, if both go on alike."""
    return deadline if clock is SYSTEM_CLOCK else time.monotonic() + deadline - clock.now()


def on_network(clock: Clock, deadlines: Deadlines) -> Deadlines:
    """Deadlines of this clock as the network keeps them."""
    if clock is SYSTEM_CLOCK:
        return deadlines
    return replace(deadlines, total=real_time(clock, deadlines.total))
