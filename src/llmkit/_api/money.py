"""``completion_cost`` and ``cost_per_token``, with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from .._cost import Cost
from ._default import default_client

__all__ = ["completion_cost", "cost_per_token"]


def completion_cost(
    response: Any = None,
    *,
    model: str | None = None,
    messages: Sequence[Any] | None = None,
    prompt: str | None = None,
    completion: str | None = None,
    usage: Any = None,
    custom_llm_provider: str | None = None,
    service_tier: str | None = None,
    region_name: str | None = None,
    on: str | float | None = None,
) -> Cost:
    """With the default client; see ``Client.completion_cost``.

    Example:
        >>> used = {"prompt_tokens": 1000, "completion_tokens": 100}
        >>> print(completion_cost(model="openai/gpt-4o", usage=used))
        $0.0035
    """
    return default_client().completion_cost(
        response,
        model=model,
        messages=messages,
        prompt=prompt,
        completion=completion,
        usage=usage,
        custom_llm_provider=custom_llm_provider,
        service_tier=service_tier,
        region_name=region_name,
        on=on,
    )


def cost_per_token(
    model: str, prompt_tokens: int = 0, completion_tokens: int = 0, **more: Any
) -> tuple[Decimal, Decimal]:
    """With the default client; see ``Client.cost_per_token``.

    Example:
        >>> cost_per_token("openai/gpt-4o", 1000, 100)
        (Decimal('0.0025'), Decimal('0.001'))
    """
    return default_client().cost_per_token(model, prompt_tokens, completion_tokens, **more)
