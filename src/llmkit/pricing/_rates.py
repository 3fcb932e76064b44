"""Which of a model's rates applies to a call, and what a quantity costs at it.

Knows conditions, tiers and stand-ins. Reading usage objects belongs in ``_usage`` and ``_measures``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from typing import Any, Final, Generic, Protocol, TypeVar

from .._cost import MATH, CostLine
from ..catalogue import FrozenMap, ModelInfo, Rate
from ._conditions import AGED, LEAST, Asked, Moment, Open, holds, specific

STANDARD: Final = "standard"
# Tiers that vendors sell below the standard price: where a model lists no rate for one, the
# standard rate is an upper estimate. For any other tier it would be a guess, so unknown.
_CHEAPER_TIERS: Final = frozenset({"batch", "flex"})
# A cache hit never costs more than reading the same tokens afresh.
_AT_MOST: Final = {
    "cached_read": "input",
    "cached_audio_read": "audio_input",
    "cached_image_read": "image_input",
    "cached_video_read": "video_input",
}
_SIDES: Final = {
    "input": "input",
    "audio_input": "input",
    "image_input": "input",
    "video_input": "input",
    "search": "input",
    "output": "output",
    "audio_output": "output",
    "image_output": "output",
    "video_output": "output",
    "time": "time",
}


_DECIMALS: Final = 18
_LEAST: Final = Decimal(1).scaleb(-_DECIMALS)
_BOTH: Final = ("input", "output")


class Unpriceable(Exception):
    """Carries the reason why there is no figure; never leaves ``llmkit.pricing``."""


@dataclass(slots=True)
class Price:
    """What applies to one dimension: ``usd``, uplifted, for ``per`` units of it, and under which condition."""

    dimension: str
    unit: str
    usd: Decimal
    per: int
    exact: Decimal | None
    """The same as ``per``, where one unit costs no endless fraction."""
    least: int
    """The least quantity that is billed, where there is any."""
    notes: tuple[str, ...]
    source: str
    read: str
    condition: FrozenMap[str | int]
    via: str
    revision: str

    def line(self, quantity: int | Decimal) -> CostLine:
        """The line for a quantity."""
        billed = max(quantity, self.least) if self.least else quantity
        usd = self.usd
        # Dividing last leaves no zeros behind the amount.
        total = (
            _share(billed, usd, self.per)
            if self.exact is None
            else _divide(
                _multiply(billed if type(billed) is int else Decimal(billed), usd), self.exact
            )
        )
        # Without the detour by way of the named tuple's own __new__, which is another call.
        return _tuple(CostLine, (
            self.dimension, billed, self.unit, usd, self.per, total,
            self.source, self.read, self.condition, self.via, self.revision,
        ))  # fmt: skip


_multiply, _divide, _tuple = MATH.multiply, MATH.divide, tuple.__new__


def side_of(dimension: str) -> str | None:
    """Which side of a call a dimension counts: what goes in, what comes out, or neither (``None``)."""
    return _SIDES.get(dimension)


class _Of(Protocol):
    """Something made of a model, which it keeps."""

    model: ModelInfo


T = TypeVar("T", bound=_Of)
_MOST_MODELS: Final = 4096


class PerModel(Generic[T]):
    """What is made of a model, once. By identity: hashing a model takes longer than pricing a call."""

    def __init__(self, make: Callable[[ModelInfo], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    def __call__(self, model: ModelInfo) -> T:
        made = self._made.get(id(model))
        if made is None or made.model is not model:
            if len(self._made) >= _MOST_MODELS:
                self._made.clear()
            made = self._made[id(model)] = self._make(model)
        return made


class Sheet:
    """A model's rates, and what was found to apply under facts that were met before."""

    def __init__(self, model: ModelInfo) -> None:
        self.model = model
        rates = model.rates
        self.rates: dict[str, list[Rate]] = {}
        for rate in rates:
            self.rates.setdefault(rate.key, []).append(rate)
        self.ttls = sorted({str(r.condition["ttl"]) for r in rates if "ttl" in r.condition})
        self.by_tokens = frozenset(
            side for r in rates if r.unit == "token" and (side := side_of(r.dimension))
        )
        self._free = {
            s for s in _BOTH if not any(r.usd for r in rates if side_of(r.dimension) == s)
        }
        self.by_request = bool(self.rates) and self.rates.keys() <= {"request/request"}
        conditions = [r.condition for r in rates] + [u.condition for u in model.uplifts]
        self.steps = sorted(
            {int(c["input_tokens_over"]) for c in conditions if "input_tokens_over" in c}
        )
        self._days = sorted({str(c[key]) for c in conditions for key in AGED if key in c})
        self.hours = any("utc" in c or "weekdays" in c for c in conditions)
        self.timed = bool(self._days) or self.hours
        """Whether it matters when a call is made; ``hours``: to more than the day."""
        self.ages: dict[float, tuple[int, Moment]] = {}
        """Of days, counted from 1970, which prices were in force (``age``), and a moment of the day."""
        self.terms: dict[Any, Any] = {}
        """What ``_text`` keeps."""
        self._found: dict[object, dict[object, Price]] = {}
        # Plain dicts: what is read in every call.
        self.defaults = dict(model.defaults)
        self._tiers: dict[str | None, str] = {}

    def tier(self, spelled: str | None) -> str:
        """The tier that is billed for one spelled so, as far as that is known."""
        found = self._tiers.get(spelled)
        if found is None:
            found = tiers(self.model, spelled)[0]
            if len(self._tiers) < _MOST_FOUND:
                self._tiers[spelled] = found
        return found

    def charges(self, side: str) -> bool:
        """Whether the model costs anything on a side."""
        return side not in self._free

    def moment(self, on: str | float | None, seconds: float) -> Moment:
        """When a call ran, as far as its price depends on that. Without a day it is that of the catalogue."""
        from ._window import moment  # noqa: PLC0415 - few prices depend on the day

        when = moment(on, seconds)
        return when if when.day else when._replace(day=self.model.revision)

    def age(self, when: Moment) -> int:
        """Which of the prices that hold from a day, or until one, were in force."""
        return bisect_right(self._days, when.day)

    def price(self, call: Call, key: str, facts: Mapping[str, str]) -> Price:
        """What applies to a dimension (by its rates' key) of a call. Raises Unpriceable if nothing does."""
        known_as = (key, *facts.items()) if facts else key
        found = call.known.get(known_as)
        if found is None:
            found = call.known[known_as] = _price(call, key, facts)
        return found

    def known(self, asked: Asked) -> dict[object, Price]:
        """What was found under such facts before."""
        when = asked.when
        time = when if self.hours else self.age(when) if self._days else 0
        key = (tuple(asked.facts.items()), bisect_left(self.steps, asked.prompt), time)
        known = self._found.get(key)
        if known is None:
            # Facts come from answers too: what they could be is not bounded by us.
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            known = self._found[key] = {}
        return known


