"""LiteLLM's ``config.yaml``, as the mapping that it is, to what a router is made of.

All that is not honoured is in the report with the reason. Files are read in ``_io._config``; nothing is opened here.
Source of the keys: docs.litellm.ai/docs/proxy/config_settings, read 2026-11-22.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from ...catalogue import Catalogue
from ...errors import ConfigurationError
from . import checked
from .arguments import Given, given, meant_by
from .budgets import budget_for
from .entries import Reading
from .keywords import CONNECTION, RouterOptions
from .refused import DONE, LIBRARY, PROXY, ROUTER, SECTIONS, STRATEGIES
from .report import NEUTRAL, Report
from .strategies import arguments_of
from .told import REFERENCE, loose, resolved

__all__ = ["configured"]

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_SECTIONS: Final = (
    "model_list",
    "router_settings",
    "litellm_settings",
    "general_settings",
    "environment_variables",
    "credential_list",
)
_USUAL: Final = "simple-shuffle"
_EVERY: Final = 300
"""Seconds between LiteLLM's health checks where nothing is said."""
_LIBRARY: Final = {"request_timeout": "timeout", "ssl_verify": "verify"}
"""Keys of ``litellm_settings`` that are called otherwise here."""
_GENERAL: Final = {
    "background_health_check_model_groups": "background_health_check_model_groups",
    "enable_health_check_routing": "enable_health_check_routing",
    "global_max_parallel_requests": "max_parallel",
    "health_check_ignore_transient_errors": "health_check_ignore_transient_errors",
    "max_parallel_requests": "default_max_parallel_requests",
}
"""Keys of ``general_settings`` that concern a router."""
_CLIENTS: Final = frozenset({"max_parallel", "verify"})
"""Keywords of a ``Client`` that are no options of a call."""
_TEXTS: Final = frozenset({
    "content_policy_fallbacks", "context_window_fallbacks", "default_fallbacks", "fallbacks",
    "redis_host", "redis_password", "redis_url", "routing_strategy", "tag_routing_prefix",
    "when_busy", "when_store_lost",
})  # fmt: skip


@dataclass(slots=True)
class _Found:
    """What sections say of the router: keyword by keyword, with where each stands."""

    environ: Mapping[str, str]
    report: Report
    keywords: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def take(self, keyword: str, value: Any, path: str) -> None:
        """A keyword; what was said before by another section no longer holds."""
        for other in [one for one in self.keywords if meant_by(one) == meant_by(keyword)]:
            if self.paths[other].partition(".")[0] != path.partition(".")[0]:
                del self.keywords[other]
        meant = resolved(value, path, self.environ)
        referred = isinstance(value, str) and value.startswith(REFERENCE)
        self.keywords[keyword] = loose(meant) if referred and keyword not in _TEXTS else meant
        self.paths[keyword] = path

    def where(self, keyword: str) -> str:
        """Where it stands; a keyword that was given in code stands nowhere."""
        return self.paths.get(keyword, keyword)


def configured(
    config: Mapping[str, Any],
    keywords: Mapping[str, Any] = _NOTHING,
    *,
    environ: Mapping[str, str] = _NOTHING,
    catalogue: Catalogue | None = None,
    budget: Any = None,
    notes: Iterable[tuple[str, str]] = (),
) -> Given:
    """Read a configuration. ``keywords`` are said in code, and go before the file.

    ``notes``: what the file's reader found to report: (key, why).

    Raises:
        ConfigurationError: something is wrong, in the file (the message begins with where) or in ``keywords``.
    """
    given((), keywords)
    report = Report()
    for key, why in notes:
        report.refuse(key, why)
    sections = checked.table(config, "the configuration")
    _refuse_sections(sections, report)
    variables = _section(sections, "environment_variables")
    found = _Found(_laid_over(variables, environ), report)
    total = _library(_section(sections, "litellm_settings"), found)
    _general(_section(sections, "general_settings"), found)
    for name, value in _section(sections, "router_settings").items():
        if value is not None:
            found.take(name, value, f"router_settings.{name}")
    _override(found, keywords)
    return _made(sections, found, total, catalogue, budget)


def _made(
    sections: Mapping[str, Any],
    found: _Found,
    total: tuple[Any, ...],
    catalogue: Catalogue | None,
    budget: Any,
) -> Given:
    _strategies(found)
    clients = {name: found.keywords.pop(name) for name in _CLIENTS & found.keywords.keys()}
    credentials = _credentials(sections.get("credential_list") or (), found)
    made = given(
        sections.get("model_list") or (),
        found.keywords,
        environ=found.environ,
        catalogue=catalogue,
        budget=budget,
        reading=Reading(found.environ, found.report, catalogue, credentials),
        where=found.where,
    )
    budgets = (*total, *made.budgets)
    return replace(made, client={**clients, **made.client}, budgets=budgets)


def _strategies(found: _Found) -> None:
    """Arguments that a strategy does not have are reported, where the file says them."""
    names, own = ("routing_strategy", "routing_strategy_args"), "routing_groups"
    if names[1] in found.paths:
        strategy = found.keywords.get(names[0], _USUAL)
        places = found.where(names[0]), found.where(names[1])
        found.keywords[names[1]] = _known(strategy, found.keywords[names[1]], places, found.report)
    groups = found.keywords.get(own)
    if own not in found.paths or not isinstance(groups, list):
        return
    for at, group in enumerate(groups):
        if isinstance(group, dict) and names[1] in group:
            there = f"{found.where(own)}[{at}]"
            places = f"{there}.{names[0]}", f"{there}.{names[1]}"
            group[names[1]] = _known(group.get(names[0]), group[names[1]], places, found.report)


