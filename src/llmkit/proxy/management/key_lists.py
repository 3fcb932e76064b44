"""Keys looked at: ``/key/info``, ``/key/list``, ``/key/aliases``. Nothing is changed here."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from ..data.models import Key
from . import fields
from .asking import Asked, Asking, missing
from .keys import answer_of, answers_of, token_in
from .rows import Held, Page, limits_in, paged

__all__ = ["Number", "Size", "Text", "router"]

router = APIRouter(tags=["key management"])
_LONGEST: Final = 1024
Number = Annotated[int, Query(ge=1, le=1_000_000)]
Size = Annotated[int, Query(ge=1, le=100)]
Text = Annotated[str | None, Query(max_length=_LONGEST, pattern=r"^[^\x00]*$")]


def _seen(session: Session, asking: Asking, key: str) -> Held[Key]:
    row = session.get(Key, token_in(key))
    if row is None or not asking.sees_key(row):
        raise missing("key")
    return Held(row, limits_in(session, row))


@router.get("/key/info")
async def info(asking: Asked, key: Text = None) -> dict[str, Any]:
    """What is kept of a key, named by itself or by its SHA-256; of the caller's own where none is named."""
    named = key or asking.subject.key
    one = await asking.read(lambda session: _seen(session, asking, named))
    return {"key": named, "info": await answer_of(asking, one)}


@router.post("/v2/key/info")
async def infos(asking: Asked, body: fields.Keys) -> dict[str, Any]:
    """Several keys."""

    def work(session: Session) -> list[Held[Key]]:
        return [_seen(session, asking, key) for key in body.keys or ()]

    found = await asking.read(work)
    return {"key": body.keys, "info": await answers_of(asking, found)}


@router.get("/key/list")
async def listed(
    asking: Asked,
    *,
    page: Number = 1,
    size: Size = 10,
    user_id: Text = None,
    team_id: Text = None,
    organization_id: Text = None,
    key_hash: Text = None,
    key_alias: Text = None,
    return_full_object: bool = False,
    include_team_keys: bool = False,
) -> dict[str, Any]:
    """The keys that the caller may see, the newest first: their SHA-256s, or all that is kept of them."""
    said = {
        Key.user_id: user_id,
        Key.team_id: team_id,
        Key.organization_id: organization_id,
        Key.token: key_hash and token_in(key_hash),
        Key.key_alias: key_alias,
    }
    chosen = _visible(asking).where(*(c == value for c, value in said.items() if value))

    def work(session: Session) -> tuple[list[Held[Key]], Page]:
        rows, found = paged(session, chosen, page, size, (Key.created_at.desc(), Key.token))
        return [Held(row, limits_in(session, row)) for row in rows], found

    found, part = await asking.read(work)
    tokens: list[Any] = [one.row.token for one in found]
    shown = await answers_of(asking, found) if return_full_object else tokens
    return {
        "keys": shown,
        "total_count": part.total,
        "current_page": part.number,
        "total_pages": part.pages,
    }


@router.get("/key/aliases")
async def aliases(asking: Asked, page: Number = 1, size: Size = 50) -> dict[str, Any]:
    """The aliases of the keys that the caller may see."""
    chosen = _visible(asking).where(Key.key_alias.is_not(None))
    rows, part = await asking.read(
        lambda session: paged(session, chosen, page, size, (Key.key_alias,))
    )
    names = [row.key_alias for row in rows]
    return {
        "aliases": names,
        "total_count": part.total,
        "current_page": part.number,
        "total_pages": part.pages,
        "size": size,
    }


def _visible(asking: Asking) -> Select[Any]:
    """The keys that somebody may see: what ``Asking.sees_key`` says, for the database to choose by."""
    if asking.sees_all:
        return select(Key)
    subject = asking.subject
    his = [Key.token == subject.key, Key.team_id.in_(subject.admin_of)]
    if subject.user:
        his.append(Key.user_id == subject.user)
    if subject.role == "org_admin" and subject.organisation:
        his.append(Key.organization_id == subject.organisation)
    return select(Key).where(or_(*his))