_MOST_FOUND: Final = 4096
sheet: Final = PerModel(Sheet)
"""The model's sheet, made once."""


class Call(Asked):
    """What rates are matched against, and what had to be assumed on the way."""

    __slots__ = ("completion", "known", "model", "notes", "sheet")

    def __init__(
        self, sheet: Sheet, facts: Mapping[str, str], when: Moment, prompt: int, completion: int
    ) -> None:
        # Not by way of super(): every call makes one.
        self.facts, self.when, self.prompt = facts, when, prompt
        self.sheet, self.model, self.completion = sheet, sheet.model, completion
        self.known = sheet.known(self)
        self.notes: list[str] = []

    def has(self, key: str) -> bool:
        """Whether the model has a rate of its own for it."""
        return key in self.sheet.rates

    def rated(self, key: str) -> bool:
        """Whether any rate holds for it, its own or one that stands in."""
        return any(name in self.sheet.rates for name in _names(self.model, key))


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
    if found.notes:
        call.notes += found.notes
    return found.line(quantity)


def _price(call: Call, key: str, facts: Mapping[str, str]) -> Price:
    notes: list[str] = []
    about = Asked({**call.facts, **facts}, call.when, call.prompt)
    rate = _of_tier(call, key, about, _rate(call, key, about, notes), notes)
    factor, condition = Decimal(1), dict(rate.condition)
    for uplift in call.model.uplifts if rate.unit == "token" else ():
        if holds(uplift.condition, call):
            factor = MATH.multiply(factor, uplift.factor)
            condition = {**condition, **uplift.condition}
    usd = MATH.multiply(rate.usd, factor)
    return Price(
        dimension=key.partition("/")[0],
        unit=rate.unit,
        usd=usd,
        per=rate.per,
        exact=exactly(usd, rate.per),
        least=int(rate.condition.get(LEAST, 0)),
        notes=tuple(notes),
        source=rate.source,
        read=rate.read,
        condition=FrozenMap(condition),
        via=rate.via,
        revision=call.model.revision,
    )


def _share(quantity: int | Decimal, usd: Decimal, per: int) -> Decimal:
    """What a quantity costs. A third of a cent ends somewhere, upwards: lines add up in anybody's arithmetic."""
    exact = MATH.divide(MATH.multiply(Decimal(quantity), usd), Decimal(per))
    return exact if _places(exact) <= _DECIMALS else exact.quantize(_LEAST, ROUND_UP, MATH)


