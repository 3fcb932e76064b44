"""What a catalogue, and a deployment itself, know of its model: limits and prices to choose by."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Final

from ...errors import ConfigurationError
from ...providers._unbilled import at_home
from ..address import model_of, resolve
from ..prices import price_of

if TYPE_CHECKING:
    from ...catalogue import Catalogue, ModelInfo
    from .deployment import Deployment
    from .member import Member

__all__ = ["describing"]

_Price = tuple[Decimal, Decimal]
# Not the caller's context, which may round.
_EXACT: Final = Context(prec=60)


def describing(catalogue: Catalogue) -> Callable[[Member], None]:
    """What completes a member by what this catalogue lists."""

    def describe(member: Member) -> None:
        member.info, member.price = _known(member.deployment, catalogue)

    return describe


def _known(one: Deployment, catalogue: Catalogue) -> tuple[ModelInfo | None, _Price | None]:
    """The model as it is listed, and its price, as the deployment gives it or as it is listed."""
    options = one.options
    try:
        provider, name = resolve(
            one.model,
            options.get("custom_llm_provider"),
            catalogue,
            elsewhere=options.get("base_url") is not None,
        )
    except ConfigurationError:
        return None, None  # the call itself says what is wrong
    behind = str(options.get("base_model") or "")
    if not behind and provider.family_of(name).own_names:
        # A name that somebody chose says nothing of the model behind it.
        return None, _per_token(price_of(options, "chat", catalogue, provider.name, ""))
    listed = behind or provider.priced_name(name)
    info = model_of(catalogue, provider.name, listed)
    price = _per_token(price_of(options, "chat", catalogue, provider.name, listed) or info)
    if price is None and at_home(provider.name, options.get("base_url") or provider.base_url or ""):
        price = Decimal(0), Decimal(0)
    return info, price


def _per_token(model: ModelInfo | None) -> _Price | None:
    """USD for a token of a prompt and of an answer, where nothing special is asked for."""
    if model is None:
        return None
    plain = {rate.key: rate for rate in model.rates if not rate.condition}
    prompt, answer = plain.get("input"), plain.get("output")
    if prompt is None:
        return None
    first = _EXACT.divide(prompt.usd, Decimal(prompt.per))
    if answer is None:
        # An embedding has no answer that is counted in tokens.
        return (first, Decimal(0)) if model.mode in _NO_ANSWER else None
    return first, _EXACT.divide(answer.usd, Decimal(answer.per))


_NO_ANSWER: Final = frozenset({"embedding", "rerank", "moderation"})
