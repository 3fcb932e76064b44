"""``/team/member_…``: who is in a team, and what he may spend there: a rule of the ledger, of the team and the user."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..data.models import Key, Member, Team, User
from . import fields
from .asking import Asked, Asking, forbidden, missing, refused
from .durations import window_of
from .keys import delete_keys
from .limits import Limits, checked, hold, spent
from .memberships import scope_in
from .rows import Held, limits_in, plain
from .teams import administered, joined, with_members
from .users import person

__all__ = ["router"]

router = APIRouter(tags=["team management"])


def _limits(body: Any) -> Limits:
    window_of(body.budget_duration)
    return Limits(
        max_budget=body.max_budget_in_team,
        budget_duration=body.budget_duration,
        rpm_limit=body.rpm_limit,
        tpm_limit=body.tpm_limit,
    )


def _said(body: Any) -> dict[str, Any]:
    names = ("max_budget_in_team", "budget_duration", "rpm_limit", "tpm_limit")
    return {name: plain(getattr(body, name)) for name in names}


def _limited(body: Any) -> bool:
    return any(value is not None for value in _said(body).values())


def _id_of(session: Session, user_id: str | None, user_email: str | None) -> str:
    """Whoever is meant; an id need not be a user's yet, as an identity provider's tokens may bring him."""
    if user_id is not None:
        return user_id
    found = person(session, None, user_email)
    if found is None:
        raise refused("no user has this address: give user_id", "user_email")
    return found.user_id


@router.post("/team/member_add")
async def add(asking: Asked, body: fields.MemberAdded) -> dict[str, Any]:
    """Take people into a team; ``max_budget_in_team``, in USD, is what each may spend there."""
    members = body.member if isinstance(body.member, list) else [body.member]
    limits = _limits(body)

    def work(session: Session) -> tuple[Held[Team], list[tuple[str, User | None]]]:
        team = administered(session, asking, body.team_id)
        found = []
        for one in members:
            user_id = _id_of(session, one.user_id, one.user_email)
            joined(session, asking, team.team_id, user_id, one.role)
            found.append((user_id, session.get(User, user_id)))
            checked(asking.gateway, scope_in(team.team_id, user_id), limits)
        return Held(team, limits_in(session, team)), found

    team, found = await asking.run(work)
    for user_id, _ in found:
        if _limited(body):
            await hold(asking.gateway, scope_in(body.team_id, user_id), limits)
    await asking.gateway.bearers.forget()
    return {
        **await with_members(asking, team),
        "updated_users": [_person(user_id, user) for user_id, user in found],
        "updated_team_memberships": [
            {"team_id": body.team_id, "user_id": user_id, **_said(body)} for user_id, _ in found
        ],
    }


def _person(user_id: str, user: User | None) -> dict[str, Any]:
    found = {"user_id": user_id, "user_email": None, "user_alias": None}
    return found if user is None else {name: getattr(user, name) for name in found}


def _member(session: Session, asking: Asking, body: Any) -> Member:
    administered(session, asking, body.team_id)
    if body.user_id is None and body.user_email is None:
        raise refused("give user_id or user_email", "user_id")
    user_id = _id_of(session, body.user_id, body.user_email)
    row = session.get(Member, (body.team_id, user_id))
    if row is None:
        raise missing("member of this team")
    return row


@router.post("/team/member_update")
async def update(asking: Asked, body: fields.MemberChanged) -> dict[str, Any]:
    """Give a member another role, or other limits: all those that are said, and no others."""
    limits, limited = _limits(body), _limited(body)

    def work(session: Session) -> tuple[str, str | None]:
        row = _member(session, asking, body)
        if body.role is not None:
            row.role = body.role
        if limited and row.user_id == asking.subject.user and not asking.all:
            raise forbidden("what limits yourself is somebody else's to change")
        checked(asking.gateway, scope_in(body.team_id, row.user_id), limits)
        user = session.get(User, row.user_id)
        return row.user_id, None if user is None else user.user_email

    user_id, email = await asking.run(work)
    if limited:
        await hold(asking.gateway, scope_in(body.team_id, user_id), limits)
    await asking.gateway.bearers.forget()
    usd = (await spent(asking.gateway, scope_in(body.team_id, user_id), limits)).usd
    who = {"team_id": body.team_id, "user_id": user_id, "user_email": email}
    return {**who, **_said(body), "spend": float(usd)}


@router.post("/team/member_delete")
async def remove(asking: Asked, body: fields.MemberGone) -> dict[str, Any]:
    """Let somebody be in a team no more; his keys for it are deleted."""

    def keys(session: Session) -> list[Key]:
        row = _member(session, asking, body)
        chosen = select(Key).where(Key.team_id == row.team_id, Key.user_id == row.user_id)
        return list(session.scalars(chosen))

    def work(session: Session) -> tuple[Held[Team], str]:
        row = _member(session, asking, body)
        team = administered(session, asking, body.team_id)
        session.delete(row)
        return Held(team, limits_in(session, team)), row.user_id

    await delete_keys(asking, keys)
    team, user_id = await asking.run(work)
    await hold(asking.gateway, scope_in(body.team_id, user_id), Limits())
    await asking.gateway.bearers.forget()
    return await with_members(asking, team)
