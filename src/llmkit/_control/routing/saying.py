"""Settings as the keywords that say them: what a router was told, told back, but for keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from .settings import Settings

__all__ = ["keywords_of"]


def keywords_of(settings: Settings) -> dict[str, Any]:
    """What a ``Router`` is given for settings like these: LiteLLM's names where it has one, dicts and lists."""
    found: dict[str, Any] = {}
    for one in fields(settings):
        name, said = one.name, getattr(settings, one.name)
        if name in _OTHERWISE:
            found |= _OTHERWISE[name](settings)
        elif said is not None:
            found[_NAMES.get(name, name)] = _plain(said)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _aliases(settings: Settings) -> dict[str, Any]:
    return {
        "model_group_alias": {
            alias: {"model": group, "hidden": True} if alias in settings.hidden else group
            for alias, group in settings.aliases.items()
        }
    }


def _groups(settings: Settings) -> dict[str, Any]:
    return {
        "routing_groups": [
            {
                "group_name": group,
                "models": [group],
                "routing_strategy": strategy,
                "routing_strategy_args": _plain(arguments),
            }
            for group, (strategy, arguments) in settings.group_strategies.items()
        ]
    }


def _nothing(settings: Settings) -> dict[str, Any]:
    return {}


_NAMES: Final = {
    "continue_streams": "enable_mid_stream_fallback_continuation",
    "group_retry_policy": "model_group_retry_policy",
    "max_parallel": "default_max_parallel_requests",
    "pre_call_checks": "enable_pre_call_checks",
    "priority": "default_priority",
    "strategy": "routing_strategy",
    "strategy_args": "routing_strategy_args",
    "tag_filtering": "enable_tag_filtering",
    "tag_match_any": "tag_filtering_match_any",
    "tag_prefix": "tag_routing_prefix",
    "weighted_failover": "enable_weighted_failover",
    "health_check_ignores": "health_check_ignore_transient_errors",
}
_OTHERWISE: Final[Mapping[str, Callable[[Settings], dict[str, Any]]]] = {
    "aliases": _aliases,
    "cooldowns": lambda settings: {"disable_cooldowns": not settings.cooldowns},
    "defaults": _nothing,
    "group_strategies": _groups,
    "hidden": _nothing,
}
