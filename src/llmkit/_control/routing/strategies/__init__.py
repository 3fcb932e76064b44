"""Strategies by name: LiteLLM's names, and whatever is installed in the group ``llmkit.routing_strategies``."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from ....errors import ConfigurationError
from ..strategy import Strategy
from .busy import LeastBusy
from .cost import CostBased
from .custom import Custom, Given
from .latency import LatencyBased
from .shuffle import SimpleShuffle
from .usage import UsageBased

__all__ = ["GROUP", "arguments_of", "names", "strategy_of"]

GROUP: Final = "llmkit.routing_strategies"
"""Entry points that name a strategy, or what makes one of its arguments."""

_OWN: Final[Mapping[str, Callable[..., Strategy]]] = {
    "simple-shuffle": SimpleShuffle,
    "least-busy": LeastBusy,
    "latency-based-routing": LatencyBased,
    "usage-based-routing": partial(UsageBased, "usage-based-routing"),
    "usage-based-routing-v2": UsageBased,
    "cost-based-routing": CostBased,
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
    make = _named(given)
    if not callable(make):
        return _checked(make, given)
    _check_arguments(given, make, arguments or {})
    return _checked(make(**arguments or {}), given)


def _named(name: str) -> Any:
    if name in _OWN:
        return _OWN[name]
    entry = _installed().get(name)
    if entry is None:
        raise _unknown(name)
    return entry.load()


def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _check_arguments(name: str, make: Callable[..., Any], given: Mapping[str, Any]) -> None:
    known = arguments_of(make)
    for argument in given:
        if known is not None and argument not in known:
            raise ConfigurationError(
                f"{name} has no argument {argument!r:.80}; it has {', '.join(known) or 'none'}"
            )


def arguments_of(strategy: str | Callable[..., Any]) -> tuple[str, ...] | None:
    """The names of the arguments that a strategy takes; ``None``: any.

    Raises:
        ConfigurationError: there is none of the name.
    """
    make = _named(strategy) if isinstance(strategy, str) else strategy
    if not callable(make):
        return ()
    found = inspect.signature(make).parameters
    if any(one.kind is one.VAR_KEYWORD for one in found.values()):
        return None
    return tuple(name for name in found if name != "name")


def _checked(strategy: Any, name: str) -> Strategy:
    if not callable(getattr(strategy, "plan", None)):
        return Custom(strategy, name)
    if all(hasattr(strategy, said) for said in ("name", "counts", "used", "whole")):
        return strategy  # type: ignore[no-any-return]
    return Given(strategy, name)


def _unknown(name: str) -> ConfigurationError:
    near = difflib.get_close_matches(name, names(), n=2)
    hint = (
        f"did you mean {' or '.join(map(repr, near))}?"
        if near
        else f"there are {', '.join(names())}"
    )
    return ConfigurationError(f"routing_strategy {name!r:.80} is not known; {hint}")
