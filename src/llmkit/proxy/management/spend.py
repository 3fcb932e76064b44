"""``/spend/…``: rows of the request log, what keys, users, teams and tags spent, and what a call would cost.

Whoever sees all sees all; a user sees his own, a team's administrator his team's. Sums of money are the ledger's.
Paths, parameters and fields are LiteLLM's (``spend_management_endpoints.py``, read 2026-11-23).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..auth.allowed import may_use
from ..data.contents import contents_of
from ..data.models import Key, Request, Team, User
from ..data.reports import Chosen, Visible, count, rows, totals
from . import fields
from .asking import Asked, Asking, refused
from .key_lists import Number, Text
from .keys import token_in
from .usage import Day, Span, Used, amount, by_id, by_key, keys_seen, one

__all__ = ["deployed", "router", "visible_to"]

router = APIRouter(tags=["spend"])
_WELL: Final = ("completed", "mocked", "closed")
_ILL: Final = ("failed", "cancelled", "abandoned", "interrupted")
Size = Annotated[int, Query(ge=1, le=1000)]
Status = Annotated[Literal["success", "failure"] | None, Query()]


def visible_to(asking: Asking) -> Visible | None:
    """The rows of the request log that somebody may see; ``None``: all."""
    if asking.sees_all:
        return None
    subject = asking.subject
    organisation = subject.organisation if subject.role == "org_admin" else ""
    return Visible(
        user=subject.user, teams=subject.admin_of, key=subject.key, organisation=organisation
    )


# --- rows ----------------------------------------------------------------------------------------


@router.get("/spend/logs")
async def logs(
    asking: Asked,
    *,
    request_id: Text = None,
    http_id: Text = None,
    api_key: Text = None,
    user_id: Text = None,
    team_id: Text = None,
    end_user: Text = None,
    session_id: Text = None,
    model: Text = None,
    tag: Text = None,
    start_date: Day = None,
    end_date: Day = None,
    summarize: bool = True,
    page: Number = 1,
    page_size: Size = 100,
) -> list[dict[str, Any]]:
    """Calls, the newest first; between two days, what each day came to, unless ``summarize`` is false.

    ``http_id`` is what an answer's ``x-request-id`` said; ``request_id`` the call's own.
    """
    span = Span.of(start_date, end_date)
    chosen = Chosen(
        since=span.begin,
        until=span.end,
        request_id=request_id,
        http_id=http_id,
        key=api_key and token_in(api_key),
        user=user_id,
        team=team_id,
        end_user=end_user,
        session=session_id,
        group=model,
        tag=tag,
        visible=visible_to(asking),
    )
    if summarize and span.since and span.until:
        return await _summary(asking, chosen)
    return await asking.read(lambda session: _page(session, chosen, page, page_size))


@router.get("/spend/logs/v2")
@router.get("/spend/logs/ui", include_in_schema=False)
async def pages(
    asking: Asked,
    *,
    request_id: Text = None,
    api_key: Text = None,
    user_id: Text = None,
    team_id: Text = None,
    end_user: Text = None,
    model: Text = None,
    status_filter: Status = None,
    start_date: Day = None,
    end_date: Day = None,
    page: Number = 1,
    page_size: Size = 50,
) -> dict[str, Any]:
    """Calls, the newest first, with how many there are."""
    span = Span.of(start_date, end_date)
    chosen = Chosen(
        since=span.begin,
        until=span.end,
        request_id=request_id,
        key=api_key and token_in(api_key),
        user=user_id,
        team=team_id,
        end_user=end_user,
        group=model,
        outcomes={"success": _WELL, "failure": _ILL, None: ()}[status_filter],
        visible=visible_to(asking),
    )

    def work(session: Session) -> tuple[list[dict[str, Any]], int]:
        return _page(session, chosen, page, page_size), count(session, chosen)

    found, total = await asking.read(work)
    part = {"page": page, "page_size": page_size, "total_pages": -(-total // page_size)}
    return {"data": found, "total": total, **part}


def _page(session: Session, chosen: Chosen, page: int, size: int) -> list[dict[str, Any]]:
    found = rows(session, chosen, size, (page - 1) * size)
    contents = contents_of(session, [row.request_id for row in found])
    return [_row(row, contents.get(row.request_id)) for row in found]


def _row(row: Request, content: Any) -> dict[str, Any]:
    """One call in LiteLLM's form. A count or a cost that is not known is ``null``."""
    known = [n for n in (row.prompt_tokens, row.completion_tokens) if n is not None]
    details, kept = row.details or {}, content or {}
    return {
        "request_id": row.request_id,
        "http_id": row.http_id,
        "call_type": row.call_type,
        "api_key": row.api_key,
        "spend": amount(row.spend),
        "total_tokens": sum(known) if known else None,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "startTime": _time(row.started),
        "endTime": _time(row.started + timedelta(seconds=row.seconds)),
        "model": row.model,
        "model_group": row.model_group,
        "custom_llm_provider": row.provider,
        "user": row.user,
        "team_id": row.team_id,
        "organization_id": row.organization_id,
        "end_user": row.end_user,
        "session_id": row.session_id,
        "requester_ip_address": row.requester_ip_address,
        "request_tags": row.tags,
        "cache_hit": bool(details.get("cache_hit")),
        "status": "success" if row.status in _WELL else "failure",
        "outcome": row.status,
        "error": row.error,
        "metadata": details,
        "messages": kept.get("messages"),
        "response": kept.get("response"),
    }


