"""What an outbox is, once more, from the words of its operations and in the simplest way: one list, looked through.

Nothing here is taken from the library but the names of operations and answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

from llmkit._outbox import (
    Amend,
    Bill,
    Billed,
    Conclude,
    Counted,
    Forget,
    Intend,
    Mark,
    Owed,
    ReadBills,
    Take,
    Taken,
)

NANO = 10**9


@dataclass
class Kept:
    """A bill, or an intent, which has an end."""

    bill: Bill
    ends: int | None = None


@dataclass(frozen=True)
class Lane:
    """Who sends, from when, for how long."""

    sender: str
    since: int
    lease: int


class OutboxModel:
    """One list in the order of numbers, and the lane."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.lane: Lane | None = None
        self.number = 0

    def _append(self, kept: Kept) -> None:
        self.number += 1
        kept.bill = kept.bill._replace(number=self.number)
        self.kept.append(kept)

    def _find(self, name: str) -> Kept | None:
        return next((one for one in self.kept if one.bill.id == name), None)

    def bills(self, now: int) -> list[Bill]:
        """As they are now."""
        return [seen(one, now) for one in self.kept]

    def intend(self, op: Intend, now: int) -> bool:
        known = self._find(op.call)
        if known is not None and known.ends is not None and known.ends > now:
            given = [usd for usd in (known.bill.usd, op.usd) if usd is not None]
            known.bill = known.bill._replace(usd=max(given, default=None))
            known.ends = max(known.ends, now + op.lease)
        concluded = any(one.bill.call == op.call for one in self.kept)
        if not concluded:
            bill = Bill(
                op.call,
                op.call,
                "intent",
                op.subscription,
                "",
                now,
                "",
                op.facts,
                usd=op.usd,
                changed=now,
            )
            self._append(Kept(bill, now + op.lease))
        return not concluded

    def conclude(self, op: Conclude, now: int) -> Billed:
        intents = [one for one in self.kept if one.ends is not None and one.bill.id == op.call]
        known = any(one.bill.call == op.call for one in self.kept)
        self.kept = [one for one in self.kept if one not in intents]
        fresh = []
        for bill in op.bills:
            if self._find(bill.id) is None:
                self._append(Kept(bill._replace(changed=now)))
                fresh.append(bill.id)
        if not op.bills and not known:
            bill = Bill(
                op.call, op.call, "discarded", "", "", now, "", reason="concluded", changed=now
            )
            self._append(Kept(bill))
        return Billed(now, tuple(fresh), bool(intents))

    def sender(self, now: int) -> tuple[str, int]:
        """Who has the lane, until when."""
        lane = self.lane
        if lane is not None and lane.since > now:
            lane = replace(lane, since=now)
        if lane is None or lane.since + lane.lease <= now:
            return "", 0
        return lane.sender, lane.since + lane.lease

    def take(self, op: Take, now: int) -> Taken:
        if self.lane is not None and self.lane.since > now:
            self.lane = replace(self.lane, since=now)
        if self.sender(now)[0] not in {"", op.sender}:
            return Taken(now, *self.sender(now))
        self.lane = Lane(op.sender, now, op.lease)
        queued = [bill for bill in self.bills(now) if bill.state == "queued"]
        return Taken(now, op.sender, now + op.lease, tuple(queued[: op.limit]))

    def release(self, sender: str, now: int) -> bool:
        mine = self.sender(now)[0] == sender
        if mine:
            self.lane = None
        return mine

    def mark(self, op: Mark, now: int) -> int:
        marked = 0
        for name, state, reason in op.marks:
            known = self._find(name)
            if known is not None and known.bill.state == "queued":
                tries = known.bill.tries + 1
                known.bill = known.bill._replace(
                    state=state, reason=reason, changed=now, tries=tries
                )
                marked += 1
        for name in op.tried:
            known = self._find(name)
            if known is not None and known.bill.state == "queued":
                known.bill = known.bill._replace(tries=known.bill.tries + 1)
        return marked

    def amend(self, op: Amend, now: int) -> tuple[str, ...]:
        changed = []
        for bill, expected in op.amended:
            known = self._find(bill.id)
            if known is None or seen(known, now).state not in expected:
                continue
            before, known.ends = known.bill, None
            known.bill = bill._replace(
                call=before.call, tries=before.tries, number=before.number, changed=now
            )
            if bill.state == "queued":
                self.kept.remove(known)
                self._append(known)
            changed.append(bill.id)
        return tuple(changed)

    def read(self, op: ReadBills, now: int) -> tuple[Bill, ...]:
        found = [
            bill
            for bill in self.bills(now)
            if (op.states is None or bill.state in op.states)
            and (op.ids is None or bill.id in op.ids)
            and (op.subscription is None or bill.subscription == op.subscription)
            and op.since <= bill.at < op.until
        ]
        return tuple(found[: op.limit])

    def count(self, now: int) -> Counted:
        bills = self.bills(now)
        states = [bill.state for bill in bills]
        oldest = min((bill.at for bill in bills if bill.state == "queued"), default=None)
        deduped = sum(bill.state == "delivered" and bill.reason == "deduped" for bill in bills)
        return Counted(
            now,
            {state: states.count(state) for state in states},
            oldest,
            deduped,
            *self.sender(now),
        )

    def owing(self, subscription: str, since: int, now: int) -> Owed:
        whose = [bill for bill in self.bills(now) if subscription in {"", bill.subscription}]
        return Owed(
            now,
            total(bill for bill in whose if bill.state in {"queued", "held"}),
            total(bill for bill in whose if bill.state == "delivered" and bill.changed >= since),
            total(bill for bill in whose if bill.state == "intent"),
        )

    def forget(self, op: Forget, now: int) -> int:
        old = sorted(
            (one.bill.changed, one.bill.number, one.bill.id)
            for one in self.kept
            if one.bill.state in {"delivered", "discarded", "listed"}
            and one.bill.changed < op.before
        )
        gone = {name for *_, name in old[: op.limit]}
        self.kept = [one for one in self.kept if one.bill.id not in gone]
        return len(gone)


def seen(kept: Kept, now: int) -> Bill:
    """An intent has an end; after it, it is unknown since then."""
    if kept.ends is None:
        return kept.bill
    if kept.ends <= now:
        return kept.bill._replace(state="unknown", changed=kept.ends, expires=kept.ends)
    return kept.bill._replace(expires=kept.ends)


def total(bills: Any) -> Decimal:
    """Each rounded up to a billionth."""
    return Decimal(sum(ceil(Fraction(bill.usd or 0) * NANO) for bill in bills)) / NANO