def _places(number: Decimal) -> int:
    """How many digits stand behind the point."""
    return -int(number.as_tuple().exponent)


def amount(
    key: str,
    quantity: int | Decimal,
    rate: Rate,
    usd: Decimal,
    condition: Mapping[str, str | int],
    revision: str,
    exact: Decimal | None = None,
) -> CostLine:
    """The line for a quantity at the rate, uplifted to ``usd``; ``exact``: see ``Price``."""
    if exact is None or type(quantity) is not int:
        total = _share(quantity, usd, rate.per)
    else:
        total = _divide(_multiply(quantity, usd), exact)
    return _tuple(CostLine, (
        key.partition("/")[0], quantity, rate.unit, usd, rate.per, total,
        rate.source, rate.read, condition, rate.via, revision,
    ))  # fmt: skip


def exactly(usd: Decimal, per: int) -> Decimal | None:
    """``per``, where what one unit costs is no endless fraction."""
    whole = Decimal(per)
    return whole if _places(MATH.divide(usd, whole)) <= _DECIMALS else None


def _rate(call: Call, key: str, about: Asked, notes: list[str]) -> Rate:
    """The matching rate with most conditions; between equals, and where it is open, the dearest, noted."""
    for name in _names(call.model, key):
        listed = call.sheet.rates.get(name, ())
        judged = [(rate, holds(rate.condition, about)) for rate in listed]
        sure = [rate for rate, held in judged if held is True]
        maybe = [(rate, held) for rate, held in judged if isinstance(held, Open)]
        if sure or maybe:
            best = _best(sure, name, notes) if sure else None
            return _dearest(best, maybe, name, notes)
    unit = key.partition("/")[2]
    raise Unpriceable(
        f"no {key.partition('/')[0]} rate{f' per {unit}' if unit not in _PLAIN else ''}"
        f" for {call.model.name}"
    )


def _of_tier(call: Call, key: str, about: Asked, rate: Rate, notes: list[str]) -> Rate:
    """A tier that lists a price for input and none for cached input may have no discount: then the dearer holds."""
    tier, whole = about.facts.get("service_tier"), _AT_MOST.get(key)
    if tier in (STANDARD, rate.condition.get("service_tier")):
        return rate
    if whole is None:
        _check_kind(call, key, about, rate)
        return rate
    afresh = _rate(call, whole, about, [])
    if afresh.condition.get("service_tier") != tier or afresh is rate:
        return rate
    notes.append(
        f"no {tier} {key} rate for {call.model.name}, the dearer of what it can be was taken"
    )
    return max(rate, afresh, key=unit_price)


def _check_kind(call: Call, key: str, about: Asked, rate: Rate) -> None:
    """Where a dearer tier lists a price for text, the standard one of pictures and sound is too low."""
    tier, main = str(about.facts.get("service_tier")), _SIDES.get(key)
    if main is None or key == main or rate.unit != "token" or tier in _CHEAPER_TIERS:
        return
    if _rate(call, main, about, []).condition.get("service_tier") == tier:
        raise Unpriceable(f"no {tier} {key} rate for {call.model.name}")


_PLAIN: Final = frozenset({"", "call", "request", "search"})


def _best(sure: list[Rate], name: str, notes: list[str]) -> Rate:
    """Of rates that hold the most specific, and of several that are so only by length or day the last."""
    if len(sure) == 1:
        return sure[0]
    best = specific(sure)
    if len({rate.usd for rate in best}) > 1:
        notes.append(f"several {name} rates apply, the dearest was taken")
    return max(best, key=unit_price)


def _dearest(
    best: Rate | None, maybe: Iterable[tuple[Rate, Open]], name: str, notes: list[str]
) -> Rate:
    """What holds for sure, or what may hold, where that is dearer."""
    for rate, open_ in maybe:
        if best is None or unit_price(rate) != unit_price(best):
            notes.append(f"{open_.reason}, the dearest {name} rate was taken")
        if best is None or unit_price(rate) > unit_price(best):
            best = rate
    assert best is not None  # noqa: S101 - the caller has one or the other
    return best


def _names(model: ModelInfo, key: str) -> Iterator[str]:
    """The dimension's key, then those whose rate stands in for it."""
    stand_in: str | None = key
    while stand_in:
        yield stand_in
        stand_in = model.priced_as.get(stand_in) or _AT_MOST.get(stand_in)


def unit_price(rate: Rate) -> Decimal:
    return MATH.divide(rate.usd, Decimal(rate.per))
