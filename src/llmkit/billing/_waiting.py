"""``Waiting``: the bills that go nowhere by themselves, looked at, priced, attributed, billed, replayed, discarded.

How a bill changes is ``_control.billing.waiting``'s; here they are read and written, in both colours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from typing_extensions import override

from .._control.billing.currency import amount
from .._control.billing.facts import usable
from .._control.billing.intention import Intention
from .._control.billing.waiting import (
    attributed,
    billed,
    discarded,
    priced,
    priced_at,
    replayed,
)
from .._control.billing.wording import bills
from .._flow import Flow, store
from .._outbox import Amend, Amended, Bill, Conclude, ReadBills, State
from ..catalogue import Catalogue, default
from ..errors import ConfigurationError
from ._desk import Desk

__all__ = ["Waiting"]

_PAGE: Final = 500
Ids = str | Iterable[str] | None
"""Of bills; ``None``: all that wait here."""
Amount = Decimal | float | str | Mapping[str, Any] | None
"""USD of each of the ids, or by id."""
_Change = Callable[[Bill], Amended | None]


class Waiting:
    """Bills in some states: ``lago.unpriced``, ``lago.unattributed``, ``lago.dead_letter`` …

    What a method changes, it changes only where nobody else has before; it answers with the ids that it has changed.
    A bill's id and time never change.
    """

    def __init__(
        self, desk: Desk, states: tuple[State, ...], catalogue: Catalogue | None = None
    ) -> None:
        self._desk, self._states = desk, states
        self._catalogue = catalogue

    def list(self, *, limit: int = 1000, after: int = 0) -> tuple[Bill, ...]:
        """The first of them; ``after``: behind the bill of this number.

        Raises:
            StoreError: the outbox cannot be read.
        """
        return self._desk.run(self._listed(limit, after))

    async def alist(self, *, limit: int = 1000, after: int = 0) -> tuple[Bill, ...]:
        """``list``, awaited."""
        return await self._desk.arun(self._listed(limit, after))

    def reprice(
        self,
        ids: Ids = None,
        usd: Amount = None,
        *,
        catalogue: Catalogue | None = None,
        prices: Mapping[str, Any] | None = None,
    ) -> tuple[str, ...]:
        """Give them a price; those that also have a subscription are sent.

        Args:
            ids: which; all, where there are none.
            usd: what each of these ids cost, or amounts by id. Without, usage is priced anew.
            catalogue: whose prices hold; the process's, which may know more by now.
            prices: prices as calls are given them: ``{"input_cost_per_token": "0.000001", …}``; before the catalogue's.

        Raises:
            ConfigurationError: an amount or a price is none, or one amount is given for who knows how many.
            StoreError: the outbox cannot be read or written.
        """
        return self._desk.run(self._repriced(ids, usd, catalogue, prices))

    async def areprice(
        self,
        ids: Ids = None,
        usd: Amount = None,
        *,
        catalogue: Catalogue | None = None,
        prices: Mapping[str, Any] | None = None,
    ) -> tuple[str, ...]:
        """``reprice``, awaited."""
        return await self._desk.arun(self._repriced(ids, usd, catalogue, prices))

    def attribute(self, ids: Ids, subscription: str) -> tuple[str, ...]:
        """Say whose they are; those that also have a price are sent.

        Raises:
            ConfigurationError: that is no subscription's id.
            StoreError: the outbox cannot be read or written.
        """
        return self._desk.run(self._attributed(ids, subscription))

    async def aattribute(self, ids: Ids, subscription: str) -> tuple[str, ...]:
        """``attribute``, awaited."""
        return await self._desk.arun(self._attributed(ids, subscription))

    def bill(self, ids: Ids, usd: Amount = None) -> tuple[str, ...]:
        """Bill them after all: as they were estimated, or what is named. What is unknown needs an amount.

        Raises:
            ConfigurationError: an amount is none, or needed and not there; nothing was changed.
            StoreError: the outbox cannot be read or written.
        """
        return self._desk.run(self._billed(ids, usd))

    async def abill(self, ids: Ids, usd: Amount = None) -> tuple[str, ...]:
        """``bill``, awaited."""
        return await self._desk.arun(self._billed(ids, usd))

    def replay(self, ids: Ids = None) -> tuple[str, ...]:
        """Send what was refused again, byte by byte as it was.

        Raises:
            StoreError: the outbox cannot be read or written.
        """
        return self._desk.run(self._each(ids, replayed, ("dead",)))

    async def areplay(self, ids: Ids = None) -> tuple[str, ...]:
        """``replay``, awaited."""
        return await self._desk.arun(self._each(ids, replayed, ("dead",)))

    def discard(self, ids: Ids, reason: str) -> tuple[str, ...]:
        """Say that these shall not be billed, and why.

        Raises:
            ConfigurationError: there is no reason.
            StoreError: the outbox cannot be read or written.
        """
        return self._desk.run(self._discarded(ids, reason))

    async def adiscard(self, ids: Ids, reason: str) -> tuple[str, ...]:
        """``discard``, awaited."""
        return await self._desk.arun(self._discarded(ids, reason))

    @override
    def __repr__(self) -> str:
        return f"Waiting({', '.join(self._states)})"

    # --- without colour

    def _listed(self, limit: int, after: int) -> Flow[tuple[Bill, ...]]:
        read = ReadBills(self._states, after=after, limit=limit)
        return (yield from store(read, on=self._desk.outbox))  # type: ignore[no-any-return]

    def _repriced(
        self,
        ids: Ids,
        usd: Amount,
        catalogue: Catalogue | None,
        prices: Mapping[str, Any] | None,
    ) -> Flow[tuple[str, ...]]:
        terms = self._desk.terms
        if usd is not None:
            ids, amounts = _amounts(ids, usd)
            return (yield from self._each(ids, lambda b: priced_at(b, amounts[b.id], terms)))
        known = catalogue or self._catalogue or default()
        return (yield from self._each(ids, lambda b: priced(b, terms, known, prices)))

    def _attributed(self, ids: Ids, subscription: str) -> Flow[tuple[str, ...]]:
        if not usable(subscription):
            raise ConfigurationError(f"a subscription is an id, not {subscription!r:.80}")
        return (
            yield from self._each(ids, lambda b: attributed(b, subscription), ("unattributed",))
        )

    def _billed(self, ids: Ids, usd: Amount) -> Flow[tuple[str, ...]]:
        amounts: Mapping[str, Decimal] = {}
        if usd is not None:
            ids, amounts = _amounts(ids, usd)
        done = yield from self._concluded(ids, amounts)
        held: tuple[State, ...] = ("held", "listed")
        return done + (yield from self._each(ids, lambda b: billed(b, amounts.get(b.id)), held))

    def _concluded(self, ids: Ids, amounts: Mapping[str, Decimal]) -> Flow[tuple[str, ...]]:
        """Bill calls of which nobody knows what became of them: intents become bills."""
        found: list[Bill] = []
        for read in self._reads(ids, ("unknown",)):
            while page := (yield from store(read, on=self._desk.outbox)):
                found += page
                read = read._replace(after=page[-1].number)  # noqa: PLW2901 - the next page of the same
        if lacking := [bill.id for bill in found if bill.id not in amounts]:
            raise ConfigurationError(
                f"nobody knows what {lacking[0]} cost: give usd=, or discard it"
            )
        done: tuple[str, ...] = ()
        for bill in found:
            done += yield from self._ended(bill, amounts[bill.id])
        return done

    def _ended(self, bill: Bill, usd: Decimal) -> Flow[tuple[str, ...]]:
        meant = Intention.read(bill.facts)
        made = bills(
            meant.charge(bill.at, usd),
            bill.call,
            bill.subscription,
            meant.terms(self._desk.terms),
            whose=meant.whose,
            properties=meant.properties,
        )
        written = yield from store(Conclude(bill.call, made), on=self._desk.outbox)
        self._wake(one for one in made if one.id in written.fresh)
        return tuple(written.fresh)

    def _discarded(self, ids: Ids, reason: str) -> Flow[tuple[str, ...]]:
        if not isinstance(reason, str) or not reason.strip():
            raise ConfigurationError("say why it shall not be billed: discard(ids, reason)")
        return (yield from self._each(ids, lambda b: discarded(b, reason)))

    def _each(
        self, ids: Ids, change: _Change, states: tuple[State, ...] | None = None
    ) -> Flow[tuple[str, ...]]:
        """Change each that is in one of these states, a page at a time."""
        done: tuple[str, ...] = ()
        for read in self._reads(ids, states or self._states):
            while page := (yield from store(read, on=self._desk.outbox)):
                done += yield from self._amended([change(bill) for bill in page])
                # What is queued now has a number behind these, and is in another state.
                read = read._replace(after=page[-1].number)  # noqa: PLW2901 - the next page of the same
        return done

    def _reads(self, ids: Ids, states: tuple[State, ...]) -> Iterator[ReadBills]:
        wanted = tuple(state for state in states if state in self._states)
        if ids is None and wanted:
            yield ReadBills(wanted, limit=_PAGE)
        known = () if ids is None else tuple(dict.fromkeys(_known(ids)))
        if not wanted:
            return
        for at in range(0, len(known), _PAGE):
            yield ReadBills(wanted, known[at : at + _PAGE], limit=_PAGE)

    def _amended(self, changes: Iterable[Amended | None]) -> Flow[tuple[str, ...]]:
        amended = tuple(change for change in changes if change is not None)
        if not amended:
            return ()
        done: tuple[str, ...] = yield from store(Amend(amended), on=self._desk.outbox)
        self._wake(change.bill for change in amended if change.bill.id in done)
        return done

    def _wake(self, bills: Iterable[Bill]) -> None:
        if queued := sum(bill.state == "queued" for bill in bills):
            self._desk.wake(queued)


def _known(ids: str | Iterable[str]) -> list[str]:
    """The ids that were given. Bills themselves, or something else, would match nothing, silently."""
    known = [ids] if isinstance(ids, str) or not isinstance(ids, Iterable) else list(ids)
    if wrong := [one for one in known if not isinstance(one, str)]:
        raise ConfigurationError(
            f"bills are named by their ids, [bill.id for bill in …], not by {type(wrong[0]).__name__}"
        )
    return known


def _amounts(ids: Ids, usd: Any) -> tuple[list[str], Mapping[str, Decimal]]:
    """Which, and what each of them cost."""
    if isinstance(usd, Mapping):
        wanted = set(usd if ids is None else _known(ids))
        if missing := wanted.difference(usd):
            raise ConfigurationError(f"usd= says nothing of {min(missing)}")
        return sorted(wanted), {name: amount(usd[name], "usd") for name in wanted}
    if ids is None:
        raise ConfigurationError("usd= is what one costs: say which, or give amounts by id")
    known = _known(ids)
    return known, dict.fromkeys(known, amount(usd, "usd"))