def _known(strategy: Any, arguments: Any, places: tuple[str, str], report: Report) -> Any:
    """The arguments that a strategy has, of those that are given."""
    if not isinstance(strategy, str) or not isinstance(arguments, Mapping):
        return arguments
    try:
        known = () if strategy in STRATEGIES else arguments_of(strategy)
    except ConfigurationError as error:
        raise ConfigurationError(f"{places[0]}: {error.message}") from None
    if known is None:
        return arguments
    for name in (name for name in arguments if name not in known):
        why = f"{strategy} has no such argument: it has {', '.join(known) or 'none'}"
        report.refuse(f"{places[1]}.{name}", why)
    return {name: value for name, value in arguments.items() if name in known}


def _override(found: _Found, keywords: Mapping[str, Any]) -> None:
    """What is said in code goes before the file, under whichever name."""
    said = {name: value for name, value in keywords.items() if value is not None}
    meant = {meant_by(name) for name in said}
    for name in [name for name in found.keywords if meant_by(name) in meant]:
        del found.keywords[name]
        del found.paths[name]
    found.keywords |= said


def _section(sections: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    given_section = sections.get(name)
    return _NOTHING if given_section is None else checked.table(given_section, name)


def _refuse_sections(sections: Mapping[str, Any], report: Report) -> None:
    for name, value in sections.items():
        if name not in _SECTIONS and not (name in SECTIONS and value in NEUTRAL):
            known = (*_SECTIONS, *SECTIONS)
            report.refuse(
                name, SECTIONS.get(name, f"there is no such section{checked.near(name, known)}")
            )


def _laid_over(variables: Mapping[str, Any], environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the file's variables before it: for this router, and nobody else."""
    path = "environment_variables"
    meant: dict[str, str] = {}
    for name, value in variables.items():
        found = resolved(value, f"{path}.{name}", environ)
        if not isinstance(found, str | int | float):
            raise ConfigurationError(f"{path}.{name} is a text, not {type(found).__name__}")
        meant[name] = str(found)
    # A mapping that is only read; ChainMap is declared for those that are written.
    return ChainMap(meant, environ) if meant else environ  # type: ignore[arg-type]


def _library(section: Mapping[str, Any], found: _Found) -> tuple[Any, ...]:
    """``litellm_settings``; the answer is the budget of everything, where there is one."""
    said = {name: value for name, value in section.items() if value is not None}
    total = _total(said, found)
    for name, value in said.items():
        path, keyword = f"litellm_settings.{name}", _LIBRARY.get(name, name)
        if name in LIBRARY:
            if value not in NEUTRAL:
                found.report.refuse(path, LIBRARY[name])
        elif name in _LIBRARY or name in RouterOptions.__annotations__ or name in ROUTER:
            found.take(keyword, value, path)
        elif name not in DONE:
            known = (*_LIBRARY, *RouterOptions.__annotations__.keys() - CONNECTION, *LIBRARY)
            found.report.refuse(path, f"there is no such setting{checked.near(name, known)}")
    return total


def _total(said: dict[str, Any], found: _Found) -> tuple[Any, ...]:
    path = "litellm_settings"
    limit, duration = (
        resolved(said.pop(name, None), f"{path}.{name}", found.environ)
        for name in ("max_budget", "budget_duration")
    )
    return () if limit in {None, 0, "0"} else (budget_for(limit, duration, "global", path),)


def _general(section: Mapping[str, Any], found: _Found) -> None:
    """``general_settings``: all but health checks and places is the proxy's."""
    checks, often = section.get("background_health_checks"), section.get("health_check_interval")
    path = "general_settings"
    if checks is not None and checked.flag(
        loose(resolved(checks, f"{path}.background_health_checks", found.environ)),
        f"{path}.background_health_checks",
    ):
        interval = _EVERY if often is None else often
        found.take("health_check_interval", interval, f"{path}.health_check_interval")
    for name, value in section.items():
        if name in {"background_health_checks", "health_check_interval"} or value in NEUTRAL:
            continue
        if name in _GENERAL:
            found.take(_GENERAL[name], value, f"{path}.{name}")
        else:
            found.report.refuse(f"{path}.{name}", PROXY)


def _credentials(given_list: Any, found: _Found) -> Mapping[str, Mapping[str, Any]]:
    """Credentials by name; what of the environment they refer to is looked up where one is used."""
    if not isinstance(given_list, list | tuple):
        raise ConfigurationError(f"credential_list is a list, not {type(given_list).__name__}")
    kept: dict[str, Mapping[str, Any]] = {}
    for at, entry in enumerate(given_list):
        path = f"credential_list[{at}]"
        name = checked.text(
            checked.table(entry, path).get("credential_name"), f"{path}.credential_name"
        )
        kept[name] = checked.table(
            entry.get("credential_values") or {}, f"{path}.credential_values"
        )
    return kept
