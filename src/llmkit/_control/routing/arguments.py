"""From the keywords of a ``Router``, ours and LiteLLM's, to what it is made of: ``Given``.

Each keyword is honoured, or refused with what to do instead. The environment is given; nothing is opened here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from ..._secret import Secret
from ...catalogue import Catalogue
from ...errors import ConfigurationError
from ...types.params import CallOptions
from ..budget.rules import Budget, RateLimit
from ..prices import is_price
from . import checked, policies
from .budgets import budgets_of_deployments, budgets_of_providers, budgets_of_tags
from .deployment import Deployment
from .entries import Reading, deployments_of
from .keywords import CONNECTION, RouterOptions
from .refused import ROUTER, STRATEGIES, USUAL
from .report import NEUTRAL, STRICT, Refusals, Report
from .settings import Settings

__all__ = ["Given", "given", "meant_by", "settings_of"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_FIRST_WORD: Final = re.compile(r"\w+")
_EVERY: Final = 300.0
"""Seconds between health checks where LiteLLM's name asks for them; so often it makes them, too."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a router is made of."""

    deployments: tuple[Deployment, ...]
    settings: Settings
    client: dict[str, Any] = field(repr=False)
    """Keywords of ``Client``: options of every call."""
    budgets: tuple[Budget | RateLimit, ...]
    """For a ``BudgetManager``."""
    redis: Secret | None
    """The address of a store that processes share."""
    report: Report
    """What is not honoured."""
    environ: Mapping[str, str] = field(repr=False)


def given(
    model_list: Any,
    keywords: Mapping[str, Any],
    *,
    environ: Mapping[str, str] = _NOTHING,
    catalogue: Catalogue | None = None,
    budget: Any = None,
    reading: Reading | None = None,
    where: Callable[[str], str] = str,
) -> Given:
    """Read what a router was given. A keyword that is ``None`` was not.

    ``budget``: whether it has a ``BudgetManager`` already. ``reading``: how its file is read, where it has one.
    ``where``: where a keyword stands there.

    Raises:
        ConfigurationError: a value is wrong, or a keyword is not honoured (in a file: a row of the report).
    """
    said = {name: value for name, value in keywords.items() if value is not None}
    lenient = checked.flag(said.pop(_LENIENT, False), where(_LENIENT))
    refusals = STRICT if reading is None else reading.refusals
    report = refusals if isinstance(refusals, Report) else Report()
    how = reading or Reading(environ, refusals, catalogue)
    if lenient:
        how = Reading(environ, report, catalogue, how.credentials, lenient=True)
    redis, limits = _redis(said, where), _limits(said, where)
    settings = settings_of(said, refusals, where)
    client = _client(said, refusals, where)
    deployments = deployments_of(() if model_list is None else model_list, how, settings.defaults)
    budgets = (*limits, *budgets_of_deployments(deployments))
    _check_budget(budgets, budget)
    return Given(deployments, settings, client, budgets, redis, report, environ)


def settings_of(
    said: dict[str, Any],
    refusals: Refusals = STRICT,
    where: Callable[[str], str] = str,
    over: Settings | None = None,
) -> Settings:
    """The settings among keywords, which are taken out of them. ``over``: those that stay where nothing is said.

    Raises:
        ConfigurationError: a value is wrong.
    """
    found: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in [name for name in said if name in _SETTINGS or name in _SEVERAL]:
        value, place = said.pop(name), where(name)
        if name in _SEVERAL:
            meant = _SEVERAL[name](value, place, refusals)
        else:
            setting, convert = _SETTINGS[name]
            meant = {setting: convert(value, place)}
        origins |= dict.fromkeys(meant, place)
        _put(found, meant, place)
    return _settings(found, origins, over)


def _settings(
    found: Mapping[str, Any], origins: Mapping[str, str], over: Settings | None
) -> Settings:
    """The settings; what is wrong with one is said of the keyword that people wrote."""
    try:
        return Settings(**found) if over is None else replace(over, **found)
    except ConfigurationError as error:
        name = _FIRST_WORD.match(error.message)
        setting = name[0] if name else ""
        where = origins.get(setting, setting)
        raise ConfigurationError(where + error.message.removeprefix(setting)) from None


def meant_by(name: str) -> str:
    """The setting that a keyword is, or the keyword itself: two names of one thing have one."""
    return _SETTINGS[name][0] if name in _SETTINGS else _MEANT.get(name, name)


