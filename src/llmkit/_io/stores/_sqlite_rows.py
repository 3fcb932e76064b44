"""SQLite: rows in tables, and what each operation does with them. Whoever calls has begun a transaction.

To add an operation, give it a script in ``_sqlite_schema`` and a row in ``FORMS``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from ..._control.accounts import ACCOUNTING, Hold, settle_hold
from ..._control.admission import ADMISSION
from ..._control.auditing import audited
from ..._cost import MATH
from ..._json import load
from ..._operations import (
    FOR_EVER,
    Attribution,
    Audit,
    Audited,
    Balances,
    Entry,
    Line,
    Look,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Reserve,
    Rule,
    Settled,
    SettleHold,
    UsageRow,
)
from ..._outbox import Amend, Conclude, Count, Intend, Owing, ReadBills
from ..._settlements import Numbered, Settle, Settlement, Settlements, SettlementsAfter
from ._sqlite_admission import AdmissionRows
from ._sqlite_known import NOTHING, Counters, Known
from ._sqlite_late import AT_ONCE, SETTLE, Late, among
from ._sqlite_outbox import OUTBOX_FORMS

__all__ = ["FORMS", "Form", "SQLRows"]

_ZERO: Final = Decimal(0)
_STREAM, _COST, _METADATA = map(Settlement._fields.index, ("stream", "cost", "metadata"))
_HOLDING: Final = frozenset((Reserve, SettleHold))
_COUNTER: Final = "SELECT spent, held FROM llmkit_counter WHERE account = ? AND bucket = ?"
_COUNTERS: Final = "SELECT bucket, spent, held FROM llmkit_counter WHERE account = ? AND bucket >= ? ORDER BY bucket"
_NEWEST: Final = "SELECT max(bucket) FROM llmkit_counter WHERE account = ?"
_FORGET: Final = "DELETE FROM llmkit_counter WHERE account = ? AND bucket < ? AND held = '0'"
_HELD: Final = "SELECT id, expires, expired, usd, lines, whose FROM llmkit_hold"
_HOLD: Final = f"{_HELD} WHERE id = ?"
_THERE: Final = (
    f"{_HELD} WHERE id IN (?) UNION ALL"  # noqa: S608
    " SELECT id, NULL, NULL, NULL, NULL, NULL FROM llmkit_entry WHERE id IN (?)"
)
_OVERDUE: Final = f"{_HELD} WHERE expired = 0 AND expires <= ? ORDER BY expires, id LIMIT ?"
_DUE: Final = "SELECT min(expires) FROM llmkit_hold WHERE expired = 0"
_ENTERED: Final = "SELECT 1 FROM llmkit_entry WHERE id = ?"
_ENTRIES: Final = (
    "SELECT number, id, kind, at, hold, flag, usd, lines, whose FROM llmkit_entry"
    " WHERE number > ? ORDER BY number LIMIT ?"
)
_USED: Final = (
    "SELECT calls, prompt_tokens, completion_tokens, usd FROM llmkit_usage"
    " WHERE scope = ? AND day = ? AND provider = ? AND model = ?"
)
_USAGE: Final = (
    "SELECT day, scope, provider, model, calls, prompt_tokens, completion_tokens, usd"
    " FROM llmkit_usage WHERE day BETWEEN ? AND ?"
)
_USAGE_OF: Final = f"{_USAGE} AND scope IN (SELECT value FROM json_each(?))"  # noqa: S608
_IN_ORDER: Final = " ORDER BY day, scope, provider, model"
_RULE: Final = "SELECT scope, version, body FROM llmkit_rule WHERE scope = ?"
_RULES: Final = "SELECT scope, version, body FROM llmkit_rule ORDER BY scope"
_WRITE_RULE: Final = "INSERT OR REPLACE INTO llmkit_rule VALUES (?, ?, ?)"
_FIELDS: Final = ", ".join(Settlement._fields)
_SETTLEMENTS: Final = f"SELECT {_FIELDS} FROM llmkit_settlement ORDER BY number DESC LIMIT ?"  # noqa: S608
_AFTER: Final = (
    f"SELECT number, {_FIELDS} FROM llmkit_settlement WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608
)
_MADE: Final = "SELECT applied FROM llmkit_schema WHERE version = 1"
_LATEST: Final = "SELECT max(number) FROM llmkit_settlement"


class SQLRows:
    """Rows in SQL, for one transaction; what its connection knows is not read again.

    What operations on accounts write is put off to ``flush``: whoever commits calls it first.
    """

    def __init__(self, connection: sqlite3.Connection, known: Known | None = None) -> None:
        self.connection = connection
        self.known = Known(0) if known is None else known
        self._do = connection.execute
        self._late = Late(connection.execute)
        self._looked_up: set[str] = set()
        self._there: set[str] = set()
        """Entries that the ledger has, or will have with this transaction."""
        self._swept = False

    def flush(self) -> None:
        """Write what was put off."""
        self._late.write()

    def look_up(self, operations: Iterable[Any]) -> None:
        """Find what there is of the holds that operations are about, of all of them by one statement."""
        known = self.known.holds
        ids = [op.hold for op in operations if type(op) in _HOLDING and op.hold not in known]
        # The driver refuses half a character: its operation is to hear of that, and no other.
        ids = [id_ for id_ in dict.fromkeys(ids) if id_.isascii()]
        for begin in range(0, len(ids), AT_ONCE):
            some = ids[begin : begin + AT_ONCE]
            for row in self._do(among(_THERE, len(some)), some + some).fetchall():
                if row[1] is None:
                    self._there.add(row[0])
                else:
                    known[row[0]] = _hold(row)
        self._looked_up.update(ids)

    def _from(self, account: str, first: int) -> Counters:
        """Read the counters of an account from ``first`` on."""
        self.flush()
        rows = self._do(_COUNTERS, (account, first))
        found = {bucket: (Decimal(spent), Decimal(held)) for bucket, spent, held in rows}
        known = Counters(first, found)
        self.known.learn(account, known)
        return known

    def used(self, account: str, first: int) -> tuple[Decimal, Decimal]:
        """The sum from ``first`` on."""
        known = self.known.accounts.get(account)
        if known is None or known.first > first:
            known = self._from(account, first)
        return known.used(first)

    def counters(self, account: str, first: int) -> Sequence[tuple[int, Decimal, Decimal]]:
        """The counters from ``first`` on."""
        known = self.known.accounts.get(account)
        if known is None or known.first > first:
            known = self._from(account, first)
        found = known.rows
        return [(bucket, *found[bucket]) for bucket in sorted(found) if bucket >= first]

    def counter(self, account: str, bucket: int) -> tuple[Decimal, Decimal] | None:
        """One counter."""
        known = self.known.accounts.get(account)
        if known is not None and known.first <= bucket:
            return known.rows.get(bucket)
        if (late := self._late.counters.get((account, bucket))) is not None:
            return late
        found = self._do(_COUNTER, (account, bucket)).fetchone()
        return None if found is None else (Decimal(found[0]), Decimal(found[1]))

    def newest(self, account: str) -> int | None:
        """The latest bucket."""
        known = self.known.accounts.get(account)
        if known is not None and known.rows:
            return max(known.rows)
        self.flush()
        found: int | None = self._do(_NEWEST, (account,)).fetchone()[0]
        return found

    def count(self, account: str, bucket: int, spent: Decimal, held: Decimal) -> None:
        """Add to a counter."""
        known, counters = self.known.accounts.get(account), self._late.counters
        if known is not None and known.first <= bucket:
            rows = len(known.rows)
            after = known.add(bucket, spent, held)
            self.known.grown(len(known.rows) - rows)
        else:
            before = self.counter(account, bucket) or NOTHING
            after = MATH.add(before[0], spent), MATH.add(before[1], held)
        if held > 0:
            # Written behind what made room for it: at no moment more stands there than was allowed.
            counters.pop((account, bucket), None)
        counters[account, bucket] = after

    def forget(self, account: str, before: int) -> None:
        """Drop old counters."""
        self.flush()
        self._do(_FORGET, (account, before))
        if (known := self.known.accounts.get(account)) is not None:
            self.known.grown(-known.forget(before))

    def hold(self, id: str) -> Hold | None:  # noqa: A002 - it is one
        """A hold."""
        if (known := self.known.holds.get(id)) is not None:
            return known
        if id in self._looked_up or id in self._late.holds:
            # What is known would say so, if it were there.
            return None
        found = self._do(_HOLD, (id,)).fetchone()
        return None if found is None else _hold(found)

    def keep_hold(self, hold: Hold) -> None:
        """Write a hold."""
        self._late.holds[hold.id] = hold
        known = self.known
        known.holds[hold.id] = hold
        if known.due is not None and hold.expires < known.due and not hold.expired:
            known.due = hold.expires

    def drop_hold(self, id: str) -> None:  # noqa: A002 - it is one
        """A hold is settled."""
        self._late.holds[id] = None
        self.known.holds.pop(id, None)

    def overdue(self, now: int, limit: int) -> Sequence[Hold]:
        """Live holds past their lease."""
        if self._swept or now < self._due():
            return ()
        self.known.due = None
        self.flush()
        found = [_hold(row) for row in self._do(_OVERDUE, (now, limit)).fetchall()]
        # For the operations of one transaction it is one time: nobody's lease ends between them.
        self._swept = len(found) < limit
        return found

    def _due(self) -> int:
        """A time before which nothing is overdue."""
        if (due := self.known.due) is None:
            self.flush()
            first = self._do(_DUE).fetchone()[0]
            due = self.known.due = FOR_EVER if first is None else first
        return due

    def entered(self, id: str) -> bool:  # noqa: A002 - it is one
        """Whether the ledger has it."""
        if id in self._there:
            return True
        return id not in self._looked_up and self._do(_ENTERED, (id,)).fetchone() is not None

    def enter(self, entry: Entry) -> None:
        """Append to the ledger."""
        self._late.entries.append(entry)
        self._there.add(entry.id)

    def use(self, day: int, whose: Attribution, counts: tuple[int, int, int], usd: Decimal) -> None:
        """Add to the usage of each scope."""
        for scope in whose.scopes:
            key = (scope, day, whose.provider, whose.model)
            if (used := self.known.usage.get(key)) is None:
                *known, dollars = self._do(_USED, key).fetchone() or (0, 0, 0, "0")
                used = known[0], known[1], known[2], Decimal(dollars)
            calls, prompt, completion, before = used
            more = calls + counts[0], prompt + counts[1], completion + counts[2]
            self._late.usage[key] = self.known.usage[key] = (*more, MATH.add(before, usd))

    def rule(self, scope: str) -> Rule:
        """A scope's rule."""
        if (known := self.known.rules.get(scope)) is not None:
            return known
        found = self._do(_RULE, (scope,)).fetchone()
        rule = self.known.rules[scope] = Rule(scope, 0, None) if found is None else Rule(*found)
        return rule

    def write_rule(self, rule: Rule) -> None:
        """Write a rule, behind what was held by the one before."""
        self.flush()
        self._do(_WRITE_RULE, rule)
        self.known.rules[rule.scope] = rule

    def rules(self) -> tuple[Rule, ...]:
        """All rules."""
        return tuple(Rule(*row) for row in self._do(_RULES))

    def entries(self, after: int, limit: int) -> Iterator[Entry]:
        """The ledger, one by one."""
        return (_entry(row) for row in self._do(_ENTRIES, (after, limit)))

    def usage(self, op: ReadUsage) -> Iterator[UsageRow]:
        """Usage, one by one."""
        days: tuple[Any, ...] = (op.since, op.until)
        if op.scopes is None:
            rows = self._do(_USAGE + _IN_ORDER, days)
        else:
            rows = self._do(_USAGE_OF + _IN_ORDER, (*days, json.dumps(op.scopes)))
        return (UsageRow._make((*row[:7], Decimal(row[7]))) for row in rows)

    def settle(self, settlement: Settlement) -> bool:
        """Record how a call ended; whether it was not recorded before."""
        self.flush()
        return bool(self._do(SETTLE, _settled(settlement)).rowcount)

    def settle_late(self, settlement: Settlement) -> None:
        """Record how a call ended, unless it was."""
        self._late.settlements.append(_settled(settlement))

    def settlements(self, limit: int) -> tuple[Settlement, ...]:
        """The latest, oldest first."""
        return tuple(_settlement(row) for row in self._do(_SETTLEMENTS, (limit,)))[::-1]

    def settlements_after(self, number: int, limit: int) -> Numbered:
        """Those behind it."""
        (made,) = self._do(_MADE).fetchone()
        (latest,) = self._do(_LATEST).fetchone()
        rows = self._do(_AFTER, (number, limit))
        found = tuple((number, _settlement(row)) for number, *row in rows)
        return Numbered(f"sqlite {made}", latest or 0, found)

    def audit(self, now: int) -> Audited:
        """Compare everything with everything."""
        counters = (
            (account, bucket, Decimal(spent), Decimal(held))
            for account, bucket, spent, held in self._do(
                "SELECT account, bucket, spent, held FROM llmkit_counter"
            )
        )
        holds = (_hold(row) for row in self._do(_HELD))
        entries = self.entries(0, -1)
        return audited(now, counters, holds, entries, self.usage(ReadUsage(since=-FOR_EVER)))


