"""LiteLLM's ways to write fallbacks, policies by error, aliases and affinity, as ``Settings`` has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ... import errors
from ...errors import APIError, ConfigurationError
from . import checked
from .report import Refusals

__all__ = ["affinity_of", "aliases_of", "fallbacks_of", "group_strategies_of", "policy_of"]

ANY: Final = "*"
_CLASSES: Final = {"TimeoutError": "APITimeoutError", "Default": "APIError"}
"""What LiteLLM calls otherwise."""
_AFFINITIES: Final = {
    "deployment_affinity": "user",
    "prompt_caching": "prompt",
    "session_affinity": "session",
}
_ALREADY: Final = frozenset({"enforce_model_rate_limits", "router_budget_limiting"})
"""What is done in any case: limits are kept, and budgets."""
_SESSION: Final = "say affinity='session', and one session= in calls that continue each other"
_NO_CHECKS: Final = {
    "encrypted_content_affinity": _SESSION,
    "responses_api_deployment_check": _SESSION,
    "forward_client_headers_by_model_group": "a router in a program is called without headers of a client's",
}


def fallbacks_of(given: Any, what: str) -> dict[str, tuple[Any, ...]]:
    """``[{"a": ["b"]}]`` or ``{"a": ["b"]}``; a group that stands alone is one for all (``*``)."""
    listed = [given] if isinstance(given, Mapping | str) else given
    if not isinstance(listed, list | tuple):
        raise ConfigurationError(
            f"{what} is a list such as [{{'group': ['another']}}], not {type(given).__name__}"
        )
    found: dict[str, tuple[Any, ...]] = {}
    for entry in listed:
        pairs = (
            {ANY: [entry]} if isinstance(entry, str) else checked.table(entry, f"each of {what}")
        )
        for group, instead in pairs.items():
            found[group] = (*found.get(group, ()), *_listed(instead, f"{what}[{group!r}]"))
    return found


def _listed(given: Any, what: str) -> tuple[Any, ...]:
    if isinstance(given, str | Mapping):
        return (given,)
    if not isinstance(given, list | tuple):
        raise ConfigurationError(f"{what} is a list of groups, not {type(given).__name__}")
    return tuple(given)


def policy_of(given: Any, what: str, ending: str) -> dict[str, int]:
    """``{"RateLimitErrorRetries": 3}``, an object of LiteLLM's with such attributes, or names of ``llmkit.errors``."""
    if not isinstance(given, Mapping) and callable(dump := getattr(given, "model_dump", None)):
        given = dump(exclude_none=True)
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"{what} is a mapping such as {{'RateLimitError{ending}': 3}}, not {type(given).__name__}"
        )
    said = {name: number for name, number in given.items() if number is not None}
    return {
        _class(name, what, ending): checked.whole(number, f"{what}[{name!r}]")
        for name, number in said.items()
    }


def _class(name: Any, what: str, ending: str) -> str:
    short = str(name).removesuffix(ending)
    short = _CLASSES.get(short, short)
    found = getattr(errors, short, None)
    if isinstance(found, type) and issubclass(found, APIError):
        return found.__name__
    known = [n for n, c in vars(errors).items() if isinstance(c, type) and issubclass(c, APIError)]
    known = [*(f"{n}{ending}" for n in (*known, *_CLASSES)), *known]
    raise ConfigurationError(f"{what}: no error is called {name!r}{checked.near(name, known)}")


def aliases_of(given: Any, what: str) -> tuple[dict[str, str], frozenset[str]]:
    """Aliases, and which of them are hidden."""
    aliases, hidden = {}, set()
    for alias, meant in checked.table(given, what).items():
        where = f"{what}[{alias!r}]"
        if isinstance(meant, Mapping):
            _only(meant, where, ("model", "hidden"))
            if checked.flag(meant.get("hidden", False), f"{where}['hidden']"):
                hidden.add(alias)
            meant = meant.get("model")  # noqa: PLW2901 - two ways to write one thing
        aliases[alias] = checked.text(meant, where)
    return aliases, frozenset(hidden)


def _only(given: Mapping[str, Any], where: str, known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise ConfigurationError(f"{where} has no {name!r}{checked.near(name, known)}")


def affinity_of(given: Any, what: str, refusals: Refusals) -> tuple[str, ...]:
    """What keeps calls at one deployment, of LiteLLM's names for checks; the others are refused."""
    found = []
    for name in checked.names(given, what):
        if meant := _AFFINITIES.get(name):
            found.append(meant)
        elif name not in _ALREADY:
            known = (*_AFFINITIES, *_ALREADY)
            why = _NO_CHECKS.get(name, f"there is no such check{checked.near(name, known)}")
            refusals.refuse(f"{what}[{name!r}]", why)
    return tuple(found)


def group_strategies_of(
    given: Any, what: str, refusals: Refusals
) -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """LiteLLM's ``routing_groups``: the strategy of each group that is in one of them."""
    if not isinstance(given, list | tuple):
        raise ConfigurationError(f"{what} is a list of mappings, not {type(given).__name__}")
    found: dict[str, tuple[Any, Mapping[str, Any]]] = {}
    for at, entry in enumerate(given):
        where = f"{what}[{at}]"
        _only(checked.table(entry, where), where, _OF_A_GROUP)
        strategy = (entry.get("routing_strategy"), entry.get("routing_strategy_args") or {})
        if strategy[0] == "priority":
            why = "one group's calls go to another one by fallbacks: write the order there"
            refusals.refuse(f"{where}.routing_strategy", why)
            continue
        for group in checked.names(entry.get("models"), f"{where}.models"):
            if group in found:
                raise ConfigurationError(f"{where}: {group!r} is in two of {what}")
            found[group] = strategy
    return found


_OF_A_GROUP: Final = (
    "group_name",
    "models",
    "routing_strategy",
    "routing_strategy_args",
    "model_priorities",
)
