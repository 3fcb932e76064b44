"""Values that people write about a router, checked: each function returns one as it is kept, or says what it can be.

Nothing here knows what a value is for. Messages show values: what may be a secret is not checked here.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import ConfigurationError

__all__ = ["choice", "flag", "names", "near", "number", "seconds", "table", "text", "whole"]


def near(given: Any, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` where something of ``known`` looks like it; otherwise nothing."""
    found = difflib.get_close_matches(str(given), list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def whole(given: Any, what: str, least: int = 0) -> int:
    """A whole number."""
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise ConfigurationError(f"{what} is a whole number of at least {least}, not {given!r}")
    return given


def number(given: Any, what: str, least: float = 0.0, most: float = math.inf) -> float:
    """A finite number from ``least`` to ``most``."""
    right = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
    if not right or not least <= given <= most:
        span = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise ConfigurationError(f"{what} is a number {span}, not {given!r}")
    return float(given)


def seconds(given: Any, what: str) -> float:
    """A number of seconds, 0 or more."""
    try:
        return number(given, what)
    except ConfigurationError:
        raise ConfigurationError(
            f"{what} is a number of seconds, 0 or more, not {given!r}"
        ) from None


def flag(given: Any, what: str) -> bool:
    """``True`` or ``False``; nothing that merely counts as one of them."""
    if not isinstance(given, bool):
        raise ConfigurationError(f"{what} is True or False, not {given!r}")
    return given


def text(given: Any, what: str) -> str:
    """A text that is not empty."""
    if not isinstance(given, str) or not given.strip():
        raise ConfigurationError(f"{what} is a text, and not an empty one, not {given!r}")
    return given


def choice(given: Any, what: str, known: Iterable[str]) -> str:
    """One of these texts."""
    known = tuple(known)
    if not isinstance(given, str) or given not in known:
        raise ConfigurationError(
            f"{what} is one of {', '.join(known)}, not {given!r}{near(given, known)}"
        )
    return given


def names(given: Any, what: str) -> tuple[str, ...]:
    """Names as a tuple; a text is one name."""
    listed = (given,) if isinstance(given, str) else given
    if not isinstance(listed, Iterable) or isinstance(listed, Mapping):
        raise ConfigurationError(f"{what} is a list of names, not {given!r}")
    return tuple(text(one, f"each of {what}") for one in listed)


def table(given: Any, what: str) -> Mapping[str, Any]:
    """A mapping of which the keys are texts."""
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise ConfigurationError(f"{what} is a mapping of names, not {type(given).__name__}")
    return given
