"""``MemoryStore``: accounts, ledger and settlements of this process alone, gone with it."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from heapq import heappop, heappush
from itertools import islice
from typing import Any, Final

from .._control.accounts import ACCOUNTING, Hold
from .._control.auditing import Sums, audited
from .._cost import MATH
from .._operations import (
    NOBODY,
    Attribution,
    Audit,
    Audited,
    Entry,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Rule,
    Settle,
    Settlement,
    Settlements,
    UsageRow,
)
from ..ledger import MemoryLedger

__all__ = ["MemoryStore"]

_ZERO: Final = Decimal(0)
_UNUSED: Final = (0, 0, 0, _ZERO)
_SLACK: Final = 1000


class _Account:
    """The counters of one account, and their sum as it was last asked for."""

    __slots__ = ("buckets", "counters", "first", "held", "spent")

    def __init__(self) -> None:
        self.counters: dict[int, tuple[Decimal, Decimal]] = {}
        self.buckets: list[int] = []
        self.first = 0
        self.spent = self.held = _ZERO

    def used(self, first: int) -> tuple[Decimal, Decimal]:
        if first != self.first:
            self.first, self.spent, self.held = first, _ZERO, _ZERO
            for bucket in self.buckets[bisect_left(self.buckets, first) :]:
                self._sum(*self.counters[bucket])
        return self.spent, self.held

    def _sum(self, spent: Decimal, held: Decimal) -> None:
        self.spent, self.held = MATH.add(self.spent, spent), MATH.add(self.held, held)

    def count(self, bucket: int, spent: Decimal, held: Decimal) -> None:
        found = self.counters.get(bucket)
        if found is None:
            insort(self.buckets, bucket)
            found = (_ZERO, _ZERO)
        self.counters[bucket] = MATH.add(found[0], spent), MATH.add(found[1], held)
        if bucket >= self.first:
            self._sum(spent, held)

    def forget(self, before: int) -> None:
        old = self.buckets[: bisect_left(self.buckets, before)]
        for bucket in old:
            if not self.counters[bucket][1]:
                del self.counters[bucket]
                self.buckets.remove(bucket)


class MemoryRows:
    """Rows as dicts. The ledger keeps its latest entries; older ones are folded into one."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self.accounts: dict[str, _Account] = {}
        self.holds: dict[str, Hold] = {}
        self._leases: list[tuple[int, str]] = []
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self.folded: tuple[Sums, dict[str, Decimal], int] = ({}, {}, 0)
        self.usage: dict[tuple[int, str, str, str], tuple[int, int, int, Decimal]] = {}
        self.rules: dict[str, Rule] = {}

    def _account(self, account: str) -> _Account:
        found = self.accounts.get(account)
        if found is None:
            found = self.accounts[account] = _Account()
        return found

    def used(self, account: str, first: int) -> tuple[Decimal, Decimal]:
        """The sum from ``first`` on."""
        found = self.accounts.get(account)
        return (_ZERO, _ZERO) if found is None else found.used(first)

    def counters(self, account: str, first: int) -> Sequence[tuple[int, Decimal, Decimal]]:
        """The counters from ``first`` on."""
        if (found := self.accounts.get(account)) is None:
            return ()
        later = found.buckets[bisect_left(found.buckets, first) :]
        return [(bucket, *found.counters[bucket]) for bucket in later]

    def counter(self, account: str, bucket: int) -> tuple[Decimal, Decimal] | None:
        """One counter."""
        found = self.accounts.get(account)
        return None if found is None else found.counters.get(bucket)

    def count(self, account: str, bucket: int, spent: Decimal, held: Decimal) -> None:
        """Add to a counter."""
        self._account(account).count(bucket, spent, held)

    def forget(self, account: str, before: int) -> None:
        """Drop old counters."""
        if (found := self.accounts.get(account)) is not None:
            found.forget(before)

    def hold(self, id: str) -> Hold | None:  # noqa: A002 - it is one
        """A hold."""
        return self.holds.get(id)

    def keep_hold(self, hold: Hold) -> None:
        """Write a hold."""
        self.holds[hold.id] = hold
        if hold.expired:
            return
        heappush(self._leases, (hold.expires, hold.id))
        if len(self._leases) > 2 * len(self.holds) + _SLACK:
            # Settled ones are not looked for in a heap; now and then it is made anew.
            live = (held for held in self.holds.values() if not held.expired)
            self._leases = sorted((held.expires, held.id) for held in live)

    def drop_hold(self, id: str) -> None:  # noqa: A002 - it is one
        """A hold is settled."""
        del self.holds[id]

    def overdue(self, now: int, limit: int) -> Sequence[Hold]:
        """Live holds past their lease."""
        found: list[Hold] = []
        while self._leases and self._leases[0][0] <= now and len(found) < limit:
            hold = self.holds.get(heappop(self._leases)[1])
            if hold is not None and not hold.expired:
                found.append(hold)
        return found

    def entered(self, id: str) -> bool:  # noqa: A002 - it is one
        """Whether the ledger has it."""
        return id in self.entries

    def enter(self, entry: Entry) -> None:
        """Append to the ledger."""
        number = self.folded[2] + len(self.entries) + 1
        self.entries[entry.id] = entry._replace(number=number)
        if len(self.entries) > self._keep:
            self._fold(self.entries.popitem(last=False)[1])

    def _fold(self, entry: Entry) -> None:
        spent, dollars, number = self.folded
        for account, bucket, amount in entry.lines:
            key = (account, bucket)
            spent[key] = MATH.add(spent.get(key, _ZERO), amount)
        for scope in entry.whose.scopes:
            dollars[scope] = MATH.add(dollars.get(scope, _ZERO), entry.usd)
        self.folded = (spent, dollars, number + 1)

    def use(self, day: int, whose: Attribution, counts: tuple[int, int, int], usd: Decimal) -> None:
        """Add to the usage of each scope."""
        for scope in whose.scopes:
            key = (day, scope, whose.provider, whose.model)
            calls, prompt, completion, dollars = self.usage.get(key, _UNUSED)
            self.usage[key] = (
                calls + counts[0],
                prompt + counts[1],
                completion + counts[2],
                MATH.add(dollars, usd),
            )

    def rule(self, scope: str) -> Rule:
        """A scope's rule."""
        return self.rules.get(scope) or Rule(scope, 0, None)

    def write_rule(self, rule: Rule) -> None:
        """Write a rule."""
        self.rules[rule.scope] = rule