def _time(at: datetime) -> str:
    return at.replace(tzinfo=UTC).isoformat(timespec="milliseconds")


async def _summary(asking: Asking, chosen: Chosen) -> list[dict[str, Any]]:
    """Each day: what was spent, by user and by model."""
    found = await asking.read(lambda session: totals(session, chosen, ("day", "user", "model")))
    days: dict[str, dict[str, Any]] = {}
    for total in found:
        day = str(total.by["day"])[:10]
        empty = {"startTime": day, "spend": 0.0, "calls": 0, "unpriced": 0}
        said = days.setdefault(day, {**empty, "users": {}, "models": {}})
        spent = float(total.spend)
        said["spend"] += spent
        said["calls"] += total.calls
        said["unpriced"] += total.unpriced
        for name, of in (("users", total.by["user"]), ("models", total.by["model"])):
            if of:
                said[name][of] = said[name].get(of, 0.0) + spent
    return [days[day] for day in sorted(days)]


# --- sums ----------------------------------------------------------------------------------------


@router.get("/spend/keys")
async def keys(asking: Asked, start_date: Day = None, end_date: Day = None) -> list[dict[str, Any]]:
    """Keys and what they spent, on these days or ever; who spent most comes first."""
    span = Span.of(start_date, end_date)
    found = await asking.read(partial(keys_seen, asking))
    known = await by_key(asking, found, span)
    return _sorted({**_key(row), **_spent(known[row.token])} for row in found)


def _key(row: Key) -> dict[str, Any]:
    names = ("token", "key_name", "key_alias", "user_id", "team_id", "organization_id", "models")
    said = {name: getattr(row, name) for name in (*names, "budget_duration", "blocked")}
    expires = row.expires and _time(row.expires)
    return {**said, "max_budget": amount(row.max_budget), "expires": expires}


@router.get("/spend/users")
async def users(
    asking: Asked, user_id: Text = None, start_date: Day = None, end_date: Day = None
) -> list[dict[str, Any]]:
    """Users and what they spent; for who does not see all, he himself."""

    def work(session: Session) -> list[User]:
        chosen = select(User)
        if not asking.sees_all:
            chosen = chosen.where(User.user_id == asking.subject.user)
        if user_id:
            chosen = chosen.where(User.user_id == user_id)
        return [*session.scalars(chosen)]

    found = {row.user_id: row for row in await asking.read(work)}
    known = await _known(asking, "user", found, Span.of(start_date, end_date))
    names = ("user_id", "user_alias", "user_email", "user_role", "budget_duration", "blocked")
    return _sorted(_bearer(row, names, known) for row in found.values())


