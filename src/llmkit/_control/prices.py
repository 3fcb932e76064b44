"""Prices that are given with a call (``input_cost_per_token=…``): told from other keywords, and made a ``ModelInfo``.

They go before the catalogue's rates for the same thing under the same condition; the catalogue's others stay, where
it knows the model. What neither of them says has no price, and a call that uses it a cost that is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError
from ..types.params import CallOptions
from .address import model_of

if TYPE_CHECKING:
    from ..catalogue import Catalogue, ModelInfo

__all__ = ["GIVEN", "NO_PRICES", "is_price", "price_of", "without_prices"]

GIVEN: Final = "given with the call"
"""The source of such a rate."""
PRICES: Final = frozenset(
    name for name in CallOptions.__annotations__ if "_cost" in name and name != "max_cost"
)
"""Those that are declared; there are as many more as there are conditions that a price can have."""
NO_PRICES: Final = frozenset(CallOptions.__annotations__) - PRICES
"""The options that are none."""
# What a price of a "second" or an "image" means depends on what is done: LiteLLM's words for the kinds of call.
_MODES: Final = {
    "transcription": "audio_transcription",
    "speech": "audio_speech",
    "image": "image_generation",
    "embedding": "embedding",
    "rerank": "rerank",
    "moderation": "moderation",
}


def is_price(name: str) -> bool:
    """Whether a keyword is a price, declared or made of the same words."""
    if name in PRICES or "_cost" not in name:
        return name in PRICES
    from ..catalogue._fields import is_price as understood  # noqa: PLC0415 - few calls have such

    return understood(name)


def price_of(
    options: Mapping[str, Any], kind: str, catalogue: Catalogue, provider: str, model: str
) -> ModelInfo | None:
    """The model with the prices that the options give; ``None`` where they give none.

    Raises:
        ConfigurationError: what is given is no price; the message names the option.
    """
    # All that is no declared option is a price, or would not have come so far.
    given = {k: v for k, v in options.items() if k not in NO_PRICES}
    if not given:
        return None
    from ..catalogue._fields import prices  # noqa: PLC0415 - few calls have such
    from ..catalogue._patch import laid_over  # noqa: PLC0415

    known = model_of(catalogue, provider, model) if model else None
    mode = known.mode if known else _MODES.get(kind, "chat")
    try:
        rates = prices(given, mode, GIVEN)
    except (ValueError, TypeError, ArithmeticError, KeyError, AttributeError) as error:
        raise ConfigurationError(str(error)) from None
    base = known or replace(catalogue.unlisted(provider, model), mode=mode)
    return replace(base, rates=laid_over(base.rates, rates), varies="")


def without_prices(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options without the prices among them."""
    return {k: v for k, v in options.items() if k in NO_PRICES}
