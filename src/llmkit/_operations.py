"""Operations on stores, by name with parameters, and what comes of them. Nothing here performs anything.

A store performs operations; how (memory, SQL, Redis) is its own affair, what they mean is said here and done once, for
memory, in ``_control.accounts``. Amounts are ``Decimal``: dollars, or whole numbers of requests, tokens, places.
Times are whole milliseconds of Unix time by the store's clock, which alone decides.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, NamedTuple

from ._settlements import Settle, Settlement, Settlements, SettlementsAfter

__all__ = [
    "FOR_EVER", "NOBODY", "ROLLING_BUCKETS", "Admit", "Admitted", "Attribution", "Audit", "Audited", "Balance",
    "Balances", "Candidate", "Charge", "Claim", "Cool", "Difference", "Entry", "Full", "Gone", "Health", "Leave",
    "Line", "Look", "Looked", "Operation", "Post", "Posted", "Quota", "ReadEntries", "ReadRules", "ReadUsage",
    "Refusal", "Refused", "Reserve", "Reserved", "Reset", "Rule", "SettleHold", "Settled", "Stale", "Standing",
    "Sweep", "Untimely", "UsageRow", "Window", "WriteRule", "Written",
]  # fmt: skip

Kind = Literal["settle", "release", "unknown"]
EntryKind = Literal["settle", "release", "unknown", "expire", "correct", "spend", "reset"]

ROLLING_BUCKETS: Final = 60
"""Into so many parts a rolling window is divided; one more is counted, so that it never forgets too early."""
FOR_EVER: Final = 2**53 - 1
"""The end of a window that has none: the last whole number that every store can hold."""
_ZERO: Final = Decimal(0)


class Window(NamedTuple):
    """How a store finds the bucket that counts at a time.

    Rolling: ``width`` is a bucket's length in milliseconds, a sixtieth of the window, rounded up. The bucket
    is ``now // width``, and all from ``bucket - 60`` on count. Otherwise ``width`` is 0 and ``starts`` are the
    beginnings of periods around now, in order; the last one only ends the one before. The bucket is the
    latest start that is not after now, and all from it on count. There is no upper end: what a clock that has
    jumped back finds in the future still counts.
    """

    width: int = 0
    starts: tuple[int, ...] = (0, FOR_EVER)


class Claim(NamedTuple):
    """What one account is asked for: an account is one measure in one window of one scope.

    ``limit``: spent + held may not exceed it; ``None`` counts without limiting. ``extra`` is added to it
    until ``extra_until``. ``rollover``: at most so much of what was left of the period before is added, where
    that period was used at all. ``keep``: whether a hold that expires becomes spend here; a place among
    parallel requests does not, and is never spent.
    """

    account: str
    window: Window
    amount: Decimal
    limit: Decimal | None = None
    extra: Decimal = _ZERO
    extra_until: int = 0
    rollover: Decimal | None = None
    keep: bool = True


class Attribution(NamedTuple):
    """Whose use it is: usage is rolled up for each of ``scopes``, by provider and model."""

    scopes: tuple[str, ...] = ()
    provider: str = ""
    model: str = ""
    call: str = ""


NOBODY: Final = Attribution()


class Reserve(NamedTuple):
    """Hold every claim's amount, or none. The answer is ``Reserved``, ``Refused``, ``Stale``, ``Untimely`` or ``Gone``.

    ``hold``: its id; the same id again is the same hold. ``usd``: the money held, however many accounts count it.
    ``lease``: milliseconds after which it becomes spend. ``seen``: the version of each scope's rule that the
    claims were made by (0: it has none).
    """

    hold: str
    claims: tuple[Claim, ...]
    lease: int
    usd: Decimal = _ZERO
    whose: Attribution = NOBODY
    seen: tuple[tuple[str, int], ...] = ()


class Line(NamedTuple):
    """What a hold has in one bucket of one account."""

    account: str
    bucket: int
    width: int
    amount: Decimal
    keep: bool = True


class Reserved(NamedTuple):
    """It is held until ``expires``. ``again``: it was already; nothing was counted twice."""

    now: int
    expires: int
    lines: tuple[Line, ...]
    again: bool = False


class Refusal(NamedTuple):
    """An account that has not room for ``amount``: ``limit`` is what holds now, ``used`` = spent + held.

    ``buckets``: of a rolling window, (bucket, used) of each that counts, oldest first.
    """

    account: str
    limit: Decimal
    used: Decimal
    spent: Decimal
    amount: Decimal
    buckets: tuple[tuple[int, Decimal], ...] = ()


class Refused(NamedTuple):
    """Nothing is held, because of each of these."""

    now: int
    refusals: tuple[Refusal, ...]


class Rule(NamedTuple):
    """What is written about a scope; ``body`` is JSON, ``None`` where it was taken back. Versions only grow."""

    scope: str
    version: int
    body: str | None


class Stale(NamedTuple):
    """Nothing is held: the claims were made by rules that hold no more. These do."""

    now: int
    rules: tuple[Rule, ...]


class Untimely(NamedTuple):
    """Nothing was done: the store's time lies outside of the periods that it was given."""

    now: int


