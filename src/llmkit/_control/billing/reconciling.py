"""``reconcile()``: whether Lago has what was delivered, and counts it. Questions, and at most bills queued again.

What is compared: the ids and contents of the bills of a time with ``GET /events``, and what has been delivered in a
subscription's current period with ``current_usage``. A 200 says that an event was taken, not that it is counted: an
unknown subscription appears nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from typing_extensions import override

from ..._flow import Flow, store
from ..._outbox import Amend, Amended, Bill, Count, Counted, ReadBills
from ...errors import LagoError
from .answers import (
    Event,
    Page,
    Subscription,
    Usage,
    read_event,
    read_events,
    read_subscription,
    read_usage,
)
from .comparing import differences
from .currency import EXACT
from .lago import Lago
from .questions import Questions

__all__ = ["Mismatch", "Reconciled", "Reconciliation", "Uncounted", "reconcile"]

_AT_ONCE: Final = 500
# More events than these are compared in parts of the time: so much is in memory at once, and no more.
_MOST: Final = 20_000
_SHORTEST: Final = 1000
_NOT_FOUND: Final = 404
_SHOWN: Final = 20
_NOTHING: Final = Decimal(0)


class Mismatch(NamedTuple):
    """An event that is there, but is not the bill of this id."""

    id: str
    reason: str

    @override
    def __str__(self) -> str:
        return f"{self.id}: {self.reason}"


class Uncounted(NamedTuple):
    """What was delivered for a subscription and is not counted. ``theirs``: the units that are, where it says so."""

    subscription: str
    code: str
    ours: Decimal
    theirs: Decimal | None
    reason: str

    @override
    def __str__(self) -> str:
        counted = "" if self.theirs is None else f", {self.theirs:f} counted"
        return f"{self.subscription} {self.code}: {self.ours:f} delivered{counted}: {self.reason}"


class Reconciliation(NamedTuple):
    """What was delivered, beside what Lago has. Times are milliseconds of Unix time, ``until`` not included.

    ``delivered``: how many bills were compared; ``recent``: how many were not, because they were delivered just now.
    ``missing``: ids that are not there; ``requeued``: how many of them are queued again, as they were. ``extra``: ids
    that are there and were not delivered from here, such as another outbox's. ``unasked``: what could not be found
    out.
    """

    since: int
    until: int
    delivered: int = 0
    recent: int = 0
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()
    uncounted: tuple[Uncounted, ...] = ()
    requeued: int = 0
    unasked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all that was delivered is there as it was, and is counted; ``extra`` does not matter."""
        return not (self.missing or self.mismatched or self.uncounted or self.unasked)

    def dump(self) -> dict[str, Any]:
        """As plain values that JSON can say; units are texts."""
        found = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._asdict().items()
        }
        uncounted = [
            {
                **one._asdict(),
                "ours": f"{one.ours:f}",
                "theirs": None if one.theirs is None else f"{one.theirs:f}",
            }
            for one in self.uncounted
        ]
        mismatched = [one._asdict() for one in self.mismatched]
        return {"ok": self.ok, **found, "mismatched": mismatched, "uncounted": uncounted}

    @override
    def __str__(self) -> str:
        said = [
            f"{self.delivered} bills compared, {self.recent} too recent",
            *_listed(f"missing ({self.requeued} queued again)", self.missing),
            *_listed("other than sent", self.mismatched),
            *_listed("not counted", self.uncounted),
            *_listed("not from here", self.extra),
            *_listed("not known", self.unasked),
        ]
        return "\n".join(said)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What is compared: bills of these ``codes`` whose ``at`` is from ``since`` on, before ``until``.

    ``subscription``: of this one only. ``resend``: queue again what is missing. ``settling``: milliseconds within
    which what was delivered may not be seen or counted yet.
    """

    lago: Lago
    codes: Sequence[str]
    since: int
    until: int
    subscription: str | None = None
    resend: bool = False
    settling: int = 60_000


def reconcile(what: Reconciled, questions: Questions) -> Flow[Reconciliation]:
    """Compare.

    Raises: LagoError: events cannot be read. BillingError: Lago cannot be reached. StoreError: the outbox cannot.
    """
    counted: Counted = yield from store(Count())
    work = _Work(what, questions, counted.now - what.settling)
    for code in dict.fromkeys(what.codes):
        yield from work.compare(code, what.since, what.until)
    yield from work.requeue()
    for subscription in sorted(work.subscriptions):
        yield from work.count(subscription)
    return work.outcome()


def _listed(about: str, found: Sequence[object]) -> Iterator[str]:
    if found:
        yield f"{about}: {len(found)}"
        yield from (f"  {one}" for one in found[:_SHOWN])
        if len(found) > _SHOWN:
            yield f"  and {len(found) - _SHOWN} more"


class _Work:
    """One comparison under way."""

    def __init__(self, what: Reconciled, questions: Questions, settled: int) -> None:
        self.subscriptions: set[str] = set()
        self._what = what
        self._lago = what.lago
        self._questions = questions
        self._settled = settled
        self._delivered = self._recent = self._requeued = 0
        self._missing: list[Bill] = []
        self._extra: list[str] = []
        self._mismatched: list[Mismatch] = []
        self._uncounted: list[Uncounted] = []
        self._unasked: list[str] = []

    def outcome(self) -> Reconciliation:
        """All that was found."""
        return Reconciliation(
            self._what.since,
            self._what.until,
            self._delivered,
            self._recent,
            tuple(bill.id for bill in self._missing),
            tuple(self._extra),
            tuple(self._mismatched),
            tuple(self._uncounted),
            self._requeued,
            tuple(self._unasked),
        )

    # --- ids and contents -------------------------------------------------------------------------

    def compare(self, code: str, since: int, until: int) -> Flow[None]:
        """The bills of a code and a time with the events there; a long time in parts."""
        if since >= until:
            return
        first = yield from self._page(code, since, until, 1)
        if (first.total or 0) > _MOST and until - since > _SHORTEST:
            middle = (since + until) // 2
            yield from self.compare(code, since, middle)
            yield from self.compare(code, middle, until)
            return
        events = yield from self._events(code, since, until, first)
        ours = yield from self._match(code, since, until, events)
        yield from self._unknown({id_: found for id_, found in events.items() if id_ not in ours})

    def _page(self, code: str, since: int, until: int, page: int) -> Flow[Page[Event]]:
        # Whether Lago takes the ends in, and how exactly, is not said: a little more is asked for.
        request = self._lago.events(
            subscription=self._what.subscription,
            code=code,
            since=since - _SHORTEST,
            until=until + _SHORTEST,
            page=page,
        )
        return (yield from self._questions.ask(request, read_events))

    def _events(
        self, code: str, since: int, until: int, page: Page[Event]
    ) -> Flow[dict[str, list[Event]]]:
        found: dict[str, list[Event]] = {}
        while True:
            for event in page.items:
                if event.at is not None and since <= event.at < until:
                    found.setdefault(event.transaction_id, []).append(event)
            if page.following is None or not page.items:
                return found
            page = yield from self._page(code, since, until, page.following)

    def _match(
        self, code: str, since: int, until: int, events: dict[str, list[Event]]
    ) -> Flow[set[str]]:
        """Compare each bill of the time; the ids that are ours."""
        ours, after = set(), 0
        while True:
            read = self._read(code, since, until, after)
            bills: tuple[Bill, ...] = yield from store(read)
            for bill in bills:
                ours.add(bill.id)
                self.subscriptions.add(bill.subscription)
                yield from self._compared(bill, events.get(bill.id, []))
            if len(bills) < _AT_ONCE:
                return ours
            after = bills[-1].number

    def _read(
        self, code: str, since: int, until: int, after: int, subscription: str | None = None
    ) -> ReadBills:
        whose = subscription or self._what.subscription
        return ReadBills(("delivered",), None, whose, code, since, until, after, _AT_ONCE)

    def _compared(self, bill: Bill, there: Iterable[Event]) -> Flow[None]:
        if bill.changed > self._settled:
            self._recent += 1
            return
        self._delivered += 1
        found = tuple(there)
        if not found:
            # It may have moved from one page to another while they were read.
            alone = yield from self._alone(bill)
            found = () if alone is None else (alone,)
        if not found:
            self._missing.append(bill)
        for event in found:
            self._differ(bill, event)

    def _alone(self, bill: Bill) -> Flow[Event | None]:
        try:
            return (yield from self._questions.ask(self._lago.read_event(bill.id), read_event))
        except LagoError as error:
            if error.status_code != _NOT_FOUND:
                raise
            return None

    def _differ(self, bill: Bill, event: Event) -> None:
        if reason := differences(bill.body, event):
            self._mismatched.append(Mismatch(bill.id, reason))

    def _unknown(self, events: dict[str, list[Event]]) -> Flow[None]:
        """Events that no bill of this time is delivered for: perhaps of another time, or on their way."""
        ids = list(events)
        for at in range(0, len(ids), _AT_ONCE):
            part = ids[at : at + _AT_ONCE]
            bills: tuple[Bill, ...] = yield from store(ReadBills(ids=tuple(part), limit=_AT_ONCE))
            known = {bill.id: bill for bill in bills}
            for id_ in part:
                self._judge(id_, known.get(id_), events[id_])

    def _judge(self, id_: str, bill: Bill | None, events: list[Event]) -> None:
        if bill is None or bill.state not in ("queued", "delivered"):
            self._extra.append(id_)
        else:
            for event in events:
                self._differ(bill, event)

    def requeue(self) -> Flow[None]:
        """What is missing is queued as it was: same id, same time, same bytes."""
        if not self._what.resend:
            return
        for at in range(0, len(self._missing), _AT_ONCE):
            again = (
                b._replace(state="queued", reason="") for b in self._missing[at : at + _AT_ONCE]
            )
            amended = tuple(Amended(bill, ("delivered",)) for bill in again)
            ids: tuple[str, ...] = yield from store(Amend(amended))
            self._requeued += len(ids)

    # --- whether it is counted --------------------------------------------------------------------

    def count(self, external_id: str) -> Flow[None]:
        """Whether what was delivered for a subscription is counted in its current period."""
        try:
            subscription = yield from self._subscription(external_id)
            usage = None
            if subscription is not None and subscription.terminated is None:
                request = self._lago.usage(subscription.customer, external_id)
                usage = yield from self._questions.ask(request, read_usage)
        except LagoError as error:
            self._unasked.append(f"whether {external_id} is counted: {error}")
            return
        for code in dict.fromkeys(self._what.codes):
            yield from self._counted(external_id, code, subscription, usage)

    def _subscription(self, external_id: str) -> Flow[Subscription | None]:
        for status in (None, "terminated"):
            request = self._lago.subscription(external_id, status=status)
            try:
                return (yield from self._questions.ask(request, read_subscription))
            except LagoError as error:
                if error.status_code != _NOT_FOUND:
                    raise
        return None

    def _counted(
        self, external_id: str, code: str, known: Subscription | None, usage: Usage | None
    ) -> Flow[None]:
        """Say what is not counted of one code."""
        if known is None:
            why = "Lago has no subscription of this id: it took the events, and counts none"
            yield from self._say(external_id, code, 0, None, why)
            return
        if known.started is not None:
            why = "they are from before the subscription began"
            yield from self._say(external_id, code, 0, known.started, why)
        if known.terminated is not None:
            why = "they are from after the subscription's end"
            yield from self._say(external_id, code, known.terminated + 1, None, why)
        if usage is not None:
            yield from self._used(external_id, code, known, usage)

    def _say(
        self, external_id: str, code: str, since: int, until: int | None, why: str
    ) -> Flow[None]:
        units, count = yield from self._sum(external_id, code, since, until)
        if count:
            self._uncounted.append(Uncounted(external_id, code, units, None, why))

    def _used(self, external_id: str, code: str, known: Subscription, usage: Usage) -> Flow[None]:
        begun = max(usage.since or known.period_start or 0, known.started or 0)
        units, count = yield from self._sum(external_id, code, begun, None)
        charges = [charge.units for charge in usage.charges if charge.metric == code]
        if not count or (charges and max(charges) >= units):
            return
        why = "Lago counts less than it was sent" if charges else "the plan has no charge for it"
        theirs = max(charges) if charges else None
        self._uncounted.append(Uncounted(external_id, code, units, theirs, why))

    def _sum(
        self, external_id: str, code: str, since: int, until: int | None
    ) -> Flow[tuple[Decimal, int]]:
        """The units that were delivered, but for those of just now, and in how many bills."""
        units, count, after = _NOTHING, 0, 0
        end = ReadBills().until if until is None else until
        while True:
            bills: tuple[Bill, ...] = yield from store(
                self._read(code, since, end, after, external_id)
            )
            for bill in bills:
                if bill.changed <= self._settled:
                    units, count = EXACT.add(units, bill.units), count + 1
            if len(bills) < _AT_ONCE:
                return units, count
            after = bills[-1].number
