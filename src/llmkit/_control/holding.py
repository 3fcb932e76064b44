"""How much an attempt holds: the bound of its request as written, its caller's word, or what a shorter answer costs.

Where there is no room for the longest answer, and nobody said how long it may be, the limit is worked out from what is
left. Nothing here settles; see ``hold``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, NamedTuple

from .._call import Adjustment
from .._cost import MATH, Unbounded
from .._flow import Flow
from .._secret import Secret
from ..errors import (
    BudgetExceededError,
    InvalidRequestError,
    LimitReachedError,
    StoreError,
    UnboundedCostError,
)
from ..wires import Step
from .bounding import output_limit
from .budget.asking import Ask
from .budget.checking import BudgetStatus, check
from .hold import Holds
from .job import Diversion, Job, Leg
from .need import LIMIT_NAMES, LIMITS, Need

__all__ = ["holding"]

_TRIES: Final = 4
"""How often a shorter answer is worked out, where others take what was left meanwhile."""
_ANY_MODEL: Final = 4096
"""So many tokens every model can answer with, where nobody knows how many this one can."""
_WORTH: Final = 256
"""So short an answer of the model asked for is worth less than one of a cheaper model, which may be longer."""
_WHY: Final = "so that the call fits what is left of its budget"


class _Room(NamedTuple):
    """What is left; ``None`` is no limit."""

    usd: Decimal | None
    tokens: Decimal | None

    def holds(self, need: Need) -> bool:
        """Whether there is room for it."""
        if self.usd is not None and not _within(need.usd(), self.usd):
            return False
        return self.tokens is None or _within(need.tokens(), self.tokens)


def _within(bound: Decimal | int | Unbounded, limit: Decimal) -> bool:
    return not isinstance(bound, Unbounded) and bound <= limit


def holding(
    job: Job, holds: Holds | None, leg: Leg, step: Step, until: float
) -> Flow[tuple[Need, Step]]:
    """Take an attempt's hold; return what it needs, with its leg, and the step as they are to go out.

    Raises:
        BudgetError, LimitReachedError: there is no room; nothing is held.
        Diversion: another model shall answer.
    """
    first = Need(job, leg, step.request)
    # An answer in words is never free.
    free = type(leg.call) not in LIMIT_NAMES and first.is_free()
    if free or (holds is not None and not holds.wanted(step.request.method)):
        return first, step
    need = first
    refusal = yield from _refused(job, holds, first, until)
    try:
        for _ in range(_TRIES):
            if refusal is None:
                break
            shorter = yield from _shorter(job, first, refusal)
            if shorter is None:
                break
            need, refusal = shorter, (yield from _refused(job, holds, shorter, until))
        if refusal is not None:
            raise refusal
    finally:
        # It knows this frame: what both hold would wait for the collector.
        refusal = None
    return need, step if need is first else replace(step, request=need.request)


_Refusal = BudgetExceededError | UnboundedCostError | LimitReachedError | Diversion


def _refused(job: Job, holds: Holds | None, need: Need, until: float) -> Flow[_Refusal | None]:
    """Take the hold; why there is none."""
    try:
        if "max_cost" in need.leg.options:
            need.check()
        if holds is None:
            return None
        divert = yield from holds.take(_ask(job, holds, need, until))
    except (BudgetExceededError, UnboundedCostError, LimitReachedError) as refusal:
        return refusal
    return None if divert is None else Diversion(divert.model, divert.scope, divert.threshold)


def _ask(job: Job, holds: Holds, need: Need, until: float) -> Ask:
    lease = max(0.0, until - job.clock.now()) * 1000 + job.book.margin
    attributes = _attributes(job, need.leg)
    return Ask(holds.named(job.id), job.id, attributes, need.usd, need.tokens, math.ceil(lease))


def _attributes(job: Job, leg: Leg) -> Mapping[str, tuple[Any, ...]]:
    """Whose an attempt is. The key that it goes out with is its key, unless its caller names another."""
    name, model = leg.call.provider, leg.call.model
    own = {"key": (leg.key,)} if isinstance(leg.key, Secret) else {}
    where = {"deployment": (leg.deployment,)} if leg.deployment else {}
    whose = {**own, **job.attributes, "model": (f"{name}/{model}",), "provider": (name,), **where}
    # Billing's affair: budgets have no such scope.
    whose.pop("subscription", None)
    return whose


# --- shorter answers ---------------------------------------------------------------------------


def _shorter(job: Job, need: Need, refusal: _Refusal) -> Flow[Need | None]:
    """The same call with the longest answer that there is room for, where that is what it lacks."""
    name = _limit_name(need.leg)
    if name is None or (isinstance(refusal, LimitReachedError) and not _never_fits(refusal)):
        return None
    derives = job.book is not None and job.book.output == "derive"
    if isinstance(refusal, Diversion) and not derives:
        return None
    least = job.book.least_output if derives else 1
    try:
        left = yield from _room(job, need, refusal)
    except StoreError:
        return None  # why it was refused is known, and not more
    most = _most(job, need)
    if isinstance(refusal, Diversion):
        least = max(least, min(_WORTH, most))
    found = _longest(lambda most: _limited(job, need, name, most), left, least, most)
    if found is not None and not derives:
        _hint(refusal, name, found)
        return None
    return found


def _hint(refusal: Any, name: str, found: Need) -> None:
    """Say on an error what would fit."""
    most = next(c.sent for c in found.request.adjustments if c.parameter == name)
    refusal.message += f"; with {name}={most} it would fit"
    refusal.args = (refusal.message,)


def _never_fits(refusal: LimitReachedError) -> bool:
    """Whether waiting is of no use: the longest answer is more than is ever allowed."""
    return refusal.measure == "tokens" and refusal.asked > refusal.limit


def _limit_name(leg: Leg) -> str | None:
    """What to limit the answer by; ``None`` where that was done, or the wire writes several requests."""
    given = {**leg.call.params, **leg.call.extra_body}
    if getattr(leg.wire, "steps", None) is not None or not given.keys().isdisjoint(LIMITS):
        return None
    return LIMIT_NAMES.get(type(leg.call))


def _room(job: Job, need: Need, refusal: _Refusal) -> Flow[_Room]:
    """What is left: for a cheaper model's sake only up to where that one is to answer."""
    limits: Iterable[BudgetStatus] = ()
    if job.book is not None:
        nothing = dict.fromkeys(("usd", "tokens", "requests", "parallel"), Decimal(0))
        limits = (yield from check(job.book, _attributes(job, need.leg), nothing)).limits
    left: dict[str, list[Decimal]] = {"usd": [], "tokens": []}
    for one in limits:
        if one.limit is None or one.measure not in left:
            continue
        diverts = isinstance(refusal, Diversion) and refusal.scope == one.scope
        share = refusal.threshold if diverts and isinstance(refusal, Diversion) else Decimal(1)
        left[one.measure].append(MATH.subtract(MATH.multiply(one.limit, share), one.used))
    if need.stated is not None:
        left["usd"].append(need.stated)
    return _Room(min(left["usd"], default=None), min(left["tokens"], default=None))


