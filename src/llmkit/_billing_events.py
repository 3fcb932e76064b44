"""What a ``LagoBilling`` tells its ``callbacks``: frozen, typed events. Those that are alarming are logged as
warnings.

No event holds a key, a prompt or an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from typing_extensions import override

__all__ = [
    "BillConflict",
    "BillDead",
    "BillDoubtful",
    "BillingReached",
    "BillingUnreachable",
    "BillsDelivered",
    "BillsLate",
    "BillsLeft",
    "CallsUnknown",
    "EntitlementOpened",
    "OutboxFailed",
    "OutboxQuarantined",
    "UsageUnattributed",
    "UsageUnpriced",
]


@dataclass(frozen=True, slots=True)
class BillsDelivered:
    """Whoever bills has these many more; ``deduped`` of them it had already."""

    count: int
    deduped: int


@dataclass(frozen=True, slots=True)
class BillDead:
    """A bill was refused for a reason that does not pass; it waits in the dead letter."""

    id: str
    reason: str
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        return f"bill {self.id} was refused, and is in the dead letter: {self.reason}"


@dataclass(frozen=True, slots=True)
class BillConflict:
    """Whoever bills has something else under this id."""

    id: str
    reason: str
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        return f"bill {self.id} is there with other contents: {self.reason}"


@dataclass(frozen=True, slots=True)
class BillDoubtful:
    """Somebody should look at this bill: what whoever bills said of it does not tell what became of it."""

    id: str
    reason: str
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        return f"bill {self.id} is doubtful: {self.reason}"


@dataclass(frozen=True, slots=True)
class BillingUnreachable:
    """Nothing can be delivered just now; all is kept, and tried again. ``wrong_key``: it will not pass by itself."""

    reason: str
    wrong_key: bool = False
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        hint = "; the key is wrong, or may not do this" if self.wrong_key else ""
        return f"bills cannot be delivered now, and are kept: {self.reason}{hint}"


@dataclass(frozen=True, slots=True)
class BillingReached:
    """Bills can be delivered again, after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class BillsLate:
    """The oldest bill that is not delivered is so old; ``period_end``: Unix time at which its period ends, if near."""

    seconds: float
    queued: int
    period_end: float | None = None
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        return f"{self.queued} bills are not delivered, the oldest for {self.seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class BillsLeft:
    """Billing is closed, or its process ends, before so many were delivered. ``durable``: the next process has them."""

    count: int
    durable: bool
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        fate = "are in the outbox for the next process" if self.durable else "go with this process"
        return f"billing is closed with {self.count} bills not delivered, which {fate}"


@dataclass(frozen=True, slots=True)
class CallsUnknown:
    """Of so many calls nobody saw the end, as after a crash: they may have cost something, and wait for a word."""

    count: int
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        return f"nobody saw the end of {self.count} calls; what they cost is not known, nor billed"


@dataclass(frozen=True, slots=True)
class UsageUnpriced:
    """What a call cost is not known; its usage waits for a price."""

    call_id: str
    model: str
    reason: str
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        model = f" ({self.model})" if self.model else ""
        return f"usage of {self.call_id}{model} waits for a price: {self.reason}"


@dataclass(frozen=True, slots=True)
class UsageUnattributed:
    """Nobody said whom to bill for a call; its usage waits for that."""

    call_id: str
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        return f"usage of {self.call_id} waits for a subscription: none was named"


@dataclass(frozen=True, slots=True)
class OutboxFailed:
    """The outbox could not be written; ``kept``: where what was to be written is now (``memory``, ``nowhere``)."""

    reason: str
    kept: str
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        where = "in memory" if self.kept == "memory" else self.kept
        return f"the outbox could not be written, what was to be is {where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class OutboxQuarantined:
    """The outbox's file could not be read; it was moved to ``path``, and a new one begun."""

    path: str
    reason: str
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        return f"the outbox is damaged ({self.reason}); it was moved to {self.path}, a new one is in use"


@dataclass(frozen=True, slots=True)
class EntitlementOpened:
    """Nobody could say whether this is allowed; by the outage policy it is. It is billed all the same."""

    customer: str
    subscription: str
    reason: str
    usd: Decimal | None = None
    alarming: ClassVar[bool] = True

    @override
    def __str__(self) -> str:
        who = self.subscription or self.customer
        return f"entitlement of {who} could not be checked, and is taken for given: {self.reason}"
