"""LiteLLM's settings of a module that mean something here: a budget over the default client's calls.

LiteLLM stops the call after the one that went above; here none goes that could. What is held for calls on their way
counts, and is in the error's ``current_cost``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from .._api._default import default_client
from ..errors import ConfigurationError

__all__ = ["Settings"]


class _Standing:
    """The settings as they are."""

    limit: float = 0.0
    duration: str | None = None
    manager: Any = None


_standing = _Standing()


class Settings(ModuleType):
    """A module whose settings take effect when they are set."""

    @property
    def max_budget(self) -> float:
        """Most USD that all calls may cost; 0 for no limit."""
        return _standing.limit

    @max_budget.setter
    def max_budget(self, limit: float | None) -> None:
        _apply(limit or 0.0, _standing.duration)

    @property
    def budget_duration(self) -> str | None:
        """Over what time: ``"30s"`` … ``"30d"`` roll, ``"1mo"`` is the calendar's month; ``None`` is for ever."""
        return _standing.duration

    @budget_duration.setter
    def budget_duration(self, duration: str | None) -> None:
        _apply(_standing.limit, duration)

    @property
    def _current_cost(self) -> float:
        """What the calls have cost within ``budget_duration`` since ``max_budget`` was set first."""
        if _standing.manager is None:
            return 0.0
        (status,) = _standing.manager.check_budget().limits
        return float(status.spent)

    @_current_cost.setter
    def _current_cost(self, cost: float) -> None:
        if _standing.manager is None:
            raise ConfigurationError("set max_budget first: without it, costs are not added up")
        _standing.manager.reset()
        if cost:
            _standing.manager.update_spend(cost)


def _apply(limit: float, duration: str | None) -> None:
    from ..budget import Budget, BudgetManager  # noqa: PLC0415 - few set them

    client = default_client()
    if client.budget not in {None, _standing.manager}:
        raise ConfigurationError("the default client has a budget already: change that one")
    if limit:
        budget = Budget(limit, duration)
        if _standing.manager is None:
            _standing.manager = BudgetManager()
        _standing.manager.remove_budget()
        _standing.manager.set_budget(budget)
    client.budget = _standing.manager if limit else None
    _standing.limit, _standing.duration = limit, duration
