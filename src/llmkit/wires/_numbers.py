"""Counts as providers write them: as whole numbers, as fractions that are whole, as texts of digits."""

from __future__ import annotations

from typing import Any

__all__ = ["whole"]

_MOST_DIGITS = 18


def whole(value: Any) -> int | None:
    """The whole number that this is; ``None`` for anything else. JSON's numbers may be infinite, or none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        return int(value) if len(value) <= _MOST_DIGITS and value.isdecimal() else None
    return value if isinstance(value, int) else None
