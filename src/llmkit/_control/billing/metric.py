"""``Metric``: what is counted of a call under which code, and how much of it a charge comes to.

Dollars become coins in ``currency``; what an event says beside the count is ``wording``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any, Final, Literal, NamedTuple

from ...errors import ConfigurationError
from .charge import Charge
from .currency import EXACT, Currency, amount

__all__ = ["MEASURES", "MONEY", "OWN", "Measured", "Metric", "Mode", "measured"]

Mode = Literal["standard", "dynamic"]

MONEY: Final = ("cost", "usd")
"""Measures of what a call cost: in the currency, and in dollars."""
OWN: Final = frozenset({
    "usd", "rate", "call_id", "provider", "model", "kind", "prompt_tokens", "completion_tokens", "estimated",
})  # fmt: skip
"""Properties that every event may have; no other value may stand under their names."""
_MODES: Final = ("standard", "dynamic")
_TOKENS: Final = ("prompt_tokens", "completion_tokens")
MEASURES: Final = (
    *MONEY, "requests", *_TOKENS, "total_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
)  # fmt: skip
"""The names of measures; the last are the numbers that ``types.Usage`` has."""


class Measured(NamedTuple):
    """``units`` is ``None`` where they cannot be told (``reason``). ``nothing``: there is nothing of this kind."""

    units: Decimal | None = None
    reason: str = ""
    nothing: bool = False


@dataclass(frozen=True, slots=True)
class Metric:
    """A billable metric: one event for each call that it is measured at.

    Args:
        code: the metric's code at whoever bills.
        field: the property that it adds up; the code, by default.
        measure: ``cost`` (in the currency), ``usd``, ``requests`` (1 for each charge), ``total_tokens``, the name of
            a count in the usage (``prompt_tokens``, ``completion_tokens``, ``cache_read_input_tokens``,
            ``cache_creation_input_tokens``), what is not counted in tokens, as ``dimension/unit``
            (``audio_input/second``, ``image_output/image``), or a function of the ``Charge`` that returns the units,
            or ``None`` where there are none to bill.
        mode: ``dynamic`` sends the amount in cents with each event, ``standard`` leaves prices to whoever bills;
            ``None`` is what the billing does.
        when: a function of the ``Charge``: whether it is counted here at all.

    Raises:
        ConfigurationError: one of these is something else.
    """

    code: str
    field: str = ""
    measure: str | Callable[[Charge], Any] = "cost"
    mode: Mode | None = None
    when: Callable[[Charge], bool] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.code, str) or not self.code.strip():
            raise ConfigurationError("a metric has a code: the billable metric's at whoever bills")
        if not isinstance(self.field or "", str):
            raise ConfigurationError(f"a metric's field is a text, not {self.field!r}")
        object.__setattr__(self, "field", self.field or self.code)
        if not callable(self.measure) and not (isinstance(self.measure, str) and self.measure):
            raise ConfigurationError("a metric's measure is a name or a function of the charge")
        if self.field in OWN and self.field != self.measure:
            raise ConfigurationError(
                f"every event has a {self.field!r}: give the metric another field"
            )
        if self.mode is not None and self.mode not in _MODES:
            raise ConfigurationError(f"a metric's mode is standard or dynamic, not {self.mode!r}")
        if self.when is not None and not callable(self.when):
            raise ConfigurationError("a metric's when is a function of the charge")


def measured(metric: Metric, charge: Charge, currency: Currency) -> Measured:
    """How much of it a charge comes to. It never raises: who bills must not fail for a function of somebody's."""
    try:
        if metric.when is not None and not metric.when(charge):
            return Measured(nothing=True)
        if not callable(metric.measure):
            return _MONEY_OR_COUNT[metric.measure in MONEY](metric.measure, charge, currency)
        found = metric.measure(charge)
        return Measured(nothing=True) if found is None else Measured(amount(found, "a measure"))
    except Exception as error:  # noqa: BLE001 - told as the reason
        return Measured(
            reason=f"metric {metric.code} could not be measured: {type(error).__name__}"
        )


def _money(measure: str, charge: Charge, currency: Currency) -> Measured:
    if charge.usd is None:
        return Measured(reason=charge.reason or "what it cost is not known")
    try:
        usd = amount(charge.usd, "a cost")
    except ConfigurationError as error:
        return Measured(reason=error.message)
    return Measured(currency.units(usd) if measure == "cost" else usd)


def _count(measure: str, charge: Charge, _: Currency) -> Measured:
    if measure == "requests":
        return Measured(Decimal(1))
    usage = charge.usage
    if measure == "total_tokens" and measure not in usage:
        counts = [amount(usage[name]) for name in _TOKENS if usage.get(name) is not None]
        found: Any = reduce(EXACT.add, counts) if counts else None
    else:
        found = _beside(usage, measure) if "/" in measure else usage.get(measure)
    if found is not None:
        return Measured(amount(found, measure))
    if usage:
        return Measured(nothing=True)
    return Measured(reason="what it used is not known")


def _beside(usage: Mapping[str, Any], measure: str) -> Decimal | None:
    """How much was used of what is not counted in tokens."""
    found = [
        amount(one["quantity"], measure)
        for one in usage.get("measures") or ()
        if f"{one['dimension']}/{one['unit']}" == measure
    ]
    return reduce(EXACT.add, found) if found else None


_MONEY_OR_COUNT: Final = (_count, _money)