class Gone(NamedTuple):
    """Nothing is held: this hold was settled or has expired."""

    now: int


class SettleHold(NamedTuple):
    """End a hold: what it held becomes what was spent. The answer is ``Settled``.

    A release of a hold that is not there sees to it that it never will be: its ``Reserve`` may still be on its way.

    ``amounts`` in the order of the claims, and ``usd``; ``None`` is what was held. What is not kept is never spent.
    Usage counts a call unless it was released.

    ``settlement``: how the call ended, which is recorded as by ``Settle``: both are done, or neither. A store that does
    only the one leaves ``Settled.stored`` false, and is asked for the other.
    """

    hold: str
    kind: Kind = "settle"
    amounts: tuple[Decimal, ...] | None = None
    usd: Decimal | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    flag: str = ""
    """Why the amount is not what the provider said: ``cancelled``, ``unknown price``, …"""
    settlement: Settlement | None = None


class Standing(NamedTuple):
    """How an account stands now in its window, after ``delta`` was spent."""

    account: str
    spent: Decimal
    held: Decimal
    delta: Decimal


class Settled(NamedTuple):
    """``settled``; ``corrected``: it had become spend; ``again``: nothing changed; ``missing``: no such hold.

    ``stored``: whether the settlement that came with it is recorded, by this or before.
    """

    status: Literal["settled", "corrected", "again", "missing"]
    now: int
    lines: tuple[Standing, ...] = ()
    stored: bool = False


class Charge(NamedTuple):
    """What to count as spent on an account, whatever its limit."""

    account: str
    window: Window
    amount: Decimal


class Post(NamedTuple):
    """Record what was spent elsewhere, once for each ``entry``. The answer is ``Posted`` or ``Untimely``.

    ``at``: when; ``None`` is now. It says which buckets it is counted in, and the day of its usage.
    """

    entry: str
    charges: tuple[Charge, ...]
    usd: Decimal = _ZERO
    whose: Attribution = NOBODY
    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 1
    at: int | None = None
    flag: str = ""


class Reset(NamedTuple):
    """Set what was spent in the windows that count now to nothing; what is held stays. The answer is ``Posted``."""

    entry: str
    accounts: tuple[tuple[str, Window], ...]


class Posted(NamedTuple):
    """``posted``, or ``again`` where this entry was there and nothing changed."""

    status: Literal["posted", "again"]
    now: int
    lines: tuple[Standing, ...] = ()


class Balances(NamedTuple):
    """Look at accounts as ``Reserve`` would, touching nothing. The answer is ``Balance``, ``Stale`` or ``Untimely``."""

    claims: tuple[Claim, ...]
    seen: tuple[tuple[str, int], ...] = ()


class Balance(NamedTuple):
    """One ``Refusal`` for each claim, refused or not; without a limit, the limit is ``Decimal("Infinity")``."""

    now: int
    lines: tuple[Refusal, ...]


class ReadUsage(NamedTuple):
    """Read usage: ``UsageRow`` by scope, day, provider, model. Days since 1970 in UTC, both included."""

    scopes: tuple[str, ...] | None = None
    since: int = 0
    until: int = FOR_EVER


class UsageRow(NamedTuple):
    """What a scope used of a model on a day."""

    day: int
    scope: str
    provider: str
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: Decimal


class ReadRules(NamedTuple):
    """Read the rules of these scopes, or all: a tuple of ``Rule``, those taken back too."""

    scopes: tuple[str, ...] | None = None


class WriteRule(NamedTuple):
    """Write a scope's rule, or take it back. ``expected``: only over this version. The answer is ``Written``."""

    scope: str
    body: str | None
    expected: int | None = None


class Written(NamedTuple):
    """``done``, or not, because another version stands; ``rule`` is what stands now."""

    done: bool
    rule: Rule


class Sweep(NamedTuple):
    """Make spend of holds whose lease is over; the answer is how many there were."""

    limit: int = 1000


class ReadEntries(NamedTuple):
    """Read the ledger behind ``after``: a tuple of ``Entry``."""

    after: int = 0
    limit: int = 1000


class Entry(NamedTuple):
    """One entry of the ledger; it is never changed. ``lines`` are what it added to spent: (account, bucket, amount)."""

    number: int
    id: str
    kind: EntryKind
    at: int
    hold: str
    flag: str
    usd: Decimal
    lines: tuple[tuple[str, int, Decimal], ...]
    whose: Attribution


class Audit(NamedTuple):
    """Compare the counters with the ledger and the holds. The answer is ``Audited``."""


class Difference(NamedTuple):
    """A counter that is not what the ledger and the holds say: ``what`` is ``spent``, ``held`` or ``usage``."""

    what: str
    key: str
    expected: Decimal
    found: Decimal


