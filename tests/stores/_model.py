"""The money rules once more, from their words and in the simplest way: lists of all that was spent and held.

Nothing here is taken from the library but the names of operations and answers. Every question is answered by looking
through everything that ever happened. It forgets nothing: it is right while a clock jumps back by less than a window.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from llmkit._operations import (
    Balances,
    Claim,
    Post,
    Reserve,
    Reset,
    SettleHold,
    Sweep,
    Window,
    WriteRule,
)

DAY = 86_400_000


@dataclass
class Held:
    """One hold. ``state``: live, expired, done."""

    asked: Reserve
    expires: int
    buckets: list[int]
    state: str = "live"

    def lines(self) -> list[tuple[Claim, int]]:
        return list(zip(self.asked.claims, self.buckets, strict=True))


class Model:
    """What must come of each operation, as plain tuples."""

    def __init__(self) -> None:
        self.spends: list[tuple[str, int, Decimal]] = []
        self.holds: dict[str, Held] = {}
        self.entries: dict[str, str] = {}
        self.used: list[tuple[str, int, Decimal]] = []
        self.versions: dict[str, int] = defaultdict(int)

    def perform(self, operation: Any, now: int) -> Any:
        """Do it, and say what the answer must be."""
        return getattr(self, f"_{type(operation).__name__.lower()}")(operation, now)

    # --- looking -----------------------------------------------------------------------------

    def spent(self, account: str, first: int) -> Decimal:
        """All that was spent in buckets from this one on."""
        return sum((a for n, b, a in self.spends if n == account and b >= first), Decimal(0))

    def held(self, account: str, first: int) -> Decimal:
        """All that live holds have in buckets from this one on."""
        live = [one for one in self.holds.values() if one.state == "live"]
        lines = [line for one in live for line in one.lines()]
        return sum((c.amount for c, b in lines if c.account == account and b >= first), Decimal(0))

    def limit(self, claim: Claim, bucket: int, now: int) -> Decimal | None:
        """What may be used of it now."""
        if claim.limit is None:
            return None
        limit = claim.limit + (claim.extra if now < claim.extra_until else 0)
        earlier = [start for start in claim.window.starts if start < bucket]
        if claim.rollover is None or claim.window.width or not earlier:
            return limit
        before = earlier[-1]
        written = {b for n, b, _ in self.spends if n == claim.account}
        written |= {
            b for h in self.holds.values() for c, b in h.lines() if c.account == claim.account
        }
        if before not in written:
            return limit
        was = self._within(claim.account, before)
        return limit + min(claim.rollover, max(Decimal(0), claim.limit - was))

    def _within(self, account: str, bucket: int) -> Decimal:
        """Spent and held in one bucket."""
        spent = self.spent(account, bucket) - self.spent(account, bucket + 1)
        return spent + self.held(account, bucket) - self.held(account, bucket + 1)

    def room(self, claim: Claim, bucket: int, now: int) -> bool:
        """Whether there is room for a claim."""
        limit, first = self.limit(claim, bucket, now), counted(claim.window, bucket)
        used = self.spent(claim.account, first) + self.held(claim.account, first)
        return limit is None or used + claim.amount <= limit

    def dollars(self) -> dict[str, tuple[int, Decimal]]:
        """(calls, USD) used, of each scope."""
        found: dict[str, tuple[int, Decimal]] = {}
        for scope, calls, usd in self.used:
            before = found.get(scope, (0, Decimal(0)))
            found[scope] = before[0] + calls, before[1] + usd
        return found

    # --- doing -------------------------------------------------------------------------------

    def _sweep(self, op: Sweep, now: int) -> int:
        due = [h for h in self.holds.values() if h.state == "live" and h.expires <= now]
        due.sort(key=lambda one: (one.expires, one.asked.hold))
        for one in due[: op.limit]:
            one.state = "expired"
            self.entries[f"{one.asked.hold}/expired"] = "expire"
            kept = [(c.account, b, c.amount) for c, b in one.lines() if c.keep]
            self.spends += [(c.account, b, Decimal(0)) for c, b in one.lines()] + kept
            self._use(one.asked.whose, 1, one.asked.usd)
        return len(due[: op.limit])

    def _use(self, whose: Any, calls: int, usd: Decimal) -> None:
        self.used += [(scope, calls, usd) for scope in whose.scopes]

    def _reserve(self, op: Reserve, now: int) -> tuple[Any, ...]:
        self._sweep(Sweep(8), now)
        if (found := self.holds.get(op.hold)) is not None:
            return ("reserved", found.expires, True) if found.state == "live" else ("gone",)
        if op.hold in self.entries:
            return ("gone",)
        if stale := [scope for scope, seen in op.seen if self.versions[scope] != seen]:
            return ("stale", stale)
        buckets = [bucket_of(claim.window, now) for claim in op.claims]
        if None in buckets:
            return ("untimely",)
        known = [bucket for bucket in buckets if bucket is not None]
        full = [
            c.account for c, b in zip(op.claims, known, strict=True) if not self.room(c, b, now)
        ]
        if full:
            return ("refused", full)
        self.holds[op.hold] = Held(op, now + op.lease, known)
        return ("reserved", now + op.lease, False)

    def _settlehold(self, op: SettleHold, now: int) -> str:
        one = self.holds.get(op.hold)
        if one is None:
            if op.hold in self.entries:
                return "again"
            if op.kind == "release":
                self.entries[op.hold] = "release"
            return "missing"
        if one.state == "done":
            return "again"
        late, one.state = one.state == "expired", "done"
        amounts = op.amounts or tuple(claim.amount for claim in one.asked.claims)
        for (claim, bucket), amount in zip(one.lines(), amounts, strict=True):
            spent = amount if claim.keep else Decimal(0)
            if late and claim.keep:
                spent = self._correction(claim.account, bucket, spent - claim.amount)
            self.spends.append((claim.account, bucket, spent))
        self.entries[op.hold] = "correct" if late else op.kind
        usd = one.asked.usd if op.usd is None else op.usd
        self._use(one.asked.whose, (op.kind != "release") - late, usd - one.asked.usd * late)
        return "corrected" if late else "settled"

    def _correction(self, account: str, bucket: int, difference: Decimal) -> Decimal:
        """A correction takes no more away than is there: after a reset, nothing is."""
        there = self.spent(account, bucket) - self.spent(account, bucket + 1)
        return max(difference, -there) if difference < 0 else difference

    def _post(self, op: Post, now: int) -> str:
        if op.entry in self.entries:
            return "again"
        at = now if op.at is None else op.at
        found = [(c.account, bucket_of(c.window, at), c.amount) for c in op.charges]
        if any(bucket is None for _, bucket, _ in found):
            return "untimely"
        self.spends += [(account, bucket or 0, amount) for account, bucket, amount in found]
        self.entries[op.entry] = "spend"
        self._use(op.whose, op.calls, op.usd)
        return "posted"

    def _reset(self, op: Reset, now: int) -> str:
        if op.entry in self.entries:
            return "again"
        if any(bucket_of(window, now) is None for _, window in op.accounts):
            return "untimely"
        for account, window in op.accounts:
            first = counted(window, bucket_of(window, now) or 0)
            counts = [(n, b, -a) for n, b, a in self.spends if n == account and b >= first]
            self.spends += counts
        self.entries[op.entry] = "reset"
        return "posted"

    def _writerule(self, op: WriteRule, now: int) -> int:
        if op.expected is None or op.expected == self.versions[op.scope]:
            self.versions[op.scope] += 1
        return self.versions[op.scope]

    def _balances(self, op: Balances, now: int) -> list[tuple[Any, ...]]:
        found = []
        for claim in op.claims:
            bucket = bucket_of(claim.window, now)
            assert bucket is not None
            first = counted(claim.window, bucket)
            spent, held = self.spent(claim.account, first), self.held(claim.account, first)
            found.append((claim.account, spent, held, self.limit(claim, bucket, now)))
        return found


def bucket_of(window: Window, at: int) -> int | None:
    """Where a time is counted; ``None`` outside of the periods."""
    if window.width:
        return at // window.width
    begun = [start for start in window.starts if start <= at]
    return max(begun) if begun and at < max(window.starts) else None


def counted(window: Window, bucket: int) -> int:
    """The first bucket that counts with this one."""
    return bucket - 60 if window.width else bucket
