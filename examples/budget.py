"""Budgets: a limit that holds before money is spent, a cheaper model near its end, and what was used by whom.

Run: python examples/budget.py
"""

from __future__ import annotations

from decimal import Decimal

from _offline import a_provider

import llmkit
from llmkit import Budget, BudgetManager, RateLimit
from llmkit.events import BudgetThresholdCrossed

MODEL = "openai/gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Why do lighthouses rotate?"}]


def told(event: object) -> None:
    """Say when half of a budget, or all of it, is spent."""
    if isinstance(event, BudgetThresholdCrossed):
        print(f"  {event.scope} has spent ${event.spent:f} of ${event.limit:f}")


def ask_until_refused(client: llmkit.Client, user: str) -> None:
    """Call until the budget refuses; nothing was sent then."""
    for number in range(1, 100):
        try:
            client.completion(MODEL, MESSAGES, max_tokens=100, user=user, tags=["example"])
        except llmkit.BudgetExceededError as error:
            print(
                f"{user} was refused at call {number}: {error.spent:f} of {error.limit:f} is spent,"
            )
            print(f"  and {error.asked:f} more was asked for; room in {error.retry_after:.0f} s")
            return


def main() -> None:
    """Two users with a budget each; one is given more for an hour."""
    manager = BudgetManager(
        budgets=[
            Budget(1, "month"),
            Budget(Decimal("0.0005"), "1h", scope="user", thresholds=[0.5]),
            RateLimit(requests=500, scope="user"),
        ],
        callbacks=[told],
    )
    with llmkit.Client(budget=manager) as client:
        ask_until_refused(client, "ann")
        manager.set_budget(Budget(Decimal("0.0002"), "1h", scope={"user": "bob"}))
        ask_until_refused(client, "bob")
    for line in manager.get_usage("user", group_by="model"):
        print(f"{line.scope}: {line.calls} calls of {line.model}, ${line.usd:f}")
    audit = manager.audit()
    print("the ledger balances:", not audit.differences, f"({audit.entries} entries)")


if __name__ == "__main__":
    with a_provider():
        main()
