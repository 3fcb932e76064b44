"""Billing: entitlements before a call, usage events after it, through Lago, with coins of one's own.

Names only; each is loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._billing_events import (
        BillConflict,
        BillDead,
        BillingReached,
        BillingUnreachable,
        BillsDelivered,
        BillsLate,
        BillsLeft,
        CallsUnknown,
        EntitlementOpened,
        OutboxFailed,
        OutboxQuarantined,
        UsageUnattributed,
        UsageUnpriced,
    )

__all__ = [
    "BillConflict",
    "BillDead",
    "BillingReached",
    "BillingUnreachable",
    "BillsDelivered",
    "BillsLate",
    "BillsLeft",
    "CallsUnknown",
    "EntitlementOpened",
    "OutboxFailed",
    "OutboxQuarantined",
    "UsageUnattributed",
    "UsageUnpriced",
]

# One line for each name: where it lives.
_HOMES = {
    "BillConflict": ".._billing_events",
    "BillDead": ".._billing_events",
    "BillingReached": ".._billing_events",
    "BillingUnreachable": ".._billing_events",
    "BillsDelivered": ".._billing_events",
    "BillsLate": ".._billing_events",
    "BillsLeft": ".._billing_events",
    "CallsUnknown": ".._billing_events",
    "EntitlementOpened": ".._billing_events",
    "OutboxFailed": ".._billing_events",
    "OutboxQuarantined": ".._billing_events",
    "UsageUnattributed": ".._billing_events",
    "UsageUnpriced": ".._billing_events",
}


def __getattr__(name: str) -> Any:
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(home, __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
