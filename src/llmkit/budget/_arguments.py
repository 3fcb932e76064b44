"""What people write, checked, as what flows take."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from .._control.budget.asking import Amounts, Ask
from .._control.budget.rules import Budget, RateLimit, amount_of, measure_of
from .._control.budget.spending import Spend
from .._control.budget.whose import Whose, attributes_of
from .._control.budget.windows import period_of
from ..errors import ConfigurationError

__all__ = [
    "amounts_of",
    "asked",
    "budget_of",
    "listed_callbacks",
    "milliseconds",
    "new_id",
    "seconds",
    "spend_of",
    "until_of",
    "which_of",
    "whole",
]

_LONGEST_LEASE: Final = 31 * 86_400.0
_FAR: Final = 253_402_300_800
_NO_TIME: Final = 100_000_000
"""Seconds: three years, or a time in 1973."""


def new_id() -> str:
    return os.urandom(16).hex()


def whole(given: Any, what: str) -> int:
    """A whole number, 0 or more."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise ConfigurationError(f"{what} is a whole number, 0 or more, not {given!r}")
    return given


def amounts_of(usd: Any, tokens: int) -> Amounts:
    one = amount_of(1, "requests")
    counted = amount_of(whole(tokens, "tokens"), "tokens")
    return {"usd": amount_of(usd, "usd"), "tokens": counted, "requests": one, "parallel": one}


def seconds(given: Any, what: str, least: float, most: float) -> float:
    """A number of seconds, between these."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most:
        raise ConfigurationError(
            f"{what} is in seconds, from {least:g} to {most / 86_400:g} days, not {given!r}"
        )
    return given


def _id(given: Any) -> str:
    """An id as it was given, or a new one."""
    if given is not None and not isinstance(given, str):
        raise ConfigurationError(f"an id is a text, such as 'invoice-17', not {given!r}")
    return given or new_id()


def asked(usd: Any, tokens: int, lease: float, hold: str | None, whose: Whose) -> Ask:
    milliseconds = int(seconds(lease, "lease", 0.001, _LONGEST_LEASE) * 1000)
    amount = amount_of(usd, "usd")
    tokens = whole(tokens, "tokens")
    return Ask(_id(hold), "", attributes_of(whose), amount, tokens, milliseconds)


def spend_of(
    usd: Any, entry: str | None, tokens: tuple[int, int], at: datetime | float | None, flag: str
) -> Spend:
    prompt, completion = (whole(number, "tokens") for number in tokens)
    when = None if at is None else milliseconds(at, "at")
    return Spend(_id(entry), amount_of(usd, "usd"), prompt, completion, when, flag)


def milliseconds(given: Any, what: str) -> int:
    """A time as milliseconds of Unix time."""
    if isinstance(given, datetime) and given.tzinfo is not None:
        return int(given.timestamp() * 1000)
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < _FAR:
        return int(given * 1000)
    raise ConfigurationError(
        f"{what} is a datetime with a time zone, or Unix time in seconds, not {given!r}"
    )


def until_of(given: Any) -> int:
    """When an increase ends, as milliseconds of Unix time: no span of seconds."""
    if not isinstance(given, bool) and isinstance(given, int | float) and 0 < given < _NO_TIME:
        raise ConfigurationError(
            f"until is a time, not how long: time.time() + {given:g}, or a datetime with a time zone"
        )
    return milliseconds(given, "until")


def listed_callbacks(given: Any) -> tuple[Callable[[Any], Any], ...]:
    """The callables that are told."""
    callbacks = tuple(given) if isinstance(given, Iterable) else (given,)
    for one in callbacks:
        if not callable(one):
            raise ConfigurationError(f"a callback is a callable of one event, not {one!r}")
    return callbacks


def budget_of(given: Any) -> Budget | RateLimit:
    if not isinstance(given, Budget | RateLimit):
        raise ConfigurationError(f"give a Budget(…) or a RateLimit(…), not {given!r}")
    return given


def which_of(window: str | None, measure: str | None) -> dict[str, str | None]:
    """Which limits are meant: by a window's own name, such as it is listed; ``None`` is any."""
    name = None if window is None else _window_name(window)
    return {"window": name, "measure": None if measure is None else measure_of(measure)}


def _window_name(given: str) -> str:
    unit, _, zone = given.partition("@")
    return period_of(unit, zone or "UTC").name
