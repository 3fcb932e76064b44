"""Setting the fake Lago up: what an administrator does in Lago before an event can count."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from . import _money
from ._books import Aggregation, Books, Charge, Metric, Plan, Subscription, Wallet
from ._clocks import Timepiece
from ._reading import month
from ._service import Service

__all__ = ["SettingUp"]


class SettingUp:
    """The methods that change what the fake holds, other than by requests."""

    _books: Books
    _clock: Timepiece
    service: Service
    _lock: threading.RLock
    premium: bool
    skew: float

    def wall(self) -> float:
        """The server's Unix time: its clock's, and its skew."""
        return self._clock.wall() + self.skew

    def furnish(
        self,
        subscription: str = "sub_1",
        *,
        customer: str = "cus_1",
        code: str = "askii_coins",
        price: Decimal | str = "0.000001",
        balance_cents: int | None = None,
        started_at: float | None = None,
    ) -> None:
        """All that one subscription needs: a metric summing *code*, a plan, a customer, a wallet with a balance."""
        if code not in self._books.metrics:
            self.add_metric(code)
        plan = f"plan_{code}"
        if plan not in self._books.plans:
            self.add_plan(plan)
            self.add_charge(plan, code, price=price)
        if customer not in self._books.customers:
            self.add_customer(customer)
        self.add_subscription(subscription, customer, plan, started_at=started_at)
        if balance_cents is not None:
            self.add_wallet(customer, balance_cents)

    def add_key(self, key: str, permissions: Mapping[str, Iterable[str]]) -> None:
        """A key that may `read` or `write` these resources only: `{"event": ["write"]}`."""
        self.service.keys[key] = {name: frozenset(may) for name, may in permissions.items()}

    def add_customer(self, customer: str, name: str = "") -> None:
        """A customer by its external id."""
        self._books.customers[customer] = name or customer

    def add_metric(
        self,
        code: str,
        field: str | None = None,
        aggregation: Aggregation = "sum_agg",
        *,
        needs: Iterable[str] = (),
    ) -> None:
        """A billable metric; *field*: the property it aggregates, the code's name without.

        *needs*: properties of its expression: events without them are refused.
        """
        self._books.metrics[code] = Metric(code, field or code, aggregation, tuple(needs))

    def add_plan(self, code: str, currency: str = "USD") -> None:
        """A plan without charges, billed by calendar months."""
        self._books.plans[code] = Plan(code, currency)

    def add_charge(
        self,
        plan: str,
        metric: str,
        model: Literal["standard", "dynamic"] = "standard",
        *,
        price: Decimal | str = "0",
        pay_in_advance: bool = False,
    ) -> None:
        """Bill this metric in this plan; *price*: of a unit, in the plan's currency (dollars, not cents)."""
        _ = self._books.metrics[metric]  # an unknown one is a KeyError now, not later
        self._books.plans[plan].charges.append(
            Charge(metric, model, Decimal(price), pay_in_advance)
        )

    def add_subscription(
        self,
        external_id: str,
        customer: str,
        plan: str,
        *,
        started_at: float | None = None,
        entitlements: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """A subscription, active from *started_at* (Unix time; the month's beginning without) on.

        *entitlements*: privileges by feature: `{"llm": {"max_usd_per_day": 50}}`.
        """
        _ = self._books.plans[plan], self._books.customers[customer]
        began = month(self.wall())[0] if started_at is None else started_at
        with self._lock:
            at = int(Decimal(repr(float(began))) * 1000)
            one = Subscription(external_id, customer, plan, at, at, None, entitlements or {})
            self._books.subscriptions.setdefault(external_id, []).append(one)

    def terminate(self, external_id: str, at: float | None = None) -> None:
        """End a subscription. Raises `KeyError` if none of this name is active."""
        one = self._active(external_id)
        one.ended = int((self.wall() if at is None else at) * 1000)

    def grant(self, external_id: str, entitlements: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace a subscription's entitlements."""
        self._active(external_id).entitlements = entitlements

    def add_wallet(
        self,
        customer: str,
        balance_cents: int | Decimal,
        *,
        code: str = "prepaid",
        applies_to: Iterable[str] = (),
        expiration: float | None = None,
        priority: int = 50,
        currency: str = "USD",
    ) -> None:
        """A wallet with this settled balance; *applies_to*: metrics' codes, all without; *expiration*: Unix time."""
        balance, created = Decimal(balance_cents), self.wall()
        with self._lock:
            self._books.wallets.append(
                Wallet(
                    customer, code, balance, currency, priority, tuple(applies_to), expiration, False,
                    Decimal(0), created,
                )
            )  # fmt: skip

    def wallet(self, customer: str, code: str = "prepaid") -> Wallet:
        """A customer's wallet, to be changed. Raises `KeyError`."""
        for one in self._books.wallets:
            if (one.customer, one.code) == (customer, code):
                return one
        raise KeyError(code)

    def refresh(self) -> None:
        """What Lago does every five minutes to wallets' ongoing balances: nothing, unless it is premium."""
        with self._lock:
            if self.premium:
                _money.refresh(self._books, self.wall())

    def hold_usage(self, external_id: str) -> None:
        """Let `current_usage` go on saying what it says now: what comes later is counted, and not seen yet."""
        with self._lock:
            self.service.seen[external_id] = _money.charges(
                self._books, self._active(external_id), self.wall()
            )

    def release_usage(self, external_id: str) -> None:
        """Let `current_usage` say what is counted."""
        with self._lock:
            self.service.seen.pop(external_id, None)

    def settle(self, external_id: str) -> int:
        """Close the subscription's period with an invoice, paid from its customer's wallets: cents of it."""
        with self._lock:
            return _money.settle(self._books, self._active(external_id), self.wall())

    def _active(self, external_id: str) -> Subscription:
        found = self._books.subscription(external_id)
        if found is None:
            raise KeyError(external_id)
        return found
