"""What the catalogue says of those who may be asked: limits, capabilities, and what a token costs there.

Prices that a deployment was declared with go before the catalogue's; what neither says is not known, and not nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from ..._cost import MATH
from ...catalogue import Catalogue, ModelInfo
from ...errors import ConfigurationError
from ...providers._unbilled import at_home
from ..address import model_of, resolve
from ..plan import CHAT
from ..prices import price_of
from .member import Member

__all__ = ["describing"]

_NOTHING: Final = (Decimal(0), Decimal(0))


def describing(catalogue: Catalogue) -> Callable[[Member], None]:
    """What completes members by this catalogue."""

    def describe(member: Member) -> None:
        declared, options = member.deployment.model, member.deployment.options
        base = options.get("base_url")
        given = options.get("custom_llm_provider")
        try:
            provider, name = resolve(declared, given, catalogue, elsewhere=base is not None)
        except ConfigurationError:
            # The call itself says what is wrong.
            member.info = member.price = None
            return
        name = str(options.get("base_model") or provider.priced_name(name))
        member.info = model_of(catalogue, provider.name, name)
        priced = price_of(options, CHAT.name, catalogue, provider.name, name) or member.info
        member.price = None if priced is None else _of_a_token(priced)
        if member.price is None and at_home(provider.name, base or provider.base_url or ""):
            member.price = _NOTHING

    return describe


def _of_a_token(info: ModelInfo) -> tuple[Decimal, Decimal] | None:
    """What a token of the prompt and of the answer costs where nothing special is asked for."""
    found = {
        rate.dimension: MATH.divide(rate.usd, Decimal(rate.per))
        for rate in info.rates
        if rate.unit == "token" and not rate.condition
    }
    prompt = found.get("input")
    # Models that answer with vectors bill nothing for them.
    answer = found.get("output", Decimal(0) if info.mode in _NO_WORDS else None)
    return None if prompt is None or answer is None else (prompt, answer)


_NO_WORDS: Final = frozenset({"embedding", "moderation", "rerank"})
