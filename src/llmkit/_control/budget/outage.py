"""What happens when a budget's store cannot be reached. ``Closed``, the default: no call is let out.

What could not be performed is kept in memory and performed again with the next call; what is lost with the process
was held, and becomes spend when its lease is over.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, Protocol

from ..._flow import Flow, store
from ...errors import BudgetUnavailableError, StoreError
from .asking import Ask, Taken

__all__ = ["Closed", "Outage"]

_MOST_KEPT: Final = 10_000


class Outage(Protocol):
    """What a ``Book`` asks when its store fails."""

    owing: Any
    """True in a condition while something waits to be performed again."""

    def admit(self, ask: Ask, error: StoreError) -> Flow[None]:
        """The store cannot hold this: raise, or return to let the call go without a hold."""

    def unheld(self, taken: Taken, operation: Any) -> Flow[None]:
        """A call that was let go without a hold has ended like this."""

    def keep(self, operation: Any) -> None:
        """An operation could not be performed: do it again later. It may be called where nothing can be awaited."""

    def pay(self, on: Any) -> Flow[None]:
        """Perform again what could not be; it never fails."""


class Closed:
    """No store, no call."""

    def __init__(self) -> None:
        self.owing: deque[Any] = deque(maxlen=_MOST_KEPT)

    def admit(self, ask: Ask, error: StoreError) -> Flow[None]:
        """Refuse."""
        raise BudgetUnavailableError(
            f"the budget's store fails, so nothing is let out: {error}"
        ) from error
        yield  # a flow that waits for nothing

    def unheld(self, taken: Taken, operation: Any) -> Flow[None]:
        """Nothing is let go without a hold."""
        yield from ()

    def keep(self, operation: Any) -> None:
        """Keep it."""
        self.owing.append(operation)

    def pay(self, on: Any) -> Flow[None]:
        """Perform what is kept, up to the first failure."""
        for _ in range(len(self.owing)):
            try:
                operation = self.owing.popleft()
            except IndexError:
                return  # another thread has it
            try:
                yield from store(operation, on)
            except BaseException as error:
                self.owing.appendleft(operation)
                if isinstance(error, StoreError):
                    return
                raise