@router.get("/spend/teams")
async def teams(
    asking: Asked, team_id: Text = None, start_date: Day = None, end_date: Day = None
) -> list[dict[str, Any]]:
    """Teams and what they spent, of those that the caller administers."""

    def work(session: Session) -> list[Team]:
        chosen = select(Team) if not team_id else select(Team).where(Team.team_id == team_id)
        return [
            row
            for row in session.scalars(chosen)
            if asking.sees_all or asking.administers_team(row)
        ]

    found = {row.team_id: row for row in await asking.read(work)}
    known = await _known(asking, "team", found, Span.of(start_date, end_date))
    names = ("team_id", "team_alias", "organization_id", "budget_duration", "blocked")
    return _sorted(_bearer(row, names, known) for row in found.values())


async def _known(asking: Asking, kind: str, ids: Iterable[str], span: Span) -> dict[str, Used]:
    if asking.sees_all:
        return await by_id(asking, kind, span)
    return {id_: await one(asking, {kind: id_}, span) for id_ in ids}


def _bearer(row: Any, names: Iterable[str], known: dict[str, Used]) -> dict[str, Any]:
    said = {name: getattr(row, name) for name in names}
    id_ = row.user_id if isinstance(row, User) else row.team_id
    return {**said, "max_budget": amount(row.max_budget), **_spent(known.get(id_, Used()))}


def _spent(total: Used) -> dict[str, Any]:
    return {"spend": amount(total.usd), "calls": total.calls, "total_tokens": total.tokens}


def _sorted(said: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(said, key=lambda one: -one["spend"])


@router.get("/spend/tags")
async def tags(asking: Asked, start_date: Day = None, end_date: Day = None) -> list[dict[str, Any]]:
    """Tags and what was spent under them. A call of two tags counts for both."""
    return await tags_of(asking, Span.of(start_date, end_date))


async def tags_of(asking: Asking, span: Span) -> list[dict[str, Any]]:
    """The tags of what somebody may see; the ledger does not know whose a tag's calls were, the request log does."""
    if asking.sees_all:
        known = await by_id(asking, "tag", span)
        found = [(tag, total.calls, total.usd) for tag, total in known.items()]
    else:
        chosen = Chosen(since=span.begin, until=span.end, visible=visible_to(asking))
        logged = await asking.read(lambda session: totals(session, chosen, ["tag"]))
        found = [(one.by["tag"], one.calls, one.spend) for one in logged if one.by["tag"]]
    said = [
        {"individual_request_tag": tag, "log_count": calls, "total_spend": amount(usd)}
        for tag, calls, usd in found
    ]
    return sorted(said, key=lambda one: -one["total_spend"])


# --- what it would cost --------------------------------------------------------------------------


class Calculated(fields.Said):
    """What is to be priced: messages to a model, or an answer of it."""

    model: Annotated[str, Field(max_length=512)] | None = None
    messages: list[Any] | None = None
    completion_response: dict[str, Any] | None = None


@router.post("/spend/calculate")
async def calculate(asking: Asked, body: Calculated) -> dict[str, Any]:
    """What messages to a model cost without their answer, or what an answer cost. Nothing is sent or booked.

    Where no price is known, ``cost`` is ``null``, and ``reason`` says why.
    """
    if (body.messages is None) == (body.completion_response is None):
        raise refused("give one of messages and completion_response", "messages")
    said = body.model or (body.completion_response or {}).get("model")
    if not isinstance(said, str) or not said:
        raise refused("model is missing: name one that GET /v1/models lists", "model")
    may_use(asking.subject, said)
    model = deployed(asking, said)
    cost = await run_sync(_priced(asking, model, body))
    return {"cost": amount(cost.total), "status": cost.status, "reason": cost.reason}


def deployed(asking: Asking, name: str) -> str:
    """What the first deployment of a group asks for."""
    for entry in asking.gateway.calls.get_model_list(name):
        model = str(entry["litellm_params"]["model"])
        return name if "*" in model else model
    return name


def _priced(asking: Asking, model: str, body: Calculated) -> Callable[[], Any]:
    def work() -> Any:
        try:
            return asking.gateway.calls.completion_cost(
                body.completion_response, model=model, messages=body.messages
            )
        except TypeError:
            raise refused(
                "completion_response has no usage: give an answer as it came", "completion_response"
            ) from None

    return work
