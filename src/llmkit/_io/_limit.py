"""A limit on how many calls run at once, shared by threads and event loops alike; first come, first served."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

import anyio
import sniffio

from ..errors import APITimeoutError
from ._running import running_loop

__all__ = ["ParallelLimit"]


class _Place:
    """A place that is waited for, or was. Called, it is given back, if it is had."""

    __slots__ = ("_limit", "wake")
    granted = False

    def __init__(self, limit: ParallelLimit) -> None:
        self._limit = limit
        self.wake: Callable[[], object] = bool

    def __call__(self) -> None:
        self._limit.give_back(self)


class _Had(_Place):
    """A place that is had. Let go of, it is given back, too: an interrupt may come before anybody knows of it.

    A class of its own, because an interrupt within a finalizer is lost: only what was let go of shall have one.
    """

    __slots__ = ()
    granted = True

    def __del__(self) -> None:
        self._limit.give_back(self)


class ParallelLimit:
    """``capacity`` places of ``what``. Either colour takes one and gets the function that gives it back."""

    def __init__(self, capacity: int, what: str = "max_parallel") -> None:
        if capacity < 1:
            raise ValueError(f"{what} must be at least 1, not {capacity}")
        self.capacity = capacity
        self._what = what
        self._free = capacity
        self._waiters: deque[_Place] = deque()
        # Re-entrant: a collector may give back a dropped stream's place while this thread holds it.
        self._lock = threading.RLock()

    def acquire(self, deadline: float) -> Callable[[], None]:
        """Take a place, blocking until ``deadline`` (monotonic seconds). Raises ``APITimeoutError``."""
        place = _Place(self)
        if self._enter(place, None):
            return place
        # Not an Event, which is Python: an interrupt within its set() would leave us waiting.
        woken = threading.Lock()
        woken.acquire()
        try:
            if not self._enter(place, woken.release):
                woken.acquire(timeout=max(0.0, deadline - time.monotonic()))
        except BaseException:
            self._leave(place)
            place()
            raise
        return self._taken(place)

    async def aacquire(self, deadline: float) -> Callable[[], None]:
        """Take a place, awaiting it until ``deadline``. Raises ``APITimeoutError``."""
        place = _Place(self)
        if self._enter(place, None):
            return place
        event = anyio.Event()
        try:
            if not self._enter(place, _waker(event)):
                with anyio.move_on_after(max(0.0, deadline - time.monotonic())):
                    await event.wait()
        except BaseException:
            self._leave(place)
            place()
            raise
        return self._taken(place)

    def _enter(self, place: _Place, wake: Callable[[], object] | None) -> bool:
        """Begin to wait, with something to be woken by; whether there is no need to."""
        with self._lock:
            if self._free and not self._waiters:
                self._free -= 1
                place.__class__ = _Had
            elif wake is not None:
                place.wake = wake
                self._waiters.append(place)
            return place.granted

    def _leave(self, place: _Place) -> None:
        """Wait no more."""
        with self._lock:
            if place in self._waiters:
                self._waiters.remove(place)

    def _taken(self, place: _Place) -> Callable[[], None]:
        self._leave(place)
        if not place.granted:
            raise APITimeoutError(f"no place came free: {self._what}={self.capacity}", sent="no")
        return place

    def give_back(self, place: _Place) -> None:
        """Let the next one have this place; again and again is fine.

        There is no call between the decision and its end: only there could an interrupt come in.
        """
        with self._lock:
            while place.granted:
                if not self._waiters:
                    place.__class__ = _Place
                    self._free += 1
                    return
                following = self._waiters[0]
                following.__class__, place.__class__ = _Had, _Place
                del self._waiters[0]
                try:
                    following.wake()
                except RuntimeError:
                    # The loop that it waited on has ended.
                    place = following
                except BaseException:
                    # An interrupt, before it was woken or after.
                    with contextlib.suppress(RuntimeError):
                        following.wake()
                    raise


def _waker(event: anyio.Event) -> Callable[[], object]:
    """Set an event of this loop from any thread."""
    loop = running_loop()
    if sniffio.current_async_library() == "trio":
        return lambda: loop.run_sync_soon(event.set)
    return lambda: loop.call_soon_threadsafe(event.set)
