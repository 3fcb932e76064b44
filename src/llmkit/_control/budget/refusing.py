"""Why a call is not let out, in words and numbers, and when it would be.

Times are by the store's clock, which the answer carries. Nothing here counts or tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from ..._cost import MATH
from ..._operations import ROLLING_BUCKETS, Claim, Refusal
from ...errors import BudgetError, BudgetExceededError, LimitReachedError, UnboundedCostError

__all__ = ["Shortfall", "refused", "room_in", "trimmed", "unbounded"]

_ZERO: Final = Decimal(0)
_MILLI: Final = 1000
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def trimmed(amount: Decimal) -> Decimal:
    """The same amount as people write it: sums keep the zeros of what was added (``0.20000000``, ``0E-8``)."""
    if not amount:
        return _ZERO
    tight = amount.normalize(MATH)
    return Decimal(f"{tight:f}")


class Shortfall(NamedTuple):
    """A limit that has not room enough. ``retry_after``: seconds until it has; ``None`` where nobody knows."""

    measure: str
    window: str
    scope: str
    limit: Decimal
    spent: Decimal
    held: Decimal
    asked: Decimal
    retry_after: float | None


def shortfall(refusal: Refusal, claim: Claim, now: int) -> Shortfall:
    """What one refusal says."""
    measure, window, scope = refusal.account.split(":", 2)
    wait = room_in(refusal, claim, now)
    return Shortfall(
        measure,
        window,
        scope,
        trimmed(refusal.limit),
        trimmed(refusal.spent),
        trimmed(MATH.subtract(refusal.used, refusal.spent)),
        trimmed(refusal.amount),
        None if wait is None else wait / _MILLI,
    )


def room_in(refusal: Refusal, claim: Claim, now: int) -> int | None:
    """Milliseconds until there is room, if nothing else is spent until then; ``None`` where nobody knows."""
    limit = refusal.limit
    at = _room_at(refusal, claim, limit, now)
    if at is not None and now < claim.extra_until <= at:
        at = _room_at(refusal, claim, MATH.subtract(limit, claim.extra), now)
    # One more: who waits by a clock of fractions wakes within the millisecond before.
    return None if at is None else max(0, at - now + 1)


def _room_at(refusal: Refusal, claim: Claim, limit: Decimal, now: int) -> int | None:
    if MATH.add(refusal.used, refusal.amount) <= limit:
        return now
    width = claim.window.width
    if not width:
        return _next_period(refusal, claim, now)
    used = refusal.used
    for bucket, amount in refusal.buckets:
        used = MATH.subtract(used, amount)
        if MATH.add(used, refusal.amount) <= limit:
            return (bucket + ROLLING_BUCKETS + 1) * width
    return None


def _next_period(refusal: Refusal, claim: Claim, now: int) -> int | None:
    starts = claim.window.starts
    # For ever, and places among parallel requests: nobody knows.
    if starts[0] == 0 or claim.limit is None:
        return None
    start = min((start for start in starts if start > now), default=None)
    if start is None:
        return None
    limit = MATH.add(claim.limit, claim.extra) if start < claim.extra_until else claim.limit
    return start if refusal.amount <= limit else None


def refused(
    refusals: Iterable[Refusal], claims: Mapping[str, Claim], now: int
) -> BudgetError | LimitReachedError:
    """The error for a call that was refused: of money, if money is short; the longest wait first."""
    found = [shortfall(refusal, claims[refusal.account], now) for refusal in refusals]
    found.sort(key=lambda s: (s.measure != "usd", -_wait(s)))
    first = found[0]
    waits = [s.retry_after for s in found]
    kind = BudgetExceededError if first.measure == "usd" else LimitReachedError
    error: BudgetExceededError | LimitReachedError = kind(_said(found))
    error.retry_after = None if None in waits else max(filter(None, waits), default=0.0)
    error.shortfalls = tuple(found)
    error.scope, error.window, error.limit, error.asked = (
        first.scope,
        first.window,
        first.limit,
        first.asked,
    )
    if isinstance(error, BudgetExceededError):
        error.type = error.code = "budget_exceeded"
        error.spent, error.held = first.spent, first.held
    else:
        error.type, error.code = "rate_limit", "rate_limit_exceeded"
        error.measure, error.used = first.measure, MATH.add(first.spent, first.held)
    return error


def _wait(one: Shortfall) -> float:
    return float("inf") if one.retry_after is None else one.retry_after


def _said(found: list[Shortfall]) -> str:
    first = found[0]
    more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
    wait = "" if first.retry_after is None else f"; there is room in {_span(first.retry_after)}"
    if first.measure == "usd":
        return (
            f"the budget of {first.scope} ({first.window}) is ${first.limit:f}: ${first.spent:f} are spent and "
            f"${first.held:f} held, and the call may cost ${first.asked:f}{wait}{more}"
        )
    used = MATH.add(first.spent, first.held)
    of = "at once" if first.measure == "parallel" else f"{first.measure} in {first.window}"
    return (
        f"the limit of {first.scope} is {first.limit:f} {of}: {used:f} used, "
        f"and the call needs {first.asked:f}{wait}{more}"
    )


def _span(seconds: float) -> str:
    """A time as people read it: ``3 h 20 min``."""
    left, parts = math.ceil(seconds), []
    for size, name in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def unbounded(measure: str, scope: str, reason: str) -> UnboundedCostError:
    """The error for a call of which nobody can say what it uses at most."""
    what = "what this call costs" if measure == "usd" else "how many tokens this call uses"
    why = f": {reason}" if reason else ""
    give = "give max_cost=" if measure == "usd" else "give max_tokens="
    error = UnboundedCostError(
        f"nobody can say {what} at most, so the limit of {scope} refuses it{why}; {give}"
    )
    error.type = error.code = "unbounded_cost"
    return error
