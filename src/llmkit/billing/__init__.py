"""Billing: entitlements before a call, usage events after it, through Lago, with coins of one's own.

Names only; each is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._late_names import late_names

if TYPE_CHECKING:
    from .._billing_events import (
        BillConflict,
        BillDead,
        BillDoubtful,
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
    from .._control.billing.currency import Currency
    from .._control.billing.entitlement import Check, Entitlement, OpenUntil
    from .._control.billing.examination import Examination, Finding
    from .._control.billing.metric import Metric
    from .._control.billing.options import BillingOptions
    from .._control.billing.reconciling import Reconciliation
    from .._control.billing.reporting import Reported
    from .._control.billing.standing import Flushed, Health, Stats
    from .._control.billing.webhook import WebhookEvent
    from .._outbox import Bill
    from ._billing import LagoBilling
    from ._waiting import Waiting

__all__ = [
    "Bill",
    "BillConflict",
    "BillDead",
    "BillDoubtful",
    "BillingOptions",
    "BillingReached",
    "BillingUnreachable",
    "BillsDelivered",
    "BillsLate",
    "BillsLeft",
    "CallsUnknown",
    "Check",
    "Currency",
    "Entitlement",
    "EntitlementOpened",
    "Examination",
    "Finding",
    "Flushed",
    "Health",
    "LagoBilling",
    "Metric",
    "OpenUntil",
    "OutboxFailed",
    "OutboxQuarantined",
    "Reconciliation",
    "Reported",
    "Stats",
    "UsageUnattributed",
    "UsageUnpriced",
    "Waiting",
    "WebhookEvent",
]

# One line for each name: where it lives.
_HOMES = {
    "Bill": ".._outbox",
    "BillConflict": ".._billing_events",
    "BillDead": ".._billing_events",
    "BillDoubtful": ".._billing_events",
    "BillingOptions": ".._control.billing.options",
    "BillingReached": ".._billing_events",
    "BillingUnreachable": ".._billing_events",
    "BillsDelivered": ".._billing_events",
    "BillsLate": ".._billing_events",
    "BillsLeft": ".._billing_events",
    "CallsUnknown": ".._billing_events",
    "Check": ".._control.billing.entitlement",
    "Currency": ".._control.billing.currency",
    "Entitlement": ".._control.billing.entitlement",
    "EntitlementOpened": ".._billing_events",
    "Examination": ".._control.billing.examination",
    "Finding": ".._control.billing.examination",
    "Flushed": ".._control.billing.standing",
    "Health": ".._control.billing.standing",
    "LagoBilling": "._billing",
    "Metric": ".._control.billing.metric",
    "OpenUntil": ".._control.billing.entitlement",
    "OutboxFailed": ".._billing_events",
    "OutboxQuarantined": ".._billing_events",
    "Reconciliation": ".._control.billing.reconciling",
    "Reported": ".._control.billing.reporting",
    "Stats": ".._control.billing.standing",
    "UsageUnattributed": ".._billing_events",
    "UsageUnpriced": ".._billing_events",
    "Waiting": "._waiting",
    "WebhookEvent": ".._control.billing.webhook",
}

__getattr__, __dir__ = late_names(globals(), _HOMES)
