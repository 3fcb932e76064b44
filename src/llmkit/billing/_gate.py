"""``EntitlementGate``: may a customer's call go out? Decided from memory; asked for once however many wait.

It is told what calls cost, so that a balance is not spent twice. What is decided is in ``_known`` and below.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from .._billing_events import BillingUnreachable
from .._control.billing.asking import Asking, Outage, owed
from .._control.billing.available import Funds, carried
from .._control.billing.deciding import Room, room_of
from .._control.billing.entitlement import Check, Entitlement, OpenUntil, Policy
from .._control.billing.purse import Mark
from .._cost import MATH
from .._flow import Flow, acquire, notify
from .._io._limit import ParallelLimit
from .._io.stores._forks import at_forks
from .._outbox import Owed
from ..errors import APITimeoutError
from ._cells import Ages, Breaker, Cell, Cells, Key
from ._known import Known, Look

__all__ = ["EntitlementGate"]

_AGAIN: Final = 3
_MOST: Final = 200_000
_DUE_AT_ONCE: Final = 100
_ZERO, _ONE = Decimal(0), Decimal(1)
_SWEEP: Final = 60.0


class _Flight:
    """Somebody asks, others wait for it."""

    __slots__ = ("aboard", "limit")

    def __init__(self) -> None:
        self.limit = ParallelLimit(1, "who asks for an entitlement")
        self.aboard = 0


class EntitlementGate:
    """Remembers what Lago, or an authorize service, says of customers, and what is reserved for their calls.

    Threads and event loops share it. What is fresh is decided from memory; what is stale, too, and is asked for anew
    by whoever runs ``refresh_due``; what is too old is asked for by the call, once for all that wait.

    Args:
        asking: who is asked, and by what rules.
        link: what runs flows: ``run``, ``arun``.
        policy: what an outage means.
        ages: how old an answer may be.
        room: what may be overdrawn, what is reserved for a call that nobody can bound.
        feature: what a subscription must have, where a check does not name it.
        unseen: seconds for which what was delivered may not be in Lago's numbers yet.
        most: how many cells are kept: two for each customer.
        call: called when something has become due; from any thread.
    """

    def __init__(
        self,
        asking: Asking,
        link: Any,
        *,
        policy: Policy = "closed",
        ages: Ages = Ages(),  # noqa: B008 - it is frozen
        room: Room = Room(),  # noqa: B008
        feature: str = "",
        unseen: float = 60.0,
        most: int = _MOST,
        call: Callable[[], object] = bool,
    ) -> None:
        self._asking, self._link, self._call = asking, link, call
        self._unseen = unseen
        authorizing = asking.authorizing is not None
        cells = Cells(most)
        self._known = Known(asking.rules, ages, room, policy, feature, authorizing, cells)
        self._told_key = False
        self._swept = asking.now()
        self._period_end: int | None = None
        # Re-entrant: a collector may settle a dropped call while this thread holds it.
        self._lock = threading.RLock()
        at_forks(self)

    def __len__(self) -> int:
        return len(self._known.cells)

    # --- checks ----------------------------------------------------------------------------------

    def perform(self, operation: Check) -> Entitlement:
        """May it go out? It waits only where nothing recent enough is known."""
        found = self._look(operation, ())
        if isinstance(found, Key):
            found = self._link.run(self._decided(operation, found))
        if self._known.news:
            self._link.run(self._tell())
        return found

    async def aperform(self, operation: Check) -> Entitlement:
        """``perform``, awaited."""
        found = self._look(operation, ())
        if isinstance(found, Key):
            found = await self._link.arun(self._decided(operation, found))
        if self._known.news:
            await self._link.arun(self._tell())
        return found

    def _look(self, check: Check, done: Any) -> Entitlement | Key:
        due = len(self._known.due)
        with self._lock:
            now, wall = self._asking.now(), self._asking.wall()
            found = Look(self._known, check, done, now, wall).answer()
        if len(self._known.due) > due:
            self._call()
        return found

    def _decided(self, check: Check, key: Key) -> Flow[Entitlement]:
        done: set[Key] = set()
        found: Entitlement | Key = key
        while isinstance(found, Key):
            yield from self._refreshed(found)
            done.add(found)
            found = self._look(check, done)
        return found

    def _tell(self) -> Flow[None]:
        news = self._known.news
        while news:
            try:
                event = news.popleft()
            except IndexError:
                # Another thread was faster.
                return
            yield from notify(event)

    # --- what calls cost -------------------------------------------------------------------------

    def written(self, call: str) -> None:
        """The outbox has an intent of what is reserved for this call."""
        with self._lock:
            if (ours := self._known.calls.get(call)) is not None:
                self._known.purse(ours.key).written(call)

    def raised(self, call: str, usd: Decimal | None) -> bool:
        """Reserve so much for the call in all, if that is more; ``False``: there is no room, and nothing changed."""
        with self._lock:
            if (ours := self._known.calls.get(call)) is None:
                return True
            room = self._known.room
            wanted = room.unbounded if usd is None else usd
            cell = self._known.cells.of(ours.key)
            purse = self._known.purse(ours.key)
            funds = cell.value if isinstance(cell.value, Funds) else None
            if wanted is None:
                return funds is None or funds.left is None
            cost = MATH.multiply(wanted, ours.factor)
            if not room_of(funds, purse, call, cost, room) or not self._in_policy(
                purse, call, cost
            ):
                return False
            purse.reserve(call, cost, float("-inf"))
            return True

    def _in_policy(self, purse: Any, call: str, usd: Decimal) -> bool:
        policy = self._known.policy
        if not purse.is_open or not isinstance(policy, OpenUntil) or policy.usd is None:
            return True
        _, gone = purse.opened(self._asking.now())
        return bool(MATH.add(gone, MATH.subtract(usd, purse.reserved(call))) <= policy.usd)

    def settled(self, call: str, usd: Decimal | None) -> None:
        """The call has ended, and its bills are written: it cost so much. ``None``: nothing is billed."""
        with self._lock:
            if (ours := self._known.calls.pop(call, None)) is not None:
                cost = None if usd is None else MATH.multiply(usd, ours.factor)
                self._known.purse(ours.key).settle(call, cost)

    def spent(self, subscription: str, call: str, usd: Decimal) -> None:
        """A call that was never checked here cost so much, and its bills are written. Again, it changes nothing."""
        with self._lock:
            self._known.spend(subscription, call, usd)

    # --- asking anew -----------------------------------------------------------------------------

    def refresh_due(self, most: int = _DUE_AT_ONCE) -> list[Flow[None]]:
        """Flows that ask anew for what has become stale; whoever has time runs them, at once or one by one."""
        with self._lock:
            self._sweep()
            keys = list(self._known.due)[:most]
            for key in keys:
                del self._known.due[key]
        return [self._refreshed(key, self._known.ages.fresh) for key in keys]

    def _sweep(self) -> None:
        """Calls that nobody settled, of customers that nobody asks about."""
        now = self._asking.now()
        if now - self._swept < _SWEEP:
            return
        self._swept = now
        for key in {ours.key for ours in self._known.calls.values()}:
            self._known.lapse(self._known.purse(key), now)

    def invalidate(self, customer: str | None = None, subscription: str | None = None) -> None:
        """What was known of these holds no more; without any, all. The next check asks."""
        with self._lock:
            for key, cell in self._about(customer, subscription):
                cell.void()
                self._known.due.pop(key, None)

    def _about(self, customer: str | None, subscription: str | None) -> list[tuple[Key, Cell]]:
        cells = self._known.cells
        if customer is None and subscription is None:
            return cells.all()
        standing = cells.find(Key("standing", subscription or ""))
        whose = {customer, standing.value.customer if standing and standing.value else None}
        keys = [Key("standing", subscription or "")]
        for one in whose - {None, ""}:
            keys += [Key("funds", str(one)), Key("authorized", str(one))]
            keys += self._subscriptions(str(one)) if subscription is None else []
        return [(key, cell) for key in keys if (cell := cells.find(key)) is not None]

    def _subscriptions(self, customer: str) -> list[Key]:
        cells = self._known.cells.all()
        return [
            key
            for key, cell in cells
            if key.of == "standing" and cell.value is not None and cell.value.customer == customer
        ]

    def period_end(self) -> float | None:
        """The nearest end of a billing period that is known of, as Unix time; ``None``: none is."""
        end = self._period_end
        return None if end is None or end <= self._asking.wall() * 1000 else end / 1000

    # --- one asks, the others wait ---------------------------------------------------------------

    def _refreshed(self, key: Key, age: float = 0.0) -> Flow[None]:
        """Ask about a key, or wait for whoever does. It never fails; what comes of it, the cell says.

        ``age``: what is not so old is good enough.
        """
        flight, tries = self._board(key)
        try:
            give_back = yield from acquire(flight.limit, self._asking.now() + self._asking.timeout)
        except APITimeoutError:
            self._leave(key, flight)
            return
        except BaseException:
            self._leave(key, flight)
            raise
        try:
            if self._begun(key, tries, age):
                yield from self._asked(key)
                yield from self._tell()
        finally:
            give_back()
            self._leave(key, flight)

    def _board(self, key: Key) -> tuple[_Flight, int]:
        with self._lock:
            flight: _Flight = self._known.asked.setdefault(key, _Flight())
            flight.aboard += 1
            return flight, self._known.cells.of(key).tries

    def _leave(self, key: Key, flight: _Flight) -> None:
        with self._lock:
            flight.aboard -= 1
            if flight.aboard <= 0 and self._known.asked.get(key) is flight:
                del self._known.asked[key]

    def _begun(self, key: Key, tries: int, age: float) -> bool:
        """Whether it is for us to ask: nobody has while we waited, and somebody may be asked."""
        with self._lock:
            cell, now = self._known.cells.of(key), self._asking.now()
            answered = cell.tries != tries or cell.age(now) < age
            if answered and not cell.lacks_list:
                return False
            if now < cell.rest or self._known.breaker.is_open(now):
                return False
            self._known.breaker.begun(now)
            return True

    def _asked(self, key: Key) -> Flow[None]:
        failed: bool | None = None
        try:
            for _ in range(_AGAIN):
                if (yield from self._question(key)):
                    break
            failed = False
        except Outage as outage:
            failed = None if outage.crowded else True
            self._failed(key, outage)
        except Exception as error:  # noqa: BLE001 - a call must not fail for what its gate did not foresee
            failed = True
            self._failed(key, Outage(f"{type(error).__name__}: {error}"))
        finally:
            with self._lock:
                self._known.breaker.ended(self._asking.now(), failed=failed)

    def _question(self, key: Key) -> Flow[bool]:
        """Ask once; whether the answer still holds: nothing has made it void since it was asked for."""
        asking, at, wall = self._asking, self._asking.now(), self._asking.wall()
        with self._lock:
            cell = self._known.cells.of(key)
            epoch, listing = cell.epoch, cell.listing
        mark: Mark | None = None
        due: Owed | None = None
        value: Any
        if key.of == "funds":
            value = yield from asking.funds(key.id, listing=listing, factor=self._factor)
            if value.left is not None:
                mark = self._mark(key)
                value, due = yield from self._owed(value, at)
        elif key.of == "standing":
            value = yield from asking.standing(key.id)
        else:
            value = yield from asking.authorized(key.id)
        with self._lock:
            if isinstance(value, Funds):
                spent = cell.purse.unseen if cell.purse is not None else _ZERO
                value = carried(cell.value, value, spent, asking.rules)
            cell.filled(value, getattr(value, "ends", None), at, wall)
            self._heard(key, cell, mark, due)
            return cell.epoch == epoch

    def _factor(self, subscription: str) -> Decimal:
        with self._lock:
            return self._known.factor(subscription)

    def _mark(self, key: Key) -> Mark:
        with self._lock:
            return self._known.purse(key).mark()

    def _owed(self, funds: Funds, at: float) -> Flow[tuple[Funds, Owed | None]]:
        """What the outbox says that is owed; where it cannot be read, all that was spent here counts on."""
        ids = [one.external_id for one in funds.subscriptions or ()]
        try:
            found = yield from owed(ids, self._asking.now() - at, self._unseen)
        except Exception as error:  # noqa: BLE001 - whatever a store raises
            note = f"the outbox could not be asked what is owed: {type(error).__name__}"
            return funds._replace(notes=(*funds.notes, note)), None
        return funds, found

    def _heard(self, key: Key, cell: Cell, mark: Mark | None, due: Owed | None) -> None:
        self._told_key = False
        value = cell.value
        if mark is not None and due is not None:
            factors = (self._known.factor(one.external_id) for one in value.subscriptions or ())
            self._known.purse(key).owes(mark, due, max(factors, default=_ONE))
        if cell.purse is not None:
            cell.purse.over()
        if key.of == "standing":
            self._resolved(value.subscription, value.period_end)

    def _resolved(self, subscription: str, period_end: int | None) -> None:
        alias = self._known.cells.find(Key("funds", f"\0{subscription}"))
        if alias is not None and alias.purse is not None:
            alias.purse.over()
        now = self._asking.wall() * 1000
        if period_end is not None and period_end > now:
            known = self._period_end
            self._period_end = min(known, period_end) if known and known > now else period_end

    def _failed(self, key: Key, outage: Outage) -> None:
        with self._lock:
            cell = self._known.cells.of(key)
            cell.failed(outage, self._asking.now(), rest=not outage.crowded)
            self._known.problem = outage
            if outage.wrong_key and not self._told_key:
                self._told_key = True
                self._known.news.append(BillingUnreachable(outage.reason, wrong_key=True))

    # --- forks -----------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Come to rest, in the parent."""
        self._lock.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on. A child keeps what is known; what is reserved, and who asks, are the parent's."""
        if child:
            self.forget()
        else:
            self._lock.release()

    def forget(self) -> None:
        """This is a forked process: it has no calls under way."""
        self._lock = threading.RLock()
        known = self._known
        known.calls, known.due, known.asked, known.breaker = {}, {}, {}, Breaker()
        known.news.clear()
        for _, cell in known.cells.all():
            if cell.purse is not None:
                cell.purse.forked()
        getattr(self._asking.pace, "forked", bool)()
