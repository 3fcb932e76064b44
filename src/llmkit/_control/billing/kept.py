"""The outbox in memory: what each operation means, and what every store's form of it is compared with.

Nothing here waits, and the time is given. Whoever calls has made it his alone for the time. An operation that does not
come to its end is undone: rows are noted before they change, and what follows from them is made anew.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_CEILING, Context, Decimal
from itertools import islice
from typing import Any, Final, NamedTuple

from ..._outbox import (
    Amend,
    Bill,
    Billed,
    Conclude,
    Count,
    Counted,
    Forget,
    Intend,
    Mark,
    Marked,
    Notice,
    Owed,
    Owing,
    ReadBills,
    ReleaseLane,
    State,
    Take,
    Taken,
)

__all__ = ["FORGETTABLE", "NANO", "OWED", "Kept", "Lane", "nanos"]

FORGETTABLE: Final[tuple[State, ...]] = ("delivered", "discarded", "listed")
"""What ``Forget`` forgets in time."""
OWED: Final[tuple[State, ...]] = ("queued", "held")
"""What is owed, and that whoever bills does not know of."""
NANO: Final = Decimal("1e-9")
_NANO: Final = Context(prec=60, rounding=ROUND_CEILING)
_MOST: Final = 2**53 - 1
_ABSENT: Final = object()


def nanos(usd: Decimal | None) -> int:
    """In 1e-9 dollars, rounded up; what is unknown is nothing. Some 9 million dollars at most."""
    if not usd:
        return 0
    return max(min(int(_NANO.to_integral_value(usd.scaleb(9, _NANO))), _MOST), -_MOST)


class Lane(NamedTuple):
    """Who sends: until when, and since when."""

    sender: str = ""
    since: int = 0
    until: int = 0

    def at(self, now: int) -> Lane:
        """As it is at a time. What begins in the future, for the clock has jumped back, begins now."""
        if self.since > now:
            return Lane(self.sender, now, now + self.until - self.since)
        return _NOBODY if self.until <= now else self


_NOBODY: Final = Lane()


class Kept:
    """An outbox. Of what was delivered it keeps the latest ``keep``."""

    def __init__(self, keep: int = 100_000) -> None:
        self._keep = keep
        self._log: list[tuple[dict[Any, Any], Any, Any]] = []
        self._bills: dict[str, Bill] = {}
        self._notices: dict[str, int] = {}
        self._lane: dict[str, Lane] = {}
        self._number = 0
        self._repair()

    def perform(self, operation: Any, now: int) -> Any:
        """Perform one operation at this time, wholly or not at all."""
        self._log.clear()
        try:
            return _RULES[type(operation)](self, operation, now)
        except BaseException:
            self._undo()
            raise

    def _undo(self) -> None:
        """Make all as it was before, also where this is interrupted itself."""
        interruption: KeyboardInterrupt | None = None
        undone = False
        while not undone:
            try:
                self._restore()
                undone = True
            except KeyboardInterrupt as another:
                interruption = another
        if interruption is not None:
            raise interruption

    def _restore(self) -> None:
        for table, key, before in reversed(self._log):
            if before is _ABSENT:
                table.pop(key, None)
            else:
                table[key] = before
        self._repair()

    # --- rows --------------------------------------------------------------------------------

    def _repair(self) -> None:
        """Make what follows from the rows anew."""
        self._calls: Counter[str] = Counter()
        self._intents: dict[str, None] = {}
        self._queue: OrderedDict[int, str] = OrderedDict()
        self._ages: list[tuple[int, int]] = []
        self._old: list[tuple[int, int, str]] = []
        self._counts: Counter[str] = Counter()
        self._owed: dict[str, int] = {}
        self._deduped = 0
        for bill in sorted(self._bills.values(), key=_number):
            self._index(bill)

    def _index(self, bill: Bill) -> None:
        state = bill.state
        if state == "intent":
            self._intents[bill.id] = None
            return
        self._calls[bill.call] += 1
        self._counts[state] += 1
        if state == "queued":
            self._queue[bill.number] = bill.id
            insort(self._ages, (bill.at, bill.number))
        if state in OWED:
            owed = self._owed.get(bill.subscription, 0)
            self._owed[bill.subscription] = owed + nanos(bill.usd)
        if state in FORGETTABLE:
            insort(self._old, (bill.changed, bill.number, bill.id))
            self._deduped += state == "delivered" and bill.reason == "deduped"

    def _unindex(self, bill: Bill) -> None:
        state = bill.state
        if state == "intent":
            del self._intents[bill.id]
            return
        _less(self._calls, bill.call)
        _less(self._counts, state)
        if state == "queued":
            del self._queue[bill.number]
            del self._ages[bisect_left(self._ages, (bill.at, bill.number))]
        if state in OWED:
            left = self._owed.pop(bill.subscription, 0) - nanos(bill.usd)
            if left:
                self._owed[bill.subscription] = left
        if state in FORGETTABLE:
            del self._old[bisect_left(self._old, (bill.changed, bill.number, bill.id))]
            self._deduped -= state == "delivered" and bill.reason == "deduped"

    def _note(self, table: dict[Any, Any], key: Any) -> None:
        self._log.append((table, key, table.get(key, _ABSENT)))

    def _put(self, bill: Bill) -> None:
        before = self._bills.get(bill.id)
        self._note(self._bills, bill.id)
        if before is not None:
            self._unindex(before)
        self._bills[bill.id] = bill
        self._index(bill)

    def _drop(self, id: str) -> None:  # noqa: A002 - it is one
        self._note(self._bills, id)
        self._unindex(self._bills.pop(id))

    def _next(self) -> int:
        self._number += 1
        return self._number

    # --- operations --------------------------------------------------------------------------

    def _intend(self, op: Intend, now: int) -> bool:
        known = self._bills.get(op.call)
        if known is None and not self._calls[op.call]:
            bill = Bill(
                op.call, op.call, "intent", op.subscription, "", now, "", op.facts,
                usd=op.usd, number=self._next(), changed=now, expires=now + op.lease,
            )  # fmt: skip
            self._put(bill)
            return True
        if known is not None and known.state == "intent" and known.expires > now:
            usd, expires = _larger(known.usd, op.usd), max(known.expires, now + op.lease)
            if (usd, expires) != (known.usd, known.expires):
                self._put(known._replace(usd=usd, expires=expires))
        return False

    def _conclude(self, op: Conclude, now: int) -> Billed:
        known = self._bills.get(op.call)
        intended = known is not None and known.state == "intent"
        if intended:
            self._drop(op.call)
        elif not op.bills and known is None and not self._calls[op.call]:
            # So that an intent which this has overtaken does not come after it.
            self._put(_concluded(op.call, self._next(), now))
        fresh = [bill for bill in _once(op.bills) if bill.id not in self._bills]
        for bill in fresh:
            self._put(bill._replace(number=self._next(), changed=now, tries=0, expires=0))
        self._prune()
        return Billed(now, tuple([bill.id for bill in fresh]), intended)

    def _prune(self) -> None:
        """This outbox has no disk."""
        while len(self._old) > self._keep:
            self._drop(self._old[0][2])

    def _take(self, op: Take, now: int) -> Taken:
        before = self._lane.get("", _NOBODY)
        lane = before.at(now)
        mine = lane.sender in {"", op.sender}
        if mine:
            lane = Lane(op.sender, now, now + op.lease)
        if lane != before:
            self._note(self._lane, "")
            self._lane[""] = lane
        if not mine:
            return Taken(now, lane.sender, lane.until)
        ids = islice(self._queue.values(), op.limit)
        return Taken(now, lane.sender, lane.until, tuple([self._bills[one] for one in ids]))

    def _release(self, op: ReleaseLane, now: int) -> bool:
        lane = self._lane.get("", _NOBODY).at(now)
        if lane.sender != op.sender:
            return False
        self._note(self._lane, "")
        del self._lane[""]
        return True

    def _mark(self, op: Mark, now: int) -> int:
        marked = 0
        for mark in op.marks:
            bill = self._bills.get(mark.id)
            if bill is not None and bill.state == "queued":
                self._put(_after(bill, mark, now))
                marked += 1
        for id in op.tried:  # noqa: A001 - it is one
            bill = self._bills.get(id)
            if bill is not None and bill.state == "queued":
                self._retried(bill)
        self._prune()
        return marked

    def _retried(self, bill: Bill) -> None:
        """It keeps its place."""
        self._note(self._bills, bill.id)
        self._bills[bill.id] = bill._replace(tries=bill.tries + 1)

    def _amend(self, op: Amend, now: int) -> tuple[str, ...]:
        changed = []
        for bill, expected in op.amended:
            known = self._bills.get(bill.id)
            if known is None or _seen(known, now).state not in expected:
                continue
            number = self._next() if bill.state == "queued" else known.number
            bill = bill._replace(call=known.call, tries=known.tries, number=number)  # noqa: PLW2901
            self._put(bill._replace(changed=now, expires=0))
            changed.append(bill.id)
        self._prune()
        return tuple(changed)

    def _read(self, op: ReadBills, now: int) -> tuple[Bill, ...]:
        given: Iterable[Bill]
        if op.ids is not None:
            given = [self._bills[one] for one in set(op.ids) if one in self._bills]
        else:
            given = self._bills.values()
        seen = (_seen(bill, now) for bill in given if bill.number > op.after)
        return tuple(sorted(_wanted(op, seen), key=_number)[: op.limit])

    def _count(self, op: Count, now: int) -> Counted:
        states = dict(self._counts)
        intents = [_seen(self._bills[one], now).state for one in self._intents]
        states.update(Counter(intents))
        oldest = self._ages[0][0] if self._ages else None
        lane = self._lane.get("", _NOBODY).at(now)
        return Counted(now, states, oldest, self._deduped, lane.sender, lane.until)

    def _owing(self, op: Owing, now: int) -> Owed:
        everybody, who = not op.subscription, op.subscription
        queued = sum(self._owed.values()) if everybody else self._owed.get(who, 0)
        late = (self._bills[one] for *_, one in self._old[bisect_left(self._old, (op.since,)) :])
        delivered = (bill for bill in late if bill.state == "delivered")
        live = (self._bills[one] for one in self._intents)
        intended = (bill for bill in live if bill.expires > now)
        sums = [
            sum([nanos(bill.usd) for bill in bills if everybody or bill.subscription == who])
            for bills in (delivered, intended)
        ]
        return Owed(now, *[_NANO.multiply(nano, NANO) for nano in (queued, *sums)])

    def _forget(self, op: Forget, now: int) -> int:
        end = min(bisect_left(self._old, (op.before,)), op.limit)
        for *_, id in self._old[:end]:  # noqa: A001 - it is one
            self._drop(id)
        return end

    def _notice(self, op: Notice, now: int) -> bool:
        for key in [key for key, until in self._notices.items() if until <= now]:
            self._note(self._notices, key)
            del self._notices[key]
        if op.key in self._notices:
            return False
        self._note(self._notices, op.key)
        self._notices[op.key] = now + op.lease
        return True


def _number(bill: Bill) -> int:
    return bill.number


def _less(counter: Counter[str], key: str) -> None:
    if counter[key] == 1:
        del counter[key]
    else:
        counter[key] -= 1


def _larger(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _once(bills: tuple[Bill, ...]) -> Iterable[Bill]:
    if len(bills) < 2:  # noqa: PLR2004 - mostly there is one
        return bills
    first: dict[str, Bill] = {}
    for bill in bills:
        first.setdefault(bill.id, bill)
    return first.values()


def _concluded(call: str, number: int, now: int) -> Bill:
    return Bill(
        call, call, "discarded", "", "", now, "", reason="concluded", number=number, changed=now
    )


def _after(bill: Bill, mark: Marked, now: int) -> Bill:
    tries = bill.tries + 1
    return bill._replace(state=mark.state, reason=mark.reason, changed=now, tries=tries)


def _seen(bill: Bill, now: int) -> Bill:
    """As it is at a time: an intent whose lease is over is unknown."""
    if bill.state == "intent" and bill.expires <= now:
        return bill._replace(state="unknown", changed=bill.expires)
    return bill


def _wanted(op: ReadBills, bills: Iterable[Bill]) -> Iterator[Bill]:
    for bill in bills:
        if (
            (op.states is None or bill.state in op.states)
            and (op.subscription is None or bill.subscription == op.subscription)
            and (op.code is None or bill.code == op.code)
            and op.since <= bill.at < op.until
        ):
            yield bill


_RULES: Final[dict[type, Callable[[Kept, Any, int], Any]]] = {
    Intend: Kept._intend,  # noqa: SLF001 - the class's own table
    Conclude: Kept._conclude,  # noqa: SLF001
    Take: Kept._take,  # noqa: SLF001
    ReleaseLane: Kept._release,  # noqa: SLF001
    Mark: Kept._mark,  # noqa: SLF001
    Amend: Kept._amend,  # noqa: SLF001
    ReadBills: Kept._read,  # noqa: SLF001
    Count: Kept._count,  # noqa: SLF001
    Owing: Kept._owing,  # noqa: SLF001
    Forget: Kept._forget,  # noqa: SLF001
    Notice: Kept._notice,  # noqa: SLF001
}
