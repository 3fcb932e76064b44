"""What operations on accounts mean: holds, limits, spend, ledger, audit. The rules themselves, over ``Rows``.

Whoever calls has made the rows his alone for the time (a lock, a transaction); nothing here waits, and the time is
given. PostgreSQL and Redis have compiled forms of the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol

from .._cost import MATH
from .._operations import (
    NOBODY,
    ROLLING_BUCKETS,
    Attribution,
    Balance,
    Balances,
    Claim,
    Entry,
    EntryKind,
    Gone,
    Line,
    Post,
    Posted,
    Refusal,
    Refused,
    Reserve,
    Reserved,
    Reset,
    Rule,
    Settled,
    SettleHold,
    Stale,
    Standing,
    Sweep,
    Untimely,
    Window,
    WriteRule,
    Written,
)
from ..errors import StoreError
from .checking import EXPIRED

__all__ = ["ACCOUNTING", "DAY", "Hold", "Rows", "first_counted", "settle_hold"]

DAY: Final = 86_400_000
# Not the caller's context, which may round.
_add, _subtract, _minus = MATH.add, MATH.subtract, MATH.minus
_ZERO: Final = Decimal(0)
_SWEPT_BY_RESERVE: Final = Sweep(8)
# Twice as long as it counts: a clock that jumps back a little finds it.
_KEPT: Final = 2 * ROLLING_BUCKETS
_UNLIMITED: Final = Decimal("Infinity")


class Hold(NamedTuple):
    """What is kept of a hold. ``expired``: it became spend, and waits for its settlement."""

    id: str
    expires: int
    expired: bool
    usd: Decimal
    lines: tuple[Line, ...]
    whose: Attribution


class Rows(Protocol):
    """What is kept, row by row. A counter is (spent, held) of one bucket of one account."""

    def used(self, account: str, first: int) -> tuple[Decimal, Decimal]:
        """(spent, held), summed over the buckets from ``first`` on."""

    def counters(self, account: str, first: int) -> Sequence[tuple[int, Decimal, Decimal]]:
        """(bucket, spent, held) from ``first`` on, oldest first."""

    def counter(self, account: str, bucket: int) -> tuple[Decimal, Decimal] | None:
        """One counter; ``None`` where it was never written, or was forgotten."""

    def newest(self, account: str) -> int | None:
        """The latest bucket of an account; ``None`` where it has no counter."""

    def count(self, account: str, bucket: int, spent: Decimal, held: Decimal) -> None:
        """Add to a counter, which is made where there is none."""

    def forget(self, account: str, before: int) -> None:
        """Drop the counters of older buckets in which nothing is held."""

    def hold(self, id: str) -> Hold | None:  # noqa: A002 - it is one
        """A hold that is live, or expired and not settled."""

    def keep_hold(self, hold: Hold) -> None:
        """Write a hold, over one of the same id."""

    def drop_hold(self, id: str) -> None:  # noqa: A002 - it is one
        """A hold is settled."""

    def overdue(self, now: int, limit: int) -> Sequence[Hold]:
        """Live holds with ``expires <= now``, the oldest first."""

    def entered(self, id: str) -> bool:  # noqa: A002 - it is one
        """Whether the ledger has this entry."""

    def enter(self, entry: Entry) -> None:
        """Append to the ledger, which gives the number."""

    def use(self, day: int, whose: Attribution, counts: tuple[int, int, int], usd: Decimal) -> None:
        """Add (calls, prompt tokens, completion tokens) and dollars to the usage of each scope."""

    def rule(self, scope: str) -> Rule:
        """A scope's rule; version 0 where there never was one."""

    def write_rule(self, rule: Rule) -> None:
        """Write a rule over the one before."""


def first_counted(bucket: int, width: int) -> int:
    """The oldest bucket that counts together with this one."""
    return bucket - ROLLING_BUCKETS if width else bucket


def _bucket(window: Window, at: int) -> int | None:
    """The bucket of a time; ``None`` outside of the periods given."""
    if window.width:
        return at // window.width
    starts = window.starts
    if not starts[0] <= at < starts[-1]:
        return None
    return max(start for start in starts if start <= at)


