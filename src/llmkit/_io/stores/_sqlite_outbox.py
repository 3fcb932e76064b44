"""SQLite: the outbox in tables. What each operation means, ``_control.billing.kept`` says, and ``_outbox``.

Whoever calls has begun a transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from decimal import Context, Decimal
from typing import Any, Final

from ..._control.billing.kept import NANO, Lane, nanos
from ..._outbox import (
    Amend,
    Bill,
    Billed,
    Conclude,
    Count,
    Counted,
    Forget,
    Intend,
    Mark,
    Notice,
    Owed,
    Owing,
    ReadBills,
    ReleaseLane,
    Take,
    Taken,
)

__all__ = ["COLUMNS", "OUTBOX_FORMS", "bill_of"]

_EXACT: Final = Context(prec=60)
COLUMNS: Final = (
    "id, call, state, subscription, code, at, body, facts, units, usd, reason, number, changed,"
    " tries, expires"
)
"""Of a bill, as ``bill_of`` reads them."""
_SET: Final = (
    "id, call, state, subscription, code, at, body, facts, units, usd, reason, changed, tries,"
    " expires, nanos"
)
_INTEND: Final = (
    f"INSERT INTO llmkit_bill ({_SET})"  # noqa: S608
    " SELECT ?, ?, 'intent', ?, '', ?, '', ?, '0', ?, '', ?, 0, ?, ?"
    " WHERE NOT EXISTS (SELECT 1 FROM llmkit_bill WHERE call = ? AND state <> 'intent')"
    " ON CONFLICT (id) DO NOTHING"
)
_INTENDED: Final = (
    "SELECT usd, expires FROM llmkit_bill WHERE id = ? AND state = 'intent' AND expires > ?"
)
_RAISE: Final = "UPDATE llmkit_bill SET usd = ?, nanos = ?, expires = ? WHERE id = ?"
_CONCLUDE: Final = "DELETE FROM llmkit_bill WHERE id = ? AND state = 'intent'"
_BILL: Final = (
    f"INSERT INTO llmkit_bill ({_SET}) VALUES ({', '.join('?' * 15)})"  # noqa: S608
    " ON CONFLICT (id) DO NOTHING"
)
_CONCLUDED: Final = (
    f"INSERT INTO llmkit_bill ({_SET})"  # noqa: S608
    " SELECT ?, ?, 'discarded', '', '', ?, '', '{}', '0', NULL, 'concluded', ?, 0, 0, 0"
    " WHERE NOT EXISTS (SELECT 1 FROM llmkit_bill WHERE call = ? AND state <> 'intent')"
    " ON CONFLICT (id) DO NOTHING"
)
_LANE: Final = "SELECT sender, since, until FROM llmkit_lane"
_KEEP_LANE: Final = "INSERT OR REPLACE INTO llmkit_lane VALUES (1, ?, ?, ?)"
_DROP_LANE: Final = "DELETE FROM llmkit_lane"
_TAKE: Final = f"SELECT {COLUMNS} FROM llmkit_bill WHERE state = 'queued' ORDER BY number LIMIT ?"  # noqa: S608
_MARK: Final = (
    "UPDATE llmkit_bill SET state = ?, reason = ?, changed = ?, tries = tries + 1"
    " WHERE id = ? AND state = 'queued'"
)
_TRIED: Final = "UPDATE llmkit_bill SET tries = tries + 1 WHERE id = ? AND state = 'queued'"
_ONE: Final = f"SELECT {COLUMNS} FROM llmkit_bill WHERE id = ?"  # noqa: S608
_DROP: Final = "DELETE FROM llmkit_bill WHERE number = ?"
_REWRITE: Final = f"INSERT INTO llmkit_bill ({_SET}, number) VALUES ({', '.join('?' * 16)})"  # noqa: S608
_READ: Final = f"SELECT {COLUMNS} FROM llmkit_bill WHERE number > ?"  # noqa: S608
_IN_TIME: Final = " AND +at >= ? AND +at < ?"
_IN_ORDER: Final = " ORDER BY number LIMIT ?"
_STATES: Final = {
    "intent": " AND state = 'intent' AND +expires > ?",
    "unknown": " AND state = 'intent' AND +expires <= ?",
}
_COUNT: Final = "SELECT state, bills, deduped FROM llmkit_bill_count WHERE bills <> 0"
_INTENTS: Final = (
    "SELECT count(*), coalesce(sum(expires <= ?), 0) FROM llmkit_bill WHERE state = 'intent'"
)
_OLDEST: Final = "SELECT min(at) FROM llmkit_bill INDEXED BY llmkit_bill_age WHERE state = 'queued'"
_OWED: Final = "SELECT coalesce(sum(nanos), 0) FROM "
_QUEUED: Final = f"{_OWED} llmkit_bill_owed"
# Left to itself, SQLite takes the index that begins with the state, and looks through all that was ever delivered.
_OLD: Final = (
    "llmkit_bill INDEXED BY llmkit_bill_old WHERE state IN ('delivered', 'discarded', 'listed')"
)
_DELIVERED: Final = f"{_OWED} {_OLD} AND state = 'delivered' AND changed >= ?"
_DELIVERED_TO: Final = (
    f"{_OWED} llmkit_bill INDEXED BY llmkit_bill_delivered"
    " WHERE state = 'delivered' AND changed >= ? AND subscription = ?"
)
_MEANT: Final = (
    f"{_OWED} llmkit_bill INDEXED BY llmkit_bill_intended WHERE state = 'intent' AND expires > ?"
)
_FORGET: Final = (
    f"DELETE FROM llmkit_bill WHERE number IN (SELECT number FROM {_OLD} AND changed < ?"  # noqa: S608
    " ORDER BY changed, number LIMIT ?)"
)
_UNNOTICE: Final = "DELETE FROM llmkit_notice WHERE until <= ?"
_NOTICE: Final = "INSERT INTO llmkit_notice VALUES (?, ?) ON CONFLICT (key) DO NOTHING"

_Connection = sqlite3.Connection


def _intend(connection: _Connection, op: Intend, now: int) -> bool:
    call, subscription, facts, lease, usd = op
    expires = now + lease
    said = (subscription, now, facts, _text(usd), now, expires, nanos(usd))
    if connection.execute(_INTEND, (call, call, *said, call)).rowcount:
        return True
    known = connection.execute(_INTENDED, (call, now)).fetchone()
    if known is not None:
        most = _larger(_amount(known[0]), usd)
        connection.execute(_RAISE, (_text(most), nanos(most), max(known[1], expires), call))
    return False


def _conclude(connection: _Connection, op: Conclude, now: int) -> Billed:
    do = connection.execute
    intended = bool(do(_CONCLUDE, (op.call,)).rowcount)
    if not intended and not op.bills:
        do(_CONCLUDED, (op.call, op.call, now, now, op.call))
    fresh = [bill.id for bill in op.bills if do(_BILL, _row(bill, now)).rowcount]
    return Billed(now, tuple(fresh), intended)


def _take(connection: _Connection, op: Take, now: int) -> Taken:
    before = _lane(connection)
    lane = before.at(now)
    mine = lane.sender in {"", op.sender}
    if mine:
        lane = Lane(op.sender, now, now + op.lease)
    if lane != before:
        connection.execute(_KEEP_LANE, lane)
    rows = connection.execute(_TAKE, (op.limit,)).fetchall() if mine else ()
    return Taken(now, lane.sender, lane.until, tuple([bill_of(row) for row in rows]))


def _release(connection: _Connection, op: ReleaseLane, now: int) -> bool:
    if _lane(connection).at(now).sender != op.sender:
        return False
    connection.execute(_DROP_LANE)
    return True


def _mark(connection: _Connection, op: Mark, now: int) -> int:
    marks = [(mark.state, mark.reason, now, mark.id) for mark in op.marks]
    marked: int = connection.executemany(_MARK, marks).rowcount if marks else 0
    if op.tried:
        connection.executemany(_TRIED, [(one,) for one in op.tried])
    return marked


def _amend(connection: _Connection, op: Amend, now: int) -> tuple[str, ...]:
    changed = []
    for bill, expected in op.amended:
        row = connection.execute(_ONE, (bill.id,)).fetchone()
        if row is None or (known := _seen(bill_of(row), now)).state not in expected:
            continue
        number = None if bill.state == "queued" else known.number
        after = bill._replace(call=known.call)
        connection.execute(_DROP, (known.number,))
        connection.execute(_REWRITE, (*_row(after, now, known.tries), number))
        changed.append(bill.id)
    return tuple(changed)


def _read(connection: _Connection, op: ReadBills, now: int) -> tuple[Bill, ...]:
    """State by state, each in order by its index: what is behind the limit is not looked at."""
    where, given = _conditions(op)
    found: list[Bill] = []
    for clause, more in _by_state(op, now):
        text = _READ + clause + where + _IN_ORDER
        rows = connection.execute(text, (op.after, *more, *given, op.limit))
        found += [_seen(bill_of(row), now) for row in rows]
    return tuple(sorted(found, key=lambda bill: bill.number)[: op.limit])


def _by_state(op: ReadBills, now: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if op.states is None:
        yield "", ()
        return
    for state in dict.fromkeys(op.states):
        clause = _STATES.get(state)
        yield (" AND state = ?", (state,)) if clause is None else (clause, (now,))


def _conditions(op: ReadBills) -> tuple[str, tuple[Any, ...]]:
    given: list[Any] = [op.since, op.until]
    text = _IN_TIME
    if op.ids is not None:
        text += " AND id IN (SELECT value FROM json_each(?))"
        given.append(json.dumps(op.ids))
    for column, value in (("subscription", op.subscription), ("code", op.code)):
        if value is not None:
            text += f" AND +{column} = ?"
            given.append(value)
    return text, tuple(given)


def _count(connection: _Connection, op: Count, now: int) -> Counted:
    do = connection.execute
    rows = do(_COUNT).fetchall()
    states: dict[str, int] = {state: bills for state, bills, _ in rows}
    intents, unknown = do(_INTENTS, (now,)).fetchone()
    under_way = {"intent": intents - unknown, "unknown": unknown}
    states |= {state: many for state, many in under_way.items() if many}
    deduped = sum(deduped for state, _, deduped in rows if state == "delivered")
    lane = _lane(connection).at(now)
    return Counted(now, states, do(_OLDEST).fetchone()[0], deduped, lane.sender, lane.until)


def _owing(connection: _Connection, op: Owing, now: int) -> Owed:
    whose: tuple[str, ...] = (op.subscription,) if op.subscription else ()
    of, where = (" AND subscription = ?", " WHERE subscription = ?") if whose else ("", "")
    questions: Iterable[tuple[str, tuple[Any, ...]]] = (
        (_QUEUED + where, whose),
        (_DELIVERED_TO if whose else _DELIVERED, (op.since, *whose)),
        (_MEANT + of, (now, *whose)),
    )
    sums = [connection.execute(text, given).fetchone()[0] for text, given in questions]
    return Owed(now, *[_EXACT.multiply(Decimal(total), NANO) for total in sums])


def _forget(connection: _Connection, op: Forget, now: int) -> int:
    return connection.execute(_FORGET, (op.before, op.limit)).rowcount


def _notice(connection: _Connection, op: Notice, now: int) -> bool:
    connection.execute(_UNNOTICE, (now,))
    return bool(connection.execute(_NOTICE, (op.key, now + op.lease)).rowcount)


def _lane(connection: _Connection) -> Lane:
    found = connection.execute(_LANE).fetchone()
    return Lane() if found is None else Lane._make(found)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _larger(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _row(bill: Bill, changed: int, tries: int = 0) -> tuple[Any, ...]:
    """All but its number, in the order of ``_SET``."""
    usd = bill.usd
    amounts = str(bill.units), _text(usd)
    return (*bill[:8], *amounts, bill.reason, changed, tries, 0, nanos(usd))


def bill_of(row: tuple[Any, ...]) -> Bill:
    """A row of ``COLUMNS``."""
    return Bill._make((*row[:8], Decimal(row[8]), _amount(row[9]), *row[10:]))


def _seen(bill: Bill, now: int) -> Bill:
    """As it is at a time: an intent whose lease is over is unknown."""
    if bill.state == "intent" and bill.expires <= now:
        return bill._replace(state="unknown", changed=bill.expires)
    return bill


OUTBOX_FORMS: Final[dict[type, Callable[[_Connection, Any, int], Any]]] = {
    Intend: _intend,
    Conclude: _conclude,
    Take: _take,
    ReleaseLane: _release,
    Mark: _mark,
    Amend: _amend,
    ReadBills: _read,
    Count: _count,
    Owing: _owing,
    Forget: _forget,
    Notice: _notice,
}
"""What each operation does within its transaction."""
