"""One flow on its way, without colour: what both drivers know of it.

``Run`` keeps the flow, the exchange it is in, and the exception that a cancellation must end in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .._call import Sent
from .._flow import Cancelled, Flow, Notify, Opened, Store
from ._failures import explain
from ._progress import Progress

__all__ = ["Done", "Run"]


class Done(tuple[Any]):
    """The flow has ended, with this value; made of a tuple of one, because every call makes one."""

    __slots__ = ()

    @property
    def value(self) -> Any:
        """What it returned."""
        return self[0]


class Run:
    """One flow being driven."""

    __slots__ = ("aborted", "cancelled", "flow", "opened", "progress")

    def __init__(self, flow: Flow[Any], aborted: threading.Event | None = None) -> None:
        self.flow = flow
        self.progress: Progress | None = None
        self.opened: Any = None
        """The grip on an open answer that nobody has taken over yet."""
        self.cancelled: Cancelled | None = None
        self.aborted = aborted
        """Set from another thread, to end this run; only runs that race have it."""

    @property
    def sent(self) -> Sent:
        """Whether the request of the current exchange has left."""
        return "no" if self.progress is None else self.progress.sent

    def step(self, resume: Callable[..., Any], *outcome: Any) -> Any:
        """Resume the flow; return its next effect, or ``Done``. A cancellation ends as what caused it."""
        try:
            return resume(*outcome)
        except StopIteration as stop:
            return Done((stop.value,))
        except Cancelled as cancelled:
            cause = cancelled.__cause__
        # The flow has ended. What it was cancelled with knows this frame, and with it the run.
        self.cancelled = None
        if cause is None:
            # Where it went through knows this run, which knows it.
            self.cancelled = None
            return Done((None,))
        # Outside the handler, or each would be the other's context; and not known here any more once it is out. What
        # knows itself waits for the collector, with all that it holds.
        try:
            raise cause
        finally:
            del cause

    def won(self, outcome: tuple[int, Any]) -> tuple[int, Any]:
        """A race's outcome: where it is an open answer, that is this flow's from now on."""
        if isinstance(outcome[1], Opened):
            self.opened = outcome[1].handle
        return outcome

    def let_go(self) -> Any:
        """The grip on the open answer, to be closed: the flow fails before anybody took it over."""
        opened, self.opened = self.opened, None
        return opened

    def fail(self, error: BaseException) -> Any:
        """Throw a failure of the current effect into the flow; return the effect that it answers with."""
        if self.is_aborted():
            return self.cancel(None)
        if isinstance(error, Exception):
            progress = self.progress
            return self.flow.throw(error if progress is None else explain(error, progress))
        return self.cancel(error)

    def cancel(self, cause: BaseException | None, reason: str = "cancelled") -> Any:
        """Throw ``Cancelled`` into the flow; the outcome of the run is then ``cause``."""
        self.cancelled = Cancelled(self.sent, reason)
        self.cancelled.__cause__ = cause
        return self.flow.throw(self.cancelled)

    def is_aborted(self) -> bool:
        """Whether another thread has ended this run, which does not know it yet."""
        return self.aborted is not None and self.aborted.is_set() and self.cancelled is None

    def abort(self) -> None:
        """End this run from another thread: it is woken from its wait, and cancels its flow itself."""
        assert self.aborted is not None  # noqa: S101 - only runs that race are aborted
        self.aborted.set()
        if (progress := self.progress) is not None:
            # Nothing more is sent or read, nor where it is still connecting.
            progress.stop()
            progress.disconnect()

    def instead(self, effect: Any) -> Any:
        """The effect that follows where this one is not performed; ``None`` where it is to be.

        After a cancellation only the settlement may still be.
        """
        if self.is_aborted():
            return self.step(self.cancel, None)
        if self.cancelled is None or isinstance(effect, Notify | Store):
            return None
        return self.step(self.flow.throw, self.cancelled)