class MemoryStore:
    """Accounts, ledger and settlements in memory. Thread-safe; each process has its own.

    Args:
        clock: what gives the time, in seconds of Unix time.
        keep: how many settlements, and how many entries of the ledger, are kept one by one. The counters
            hold what came before; what was entered longer ago is not known to be there twice.
    """

    durability = "process"

    def __init__(self, *, clock: Callable[[], float] = time.time, keep: int = 100_000) -> None:
        self._clock = clock
        self._rows = MemoryRows(keep)
        self._settlements = MemoryLedger(keep)
        # Re-entrant: a collector may run a stream's settlement while this thread holds it.
        self._lock = threading.RLock()

    def perform(self, operation: Any) -> Any:
        """Perform one operation."""
        kind = type(operation)
        with self._lock:
            if (rule := ACCOUNTING.get(kind)) is not None:
                return rule(self._rows, operation, self._now())
            return _READING[kind](self, operation)

    def close(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _settle(self, operation: Settle) -> bool:
        return self._settlements.perform(operation)

    def _latest(self, operation: Settlements) -> tuple[Settlement, ...]:
        return self._settlements.settlements[-operation.limit :]

    def _usage(self, operation: ReadUsage) -> tuple[UsageRow, ...]:
        rows = (UsageRow(*key, *counts) for key, counts in self._rows.usage.items())
        wanted = operation.scopes
        return tuple(
            sorted(
                row
                for row in rows
                if operation.since <= row.day <= operation.until
                and (wanted is None or row.scope in wanted)
            )
        )

    def _rules(self, operation: ReadRules) -> tuple[Rule, ...]:
        if operation.scopes is None:
            return tuple(sorted(self._rows.rules.values()))
        return tuple(self._rows.rule(scope) for scope in operation.scopes)

    def _entries(self, operation: ReadEntries) -> tuple[Entry, ...]:
        later = (e for e in self._rows.entries.values() if e.number > operation.after)
        return tuple(islice(later, operation.limit))

    def _audit(self, operation: Audit) -> Audited:
        rows = self._rows
        counters = (
            (name, bucket, *account.counters[bucket])
            for name, account in rows.accounts.items()
            for bucket in account.buckets
        )
        entries = rows.folded[2] + len(rows.entries)
        found = audited(
            self._now(), counters, rows.holds.values(), self._whole(), self._usage(ReadUsage())
        )
        return found._replace(entries=entries)

    def _whole(self) -> Iterator[Entry]:
        """The ledger, with what was folded in the form of entries."""
        spent, dollars, _ = self._rows.folded
        lines = tuple((account, bucket, amount) for (account, bucket), amount in spent.items())
        folded = Entry(0, "", "spend", 0, "", "", _ZERO, lines, NOBODY)
        yield folded
        for scope, usd in dollars.items():
            yield folded._replace(lines=(), usd=usd, whose=Attribution((scope,)))
        yield from self._rows.entries.values()


_READING: Final[dict[type, Callable[[MemoryStore, Any], Any]]] = {
    Settle: MemoryStore._settle,  # noqa: SLF001 - the class's own table
    Settlements: MemoryStore._latest,  # noqa: SLF001
    ReadUsage: MemoryStore._usage,  # noqa: SLF001
    ReadRules: MemoryStore._rules,  # noqa: SLF001
    ReadEntries: MemoryStore._entries,  # noqa: SLF001
    Audit: MemoryStore._audit,  # noqa: SLF001
}
