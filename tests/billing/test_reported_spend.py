"""What is reported by hand is owed at once: an entitlement does not wait for the next look at the outbox."""

from __future__ import annotations

from decimal import Decimal

from llmkit.billing import LagoBilling
from llmkit.testing import FakeLago


def test_what_was_reported_by_hand_is_no_longer_available() -> None:
    """Half of a wallet is reported; the other half is available, and reporting the same again changes nothing."""
    with (
        FakeLago() as lago,
        LagoBilling(lago.api_url, lago.api_key, background=False) as billing,
    ):
        lago.furnish("sub_1", balance_cents=1000)
        before = billing.check_entitlement(subscription="sub_1")
        for _ in range(2):
            billing.report_usage("5", subscription="sub_1", id="by-hand")
        after = billing.check_entitlement(subscription="sub_1")
        billing.flush()
    assert (before.available, after.available) == (Decimal(10), Decimal(5))
