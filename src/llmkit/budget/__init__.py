"""Budgets and rate limits that cannot be overspent: ``BudgetManager``, ``Budget``, ``RateLimit``. Names only."""

from __future__ import annotations

from .._control.budget.checking import BudgetCheck, BudgetStatus
from .._control.budget.refusing import Shortfall
from .._control.budget.rules import Budget, RateLimit
from .._control.budget.stored import BudgetInfo
from .._control.budget.usage import UsageLine, UsageReport
from ._calls import BudgetManager
from ._hold import Hold

__all__ = [
    "Budget",
    "BudgetCheck",
    "BudgetInfo",
    "BudgetManager",
    "BudgetStatus",
    "Hold",
    "RateLimit",
    "Shortfall",
    "UsageLine",
    "UsageReport",
]
