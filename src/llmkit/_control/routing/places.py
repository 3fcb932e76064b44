"""The places that a call has at deployments, and what its store is still to be told of them.

Rule 1: a place that was taken is left once, whatever becomes of the call: with what the deployment did, or with nothing
said of it.
Rule 2: leaving is decided without waiting; what the store has to be told is owed, and is paid, or left on the queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..._flow import Flow
from ..._operations import Leave
from .steps import NOTHING_MORE

if TYPE_CHECKING:
    from .route import Route
    from .shared import Shared
    from .steps import After, Go

__all__ = ["Place", "Places"]


class Place:
    """One that was taken. ``route``: whose choice it was; ``began``: when its deployment was asked, if it was."""

    __slots__ = ("began", "failed", "final", "go", "route")

    def __init__(self, route: Route, go: Go) -> None:
        self.route, self.go = route, go
        self.began = go.began
        self.failed = False
        """Whether it has failed, and the route knows. Not with what: that knows frames, and these know this."""
        self.final = False
        """Whether what fails now is the call's failure, whoever would be asked."""


class Places:
    """Those of one call: one at a time, but where it hedges.

    Args:
        shared: the store that other processes ask, too.
        line: those who wait for a place.
        now: the router's clock.
    """

    __slots__ = ("_line", "_now", "_open", "_owed", "_shared")

    def __init__(self, shared: Shared | None, line: Any, now: Callable[[], float]) -> None:
        self._shared, self._line, self._now = shared, line, now
        self._open: list[Place] = []
        # Legs that run beside each other do so on threads of their own: nothing here is read and written in two steps.
        self._owed: deque[Any] = deque()

    @property
    def owed(self) -> bool:
        """Whether the store is still to be told of something."""
        return bool(self._owed)

    @property
    def owing(self) -> bool:
        """Whether a place is still to be left, or the store to be told."""
        return bool(self._open or self._owed)

    def take(self, route: Route, go: Go) -> Place:
        """A place was given."""
        place = Place(route, go)
        self._open.append(place)
        return place

    def gather(self, route: Route) -> None:
        """Interrupted, a route may have taken what nobody was told of."""
        if not route.out:
            return
        known = [place.go for place in self._open]
        for go, _ in tuple(route.out.values()):
            if go not in known:
                self.take(route, go)

    def trying(self, ticket: str) -> Leave:
        """The store is asked for a place: until it has answered, nobody knows whether it is taken."""
        leave = Leave(ticket)
        self._owed.append(leave)
        return leave

    def answered(self, leave: Leave) -> None:
        """It has, and the route knows."""
        self._owed.remove(leave)

    def opened(self, place: Place, seconds: float) -> Sequence[Any]:
        """A stream's first chunk is there; what is to be told of that."""
        after = place.route.opened(place.go, self._now(), seconds)
        self._owed.extend(after.operations)
        return after.events

    def worked(self, place: Place, **how: Any) -> Sequence[Any]:
        """Its deployment has answered. ``how``: as of ``Route.worked``."""
        now = self._now()
        seconds = now - place.began
        if place not in self._open:
            return ()
        return self._left(place, place.route.worked(place.go, now, seconds, **how))

    def failed(
        self, place: Place, error: Exception, *, repeatable: bool, blames: bool = True
    ) -> Sequence[Any]:
        """It has failed. ``blames``: whether that says anything of the deployment."""
        place.failed = True
        return self._leave(
            place,
            lambda: place.route.failed(place.go, error, self._now(), repeatable, blames=blames),
        )

    def left(self, place: Place) -> Sequence[Any]:
        """Nothing is to be said of it."""
        return self._leave(place, lambda: place.route.left(place.go, self._now()))

    def drop(self, place: Place) -> None:
        """The call was dropped, perhaps by a collector, in the middle of anything: what cannot be done now is owed."""
        lock: Any = place.route.table.lock
        taken: list[bool] = []
        try:
            # This thread may have it, in a frame below. Noted as it is taken: nothing interrupts in between.
            taken.extend(map(lock.acquire, (False,)))
            if True not in taken:
                return
            after = place.route.left_locked(place.go, self._now())
        finally:
            if True in taken:
                lock.release()
        self._leave(place, lambda: after)

    def _leave(self, place: Place, leave: Callable[[], After]) -> Sequence[Any]:
        # The route counts each once: interrupted, it is left again.
        return self._left(place, leave() if place in self._open else NOTHING_MORE)

    def _left(self, place: Place, after: After) -> Sequence[Any]:
        if after.operations:
            self._owed.extend(after.operations)
        elif place in self._open and place.go.shared and place.go.ticket:
            # The route has counted it, and nobody heard what the store is to be told. To be told twice does no harm.
            self._owed.append(Leave(place.go.ticket))
        if place in self._open:
            self._open.remove(place)
            if self._shared is not None and place.go.shared:
                self._shared.hands_on(self._line)
            else:
                self._line.wake()
        return after.events

    def close(self) -> Flow[None]:
        """Leave them all, and tell the store. That it cannot be told just now is no failure of the call's."""
        for place in tuple(self._open):
            self.left(place)
        yield from self.pay()

    def pay(self) -> Flow[None]:
        """Tell the store what it is owed."""
        while self._owed:
            operation = self._owed[0]
            assert self._shared is not None  # noqa: S101 - only who has a store owes it something
            yield from self._shared.told(operation)
            # Only now: whoever is interrupted tells it again, which does no harm.
            if operation in self._owed:
                self._owed.remove(operation)
