"""The dearest rate that can apply to a call that is yet to be made.

What is open counts at its dearest. Which rate did apply belongs in ``_rates``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from .._cost import MATH, CostLine
from ..catalogue import FrozenMap, ModelInfo, Rate, Uplift
from ._rates import STANDARD, PerModel, Unpriceable, amount, exactly, tiers

# What is asked for by a parameter: without it, it does not happen.
_ONLY_IF_ASKED: Final = frozenset({"speed"})
# Said with the conditions: the least quantity that is billed.
_LEAST: Final = "at_least"
_THRESHOLDS: Final = frozenset({"input_tokens_over", "from"})
_ONE: Final = Decimal(1)


class Terms(NamedTuple):
    """What is known of a call that its rates depend on; ``last`` is the ISO date by which it has ended."""

    tiers: frozenset[str]
    facts: tuple[tuple[str, str], ...]
    last: str | None
    prompt: int

    def possible(self, condition: Mapping[str, str | int]) -> bool:
        """Whether a rate of this condition may apply."""
        return all(self._possible(key, wanted) for key, wanted in condition.items())

    def _possible(self, key: str, wanted: str | int) -> bool:
        if key == "service_tier":
            return wanted in self.tiers or wanted == STANDARD
        if key == "input_tokens_over":
            return self.prompt > int(wanted)
        if key == "from":
            return self.last is None or self.last >= str(wanted)
        for known, value in self.facts:
            if known == key:
                return _same(value, str(wanted))
        return key not in _ONLY_IF_ASKED


def _same(value: str, wanted: str) -> bool:
    """Whether what is said is what a rate is for; a region that is not the whole world is one."""
    said = value.lower()
    return said == wanted.lower() or (wanted == _REGIONAL and said != _NOWHERE)


_REGIONAL: Final = "regional"
_NOWHERE: Final = "global"


class Worst(NamedTuple):
    """The dearest of some rates, uplifted to ``usd``; ``least`` is the least quantity that one of them bills."""

    rate: Rate
    usd: Decimal
    condition: FrozenMap[str | int]
    least: int
    exact: Decimal | None
    """See ``Price``."""

    def line(self, name: str, quantity: int | Decimal, revision: str) -> CostLine:
        """So many units at it; ``name`` is what they are called."""
        rate, usd, condition, least, exact = self
        return amount(name, max(quantity, least), rate, usd, condition, revision, exact)


Usual = tuple[Worst, Worst, Worst | None]
"""What a plain conversation is billed by: its prompt, its answer, itself."""


class Ceiling:
    """A model's rates at their dearest, each worked out once."""

    def __init__(self, model: ModelInfo) -> None:
        self.model = model
        self.keys = frozenset(rate.key for rate in model.rates)
        conditions = [r.condition for r in model.rates] + [u.condition for u in model.uplifts]
        found = {int(c["input_tokens_over"]) for c in conditions if "input_tokens_over" in c}
        self._steps = sorted(found)
        self._found: dict[object, Worst | None] = {}
        self._usual: dict[tuple[str | None, int], Usual] = {}
        self.tiers = frozenset(tiers(model, None))
        """Those that may be billed where none was asked for."""

    def worst(self, keys: frozenset[str], terms: Terms) -> Worst | None:
        """The dearest of the rates with these keys; ``None`` where no such rate can apply."""
        step = bisect_left(self._steps, terms.prompt) if self._steps else 0
        known_as = (keys, terms.tiers, terms.facts, terms.last, step)
        found = self._found.get(known_as, _UNKNOWN)
        if isinstance(found, Worst) or found is None:
            return found
        # Facts come from callers too: what they could be is not bounded by us.
        if len(self._found) >= _MOST_FOUND:
            self._found.clear()
        worst = self._found[known_as] = _worst(self.model, keys, terms)
        return worst

    def usual(self, prompt: int, last: str | None) -> Usual | None:
        """What was kept for a prompt of this length, on this day."""
        step = bisect_left(self._steps, prompt) if self._steps else 0
        return self._usual.get((last, step))

    def keep(self, prompt: int, last: str | None, usual: Usual) -> None:
        """Keep what holds for every call that says nothing of its price."""
        if len(self._usual) >= _MOST_USUAL:
            self._usual.clear()
        self._usual[last, bisect_left(self._steps, prompt)] = usual

    def needed(self, key: str, terms: Terms) -> None:
        """Raises Unpriceable where nothing says what the dimension costs."""
        name: str | None = key
        while name is not None:
            if self.worst(_ALONE.get(name) or frozenset((name,)), terms) is not None:
                return
            name = self.model.priced_as.get(name)
        raise Unpriceable(f"no {key.partition('/')[0]} rate for {self.model.name}")


_MOST_FOUND: Final = 1024
_MOST_USUAL: Final = 64
_UNKNOWN: Final = object()
# A set knows its hash once it was asked for it.
_ALONE: Final = {name: frozenset((name,)) for name in ("input", "output")}
ceiling: Final = PerModel(Ceiling)
"""The model's, made once."""


def _worst(model: ModelInfo, keys: frozenset[str], terms: Terms) -> Worst | None:
    rates = [r for r in model.rates if r.key in keys and terms.possible(r.condition)]
    uplifts = tuple(_uplifts(model, terms))
    least = max((int(rate.condition.get(_LEAST, 0)) for rate in rates), default=0)
    found = (_uplifted(rate, uplifts if rate.unit == "token" else (), least) for rate in rates)
    return max(found, key=lambda worst: MATH.divide(worst.usd, worst.rate.per), default=None)


def _uplifted(rate: Rate, uplifts: tuple[Uplift, ...], least: int) -> Worst:
    usd, condition = rate.usd, dict(rate.condition)
    for uplift in uplifts:
        usd = MATH.multiply(usd, uplift.factor)
        condition |= uplift.condition
    return Worst(rate, usd, FrozenMap(condition), least, exactly(usd, rate.per))


def _uplifts(model: ModelInfo, terms: Terms) -> Iterator[Uplift]:
    """Of those that exclude each other the highest factor; none that would lower the price."""
    highest: dict[object, Uplift] = {}
    for uplift in model.uplifts:
        # A prompt can pass several thresholds, but it runs in one region.
        several = not _THRESHOLDS.isdisjoint(uplift.condition)
        kind = uplift if several else frozenset(uplift.condition)
        above = highest[kind].factor if kind in highest else _ONE
        if uplift.factor > above and terms.possible(uplift.condition):
            highest[kind] = uplift
    yield from highest.values()
