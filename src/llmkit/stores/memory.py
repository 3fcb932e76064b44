"""``MemoryStore``: accounts, ledger, settlements and outbox of this process alone, gone with it."""

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

from typing_extensions import override

from .._control.accounts import ACCOUNTING, Hold
from .._control.admission import ADMISSION
from .._control.admitting import Admission
from .._control.auditing import Sums, audited
from .._control.checking import checked
from .._cost import MATH
from .._io.stores._forks import at_forks
from .._operations import (
    FOR_EVER,
    NOBODY,
    Attribution,
    Audit,
    Audited,
    Entry,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Rule,
    SettleHold,
    UsageRow,
)
from .._outbox import OUTBOX
from .._settlements import Numbered, Settle, Settlement, Settlements, SettlementsAfter
from ..errors import ConfigurationError, StoreError, StoreUnavailableError
from ..ledger import MemoryLedger

__all__ = ["MemoryStore"]

_add: Final = MATH.add
_ZERO: Final = Decimal(0)
_UNUSED: Final = (0, 0, 0, _ZERO)
_NOTHING: Final = (_ZERO, _ZERO)
_SLACK: Final = 1000
_ABSENT: Final = object()


class _Account:
    """The counters of one account, and their sum as it was last asked for."""

    __slots__ = ("buckets", "counters", "first", "held", "spent")

    def __init__(self) -> None:
        self.counters: dict[int, tuple[Decimal, Decimal]] = {}
        self.repair()

    def repair(self) -> None:
        """Make what follows from the counters anew."""
        self.buckets = sorted(self.counters)
        self.first: int | None = None
        self.spent = self.held = _ZERO

    def used(self, first: int) -> tuple[Decimal, Decimal]:
        if first != self.first:
            spent = held = _ZERO
            for bucket in self.buckets[bisect_left(self.buckets, first) :]:
                more = self.counters[bucket]
                spent, held = _add(spent, more[0]), _add(held, more[1])
            # No call between these: an interrupt sees all or none.
            self.spent, self.held, self.first = spent, held, first
        return self.spent, self.held


