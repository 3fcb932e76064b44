"""Operations on stores, by name with parameters; and the settlement record, one for each call, whatever happens.

A store performs operations; how (memory, SQL, Redis) is its own affair. Nothing here performs anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from ._call import Sent

__all__ = ["Operation", "Outcome", "Settle", "Settlement", "Store"]

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
    """Record a settlement. A second one for the same call is refused by the store, which says so."""

    settlement: Settlement


Operation = Settle


class Store(Protocol):
    """What performs operations. It is called from any thread; it may not call back into a client."""

    def perform(self, operation: Operation) -> Any:
        """Perform one operation and return its result."""