def _put(found: dict[str, Any], more: Mapping[str, Any], where: str) -> None:
    """Two names of one setting may say the same, or add to each other (affinity); anything else is a mistake."""
    for setting, value in more.items():
        if setting == "affinity" and setting in found:
            found[setting] = (*found[setting], *value)
        elif setting in found and found[setting] != value:
            raise ConfigurationError(f"{where} is another name of what is said already, otherwise")
        else:
            found[setting] = value


def _as_given(value: Any, where: str) -> Any:
    return value


def _not(value: Any, where: str) -> bool:
    return not checked.flag(value, where)


def _policy(ending: str) -> Callable[[Any, str], Any]:
    return lambda value, where: policies.policy_of(value, where, ending)


def _group_policies(value: Any, where: str) -> dict[str, dict[str, int]]:
    groups = checked.table(value, where).items()
    return {name: policies.policy_of(one, f"{where}[{name!r}]", "Retries") for name, one in groups}


def _names(value: Any, where: str) -> tuple[str, ...]:
    return checked.names(value, where)


def _strategy(value: Any, where: str, refusals: Refusals) -> dict[str, Any]:
    if isinstance(value, str) and value in STRATEGIES:
        refusals.refuse(where, STRATEGIES[value])
        return {}
    return {"strategy": getattr(value, "value", value)}


def _aliases(value: Any, where: str, refusals: Refusals) -> dict[str, Any]:
    aliases, hidden = policies.aliases_of(value, where)
    return {"aliases": aliases, "hidden": hidden}


def _checks(value: Any, where: str, refusals: Refusals) -> dict[str, Any]:
    return {"affinity": policies.affinity_of(value, where, refusals)}


def _group_checks(value: Any, where: str, refusals: Refusals) -> dict[str, Any]:
    groups = checked.table(value, where).items()
    kept = {name: policies.affinity_of(one, f"{where}[{name!r}]", refusals) for name, one in groups}
    return {"group_affinity": kept}


def _groups(value: Any, where: str, refusals: Refusals) -> dict[str, Any]:
    return {"group_strategies": policies.group_strategies_of(value, where, refusals)}


def _health(value: Any, where: str, refusals: Refusals) -> dict[str, Any]:
    return {"health_check_interval": _EVERY} if checked.flag(value, where) else {}


_SETTINGS: Final[Mapping[str, tuple[str, Callable[[Any, str], Any]]]] = {
    "affinity": ("affinity", _names),
    "allowed_fails": ("allowed_fails", _as_given),
    "allowed_fails_policy": ("allowed_fails_policy", _policy("AllowedFails")),
    "background_health_check_model_groups": ("health_check_groups", _names),
    "content_policy_fallbacks": ("content_policy_fallbacks", policies.fallbacks_of),
    "context_window_fallbacks": ("context_window_fallbacks", policies.fallbacks_of),
    "continue_streams": ("continue_streams", _as_given),
    "cooldown_time": ("cooldown_time", _as_given),
    "default_fallbacks": ("default_fallbacks", _as_given),
    "default_litellm_params": ("defaults", _as_given),
    "default_max_parallel_requests": ("max_parallel", _as_given),
    "default_priority": ("priority", _as_given),
    "disable_cooldowns": ("cooldowns", _not),
    "enable_mid_stream_fallback_continuation": ("continue_streams", _as_given),
    "enable_pre_call_checks": ("pre_call_checks", _as_given),
    "enable_tag_filtering": ("tag_filtering", _as_given),
    "enable_weighted_failover": ("weighted_failover", _as_given),
    "enforce_limits": ("enforce_limits", _as_given),
    "fallbacks": ("fallbacks", policies.fallbacks_of),
    "group_affinity": ("group_affinity", _as_given),
    "health_check_groups": ("health_check_groups", _names),
    "health_check_ignore_transient_errors": ("health_check_ignores", _as_given),
    "health_check_interval": ("health_check_interval", _as_given),
    "hedge": ("hedge", _as_given),
    "longest_wait": ("longest_wait", _as_given),
    "max_fallbacks": ("max_fallbacks", _as_given),
    "max_retries": ("num_retries", _as_given),
    "model_group_retry_policy": ("group_retry_policy", _group_policies),
    "num_retries": ("num_retries", _as_given),
    "priority": ("priority", _as_given),
    "retry_after": ("retry_after", _as_given),
    "retry_policy": ("retry_policy", _policy("Retries")),
    "routing_strategy_args": ("strategy_args", _as_given),
    "share": ("share", _as_given),
    "tag_filtering_match_any": ("tag_match_any", _as_given),
    "tag_routing_prefix": ("tag_prefix", _as_given),
    "when_busy": ("when_busy", _as_given),
    "when_store_lost": ("when_store_lost", _as_given),
}
"""Keyword: the setting that it is, and how it is read. ``Settings`` checks it."""
_SEVERAL: Final[Mapping[str, Callable[[Any, str, Refusals], dict[str, Any]]]] = {
    "enable_health_check_routing": _health,
    "model_group_affinity_config": _group_checks,
    "model_group_alias": _aliases,
    "optional_pre_call_checks": _checks,
    "routing_groups": _groups,
    "routing_strategy": _strategy,
}
"""Those of which parts can be refused, or that are several settings."""
_MEANT: Final = {
    "enable_health_check_routing": "health_check_interval",
    "model_group_affinity_config": "group_affinity",
    "optional_pre_call_checks": "affinity",
    "redis_host": "redis_url",
}
_LENIENT: Final = "ignore_invalid_deployments"
_OPTIONS: Final = frozenset(CallOptions.__annotations__) - CONNECTION
_OWN: Final = (
    "a deployment has its own: say it in its litellm_params, or of all in default_litellm_params"
)


