"""``/user/daily/activity`` and its kin: calls, tokens and spend of each day, and by what. They are the request log's.

So they go as far back as that (``log_days``), and are a moment behind; budgets go by the ledger. Paths, parameters and
fields are LiteLLM's (``common_daily_activity.py``, 1.109.1, read 2026-11-23). Days are UTC's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..data.models import Key
from ..data.reports import By, Chosen, Total, totals
from .asking import Asked, Asking, forbidden
from .key_lists import Number, Text
from .keys import token_in
from .spend import visible_to
from .usage import Day, Span

__all__ = ["router"]

router = APIRouter(tags=["spend"])
Size = Annotated[int, Query(ge=1, le=1000)]
_BREAKDOWN: Final = {
    "models": "model",
    "model_groups": "group",
    "providers": "provider",
    "api_keys": "key",
}
_BY: Final[tuple[By, ...]] = ("day", "model", "group", "provider", "key")


@router.get("/user/daily/activity")
async def of_users(
    asking: Asked,
    *,
    user_id: Text = None,
    model: Text = None,
    api_key: Text = None,
    start_date: Day = None,
    end_date: Day = None,
    page: Number = 1,
    page_size: Size = 50,
) -> dict[str, Any]:
    """Of a user; of all that the caller may see, where nobody is named. A page has so many days."""
    if user_id and not asking.sees_all and user_id != asking.subject.user:
        raise forbidden("what others did is for administrators")
    chosen = _chosen(asking, Span.of(start_date, end_date), model, api_key)
    return await _pages(asking, [replace(chosen, user=user_id or None)], page, page_size)


@router.get("/team/daily/activity")
async def of_teams(
    asking: Asked,
    *,
    team_ids: Text = None,
    model: Text = None,
    api_key: Text = None,
    start_date: Day = None,
    end_date: Day = None,
    page: Number = 1,
    page_size: Size = 50,
) -> dict[str, Any]:
    """Of teams (ids with commas between them), as far as the caller may see their calls."""
    chosen = _chosen(asking, Span.of(start_date, end_date), model, api_key)
    each = [replace(chosen, team=one) for one in _listed(team_ids)]
    return await _pages(asking, each or [chosen], page, page_size)


@router.get("/tag/daily/activity")
async def of_tags(
    asking: Asked,
    *,
    tags: Text = None,
    model: Text = None,
    api_key: Text = None,
    start_date: Day = None,
    end_date: Day = None,
    page: Number = 1,
    page_size: Size = 50,
) -> dict[str, Any]:
    """Of tags, with commas between them. A call of two of them counts for both."""
    chosen = _chosen(asking, Span.of(start_date, end_date), model, api_key)
    each = [replace(chosen, tag=one) for one in _listed(tags)]
    return await _pages(asking, each or [chosen], page, page_size)


@router.get("/customer/daily/activity")
@router.get("/end_user/daily/activity", include_in_schema=False)
async def of_customers(
    asking: Asked,
    *,
    end_user_ids: Text = None,
    model: Text = None,
    api_key: Text = None,
    start_date: Day = None,
    end_date: Day = None,
    page: Number = 1,
    page_size: Size = 50,
) -> dict[str, Any]:
    """Of customers, with commas between them."""
    chosen = _chosen(asking, Span.of(start_date, end_date), model, api_key)
    each = [replace(chosen, end_user=one) for one in _listed(end_user_ids)]
    return await _pages(asking, each or [chosen], page, page_size)


def _listed(given: str | None) -> list[str]:
    named = (one.strip() for one in (given or "").split(","))
    return list(dict.fromkeys(one for one in named if one))[:_MOST]


_MOST: Final = 100
"""Who can be named in one request."""


def _chosen(asking: Asking, span: Span, model: str | None, api_key: str | None) -> Chosen:
    return Chosen(
        since=span.begin,
        until=span.end,
        model=model or None,
        key=token_in(api_key) if api_key else None,
        visible=visible_to(asking),
    )


async def _pages(asking: Asking, chosen: Sequence[Chosen], page: int, size: int) -> dict[str, Any]:
    """Days, the newest first, and what all of them came to."""

    def work(session: Session) -> tuple[list[Total], dict[str, dict[str, Any]]]:
        found = [one for each in chosen for one in totals(session, each, _BY)]
        return found, _keys(session, {str(one.by["key"]) for one in found})

    found, keys = await asking.read(work)
    days = _apart(found, lambda one: str(one.by["day"])[:10])
    shown = sorted(days, reverse=True)[(page - 1) * size : page * size]
    return {
        "results": [_day(day, days[day], keys) for day in shown],
        "metadata": {
            **{f"total_{name}": value for name, value in _metrics(found).items()},
            "page": page,
            "total_pages": -(-len(days) // size),
            "has_more": page * size < len(days),
        },
    }


def _keys(session: Session, tokens: set[str]) -> dict[str, dict[str, Any]]:
    found = session.execute(
        select(Key.token, Key.key_alias, Key.team_id, Key.user_id).where(Key.token.in_(tokens))
    )
    return {
        token: {"key_alias": alias, "team_id": team, "user_id": user, "key_exists": True}
        for token, alias, team, user in found
    }


def _day(day: str, found: Sequence[Total], keys: dict[str, dict[str, Any]]) -> dict[str, Any]:
    breakdown = {name: _parts(found, by, keys) for name, by in _BREAKDOWN.items()}
    return {"date": day, "metrics": _metrics(found), "breakdown": breakdown}


def _parts(
    found: Sequence[Total], by: str, keys: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    apart = _apart(found, lambda one: str(one.by[by] or ""))
    return {
        name: {"metrics": _metrics(some), "metadata": keys.get(name, {}) if by == "key" else {}}
        for name, some in apart.items()
        if name
    }


def _apart(found: Iterable[Total], by: Callable[[Total], str]) -> dict[str, list[Total]]:
    apart: dict[str, list[Total]] = {}
    for one in found:
        apart.setdefault(by(one), []).append(one)
    return apart


def _metrics(found: Sequence[Total]) -> dict[str, Any]:
    """Sums. ``unpriced_requests`` are those whose price is not known: ``spend`` is without them."""
    prompt, completion, calls, failed, unpriced = (
        sum(getattr(one, name) for one in found)
        for name in ("prompt_tokens", "completion_tokens", "calls", "failed", "unpriced")
    )
    return {
        "spend": float(sum((one.spend for one in found), Decimal(0))),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "api_requests": calls,
        "successful_requests": calls - failed,
        "failed_requests": failed,
        "unpriced_requests": unpriced,
    }
