"""Money: tokens and the most a call can cost before it is made, what it did cost, a price of your own.

Run: python examples/costs.py
"""

from __future__ import annotations

from decimal import Decimal

from _offline import a_provider

import llmkit

MODEL = "openai/gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "Why do lighthouses rotate?"}]


def before() -> None:
    """Count the prompt, and ask what the call costs at most; nothing is sent."""
    count = llmkit.token_counter(MODEL, MESSAGES)
    print(int(count), "tokens,", "exactly" if count.exact else f"at most {count.at_most}")
    most = llmkit.cost_bound(MODEL, MESSAGES, max_tokens=200)
    print("at most", most.total if most else f"unknown: {most.reason}")


def show(cost: llmkit.Cost) -> None:
    """Print a cost and its lines."""
    print(cost, cost.status)
    for line in cost.lines:
        rate = f"{line.quantity} {line.unit}s at ${line.rate} per {line.per:,}"
        print(f"  {line.dimension}: {rate} = ${line.amount:f} ({line.source})")


def main() -> None:
    """Make the same call twice, the second time at one's own prices."""
    before()
    listed = llmkit.completion(MODEL, MESSAGES, max_tokens=200).cost
    show(listed)
    own = llmkit.completion(
        MODEL,
        MESSAGES,
        max_tokens=200,
        input_cost_per_token=Decimal("0.0000001"),
        output_cost_per_token=Decimal("0.0000005"),
    ).cost
    show(own)
    print("together", listed + own)


if __name__ == "__main__":
    with a_provider():
        main()
