"""Reading what was kept: rules, usage, ledger, settlements, and the audit. In parts, so that nobody waits for long.

Only the audit's last part looks at everything that changes at one moment; the ledger before it is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import uuid4

from ...._control.accounts import Hold
from ...._control.auditing import audited
from ...._cost import MATH
from ...._operations import (
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
from ._forms import Ask, lines_of, rules_of
from ._talking import Commands
from ._units import amount, counted, usage

__all__ = ["READING"]

_AT_ONCE: Final = 1000
_Keyed = tuple[int, str, str, str]


def settle(op: Settle, ask: Ask) -> Commands[bool]:
    """Record a settlement; ``False`` where the call has one already."""
    settlement = op.settlement
    cost = None if settlement.cost is None else str(settlement.cost)
    kept = settlement._replace(cost=None, metadata={})._asdict()
    kept |= {"cost": cost, "metadata": dict(settlement.metadata)}
    # Metadata is the caller's: what JSON has no form for is kept as its text.
    body = json.dumps(kept, ensure_ascii=False, default=str)
    done: bool = yield from ask(
        "settle", {"call": settlement.call_id, "body": body, "once": uuid4().hex}
    )
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


def _pages(op: ReadEntries, ask: Ask) -> Commands[list[_Kept]]:
    found: list[_Kept] = []
    while (wanted := min(_AT_ONCE, op.limit - len(found))) > 0:
        after = found[-1].entry.number if found else op.after
        rows = yield from ask("entries", {"after": after, "limit": wanted})
        found += map(_entry, rows)
        if len(rows) < wanted:
            break
    return found


def entries(op: ReadEntries, ask: Ask) -> Commands[tuple[Entry, ...]]:
    """The ledger behind a number."""
    return tuple(kept.entry for kept in (yield from _pages(op, ask)))


def audit(op: Audit, ask: Ask) -> Commands[Audited]:
    """Compare the counters with the ledger and the holds."""
    found = yield from _pages(ReadEntries(limit=2**53), ask)
    after = found[-1].entry.number if found else 0
    now, counters, holds, rest, rows = yield from ask("audit", {"after": after})
    found += map(_entry, rest)
    return audited(
        int(now),
        ((a, int(b), amount(a, spent), amount(a, held)) for a, b, spent, held in counters),
        _holds(holds),
        (kept.entry._replace(usd=kept.counted) for kept in found),
        _usage_rows(rows),
    )


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
