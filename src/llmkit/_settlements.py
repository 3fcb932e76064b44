"""How calls ended, and the operations that every ledger performs: what each call needs, budget or not.

What budgets, limits and routers ask of stores is in ``_operations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from ._call import Sent

__all__ = [
    "Numbered", "Outcome", "Settle", "Settlement", "Settlements", "SettlementsAfter", "Store", "UsageSource",
]  # fmt: skip

Outcome = Literal[
    "completed", "failed", "cancelled", "closed", "abandoned", "interrupted", "mocked"
]
UsageSource = Literal["reported", "estimated", "none"]


class Settlement(NamedTuple):
    """How one call ended; exactly one is recorded for each call.

    ``outcome``: ``completed``; ``failed`` (no answer); ``interrupted`` (a stream broke); ``closed`` (the
    caller closed a stream early); ``cancelled`` (task cancelled, Ctrl-C); ``abandoned`` (a stream was
    dropped without closing); ``mocked``. ``usage`` is ``estimated`` where the provider's never came.
    ``cost`` is in USD; ``None`` is unknown, not zero.
    """

    call_id: str
    outcome: Outcome
    provider: str
    model: str
    stream: bool
    sent: Sent
    attempts: int
    started: float
    seconds: float
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    usage_source: UsageSource = "none"
    cost: Decimal | None = None
    cost_status: str = "unknown"
    cost_reason: str | None = None
    error: str | None = None
    request_id: str | None = None
    metadata: Mapping[str, Any] = MappingProxyType({})
    kind: str = "chat"
    """The kind of call: ``chat``, ``embedding``, …"""


@dataclass(slots=True)
class Settle:
    """Record a settlement. A second one for the same call is refused by the store, which says so (``False``)."""

    settlement: Settlement


class Settlements(NamedTuple):
    """Read the latest settlements, oldest first: a tuple of ``Settlement``."""

    limit: int = 1000


class SettlementsAfter(NamedTuple):
    """Read settlements behind ``after``, in the order of their numbers. The answer is ``Numbered``.

    Numbers only grow, and none that comes later is below one that was told: whoever goes on behind the last one that he
    was told misses none. A memory tells of those that it still has.
    """

    after: int = 0
    limit: int = 1000


class Numbered(NamedTuple):
    """``rows``: (number, settlement). ``latest``: the last number that was given.

    ``ledger``: which one it is; one that is made anew in the same place is another, and counts from the beginning.
    """

    ledger: str
    latest: int
    rows: tuple[tuple[int, Settlement], ...]


class Store(Protocol):
    """What performs operations. It is called from any thread; it may not call back into a client.

    Where performing may wait, it also has a coroutine method ``aperform``, which async code calls instead.
    """

    def perform(self, operation: Any) -> Any:
        """Perform one operation and return its result."""
