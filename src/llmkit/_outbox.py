"""Operations on an outbox, by name with parameters, and what comes of them. Nothing here performs anything.

An outbox keeps what is to be billed from before a call's request leaves until whoever bills has it. One ``Bill`` is
one event of the billing service; its id, its time and its text are fixed before it is first sent and never change
while it is queued. Times are whole milliseconds of Unix time; those of leases are the store's clock's, ``Bill.at``
is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal, NamedTuple

__all__ = [
    "OUTBOX", "WAITING", "Amend", "Amended", "Bill", "Billed", "Conclude", "Count", "Counted", "Forget", "Intend",
    "Mark", "Marked", "Notice", "Owed", "Owing", "ReadBills", "ReleaseLane", "State", "Take", "Taken",
]  # fmt: skip

State = Literal[
    "intent", "unknown", "queued", "delivered", "dead", "unpriced", "unattributed", "held", "listed", "discarded"
]  # fmt: skip
"""What becomes of a bill.

``intent``: a call is under way. ``unknown``: an intent whose lease is over; nobody said what became of the call.
``queued``: to be sent as it is. ``delivered``: whoever bills has it. ``dead``: refused, for a reason that does not
pass. ``unpriced``, ``unattributed``: it lacks a price, or whom to bill. ``held``: a guess that waits for somebody's
word. ``listed``: an attempt that may have cost something and is not billed. ``discarded``: somebody said that it
shall not be.
"""

WAITING: Final[tuple[State, ...]] = ("unknown", "dead", "unpriced", "unattributed", "held")
"""What goes nowhere by itself."""


class Bill(NamedTuple):
    """One event for whoever bills, or (``intent``, ``unknown``) what was meant to become some.

    ``id``: the event's transaction id, ``"{call}:{code}"``; an intent's is its call's. ``at``: when what it bills
    ended, fixed once. ``body``: the event's JSON exactly as it is sent, each time; empty while it cannot be
    written. ``facts``: JSON of what it is written from, and can be priced anew with; no prompt, no answer, no key.
    ``units``: what it adds to its metric. ``usd``: what that is in dollars, ``None`` where unknown. The rest is the
    store's: ``number`` orders bills as they were concluded, ``changed`` is when it came into this state,
    ``expires`` an intent's lease's end.
    """

    id: str
    call: str
    state: State
    subscription: str
    code: str
    at: int
    body: str
    facts: str = "{}"
    units: Decimal = Decimal(0)
    usd: Decimal | None = None
    reason: str = ""
    number: int = 0
    changed: int = 0
    tries: int = 0
    expires: int = 0


class Intend(NamedTuple):
    """Write down that a call is about to leave. The answer is a ``bool``: ``False`` where it was, or has concluded.

    The same call again with other ``usd`` or ``lease`` raises both to the larger, as long as it is an intent and not
    ``unknown``.
    ``usd``: what it may cost, ``None`` where nobody can say. ``lease``: milliseconds after which it is ``unknown``.
    """

    call: str
    subscription: str
    facts: str
    lease: int
    usd: Decimal | None = None


class Conclude(NamedTuple):
    """A call has ended: its intent goes, these bills come, all or nothing. The answer is ``Billed``.

    A bill whose id is there stays as it is there. Without bills, there is nothing to bill; was there no intent either,
    a ``discarded`` one named as the call stays (``reason``: ``concluded``), so that its intent cannot come after it. An
    intent that has become ``unknown`` goes, too.
    """

    call: str
    bills: tuple[Bill, ...] = ()


class Billed(NamedTuple):
    """``fresh``: the ids that were not there before. ``intended``: whether there was an intent."""

    now: int
    fresh: tuple[str, ...]
    intended: bool


class Take(NamedTuple):
    """Take the lane, or keep it, and the first ``limit`` queued bills in the order of their numbers. Answer: ``Taken``.

    One sender at a time has the lane; whoever has it keeps it until ``lease`` milliseconds from now, or
    ``ReleaseLane``. A lane that was taken in the future, for the clock has jumped back, begins now and lasts as long as
    it was to.
    """

    sender: str
    limit: int
    lease: int


class Taken(NamedTuple):
    """``bills`` are to be sent. ``sender``: who has the lane (if another, ``bills`` is empty), until ``until``."""

    now: int
    sender: str
    until: int
    bills: tuple[Bill, ...] = ()


class ReleaseLane(NamedTuple):
    """Give the lane back. The answer is a ``bool``: whether this sender had it."""

    sender: str


class Marked(NamedTuple):
    """What became of one queued bill: ``state`` is ``delivered`` or ``dead``. ``reason``: why, or how (``deduped``)."""

    id: str
    state: State
    reason: str = ""


class Mark(NamedTuple):
    """Write down what became of queued bills; others stay as they are. The answer: how many of ``marks`` held.

    It needs no lane: what was delivered is, whoever says so. ``tried``: ids of bills that were sent and are queued
    still. Either counts as one of a bill's ``tries``. Of what is said twice of a bill, the first holds.
    """

    marks: tuple[Marked, ...] = ()
    tried: tuple[str, ...] = ()


class Amended(NamedTuple):
    """A bill as it shall be from now on, if its state is one of ``expected``; an ``unknown`` one is an intent."""

    bill: Bill
    expected: tuple[State, ...]


class Amend(NamedTuple):
    """Change bills: price, attribute, replay or discard them. The answer is a tuple of the ids that were changed.

    What is to be ``queued`` goes behind all that is. All are changed together; those in another state are left. Id,
    call and tries stay.
    """

    amended: tuple[Amended, ...]


class ReadBills(NamedTuple):
    """Read bills behind the number ``after``, in the order of their numbers: a tuple of ``Bill``.

    Each given condition holds. ``since`` (included) and ``until`` (not) are of ``at``. Intents have numbers, too.
    """

    states: tuple[State, ...] | None = None
    ids: tuple[str, ...] | None = None
    subscription: str | None = None
    code: str | None = None
    since: int = 0
    until: int = 2**53 - 1
    after: int = 0
    limit: int = 1000


class Count(NamedTuple):
    """Count bills. The answer is ``Counted``."""


class Counted(NamedTuple):
    """``states``: how many bills are in each that has any. ``oldest``: the least ``at`` of the queued.

    ``deduped``: how many of the delivered were there already, as their ``reason`` says.
    ``sender``: who has the lane until ``until``; ``""``:
    nobody.
    """

    now: int
    states: Mapping[str, int]
    oldest: int | None
    deduped: int
    sender: str
    until: int


class Owing(NamedTuple):
    """What a subscription owes that whoever bills may not know of yet. The answer is ``Owed``.

    ``since``: what was delivered (``changed``) from then on counts as not known there. ``""``: of all subscriptions.
    """

    subscription: str
    since: int


class Owed(NamedTuple):
    """In dollars: of what is queued or held, of what was delivered lately, of live intents.

    Each bill's is rounded up to 1e-9 before they are added; what is unknown is nothing.
    """

    now: int
    queued: Decimal
    delivered: Decimal
    intended: Decimal


class Forget(NamedTuple):
    """Forget what was delivered, discarded or listed and has not changed since ``before``. The answer is how many."""

    before: int
    limit: int = 1000


class Notice(NamedTuple):
    """Remember a message's key for ``lease`` milliseconds. The answer is a ``bool``: whether it is new."""

    key: str
    lease: int


OUTBOX: Final = frozenset(
    {Intend, Conclude, Take, ReleaseLane, Mark, Amend, ReadBills, Count, Owing, Forget, Notice}
)
"""All of them."""
