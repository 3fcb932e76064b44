"""What budgets tell: what is spent, and whether that can be written down."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Final, Literal

from typing_extensions import override

__all__ = [
    "BudgetOverrun",
    "BudgetThresholdCrossed",
    "CatchUpFailed",
    "SpendKept",
    "SpendPosted",
    "StoreReached",
    "StoreUnreachable",
]

_KEPT: Final = {
    "disk": "is on disk until it can be",
    "memory": "is in memory until it can be",
    "nowhere": "is not kept: all that was held becomes spend when its lease is over",
}


@dataclass(frozen=True, slots=True)
class BudgetThresholdCrossed:
    """What is spent under a budget has come to ``mark``: told once for each crossing, whoever shares the store.

    ``scope``, ``window``, ``measure``: whose budget, over what time, of what (``usd``, ``requests``, ``tokens``).
    ``threshold``: the share of the limit; ``soft``: whether ``mark`` is, or is a share of, a soft limit.
    ``limit`` is ``None`` where nothing is refused. ``spent`` and ``held`` are as they stand now.
    ``call_id`` is the call's that crossed it; empty where it was recorded by hand.
    """

    scope: str
    window: str
    measure: str
    threshold: Decimal
    mark: Decimal
    limit: Decimal | None
    spent: Decimal
    held: Decimal
    soft: bool = False
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class BudgetOverrun:
    """A bill came to more than was held for it, or took budgets above their limit.

    ``held`` is ``None`` where nothing was held. ``exceeded`` are the scopes that are above their limit by it.
    """

    call_id: str
    usd: Decimal
    held: Decimal | None
    exceeded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreUnreachable:
    """A budget's store cannot be reached: no call goes out, or, where the budget is ``open``, each without a hold."""

    store: str
    error: Exception
    open: bool
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        so = "calls go on without a hold" if self.open else "calls are refused"
        return f"the budget's store is unreachable, {so} until it is back: {self.error}"


@dataclass(frozen=True, slots=True)
class StoreReached:
    """A budget's store is there again, after ``seconds``."""

    store: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SpendKept:
    """A settlement could not be made where it belongs; it is kept, and made later.

    ``usd`` is what was spent. ``where``: in the catch-up ledger on ``disk``, in ``memory``, or ``nowhere``: then the
    hold becomes spend when its lease ends.
    """

    hold: str
    usd: Decimal
    where: Literal["disk", "memory", "nowhere"]
    reason: str

    @override
    def __str__(self) -> str:
        return f"a settlement of ${self.usd:f} could not be made ({self.reason}); it {_KEPT[self.where]}"

    @property
    def alarming(self) -> bool:
        """Logged as a warning where it is ``nowhere``."""
        return self.where == "nowhere"


@dataclass(frozen=True, slots=True)
class SpendPosted:
    """So many entries of the catch-up ledger were made up for; ``usd`` is what they came to."""

    entries: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class CatchUpFailed:
    """The catch-up ledger could not be read or written, or the store refused what it is owed; nothing is dropped.

    ``hold``: which is concerned, if it is one. It is tried again.
    """

    hold: str
    reason: str
    alarming: ClassVar[bool] = True
    """Logged as a warning, whoever listens."""

    @override
    def __str__(self) -> str:
        whose = f" of {self.hold}" if self.hold else ""
        return (
            f"the catch-up ledger{whose} could not be worked off, and is tried again: {self.reason}"
        )