class Audited(NamedTuple):
    """``holds`` are live ones, ``expired`` those that became spend and were not settled since."""

    now: int
    entries: int
    holds: int
    expired: int
    differences: tuple[Difference, ...] = ()


class Quota(NamedTuple):
    """What a deployment may take of something in any 60 buckets of ``width`` milliseconds; one more is counted.

    ``amount``: what the call takes of it. Whole numbers. Another width is another quota. What counts is in the buckets
    from ``now // width - 60`` on, without an upper end: what a clock that has jumped back finds in the future still
    counts. Only what lies more than 60 buckets ahead is moved into the bucket of now by an ``Admit`` that weighs the
    quota: it would count for who knows how long. What is older than 120 buckets may be forgotten.
    """

    name: str
    width: int
    limit: int
    amount: int


class Candidate(NamedTuple):
    """A deployment that may answer a call. ``parallel``: most calls at once; ``None`` counts without limiting."""

    deployment: str
    quotas: tuple[Quota, ...] = ()
    parallel: int | None = None


class Admit(NamedTuple):
    """Let a call in at the first candidate that has room, and is well. The answer is ``Admitted`` or ``Full``.

    ``ticket``: the call's. The same ticket again, while it is in, is the same place, and renews nothing; where that is
    none of the candidates, it is ``Full``. ``lease``: milliseconds after which its place is free again, whoever had it;
    what it took of quotas stays taken. A deployment that has just cooled down lets one call in at a time, as a probe,
    until one has worked.

    A candidate has no room while it cools; while a probe is in at one that is to be probed; while as many are in as
    may be; and where a quota has not the amount left. In this order, and all quotas are weighed. A ticket or a cooldown
    that begins in the future, for the clock has jumped back since, begins now instead, and lasts as long as it was to:
    whoever looks at its deployment (here, or with ``Leave``, ``Cool``, ``Look``) writes that down.
    """

    ticket: str
    candidates: tuple[Candidate, ...]
    lease: int


class Admitted(NamedTuple):
    """It is in at ``candidates[place]``. ``probe``: all that is known of it is that it has failed."""

    now: int
    place: int
    probe: bool = False
    again: bool = False


class Full(NamedTuple):
    """It is in nowhere. ``waits``: for each candidate, milliseconds until it is worth asking again.

    ``None`` where another call has to leave first: one too many, or a probe. What is asked for more than its limit is
    never let in: ``FOR_EVER``.
    """

    now: int
    waits: tuple[int | None, ...]


class Leave(NamedTuple):
    """A call is over: its place is free. The answer is a ``bool``: whether the ticket was in.

    ``used``: (quota, amount) where that is not what was taken, as with tokens; what was taken is corrected in the
    bucket in which it was, as long as that counts, in each quota of that name. ``worked``: whether the deployment has
    answered; ``None`` says nothing of it. What worked ends the deployment's strikes, if it was let in after the latest
    cooldown began; what did not is for ``Cool`` to say, before this: else another call may come in as the next probe.

    Who was not in cannot come in for a minute: the ``Admit`` may still be on its way, and is answered ``Full`` then.
    """

    ticket: str
    used: tuple[tuple[str, int], ...] = ()
    worked: bool | None = None


class Cool(NamedTuple):
    """Let a deployment be for ``lease`` milliseconds; a cooldown that lasts longer stays. The answer is ``Health``.

    ``strikes``: how often in a row it has been; of this and what is known, the greater number holds. 0 with ``lease``
    0 ends a cooldown, as if it had worked. Strikes are forgotten a day after their cooldown.
    """

    deployment: str
    lease: int
    reason: str = ""
    strikes: int = 1


class Look(NamedTuple):
    """See how deployments are; the answer is ``Looked``. ``quotas``: (name, width) of what to count."""

    deployments: tuple[str, ...]
    quotas: tuple[tuple[str, int], ...] = ()


class Health(NamedTuple):
    """How a deployment is. It is well where ``strikes`` is 0, cooling until ``until``, and to be probed after that.

    A cooldown that is over without strikes is not told: ``until`` is 0. ``probing``: whether a probe is in.
    ``running``: calls that are in. ``used``: what was taken of each quota that was asked for, in their order.
    """

    deployment: str
    until: int = 0
    strikes: int = 0
    reason: str = ""
    probing: bool = False
    running: int = 0
    used: tuple[int, ...] = ()


class Looked(NamedTuple):
    """One ``Health`` for each deployment, in their order. What it says may be a moment newer than ``now``."""

    now: int
    health: tuple[Health, ...]


Operation = (
    Settle
    | Settlements
    | SettlementsAfter
    | Reserve
    | SettleHold
    | Post
    | Reset
    | Balances
    | ReadUsage
    | ReadRules
    | WriteRule
    | Sweep
    | ReadEntries
    | Audit
    | Admit
    | Leave
    | Cool
    | Look
)
