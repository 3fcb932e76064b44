"""Refuses figures that cannot be: zeros that mean "not known", a cache dearer than reading afresh."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from .merge import same
from .rows import Condition, Conflict, Price, Rates, Row

# Where nothing is really billed: servers of one's own, and names that say so.
_LOCAL: Final = frozenset({"ollama", "lemonade"})
_FREE_NAME: Final = re.compile(r":free$|^openrouter/free$|^omni-moderation|^text-moderation")
_CLOUD: Final = re.compile(r"cloud$")
# USD for a million tokens; what is outside was put in the wrong unit.
_MOST: Final = Decimal(1000)
_MOST_VECTOR: Final = Decimal(10)
_LEAST: Final = Decimal("0.0005")
# A step of a diffusion model, listed as if it were a token.
_LEAST_PICTURE: Final = Decimal("0.01")
_CHEAPER: Final = frozenset({"batch", "flex"})
_DEARER: Final = frozenset({"priority", "ultrafast"})
_CACHED: Final = {"cached_read": "input", "cached_audio_read": "audio_input"}


def judged(provider: str, rows: Iterable[Row]) -> list[Conflict]:
    """Takes from the rows what cannot be, and tells what that was."""
    found = []
    for row in rows:
        _zeros(provider, row)
        _equal(row)
        for rate, why in list(_impossible(row)):
            price = row.rates.pop(rate)
            by = {"g": (price.usd, None), "l": (None, price.usd)}
            genai, litellm = by.get(price.source, (price.usd, price.usd))
            found.append(Conflict(provider, row.name, *rate, genai, litellm, "-", why))
    return found


def free(provider: str, name: str) -> bool:
    """Whether a zero is a price here."""
    return bool((provider in _LOCAL and not _CLOUD.search(name)) or _FREE_NAME.search(name))


def _zeros(provider: str, row: Row) -> None:
    nothing = not any(price.usd for price in row.rates.values())
    if nothing and free(provider, row.name):
        # A cache of what costs nothing, a tier of it: the two rates say it all.
        source = next((price.source for price in row.rates.values()), "g")
        keys = ("input",) if row.mode in {"moderation", "embedding"} else ("input", "output")
        row.rates = {(key, ()): Price(Decimal(0), source) for key in keys}
        return
    row.rates = {rate: price for rate, price in row.rates.items() if price.usd}


def _equal(row: Row) -> None:
    """A cache that costs what reading without one costs, but for rounding, has no price of its own."""
    for key, fresh in {**_CACHED, "cache_write": "input"}.items():
        cached, input_ = row.rates.get((key, ())), row.rates.get((fresh, ()))
        if cached and input_ and cached.usd != input_.usd and same(cached.usd, input_.usd):
            del row.rates[key, ()]


def _impossible(row: Row) -> Iterable[tuple[tuple[str, Condition], str]]:
    rates = row.rates
    least = _LEAST_PICTURE if row.mode == "image_generation" else _LEAST
    for (key, when), price in rates.items():
        most = _MOST_VECTOR if key == "input" and row.mode in {"embedding", "rerank"} else _MOST
        if "/" not in key and price.usd and not least <= price.usd <= most:
            yield (key, when), "no price of a million tokens is like that"
            continue
        why = _unlike(rates, key, when, price.usd)
        if why:
            yield (key, when), why


def _unlike(rates: Rates, key: str, when: Condition, usd: Decimal) -> str | None:
    """What speaks against a rate beside those that it is a special case of."""
    fresh = rates.get((_CACHED.get(key, ""), when)) or rates.get((_CACHED.get(key, ""), ()))
    if fresh and usd > fresh.usd:
        return "reading from the cache dearer than reading afresh"
    tier = dict(when).get("service_tier")
    plain = rates.get((key, tuple(pair for pair in when if pair[0] != "service_tier")))
    if plain and tier in _CHEAPER and usd > plain.usd:
        return f"{tier} dearer than standard"
    if plain and tier in _DEARER and usd < plain.usd:
        return f"{tier} cheaper than standard"
    shorter = rates.get((key, tuple(pair for pair in when if pair[0] != "input_tokens_over")))
    if shorter and "input_tokens_over" in dict(when) and usd < shorter.usd:
        return "a long prompt cheaper than a short one"
    return None