class MemoryRows:
    """Rows as dicts. The ledger keeps its latest entries; older ones are folded into one.

    Each change notes first what was there: an operation that does not come to its end is undone. What only follows
    from the rows (sorted buckets, sums, the heap of leases) is then made anew.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._log: list[tuple[dict[Any, Any], Any, Any]] = []
        self._leases: list[tuple[int, str]] = []
        self.number = self._number = 0
        """Of the latest entry. Those that are kept end with it; they are numbered when they are read."""
        self.accounts: dict[str, _Account] = {}
        self.holds: dict[str, Hold] = {}
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self.folded: Sums = {}
        self.dollars: dict[str, Decimal] = {}
        self.usage: dict[tuple[int, str, str, str], tuple[int, int, int, Decimal]] = {}
        self.rules: dict[str, Rule] = {}

    def begin(self) -> None:
        """An operation begins; the one before is done."""
        self._log.clear()
        self._number = self.number

    def undo(self) -> None:
        """Make all as it was before the operation, also where this is interrupted itself."""
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
                continue
            table[key] = before
            if table is self.entries:
                # Only the oldest is ever taken out.
                self.entries.move_to_end(key, last=False)
        self.number = self._number
        for account in self.accounts.values():
            account.repair()
        self._heap()

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self._log.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def _drop(self, table: dict[Any, Any], key: Any) -> None:
        self._log.append((table, key, table[key]))
        del table[key]

    def used(self, account: str, first: int) -> tuple[Decimal, Decimal]:
        """The sum from ``first`` on."""
        found = self.accounts.get(account)
        return _NOTHING if found is None else found.used(first)

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

    def newest(self, account: str) -> int | None:
        """The latest bucket."""
        found = self.accounts.get(account)
        return found.buckets[-1] if found is not None and found.buckets else None

    def count(self, account: str, bucket: int, spent: Decimal, held: Decimal) -> None:
        """Add to a counter."""
        found = self.accounts.get(account)
        if found is None:
            found = self.accounts[account] = _Account()
        before = found.counters.get(bucket)
        self._log.append((found.counters, bucket, _ABSENT if before is None else before))
        if before is None:
            insort(found.buckets, bucket)
            before = _NOTHING
        found.counters[bucket] = _add(before[0], spent), _add(before[1], held)
        if found.first is not None and bucket >= found.first:
            found.spent, found.held = _add(found.spent, spent), _add(found.held, held)

    def forget(self, account: str, before: int) -> None:
        """Drop old counters."""
        found = self.accounts[account]
        for bucket in found.buckets[: bisect_left(found.buckets, before)]:
            if not found.counters[bucket][1]:
                self._drop(found.counters, bucket)
                found.buckets.remove(bucket)

    def hold(self, id: str) -> Hold | None:  # noqa: A002 - it is one
        """A hold."""
        return self.holds.get(id)

    def keep_hold(self, hold: Hold) -> None:
        """Write a hold."""
        self._put(self.holds, hold.id, hold)
        if hold.expired:
            return
        heappush(self._leases, (hold.expires, hold.id))
        if len(self._leases) > 2 * len(self.holds) + _SLACK:
            # Settled ones are not looked for in a heap; now and then it is made anew.
            self._heap()

    def _heap(self) -> None:
        live = (hold for hold in self.holds.values() if not hold.expired)
        self._leases = sorted((hold.expires, hold.id) for hold in live)

    def drop_hold(self, id: str) -> None:  # noqa: A002 - it is one
        """A hold is settled."""
        self._drop(self.holds, id)

    def overdue(self, now: int, limit: int) -> Sequence[Hold]:
        """Live holds past their lease."""
        leases = self._leases
        if not leases or leases[0][0] > now:
            return ()
        found: list[Hold] = []
        while leases and leases[0][0] <= now and len(found) < limit:
            hold = self.holds.get(leases[0][1])
            if hold is not None and not hold.expired:
                # So that what is taken from the heap comes back to it, should this not come to its end.
                self._log.append((self.holds, hold.id, hold))
                found.append(hold)
            heappop(leases)
        return found

    def entered(self, id: str) -> bool:  # noqa: A002 - it is one
        """Whether the ledger has it."""
        return id in self.entries

    def enter(self, entry: Entry) -> None:
        """Append to the ledger."""
        self._log.append((self.entries, entry.id, _ABSENT))
        self.number += 1
        self.entries[entry.id] = entry
        if len(self.entries) > self._keep:
            self._fold(next(iter(self.entries.values())))

    def _fold(self, entry: Entry) -> None:
        for account, bucket, amount in entry.lines:
            key = (account, bucket)
            self._put(self.folded, key, _add(self.folded.get(key, _ZERO), amount))
        for scope in entry.whose.scopes:
            usd = _add(self.dollars.get(scope, _ZERO), entry.usd)
            self._put(self.dollars, scope, usd)
        self._drop(self.entries, entry.id)

    def use(self, day: int, whose: Attribution, counts: tuple[int, int, int], usd: Decimal) -> None:
        """Add to the usage of each scope."""
        usage = self.usage
        for scope in whose.scopes:
            key = (day, scope, whose.provider, whose.model)
            before = usage.get(key)
            self._log.append((usage, key, _ABSENT if before is None else before))
            calls, prompt, completion, dollars = before or _UNUSED
            more = calls + counts[0], prompt + counts[1], completion + counts[2]
            usage[key] = (*more, _add(dollars, usd))

    def rule(self, scope: str) -> Rule:
        """A scope's rule."""
        return self.rules.get(scope) or Rule(scope, 0, None)

    def write_rule(self, rule: Rule) -> None:
        """Write a rule."""
        self._put(self.rules, rule.scope, rule)


