"""What a provider itself says that a call cost, in USD, and where it says so. Reads answers; prices nothing.

OpenRouter and Vercel: ``usage.cost``, and with a key of one's own the upstream's price beside it
(https://openrouter.ai/docs/use-cases/usage-accounting). Perplexity: ``usage.cost.total_cost``
(https://docs.perplexity.ai/api-reference/chat-completions-post). Venice: ``cost.usd``, as recorded. All read
2026-11-22. xAI counts in ticks of 1e-10 USD, which its own token prices confirm on recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from ..types.answer import Answer
from ..types.usage import Usage

__all__ = ["Stated", "stated"]


class Stated(NamedTuple):
    """An amount in USD, and the field of the answer that says it."""

    usd: Decimal
    place: str


def stated(answer: Answer, usage: Usage | None) -> Stated | None:
    """What the provider says, where it does; ``usage`` is the answer's."""
    # What is not OpenAI's: every one of these is.
    more = usage.__pydantic_extra__ if usage is not None else None
    found = _in_usage(more) if more else None
    if found is not None:
        return found
    beside = answer.__pydantic_extra__
    told = beside.get("cost") if beside else None
    usd = _decimal(told.get("usd")) if isinstance(told, Mapping) else None
    return None if usd is None else Stated(usd, "cost.usd in the answer")


def _in_usage(more: Mapping[str, Any]) -> Stated | None:
    cost = more.get("cost")
    if cost is None:
        ticks = more.get("cost_in_usd_ticks")
        # Hosts of these models that bill by their own prices leave a zero there.
        if isinstance(ticks, int) and not isinstance(ticks, bool) and ticks > 0:
            return Stated(Decimal(ticks).scaleb(-10), "usage.cost_in_usd_ticks in the answer")
        return None
    if isinstance(cost, Mapping):
        in_usd = cost.get("currency", "USD") == "USD"
        usd = _decimal(cost.get("total_cost")) if in_usd else None
        return None if usd is None else Stated(usd, "usage.cost.total_cost in the answer")
    usd = _decimal(cost)
    return None if usd is None else _with_upstream(usd, more)


def _with_upstream(usd: Decimal, more: Mapping[str, Any]) -> Stated:
    """With a key of one's own, what the upstream takes is billed by it, beside the fee."""
    details = more.get("cost_details")
    if not (more.get("is_byok") and isinstance(details, Mapping)):
        return Stated(usd, "usage.cost in the answer")
    upstream = _decimal(details.get("upstream_inference_cost")) or Decimal(0)
    place = "usage.cost and usage.cost_details.upstream_inference_cost in the answer"
    return Stated(usd + upstream, place)


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    return number if number.is_finite() and number >= 0 else None
