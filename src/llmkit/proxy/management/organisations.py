"""``/organization/…``: who teams and users belong to. LiteLLM's spelling in paths and fields, ours everywhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..data.models import Key, Organisation, Team, User
from . import fields
from .asking import Asked, Asking, forbidden, missing, refused, there
from .key_lists import Text
from .limits import Limits
from .rows import Held, answer, apply, drop, keep, limits_in, set_spend, stamp
from .users import person

__all__ = ["router"]

router = APIRouter(tags=["organization management"])
_SHOWN: Final = ("organization_id", "organization_alias")
_OWN: Final = frozenset({"organization_id", "organization_alias", "metadata"})
"""What an organisation's own administrator may change of it."""


async def _answer(asking: Asking, one: Held[Organisation]) -> dict[str, Any]:
    members, teams = await asking.read(lambda session: _inside(session, one.row.organization_id))
    return {**await answer(asking, one, *_SHOWN), "members": members, "teams": teams}


def _inside(session: Session, name: str) -> tuple[list[Any], list[Any]]:
    users = session.scalars(select(User).where(User.organization_id == name).limit(1000))
    teams = session.scalars(select(Team).where(Team.organization_id == name).limit(1000))
    members = [
        {
            "organization_id": name,
            "user_id": u.user_id,
            "user_email": u.user_email,
            "user_role": u.user_role,
        }
        for u in users
    ]
    return members, [{"team_id": one.team_id, "team_alias": one.team_alias} for one in teams]


def _held(
    session: Session, asking: Asking, name: str | None, *, change: bool
) -> Held[Organisation]:
    row = session.get(Organisation, name) if name else None
    his = name is not None and name == asking.subject.organisation
    if row is None or not (asking.sees_all or his):
        raise missing("organization")
    if change and not asking.administers_in(name):
        raise forbidden("you do not administer this organization")
    return Held(row, limits_in(session, row))


@router.post("/organization/new")
async def new(asking: Asked, body: fields.Organisation) -> dict[str, Any]:
    """Make an organisation."""
    asking.must_be_administrator()
    given = {k: v for k, v in body.given().items() if k != "organization_id"}

    def work(session: Session) -> tuple[Organisation, None]:
        row = Organisation(organization_id=body.organization_id or str(uuid4()))
        apply(row, given)
        stamp(row, asking.name)
        session.add(row)
        return row, None

    one = await keep(asking, work)
    await set_spend(asking, one, given, new=True)
    return await _answer(asking, one)


@router.patch("/organization/update")
async def update(asking: Asked, body: fields.Organisation) -> dict[str, Any]:
    """Change what is said of an organisation; what is not said stays."""
    given = body.given()
    if given.keys() - _OWN:
        asking.must_be_administrator()

    def work(session: Session) -> tuple[Organisation, Limits]:
        one = _held(session, asking, body.organization_id, change=True)
        apply(one.row, given)
        stamp(one.row, asking.name)
        return one.row, one.limits

    one = await keep(asking, work)
    await asking.gateway.bearers.forget()
    await set_spend(asking, one, given, new=False)
    return await _answer(asking, one)


@router.delete("/organization/delete")
async def remove(asking: Asked, body: fields.Organisations) -> list[dict[str, Any]]:
    """Delete organisations that are empty."""
    asking.must_be_administrator()
    ids = list(dict.fromkeys(body.organization_ids))

    def work(session: Session) -> list[Held[Organisation]]:
        gone = [_held(session, asking, one, change=True) for one in ids]
        for kind in (Team, User, Key):
            if session.scalar(select(kind).where(kind.organization_id.in_(ids)).limit(1)):
                named = f"{kind.__name__.lower()}s"
                raise refused(f"there are {named} of this organization: delete or move them first")
        for one in gone:
            session.delete(one.row)
        return gone

    gone = await asking.run(work)
    await asking.gateway.bearers.forget()
    shown = [await answer(asking, one, *_SHOWN) for one in gone]
    await drop(asking, gone)
    return shown


@router.get("/organization/info")
async def info(asking: Asked, organization_id: Text = None) -> dict[str, Any]:
    """An organisation; the caller's own where none is named."""
    name = organization_id or asking.subject.organisation
    one = await asking.read(lambda session: _held(session, asking, name, change=False))
    return await _answer(asking, one)


@router.get("/organization/list")
async def listed(asking: Asked) -> list[dict[str, Any]]:
    """The organisations that the caller may see, a thousand at most."""
    chosen = select(Organisation).order_by(Organisation.organization_id).limit(1000)
    if not asking.sees_all:
        chosen = chosen.where(Organisation.organization_id == asking.subject.organisation)

    def work(session: Session) -> list[Held[Organisation]]:
        return [Held(row, limits_in(session, row)) for row in session.scalars(chosen)]

    return [await _answer(asking, one) for one in await asking.read(work)]


# --- who is in it


@router.post("/organization/member_add")
async def add(asking: Asked, body: fields.OrganisationMemberAdded) -> dict[str, Any]:
    """Take users into an organisation. A user is in one at most."""
    return await _members(asking, body)


@router.patch("/organization/member_update")
async def update_member(asking: Asked, body: fields.OrganisationMemberAdded) -> dict[str, Any]:
    """Give a member another role."""
    return await _members(asking, body)


async def _members(asking: Asking, body: fields.OrganisationMemberAdded) -> dict[str, Any]:
    said = body.member if isinstance(body.member, list) else [body.member] if body.member else []
    role = body.role or "internal_user"
    if not said:
        said = [
            fields.OrganisationMember(role=role, user_id=body.user_id, user_email=body.user_email)
        ]

    def work(session: Session) -> list[dict[str, Any]]:
        _held(session, asking, body.organization_id, change=True)
        return [_joined(session, asking, body.organization_id, one) for one in said]

    found = await asking.run(work)
    await asking.gateway.bearers.forget()
    return {
        "organization_id": body.organization_id,
        "updated_users": found,
        "updated_organization_memberships": found,
    }


def _joined(
    session: Session, asking: Asking, name: str, said: fields.OrganisationMember
) -> dict[str, Any]:
    row = there(person(session, said.user_id, said.user_email), "user")
    if row.organization_id not in {None, name} and not asking.all:
        raise forbidden("this user is in another organization")
    if row.user_role.startswith("proxy_admin"):
        raise refused("administrators of everything are in no organization", "member")
    if not asking.all and row.organization_id is None:
        raise forbidden("an administrator takes users into an organization who are in none")
    row.organization_id, row.user_role = name, said.role
    stamp(row, asking.name)
    return {"organization_id": name, **_shown(row)}


def _shown(row: User) -> Mapping[str, Any]:
    return {"user_id": row.user_id, "user_email": row.user_email, "user_role": row.user_role}


@router.delete("/organization/member_delete")
async def remove_member(asking: Asked, body: fields.OrganisationMemberGone) -> dict[str, Any]:
    """Let a user be in an organisation no more."""

    def work(session: Session) -> Mapping[str, Any]:
        _held(session, asking, body.organization_id, change=True)
        row = person(session, body.user_id, body.user_email)
        if row is None or row.organization_id != body.organization_id:
            raise missing("member of this organization")
        row.organization_id = None
        row.user_role = "internal_user" if row.user_role == "org_admin" else row.user_role
        stamp(row, asking.name)
        return _shown(row)

    found = await asking.run(work)
    await asking.gateway.bearers.forget()
    return {"organization_id": body.organization_id, **found}
