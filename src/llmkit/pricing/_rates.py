"""Which of a model's rates applies to a call, and what a quantity costs at it.

Knows conditions, tiers and stand-ins. Reading usage objects belongs in ``_actual``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from .._cost import MATH, CostLine
from ..catalogue import FrozenMap, ModelInfo, Rate

STANDARD: Final = "standard"
# Tiers that vendors sell below the standard price: where a model lists no rate for one, the
# standard rate is an upper estimate. For any other tier it would be a guess, so unknown.
_CHEAPER_TIERS: Final = frozenset({"batch", "flex"})
# A cache hit never costs more than reading the same tokens afresh.
_AT_MOST: Final = {"cached_read": "input", "cached_audio_read": "audio_input"}


class Unpriceable(Exception):
    """Carries the reason why there is no figure; never leaves ``llmkit.pricing``."""


@dataclass(slots=True)
class Call:
    """What rates are matched against, and what had to be assumed on the way."""

    model: ModelInfo
    facts: Mapping[str, str]
    prompt: int
    completion: int
    on: str
    notes: list[str] = field(default_factory=list)

    def has(self, dimension: str) -> bool:
        return any(rate.dimension == dimension for rate in self.model.rates)


def tiers(model: ModelInfo, spelled: str | None) -> tuple[str, ...]:
    """The tiers that may be billed for one spelled so on the wire, likeliest first."""
    known = model.tiers.get(spelled or "")
    if known:
        return known
    return (spelled, STANDARD) if spelled and spelled != STANDARD else (STANDARD,)


def check_tier(model: ModelInfo, tier: str, notes: list[str]) -> None:
    if tier == STANDARD or any(r.condition.get("service_tier") == tier for r in model.rates):
        return
    if tier not in _CHEAPER_TIERS:
        raise Unpriceable(f"no {tier} rates for {model.name}")
    notes.append(f"no {tier} rates for {model.name}, priced as {STANDARD}")


def price(call: Call, dimension: str, quantity: int, facts: Mapping[str, str]) -> CostLine:
    """The line for a quantity of one dimension. Raises Unpriceable if no rate applies."""
    rate = _rate(call, dimension, {**call.facts, **facts})
    factor, condition = Decimal(1), dict(rate.condition)
    for uplift in call.model.uplifts if rate.unit == "token" else ():
        if _met(uplift.condition, call, call.facts):
            factor = MATH.multiply(factor, uplift.factor)
            condition = {**condition, **uplift.condition}
    return amount(dimension, quantity, rate, factor, FrozenMap(condition))


def amount(
    dimension: str, quantity: int, rate: Rate, factor: Decimal, condition: Mapping[str, str | int]
) -> CostLine:
    """The line for a quantity at the rate times the factor of its uplifts."""
    usd = MATH.multiply(rate.usd, factor)
    total = MATH.divide(MATH.multiply(Decimal(quantity), usd), Decimal(rate.per))
    origin = (rate.source, rate.read, condition, rate.via)
    return CostLine(dimension, quantity, rate.unit, usd, rate.per, total, *origin)


def _rate(call: Call, dimension: str, facts: Mapping[str, str]) -> Rate:
    """The matching rate with most conditions; between equals the dearest, and it is noted."""
    for name in _names(call.model, dimension):
        fits = [
            rate
            for rate in call.model.rates
            if rate.dimension == name and _met(rate.condition, call, facts)
        ]
        if fits:
            most = max(len(rate.condition) for rate in fits)
            best = [rate for rate in fits if len(rate.condition) == most]
            if len({rate.usd for rate in best}) > 1:
                call.notes.append(f"several {name} rates apply, the dearest was taken")
            return max(best, key=unit_price)
    raise Unpriceable(f"no {dimension} rate for {call.model.name}")


def _names(model: ModelInfo, dimension: str) -> Iterator[str]:
    """The dimension, then those whose rate stands in for it."""
    stand_in: str | None = dimension
    while stand_in:
        yield stand_in
        stand_in = model.priced_as.get(stand_in) or _AT_MOST.get(stand_in)


def _met(condition: Mapping[str, str | int], call: Call, facts: Mapping[str, str]) -> bool:
    return all(_holds(key, wanted, call, facts) for key, wanted in condition.items())


def _holds(key: str, wanted: str | int, call: Call, facts: Mapping[str, str]) -> bool:
    if key == "input_tokens_over":
        return call.prompt > int(wanted)
    if key == "from":
        return call.on >= str(wanted)
    return facts.get(key) == wanted


def unit_price(rate: Rate) -> Decimal:
    return MATH.divide(rate.usd, Decimal(rate.per))
