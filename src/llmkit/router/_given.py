"""TEMPORARY until arguments.given is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .._control.routing.entries import Reading, deployments_of
from .._control.routing.settings import Settings
from ..types.params import CallOptions


@dataclass(frozen=True)
class Given:
    deployments: tuple[Any, ...]
    settings: Settings
    client: Mapping[str, Any]
    budgets: tuple[Any, ...] = ()
    redis: Any = None
    report: Any = None


_NAMES = {
    "routing_strategy": "strategy",
    "routing_strategy_args": "strategy_args",
    "model_group_alias": "aliases",
    "default_max_parallel_requests": "max_parallel",
    "enable_pre_call_checks": "pre_call_checks",
    "enable_tag_filtering": "tag_filtering",
    "default_litellm_params": "defaults",
}


def given(
    model_list: Any,
    how: Mapping[str, Any],
    *,
    environ: Any,
    catalogue: Any = None,
    report: Any = None,
) -> Given:
    told = {_NAMES.get(k, k): v for k, v in how.items()}
    if told.pop("disable_cooldowns", False):
        told["cooldowns"] = False
    for name in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
        if isinstance(told.get(name), list):
            merged: dict[str, Any] = {}
            for one in told[name]:
                merged.update(one)
            told[name] = merged
    names = {one.name for one in fields(Settings)}
    client = {k: v for k, v in told.items() if k in CallOptions.__annotations__ and k not in names}
    settings = Settings(**{k: v for k, v in told.items() if k not in client})
    deployments = deployments_of(
        model_list or [], Reading(environ=environ, catalogue=catalogue), settings.defaults
    )
    return Given(deployments, settings, client)
