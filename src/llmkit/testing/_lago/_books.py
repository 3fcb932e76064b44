"""What the fake Lago holds: customers, plans, metrics, subscriptions, wallets, events. Values and look-ups only.

Two ways of keeping events, with Lago's own two keys: see `Books.keep`. Nothing here answers HTTP or reads a clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

__all__ = [
    "Aggregation", "Books", "Charge", "Event", "Metric", "Plan", "Store", "Subscription", "Wallet", "an_id",
]  # fmt: skip

Store = Literal["postgres", "clickhouse"]
Aggregation = Literal["sum_agg", "count_agg", "max_agg", "latest_agg", "unique_count_agg"]
_SPACE = uuid.UUID("9f0d5d2e-6f0b-4e0c-9a55-3f6f0e3a1c11")


def an_id(*parts: object) -> str:
    """A UUID that depends on these only, as Lago's ids look."""
    return str(uuid.uuid5(_SPACE, "/".join(map(str, parts))))


@dataclass(frozen=True, slots=True)
class Metric:
    """A billable metric; *needs*: properties that its expression reads."""

    code: str
    field: str | None
    aggregation: Aggregation
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Charge:
    """A plan's charge; *price*: of a unit, in the plan's currency (standard charges)."""

    metric: str
    model: Literal["standard", "dynamic"] = "standard"
    price: Decimal = Decimal(0)
    pay_in_advance: bool = False


@dataclass(slots=True)
class Plan:
    """A plan and its charges, in the order in which they were added."""

    code: str
    currency: str = "USD"
    charges: list[Charge] = field(default_factory=list)


@dataclass(slots=True)
class Subscription:
    """A customer's subscription. Times are milliseconds of Unix time; *period*: when the current one began."""

    external_id: str
    customer: str
    plan: str
    started: int
    period: int
    ended: int | None = None
    entitlements: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`active`, or `terminated`."""
        return "active" if self.ended is None else "terminated"


@dataclass(slots=True)
class Wallet:
    """Prepaid credits. *ongoing*: cents of usage that Lago's last look at it (premium) took off."""

    customer: str
    code: str
    balance: Decimal
    currency: str = "USD"
    priority: int = 50
    metrics: tuple[str, ...] = ()
    expires: float | None = None
    terminated: bool = False
    ongoing: Decimal = Decimal(0)
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is stored; *processed*: whether what happens behind storing it was done, too."""

    transaction_id: str
    subscription: str | None
    code: str
    at: int
    properties: Mapping[str, Any]
    precise: Decimal | None
    created: float
    processed: bool = True


Key = tuple[object, ...]


class Books:
    """All of it. Not thread-safe: who answers holds a lock."""

    def __init__(self, store: Store) -> None:
        self.store: Store = store
        self.customers: dict[str, str] = {}
        self.plans: dict[str, Plan] = {}
        self.metrics: dict[str, Metric] = {}
        self.subscriptions: dict[str, list[Subscription]] = {}
        self.wallets: list[Wallet] = []
        self.events: dict[Key, Event] = {}
        self._metered: dict[tuple[str | None, str], dict[Key, Event]] = {}
        self._known: dict[str, list[Key]] = {}

    def keep(self, event: Event) -> bool:
        """Store an event; `False` if it is there (then nothing changes).

        PostgreSQL: unique in subscription and transaction id; without a subscription nothing is. ClickHouse: the
        last of the same code, subscription, millisecond and transaction id is what counts; there is no conflict.
        """
        key = self._key(event)
        if key in self.events and self.store == "postgres":
            return False
        if key not in self.events:
            self._known.setdefault(event.transaction_id, []).append(key)
        self.events[key] = event
        self._metered.setdefault((event.subscription, event.code), {})[key] = event
        return True

    def holds(self, event: Event) -> bool:
        """Whether PostgreSQL's unique index would refuse it."""
        return self.store == "postgres" and self._key(event) in self.events

    def of_id(self, transaction_id: str) -> list[Event]:
        """Every stored event with this transaction id."""
        return [self.events[key] for key in self._known.get(transaction_id, ())]

    def metered(self, subscription: str | None, code: str) -> list[Event]:
        """Every stored event of this subscription and metric."""
        return list(self._metered.get((subscription, code), {}).values())

    def subscription(self, external_id: str, status: str | None = "active") -> Subscription | None:
        """The latest subscription of this name with this status; `None`: with any."""
        found = self.subscriptions.get(external_id, [])
        return next((one for one in reversed(found) if status in (None, one.status)), None)

    def of_customer(self, customer: str) -> list[Subscription]:
        """The customer's active subscriptions."""
        every = (one for found in self.subscriptions.values() for one in found)
        return [one for one in every if one.customer == customer and one.status == "active"]

    def _key(self, event: Event) -> Key:
        if self.store == "clickhouse":
            return (event.code, event.subscription, event.at, event.transaction_id)
        if event.subscription is None:  # NULLs are never equal to each other
            return (len(self.events), None, event.transaction_id)
        return (event.subscription, event.transaction_id)
