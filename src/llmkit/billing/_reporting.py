"""``report``: usage that somebody reports by hand, written through a desk. Which charge it is, is ``reporting``'s."""

from __future__ import annotations

import os
from typing import Any

from .._billing_events import BillConflict
from .._control.attributes import attributes
from .._control.billing.charge import Finish
from .._control.billing.currency import plain
from .._control.billing.reporting import Around, Reported, Said, finish_of
from .._flow import Flow, notify, store
from .._outbox import Bill, ReadBills
from ..catalogue import Catalogue, default
from ..errors import BillingError, StoreError
from ._desk import NAMELESS, Desk, late, written

__all__ = ["Reported", "Said", "report"]


def report(
    desk: Desk, given: Any, said: Said, catalogue: Catalogue | None = None
) -> Flow[Reported]:
    """Bill what is reported, once for each id; the answer says how its bills stand.

    Args:
        desk: of the billing object.
        given: an answer of llmkit's (its call's id, end and cost), another SDK's answer or a usage as an object or a
            dict (with ``model=``), a ``Cost``, or an amount in USD.
        said: what is said beside it.
        catalogue: whose prices hold; the process's.

    Raises:
        ConfigurationError, TypeError: what is reported is none of these; nothing was written.
        BillingError: nobody is named, and the policy is to raise; or the outbox cannot be written.
    """
    whose = attributes({}, {}, said.metadata or {})
    fresh = f"report_{os.urandom(16).hex()}"
    around = Around(whose, catalogue or default(), desk.terms.currency, desk.now(), fresh)
    ended = finish_of(given, said, around)
    if not ended.charges:
        return Reported()
    found = desk.known(ended.call) or (yield from late(desk, ended))
    if not found.subscription and desk.identity.unattributed == "raise":
        raise BillingError(found.failure or NAMELESS)
    meant = [bill for _, made in written(desk, ended, found) for bill in made]
    yield from desk.flow(ended)
    return (yield from _stand(desk, ended, meant))


def _stand(desk: Desk, ended: Finish, meant: list[Bill]) -> Flow[Reported]:
    """How the bills stand: those that were there before stay as they were, and who means something else is told."""
    ids = tuple(bill.id for bill in meant)
    try:
        there = yield from store(ReadBills(ids=ids), on=desk.outbox)
    except StoreError:
        there = ()
    known = {bill.id: bill for bill in there}
    for bill in meant:
        if (other := known.get(bill.id)) is not None and other.units != bill.units:
            reason = f"{plain(other.units)} units are there, {plain(bill.units)} were reported"
            yield from notify(BillConflict(bill.id, reason))
    return Reported(ids, tuple(known.get(bill.id, bill).state for bill in meant))
