"""Who asks, and who waits for it: one call leads for a key, the others of this process sleep until it has landed.

Threads and event loops wait together. What is asked, and what becomes of it, is not known here.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import anyio

from ..errors import APITimeoutError
from ._limit import _waker
from .stores._forks import at_forks

__all__ = ["Flights", "Seat"]

_SUCCESSORS: Final = 1
"""So many lead after one that failed, one after the other; where that is no use, everybody asks for themselves."""


class _Flight:
    __slots__ = ("leader", "succeeded", "waiters")

    def __init__(self, leader: Seat) -> None:
        self.leader = leader
        self.succeeded = 0
        self.waiters: deque[Seat] = deque()


class Flights:
    """The keys for which somebody asks at the moment."""

    def __init__(self) -> None:
        # Re-entrant: a collector may drop a leader while this thread holds it.
        self.lock = threading.RLock()
        self.open: dict[str, _Flight] = {}
        at_forks(self)

    def seat(self, key: str) -> Seat:
        """One call's part in this."""
        return Seat(self, key)

    def before_fork(self) -> None:
        """Nothing is half done when the process is copied."""
        self.lock.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on; who leads in the parent does not in its copy."""
        lock = self.lock
        if child:
            self.lock, self.open = threading.RLock(), {}
        lock.release()


class Seat:
    """A limit of one place, which need not be had: ``acquire`` says whether this call leads, or another has landed."""

    capacity = 1

    def __init__(self, flights: Flights, key: str) -> None:
        self._flights, self._key = flights, key
        self._wake: Callable[[], object] = bool
        self._leads: bool | None = None
        self.waited = False
        """Whether somebody else led before."""

    def acquire(self, deadline: float) -> bool:
        """Lead, or sleep until who does has landed, at most until ``deadline`` (monotonic seconds).

        Raises:
            APITimeoutError: it has not.
        """
        woken = threading.Lock()
        woken.acquire()
        try:
            if self._enter(woken.release):
                woken.acquire(
                    timeout=min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)
                )
            return self._outcome()
        except BaseException:
            self._withdraw()
            raise

    async def aacquire(self, deadline: float) -> bool:
        """The same, awaiting it."""
        event = anyio.Event()
        try:
            if self._enter(_waker(event)):
                with anyio.move_on_after(max(0.0, deadline - time.monotonic())):
                    await event.wait()
            return self._outcome()
        except BaseException:
            self._withdraw()
            raise

    def leave(self, *, hands_over: bool) -> None:
        """It has landed, or failed: then the next one leads, if it ``hands_over``. Again and again is fine."""
        with self._flights.lock:
            flight = self._flights.open.get(self._key)
            if flight is None or flight.leader is not self:
                return
            while hands_over and flight.waiters and flight.succeeded < _SUCCESSORS:
                following = flight.waiters[0]
                following._leads, flight.leader = True, following  # noqa: SLF001 - one of us
                flight.succeeded += 1
                flight.waiters.popleft()
                if following._told():  # noqa: SLF001
                    return
                flight.succeeded -= 1
            del self._flights.open[self._key]
            for waiter in flight.waiters:
                waiter._leads = False  # noqa: SLF001
                waiter._told()  # noqa: SLF001

    def _enter(self, wake: Callable[[], object]) -> bool:
        """Whether there is somebody to wait for."""
        with self._flights.lock:
            flight = self._flights.open.get(self._key)
            if flight is None:
                self._leads = True
                self._flights.open[self._key] = _Flight(self)
                return False
            self._wake, self.waited = wake, True
            flight.waiters.append(self)
            return True

    def _told(self) -> bool:
        """Wake it; whether it can be: the loop that it waits on may have ended."""
        try:
            self._wake()
        except RuntimeError:
            return False
        return True

    def _outcome(self) -> bool:
        with self._flights.lock:
            if self._leads is not None:
                return self._leads
        raise APITimeoutError(
            "the call's time was used up waiting for who asks the same", sent="no"
        )

    def _withdraw(self) -> None:
        """Wait no more; who has been made the leader meanwhile hands over."""
        with self._flights.lock:
            flight = self._flights.open.get(self._key)
            if flight is not None:
                with contextlib.suppress(ValueError):
                    flight.waiters.remove(self)
        self.leave(hands_over=True)
