"""Strategies by name: LiteLLM's names, and whatever is installed in the group ``llmkit.routing_strategies``."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from ....errors import ConfigurationError
from ..strategy import Strategy
from .shuffle import SimpleShuffle

__all__ = ["GROUP", "names", "strategy_of"]

GROUP: Final = "llmkit.routing_strategies"
"""Entry points that name a strategy, or what makes one of its arguments."""

_OWN: Final[Mapping[str, Callable[..., Strategy]]] = {
    "simple-shuffle": SimpleShuffle,
}


def names() -> tuple[str, ...]:
    """Every strategy that can be named."""
    return (*_OWN, *sorted(set(_installed()) - set(_OWN)))


def strategy_of(given: Any, arguments: Mapping[str, Any] | None = None) -> Strategy:
    """The strategy that somebody names, or gives.

    Args:
        given: a name, or an object with ``plan``.
        arguments: of the strategy, where it takes any.

    Raises:
        ConfigurationError: there is none of the name, or its arguments are wrong.
    """
    if not isinstance(given, str):
        return _checked(given, type(given).__name__)
    make = _OWN.get(given)
    if make is None:
        entry = _installed().get(given)
        if entry is None:
            raise _unknown(given)
        make = entry.load()
    try:
        return _checked(make(**arguments or {}) if callable(make) else make, given)
    except TypeError as error:
        raise ConfigurationError(f"routing_strategy_args of {given!r}: {error}") from None


def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _checked(strategy: Any, name: str) -> Strategy:
    if not callable(getattr(strategy, "plan", None)):
        raise ConfigurationError(
            f"{name!r:.80} is no strategy: it has no plan(call, state, now) that puts members into an order"
        )
    return strategy  # type: ignore[no-any-return]


def _unknown(name: str) -> ConfigurationError:
    near = difflib.get_close_matches(name, names(), n=2)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(names())}"
    return ConfigurationError(f"routing_strategy {name!r:.80} is not known; {hint}")
