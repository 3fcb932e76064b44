"""``completion_cost`` and ``cost_per_token``, with the default client."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
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
    on: str | float | date | None = None,
) -> Cost:
    """What an answer, or so much use of a model, costs: ``Client.completion_cost`` of the default client.

    Example:
        >>> used = {"prompt_tokens": 1000, "completion_tokens": 100}
        >>> print(completion_cost(model="openai/gpt-4o", usage=used))
        $0.0035.

    Args:
        response: an answer or an ended stream of llmkit's; or a dict or another SDK's object with a ``usage``
            (OpenAI's chat and responses, Anthropic's, Google's, LiteLLM's).
        model: the model, where the answer does not say it or another's price is wanted: ``provider/model``.
        messages: a conversation instead of an answer; its tokens are counted here, and the cost is an estimate.
        prompt: a text in its place.
        completion: the text that answers it.
        usage: counts instead of an answer, in any of those forms.
        custom_llm_provider: the provider, where the model does not name it.
        service_tier: the tier that it was served in, where the answer does not say.
        region_name: where it was served: a region of AWS, a location of Google Cloud.
        on: when, as a date or time (ISO text or Python's own) or Unix seconds; prices change.

    Returns:
        The cost, with its lines; unknown, with the reason, where a price or a count is missing.

    Raises:
        TypeError: what was given is no answer and no usage.
        ConfigurationError: ``model`` is no text, or ``on`` no date.
        InvalidRequestError: messages or texts are of another shape.
        StreamConsumedError: the stream has not ended.
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
    model: str,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    *,
    cache_read_input_tokens: int | None = None,
    cache_creation_input_tokens: int | None = None,
    audio_input_tokens: int | None = None,
    audio_output_tokens: int | None = None,
    reasoning_tokens: int | None = None,
    web_searches: int | None = None,
    usage: Any = None,
    custom_llm_provider: str | None = None,
    service_tier: str | None = None,
    region_name: str | None = None,
    on: str | float | date | None = None,
) -> tuple[Decimal, Decimal]:
    """USD for tokens in and tokens out, two Decimals: ``Client.cost_per_token`` of the default client.

    Example:
        >>> cost_per_token("openai/gpt-4o", 1000, 100)
        (Decimal('0.0025'), Decimal('0.001'))
    """
    return default_client().cost_per_token(
        model,
        prompt_tokens,
        completion_tokens,
        cache_read_input_tokens=cache_read_input_tokens,
        cache_creation_input_tokens=cache_creation_input_tokens,
        audio_input_tokens=audio_input_tokens,
        audio_output_tokens=audio_output_tokens,
        reasoning_tokens=reasoning_tokens,
        web_searches=web_searches,
        usage=usage,
        custom_llm_provider=custom_llm_provider,
        service_tier=service_tier,
        region_name=region_name,
        on=on,
    )
