"""Shapes of JSON values as checks that combine: what the API's own validator says of a value that does not fit.

Pure, and ignorant of any particular request: which shape goes where is told in `_blocks`, `_tools` and `_params`.
The wording is that of the real API's answers where one is known, and of pydantic, which it uses, elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from ._refusal import invalid

__all__ = [
    "SHAPELESS",
    "Check",
    "anything",
    "boolean",
    "both",
    "filled",
    "integer",
    "list_of",
    "mapping",
    "matching",
    "nullable",
    "one_of",
    "record",
    "share",
    "tagged",
    "text",
    "text_or",
]

Check = Callable[[Any, str], None]
"""Raises the `Refusal` that a value at a place deserves; returns if the value fits."""

SHAPELESS: Final = "Input does not match the expected shape."


def anything(value: Any, where: str) -> None:
    """Every value."""


def text(value: Any, where: str) -> None:
    """A string."""
    if not isinstance(value, str):
        raise invalid(where, "Input should be a valid string")


def filled(value: Any, where: str) -> None:
    """A string that is not empty."""
    text(value, where)
    if not value:
        raise invalid(where, "String should have at least 1 character")


def boolean(value: Any, where: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise invalid(where, "Input should be a valid boolean")


def mapping(value: Any, where: str) -> None:
    """An object, whatever is in it."""
    if not isinstance(value, dict):
        raise invalid(where, "Input should be a valid dictionary")


def share(value: Any, where: str) -> None:
    """A number from 0 to 1."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise invalid(where, "Input should be a valid number")
    if not 0 <= value <= 1:
        raise invalid(where, "range: 0..1")


def integer(low: int) -> Check:
    """A whole number from *low* up."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(where, "Input should be a valid integer")
        if value < low:
            raise invalid(where, f"Input should be greater than or equal to {low}")

    return check


def matching(pattern: str) -> Check:
    """A string that fits *pattern* as a whole."""
    compiled = re.compile(pattern)

    def check(value: Any, where: str) -> None:
        text(value, where)
        if not compiled.fullmatch(value):
            raise invalid(where, f"String should match pattern '{pattern}'")

    return check


def one_of(*choices: str) -> Check:
    """One of these strings."""
    *most, last = (f"'{choice}'" for choice in choices)
    listed = f"{', '.join(most)} or {last}" if most else last

    def check(value: Any, where: str) -> None:
        if value not in choices:
            raise invalid(where, f"Input should be {listed}")

    return check


def nullable(check: Check) -> Check:
    """Null, or what *check* lets pass."""

    def checked(value: Any, where: str) -> None:
        if value is not None:
            check(value, where)

    return checked


def both(first: Check, second: Check) -> Check:
    """What fits two checks, made in this order."""

    def check(value: Any, where: str) -> None:
        first(value, where)
        second(value, where)

    return check


def list_of(item: Check) -> Check:
    """An array whose items all fit."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list):
            raise invalid(where, "Input should be a valid list")
        for index, each in enumerate(value):
            item(each, f"{where}.{index}")

    return check


def text_or(otherwise: Check) -> Check:
    """A string, or what *otherwise* lets pass."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str):
            otherwise(value, where)

    return check


def record(fields: Mapping[str, Check], required: Collection[str] = ()) -> Check:
    """An object with these members and no others; *required* ones must be there."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise invalid(where, SHAPELESS) if where else invalid("body", SHAPELESS)
        prefix = f"{where}." if where else ""
        for name, member in fields.items():
            if name in value:
                member(value[name], f"{prefix}{name}")
            elif name in required:
                raise invalid(f"{prefix}{name}", "Field required")
        for name in value:
            if name not in fields:
                raise invalid(f"{prefix}{name}", "Extra inputs are not permitted")

    return check


def tagged(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` says which of *kinds* it must fit; the type becomes part of the place."""
    listed = ", ".join(f"'{kind}'" for kind in sorted(kinds))

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise invalid(where, SHAPELESS)
        if "type" not in value:
            raise invalid(f"{where}.type", "Field required")
        kind = value["type"]
        if not isinstance(kind, str) or kind not in kinds:
            raise invalid(
                where,
                f"Input tag '{kind}' found using 'type' does not match any of the expected tags: {listed}",
            )
        kinds[kind](value, f"{where}.{kind}")

    return check
