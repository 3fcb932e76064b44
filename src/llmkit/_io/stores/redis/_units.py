"""Amounts as Redis counts them: whole numbers of units, 1e-9 USD for accounts of money and 1 for everything else.

A script's numbers are doubles, exact below 2^53: what is not is refused, never rounded. Amounts are rounded up to
the unit and limits down, both against who spends.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

from ...._cost import MATH
from ....errors import StoreError

__all__ = ["MOST", "amount", "counted", "dollars", "limit", "units", "usage", "whole"]

MOST: Final = 2**53 - 1
_MONEY: Final = "usd:"
_GRAIN: Final = Decimal("1e-9")
_REST: Final = Decimal("1e-18")
# Far more digits than any amount has: what is rounded is rounded once, to the unit.
_UP: Final = Context(prec=200, rounding=ROUND_CEILING)
_DOWN: Final = Context(prec=200, rounding=ROUND_FLOOR)
_LARGEST: Final = Decimal("1e30")


def units(account: str, value: Decimal) -> int:
    """An amount in units of an account, rounded up. Raises ``StoreError`` where Redis cannot count it."""
    return _units(account, value, _UP)


def limit(account: str, value: Decimal) -> int:
    """A limit in units of an account, rounded down. Raises ``StoreError`` where Redis cannot count up to it."""
    return _units(account, value, _DOWN)


def _units(account: str, value: Decimal, context: Context) -> int:
    value = _sane(value, account)
    scaled = context.scaleb(value, 9) if account.startswith(_MONEY) else value
    return whole(int(context.to_integral_value(scaled)), f"{value} of account {account}")


def _sane(value: Decimal, of: str) -> Decimal:
    value = Decimal(value)
    # Before anything is written out in digits: 1E+999999 is a valid number, too.
    if not value.is_finite() or value.copy_abs() > _LARGEST:
        raise StoreError(f"{value} of {of} is more than Redis can count exactly")
    return value


def whole(number: int, of: str) -> int:
    """A whole number that a script can hold. Raises ``StoreError`` for others."""
    if not -MOST <= number <= MOST:
        raise StoreError(f"{of} is not below 2^53 units, more than Redis scripts can count exactly")
    return number


def amount(account: str, digits: str) -> Decimal:
    """So many units of an account as an amount."""
    number = Decimal(digits)
    return MATH.multiply(number, _GRAIN).normalize(MATH) if account.startswith(_MONEY) else number


def dollars(value: Decimal) -> tuple[str, str, str]:
    """An amount of money as scripts take it: its exact text; in 1e-9 USD, rounded down; and the rest in 1e-18, up."""
    value = _sane(value, "USD")
    grains = int(_DOWN.to_integral_value(_DOWN.scaleb(value, 9)))
    rest = _UP.scaleb(_UP.subtract(value, _UP.scaleb(Decimal(grains), -9)), 18)
    whole(grains, f"{value} USD")
    return str(value), str(grains), str(int(_UP.to_integral_value(rest)))


def counted(value: Decimal) -> Decimal:
    """What usage says after this was added to nothing: the same up to 18 decimals."""
    _, grains, rest = dollars(value)
    return usage(grains, rest)


def usage(grains: str, rest: str) -> Decimal:
    """What usage counts as an amount of money."""
    exact = MATH.add(MATH.multiply(Decimal(grains), _GRAIN), MATH.multiply(Decimal(rest), _REST))
    return exact.normalize(MATH) if exact else Decimal(0)
