"""What answers cost that were not priced when they came: of llmkit, of other SDKs, dicts, bare counts. Sends nothing.

Finds out which provider and model are meant; how a usage is read is ``foreign``'s, the pricing ``pricing``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from .. import pricing, tokens
from .._cost import Cost
from ..catalogue import Catalogue, ModelInfo
from ..errors import ConfigurationError, LLMKitError, UnknownPriceError
from ..pricing._window import moment
from ..types.answer import Answer
from ..types.usage import Usage
from .address import model_of, resolve, uncalled
from .foreign import adopted, usage_of
from .stated import stated

__all__ = [
    "Terms",
    "cost_of_answer",
    "cost_of_texts",
    "cost_of_usage",
    "counted",
    "dated",
    "per_side",
]

_OUTPUT: Final = frozenset({"output", "reasoning", "audio_output", "image_output", "video_output"})


class Terms(NamedTuple):
    """On which terms something is priced, beside what was used."""

    catalogue: Catalogue
    model: str | None = None
    provider: str | None = None
    service_tier: str | None = None
    region: str | None = None
    on: str | float | None = None
    price: ModelInfo | None = None
    """Prices that were given, which go before the catalogue's."""


class _Found(NamedTuple):
    """A model's record, its name, and the provider that others of its kind are looked up at."""

    info: ModelInfo | None
    name: str
    provider: str | None


def cost_of_answer(given: Any, terms: Terms) -> Cost:
    """What an answer cost: as it was priced, where it was and nothing else is wanted.

    Raises TypeError for what is no answer.
    """
    if isinstance(given, Answer):
        known = given.call.provider if given._call is not None else None  # noqa: SLF001
        if known and terms == Terms(terms.catalogue):
            return given.cost
        terms = terms if terms.provider or terms.model else terms._replace(provider=known)
        answer = given
    else:
        answer = adopted(given)
        terms = terms._replace(provider=terms.provider or _hidden(given))
    return _priced(answer.counted(), terms, answer)


def _hidden(given: Any) -> str | None:
    """The provider that LiteLLM keeps on its answers."""
    kept = getattr(given, "_hidden_params", None)
    told = kept.get("custom_llm_provider") if isinstance(kept, Mapping) else None
    return told if isinstance(told, str) else None


def cost_of_usage(given: Any, terms: Terms) -> Cost:
    """What a usage of any form costs. Raises TypeError for what is none."""
    return _priced(usage_of(given), terms)


def cost_of_texts(
    messages: Sequence[Any] | None, prompt: str | None, completion: str | None, terms: Terms
) -> Cost:
    """What a prompt (messages, or a text) and an answer to it cost, by a count of one's own: an estimate."""
    for param, text in (("prompt", prompt), ("completion", completion)):
        if text is not None:
            tokens.checked_text(text, param)
    said = None if messages is None else tokens.plain_messages(messages)
    found = _found(terms, None)
    name = found.name.removeprefix(f"{found.provider}/")
    rule = terms.catalogue.counting(found.provider or "", name)
    counts = {
        "prompt_tokens": int(tokens.count(rule, messages=said, text=prompt)),
        "completion_tokens": int(tokens.count(rule, text=completion)),
    }
    return _priced(Usage.model_validate(counts), terms, estimated=True)


def _priced(
    usage: Usage | None, terms: Terms, answer: Answer | None = None, *, estimated: bool = False
) -> Cost:
    found = _found(terms, answer)
    amount = None if answer is None else stated(answer, usage)
    return pricing.cost(
        usage,
        terms.price or found.info,
        measures=() if answer is None else answer.measured(None),
        service_tier=terms.service_tier or (answer.tier() if answer is not None else None),
        reported=amount and amount.usd,
        said_in=amount.place if amount else "",
        estimated=estimated,
        model_name=found.name,
        on=terms.on,
        conditions={"region": terms.region} if terms.region else None,
        find=lambda name: model_of(terms.catalogue, found.provider or "", name),
    )


def _found(terms: Terms, answer: Answer | None) -> _Found:
    """The model that is meant: the one that was named, or that the answer names."""
    said = terms.model or (str(answer.get("model") or "") if answer is not None else "")
    if not said:
        return _Found(None, "an answer that names no model", None)
    own = uncalled(terms.catalogue, f"{terms.provider}/{said}" if terms.provider else said)
    if own is not None:
        return _Found(own, f"{own.provider}/{own.name}", own.provider)
    try:
        provider, name = resolve(said, terms.provider, terms.catalogue)
    except LLMKitError:
        return _bare(said, terms)
    known_as = provider.priced_name(provider.name_of(name))
    return _Found(
        model_of(terms.catalogue, provider.name, known_as), f"{provider.name}/{name}", provider.name
    )


def _bare(said: str, terms: Terms) -> _Found:
    """A name that leads to no provider of llmkit's: one alone may list it all the same."""
    if terms.provider is not None:
        return _Found(None, f"{terms.provider}/{said}", terms.provider)
    homes = terms.catalogue.providers_of(said)
    if len(homes) != 1:
        return _Found(None, said, None)
    return _Found(terms.catalogue.find(homes[0], said), f"{homes[0]}/{said}", homes[0])


def dated(on: str | float | date) -> str | float:
    """A day or a time as pricing takes it; a time of Python's without a zone is this machine's.

    Raises ConfigurationError for what is neither.
    """
    if isinstance(on, datetime):
        return on.timestamp()
    said = on.isoformat() if isinstance(on, date) else on
    try:
        moment(said)
    except (ValueError, TypeError, OverflowError, OSError):
        raise ConfigurationError(
            f"on: {on!r:.80} is no date such as '2026-11-22', no time and no Unix seconds"
        ) from None
    return said


def per_side(cost: Cost) -> tuple[Decimal, Decimal]:
    """A cost as what went in and what came out; fees and searches are with what went in.

    Raises UnknownPriceError where there is no amount.
    """
    if cost.total is None:
        raise UnknownPriceError(f"the cost is not known: {cost.reason}")
    out = sum((line.amount for line in cost.lines if line.dimension in _OUTPUT), Decimal(0))
    return cost.total - out, out


def counted(
    counts: Mapping[str, int | None], details: Sequence[tuple[str, str, int | None]]
) -> Usage:
    """A usage made of bare counts; ``details``: place, name and count of those that are part of others."""
    made: dict[str, Any] = {name: count for name, count in counts.items() if count is not None}
    for place, name, count in details:
        if count is not None:
            made.setdefault(place, {})[name] = count
    return Usage.model_validate(made)
