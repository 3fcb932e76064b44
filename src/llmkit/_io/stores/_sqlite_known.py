"""What a connection to a SQLite file knows of its rows from the transactions before: they are not read again.

It holds as long as nobody else has written to the file, by the same sign by which SQLite keeps its own cache of pages:
``PRAGMA data_version`` (https://sqlite.org/pragma.html#pragma_data_version, read 2026-11-23) changes when another
connection has committed. What a transaction that failed has changed here is forgotten with all the rest; so nothing is
known that is not in the file. Nothing here reads or writes rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from ..._control.accounts import Hold
from ..._cost import MATH
from ..._operations import Rule

__all__ = ["NOTHING", "Counters", "Known", "UsageKey", "Used"]

Counter = tuple[Decimal, Decimal]
"""(spent, held) of one bucket."""
UsageKey = tuple[str, int, str, str]
Used = tuple[int, int, int, Decimal]

_add: Final = MATH.add
_ZERO: Final = Decimal(0)
NOTHING: Final = (_ZERO, _ZERO)
_COUNTERS: Final = 16_384
"""Of which a connection knows no more: some 6 MB. Those that it learned first it forgets first."""
_ROWS: Final = 4_096
"""The same of any other kind of row."""


class Counters:
    """The counters of an account, all from bucket ``first`` on and perhaps more, and the sum of those that count."""

    __slots__ = ("_held", "_since", "_spent", "first", "rows")

    def __init__(self, first: int, rows: dict[int, Counter]) -> None:
        self.first, self.rows = first, rows
        self._since: int | None = None
        self._spent = self._held = _ZERO

    def used(self, first: int) -> Counter:
        """The sum from ``first`` on."""
        if first != self._since:
            spent = held = _ZERO
            for bucket, more in self.rows.items():
                if bucket >= first:
                    spent, held = _add(spent, more[0]), _add(held, more[1])
            self._since, self._spent, self._held = first, spent, held
        return self._spent, self._held

    def add(self, bucket: int, spent: Decimal, held: Decimal) -> Counter:
        """Add to a counter; what it is then."""
        before = self.rows.get(bucket, NOTHING)
        after = self.rows[bucket] = _add(before[0], spent), _add(before[1], held)
        if self._since is not None and bucket >= self._since:
            self._spent, self._held = _add(self._spent, spent), _add(self._held, held)
        return after

    def forget(self, before: int) -> int:
        """Older buckets in which nothing is held are dropped; how many there were."""
        old = [b for b, counter in self.rows.items() if b < before and not counter[1]]
        for bucket in old:
            del self.rows[bucket]
        if self._since is not None and self._since < before:
            self._since = None
        return len(old)


class Known:
    """What is known at one ``version`` of the file."""

    __slots__ = ("_counters", "accounts", "due", "holds", "rules", "usage", "version")

    def __init__(self, version: int) -> None:
        self.version = version
        self.accounts: dict[str, Counters] = {}
        self._counters = 0
        self.usage: dict[UsageKey, Used] = {}
        self.rules: dict[str, Rule] = {}
        self.holds: dict[str, Hold] = {}
        self.due: int | None = None
        """A time before which no live hold's lease ends; ``None``: not known."""

    def learn(self, account: str, counters: Counters) -> None:
        """The counters of an account were read."""
        self._leave(account)
        self.accounts[account] = counters
        self._counters += len(counters.rows) + 1

    def grown(self, by: int) -> None:
        """So many counters came, or went."""
        self._counters += by

    def bound(self) -> None:
        """After a transaction: what has become too much is forgotten."""
        while self._counters > _COUNTERS:
            self._leave(next(iter(self.accounts)))
        tables: Iterable[dict[Any, Any]] = self.usage, self.rules, self.holds
        for table in tables:
            if len(table) > _ROWS:
                table.clear()

    def _leave(self, account: str) -> None:
        if (found := self.accounts.pop(account, None)) is not None:
            self._counters -= len(found.rows) + 1
