"""``/global/spend…`` and ``/global/activity…``: sums over days, models, teams. All of them are the ledger's.

``Global`` is LiteLLM's word: whoever does not see all gets the same of what is his own. ``team_id``, ``api_key`` and
``internal_user_id`` name somebody else's, where that may be seen. Paths are
LiteLLM's (1.109.1), from its source.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query

from ...budget import UsageLine
from .asking import Asked, Asking, forbidden
from .key_lists import Text
from .spend import keys, tags_of, teams
from .usage import Day, Span, Used, amount, id_of, scope_seen, used

__all__ = ["router"]

router = APIRouter(tags=["spend"])
Most = Annotated[int, Query(ge=1, le=1000)]
Grouping = Annotated[Literal["team", "customer", "api_key", "internal_user"], Query()]
_KINDS: Final = {"team": "team", "customer": "customer", "api_key": "key", "internal_user": "user"}


@router.get("/global/spend")
async def spend(
    asking: Asked, team_id: Text = None, start_date: Day = None, end_date: Day = None
) -> dict[str, Any]:
    """What was spent, and what may be, where everything has one budget."""
    scope = await scope_seen(asking, team=team_id)
    total = Used.of(await used(asking, scope, (), Span.of(start_date, end_date)))
    return {"spend": amount(total.usd), "max_budget": await _limit(asking, scope)}


async def _limit(asking: Asking, scope: Any) -> float | None:
    if scope != "global":
        return None
    limits = await asking.gateway.budget.alist_budgets()
    found = [x.limit for x in limits if x.scope == "global" and x.measure == "usd" and x.limit]
    return amount(min(found, default=None))


@router.get("/global/spend/logs")
async def logs(
    asking: Asked,
    api_key: Text = None,
    team_id: Text = None,
    start_date: Day = None,
    end_date: Day = None,
) -> list[dict[str, Any]]:
    """What was spent each day."""
    scope = await scope_seen(asking, key=api_key, team=team_id)
    days = await _grouped(asking, scope, Span.of(start_date, end_date), "day")
    return [{"date": day, "spend": amount(total.usd)} for day, total in days]


@router.get("/global/spend/keys")
async def by_keys(
    asking: Asked, limit: Most = 100, start_date: Day = None, end_date: Day = None
) -> list[dict[str, Any]]:
    """The keys that spent most."""
    found = await keys(asking, start_date, end_date)
    return [
        {
            "api_key": row["token"],
            "key_name": row["key_name"],
            "key_alias": row["key_alias"],
            "total_spend": row["spend"],
        }
        for row in found[:limit]
    ]


@router.get("/global/spend/models")
async def models(
    asking: Asked,
    *,
    limit: Most = 100,
    team_id: Text = None,
    start_date: Day = None,
    end_date: Day = None,
) -> list[dict[str, Any]]:
    """The models that most was spent on."""
    scope = await scope_seen(asking, team=team_id)
    found = await _grouped(asking, scope, Span.of(start_date, end_date), "model")
    said = [{"model": model, "total_spend": amount(total.usd)} for model, total in found]
    return _largest(said, "total_spend")[:limit]


@router.get("/global/spend/provider")
async def providers(
    asking: Asked, start_date: Day = None, end_date: Day = None
) -> list[dict[str, Any]]:
    """What was spent at each provider."""
    scope = await scope_seen(asking)
    found = await _grouped(asking, scope, Span.of(start_date, end_date), "provider")
    return _largest([{"provider": p, "spend": amount(total.usd)} for p, total in found], "spend")


@router.get("/global/spend/teams")
async def by_teams(asking: Asked, start_date: Day = None, end_date: Day = None) -> dict[str, Any]:
    """What each team spent, and on which days."""
    found = await teams(asking, None, start_date, end_date)
    span = Span.of(start_date, end_date)
    daily: dict[str, dict[str, Any]] = {}
    for team in found:
        scope = {"team": team["team_id"]}
        for day, total in await _grouped(asking, scope, span, "day"):
            said = daily.setdefault(day, {"date": day})
            said[team["team_alias"] or team["team_id"]] = amount(total.usd)
    listed = [
        {"team_id": x["team_alias"] or x["team_id"], "total_spend": x["spend"]} for x in found
    ]
    return {
        "daily_spend": [daily[day] for day in sorted(daily)],
        "teams": [one["team_id"] for one in listed],
        "total_spend_per_team": listed,
    }


@router.get("/global/spend/tags")
async def by_tags(asking: Asked, start_date: Day = None, end_date: Day = None) -> dict[str, Any]:
    """What was spent under each tag."""
    found = await tags_of(asking, Span.of(start_date, end_date))
    said = [
        {
            "name": x["individual_request_tag"],
            "spend": x["total_spend"],
            "log_count": x["log_count"],
        }
        for x in found
    ]
    return {"spend_per_tag": said}


@router.get("/global/spend/all_tag_names")
async def tag_names(asking: Asked) -> dict[str, Any]:
    """The tags that calls had."""
    found = await tags_of(asking, Span())
    return {"tag_names": sorted(one["individual_request_tag"] for one in found)}


# --- reports -------------------------------------------------------------------------------------


@router.get("/global/spend/report")
async def report(
    asking: Asked,
    *,
    start_date: Day = None,
    end_date: Day = None,
    group_by: Grouping = "team",
    api_key: Text = None,
    internal_user_id: Text = None,
    team_id: Text = None,
) -> list[dict[str, Any]]:
    """What teams, customers, keys or users spent each day, by model; or, of one that is named, by model."""
    span = Span.of(start_date, end_date)
    if api_key or internal_user_id or team_id:
        scope = await scope_seen(asking, key=api_key, user=internal_user_id, team=team_id)
        named = {"api_key": api_key, "internal_user_id": internal_user_id, "team_id": team_id}
        said = next((name, value) for name, value in named.items() if value)
        return [await _details(asking, scope, said, span)]
    if not asking.sees_all:
        raise forbidden(
            "a report of everybody is for administrators: name team_id, api_key or internal_user_id"
        )
    lines = await used(asking, _KINDS[group_by], ("scope", "day", "model"), span)
    days: dict[str, list[UsageLine]] = {}
    for line in lines:
        days.setdefault(str(line.day), []).append(line)
    name = "teams" if group_by == "team" else f"{group_by}s"
    return [{"group_by_day": day, name: _of_day(days[day], group_by)} for day in sorted(days)]


def _of_day(lines: Iterable[UsageLine], grouping: str) -> list[dict[str, Any]]:
    each: dict[str, list[UsageLine]] = {}
    for line in lines:
        each.setdefault(id_of(line), []).append(line)
    name = "team_name" if grouping == "team" else grouping
    said = [
        {name: id_, "total_spend": amount(Used.of(own).usd), "metadata": [*map(_model, own)]}
        for id_, own in each.items()
    ]
    return _largest(said, "total_spend")


def _model(line: UsageLine) -> dict[str, Any]:
    total = Used.of([line])
    said = {"model": line.model, "spend": amount(total.usd), "total_tokens": total.tokens}
    return {**said, "api_requests": total.calls}


async def _details(
    asking: Asking, scope: Any, named: tuple[str, str | None], span: Span
) -> dict[str, Any]:
    name, value = named
    lines = [*await used(asking, scope, ("model",), span)]
    total = Used.of(lines)
    return {
        name: scope["key"] if name == "api_key" else value,
        "total_cost": amount(total.usd),
        "total_input_tokens": total.prompt_tokens,
        "total_output_tokens": total.completion_tokens,
        "model_details": [
            {
                "model": line.model,
                "total_cost": amount(line.usd),
                "total_input_tokens": line.prompt_tokens,
                "total_output_tokens": line.completion_tokens,
            }
            for line in lines
        ],
    }


# --- activity ------------------------------------------------------------------------------------


@router.get("/global/activity")
async def activity(
    asking: Asked, team_id: Text = None, start_date: Day = None, end_date: Day = None
) -> dict[str, Any]:
    """Calls and tokens each day."""
    scope = await scope_seen(asking, team=team_id)
    return _activity([*await used(asking, scope, ("day",), Span.of(start_date, end_date))])


@router.get("/global/activity/model")
async def activity_of_models(
    asking: Asked, team_id: Text = None, start_date: Day = None, end_date: Day = None
) -> list[dict[str, Any]]:
    """Calls and tokens each day, of each model."""
    scope = await scope_seen(asking, team=team_id)
    models_: dict[str, list[UsageLine]] = {}
    for line in await used(asking, scope, ("day", "model"), Span.of(start_date, end_date)):
        models_.setdefault(str(line.model), []).append(line)
    found = [{"model": model, **_activity(lines)} for model, lines in models_.items()]
    return _largest(found, "sum_api_requests")


def _activity(lines: list[UsageLine]) -> dict[str, Any]:
    total = Used.of(lines)
    daily = [(line.day, Used.of([line])) for line in lines]
    said = [
        {"date": str(day), "api_requests": one.calls, "total_tokens": one.tokens}
        for day, one in daily
    ]
    sums = {"sum_api_requests": total.calls, "sum_total_tokens": total.tokens}
    return {"daily_data": sorted(said, key=lambda one: str(one["date"])), **sums}


async def _grouped(asking: Asking, scope: Any, span: Span, by: str) -> list[tuple[str, Used]]:
    """Sums by day, model or provider, in their order."""
    lines = await used(asking, scope, (by,), span)
    found = [(str(getattr(line, by)), Used.of([line])) for line in lines]
    return sorted(found, key=lambda one: one[0])


def _largest(said: list[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    return sorted(said, key=lambda one: -one[by])
