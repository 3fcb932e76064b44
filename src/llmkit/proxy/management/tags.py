"""``/tag/…``: labels of calls that have limits of their own. Without a row a tag has none, and is only counted.

A call has the tags of its key and those that it says itself. Paths and fields are LiteLLM's
(``tag_management_endpoints.py``, 1.109.1, read 2026-11-23); ``models`` are names here, and hold what a tag's calls may
ask for.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..data.models import Tag
from . import fields
from .asking import Asked, Asking, refused, there
from .customers import kept
from .limits import Limits
from .rows import Held, answer, apply, drop, limits_in, set_spend, stamp
from .usage import Span, by_id

__all__ = ["router"]

router = APIRouter(tags=["tag management"])


class TagSaid(fields.Limited):
    """``/tag/new`` and ``/tag/update``."""

    name: fields.Id
    description: Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")] | None = None
    spend: fields.Amount = None


class Tags(fields.Said):
    """``/tag/info``."""

    names: Annotated[list[fields.Name], Field(min_length=1, max_length=1000)]


class OneTag(fields.Said):
    """``/tag/delete``."""

    name: fields.Name


async def _shown(asking: Asking, one: Held[Tag]) -> dict[str, Any]:
    return {**await answer(asking, one, "name", "description"), "model_info": {}}


def _must_see(asking: Asking) -> None:
    if not asking.sees_all:
        asking.must_be_administrator()


def _names_of_models(asking: Asking, body: TagSaid) -> None:
    """LiteLLM takes ids of deployments, too, which say nothing of what a caller may ask for."""
    ids = {(one.get("model_info") or {}).get("id") for one in asking.gateway.calls.get_model_list()}
    if found := [one for one in body.models or () if one in ids]:
        raise refused(
            f"{found[0]!r:.100} is a deployment's id: give the name of its model", "models"
        )


@router.post("/tag/new")
async def new(asking: Asked, body: TagSaid) -> dict[str, Any]:
    """Give a tag limits. Its budget begins now, whatever was spent under it before."""
    asking.must_be_administrator()
    _names_of_models(asking, body)
    given = body.given()

    def work(session: Session) -> tuple[Tag, None]:
        row = Tag()
        apply(row, given)
        stamp(row, asking.name)
        session.add(row)
        return row, None

    one = await kept(asking, work)
    await set_spend(asking, one, given, new=True)
    return {"message": f"the tag {body.name} is made", "tag": await _shown(asking, one)}


@router.post("/tag/update")
async def update(asking: Asked, body: TagSaid) -> dict[str, Any]:
    """Change what is said of a tag; what is not said stays."""
    asking.must_be_administrator()
    _names_of_models(asking, body)
    given = body.given()

    def work(session: Session) -> tuple[Tag, Limits]:
        row = there(session.get(Tag, body.name), "tag")
        before = limits_in(session, row)
        apply(row, given)
        stamp(row, asking.name)
        return row, before

    one = await kept(asking, work)
    await set_spend(asking, one, given, new=False)
    return {"message": f"the tag {body.name} is changed", "tag": await _shown(asking, one)}


@router.post("/tag/info")
async def info(asking: Asked, body: Tags) -> dict[str, Any]:
    """These tags, by their names."""
    _must_see(asking)

    def work(session: Session) -> list[Held[Tag]]:
        rows = [there(session.get(Tag, name), "tag") for name in dict.fromkeys(body.names)]
        return [Held(row, limits_in(session, row)) for row in rows]

    return {one.row.name: await _shown(asking, one) for one in await asking.read(work)}


@router.get("/tag/list")
async def listed(asking: Asked) -> list[dict[str, Any]]:
    """The tags that were made, a thousand at most; and those under which calls were, which have no limits."""
    _must_see(asking)

    def work(session: Session) -> list[Held[Tag]]:
        rows = session.scalars(select(Tag).order_by(Tag.name).limit(1000))
        return [Held(row, limits_in(session, row)) for row in rows]

    made = [await _shown(asking, one) for one in await asking.read(work)]
    names = {one["name"] for one in made}
    used = await by_id(asking, "tag", Span())
    rest = [await _shown(asking, _unmade(name)) for name in sorted(used.keys() - names)]
    return [*made, *rest]


def _unmade(name: str) -> Held[Tag]:
    row = Tag(name=name)
    apply(row, {})
    return Held(row, Limits())


@router.post("/tag/delete")
async def remove(asking: Asked, body: OneTag) -> dict[str, Any]:
    """Take a tag's limits away. What was spent under it stays in the ledger."""
    asking.must_be_administrator()

    def work(session: Session) -> Held[Tag]:
        row = there(session.get(Tag, body.name), "tag")
        gone = Held(row, limits_in(session, row))
        session.delete(row)
        return gone

    gone = await asking.run(work)
    if gone.row.restricted:
        await asking.gateway.bearers.forget()
    await drop(asking, [gone])
    return {"message": f"the tag {body.name} is deleted"}