def _whose(text: str) -> Attribution:
    scopes, *rest = load(text)
    return Attribution(tuple(scopes), *rest)


def _hold(row: tuple[Any, ...]) -> Hold:
    lines = tuple(
        Line(account, bucket, width, Decimal(amount), keep)
        for account, bucket, width, amount, keep in load(row[4])
    )
    return Hold(row[0], row[1], bool(row[2]), Decimal(row[3]), lines, _whose(row[5]))


def _entry(row: tuple[Any, ...]) -> Entry:
    lines = tuple((a, bucket, Decimal(amount)) for a, bucket, amount in load(row[7]))
    return Entry._make((*row[:6], Decimal(row[6]), lines, _whose(row[8])))


_AS_IT_IS: Final = frozenset((type(None), float, bool))


def _settled(settlement: Settlement) -> list[Any]:
    return [value if _is_plain(value) else _column(value) for value in settlement]


def _is_plain(value: Any) -> bool:
    """Whether it is kept as it is."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    return kind in _AS_IT_IS or (kind is int and value <= FOR_EVER)


def _column(value: Any) -> Any:
    """A settlement is never refused for what stands in it."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int):
        return min(value, FOR_EVER)
    return _json(value) if isinstance(value, Mapping) else value


def _json(metadata: Mapping[str, Any]) -> str:
    try:
        return _encoded(metadata if type(metadata) is dict else dict(metadata))
    except (TypeError, ValueError, RecursionError):
        # Keys of other kinds, or a circle.
        return json.dumps({str(key): str(value) for key, value in metadata.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value, key=str) if isinstance(value, set | frozenset) else str(value)


# ``json.dumps`` makes an encoder each time that it is told of a default.
_encoded: Final = json.JSONEncoder(default=_plain).encode


def _settlement(row: Sequence[Any]) -> Settlement:
    values = list(row)
    values[_STREAM] = bool(values[_STREAM])
    if values[_COST] is not None:
        values[_COST] = Decimal(values[_COST])
    values[_METADATA] = MappingProxyType(_metadata(values[_METADATA]))
    return Settlement._make(values)


def _metadata(text: str) -> Any:
    """What was written, half a character and very deep nesting included, which the quicker way does not read."""
    if "\\ud" not in text:
        with suppress(ValueError):
            return load(text)
    return json.loads(text)


Way = Literal["write", "swift", "read", "long"]


class Form(NamedTuple):
    """How an operation is performed: of rows, operation, time; and in which transaction.

    ``write``: alone. ``swift``: the same, and nobody waits for the disk. ``read``: as the file was at its beginning.
    ``long``: the same, in a connection of its own, since it may take long.
    """

    way: Way
    perform: Callable[[SQLRows, Any, int], Any]


_BILLING: Final[dict[type, Way]] = {
    Intend: "write",
    Conclude: "write",
    Amend: "write",
    Owing: "read",
    ReadBills: "long",
    Count: "long",
}


def _read_rules(rows: SQLRows, op: ReadRules, now: int) -> tuple[Rule, ...]:
    return rows.rules() if op.scopes is None else tuple(rows.rule(scope) for scope in op.scopes)


def _settle_hold(rows: SQLRows, op: SettleHold, now: int) -> Settled:
    settled = settle_hold(rows, op, now)
    if op.settlement is None:
        return settled
    rows.settle_late(op.settlement)
    return settled._replace(stored=True)


def _accounting() -> Iterable[tuple[type, Form]]:
    for kind, perform in ACCOUNTING.items():
        yield kind, Form("read" if kind is Balances else "write", perform)


def _admitting() -> Iterable[tuple[type, Form]]:
    for kind, rule in ADMISSION.items():
        yield kind, Form("read" if kind is Look else "swift", _over_tables(rule))


def _billing() -> Iterable[tuple[type, Form]]:
    """What was sent and is not known to be is sent again, as it was: only what is to be billed waits for the disk."""
    for kind, perform in OUTBOX_FORMS.items():
        way = _BILLING.get(kind, "swift")
        yield kind, Form(way, _over_bills(perform))


def _over_bills(
    perform: Callable[[sqlite3.Connection, Any, int], Any],
) -> Callable[[SQLRows, Any, int], Any]:
    return lambda rows, op, now: perform(rows.connection, op, now)


def _over_tables(
    rule: Callable[[AdmissionRows, Any, int], Any],
) -> Callable[[SQLRows, Any, int], Any]:
    return lambda rows, op, now: rule(AdmissionRows(rows.connection, now), op, now)


FORMS: Final[dict[type, Form]] = {
    **dict(_accounting()),
    **dict(_admitting()),
    SettleHold: Form("write", _settle_hold),
    Settle: Form("write", lambda rows, op, now: rows.settle(op.settlement)),
    Settlements: Form("read", lambda rows, op, now: rows.settlements(op.limit)),
    SettlementsAfter: Form(
        "long", lambda rows, op, now: rows.settlements_after(op.after, op.limit)
    ),
    ReadUsage: Form("long", lambda rows, op, now: tuple(rows.usage(op))),
    ReadRules: Form("read", _read_rules),
    ReadEntries: Form("read", lambda rows, op, now: tuple(rows.entries(op.after, op.limit))),
    Audit: Form("long", lambda rows, op, now: rows.audit(now)),
    **dict(_billing()),
}
"""What is done with each operation."""