def _stale(rows: Rows, now: int, seen: Iterable[tuple[str, int]]) -> Stale | None:
    newer = [rule for s, version in seen if (rule := rows.rule(s)).version != version]
    return Stale(now, tuple(newer)) if newer else None


def _limit(rows: Rows, claim: Claim, bucket: int, now: int) -> Decimal:
    """What holds now: with a temporary increase, and what was left of the period before."""
    if claim.limit is None:
        return _UNLIMITED
    limit = claim.limit
    if claim.rollover is not None and (left := _left_before(rows, claim, bucket)) > 0:
        limit = _add(limit, min(claim.rollover, left))
    return _add(limit, claim.extra) if now < claim.extra_until else limit


def _left_before(rows: Rows, claim: Claim, bucket: int) -> Decimal:
    starts = claim.window.starts
    if claim.window.width or claim.limit is None or bucket == starts[0]:
        return _ZERO
    before = rows.counter(claim.account, starts[starts.index(bucket) - 1])
    return _ZERO if before is None else _subtract(claim.limit, _add(*before))


def _looked_at(rows: Rows, claim: Claim, bucket: int, now: int) -> Refusal:
    """What a refusal of this claim tells, whether or not it is one."""
    width = claim.window.width
    first = first_counted(bucket, width)
    spent, held = rows.used(claim.account, first)
    limit, used = _limit(rows, claim, bucket, now), _add(spent, held)
    buckets = _used(rows.counters(claim.account, first)) if width else ()
    return Refusal(claim.account, limit, used, spent, claim.amount, buckets)


def _used(counters: Iterable[tuple[int, Decimal, Decimal]]) -> tuple[tuple[int, Decimal], ...]:
    sums = ((bucket, _add(spent, held)) for bucket, spent, held in counters)
    return tuple(line for line in sums if line[1])


def reserve(rows: Rows, op: Reserve, now: int) -> Reserved | Refused | Stale | Untimely | Gone:
    """Hold every claim's amount, or none."""
    sweep(rows, _SWEPT_BY_RESERVE, now)
    if (found := rows.hold(op.hold)) is not None and not found.expired:
        return Reserved(now, found.expires, found.lines, again=True)
    if found is not None or rows.entered(op.hold):
        return Gone(now)
    if op.seen and (stale := _stale(rows, now, op.seen)) is not None:
        return stale
    lines: list[Line] = []
    refusals: list[Refusal] = []
    for claim in op.claims:
        account, window, amount = claim[:3]
        bucket = _bucket(window, now)
        if bucket is None:
            return Untimely(now)
        spent, held = rows.used(account, first_counted(bucket, window.width))
        if _add(_add(spent, held), amount) > _limit(rows, claim, bucket, now):
            refusals.append(_looked_at(rows, claim, bucket, now))
        lines.append(Line(account, bucket, window.width, amount, claim.keep))
    if refusals:
        return Refused(now, tuple(refusals))
    return _held(rows, op, now, lines)


def _held(rows: Rows, op: Reserve, now: int, asked: Iterable[Line]) -> Reserved:
    lines = []
    for line in asked:
        if (bucket := _placed(rows, line.account, line.width, line.bucket)) != line.bucket:
            line = line._replace(bucket=bucket)  # noqa: PLW2901 - where it is counted
        rows.count(line.account, bucket, _ZERO, line.amount)
        lines.append(line)
    expires, held = now + op.lease, tuple(lines)
    rows.keep_hold(Hold(op.hold, expires, False, op.usd, held, op.whose))
    return Reserved(now, expires, held)


def _placed(rows: Rows, account: str, width: int, bucket: int) -> int:
    """The bucket to count in. Old ones are forgotten when a new one begins, and none of those is made again.

    A clock that has jumped back far, and what is posted late, count in the oldest bucket that there may be: one made
    again would hold less than the ledger says of it.
    """
    if not width or rows.counter(account, bucket) is not None:
        return bucket
    if (newest := rows.newest(account)) is None:
        return bucket
    if bucket < newest - _KEPT:
        return newest - _KEPT
    rows.forget(account, bucket - _KEPT)
    return bucket


