"""What each operation of an outbox is in PostgreSQL: the statement that performs it, and its answer as a value."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from ...._outbox import (
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
from ._compiled import Form, changing, once, reading

__all__ = ["BILLING"]


def _fields(operation: Any) -> dict[str, Any]:
    fields: dict[str, Any] = operation._asdict()
    return once(fields)


def _bill(row: Any) -> Bill:
    bill = Bill._make(row)
    return bill._replace(
        units=Decimal(bill.units), usd=None if bill.usd is None else Decimal(bill.usd)
    )


def _bills(rows: Any) -> tuple[Bill, ...]:
    return tuple(map(_bill, rows))


def _billed(answer: Any) -> Billed:
    now, fresh, intended = answer
    return Billed(now, tuple(fresh), intended)


def _taken(answer: Any) -> Taken:
    now, sender, until, rows = answer
    return Taken(now, sender, until, _bills(rows))


def _owed(answer: Any) -> Owed:
    now, *amounts = answer
    return Owed(now, *map(Decimal, amounts))


BILLING: Final[Mapping[type, Form]] = {
    Intend: Form(changing("intend"), bool, _fields),
    Conclude: Form(changing("conclude"), _billed, _fields),
    Take: Form(changing("take_lane"), _taken),
    ReleaseLane: Form(changing("release_lane"), bool),
    Mark: Form(changing("mark"), int, _fields),
    Amend: Form(changing("amend"), tuple, _fields),
    Forget: Form(changing("forget_bills"), int),
    Notice: Form(changing("notice"), bool, _fields),
    ReadBills: Form(changing("read_bills"), _bills),
    Count: Form(reading("count_bills"), Counted._make),
    Owing: Form(reading("owing"), _owed),
}