def _most(job: Job, need: Need) -> int:
    return output_limit(job, need.leg) or _ANY_MODEL


def _limited(job: Job, need: Need, name: str, most: int) -> Need | None:
    """The request written anew with a limit; ``None`` where the provider takes none."""
    leg, call = need.leg, need.leg.call
    change = Adjustment(name, "defaulted", None, most, _WHY)
    shorter = replace(
        call, params={**call.params, name: most}, adjustments=(*call.adjustments, change)
    )
    headers, key = leg.headers, leg.provider.idempotency_header
    if key is not None and key in headers:
        # Another request: under one key it would get the answer of the other.
        headers = {**headers, key: f"{headers[key]}-{most}"}
    try:
        request = leg.wire.build(shorter, leg.endpoint).with_headers(headers)
    except InvalidRequestError:
        return None
    return Need(job, replace(leg, call=shorter, headers=headers), request)


def _longest(
    limited: Callable[[int], Need | None], room: _Room, least: int, most: int
) -> Need | None:
    """The longest answer that there is room for, from ``least`` to ``most`` tokens."""
    low, found = least, limited(least)
    if most < least or found is None or not room.holds(found):
        return None
    high, longest = most + 1, limited(most)
    guess = high if longest is None else _between(found, longest, room, least, most)
    while high - low > 1:
        at = min(max(guess, low + 1), high - 1)
        tried = limited(at)
        if tried is not None and room.holds(tried):
            low, found, guess = at, tried, at + 1 if at == guess else (at + high) // 2
        else:
            high, guess = at, (low + at) // 2
    return found


def _between(shortest: Need, longest: Need, room: _Room, least: int, most: int) -> int:
    """Where the room ends, if each token costs the same: mostly it does, and then little is left to be tried."""
    ends = [most]
    for limit, low, high in (
        (room.usd, shortest.usd(), longest.usd()),
        (room.tokens, shortest.tokens(), longest.tokens()),
    ):
        if limit is None or isinstance(low, Unbounded) or isinstance(high, Unbounded):
            continue
        if high > low:
            share = MATH.divide(Decimal(limit) - low, Decimal(high) - low)
            ends.append(least + int(share * (most - least)))
    return min(ends)