def settle_hold(rows: Rows, op: SettleHold, now: int) -> Settled:
    """End a hold; one that has expired is corrected, in its own buckets. The settlement with it is not looked at."""
    hold = rows.hold(op.hold)
    if hold is None:
        return _ended_before(rows, op, now)
    if op.amounts is not None and len(op.amounts) != len(hold.lines):
        raise StoreError(f"a hold of {len(hold.lines)} accounts got {len(op.amounts)} amounts")
    kind: EntryKind = "correct" if hold.expired else op.kind
    usd = hold.usd if op.usd is None else op.usd
    deltas = [_moved(rows, hold, i, op) for i in range(len(hold.lines))]
    counts = (int(op.kind != "release"), op.prompt_tokens, op.completion_tokens)
    if hold.expired:
        # Its expiry counted the call, and what was held.
        usd, counts = _subtract(usd, hold.usd), (counts[0] - 1, *counts[1:])
    _enter(rows, (op.hold, kind, op.hold, op.flag), now, hold, deltas, usd)
    rows.use(now // DAY, hold.whose, counts, usd)
    rows.drop_hold(op.hold)
    lines = [
        _standing(rows, line.account, line.width, line.bucket, delta, now)
        for line, delta in zip(hold.lines, deltas, strict=True)
    ]
    return Settled("corrected" if hold.expired else "settled", now, tuple(lines))


def _ended_before(rows: Rows, op: SettleHold, now: int) -> Settled:
    if rows.entered(op.hold):
        return Settled("again", now)
    if op.kind == "release":
        # It has overtaken its ``Reserve``, which must find nothing to hold any more when it comes.
        rows.enter(Entry(0, op.hold, "release", now, op.hold, op.flag, _ZERO, (), NOBODY))
    return Settled("missing", now)


def _moved(rows: Rows, hold: Hold, position: int, op: SettleHold) -> Decimal:
    """Move one line of a hold from held to spent; what it added to spent."""
    line = hold.lines[position]
    if not line.keep:
        return _ZERO if hold.expired else _spent(rows, line, _ZERO)
    amount = line.amount if op.amounts is None else op.amounts[position]
    return _corrected(rows, line, amount) if hold.expired else _spent(rows, line, amount)


def _spent(rows: Rows, line: Line, amount: Decimal) -> Decimal:
    # Where nothing was held, the counter may have been forgotten since.
    if line.amount or rows.counter(line.account, line.bucket) is not None:
        rows.count(line.account, line.bucket, amount, _minus(line.amount))
    return amount


def _corrected(rows: Rows, line: Line, amount: Decimal) -> Decimal:
    """Its expiry spent what was held. No more is taken back than is there: a reset may have come between."""
    delta = _subtract(amount, line.amount)
    found = rows.counter(line.account, line.bucket)
    if found is not None:
        if delta < 0:
            delta = max(delta, min(_ZERO, _minus(found[0])))
        rows.count(line.account, line.bucket, delta, _ZERO)
    return delta


def _enter(
    rows: Rows,
    head: tuple[str, EntryKind, str, str],
    now: int,
    hold: Hold,
    deltas: Sequence[Decimal],
    usd: Decimal,
) -> None:
    added = zip(hold.lines, deltas, strict=True)
    lines = [(line.account, line.bucket, delta) for line, delta in added if delta]
    entry, kind, of, flag = head
    rows.enter(Entry(0, entry, kind, now, of, flag, usd, tuple(lines), hold.whose))


def _standing(
    rows: Rows, account: str, width: int, bucket: int, delta: Decimal, now: int
) -> Standing:
    first = first_counted(now // width, width) if width else bucket
    return Standing(account, *rows.used(account, first), delta)


def sweep(rows: Rows, op: Sweep, now: int) -> int:
    """Make spend of what is held beyond its lease."""
    overdue = rows.overdue(now, op.limit)
    for hold in overdue:
        deltas = [_spent(rows, line, line.amount if line.keep else _ZERO) for line in hold.lines]
        head: tuple[str, EntryKind, str, str]
        head = (hold.id + EXPIRED, "expire", hold.id, "expired")
        _enter(rows, head, now, hold, deltas, hold.usd)
        rows.use(now // DAY, hold.whose, (1, 0, 0), hold.usd)
        rows.keep_hold(hold._replace(expired=True))
    return len(overdue)


def _new(rows: Rows, entry: str) -> bool:
    """Whether the ledger has no such entry. What is to be a hold's own may be nobody else's."""
    if rows.hold(entry) is not None:
        raise StoreError(f"an entry may not have the id of a hold: {entry!r}")
    return not rows.entered(entry)


def post(rows: Rows, op: Post, now: int) -> Posted | Untimely:
    """Record what was spent elsewhere, whatever the limits."""
    if not _new(rows, op.entry):
        return Posted("again", now)
    at = now if op.at is None else op.at
    added: list[tuple[str, int, int, Decimal]] = []
    for charge in op.charges:
        bucket = _bucket(charge.window, at)
        if bucket is None:
            return Untimely(now)
        width = charge.window.width
        added.append((charge.account, width, bucket, charge.amount))
    lines, listed = _posted(rows, added, now)
    rows.enter(Entry(0, op.entry, "spend", now, "", op.flag, op.usd, listed, op.whose))
    counts = (op.calls, op.prompt_tokens, op.completion_tokens)
    rows.use(at // DAY, op.whose, counts, op.usd)
    return Posted("posted", now, lines)


def _posted(
    rows: Rows, added: Iterable[tuple[str, int, int, Decimal]], now: int
) -> tuple[tuple[Standing, ...], tuple[tuple[str, int, Decimal], ...]]:
    """Count amounts as spent; how their accounts stand, and the lines of the entry."""
    lines, listed = [], []
    for account, width, at, amount in added:
        bucket = _placed(rows, account, width, at)
        rows.count(account, bucket, amount, _ZERO)
        lines.append(_standing(rows, account, width, bucket, amount, now))
        if amount:
            listed.append((account, bucket, amount))
    return tuple(lines), tuple(listed)


def reset(rows: Rows, op: Reset, now: int) -> Posted | Untimely:
    """Take back what was spent in the windows that count now."""
    if not _new(rows, op.entry):
        return Posted("again", now)
    added: list[tuple[str, int, int, Decimal]] = []
    for account, window in op.accounts:
        bucket = _bucket(window, now)
        if bucket is None:
            return Untimely(now)
        counters = rows.counters(account, first_counted(bucket, window.width))
        added += [(account, window.width, b, _minus(s)) for b, s, _ in counters if s]
    lines, listed = _posted(rows, added, now)
    rows.enter(Entry(0, op.entry, "reset", now, "", "", _ZERO, listed, NOBODY))
    return Posted("posted", now, lines)


def balances(rows: Rows, op: Balances, now: int) -> Balance | Stale | Untimely:
    """Look at accounts as ``reserve`` would."""
    if (stale := _stale(rows, now, op.seen)) is not None:
        return stale
    lines = []
    for claim in op.claims:
        bucket = _bucket(claim.window, now)
        if bucket is None:
            return Untimely(now)
        lines.append(_looked_at(rows, claim, bucket, now))
    return Balance(now, tuple(lines))


def write_rule(rows: Rows, op: WriteRule, now: int) -> Written:
    """Write a rule, unless another version stands than the one expected."""
    standing = rows.rule(op.scope)
    if op.expected is not None and op.expected != standing.version:
        return Written(False, standing)
    rule = Rule(op.scope, standing.version + 1, op.body)
    rows.write_rule(rule)
    return Written(True, rule)


ACCOUNTING: Final[dict[type, Callable[[Any, Any, int], Any]]] = {
    Reserve: reserve,
    SettleHold: settle_hold,
    Sweep: sweep,
    Post: post,
    Reset: reset,
    Balances: balances,
    WriteRule: write_rule,
}
"""What is done with each operation that changes or weighs accounts: of the rows, the operation, and the time."""
