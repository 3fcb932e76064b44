"""What calls cost, worked out again or from counts: ``completion_cost``, ``cost_per_token``. Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import Any

from .._call import whole_of
from .._core import Core
from .._cost import Cost
from ..errors import ConfigurationError

__all__ = ["MoneyCalls"]


class MoneyCalls(Core):
    """Costs by this client's catalogue."""

    def completion_cost(
        self,
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
        """What an answer cost, or what so much use of a model costs.

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
        terms = self._terms(model, custom_llm_provider, service_tier, region_name, on)
        made: Cost
        if response is not None:
            made = _costing().cost_of_answer(whole_of(response), terms)
        elif usage is not None:
            made = _costing().cost_of_usage(usage, terms)
        elif messages is None and prompt is None and completion is None:
            raise TypeError("completion_cost() needs a response, a usage, or texts")
        else:
            made = _costing().cost_of_texts(messages, prompt, completion, terms)
        return made

    def cost_per_token(
        self,
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
        """What so many tokens of a prompt and of an answer cost, in USD: two amounts.

        Those of the cache and of audio are part of ``prompt_tokens``, those of reasoning and of spoken audio part of
        ``completion_tokens``. ``usage`` stands for all of them. The rest is as of ``completion_cost``.

        Raises:
            UnknownPriceError: a price is missing, or nothing was counted.
            TypeError: ``usage`` is none.
            ConfigurationError: ``on`` is no date.
        """
        costing = _costing()
        counts = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "cache_read_input_tokens": cache_read_input_tokens,
            "cache_creation_input_tokens": cache_creation_input_tokens,
        }
        details = (
            ("prompt_tokens_details", "audio_tokens", audio_input_tokens),
            ("completion_tokens_details", "audio_tokens", audio_output_tokens),
            ("completion_tokens_details", "reasoning_tokens", reasoning_tokens),
            ("server_tool_use", "web_search_requests", web_searches),
        )
        used = costing.counted(counts, details) if usage is None else usage
        terms = self._terms(model, custom_llm_provider, service_tier, region_name, on)
        sides: tuple[Decimal, Decimal] = costing.per_side(costing.cost_of_usage(used, terms))
        return sides

    def _terms(
        self,
        model: str | None,
        provider: str | None,
        tier: str | None,
        region: str | None,
        on: str | float | date | None,
    ) -> Any:
        if model is not None and not isinstance(model, str):
            raise ConfigurationError("model must be a text such as 'openai/gpt-4o-mini'")
        day = None if on is None else _costing().dated(on)
        return _costing().Terms(self._catalogue, model, provider, tier, region, day)


def _costing() -> ModuleType:
    # Few programs ask, and it reads every form of usage there is.
    from .._control import costing  # noqa: PLC0415

    return costing
