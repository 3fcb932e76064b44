"""Settlements as a gateway's calls leave them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmkit._settlements import Settlement

__all__ = ["ANN", "settled"]

ANN: dict[str, Any] = {
    "http_id": "http-1",
    "key": "0f" * 32,
    "key_alias": "ann's",
    "user": "ann",
    "team": "blue",
    "organisation": "acme",
    "end_user": "customer-7",
    "session": "s-1",
    "tags": ["a", "b"],
    "ip": "127.0.0.1",
    "group": "fast",
    "call_type": "acompletion",
    "metadata": {"trace": 1},
}


def settled(call_id: str, *, said: Any = ANN, started: float = 1.8e9, **more: Any) -> Settlement:
    """How a call ended: for a thousandth of a dollar, unless something else is said."""
    made = Settlement(
        call_id, "completed", "openai", "gpt-4o-mini", False, "yes", 1, started, 0.25, 11, 7,
        "reported", Decimal("0.001"), "complete", metadata={} if said is None else {"proxy": said},
    )  # fmt: skip
    return made._replace(**more)
