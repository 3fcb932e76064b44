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


class _Waiter:
    __slots__ = ("granted", "wake")

    def __init__(self, wake: Callable[[], object]) -> None:
        self.wake = wake
        self.granted = False


class _Place:
    """One place that was taken; called, it gives it back, once."""

    __slots__ = ("_given", "_token")

    def __init__(self, given: Callable[[], None]) -> None:
        self._given = given
        self._token = [True]

    def __call__(self) -> None:
        with contextlib.suppress(IndexError):  # it was given back before
            self._token.pop()
            self._given()


class ParallelLimit:
    """``capacity`` places of ``what``. Either colour takes one and gets the function that gives it back."""

    def __init__(self, capacity: int, what: str = "max_parallel") -> None:
        if capacity < 1:
            raise ValueError(f"{what} must be at least 1, not {capacity}")
        self.capacity = capacity
        self._what = what
        self._free = capacity
        self._waiters: deque[_Waiter] = deque()
        # Re-entrant: a collector may give back a dropped stream's place while this thread holds it.
        self._lock = threading.RLock()

    def acquire(self, deadline: float) -> Callable[[], None]:
        """Take a place, blocking until ``deadline`` (monotonic seconds). Raises ``APITimeoutError``."""
        if self._taken():
            return _Place(self._give_back)
        event = threading.Event()
        waiter = self._enter(event.set)
        try:
            event.wait(max(0.0, deadline - time.monotonic()))
        except BaseException:
            self._pass_on(waiter)
            raise
        return self._place(taken=self._leave(waiter))

    async def aacquire(self, deadline: float) -> Callable[[], None]:
        """Take a place, awaiting it until ``deadline``. Raises ``APITimeoutError``."""
        if self._taken():
            return _Place(self._give_back)
        event = anyio.Event()
        waiter = self._enter(_waker(event))
        try:
            with anyio.move_on_after(max(0.0, deadline - time.monotonic())):
                if not waiter.granted:
                    await event.wait()
        except BaseException:
            self._pass_on(waiter)
            raise
        return self._place(taken=self._leave(waiter))

    def _taken(self) -> bool:
        """Take a place if one is free."""
        with self._lock:
            if not self._free or self._waiters:
                return False
            self._free -= 1
            return True

    def _enter(self, wake: Callable[[], object]) -> _Waiter:
        waiter = _Waiter(wake)
        with self._lock:
            if self._free and not self._waiters:
                self._free -= 1
                waiter.granted = True
            else:
                self._waiters.append(waiter)
        if waiter.granted:
            wake()
        return waiter

    def _leave(self, waiter: _Waiter) -> bool:
        """Wait no more; whether a place was granted."""
        with self._lock:
            if not waiter.granted:
                self._waiters.remove(waiter)
            return waiter.granted

    def _pass_on(self, waiter: _Waiter) -> None:
        """Wait no more; a place that was granted meanwhile is the next one's."""
        if self._leave(waiter):
            self._give_back()

    def _place(self, *, taken: bool) -> Callable[[], None]:
        if not taken:
            raise APITimeoutError(f"no place came free: {self._what}={self.capacity}", sent="no")
        return _Place(self._give_back)

    def _give_back(self) -> None:
        while (waiter := self._next()) is not None:
            # RuntimeError: the loop that it waited on has ended.
            with contextlib.suppress(RuntimeError):
                waiter.wake()
                return

    def _next(self) -> _Waiter | None:
        with self._lock:
            if not self._waiters:
                self._free += 1
                return None
            waiter = self._waiters.popleft()
            waiter.granted = True
            return waiter


def _waker(event: anyio.Event) -> Callable[[], object]:
    """Set an event of this loop from any thread."""
    loop = running_loop()
    if sniffio.current_async_library() == "trio":
        return lambda: loop.run_sync_soon(event.set)
    return lambda: loop.call_soon_threadsafe(event.set)
