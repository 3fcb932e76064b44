"""What people write, checked, as what flows take."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any, Final

from .._control.budget.asking import Amounts, Ask
from .._control.budget.rules import Budget, RateLimit, amount_of, measure_of
from .._control.budget.spending import Spend
from .._control.budget.whose import Whose, attributes_of
from .._control.budget.windows import period_of
from ..errors import ConfigurationError

__all__ = ["amounts_of", "asked", "budget_of", "milliseconds", "new_id", "spend_of", "which_of"]

_LONGEST_LEASE: Final = 31 * 86_400.0
_FAR: Final = 253_402_300_800


def new_id() -> str:
    return os.urandom(16).hex()


def _count(given: Any, what: str) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise ConfigurationError(f"{what} is a whole number, 0 or more, not {given!r}")
    return given


def amounts_of(usd: Any, tokens: int) -> Amounts:
    one = amount_of(1, "requests")
    counted = amount_of(_count(tokens, "tokens"), "tokens")
    return {"usd": amount_of(usd, "usd"), "tokens": counted, "requests": one, "parallel": one}


def asked(usd: Any, tokens: int, lease: float, hold: str | None, whose: Whose) -> Ask:
    if not 0 < lease <= _LONGEST_LEASE:
        raise ConfigurationError(f"a lease is above 0 s and up to 31 days, not {lease!r}")
    amount = amount_of(usd, "usd")
    milliseconds = max(1, int(lease * 1000))
    tokens = _count(tokens, "tokens")
    return Ask(hold or new_id(), "", attributes_of(whose), amount, tokens, milliseconds)


def spend_of(
    usd: Any, entry: str | None, tokens: tuple[int, int], at: datetime | float | None, flag: str
) -> Spend:
    prompt, completion = (_count(number, "tokens") for number in tokens)
    when = None if at is None else milliseconds(at, "at")
    return Spend(entry or new_id(), amount_of(usd, "usd"), prompt, completion, when, flag)


def milliseconds(given: Any, what: str) -> int:
    """A time as milliseconds of Unix time."""
    if isinstance(given, datetime) and given.tzinfo is not None:
        return int(given.timestamp() * 1000)
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given < _FAR:
        return int(given * 1000)
    raise ConfigurationError(
        f"{what} is a datetime with a time zone, or Unix time in seconds, not {given!r}"
    )


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
