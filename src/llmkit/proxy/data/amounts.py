"""How amounts of money stand in columns: exact in every database. SQLite has no decimal numbers of its own."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, Numeric, String
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

__all__ = ["Amount", "Spend"]

_PLACES = 12
_UNITS = 10**_PLACES
_MOST = Decimal(9_000_000)
"""Dollars in one row: SQLite's whole numbers end at 9.2e18."""
_ROUND = Context(prec=40, rounding=ROUND_HALF_EVEN)


class Amount(TypeDecorator[Decimal]):
    """Dollars to 9 places, which nothing is added up of: in SQLite a text."""

    impl = Numeric(24, 9)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        ours = String(40) if dialect.name == "sqlite" else Numeric(24, 9)
        return dialect.type_descriptor(ours)

    @override
    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return format(value, "f")

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class Spend(TypeDecorator[Decimal]):
    """Dollars to 12 places, which are added up: in SQLite a whole number of 1e-12 (sums to 9.2 million dollars)."""

    impl = Numeric(24, _PLACES)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        ours = BigInteger() if dialect.name == "sqlite" else Numeric(24, _PLACES)
        return dialect.type_descriptor(ours)

    @override
    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        value = min(max(value, -_MOST), _MOST)
        return int(_units(value)) if dialect.name == "sqlite" else value

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        if value is None:
            return None
        return Decimal(value).scaleb(-_PLACES) if dialect.name == "sqlite" else Decimal(value)


def _units(value: Decimal) -> Decimal:
    return (_ROUND.multiply(value, Decimal(_UNITS))).to_integral_value(ROUND_HALF_EVEN)
