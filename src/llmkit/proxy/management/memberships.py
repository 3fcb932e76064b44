"""What a member of a team may spend there, and has spent: as the ledger has it. Who is in a team: ``members``."""

from __future__ import annotations

from typing import Any, Final

from ..._control.budget.scopes import scope_of
from ..data.models import Team
from .asking import Asking
from .durations import duration_of

__all__ = ["membership", "scope_in"]

_COUNTS: Final = {"requests": "rpm_limit", "tokens": "tpm_limit"}


def scope_in(team_id: str, user_id: str) -> dict[str, str]:
    """What the ledger calls a member of a team."""
    return {"team": team_id, "user": user_id}


async def membership(asking: Asking, team: Team, user_id: str) -> dict[str, Any]:
    """A member as ``/team/info`` shows him. What he may and did spend is for himself, and for who administers."""
    found: dict[str, Any] = {"user_id": user_id, "team_id": team.team_id, "budget_id": None}
    his = bool(user_id) and user_id == asking.subject.user
    if not (his or asking.sees_all or asking.administers_team(team)):
        return found
    limits, spend = await _standing(asking, scope_in(team.team_id, user_id))
    return {**found, "spend": spend, "litellm_budget_table": limits}


async def _standing(asking: Asking, scope: dict[str, str]) -> tuple[dict[str, Any] | None, float]:
    """His limits, and what he spent: in their window where there is one, else ever."""
    whose: Any = dict(scope)
    budget, text = asking.gateway.budget, scope_of(scope).text
    own = [one for one in (await budget.acheck_budget(**whose)).limits if one.scope == text]
    limits: dict[str, Any] = {one.measure: one for one in own}
    if (usd := limits.get("usd")) is not None:
        return _table(limits), float(usd.spent)
    return _table(limits), float((await budget.aget_usage(scope, group_by=())).usd)


def _table(limits: dict[str, Any]) -> dict[str, Any] | None:
    if not limits:
        return None
    usd = limits.get("usd")
    amount = None if usd is None or usd.limit is None else float(usd.limit)
    window = None if usd is None else duration_of(usd.window)
    said = {"max_budget": amount, "budget_duration": window}
    counts = {n: None if m not in limits else int(limits[m].limit) for m, n in _COUNTS.items()}
    return {**said, **counts}
