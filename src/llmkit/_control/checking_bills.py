"""What an operation on an outbox must be before a store performs it. Pure; ``checking`` asks it for all stores.

What is to be sent must be sendable as it stands: nothing of it is repaired here, but the reasons that others gave.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, get_args

from .._operations import FOR_EVER
from .._outbox import (
    Amend,
    Bill,
    Conclude,
    Forget,
    Intend,
    Mark,
    Marked,
    Notice,
    Owing,
    ReadBills,
    ReleaseLane,
    State,
    Take,
)
from .._secret import redact
from ..errors import StoreError

__all__ = ["BILL_CHECKS"]

_ID: Final = re.compile(r"[A-Za-z0-9._:~-]{1,255}").fullmatch
_SURROGATE: Final = re.compile("[\0\ud800-\udfff]").search
_STATES: Final = frozenset(get_args(State))
_CALLS: Final = frozenset({"intent", "unknown"})
_LONGEST_LEASE: Final = 2**42
_LONGEST_NAME: Final = 512
_LONGEST_REASON: Final = 1000
_LEAST: Final = -250
_MOST: Final = 30
# A cost that was divided has sixty digits, and coins are the product of two such: whoever refuses one loses a bill.
_LONGEST_AMOUNT: Final = 300


def _identified(id: str) -> None:  # noqa: A002 - it is one
    # Lago has it in a path, whose route takes no "/": GET /events/{transaction_id}.
    if type(id) is not str or _ID(id) is None:
        raise StoreError(
            f"the id of a call or of a bill is 1 to 255 of A-Z a-z 0-9 . _ : ~ -, not {id!r}"
        )


def _text(text: str) -> None:
    if type(text) is not str or ((not text.isascii() or "\0" in text) and _SURROGATE(text)):
        raise StoreError("an outbox keeps texts that have no NUL and no lone surrogate")


def _named(name: str) -> None:
    _text(name)
    if not 0 < len(name) <= _LONGEST_NAME:
        raise StoreError(f"a sender's or a message's name has 1 to {_LONGEST_NAME} characters")


def _amount(amount: Decimal) -> None:
    if not (
        type(amount) is Decimal
        and amount.is_finite()
        and _LEAST <= amount.adjusted() < _MOST
        and len(str(amount)) <= _LONGEST_AMOUNT
    ):
        raise StoreError(
            "what is billed is a finite Decimal from 1e-250 to 1e30, or 0, of at most 300 characters,"
            f" not {amount!r}"
        )


def _whole(number: int, least: int = 0) -> None:
    if type(number) is not int or not least <= number <= FOR_EVER:
        raise StoreError(f"a time, a number or a limit is a whole one from {least}, not {number!r}")


def _lease(lease: int) -> None:
    if type(lease) is not int or not 0 < lease < _LONGEST_LEASE:
        raise StoreError(f"a lease is a number of milliseconds above 0, not {lease!r}")


def _reason(reason: str) -> str:
    """Others wrote it: it is read, never sent, and may not keep a bill from being kept."""
    if not reason:
        return reason
    text = redact(reason).replace("\0", " ").encode("utf-8", "backslashreplace").decode()
    return text[:_LONGEST_REASON]


def _bill(bill: Bill) -> Bill:
    state, usd = bill.state, bill.usd
    _identified(bill.id)
    _identified(bill.call)
    if state not in _STATES or state in _CALLS:
        raise StoreError(f"a bill cannot come into this state: {state!r}")
    if state == "queued" and not bill.body:
        raise StoreError(f"{bill.id} is to be queued, and has nothing to send")
    for text in (bill.subscription, bill.code, bill.body, bill.facts):
        _text(text)
    _whole(bill.at)
    _amount(bill.units)
    if usd is not None:
        _amount(usd)
    return bill._replace(reason=_reason(bill.reason)) if bill.reason else bill


def _intend(op: Intend) -> Intend:
    _identified(op.call)
    _text(op.subscription)
    _text(op.facts)
    _lease(op.lease)
    if op.usd is not None:
        _amount(op.usd)
    return op


def _conclude(op: Conclude) -> Conclude:
    _identified(op.call)
    return Conclude(op.call, tuple([_bill(bill) for bill in op.bills]))


def _take(op: Take) -> Take:
    _named(op.sender)
    _whole(op.limit, 1)
    _lease(op.lease)
    return op


def _release(op: ReleaseLane) -> ReleaseLane:
    _named(op.sender)
    return op


def _marked(marked: Marked) -> Marked:
    if marked.state not in {"delivered", "dead"}:
        raise StoreError(f"what was sent is delivered or dead, not {marked.state!r}")
    return marked._replace(reason=_reason(marked.reason))


def _mark(op: Mark) -> Mark:
    """Of what was said twice, the first holds."""
    marks = {marked.id: _marked(marked) for marked in reversed(op.marks)}
    tried = dict.fromkeys(one for one in op.tried if one not in marks)
    for one in (*marks, *tried):
        _identified(one)
    return Mark(tuple(marks.values()), tuple(tried))


def _amend(op: Amend) -> Amend:
    if len({amended.bill.id for amended in op.amended}) != len(op.amended):
        raise StoreError("a bill was named twice in one operation")
    for amended in op.amended:
        if not _STATES.issuperset(amended.expected):
            raise StoreError(f"these are not states of a bill: {amended.expected!r}")
    return Amend(tuple([one._replace(bill=_bill(one.bill)) for one in op.amended]))


def _read(op: ReadBills) -> ReadBills:
    _whole(op.limit, 1)
    for number in (op.since, op.until, op.after):
        _whole(number)
    if op.states is not None and not _STATES.issuperset(op.states):
        raise StoreError(f"these are not states of a bill: {op.states!r}")
    for text in (op.subscription, op.code, *(op.ids or ())):
        if text is not None:
            _text(text)
    return op


def _owing(op: Owing) -> Owing:
    _text(op.subscription)
    _whole(op.since)
    return op


def _forget(op: Forget) -> Forget:
    _whole(op.before)
    _whole(op.limit, 1)
    return op


def _notice(op: Notice) -> Notice:
    _named(op.key)
    _lease(op.lease)
    return op


BILL_CHECKS: Final[dict[type, Callable[[Any], Any]]] = {
    Intend: _intend,
    Conclude: _conclude,
    Take: _take,
    ReleaseLane: _release,
    Mark: _mark,
    Amend: _amend,
    ReadBills: _read,
    Owing: _owing,
    Forget: _forget,
    Notice: _notice,
}
"""By the kind of operation: its check, which gives back what is to be performed, or raises StoreError."""
