"""What a gate knows, and a look at it: the answer to a check, or whom to ask first. It asks nobody, and has no lock.

Decisions are ``_control.billing.deciding``'s; here they are fed with cells of the right age.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

from .._billing_events import EntitlementOpened
from .._control.billing.available import Funds, Rules, Standing, picked
from .._control.billing.deciding import Room, Verdict, opened, refused, verdict
from .._control.billing.entitlement import Check, Entitlement, Policy, Reason
from .._control.billing.purse import Purse
from .._cost import MATH
from ._cells import Ages, Breaker, Cell, Cells, Key

__all__ = ["Known", "Look", "Ours"]

_ONE: Final = Decimal(1)
_NEWS: Final = 1000
_SPENT: Final = 10_000


class Ours(NamedTuple):
    """Whose purse a call's reservation is in, and how many of Lago's dollars a dollar of it is."""

    key: Key
    factor: Decimal


@dataclass(slots=True)
class Known:
    """What is known, and by what it is judged."""

    rules: Rules
    ages: Ages
    room: Room
    policy: Policy
    feature: str
    authorizing: bool
    cells: Cells
    breaker: Breaker = field(default_factory=Breaker)
    calls: dict[str, Ours] = field(default_factory=dict)
    due: dict[Key, None] = field(default_factory=dict)
    asked: dict[Key, Any] = field(default_factory=dict)
    """Who is being asked about just now, and who waits for that."""
    news: deque[Any] = field(default_factory=lambda: deque(maxlen=_NEWS))
    spent: dict[str, None] = field(default_factory=dict)
    """The latest calls whose cost was told without a reservation."""
    problem: Any = None
    """The latest outage."""

    def purse(self, key: Key) -> Purse:
        """A customer's purse."""
        cell = self.cells.of(key)
        if cell.purse is None:
            cell.purse = Purse()
        return cell.purse

    def lapse(self, purse: Purse, now: float) -> None:
        """Let go of what is reserved for too long."""
        for call in purse.lapsed(now):
            self.calls.pop(call, None)

    def spend(self, subscription: str, call: str, usd: Decimal) -> None:
        """A call that reserved nothing cost so much; once for each of the latest calls."""
        if call in self.calls or call in self.spent:
            return
        self.spent[call] = None
        while len(self.spent) > _SPENT:
            del self.spent[next(iter(self.spent))]
        standing = self.cells.find(Key("standing", subscription))
        customer = standing.value.customer if standing is not None and standing.value else ""
        cell = self.cells.find(Key("funds", customer))
        # Whose purse is not open yet is asked for later, and the outbox has it by then.
        if cell is not None and cell.purse is not None:
            cell.purse.spend(MATH.multiply(usd, self.factor(subscription)))

    def factor(self, subscription: str) -> Decimal:
        """How many of its dollars Lago charges for one that a call costs."""
        cell = self.cells.find(Key("standing", subscription))
        return cell.value.factor if cell is not None and cell.value is not None else _ONE


class _Lacking(Exception):
    """Nothing of the right age is known of this."""

    def __init__(self, key: Key, cell: Cell) -> None:
        super().__init__(key)
        self.key, self.cell = key, cell


