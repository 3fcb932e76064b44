"""``/provider/budgets`` and ``/global/spend/reset``: limits as the ledger has them, looked at and begun anew."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter

from ..._control.budget.scopes import scope_of
from .asking import Asked
from .durations import duration_of, when

__all__ = ["router"]

router = APIRouter(tags=["spend"])
_BEGUN_ANEW: Final = ("key", "team")
"""Whose budgets begin anew with all: keys' and teams', as at LiteLLM."""


@router.get("/provider/budgets")
async def providers(asking: Asked) -> dict[str, Any]:
    """The budgets of providers (``provider_budget_config``), and what was spent in their windows of now."""
    if not asking.sees_all:
        asking.must_be_administrator()
    found: dict[str, dict[str, Any]] = {}
    for one in await asking.gateway.budget.alist_budgets():
        (kind, value), *more = scope_of(one.scope).parts or (("", ""),)
        if kind == "provider" and value != "*" and not more and one.measure == "usd":
            found.setdefault(value, {})
    return {"providers": {name: await _standing(asking, name) for name in sorted(found)}}


async def _standing(asking: Asked, provider: str) -> dict[str, Any]:
    text = scope_of({"provider": provider}).text
    status = await asking.gateway.budget.acheck_budget(provider=provider)
    one = next(x for x in status.limits if x.scope == text and x.measure == "usd")
    return {
        "budget_limit": None if one.limit is None else float(one.limit),
        "time_period": duration_of(one.window),
        "spend": float(one.spent),
        "budget_reset_at": when(one.resets_at),
    }


@router.post("/global/spend/reset")
async def reset(asking: Asked) -> dict[str, Any]:
    """Begin the budgets of all keys and teams anew. The ledger keeps what was spent, and so do all reports."""
    asking.must_be_administrator()
    limits = await asking.gateway.budget.alist_budgets()
    scopes = {one.scope for one in limits if one.measure == "usd"}
    begun = [one for one in sorted(scopes) if _is_begun(one)]
    for scope in begun:
        await asking.gateway.budget.areset(scope)
    return {
        "message": "the budgets of all keys and teams begin anew",
        "status": "success",
        "budgets": len(begun),
    }


def _is_begun(scope: str) -> bool:
    """Whether it is one key's or one team's, perhaps for a model; what each of many has is no one's to reset."""
    parts = dict(scope_of(scope).parts)
    rest = parts.keys() - {"model"}
    return len(rest) == 1 and rest <= set(_BEGUN_ANEW) and "*" not in parts.values()
