"""What is told when a hold is settled or spend is recorded: thresholds that were crossed, bills above their hold.

Each store counts one after the other and says what it added: so each crossing is in one answer, of one process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from ..._cost import MATH
from ..._operations import Standing
from ...events import BudgetOverrun, BudgetThresholdCrossed
from .planning import Line
from .refusing import trimmed

__all__ = ["crossed", "overrun"]

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_SHOWN: Final = Decimal("0.0001")


def crossed(
    pairs: Iterable[tuple[Line, Standing]], now: int, call: str
) -> Iterator[BudgetThresholdCrossed]:
    """The thresholds between what was spent before and after."""
    for line, standing in pairs:
        terms = line.terms
        if standing.delta <= 0 or (terms.limit is None and terms.soft is None):
            continue
        before = MATH.subtract(standing.spent, standing.delta)
        for share, mark, soft in _marks(line, now):
            if before < mark <= standing.spent:
                yield BudgetThresholdCrossed(
                    line.scope,
                    terms.period.name,
                    terms.measure,
                    share,
                    trimmed(mark),
                    limit=terms.limit,
                    spent=trimmed(standing.spent),
                    held=trimmed(standing.held),
                    soft=soft,
                    call_id=call,
                )


def _marks(line: Line, now: int) -> Iterator[tuple[Decimal, Decimal, bool]]:
    """(share, amount, whether it is the soft limit)."""
    terms = line.terms
    whole = limit_at(line, now)
    if whole is None:
        whole = terms.soft
    elif terms.soft is not None:
        share = MATH.divide(terms.soft, whole).quantize(_SHOWN, context=MATH) if whole else _ONE
        yield trimmed(share), terms.soft, True
    for share in terms.told:
        mark = MATH.multiply(share, whole or _ZERO)
        yield share, mark, terms.limit is None


def limit_at(line: Line, now: int) -> Decimal | None:
    """What holds at a time, but for what was left of the period before."""
    terms = line.terms
    if terms.limit is None or now >= terms.extra_until:
        return terms.limit
    return MATH.add(terms.limit, terms.extra)


def overrun(
    pairs: Iterable[tuple[Line, Standing]], now: int, call: str, held: Decimal | None, usd: Decimal
) -> BudgetOverrun | None:
    """What is told where more was billed than was held, or than a limit has room for."""
    over = tuple(line.scope for line, standing in pairs if _went_over(line, standing, now))
    beyond = held is not None and usd > held
    if not over and not beyond:
        return None
    return BudgetOverrun(call, usd, held, tuple(dict.fromkeys(over)))


def _went_over(line: Line, standing: Standing, now: int) -> bool:
    limit = limit_at(line, now)
    if limit is None or line.terms.measure != "usd" or standing.delta <= 0:
        return False
    used = MATH.add(standing.spent, standing.held)
    return used > limit >= MATH.subtract(standing.spent, standing.delta)
