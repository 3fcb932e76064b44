"""``litellm.budget_manager``: the path that LiteLLM's programs import ``BudgetManager`` from."""

from __future__ import annotations

from .._budget import BudgetManager

__all__ = ["BudgetManager"]
