"""Which of a model's rates applies to a call, and what a quantity costs at it.

Knows conditions, tiers and stand-ins. Reading usage objects belongs in ``_actual``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Price:
    """What applies to one dimension, and under which condition."""

    rate: Rate
    usd: Decimal
    """The rate, uplifted."""
    condition: FrozenMap[str | int]
    notes: tuple[str, ...]


class Sheet:
    """A model's rates, and what was found to apply under facts that were met before."""

    def __init__(self, model: ModelInfo) -> None:
        self.model = model
        rates = model.rates
        self.rates: dict[str, list[Rate]] = {}
        for rate in rates:
            self.rates.setdefault(rate.key, []).append(rate)
        self.ttls = sorted({str(r.condition["ttl"]) for r in rates if "ttl" in r.condition})
        conditions = [r.condition for r in rates] + [u.condition for u in model.uplifts]
        self._steps = sorted(
            {int(c["input_tokens_over"]) for c in conditions if "input_tokens_over" in c}
        )
        self._found: dict[object, dict[object, _Price]] = {}

    def price(self, call: Call, key: str, facts: Mapping[str, str]) -> _Price:
        """What applies to a dimension (by its rates' key) of a call. Raises Unpriceable if nothing does."""
        known_as = (key, *facts.items()) if facts else key
        found = call.known.get(known_as)
        if found is None:
            found = call.known[known_as] = _price(call, key, facts)
        return found

    def known(self, facts: Mapping[str, str], prompt: int, on: str) -> dict[object, _Price]:
        """What was found under such facts before."""
        key = (tuple(facts.items()), bisect_left(self._steps, prompt), on)
        known = self._found.get(key)
        if known is None:
            # Facts come from answers too: what they could be is not bounded by us.
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            known = self._found[key] = {}
        return known


_MOST_FOUND: Final = 4096
_MOST_SHEETS: Final = 4096
_sheets: dict[int, Sheet] = {}


def sheet(model: ModelInfo) -> Sheet:
    """The model's sheet, made once. By identity: hashing a model takes longer than pricing a call."""
    made = _sheets.get(id(model))
    if made is None or made.model is not model:
        if len(_sheets) >= _MOST_SHEETS:
            _sheets.clear()
        made = _sheets[id(model)] = Sheet(model)
    return made


class Call:
    """What rates are matched against, and what had to be assumed on the way."""

    __slots__ = ("completion", "facts", "known", "model", "notes", "on", "prompt", "sheet")

    def __init__(
        self, sheet: Sheet, facts: Mapping[str, str], prompt: int, completion: int, on: str
    ) -> None:
        self.sheet, self.model, self.facts = sheet, sheet.model, facts
        self.prompt, self.completion, self.on = prompt, completion, on
        self.known = sheet.known(facts, prompt, on)
        self.notes: list[str] = []

    def has(self, key: str) -> bool:
        return key in self.sheet.rates


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


def price(call: Call, key: str, quantity: int | Decimal, facts: Mapping[str, str]) -> CostLine:
    """The line for a quantity of one dimension. Raises Unpriceable if no rate applies."""
    found = call.sheet.price(call, key, facts)
    call.notes += found.notes
    return amount(key, quantity, found.rate, found.usd, found.condition, call.model.revision)


def _price(call: Call, key: str, facts: Mapping[str, str]) -> _Price:
    notes: list[str] = []
    rate = _rate(call, key, {**call.facts, **facts}, notes)
    factor, condition = Decimal(1), dict(rate.condition)
    for uplift in call.model.uplifts if rate.unit == "token" else ():
        if _met(uplift.condition, call, call.facts):
            factor = MATH.multiply(factor, uplift.factor)
            condition = {**condition, **uplift.condition}
    usd = MATH.multiply(rate.usd, factor)
    return _Price(rate, usd, FrozenMap(condition), tuple(notes))


def amount(
    key: str,
    quantity: int | Decimal,
    rate: Rate,
    usd: Decimal,
    condition: Mapping[str, str | int],
    revision: str,
) -> CostLine:
    """The line for a quantity at the rate, uplifted to ``usd``."""
    total = MATH.divide(MATH.multiply(Decimal(quantity), usd), Decimal(rate.per))
    origin = (rate.source, rate.read, condition, rate.via, revision)
    return CostLine(key.partition("/")[0], quantity, rate.unit, usd, rate.per, total, *origin)


def _rate(call: Call, key: str, facts: Mapping[str, str], notes: list[str]) -> Rate:
    """The matching rate with most conditions; between equals the dearest, and it is noted."""
    for name in _names(call.model, key):
        listed = call.sheet.rates.get(name, ())
        fits = [rate for rate in listed if _met(rate.condition, call, facts)]
        if fits:
            most = max(len(rate.condition) for rate in fits)
            best = [rate for rate in fits if len(rate.condition) == most]
            if len({rate.usd for rate in best}) > 1:
                notes.append(f"several {name} rates apply, the dearest was taken")
            return max(best, key=unit_price)
    raise Unpriceable(f"no {key.partition('/')[0]} rate for {call.model.name}")


def _names(model: ModelInfo, key: str) -> Iterator[str]:
    """The dimension's key, then those whose rate stands in for it."""
    stand_in: str | None = key
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
