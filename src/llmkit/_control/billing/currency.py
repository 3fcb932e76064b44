"""A currency of one's own, and dollars in it: exact, in ``Decimal``, written without exponents.

How many coins a dollar is, is read once, when a ``Currency`` is made. Which events say what of it is ``wording``'s.
"""

from __future__ import annotations

import decimal
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, Final, Literal, Self

from ...errors import ConfigurationError

__all__ = ["ASKII", "ASKII_RATE", "EXACT", "RATE_VARIABLE", "Currency", "Rounding", "amount", "plain"]  # fmt: skip

Rounding = Literal["floor", "ceiling", "half_even", "half_up"]

ASKII: Final = "askii_coins"
ASKII_RATE: Final = Decimal(1_000_000)
RATE_VARIABLE: Final = "ASKII_COIN_EXCHANGE_RATE"

# Products of two numbers within the bounds below have fewer digits than this: nothing is ever rounded by it.
EXACT: Final = Context(prec=1000, traps=[decimal.InvalidOperation, decimal.Inexact])
_ROUNDED: Final = Context(prec=1000)
# 1e18 dollars, or a hundred digits behind the point, are no amount; Decimal("1e999999") would be a megabyte of text.
_LARGEST, _FINEST, _LONGEST = 18, 100, 120
_LARGEST_RATE: Final = Decimal("1e12")
_ROUNDINGS: Final[Mapping[str, str]] = {
    "floor": decimal.ROUND_FLOOR,
    "ceiling": decimal.ROUND_CEILING,
    "half_even": decimal.ROUND_HALF_EVEN,
    "half_up": decimal.ROUND_HALF_UP,
}
_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)

_log = logging.getLogger("llmkit")


def amount(given: object, what: str = "an amount") -> Decimal:
    """A number of dollars, coins or tokens as a ``Decimal``; a float is what it is written as: 0.1 is 0.1.

    Raises:
        ConfigurationError: it is negative, NaN, infinite, no number, or has more digits than an amount can have
            (18 before the point, 100 after it).
    """
    found = _number(given)
    if found is None:
        raise ConfigurationError(f"{what} is a number such as 0.0042 or '12.50', not {given!r:.80}")
    if not found.is_finite() or found < 0:
        raise ConfigurationError(f"{what} is 0 or more, and finite, not {given!r:.80}")
    if found.adjusted() >= _LARGEST or _fine(found):
        raise ConfigurationError(f"{what} has more digits than an amount has: {given!r:.80}")
    return found.copy_abs()


def plain(number: Decimal) -> str:
    """Digits, with a point where needed: no exponent, no ``+``, no zeros at the end, no point at either end."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _number(given: object) -> Decimal | None:
    if isinstance(given, bool) or not isinstance(given, Decimal | int | float | str):
        return None
    try:
        return Decimal(repr(float(given)) if isinstance(given, float) else given)
    except (ArithmeticError, ValueError):
        return None


def _fine(number: Decimal) -> bool:
    """Whether it has more digits behind the point than anybody can mean."""
    _, digits, exponent = number.as_tuple()
    return len(digits) > _LONGEST or not isinstance(exponent, int) or exponent < -_FINEST


@dataclass(frozen=True, slots=True)
class Currency:
    """Coins that dollars are billed in.

    Args:
        name: what they are called; the metric's code and its property, unless ``code`` and ``field`` say others.
        rate: coins a dollar, more than 0.
        rounding: to whole coins: ``floor``, ``ceiling``, ``half_even``, ``half_up``; ``None`` keeps fractions, so that
            the events add up to what the calls cost.
        code: the billable metric's code.
        field: the property that the metric adds up.
        compat: a negative amount is 0 rather than an error.

    Raises:
        ConfigurationError: one of these is something else.
    """

    name: str = ASKII
    rate: Decimal = ASKII_RATE
    rounding: Rounding | None = None
    code: str = ""
    field: str = ""
    compat: bool = False

    def __post_init__(self) -> None:
        for name in ("name", "code", "field"):
            if not isinstance(getattr(self, name), str):
                raise ConfigurationError(f"a currency's {name} is a text")
        if not self.name.strip():
            raise ConfigurationError("a currency has a name, such as askii_coins")
        if self.rounding is not None and self.rounding not in _ROUNDINGS:
            known = ", ".join(_ROUNDINGS)
            raise ConfigurationError(f"rounding is one of {known}, or None: not {self.rounding!r}")
        for name in ("code", "field"):
            object.__setattr__(self, name, getattr(self, name) or self.name)
        object.__setattr__(self, "rate", _rate(self.rate, "a currency's rate"))

    @classmethod
    def askii(
        cls,
        environ: Mapping[str, str],
        *,
        rate: Any = None,
        rounding: Rounding | None = None,
        compat: bool = False,
    ) -> Self:
        """Askii coins at the rate that is given, else at ``ASKII_COIN_EXCHANGE_RATE``, else 1,000,000 a dollar.

        The variable is a number as Python writes them: ``1e6`` and ``1_000_000``, too.

        Raises:
            ConfigurationError: the rate is empty, no number, not above 0, or not finite. With ``compat``, one from the
                environment that is wrong is logged as a warning, and the default holds, as in the fork.
        """
        if rate is None:
            rate = _rate_of(environ, lenient=compat)
        return cls(rate=rate, rounding=rounding, compat=compat)

    def convert(self, usd: Decimal | float | str) -> Decimal:
        """So many dollars in this currency, exactly: 0.0042 USD are 4200 coins at 1,000,000 a dollar.

        Raises:
            ConfigurationError: it is negative (with ``compat`` that is 0), NaN, infinite or no number.
        """
        return self.units(self.dollars(usd, "what is converted"))

    def dollars(self, usd: Decimal | float | str, what: str) -> Decimal:
        """What is given as dollars, as ``convert`` takes it."""
        given = _number(usd) if self.compat else None
        negative = given is not None and given.is_finite() and given < 0
        return _ZERO if negative else amount(usd, what)

    def units(self, usd: Decimal) -> Decimal:
        """The same for what is known to be an amount."""
        coins = EXACT.multiply(usd, self.rate)
        if self.rounding is not None:
            coins = coins.quantize(_ONE, rounding=_ROUNDINGS[self.rounding], context=_ROUNDED)
        # As it is written: 4200, neither 4200.0000 nor 4.2E+3.
        return Decimal(plain(coins))


def _rate(given: object, what: str) -> Decimal:
    found = amount(given, what)
    if not 0 < found < _LARGEST_RATE:
        raise ConfigurationError(f"{what} is coins a dollar: more than 0, less than 1e12")
    return found


def _rate_of(environ: Mapping[str, str], *, lenient: bool) -> Decimal:
    if (said := environ.get(RATE_VARIABLE)) is None:
        return ASKII_RATE
    try:
        return _rate(said, RATE_VARIABLE)
    except ConfigurationError as error:
        if not lenient:
            raise
        _log.warning("%s; %s coins a dollar are taken", error, plain(ASKII_RATE))
        return ASKII_RATE
