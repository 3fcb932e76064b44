"""Reading what was kept: rules, usage, ledger, settlements, and the audit. In parts, so that nobody waits for long.

Only the audit's last part looks at everything that changes at one moment; the ledger before it is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ...._control.accounts import Hold
from ...._control.auditing import audited
from ...._cost import MATH
from ...._operations import (
    NOBODY,
    Attribution,
    Audit,
    Audited,
    Entry,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Rule,
    UsageRow,
)
from ...._settlements import Settle, Settlement, Settlements
from ._forms import Ask, lines_of, recorded, rules_of
from ._talking import Commands
from ._units import amount, counted, usage

__all__ = ["READING"]

_AT_ONCE: Final = 1000
_ZERO: Final = Decimal(0)
_Keyed = tuple[int, str, str, str]


def settle(op: Settle, ask: Ask) -> Commands[bool]:
    """Record a settlement; ``False`` where the call has one already."""
    done: bool = yield from ask("settle", recorded(op.settlement))
    return done


def settlements(op: Settlements, ask: Ask) -> Commands[tuple[Settlement, ...]]:
    """The latest settlements, oldest first."""
    found = yield from ask("settlements", {"limit": op.limit})
    return tuple(_settlement(json.loads(body)) for body in reversed(list(found)))


def _settlement(kept: dict[str, Any]) -> Settlement:
    cost = None if kept["cost"] is None else Decimal(kept["cost"])
    return Settlement(**(kept | {"cost": cost, "metadata": MappingProxyType(kept["metadata"])}))


def rules(op: ReadRules, ask: Ask) -> Commands[tuple[Rule, ...]]:
    """The rules of some scopes, or all."""
    scopes = False if op.scopes is None else list(op.scopes)
    found = rules_of((yield from ask("rules", {"scopes": scopes})))
    return found if scopes else tuple(sorted(found, key=lambda rule: rule.scope))


def used(op: ReadUsage, ask: Ask) -> Commands[tuple[UsageRow, ...]]:
    """Usage of these scopes, day by day."""
    scopes = False if op.scopes is None else list(op.scopes)
    rows: list[Any] = []
    since: int | None = op.since
    while since is not None:
        given = {"scopes": scopes, "since": since, "until_": op.until}
        following, some = yield from ask("usage", given)
        rows += some
        since = int(following) if following else None
    return _usage_rows(rows)


def _usage_rows(rows: Iterable[Any]) -> tuple[UsageRow, ...]:
    """Rows of (day, letter and whose, number)."""
    found: dict[_Keyed, dict[str, str]] = {}
    for day, field, number in rows:
        scope, provider, model = json.loads(field[1:])
        found.setdefault((int(day), scope, provider, model), {})[field[0]] = number
    made = (UsageRow(*key, *_counts(counts)) for key, counts in found.items())
    return tuple(sorted(made))


def _counts(counts: dict[str, str]) -> tuple[int, int, int, Decimal]:
    calls, prompt, completion = (int(counts.get(letter, "0")) for letter in "cpo")
    return calls, prompt, completion, usage(counts.get("u", "0"), counts.get("r", "0"))


class _Kept(NamedTuple):
    """An entry, and what usage counted for it, which has 18 decimals."""

    entry: Entry
    counted: Decimal


def _entry(row: Any) -> _Kept:
    number, body = row
    id_, kind, at, hold, flag, usd, less, lines, whose = json.loads(body)
    added = tuple((a, int(bucket), amount(a, digits)) for a, bucket, digits in lines)
    by = Attribution(tuple(whose[0]), *whose[1:])
    more, taken = Decimal(usd), Decimal(less)
    exact = MATH.subtract(more, taken) if taken else more
    entry = Entry(int(number), id_, kind, int(at), hold, flag, exact, added, by)
    return _Kept(entry, MATH.subtract(counted(more), counted(taken)))


def entries(op: ReadEntries, ask: Ask) -> Commands[tuple[Entry, ...]]:
    """The ledger behind a number, page by page."""
    found: list[Entry] = []
    while (wanted := min(_AT_ONCE, op.limit - len(found))) > 0:
        after = found[-1].number if found else op.after
        rows = yield from ask("entries", {"after": after, "limit": wanted})
        found += (_entry(row).entry for row in rows)
        if len(rows) < wanted:
            break
    return tuple(found)


class _Folded:
    """What the ledger comes to, however long it is."""

    def __init__(self) -> None:
        self.number = self.last = 0
        self._spent: dict[tuple[str, int], Decimal] = {}
        self._dollars: dict[str, Decimal] = {}

    def add(self, rows: Iterable[Any]) -> None:
        for entry, dollars in map(_entry, rows):
            self.number, self.last = self.number + 1, entry.number
            for account, bucket, added in entry.lines:
                key = (account, bucket)
                self._spent[key] = MATH.add(self._spent.get(key, _ZERO), added)
            for scope in entry.whose.scopes:
                self._dollars[scope] = MATH.add(self._dollars.get(scope, _ZERO), dollars)

    def entries(self) -> Iterator[Entry]:
        """The same in the form of few entries."""
        lines = tuple((account, bucket, added) for (account, bucket), added in self._spent.items())
        yield Entry(0, "", "spend", 0, "", "", _ZERO, lines, NOBODY)
        for scope, usd in self._dollars.items():
            yield Entry(0, "", "spend", 0, "", "", usd, (), Attribution((scope,)))


def audit(op: Audit, ask: Ask) -> Commands[Audited]:
    """Compare the counters with the ledger and the holds."""
    folded, more = _Folded(), True
    while more:
        rows = yield from ask("entries", {"after": folded.last, "limit": _AT_ONCE})
        folded.add(rows)
        more = len(rows) == _AT_ONCE
    now, counters, holds, rest, rows = yield from ask("audit", {"after": folded.last})
    folded.add(rest)
    found = audited(
        int(now),
        ((a, int(b), amount(a, spent), amount(a, held)) for a, b, spent, held in counters),
        _holds(holds),
        folded.entries(),
        _usage_rows(rows),
    )
    return found._replace(entries=folded.number)


def _holds(rows: Iterable[Any]) -> Iterator[Hold]:
    for id_, body in rows:
        kept = json.loads(body)
        whose = Attribution(tuple(kept["whose"][0]), *kept["whose"][1:])
        lines = lines_of(kept["lines"])
        yield Hold(
            id_, int(kept["expires"]), kept["expired"], Decimal(kept["usd"][0]), lines, whose
        )


READING: Final[dict[type, Callable[[Any, Ask], Commands[Any]]]] = {
    Settle: settle,
    Settlements: settlements,
    ReadRules: rules,
    ReadUsage: used,
    ReadEntries: entries,
    Audit: audit,
}
"""What reads, and what is kept for reading alone."""
