"""``Purse``: a limit on what rows may cost together, for functions, whose calls nobody sees beforehand."""

from __future__ import annotations

import threading
from decimal import Decimal

from .._cost import MATH, Cost, plain
from ..errors import BudgetExceededError

__all__ = ["Purse", "exceeded"]


class Purse:
    """So much is left, and each row that begins may cost so much. Threads may use it at once."""

    def __init__(self, limit: Decimal, each: Decimal) -> None:
        self._limit, self._each = limit, each
        self._spent = self._held = Decimal(0)
        self._lock = threading.Lock()

    def take(self) -> None:
        """A row begins. Raises BudgetExceededError where there is no room for it."""
        with self._lock:
            if self._spent + self._held + self._each > self._limit:
                raise exceeded(self._limit, self._spent, self._held, self._each)
            self._held = MATH.add(self._held, self._each)

    def paid(self, cost: Cost) -> None:
        """It has ended; where nobody knows what it cost, it cost what it may."""
        with self._lock:
            self._held = MATH.subtract(self._held, self._each)
            self._spent = MATH.add(self._spent, self._each if cost.total is None else cost.total)


def exceeded(limit: Decimal, spent: Decimal, held: Decimal, asked: Decimal) -> BudgetExceededError:
    """There is no room in a map's budget."""
    error = BudgetExceededError(
        f"the budget of this map is ${plain(limit)}: ${plain(spent)} spent and ${plain(held)} held leave no room "
        f"for ${plain(asked)}, the most that the rest can cost (max_tokens= makes that less)",
        type="budget_exceeded",
    )
    error.scope, error.window = "map", "total"
    error.limit, error.spent, error.held, error.asked = limit, spent, held, asked
    return error
