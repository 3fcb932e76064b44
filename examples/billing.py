"""Billing through Lago: who may call, what it costs in coins, an outage that loses nothing, and the books compared.

Run: python examples/billing.py

Lago is a fake one on this machine (`llmkit.testing.FakeLago`), which counts as the real one does. With a real one,
`LagoBilling()` finds it by LAGO_API_URL and LAGO_API_KEY.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from _offline import a_provider

import llmkit
from llmkit.billing import LagoBilling
from llmkit.testing import FakeLago

MODEL = "openai/gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Why do lighthouses rotate?"}]


def a_shop(lago: FakeLago) -> None:
    """What an administrator does in Lago once: a metric that sums coins, a plan, customers, a wallet."""
    lago.add_metric("askii_coins")
    lago.add_plan("per_coin")
    lago.add_charge("per_coin", "askii_coins", price="0.000001")
    for customer in ("ann", "bob"):
        lago.add_customer(customer)
        lago.add_subscription(f"{customer}_monthly", customer, "per_coin")
    lago.add_wallet("ann", balance_cents=500)
    lago.terminate("bob_monthly")


def calls(client: llmkit.Client, billing: LagoBilling) -> None:
    """Ann calls, once as a stream; Bob has left, and nothing is sent to the provider for him."""
    answer = client.completion(MODEL, MESSAGES, max_tokens=100, subscription="ann_monthly")
    usd = answer.cost.total
    print(f"ann's call cost ${usd:f}, which is {billing.convert_to_askii(usd):.2f} coins")
    with client.completion(
        MODEL, MESSAGES, max_tokens=100, subscription="ann_monthly", stream=True
    ) as stream:
        print(f"her stream had {sum(1 for _ in stream)} chunks")
    try:
        client.completion(MODEL, MESSAGES, max_tokens=100, subscription="bob_monthly")
    except llmkit.NotEntitledError as error:
        print(f"bob was refused, with {error.status_code}: {error.reason}")


def an_outage(client: llmkit.Client, billing: LagoBilling, lago: FakeLago) -> None:
    """Lago is away. Calls go on, for what was known of ann still holds; their bills wait on the disk."""
    lago.down()
    for _ in range(3):
        client.completion(MODEL, MESSAGES, max_tokens=100, subscription="ann_monthly")
    print(f"with Lago away, {billing.flush().left} bills wait")
    lago.up()
    print(f"once it is back, {billing.flush(timeout=30).delivered} are delivered")


def the_books(billing: LagoBilling, lago: FakeLago, began: float) -> None:
    """What was billed here, and what Lago counts there."""
    print("a doctor says that all is well:", billing.doctor("ann_monthly").ok)
    found = billing.reconcile(began - 60, time.time() + 60)
    print(f"the books agree: {found.ok} ({found})")
    print(
        f"Lago counts {lago.units('ann_monthly')} coins of ann, {lago.units('bob_monthly')} of bob"
    )
    print(billing.stats())


def main() -> None:
    """Entitlement, calls, coins, an outage, flushing, and reconciliation."""
    began = time.time()
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeLago() as lago,
        LagoBilling(
            lago.api_url,
            lago.api_key,
            outbox=Path(folder) / "outbox.db",
            background=False,  # nothing is sent but by flush(), so that this reads in order
            unseen=0,  # this Lago's numbers are never late
        ) as billing,
        llmkit.Client(billing=billing) as client,
    ):
        a_shop(lago)
        print(billing.check_entitlement("ann", subscription="ann_monthly"))
        calls(client, billing)
        print(billing.flush())
        an_outage(client, billing, lago)
        the_books(billing, lago, began)


if __name__ == "__main__":
    with a_provider():
        main()
