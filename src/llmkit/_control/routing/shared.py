"""The store that several processes route by, as one of them asks it; and what is done while it cannot be reached.

``closed``: nobody is let in. ``local``: this process goes by itself, with its share of every limit. Either way what the
store has missed of calls that have left is done when it is back. Stores are asked by effects; nothing here waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ..._flow import Flow, notify, store
from ..._operations import Leave, Look
from ...errors import RouterUnavailableError, StoreError, StoreUnavailableError
from ...events import StateReached, StateUnreachable
from ..budget.gate import Gate

__all__ = ["Shared"]

_MOST_MISSED: Final = 10_000
_AT_ONCE: Final = 16
"""So much of what it has missed a call does for others."""
_AMONG_US: Final = 2.0
_TO_OTHERS: Final = 0.25
"""Seconds for which a process with calls in line gives its places to these, and then seconds for which it does not:
those of other processes hear of no place that is left, and would never find one."""


class Shared:
    """One router's.

    Args:
        target: the store.
        local: whether this process goes by itself while it cannot be reached.
        clock: seconds, only forward.
    """

    def __init__(
        self,
        target: Any,
        *,
        local: bool,
        clock: Callable[[], float],
    ) -> None:
        self.target, self.local = target, local
        self.gate = Gate(clock)
        self._name = type(target).__name__
        self._clock = clock
        self._handing = self.rests = float("-inf")
        """Until when places are left to other processes."""
        self._missed: deque[Leave] = deque(maxlen=_MOST_MISSED)

    @property
    def lost(self) -> bool:
        """Whether this process goes by itself just now. Asked for, not told: two threads may see it go and come."""
        return self.local and self.gate.down

    @property
    def due(self) -> bool:
        """Whether there is something to do before a call asks."""
        return self.gate.down or bool(self._missed)

    def hands_on(self, line: Any) -> None:
        """A place was left that all share: let the first in line look, or leave it to other processes for a moment."""
        now = self._clock()
        if now < self.rests:
            return
        since = now - self._handing
        if since >= _AMONG_US and line.waits:
            self._handing = now
            if since < 2 * _AMONG_US:
                self.rests = now + _TO_OTHERS
                return
        line.wake()

    def before(self) -> Flow[None]:
        """Look whether a store that was lost is there again, and tell it a little of what it has missed."""
        if self.gate.down:
            if not self.local or self.gate.seconds > 0:
                return
            yield from self._asked(Look(()))
        for _ in range(_AT_ONCE):
            if self.gate.down or not self._missed:
                break
            yield from self.told(self._missed.popleft())

    def ask(self, operation: Any) -> Flow[Any]:
        """Its answer; ``None`` where it cannot be reached and this process goes by itself.

        Raises:
            RouterUnavailableError: it cannot be reached, and nobody is let in without it.
        """
        return (yield from self._asked(operation))

    def told(self, operation: Any) -> Flow[None]:
        """Tell it something of a call that has left: where that fails, it is no failure of the call's."""
        try:
            if (yield from self._performed(operation)) is not None:
                return
        except StoreUnavailableError:
            pass
        except StoreError:
            return  # told again, it would be no better
        if isinstance(operation, Leave):
            self._missed.append(operation)

    def _asked(self, operation: Any) -> Flow[Any]:
        try:
            answer = yield from self._performed(operation)
        except StoreUnavailableError as error:
            if self.local:
                return None
            raise self._closed(error) from error
        return answer

    def _performed(self, operation: Any) -> Flow[Any]:
        if (refusal := self.gate.refusal()) is not None:
            raise refusal
        begun = self.gate.begin()
        try:
            answer = yield from store(operation, self.target)
            if answer is None:
                # What is performed for a call that was cancelled has little time.
                raise StoreUnavailableError("the store did not answer in time")
        except StoreUnavailableError as error:
            if self.gate.failed(error, begun):
                yield from notify(StateUnreachable(self._name, error, self.local))
            raise
        except BaseException:
            self.gate.left()
            raise
        if (seconds := self.gate.worked()) is not None:
            yield from notify(StateReached(self._name, seconds))
        return answer

    def _closed(self, error: StoreUnavailableError) -> RouterUnavailableError:
        return RouterUnavailableError(
            f"the router's store cannot be reached, and no call goes out without it: {error.message}; "
            "when_store_lost='local' lets each process keep to its share",
            retry_after=self.gate.seconds,
        )
