"""LiteLLM's budgets of providers, deployments and tags, as budgets for a ``BudgetManager``.

A duration such as ``1d`` rolls, as a ``Budget``'s window does; ``1mo`` is the calendar's month.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ... import providers
from ...errors import ConfigurationError
from ..budget.rules import Budget, RateLimit
from . import checked
from .deployment import Deployment

__all__ = ["budget_for", "budgets_of_deployments", "budgets_of_providers", "budgets_of_tags"]

_MONTHS: Final = re.compile(r"\s*([0-9]+)\s*mo(?:nths?)?\s*", re.IGNORECASE)
_CALENDAR: Final = {"1": "month", "3": "quarter", "12": "year"}
_SPELLINGS: Final = {"budget_limit": "max_budget", "time_period": "budget_duration"}
_KNOWN: Final = ("max_budget", "budget_duration", "rpm_limit", "tpm_limit")


def window_of(duration: Any, what: str) -> str | None:
    """LiteLLM's duration as a budget's window; ``None`` is for ever."""
    if duration is None:
        return None
    text = checked.text(duration, what)
    if (months := _MONTHS.fullmatch(text)) is None:
        return text
    if months[1] not in _CALENDAR:
        raise ConfigurationError(
            f"{what}: {text!r} is no window: the calendar has 1mo, 3mo (a quarter) and 12mo (a year),"
            " and days roll: '60d'"
        )
    return _CALENDAR[months[1]]


def budget_for(limit: Any, duration: Any, scope: Any, what: str) -> Budget:
    """A budget; what is wrong is said with where it stands."""
    try:
        return Budget(limit, window_of(duration, f"{what}.budget_duration"), scope)
    except ConfigurationError as error:
        raise ConfigurationError(_at(what, error.message)) from None


def _at(what: str, message: str) -> str:
    return message if message.startswith(what) else f"{what}: {message}"


def budgets_of_providers(given: Any, what: str) -> tuple[Budget | RateLimit, ...]:
    """``{"openai": {"budget_limit": 1, "time_period": "1d"}}``."""
    found: list[Budget | RateLimit] = []
    for name, said in checked.table(given, what).items():
        try:
            provider = providers.get(name).name
        except ConfigurationError as error:
            raise ConfigurationError(f"{what}: {error.message}") from None
        found += _limits(said, {"provider": provider}, f"{what}.{name}")
    return tuple(found)


def budgets_of_tags(given: Any, what: str) -> tuple[Budget | RateLimit, ...]:
    """``{"tag": {"max_budget": 1, "budget_duration": "1d"}}``."""
    found: list[Budget | RateLimit] = []
    for tag, said in checked.table(given, what).items():
        found += _limits(said, {"tag": tag}, f"{what}.{tag}")
    return tuple(found)


def budgets_of_deployments(deployments: Iterable[Deployment]) -> tuple[Budget, ...]:
    """Those that deployments say of themselves."""
    return tuple(
        budget_for(one.max_budget, one.budget_duration, {"deployment": one.id}, one.id)
        for one in deployments
        if one.max_budget is not None
    )


def _limits(said: Any, scope: Mapping[str, str], what: str) -> Iterator[Budget | RateLimit]:
    if not isinstance(said, Mapping) and callable(dump := getattr(said, "model_dump", None)):
        said = dump(exclude_none=True)
    given = {_SPELLINGS.get(k, k): v for k, v in checked.table(said, what).items() if v is not None}
    for name in given:
        if name not in _KNOWN:
            raise ConfigurationError(
                f"{what} has no {name!r}{checked.near(name, (*_KNOWN, *_SPELLINGS))}"
            )
    requests, tokens = given.get("rpm_limit"), given.get("tpm_limit")
    if "max_budget" in given:
        yield budget_for(given["max_budget"], given.get("budget_duration"), scope, what)
    elif requests is None and tokens is None:
        raise ConfigurationError(f"{what} limits nothing: say max_budget and budget_duration")
    if requests is not None or tokens is not None:
        yield RateLimit(requests, tokens, scope=scope)