class Look:
    """One look at what is known, for one check. ``done``: who was asked for it by now."""

    __slots__ = (
        "as_of",
        "check",
        "customer",
        "done",
        "known",
        "now",
        "stale",
        "subscription",
        "used",
        "wall",
    )

    def __init__(
        self, known: Known, check: Check, done: Collection[Key], now: float, wall: float
    ) -> None:
        self.known, self.check, self.done = known, check, done
        self.now, self.wall = now, wall
        self.customer, self.subscription = check.customer, check.subscription
        self.used: list[tuple[Key, Cell]] = []
        self.stale = False
        self.as_of: float | None = None

    def answer(self) -> Entitlement | Key:
        """The entitlement, with what it reserves reserved; or whom to ask first."""
        if not self.customer and not self.subscription:
            return self._no("unknown_customer", "neither a customer nor a subscription is named")
        try:
            return self._authorized() if self.known.authorizing else self._looked()
        except _Lacking as lacking:
            if lacking.key not in self.done and not self._resting(lacking.cell):
                return lacking.key
            return self._opened(lacking.cell)

    def _resting(self, cell: Cell) -> bool:
        return self.now < cell.rest or self.known.breaker.is_open(self.now)

    def _value(self, key: Key, *, listing: bool = False) -> Any:
        """What is known of a key; it was asked for just now, or is of the right age."""
        cell = self.known.cells.of(key)
        cell.listing = cell.listing or listing
        answered = key in self.done and cell.problem is None and cell.value is not None
        if not answered and not cell.usable(self.now, self.wall, self.known.ages):
            raise _Lacking(key, cell)
        if listing and cell.value.subscriptions is None:
            raise _Lacking(key, cell)
        self._use(key, cell)
        return cell.value

    def _use(self, key: Key, cell: Cell) -> None:
        self.used.append((key, cell))
        if self.as_of is None or (cell.wall is not None and cell.wall < self.as_of):
            self.as_of = cell.wall
        if cell.age(self.now) >= self.known.ages.fresh:
            self.stale = True
            if key not in self.known.asked and not self._resting(cell):
                self.known.due[key] = None

    # --- by Lago ---------------------------------------------------------------------------------

    def _looked(self) -> Entitlement | Key:
        if not self.subscription:
            funds: Funds = self._value(Key("funds", self.customer), listing=True)
            if funds.denied:
                return self._no(funds.denied, funds.detail)
            found = picked(funds.subscriptions or (), self.customer, self.known.rules)
            if found.denied:
                return self._no(found.denied, found.detail)
            self.subscription = found.subscription
        standing: Standing = self._value(Key("standing", self.subscription))
        reason, detail = refused(self.check, standing, self.known.feature)
        if reason:
            return self._no(reason, detail, standing)
        self.customer = standing.customer or self.customer
        return self._reckoned(standing)

    def _reckoned(self, standing: Standing) -> Entitlement | Key:
        key = Key("funds", self.customer)
        funds: Funds = self._value(key)
        purse = self.known.purse(key)
        self.known.lapse(purse, self.now)
        found = verdict(self.check, funds, purse, standing.factor, self.known.room)
        notes = funds.notes + ((standing.note,) if standing.note else ())
        if found.reason:
            return self._no(found.reason, found.detail, standing, found, notes)
        self._reserve(key, purse, found, standing.factor)
        return self._yes(standing, found, notes)

    # --- by an authorize service -----------------------------------------------------------------

    def _authorized(self) -> Entitlement | Key:
        if not self.customer:
            why = "the authorize service is asked about customers, and none is named"
            return self._no("unknown_customer", why)
        key = Key("authorized", self.customer)
        standing: Standing = self._value(key)
        given = self.subscription
        self.subscription = given or standing.subscription
        if given and standing.subscription and given != standing.subscription:
            why = f"what is authorized is {standing.subscription}, not {given}"
            return self._no("not_authorized", why, standing)
        reason, detail = refused(self.check, standing, self.known.feature)
        if reason:
            return self._no(reason, detail, standing)
        found = Verdict(reserve=self.check.usd or Decimal(0))
        self._reserve(key, self.known.purse(key), found, _ONE)
        return self._yes(standing, found, ())

    # --- answers ---------------------------------------------------------------------------------

    def _reserve(
        self, key: Key, purse: Purse, found: Verdict, factor: Decimal, *, by_policy: bool = False
    ) -> None:
        call = self.check.reserve
        if call is None:
            return
        if (before := self.known.calls.get(call)) is not None and before.key != key:
            # It was let out by what was known then; now more is.
            self.known.purse(before.key).settle(call, None)
        usd = found.reserve if factor == _ONE else MATH.multiply(found.reserve, factor)
        purse.reserve(call, usd, self.now + self.check.lease / 1000, opened=by_policy)
        self.known.calls[call] = Ours(key, factor)

    def _yes(self, standing: Standing, found: Verdict, notes: tuple[str, ...]) -> Entitlement:
        return Entitlement(
            True,
            customer=self.customer,
            subscription=self.subscription,
            available=found.available,
            reserved=found.reserve if self.check.reserve is not None else None,
            features=standing.features,
            stale=self.stale,
            source=self._source(),
            as_of=self.as_of,
            notes=notes,
        )

    def _source(self) -> Any:
        if any(key not in self.done for key, _ in self.used):
            return "cache"
        return "authorize" if self.known.authorizing else "lago"

    def _no(
        self,
        reason: Reason,
        detail: str,
        standing: Standing | None = None,
        found: Verdict | None = None,
        notes: tuple[str, ...] = (),
    ) -> Entitlement | Key:
        """A no, unless it is too old to be taken for one: then whom to ask again."""
        for key, cell in self.used:
            old = cell.age(self.now) >= self.known.ages.negative
            if old and key not in self.done and not self._resting(cell):
                return key
        return Entitlement(
            False,
            reason,
            detail,
            self.customer,
            self.subscription,
            found.available if found is not None else None,
            features=standing.features if standing is not None else {},
            stale=self.stale,
            source=self._source() if self.used else "gate",
            as_of=self.as_of,
            notes=notes,
        )

    # --- outages ---------------------------------------------------------------------------------

    def _opened(self, cell: Cell) -> Entitlement:
        """Nobody could say: what the outage policy says."""
        problem = cell.problem or self.known.problem
        reason = problem.reason if problem is not None else "it was not answered in time"
        self._recall()
        key = self._whose()
        purse = self.known.purse(key)
        self.known.lapse(purse, self.now)
        first = not purse.is_open
        found = opened(self.check, purse, self.known.policy, self.now, self.known.room)
        if found.reason:
            detail = " ".join(part for part in (reason, found.detail) if part)
            return Entitlement(
                False, found.reason, detail, self.customer, self.subscription, source="policy"
            )
        if first:
            self.known.news.append(
                EntitlementOpened(self.customer, self.subscription, reason, self.check.usd)
            )
        self._reserve(key, purse, found, _ONE, by_policy=True)
        return Entitlement(
            True,
            detail=reason,
            customer=self.customer,
            subscription=self.subscription,
            reserved=found.reserve if self.check.reserve is not None else None,
            stale=True,
            source="policy",
            opened=True,
        )

    def _recall(self) -> None:
        """Whom to bill, and who it is, by what was known last, however long ago."""
        cells = self.known.cells
        if not self.subscription:
            listed = cells.find(Key("funds", self.customer))
            if listed is not None and listed.value is not None:
                found = picked(listed.value.subscriptions or (), self.customer, self.known.rules)
                self.subscription = found.subscription
            said = cells.find(Key("authorized", self.customer))
            if said is not None and said.value is not None:
                self.subscription = self.subscription or said.value.subscription
        if not self.customer:
            known = cells.find(Key("standing", self.subscription))
            if known is not None and known.value is not None:
                self.customer = known.value.customer

    def _whose(self) -> Key:
        if self.known.authorizing:
            return Key("authorized", self.customer)
        # A customer who is not known yet is known by the subscription; no id begins like this.
        return Key("funds", self.customer or f"\0{self.subscription}")
