"""What could not be written to the outbox, in memory and in order, until it can be.

It has a limit, which keeps calls from beginning; what has ended is always kept, for the call cannot be undone.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from decimal import Decimal
from typing import Any

from .._control.billing.kept import Kept
from .._cost import MATH
from .._outbox import Conclude, Count, Counted, Intend, Owed, Owing
from ..errors import BillingError

__all__ = ["Spill"]


class Spill:
    """Operations in the order they came. Thread-safe; nobody waits long for its lock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # A signal's handler may end a call in the middle of an operation of this very thread.
        self._lock = threading.RLock()
        self._waiting: OrderedDict[int, Intend | Conclude] = OrderedDict()
        self._intents: dict[str, int] = {}
        self._kept = Kept()
        self._numbers = itertools.count(1)
        self.total = 0
        """How many were ever kept here."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, operation: Intend | Conclude, now: int) -> Any:
        """Keep an operation, and answer it as the outbox would, as far as is known here.

        Raises:
            BillingError: a call would begin, and there is no room for more of them.
        """
        with self._lock:
            if isinstance(operation, Conclude):
                self._forget(operation.call)
            elif len(self._waiting) >= self._limit:
                raise BillingError(
                    f"the outbox cannot be written, and {self._limit} calls wait in memory for it already"
                )
            answer = self._kept.perform(operation, now)
            self._append(operation)
            return answer

    def _append(self, operation: Intend | Conclude) -> None:
        number = next(self._numbers)
        if isinstance(operation, Intend):
            number = self._intents.setdefault(operation.call, number)
            before = self._waiting.get(number)
            if isinstance(before, Intend):
                operation = _larger(before, operation)
        if number not in self._waiting:
            self.total += 1
        self._waiting[number] = operation

    def _forget(self, call: str) -> None:
        """An intent that never left memory needs not be written once its call has ended."""
        number = self._intents.pop(call, None)
        if number is not None:
            del self._waiting[number]

    def first(self) -> tuple[int, Intend | Conclude] | None:
        """What is to be written next."""
        with self._lock:
            return next(iter(self._waiting.items()), None)

    def written(self, number: int, operation: Intend | Conclude) -> None:
        """It is in the outbox now."""
        with self._lock:
            if self._waiting.get(number) is operation:
                del self._waiting[number]
                self._intents.pop(operation.call, None)

    def settle(self, now: int) -> None:
        """Make anew what is known of those that are left."""
        with self._lock:
            self._kept = Kept()
            for operation in self._waiting.values():
                self._kept.perform(operation, now)

    def beside(self, operation: Count | Owing, found: Any, now: int) -> Any:
        """What the outbox has answered, and what is here."""
        with self._lock:
            here = self._kept.perform(operation, now)
        return _counted(found, here) if isinstance(operation, Count) else _owed(found, here)


def _larger(one: Intend, other: Intend) -> Intend:
    given = [usd for usd in (one.usd, other.usd) if usd is not None]
    usd = max(given) if given else None
    return other._replace(usd=usd, lease=max(one.lease, other.lease))


def _counted(found: Counted, here: Counted) -> Counted:
    states = dict(found.states)
    for state, many in here.states.items():
        states[state] = states.get(state, 0) + many
    ages = [oldest for oldest in (found.oldest, here.oldest) if oldest is not None]
    return found._replace(states=states, oldest=min(ages, default=None))


def _owed(found: Owed, here: Owed) -> Owed:
    sums: list[Decimal] = [
        MATH.add(one, other) for one, other in zip(found[1:], here[1:], strict=True)
    ]
    return Owed(found.now, *sums)
