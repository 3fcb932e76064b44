"""Looking at budgets without touching them: what fits, what is left, when a period ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ..._cost import MATH
from ..._flow import Flow
from ..._operations import Balance, Balances, Claim, Refusal, Stale, Sweep
from ...errors import StoreError
from .asking import Amounts
from .book import TRIES, Book
from .planning import Plan
from .refusing import room_in, trimmed

__all__ = ["BudgetCheck", "BudgetStatus", "check", "fresh_plan", "room"]

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_SWEPT: Final = 1000


class BudgetStatus(NamedTuple):
    """How one limit stands. Amounts are in USD, or whole numbers of requests, tokens, or parallel requests.

    ``limit``: what holds now, with temporary increases and what rolled over; ``None`` never refuses. ``used`` is
    ``spent`` and ``held``. ``remaining`` is 0 at least. ``resets_at``: when a calendar's period ends; ``None`` for
    windows that roll and for ever. ``retry_after``: seconds until what was asked fits, where that is known.
    """

    scope: str
    measure: str
    window: str
    limit: Decimal | None
    spent: Decimal
    held: Decimal
    used: Decimal
    remaining: Decimal | None
    fits: bool
    resets_at: datetime | None
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class BudgetCheck:
    """Whether a call would be let out, and how each limit stands. True in a condition if it would."""

    fits: bool
    limits: tuple[BudgetStatus, ...]

    def __bool__(self) -> bool:
        return self.fits

    def remaining(self, measure: str = "usd") -> Decimal | None:
        """The least that remains of any limit; ``None`` where none limits it."""
        found = (one.remaining for one in self.limits if one.measure == measure)
        return min((left for left in found if left is not None), default=None)

    def _repr_html_(self) -> str:
        from .looks import limits_page  # noqa: PLC0415 - only in notebooks

        return limits_page(self.limits)

    @property
    def retry_after(self) -> float | None:
        """Seconds until everything fits; ``None`` where it does, or nobody knows."""
        waits = [one.retry_after for one in self.limits if not one.fits]
        return None if not waits or None in waits else max(filter(None, waits))


def check(
    book: Book, attributes: Mapping[str, tuple[Any, ...]], amounts: Amounts
) -> Flow[BudgetCheck]:
    """How the limits of a call stand, and whether so much fits."""
    found = yield from _found(book, attributes, amounts)
    # A place that was never given back is free when its lease is over: taking would see to that first.
    if any(one.measure == "parallel" and not one.fits for one in found) and (
        yield from book.perform(Sweep(_SWEPT))
    ):
        found = yield from _found(book, attributes, amounts)
    return BudgetCheck(all(one.fits for one in found), found)


def _found(
    book: Book, attributes: Mapping[str, tuple[Any, ...]], amounts: Amounts
) -> Flow[tuple[BudgetStatus, ...]]:
    claims, balance = yield from _looked_at(book, attributes, amounts)
    return tuple(
        _status(refusal, claim, balance.now)
        for refusal, claim in zip(balance.lines, claims, strict=True)
    )


def room(book: Book, attributes: Mapping[str, tuple[Any, ...]]) -> Flow[Amounts]:
    """What is left of each measure that a limit holds: ``{"usd": …, "tokens": …}``; 0 at least."""
    nothing = dict.fromkeys(("usd", "tokens", "requests", "parallel"), _ZERO)
    found = yield from check(book, attributes, nothing)
    left = {measure: found.remaining(measure) for measure in nothing}
    return {measure: amount for measure, amount in left.items() if amount is not None}


def _looked_at(
    book: Book, attributes: Mapping[str, tuple[Any, ...]], amounts: Amounts
) -> Flow[tuple[tuple[Claim, ...], Balance]]:
    """The claims that the rules of now make, and how they stand."""
    for _ in range(TRIES):
        plan = book.plan(attributes)
        claims = book.claims(plan, amounts)
        answer = yield from book.perform(Balances(claims, plan.seen))
        book.heard(answer.now)
        if isinstance(answer, Balance):
            return claims, answer
        if isinstance(answer, Stale):
            book.rules.learn(answer.rules)
    raise StoreError("rules change faster than they can be read")


def fresh_plan(book: Book, attributes: Mapping[str, tuple[Any, ...]]) -> Flow[Plan]:
    """A plan made by the rules that hold now."""
    for _ in range(TRIES):
        plan = book.plan(attributes)
        answer = yield from book.perform(Balances((), plan.seen))
        book.heard(answer.now)
        if isinstance(answer, Balance):
            return plan
        if isinstance(answer, Stale):
            book.rules.learn(answer.rules)
    raise StoreError("rules change faster than they can be read")


def _status(refusal: Refusal, claim: Claim, now: int) -> BudgetStatus:
    measure, window, scope = refusal.account.split(":", 2)
    unlimited = claim.limit is None
    left = None if unlimited else max(_ZERO, MATH.subtract(refusal.limit, refusal.used))
    fits = MATH.add(refusal.used, refusal.amount) <= refusal.limit
    wait = None if fits else room_in(refusal, claim, now)
    return BudgetStatus(
        scope,
        measure,
        window,
        None if unlimited else trimmed(refusal.limit),
        trimmed(refusal.spent),
        trimmed(MATH.subtract(refusal.used, refusal.spent)),
        trimmed(refusal.used),
        None if left is None else trimmed(left),
        fits,
        _ends(claim, now),
        None if wait is None else wait / 1000,
    )


def _ends(claim: Claim, now: int) -> datetime | None:
    window = claim.window
    if window.width or window.starts[0] == 0:
        return None
    end = min((start for start in window.starts if start > now), default=None)
    return None if end is None else datetime.fromtimestamp(end / 1000, UTC)
