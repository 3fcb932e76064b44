"""The audit: what the counters say against what the ledger and the holds say, to the last unit. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from .._cost import MATH
from .._operations import Audited, Difference, Entry, UsageRow
from .accounts import Hold

__all__ = ["Sums", "audited"]

_ZERO: Final = Decimal(0)
Sums = dict[tuple[str, int], Decimal]
"""By (account, bucket)."""


def audited(
    now: int,
    counters: Iterable[tuple[str, int, Decimal, Decimal]],
    holds: Iterable[Hold],
    entries: Iterable[Entry],
    usage: Iterable[UsageRow],
) -> Audited:
    """Compare (account, bucket, spent, held) counters and usage with what they were made of.

    A counter that is no longer there was forgotten, which is no difference unless something is held in it.
    """
    spent, dollars, number = _entered(entries)
    held, live, expired = _holding(holds)
    found = {(account, bucket): (s, h) for account, bucket, s, h in counters}
    differences = (
        *_differing("spent", {key: (spent.get(key, _ZERO), s) for key, (s, _) in found.items()}),
        *_differing(
            "held",
            {k: (held.get(k, _ZERO), found.get(k, (_ZERO, _ZERO))[1]) for k in {*held, *found}},
        ),
        *_differing("usage", _used(dollars, usage)),
    )
    return Audited(now, number, live, expired, differences)


def _entered(entries: Iterable[Entry]) -> tuple[Sums, dict[str, Decimal], int]:
    spent: Sums = defaultdict(lambda: _ZERO)
    dollars: dict[str, Decimal] = defaultdict(lambda: _ZERO)
    number = 0
    for entry in entries:
        number += 1
        for account, bucket, amount in entry.lines:
            spent[account, bucket] = MATH.add(spent[account, bucket], amount)
        for scope in entry.whose.scopes:
            dollars[scope] = MATH.add(dollars[scope], entry.usd)
    return spent, dollars, number


def _holding(holds: Iterable[Hold]) -> tuple[Sums, int, int]:
    held: Sums = defaultdict(lambda: _ZERO)
    live = expired = 0
    for hold in holds:
        if hold.expired:
            expired += 1
            continue
        live += 1
        for line in hold.lines:
            key = (line.account, line.bucket)
            held[key] = MATH.add(held[key], line.amount)
    return held, live, expired


def _used(
    dollars: Mapping[str, Decimal], usage: Iterable[UsageRow]
) -> dict[tuple[str, int], tuple[Decimal, Decimal]]:
    found: dict[str, Decimal] = defaultdict(lambda: _ZERO)
    for row in usage:
        found[row.scope] = MATH.add(found[row.scope], row.usd)
    scopes = {*dollars, *found}
    return {(s, 0): (dollars.get(s, _ZERO), found.get(s, _ZERO)) for s in scopes}


def _differing(
    what: str, pairs: Mapping[tuple[str, int], tuple[Decimal, Decimal]]
) -> Iterator[Difference]:
    for (key, bucket), (expected, found) in pairs.items():
        if expected != found:
            place = key if what == "usage" else f"{key} @{bucket}"
            yield Difference(what, place, expected, found)
