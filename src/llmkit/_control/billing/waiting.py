"""What becomes of bills that wait: how they change when somebody names a price, a subscription, or what shall be.

Ids and times never change. Pure: a bill is read, and what it shall be is written; a store decides whether it still may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from ..._outbox import Amended, Bill, State
from ...catalogue import Catalogue
from .facts import Facts
from .repricing import at, repriced
from .terms import Terms
from .wording import measured_anew, written

__all__ = [
    "DISCARDABLE", "HELD", "REPRICEABLE", "attributed", "billed", "discarded", "priced", "priced_at", "replayed",
]  # fmt: skip

REPRICEABLE: Final[tuple[State, ...]] = ("unpriced", "unattributed", "held", "listed")
HELD: Final[tuple[State, ...]] = ("held", "listed")
DISCARDABLE: Final[tuple[State, ...]] = (
    "unknown", "dead", "unpriced", "unattributed", "held", "listed",
)  # fmt: skip


def priced_at(bill: Bill, usd: Decimal, terms: Terms) -> Amended | None:
    """A bill at a cost that somebody names."""
    return _changed(bill, terms, lambda facts: at(facts, usd))


def priced(
    bill: Bill, terms: Terms, catalogue: Catalogue, prices: Mapping[str, object] | None
) -> Amended | None:
    """A bill at what its usage costs by now; ``None`` where it has a cost, or still none."""
    facts = Facts.read(bill.facts)
    if facts.usd is not None and not _unmeasured(facts):
        return None
    return _changed(
        bill, terms, lambda f: f if f.usd is not None else repriced(f, catalogue, prices)
    )


def _unmeasured(facts: Facts) -> bool:
    return facts.units is None and not facts.metric["measure"]


def attributed(bill: Bill, subscription: str) -> Amended:
    """A bill for this subscription."""
    return Amended(written(Facts.read(bill.facts), subscription), (bill.state,))


def billed(bill: Bill, usd: Decimal | None) -> Amended:
    """A bill that waits for somebody's word, billed: at what is named, else as it was estimated."""
    facts = Facts.read(bill.facts)._replace(waits="")
    facts = facts if usd is None else at(facts, usd)
    return Amended(written(facts, bill.subscription), (bill.state,))


def replayed(bill: Bill) -> Amended:
    """A bill that was refused, sent again as it was."""
    return Amended(bill._replace(state="queued", reason=""), (bill.state,))


def discarded(bill: Bill, reason: str) -> Amended:
    """A bill that shall not be. What it was written from stays, until it is forgotten."""
    return Amended(bill._replace(state="discarded", reason=reason), (bill.state,))


def _changed(bill: Bill, terms: Terms, change: Callable[[Facts], Facts]) -> Amended | None:
    """A bill with other facts; ``None`` where that changes nothing."""
    metrics = {metric.code: metric for metric in terms.metrics}
    facts = measured_anew(change(Facts.read(bill.facts)), metrics.get(bill.code))
    again = written(facts, bill.subscription)
    if (again.state, again.body, again.usd) == (bill.state, bill.body, bill.usd):
        return None
    return Amended(again, (bill.state,))