def _client(
    said: Mapping[str, Any], refusals: Refusals, where: Callable[[str], str]
) -> dict[str, Any]:
    """What is an option of every call; all else is refused."""
    found = {}
    for name, value in said.items():
        if name in CONNECTION or is_price(name):
            refusals.refuse(where(name), _OWN)
        elif name in _OPTIONS:
            found[name] = value
        elif name not in ROUTER:
            known = (*RouterOptions.__annotations__, *ROUTER)
            refusals.refuse(
                where(name), f"a router knows no such keyword{checked.near(name, known)}"
            )
        elif value not in NEUTRAL and value != USUAL.get(name):
            refusals.refuse(where(name), ROUTER[name])
    return found


def _limits(said: dict[str, Any], where: Callable[[str], str]) -> tuple[Budget | RateLimit, ...]:
    providers, tags = "provider_budget_config", "tag_budget_config"
    return (
        *budgets_of_providers(said.pop(providers, {}), where(providers)),
        *budgets_of_tags(said.pop(tags, {}), where(tags)),
    )


def _check_budget(budgets: tuple[Any, ...], budget: Any) -> None:
    if budgets and budget is not None:
        raise ConfigurationError(
            "budgets of providers, deployments and tags are said to your BudgetManager where there is one:"
            f" BudgetManager(budgets=[{budgets[0]!r}, …])"
        )


def _redis(said: dict[str, Any], where: Callable[[str], str]) -> Secret | None:
    """The address of a Redis that is given whole, or in pieces."""
    url = said.pop("redis_url", None)
    pieces = {name: said.pop(f"redis_{name}", None) for name in ("host", "port", "password", "db")}
    if url is not None and any(one is not None for one in pieces.values()):
        raise ConfigurationError(
            f"{where('redis_url')} says it all: leave out redis_host and its kin"
        )
    if url is not None:
        return Secret(url) if isinstance(url, str) and "://" in url else _no_url(where)
    if pieces["host"] is None:
        for name in (name for name, one in pieces.items() if one is not None):
            raise ConfigurationError(f"{where(f'redis_{name}')}: redis_host is missing")
        return None
    return _assembled(pieces, where)


def _no_url(where: Callable[[str], str]) -> Secret:
    raise ConfigurationError(f"{where('redis_url')} is an address such as redis://host:6379/0")


def _assembled(pieces: Mapping[str, Any], where: Callable[[str], str]) -> Secret:
    host = checked.text(pieces["host"], where("redis_host"))
    port = _number(pieces["port"], 6379, where("redis_port"))
    password = pieces["password"]
    if not isinstance(password, str | None):
        # It is not shown.
        raise ConfigurationError(
            f"{where('redis_password')} is a text, not {type(password).__name__}"
        )
    login = f":{quote(password, safe='')}@" if password else ""
    return Secret(f"redis://{login}{host}:{port}/{_number(pieces['db'], 0, where('redis_db'))}")


def _number(value: Any, usual: int, where: str) -> int:
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return checked.whole(usual if value is None else value, where)
