"""LiteLLM's ``completion_cost`` and ``cost_per_token``: floats, or an error where a price is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .. import pricing
from .._api._default import default_client
from .._call import whole_of
from .._control.costing import Terms, cost_of_answer, cost_of_texts, cost_of_usage, per_side
from .._control.prices import price_of
from .._cost import Cost, Measure
from ..catalogue import ModelInfo
from ..errors import UnknownPriceError

__all__ = ["completion_cost", "cost_per_token"]


def completion_cost(  # noqa: PLR0917 - as LiteLLM has it
    completion_response: Any = None,
    model: str | None = None,
    prompt: str = "",
    messages: Sequence[Any] = (),
    completion: str = "",
    total_time: float | None = 0.0,
    call_type: str | None = None,
    custom_llm_provider: str | None = None,
    region_name: str | None = None,
    size: str | None = None,
    quality: str | None = None,
    n: int | None = None,
    custom_cost_per_token: Mapping[str, Any] | None = None,
    custom_cost_per_second: float | None = None,
    base_model: str | None = None,
    service_tier: str | None = None,
) -> float:
    """What an answer, or a prompt and the text that answers it, cost in USD.

    Args:
        completion_response: an answer of llmkit's, or a dict or another SDK's object with a usage.
        model: the model, where the answer does not say it.
        prompt: a text instead of an answer; its tokens are estimated.
        messages: a conversation in its place.
        completion: the text that answers it.
        total_time: milliseconds that it took, for ``custom_cost_per_second``.
        call_type: taken for LiteLLM's sake; what was called is seen from the answer.
        custom_llm_provider: the provider, where the model does not name it.
        region_name: where it was served.
        size: pixels of the pictures, with ``n`` and no answer: ``"1024x1024"``.
        quality: how good they were to be.
        n: how many pictures were made.
        custom_cost_per_token: ``input_cost_per_token`` and ``output_cost_per_token`` that hold alone.
        custom_cost_per_second: what a second of ``total_time`` costs, and nothing else does.
        base_model: the model behind a deployment, whose price holds.
        service_tier: the tier that it was served in, where the answer does not say.

    Raises:
        UnknownPriceError: a price or a count is missing; LiteLLM answers 0 in some of these cases.
        TypeError: what was given is no answer and no usage.
    """
    if custom_cost_per_second is not None:
        return float(_by_time(custom_cost_per_second, total_time))
    terms = _terms(base_model or model, custom_llm_provider, service_tier, region_name)
    terms = terms._replace(price=_custom(custom_cost_per_token))
    if completion_response is not None:
        whole = whole_of(completion_response)
        return _amount(cost_of_answer(whole, terms))
    if n is not None or size is not None:
        facts = {"size": size and size.replace("-x-", "x"), "quality": quality}
        told = {name: value for name, value in facts.items() if value}
        return _amount(_measured(terms, Measure("image_output", n or 1, "image", told)))
    return _amount(cost_of_texts(list(messages) or None, prompt or None, completion, terms))


def cost_per_token(  # noqa: PLR0917 - as LiteLLM has it
    model: str = "",
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    response_time_ms: float | None = 0.0,
    custom_llm_provider: str | None = None,
    region_name: str | None = None,
    prompt_characters: int | None = None,
    completion_characters: int | None = None,
    cache_creation_input_tokens: int | None = 0,
    cache_read_input_tokens: int | None = 0,
    custom_cost_per_token: Mapping[str, Any] | None = None,
    custom_cost_per_second: float | None = None,
    number_of_queries: int | None = None,
    usage_object: Any = None,
    rerank_billed_units: Mapping[str, Any] | None = None,
    call_type: str | None = None,
    audio_transcription_file_duration: float = 0.0,
    service_tier: str | None = None,
) -> tuple[float, float]:
    """What so much of a model costs in USD: what goes in, and what comes out.

    Tokens of the cache are part of ``prompt_tokens``. ``usage_object`` stands for all counts. The others count what is
    not billed by the token: characters, seconds of a recording, searches of a reranking. ``response_time_ms`` is for
    ``custom_cost_per_second``; ``call_type`` is taken for LiteLLM's sake.

    Raises:
        UnknownPriceError: a price is missing, or nothing was counted; LiteLLM answers 0 in some of these cases.
    """
    if custom_cost_per_second is not None:
        return float(_by_time(custom_cost_per_second, response_time_ms)), 0.0
    terms = _terms(model, custom_llm_provider, service_tier, region_name)
    terms = terms._replace(price=_custom(custom_cost_per_token))
    searches = (rerank_billed_units or {}).get("search_units") or number_of_queries
    measures = (
        Measure("input", prompt_characters or 0, "character"),
        Measure("output", completion_characters or 0, "character"),
        Measure("audio_input", Decimal(repr(audio_transcription_file_duration)), "second"),
        Measure("search", searches or 0, "search"),
    )
    told = tuple(measure for measure in measures if measure.quantity)
    if told and usage_object is None and not prompt_tokens and not completion_tokens:
        return _sides(_measured(terms, *told))
    counts = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "cache_read_input_tokens": cache_read_input_tokens or None,
        "cache_creation_input_tokens": cache_creation_input_tokens or None,
    }
    used = {name: count for name, count in counts.items() if count is not None}
    return _sides(cost_of_usage(used if usage_object is None else usage_object, terms))


def _terms(model: str | None, provider: str | None, tier: str | None, region: str | None) -> Terms:
    known = default_client().catalogue
    return Terms(known, model or None, provider, tier, region)


def _custom(given: Mapping[str, Any] | None) -> ModelInfo | None:
    """Prices that hold alone, of a model that nothing else is known of."""
    if not given:
        return None
    return price_of(given, "chat", default_client().catalogue, "", "")


def _by_time(per_second: float, milliseconds: float | None) -> Decimal:
    return Decimal(repr(per_second)) * Decimal(repr(milliseconds or 0.0)) / 1000


def _measured(terms: Terms, *measures: Measure) -> Cost:
    info = terms.price or default_client().get_model_info(terms.model or "", terms.provider)
    return pricing.cost(None, info, measures=measures, service_tier=terms.service_tier)


def _amount(cost: Cost) -> float:
    if cost.total is None:
        raise UnknownPriceError(f"the cost is not known: {cost.reason}")
    return float(cost.total)


def _sides(cost: Cost) -> tuple[float, float]:
    into, out = per_side(cost)
    return float(into), float(out)
