"""``/team/…``: teams, and what models they may ask. Who is in them: ``members``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from ..data.models import Key, Member, Organisation, Team, User
from . import fields
from .asking import Asked, Asking, forbidden, missing, refused, there
from .key_lists import Number, Size, Text
from .keys import answers_of, delete_keys
from .limits import Limits
from .memberships import membership
from .rows import Held, Page, answer, apply, drop, keep, limits_in, paged, set_spend, stamp

__all__ = ["administered", "as_answer", "joined", "router", "with_members"]

router = APIRouter(tags=["team management"])
_SHOWN: Final = ("team_id", "team_alias", "organization_id")
_OWN: Final = frozenset({"team_id", "team_alias", "metadata"})
"""What a team's own administrator may change of it."""


async def as_answer(asking: Asking, row: Team) -> dict[str, Any]:
    """A team as answers show it."""
    return await with_members(asking, await asking.read(lambda session: _held(session, row)))


def _held(session: Session, row: Team) -> Held[Team]:
    return Held(row, limits_in(session, row))


async def with_members(asking: Asking, one: Held[Team]) -> dict[str, Any]:
    """A team as answers show it, with who is in it."""
    members = await asking.read(lambda session: _members(session, one.row.team_id))
    named = [member["user_id"] for member in members]
    return {
        **await answer(asking, one, *_SHOWN),
        "members_with_roles": members,
        "members": named,
        "admins": [member["user_id"] for member in members if member["role"] == "admin"],
    }


def _members(session: Session, team_id: str) -> list[dict[str, Any]]:
    found = session.execute(
        select(Member, User.user_email)
        .join(User, User.user_id == Member.user_id, isouter=True)
        .where(Member.team_id == team_id)
        .order_by(Member.user_id)
    )
    return [{"user_id": m.user_id, "user_email": mail, "role": m.role} for m, mail in found]


def joined(session: Session, asking: Asking, team_id: str, user_id: str, role: str) -> Member:
    """Take a person into a team, or give him another role there."""
    team = there(session.get(Team, team_id), "team")
    if not asking.administers_team(team):
        raise forbidden("you do not administer this team")
    row = session.get(Member, (team_id, user_id))
    if row is None:
        row = Member(team_id=team_id, user_id=user_id)
        session.add(row)
    row.role = role
    session.flush()
    return row


def administered(session: Session, asking: Asking, team_id: str, *, limits: bool = False) -> Team:
    """A team that may be changed; ``Refused`` (404, 403) where there is none, or it may not."""
    row = session.get(Team, team_id)
    if row is None or not (asking.sees_team(row) or asking.administers_team(row)):
        raise missing("team")
    if not asking.administers_team(row, limits=limits):
        raise forbidden("you may not change this of the team: ask an administrator")
    return row


# --- making and changing


@router.post("/team/new")
async def new(asking: Asked, body: fields.NewTeam) -> dict[str, Any]:
    """Make a team. Who makes it administers it."""
    given = body.given()

    def work(session: Session) -> tuple[Team, None]:
        row = _made(session, asking, given)
        for member in body.members_with_roles:
            joined(session, asking, row.team_id, _named(session, member), member.role)
        return row, None

    one = await keep(asking, work)
    await asking.gateway.bearers.forget()
    await set_spend(asking, one, given, new=True)
    return await with_members(asking, one)


def _made(session: Session, asking: Asking, given: Mapping[str, Any]) -> Team:
    said = {"team_id": str(uuid4()), **{k: v for k, v in given.items() if k != "team_id" or v}}
    if not asking.all:
        said["organization_id"] = said.get("organization_id") or asking.subject.organisation
    row = Team()
    apply(row, said)
    _placed(session, asking, row)
    stamp(row, asking.name)
    session.add(row)
    session.flush()
    if asking.subject.user and not asking.all:
        joined(session, asking, row.team_id, asking.subject.user, "admin")
    return row


def _placed(session: Session, asking: Asking, row: Team) -> None:
    if not asking.administers_team(row, limits=True):
        raise forbidden("a team is made and limited by an administrator of its organization")
    if row.organization_id and session.get(Organisation, row.organization_id) is None:
        raise refused(f"there is no organization {row.organization_id!r}", "organization_id")


def _named(session: Session, member: fields.Member) -> str:
    if member.user_id is not None:
        return member.user_id
    found = session.scalars(
        select(User.user_id).where(User.user_email == member.user_email).limit(2)
    ).all()
    if len(found) != 1:
        raise refused("no user, or more than one, has this address: give user_id", "user_email")
    return found[0]


@router.post("/team/update")
async def update(asking: Asked, body: fields.TeamChanged) -> dict[str, Any]:
    """Change what is said of a team; what is not said stays."""
    given = body.given()
    limits = bool(given.keys() - _OWN)

    def change(session: Session, row: Team) -> None:
        apply(row, given)
        if limits:
            _placed(session, asking, row)

    one = await _changed(asking, body.team_id, change, limits=limits)
    await set_spend(asking, one, given, new=False)
    return {"team_id": one.row.team_id, "data": await with_members(asking, one)}


async def _changed(
    asking: Asking, team_id: str, change: Callable[[Session, Team], None], *, limits: bool = True
) -> Held[Team]:
    def work(session: Session) -> tuple[Team, Limits]:
        row = administered(session, asking, team_id, limits=limits)
        before = limits_in(session, row)
        change(session, row)
        stamp(row, asking.name)
        return row, before

    one = await keep(asking, work)
    await asking.gateway.bearers.forget()
    return one


