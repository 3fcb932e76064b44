"""``MemoryLedger``: settlements in memory. It holds the latest ones and the totals of all, so it does not grow.

A store of the outside world (SQLite, PostgreSQL, Redis) performs the same operations.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from decimal import Decimal
from itertools import islice
from typing import NamedTuple
from uuid import uuid4

from ._cost import MATH
from ._settlements import Numbered, Settle, Settlement

__all__ = ["MemoryLedger", "Totals"]


class Totals(NamedTuple):
    """Sums over settlements. ``unknown_costs`` counts the calls whose cost is not in ``cost``."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    unknown_costs: int = 0

    def plus(self, settlement: Settlement) -> Totals:
        """These totals with one more call."""
        calls, prompt, completion, cost, unknown = self
        if settlement.cost is None:
            unknown += 1
        else:
            cost = MATH.add(cost, settlement.cost)
        prompt += settlement.prompt_tokens or 0
        completion += settlement.completion_tokens or 0
        # Not by way of its own __new__: every call makes one.
        return tuple.__new__(Totals, (calls + 1, prompt, completion, cost, unknown))


_NOTHING = Totals()


class MemoryLedger:
    """Settlements of this process. Thread-safe."""

    def __init__(self, keep: int = 1000) -> None:
        self._keep = keep
        self._recent: OrderedDict[str, Settlement] = OrderedDict()
        self._totals: dict[tuple[str, str], Totals] = {}
        self._latest = 0
        self._name = f"memory {uuid4().hex}"
        # Re-entrant: a collector may run a stream's settlement while this thread holds it.
        self._lock = threading.RLock()

    def perform(self, operation: Settle) -> bool:
        """Record a settlement; ``False`` where the call has one already. Raises TypeError for another operation."""
        if type(operation) is not Settle:
            raise TypeError(
                f"this ledger settles calls, and performs no {type(operation).__name__}"
            )
        settlement = operation.settlement
        with self._lock:
            if settlement.call_id in self._recent:
                return False
            key = (settlement.provider, settlement.model)
            totals = self._totals.get(key, _NOTHING).plus(settlement)
            # No call between these: an interrupt sees all or none.
            self._totals[key] = totals
            self._recent[settlement.call_id] = settlement
            self._latest += 1
            if len(self._recent) > self._keep:
                self._recent.popitem(last=False)
        return True

    def has(self, settlement: Settlement) -> bool:
        """Whether it has one of this call, among those that are kept."""
        return settlement.call_id in self._recent

    @property
    def settlements(self) -> tuple[Settlement, ...]:
        """The latest settlements, oldest first."""
        with self._lock:
            return tuple(self._recent.values())

    def after(self, number: int, limit: int) -> Numbered:
        """Settlements behind one, of those that are kept."""
        with self._lock:
            latest = self._latest
            new = min(latest - max(number, 0), len(self._recent))
            # From the end: who follows is never far behind.
            newest = list(islice(reversed(self._recent.values()), max(new, 0)))
            rows = enumerate(reversed(newest), latest - len(newest) + 1)
            return Numbered(self._name, latest, tuple(islice(rows, limit)))

    def _repr_html_(self) -> str:
        from .types._page import ledger_page  # noqa: PLC0415 - only in notebooks

        return ledger_page(self.totals)

    @property
    def totals(self) -> dict[tuple[str, str], Totals]:
        """Sums of all settlements by (provider, model)."""
        with self._lock:
            return dict(self._totals)
