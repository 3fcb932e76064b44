"""How many requests a ``LagoBilling`` makes of usage that comes bit by bit."""

from __future__ import annotations

import time
from decimal import Decimal

from llmkit.billing import LagoBilling
from llmkit.testing import FakeLago

MANY = 1_000


def test_usage_that_trickles_in_leaves_by_hundreds() -> None:
    """A request for each hundred bills and for each ``flush_every``, not for each few that have come meanwhile."""
    with FakeLago() as fake:
        fake.furnish("sub_1", started_at=time.time() - 60)
        lago = LagoBilling(fake.api_url, fake.api_key, entitlement=None, flush_every=1.0)
        with lago:
            start = time.monotonic()
            for number in range(MANY):
                lago.report_usage(Decimal("0.0042"), subscription="sub_1", id=f"call-{number}")
                time.sleep(0.0005)
            lago.flush(timeout=30)
            seconds = time.monotonic() - start
        posts = [request for request in fake.requests if request.method == "POST"]
        assert fake.charged("sub_1").events == MANY
        assert len(posts) <= MANY / 100 + seconds + 2
