"""The place that a call has at a deployment, and what its store is still to be told of it.

Rule 1: a place that was taken is left once, whatever becomes of the call: with what the deployment did, or with nothing
said of it.
Rule 2: leaving is decided without waiting; what the store has to be told is owed, and is paid, or left on the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..._flow import Flow
from ..._operations import Leave

if TYPE_CHECKING:
    from .route import Route
    from .shared import Shared
    from .steps import After, Go

__all__ = ["Places"]


class Places:
    """Those of one call. It has one at a time.

    Args:
        route: whose they are.
        shared: the store that other processes ask, too.
        wake: what lets the next one look who waits for a place.
        now: the router's clock.
    """

    __slots__ = ("_now", "_open", "_owed", "_shared", "_wake", "route")

    def __init__(
        self,
        route: Route,
        shared: Shared | None,
        wake: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self.route = route
        self._shared, self._wake, self._now = shared, wake, now
        self._open: Go | None = None
        self._owed: tuple[Any, ...] = ()

    @property
    def owing(self) -> bool:
        """Whether a place is still to be left, or the store to be told."""
        return self._open is not None or bool(self._owed)

    def took(self, go: Go) -> None:
        """A place was given."""
        self._open = go

    def trying(self, ticket: str) -> None:
        """The store is asked for a place: until it has answered, nobody knows whether it is taken."""
        self._owed = (*self._owed, Leave(ticket))

    def answered(self) -> None:
        """It has."""
        self._owed = self._owed[:-1]

    def worked(self, **how: Any) -> Sequence[Any]:
        """The deployment has answered; what is to be told of that. ``how``: as of ``Route.worked``."""
        return self._left(lambda go: self.route.worked(go, self._now(), **how))

    def failed(self, error: BaseException, *, repeatable: bool) -> Sequence[Any]:
        """It has failed."""
        return self._left(
            lambda go: self.route.failed(go, error, self._now(), repeatable=repeatable)
        )

    def left(self) -> Sequence[Any]:
        """Nothing is to be said of it."""
        return self._left(lambda go: self.route.left(go, self._now()))

    def _left(self, leave: Callable[[Go], After]) -> Sequence[Any]:
        go, self._open = self._open, None
        if go is None:
            return ()
        after = leave(go)
        if after.operations:
            self._owed = (*self._owed, *after.operations)
        self._wake()
        return after.events

    def drop(self) -> None:
        """The call was dropped, perhaps by a collector, in the middle of anything: what cannot be done now is owed."""
        if self._open is not None and self.route.table.lock.acquire(blocking=False):
            self.route.table.lock.release()
            # Nobody else of this thread has it, so nobody is waited for by this thread itself.
            self.left()

    def close(self) -> Flow[None]:
        """Leave, and tell the store. That it cannot be told just now is no failure of the call's."""
        self.left()
        while self._owed:
            assert self._shared is not None  # noqa: S101 - only who has a store owes it something
            yield from self._shared.told(self._owed[0])
            self._owed = self._owed[1:]
