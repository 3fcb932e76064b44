"""``/user/…``: people. The first one is made on the command line; what they may is their role's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from ..data.models import Key, Member, Team, User
from . import fields
from .asking import Asked, Asking, forbidden, missing, refused, there
from .key_lists import Number, Size, Text
from .keys import answers_of, delete_keys, generated
from .limits import Limits
from .rows import Held, Page, answer, apply, drop, keep, limits_in, paged, set_spend, stamp
from .teams import as_answer, joined

__all__ = ["person", "router"]

router = APIRouter(tags=["user management"])
_SHOWN = (
    "user_id",
    "user_alias",
    "user_email",
    "user_role",
    "sso_user_id",
    "organization_id",
)


def person(session: Session, user_id: str | None, user_email: str | None) -> User | None:
    """Somebody, by id or address."""
    if user_id is not None:
        return session.get(User, user_id)
    found = session.scalars(select(User).where(User.user_email == user_email).limit(2)).all()
    if len(found) > 1:
        raise refused("several users have this address: give user_id", "user_email")
    return found[0] if found else None


async def _answer(asking: Asking, one: Held[User], teams: Sequence[str]) -> dict[str, Any]:
    return {**await answer(asking, one, *_SHOWN), "teams": list(teams)}


def _teams_of(session: Session, user_id: str) -> list[str]:
    found = session.scalars(select(Member.team_id).where(Member.user_id == user_id))
    return sorted(found)


# --- making and changing


@router.post("/user/new")
async def new(asking: Asked, body: fields.NewUser) -> dict[str, Any]:
    """Make a user; and a key for him, unless ``auto_create_key`` is false."""
    given = body.given()
    teams: list[str] = []

    def work(session: Session) -> tuple[User, None]:
        row = _made(session, asking, given)
        for team_id, role in _joining(body.teams or ()):
            joined(session, asking, team_id, row.user_id, role)
            teams.append(team_id)
        return row, None

    one = await keep(asking, work)
    await asking.gateway.bearers.forget()
    await set_spend(asking, one, given, new=True)
    found = await _answer(asking, one, teams)
    if not body.auto_create_key:
        return {**found, "key": None}
    return {**found, **await _first_key(asking, one.row, body)}


async def _first_key(asking: Asking, row: User, body: fields.NewUser) -> dict[str, Any]:
    said: dict[str, Any] = {
        "user_id": row.user_id,
        "key_alias": body.key_alias,
        "duration": body.duration,
    }
    if row.organization_id and not asking.all:
        said["organization_id"] = row.organization_id
    made = await generated(asking, fields.NewKey(**{k: v for k, v in said.items() if v}))
    return {
        name: made[name]
        for name in ("key", "token", "token_id", "key_name", "key_alias", "expires")
    }


def _made(session: Session, asking: Asking, given: Mapping[str, Any]) -> User:
    said = {name: value for name, value in given.items() if name != "key_alias"}
    organisations = said.pop("organizations", None) or []
    if len(organisations) > 1:
        raise refused("a user is in one organization at most", "organizations")
    said.setdefault("organization_id", next(iter(organisations), None))
    said["user_id"] = said.get("user_id") or str(uuid4())
    row = User(user_role=said.get("user_role") or "internal_user")
    if not asking.all:
        said.setdefault("organization_id", asking.subject.organisation or None)
        said["organization_id"] = said["organization_id"] or asking.subject.organisation or None
    apply(row, {k: v for k, v in said.items() if k != "user_role"})
    _check(asking, row, said)
    stamp(row, asking.name)
    session.add(row)
    session.flush()
    return row


def _check(asking: Asking, row: User, given: Mapping[str, Any]) -> None:
    """Raise ``Refused`` (403) where somebody would make more of a user than he may."""
    if asking.all:
        return
    if not asking.administers_in(row.organization_id):
        raise forbidden("this user is not of an organization that you administer")
    if row.user_role not in {"internal_user", "internal_user_viewer"}:
        raise forbidden("only an administrator makes administrators, or changes them")
    if given.keys() & {"sso_user_id", "budget_id", "spend"}:
        raise forbidden("sso_user_id, budget_id and spend are an administrator's to give")


def _joining(teams: Sequence[Any]) -> list[tuple[str, str]]:
    found = []
    for one in teams:
        said = one if isinstance(one, dict) else {"team_id": one}
        role = said.get("user_role", "user")
        if not isinstance(said.get("team_id"), str) or role not in {"user", "admin"}:
            raise refused(
                "teams are ids, or {'team_id': …, 'user_role': 'user' or 'admin'}", "teams"
            )
        found.append((said["team_id"], role))
    return found


@router.post("/user/update")
async def update(asking: Asked, body: fields.UserChanged) -> dict[str, Any]:
    """Change what is said of a user; what is not said stays. He is named by ``user_id``, or else by ``user_email``."""
    if body.user_id is None and body.user_email is None:
        raise refused("give user_id or user_email", "user_id")
    given = {k: v for k, v in body.given().items() if k != "user_id" and (k != "user_role" or v)}

    def work(session: Session) -> tuple[User, Limits]:
        row = there(person(session, body.user_id, body.user_email), "user")
        before = limits_in(session, row)
        _check(asking, row, given)
        apply(row, given)
        _check(asking, row, given)
        stamp(row, asking.name)
        return row, before

    one = await keep(asking, work)
    await asking.gateway.bearers.forget()
    await set_spend(asking, one, given, new=False)
    teams = await asking.read(lambda session: _teams_of(session, one.row.user_id))
    return {"user_id": one.row.user_id, "data": await _answer(asking, one, teams)}


@router.post("/user/delete")
async def remove(asking: Asked, body: fields.Users) -> int:
    """Delete users, with their keys and their places in teams; how many. What they spent stays in the ledger."""
    asking.must_be_administrator()
    await delete_keys(
        asking,
        lambda session: list(session.scalars(select(Key).where(Key.user_id.in_(body.user_ids)))),
    )

    def work(session: Session) -> list[Held[User]]:
        rows = [there(session.get(User, one), "user") for one in dict.fromkeys(body.user_ids)]
        gone = [Held(row, limits_in(session, row)) for row in rows]
        for member in session.scalars(select(Member).where(Member.user_id.in_(body.user_ids))):
            session.delete(member)
        for row in rows:
            session.delete(row)
        return gone

    gone = await asking.run(work)
    await asking.gateway.bearers.forget()
    await drop(asking, gone)
    return len(gone)


# --- looking


@router.get("/user/info")
async def info(asking: Asked, user_id: Text = None) -> dict[str, Any]:
    """A user, with his keys and teams; the caller himself where nobody is named."""
    named = user_id or asking.subject.user

    def work(session: Session) -> tuple[Held[User], list[Held[Key]], list[Team]]:
        one = _seen(session, asking, named)
        keys = session.scalars(select(Key).where(Key.user_id == named).limit(1000))
        teams = session.scalars(select(Team).join(Member).where(Member.user_id == named))
        return one, [Held(key, limits_in(session, key)) for key in keys], list(teams)

    one, keys, teams = await asking.read(work)
    ids = sorted(team.team_id for team in teams)
    return {
        "user_id": one.row.user_id,
        "user_info": await _answer(asking, one, ids),
        "keys": await answers_of(asking, keys),
        "teams": [await as_answer(asking, team) for team in teams],
    }


@router.get("/v2/user/info")
async def info_alone(asking: Asked, user_id: Text = None) -> dict[str, Any]:
    """A user alone."""
    named = user_id or asking.subject.user
    one, teams = await asking.read(
        lambda session: (_seen(session, asking, named), _teams_of(session, named))
    )
    return await _answer(asking, one, teams)


def _seen(session: Session, asking: Asking, user_id: str) -> Held[User]:
    row = session.get(User, user_id)
    if row is None or not asking.sees_user(row):
        raise missing("user")
    return Held(row, limits_in(session, row))


@router.get("/user/list")
async def listed(
    asking: Asked,
    page: Number = 1,
    page_size: Size = 25,
    role: Text = None,
    user_ids: Text = None,
    user_email: Text = None,
    team: Text = None,
) -> dict[str, Any]:
    """The users that the caller may see, the newest first. ``user_ids``: with commas between them."""
    chosen = _chosen(asking, role, user_ids, user_email, team)

    def work(session: Session) -> tuple[list[tuple[Held[User], list[str], int]], Page]:
        rows, part = paged(session, chosen, page, page_size, (User.created_at.desc(), User.user_id))
        return [_with_more(session, row) for row in rows], part

    found, part = await asking.read(work)
    shown = [{**await _answer(asking, o, teams), "key_count": keys} for o, teams, keys in found]
    return {
        "users": shown,
        "total": part.total,
        "page": part.number,
        "page_size": part.size,
        "total_pages": part.pages,
    }


def _with_more(session: Session, row: User) -> tuple[Held[User], list[str], int]:
    keys = session.scalar(select(func.count()).where(Key.user_id == row.user_id)) or 0
    return Held(row, limits_in(session, row)), _teams_of(session, row.user_id), keys


def _chosen(
    asking: Asking, role: str | None, ids: str | None, email: str | None, team: str | None
) -> Select[Any]:
    chosen = select(User)
    if not asking.sees_all:
        mine = [User.user_id == asking.subject.user]
        if asking.subject.role == "org_admin" and asking.subject.organisation:
            mine.append(User.organization_id == asking.subject.organisation)
        chosen = chosen.where(or_(*mine))
    if role:
        chosen = chosen.where(User.user_role == role)
    if ids:
        chosen = chosen.where(User.user_id.in_([one.strip() for one in ids.split(",")]))
    if email:
        chosen = chosen.where(User.user_email.icontains(email, autoescape=True))
    if team:
        chosen = chosen.where(
            User.user_id.in_(select(Member.user_id).where(Member.team_id == team))
        )
    return chosen