@router.post("/team/block")
async def block(asking: Asked, body: fields.OneTeam) -> dict[str, Any]:
    """Take the team's keys no more, from the next request on."""
    return await _said(asking, body.team_id, {"blocked": True})


@router.post("/team/unblock")
async def unblock(asking: Asked, body: fields.OneTeam) -> dict[str, Any]:
    """Take the team's keys again."""
    return await _said(asking, body.team_id, {"blocked": False})


async def _said(asking: Asking, team_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    one = await _changed(asking, team_id, lambda _, row: apply(row, given))
    return await with_members(asking, one)


@router.post("/team/model/add")
async def add_models(asking: Asked, body: fields.TeamModels) -> dict[str, Any]:
    """Let a team ask more models."""

    def change(session: Session, row: Team) -> None:
        row.models = list(dict.fromkeys((*row.models, *body.models)))

    return await with_members(asking, await _changed(asking, body.team_id, change))


@router.post("/team/model/delete")
async def remove_models(asking: Asked, body: fields.TeamModels) -> dict[str, Any]:
    """Let a team ask fewer models."""

    def change(session: Session, row: Team) -> None:
        left = [one for one in row.models if one not in body.models]
        if row.models and not left:
            # An empty list is every model there is.
            raise refused("no model would be left: block the team, or leave it one", "models")
        row.models = left

    return await with_members(asking, await _changed(asking, body.team_id, change))


@router.post("/team/delete")
async def remove(asking: Asked, body: fields.Teams) -> dict[str, Any]:
    """Delete teams, with their keys. What they spent stays in the ledger."""
    ids = list(dict.fromkeys(body.team_ids))

    def keys(session: Session) -> list[Key]:
        for team_id in ids:
            administered(session, asking, team_id, limits=True)
        return list(session.scalars(select(Key).where(Key.team_id.in_(ids))))

    def work(session: Session) -> list[Held[Team]]:
        gone = [_held(session, administered(session, asking, one, limits=True)) for one in ids]
        for member in session.scalars(select(Member).where(Member.team_id.in_(ids))):
            session.delete(member)
        session.flush()
        for one in gone:
            session.delete(one.row)
        return gone

    await delete_keys(asking, keys)
    gone = await asking.run(work)
    await asking.gateway.bearers.forget()
    await drop(asking, gone)
    return {"deleted_teams": [one.row.team_id for one in gone]}


# --- looking


@router.get("/team/info")
async def info(asking: Asked, team_id: Text = None) -> dict[str, Any]:
    """A team, with its keys."""
    named = team_id or asking.subject.team

    def work(session: Session) -> tuple[Held[Team], list[Held[Key]]]:
        row = session.get(Team, named)
        if row is None or not asking.sees_team(row):
            raise missing("team")
        keys = session.scalars(select(Key).where(Key.team_id == named).limit(1000))
        seen = [key for key in keys if asking.sees_key(key)]
        return _held(session, row), [Held(key, limits_in(session, key)) for key in seen]

    one, keys = await asking.read(work)
    shown = await with_members(asking, one)
    return {
        "team_id": one.row.team_id,
        "team_info": shown,
        "keys": await answers_of(asking, keys),
        "team_memberships": [await membership(asking, one.row, who) for who in shown["members"]],
    }


@router.get("/team/available")
async def available(asking: Asked) -> list[dict[str, Any]]:
    """The teams that the caller could join by himself: none. Who is in a team, its administrators say."""
    return []


@router.get("/team/list")
async def listed(
    asking: Asked, user_id: Text = None, organization_id: Text = None
) -> list[dict[str, Any]]:
    """The teams that the caller may see, a thousand at most; of one user or organisation where that is said."""
    chosen = _chosen(asking, user_id, organization_id).order_by(Team.team_id).limit(1000)
    rows = await asking.read(lambda session: list(session.scalars(chosen)))
    return [await as_answer(asking, row) for row in rows]


@router.get("/v2/team/list")
async def listed_in_pages(
    asking: Asked,
    page: Number = 1,
    page_size: Size = 10,
    user_id: Text = None,
    organization_id: Text = None,
) -> dict[str, Any]:
    """The same, page by page."""
    chosen = _chosen(asking, user_id, organization_id)

    def work(session: Session) -> tuple[list[Team], Page]:
        rows, part = paged(session, chosen, page, page_size, (Team.created_at.desc(), Team.team_id))
        return list(rows), part

    rows, part = await asking.read(work)
    return {
        "teams": [await as_answer(asking, row) for row in rows],
        "total": part.total,
        "page": part.number,
        "page_size": part.size,
        "total_pages": part.pages,
    }


def _chosen(asking: Asking, user: str | None, organisation: str | None) -> Select[Any]:
    chosen, subject = select(Team), asking.subject
    if not asking.sees_all:
        his: list[Any] = [Team.team_id.in_(subject.teams | subject.admin_of)]
        if subject.role == "org_admin" and subject.organisation:
            his.append(Team.organization_id == subject.organisation)
        chosen = chosen.where(or_(*his))
    if user:
        chosen = chosen.where(
            Team.team_id.in_(select(Member.team_id).where(Member.user_id == user))
        )
    return chosen.where(Team.organization_id == organisation) if organisation else chosen