class MemoryStore:
    """Accounts, ledger and settlements in memory. Thread-safe; each process has its own.

    Args:
        clock: what gives the time, in seconds of Unix time.
        keep: how many settlements, and how many entries of the ledger, are kept one by one. The counters
            hold what came before; what was entered longer ago is not known to be there twice.

    The counters and the usage of a scope that was ever used stay, some 3 kB for each user with two limits: where
    strangers choose the names of scopes, use a store that has them on disk. Of deployments, those that nobody uses
    are forgotten.
    """

    durability = "process"

    def __init__(self, *, clock: Callable[[], float] = time.time, keep: int = 100_000) -> None:
        if keep < 1:
            raise ConfigurationError(f"keep is a number of entries above 0, not {keep}")
        self._clock = clock
        self._rows = MemoryRows(keep)
        self._settlements = MemoryLedger(keep)
        self._admission = Admission()
        self._keep = keep
        self._outbox: Any = None
        self._lock = threading.RLock()
        self._busy = False
        at_forks(self)

    @override
    def __repr__(self) -> str:
        return "MemoryStore()"

    def perform(self, operation: Any) -> Any:
        """Perform one operation. Should it be interrupted, it was not performed, or wholly.

        But an ``Admit`` that is interrupted may have counted something in a quota.
        """
        kind = type(operation)
        rule = ACCOUNTING.get(kind)
        if rule is None and kind not in ADMISSION and kind not in OUTBOX:
            return self._told(operation)
        operation = checked(operation)
        with self._lock:
            if self._busy:
                # A signal's handler came into the middle of an operation of this very thread.
                raise StoreUnavailableError("this store is in the middle of another operation")
            return self._admitted(operation) if rule is None else self._changed(rule, operation)

    def _told(self, operation: Any) -> Any:
        if (read := _READING.get(type(operation))) is None:
            raise StoreError(f"no MemoryStore performs {type(operation).__name__}")
        with self._lock:
            return read(self, operation)

    def _billed(self, operation: Any) -> Any:
        if self._outbox is None:
            from .._control.billing.kept import Kept  # noqa: PLC0415 - most have none

            self._outbox = Kept(self._keep)
        return self._outbox.perform(operation, self._now())

    def _admitted(self, operation: Any) -> Any:
        self._busy = True
        try:
            if type(operation) in OUTBOX:
                return self._billed(operation)
            return self._admission.perform(operation, self._now())
        finally:
            self._busy = False

    def _changed(self, rule: Callable[[Any, Any, int], Any], operation: Any) -> Any:
        rows = self._rows
        settlement = operation.settlement if type(operation) is SettleHold else None
        before = settlement is not None and self._settlements.has(settlement)
        rows.begin()
        self._busy = True
        try:
            result = rule(rows, operation, self._now())
            if settlement is not None:
                self._settlements.perform(Settle(settlement))
                result = result._replace(stored=True)
        except BaseException:
            # What came behind the settlement, the last thing done, is an interrupt alone.
            if settlement is None or before or not self._settlements.has(settlement):
                rows.undo()
            raise
        finally:
            self._busy = False
        return result

    def before_fork(self) -> None:
        """Let no other thread be in the middle of an operation when the process is copied."""
        self._lock.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on; a copy has no outbox: what is in it is the parent's to send."""
        if child:
            self._outbox = None
        self._lock.release()

    def close(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _settle(self, operation: Settle) -> bool:
        return self._settlements.perform(checked(operation))

    def _latest(self, operation: Settlements) -> tuple[Settlement, ...]:
        return self._settlements.settlements[-operation.limit :]

    def _after(self, operation: SettlementsAfter) -> Numbered:
        return self._settlements.after(operation.after, operation.limit)

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
        rows = self._rows
        first = rows.number - len(rows.entries) + 1
        begin = max(operation.after + 1 - first, 0)
        page = islice(rows.entries.values(), begin, begin + operation.limit)
        return tuple(Entry(number, *entry[1:]) for number, entry in enumerate(page, first + begin))

    def _audit(self, operation: Audit) -> Audited:
        rows = self._rows
        counters = (
            (name, bucket, *account.counters[bucket])
            for name, account in rows.accounts.items()
            for bucket in account.buckets
        )
        found = audited(
            self._now(),
            counters,
            rows.holds.values(),
            self._whole(),
            self._usage(ReadUsage(since=-FOR_EVER)),
        )
        return found._replace(entries=rows.number)

    def _whole(self) -> Iterator[Entry]:
        """The ledger, with what was folded in the form of entries."""
        rows = self._rows
        lines = tuple(
            (account, bucket, amount) for (account, bucket), amount in rows.folded.items()
        )
        folded = Entry(0, "", "spend", 0, "", "", _ZERO, lines, NOBODY)
        yield folded
        for scope, usd in rows.dollars.items():
            yield folded._replace(lines=(), usd=usd, whose=Attribution((scope,)))
        yield from rows.entries.values()


_READING: Final[dict[type, Callable[[MemoryStore, Any], Any]]] = {
    Settle: MemoryStore._settle,  # noqa: SLF001 - the class's own table
    Settlements: MemoryStore._latest,  # noqa: SLF001
    SettlementsAfter: MemoryStore._after,  # noqa: SLF001
    ReadUsage: MemoryStore._usage,  # noqa: SLF001
    ReadRules: MemoryStore._rules,  # noqa: SLF001
    ReadEntries: MemoryStore._entries,  # noqa: SLF001
    Audit: MemoryStore._audit,  # noqa: SLF001
}
