"""``/customer/…``, also ``/end_user/…``: those whom calls are for and who have no key, such as the users of an app.

A call is for the customer whom its ``user`` names, or a header; without a row he has no limits. What one may spend is
the ledger's; what else he may not is known with each key (``restricted``). Paths and fields are LiteLLM's
(``customer_endpoints.py``, 1.109.1, read 2026-11-23).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..data.models import Customer, Tag
from . import fields
from .asking import Asked, Asking, missing, refused, there
from .key_lists import Number
from .limits import Limits
from .rows import Held, answer, apply, drop, keep, limits_in, paged, set_spend, stamp
from .usage import Span
from .usage import one as used_by

__all__ = ["kept", "known", "router"]

R = TypeVar("R", Customer, Tag)
router = APIRouter(tags=["customer management"])
_SHOWN: Final = ("user_id", "alias", "allowed_model_region", "default_model")
Id = Annotated[str, Query(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
Size = Annotated[int, Query(ge=1, le=1000)]


class CustomerSaid(fields.Limited):
    """``/customer/new`` and ``/customer/update``."""

    user_id: fields.Id
    alias: fields.Optional = None
    allowed_model_region: fields.Optional = None
    default_model: fields.Optional = None
    spend: fields.Amount = None


class Customers(fields.Said):
    """``/customer/block``, ``/customer/unblock``, ``/customer/delete``."""

    user_ids: Annotated[list[fields.Id], Field(min_length=1, max_length=1000)]


async def kept(asking: Asking, work: Callable[[Session], tuple[R, Limits | None]]) -> Held[R]:
    """``rows.keep`` of what may be restricted: all processes hear of it where more than a budget changes."""
    told = False

    def done(session: Session) -> tuple[R, Limits | None]:
        nonlocal told
        row, before = work(session)
        had, row.restricted = bool(row.restricted), _restricts(row)
        told = had or row.restricted
        return row, before

    one = await keep(asking, done)
    if told:
        await asking.gateway.bearers.forget()
    return one


def _restricts(row: Any) -> bool:
    names = ("blocked", "models", "allowed_model_region", "default_model")
    return any(getattr(row, name, None) for name in names)


def known(asking: Asking, model: str | None, param: str) -> None:
    """Raise ``Refused`` (400) for a model that nobody could ask for."""
    if model is not None and not asking.gateway.calls.get_model_list(model):
        raise refused(f"there is no model {model!r:.200}: GET /model/info lists them", param)


async def _shown(asking: Asking, one: Held[Customer]) -> dict[str, Any]:
    return await answer(asking, one, *_SHOWN)


def _must_see(asking: Asking) -> None:
    if not asking.sees_all:
        asking.must_be_administrator()


# --- making and changing


@router.post("/customer/new")
@router.post("/end_user/new", include_in_schema=False)
async def new(asking: Asked, body: CustomerSaid) -> dict[str, Any]:
    """Make a customer. His budget begins now, whatever was spent for him before."""
    asking.must_be_administrator()
    known(asking, body.default_model, "default_model")
    given = body.given()

    def work(session: Session) -> tuple[Customer, None]:
        row = _said(asking, Customer(), given)
        session.add(row)
        return row, None

    one = await kept(asking, work)
    await set_spend(asking, one, given, new=True)
    return await _shown(asking, one)


def _said(asking: Asking, row: Customer, given: Mapping[str, Any]) -> Customer:
    apply(row, given)
    stamp(row, asking.name)
    return row


@router.post("/customer/update")
@router.post("/end_user/update", include_in_schema=False)
async def update(asking: Asked, body: CustomerSaid) -> dict[str, Any]:
    """Change what is said of a customer; what is not said stays."""
    asking.must_be_administrator()
    known(asking, body.default_model, "default_model")
    given = body.given()

    def work(session: Session) -> tuple[Customer, Limits]:
        row = there(session.get(Customer, body.user_id), "customer")
        before = limits_in(session, row)
        return _said(asking, row, given), before

    one = await kept(asking, work)
    await set_spend(asking, one, given, new=False)
    return await _shown(asking, one)


@router.post("/customer/block")
@router.post("/end_user/block", include_in_schema=False)
async def block(asking: Asked, body: Customers) -> dict[str, Any]:
    """Make no more calls for these, from the next request on; also for those who were never made."""
    return {"blocked_users": await _blocked(asking, body, blocked=True)}


@router.post("/customer/unblock")
@router.post("/end_user/unblock", include_in_schema=False)
async def unblock(asking: Asked, body: Customers) -> dict[str, Any]:
    """Make calls for these again."""
    return {"unblocked_users": await _blocked(asking, body, blocked=False)}


async def _blocked(asking: Asking, body: Customers, *, blocked: bool) -> list[dict[str, Any]]:
    asking.must_be_administrator()
    ids = list(dict.fromkeys(body.user_ids))

    def work(session: Session) -> list[Held[Customer]]:
        return [_switched(session, asking, user_id, blocked=blocked) for user_id in ids]

    found = await asking.run(work)
    await asking.gateway.bearers.forget()
    return [await _shown(asking, one) for one in found]


def _switched(session: Session, asking: Asking, user_id: str, *, blocked: bool) -> Held[Customer]:
    row = session.get(Customer, user_id)
    if row is None:
        if not blocked:
            raise missing("customer")
        row = Customer()
        session.add(row)
    _said(asking, row, {"user_id": user_id, "blocked": blocked})
    row.restricted = _restricts(row)
    return Held(row, limits_in(session, row))


@router.post("/customer/delete")
@router.post("/end_user/delete", include_in_schema=False)
async def remove(asking: Asked, body: Customers) -> dict[str, Any]:
    """Delete customers, all of them or none. What they spent stays in the ledger; they have no limits any more."""
    asking.must_be_administrator()
    ids = list(dict.fromkeys(body.user_ids))

    def work(session: Session) -> list[Held[Customer]]:
        rows = [there(session.get(Customer, one), "customer") for one in ids]
        gone = [Held(row, limits_in(session, row)) for row in rows]
        for row in rows:
            session.delete(row)
        return gone

    gone = await asking.run(work)
    await asking.gateway.bearers.forget()
    await drop(asking, gone)
    return {"deleted_customers": len(gone), "message": f"{len(gone)} customers are deleted"}


# --- looking


@router.get("/customer/info")
@router.get("/end_user/info", include_in_schema=False)
async def info(asking: Asked, end_user_id: Id) -> dict[str, Any]:
    """A customer, also one who was never made and for whom calls were."""
    _must_see(asking)

    def work(session: Session) -> Held[Customer] | None:
        row = session.get(Customer, end_user_id)
        return None if row is None else Held(row, limits_in(session, row))

    one = await asking.read(work)
    return await _shown(asking, one or await _unmade(asking, end_user_id))


async def _unmade(asking: Asking, user_id: str) -> Held[Customer]:
    used = await used_by(asking, {"customer": user_id}, Span())
    if not used.calls:
        raise missing("customer")
    row = Customer(user_id=user_id)
    apply(row, {})
    return Held(row, Limits())


@router.get("/customer/list")
@router.get("/end_user/list", include_in_schema=False)
async def listed(asking: Asked, page: Number = 1, page_size: Size = 1000) -> list[dict[str, Any]]:
    """The customers that were made, a thousand on a page."""
    _must_see(asking)

    def work(session: Session) -> list[Held[Customer]]:
        rows, _ = paged(session, select(Customer), page, page_size, (Customer.user_id,))
        return [Held(row, limits_in(session, row)) for row in rows]

    return [await _shown(asking, one) for one in await asking.read(work)]
