"""What the tests of a store inherit: what every operation must do, and that it does what the reference does.

Imported by tests only: it needs pytest. The checks are in the modules below, one for each thing they look at.
"""

from __future__ import annotations

from ._billing_shared import BillingShared
from ._compared import Compared
from ._crowding import Crowding
from ._recording import Recording
from ._reserving import Reserving
from ._settling import Settling
from ._subject import SettableClock
from ._windows import Windows

__all__ = ["SettableClock", "StoreConformance"]


class StoreConformance(Reserving, Windows, Settling, Recording, BillingShared, Crowding, Compared):
    """Inherit from this, and say how the store is opened; pytest does the rest, in both colours.

    Example::

        class TestAcme(StoreConformance):
            def open(self, place, clock):
                return AcmeStore(place / "ledger", clock=clock)

    Attributes:
        shared: whether what is opened twice at one place is one ledger.
        grain: the smallest amount of dollars that it counts; ``None`` where any amount is kept exactly.
        outbox: whether it offers an outbox, and performs the operations of billing.
        ends_calls: whether ``SettleHold`` records the settlement that may come with it.
        numbered: whether it numbers settlements, and performs ``SettlementsAfter``.
        sequences: how many random sequences of operations are compared with the reference.
        steps: how many operations each of them has.
    """
