"""``/budget/…``: limits by a name (``budget_id``), which keys, users, teams and organisations can have."""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..data.models import BudgetPlan, Customer, Key, Organisation, Tag, Team, User
from . import fields
from .asking import Asked, refused, there
from .durations import when
from .limits import Limits, checked, limits_of
from .rows import Held, apply, limits_in, plain, renew, scope_of_row, stamp

__all__ = ["router"]

router = APIRouter(tags=["budget management"])
_BEARERS: Final = (Key, User, Team, Organisation, Customer, Tag)
_SHOWN: Final = (
    "budget_id",
    "max_budget",
    "soft_budget",
    "budget_duration",
    "tpm_limit",
    "rpm_limit",
    "max_parallel_requests",
    "model_max_budget",
    "created_by",
    "updated_by",
)


def _answer(row: BudgetPlan) -> dict[str, Any]:
    times = {"created_at": when(row.created_at), "updated_at": when(row.updated_at)}
    return {**{name: plain(getattr(row, name)) for name in _SHOWN}, **times}


@router.post("/budget/new")
async def new(asking: Asked, body: fields.Budget) -> dict[str, Any]:
    """Make a budget; ``budget_id`` in a key, a user, a team or an organisation then gives it to them, each its own."""
    asking.must_be_administrator()
    given = {k: v for k, v in body.given().items() if k != "budget_id"}

    def work(session: Session) -> BudgetPlan:
        row = BudgetPlan(budget_id=body.budget_id or str(uuid4()))
        apply(row, given)
        _check(asking.gateway, row)
        stamp(row, asking.name)
        session.add(row)
        return row

    return _answer(await asking.run(work))


def _check(gateway: Any, row: BudgetPlan) -> None:
    """A budget of nobody yet must be one that somebody could have."""
    checked(gateway, {"key": "of nobody"}, limits_of(row))


@router.post("/budget/update")
async def update(asking: Asked, body: fields.Budget) -> dict[str, Any]:
    """Change a budget. It holds at once for all who have it."""
    asking.must_be_administrator()
    if body.budget_id is None:
        raise refused("say which budget: budget_id", "budget_id")
    name, given = body.budget_id, body.given()

    def work(session: Session) -> tuple[BudgetPlan, list[tuple[Held[Any], Limits]]]:
        row = there(session.get(BudgetPlan, name), "budget")
        bearers = _bearers(session, name)
        before = [limits_in(session, one) for one in bearers]
        apply(row, given)
        stamp(row, asking.name)
        _check(asking.gateway, row)
        after = [Held(one, limits_in(session, one)) for one in bearers]
        for one in after:
            checked(asking.gateway, scope_of_row(one.row), one.limits)
        return row, list(zip(after, before, strict=True))

    row, pairs = await asking.run(work)
    await renew(asking, pairs)
    return _answer(row)


def _bearers(session: Session, name: str) -> list[Any]:
    return [
        row
        for kind in _BEARERS
        for row in session.scalars(select(kind).where(kind.budget_id == name))
    ]


@router.post("/budget/info")
async def info(asking: Asked, body: fields.Budgets) -> list[dict[str, Any]]:
    """These budgets; those that there are."""
    _must_see(asking)
    chosen = select(BudgetPlan).where(BudgetPlan.budget_id.in_(body.budgets))
    return [_answer(row) for row in await asking.read(lambda s: list(s.scalars(chosen)))]


@router.get("/budget/list")
async def listed(asking: Asked) -> list[dict[str, Any]]:
    """All budgets, a thousand at most."""
    _must_see(asking)
    chosen = select(BudgetPlan).order_by(BudgetPlan.budget_id).limit(1000)
    return [_answer(row) for row in await asking.read(lambda s: list(s.scalars(chosen)))]


def _must_see(asking: Asked) -> None:
    if not asking.sees_all:
        asking.must_be_administrator()


@router.post("/budget/delete")
async def remove(asking: Asked, body: fields.BudgetDeleted) -> dict[str, Any]:
    """Delete a budget that nobody has."""
    asking.must_be_administrator()

    def work(session: Session) -> BudgetPlan:
        row = there(session.get(BudgetPlan, body.id), "budget")
        if _bearers(session, body.id):
            raise refused("somebody has this budget: give them another first", "id")
        session.delete(row)
        return row

    return _answer(await asking.run(work))
