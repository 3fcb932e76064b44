"""What all rows have in common: how fields are taken over, how their limits come to hold, how answers show them.

What keys, users, teams and organisations are apart from that is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from ..data.models import BudgetPlan, Customer, Key, Organisation, Tag, Team, User
from .asking import Asking, refused
from .durations import now, when
from .limits import Limits, Spent, checked, hold, limits_of, release, spent

__all__ = [
    "Bearer",
    "Held",
    "Page",
    "answer",
    "apply",
    "drop",
    "keep",
    "limits_in",
    "paged",
    "plain",
    "renew",
    "scope_of_row",
    "set_spend",
    "shown",
    "stamp",
]

Bearer = Key | User | Team | Organisation | Customer | Tag
R = TypeVar("R", bound=Bearer)
RESERVED: Final = (
    "model_rpm_limit",
    "model_tpm_limit",
    "temp_budget_increase",
    "temp_budget_expiry",
)
"""Fields that stand in a row's metadata, as they do with LiteLLM; nobody can write them there himself."""
_EMPTY: Final[Mapping[str, Callable[[], Any]]] = {
    "models": list,
    "tags": list,
    "allowed_routes": list,
    "model_max_budget": dict,
    "blocked": bool,
}
_LIMITS: Final = (
    "max_budget",
    "soft_budget",
    "budget_duration",
    "budget_id",
    "tpm_limit",
    "rpm_limit",
    "max_parallel_requests",
    "model_max_budget",
    "models",
    "blocked",
)


@dataclass(frozen=True, slots=True)
class Held(Generic[R]):
    """A row, and what limits it."""

    row: R
    limits: Limits


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list, and how much there is."""

    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many there are."""
        return -(-self.total // self.size)


def scope_of_row(row: Bearer) -> dict[str, str]:
    """What the ledger calls a row's bearer."""
    if isinstance(row, Key):
        return {"key": row.account or row.token}
    if isinstance(row, User):
        return {"user": row.user_id}
    if isinstance(row, Team):
        return {"team": row.team_id}
    if isinstance(row, Customer):
        return {"customer": row.user_id}
    if isinstance(row, Tag):
        return {"tag": row.name}
    return {"organisation": row.organization_id}


def limits_in(session: Session, row: Bearer) -> Limits:
    """What limits a row. Raises ``Refused`` (400) where its plan does not exist."""
    plan = session.get(BudgetPlan, row.budget_id) if row.budget_id else None
    if row.budget_id and plan is None:
        raise refused(
            f"there is no budget {row.budget_id!r}: POST /budget/new makes one", "budget_id"
        )
    return limits_of(row, plan)


def stamp(row: Any, by: str) -> None:
    """Note who changes a row, and when."""
    row.updated_at, row.updated_by = now(), by
    if row.created_at is None:
        row.created_at, row.created_by = row.updated_at, by


def apply(row: Any, given: Mapping[str, Any]) -> None:
    """Take over what a request says. ``None`` is what the row has when nothing is said."""
    details = row.details or {}
    kept = {name: details[name] for name in RESERVED if name in details}
    if "metadata" in given:
        details = given["metadata"] or {}
    details = {name: value for name, value in details.items() if name not in RESERVED}
    said = {name: plain(given[name]) for name in RESERVED if name in given}
    row.details = {**details, **kept, **said}
    row.details = {k: v for k, v in row.details.items() if v is not None or k not in RESERVED}
    for name in given.keys() & set(type(row).__table__.columns.keys()) - {"metadata"}:
        value = given[name]
        setattr(row, name, _EMPTY[name]() if value is None and name in _EMPTY else value)
    _whole(row)


def _whole(row: Any) -> None:
    """What a new row has before it is written: defaults would come later than its limits are looked at."""
    for name, empty in _EMPTY.items():
        if hasattr(row, name) and getattr(row, name) is None:
            setattr(row, name, empty())
    row.model_max_budget = plain(row.model_max_budget)


def plain(value: Any) -> Any:
    """What JSON can say: amounts as numbers, times in ISO's form."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


async def keep(asking: Asking, work: Callable[[Session], tuple[R, Limits | None]]) -> Held[R]:
    """Change a row in one transaction; then its limits hold. ``work`` returns it, and what limited it before."""

    def done(session: Session) -> tuple[R, Limits | None, Limits]:
        row, before = work(session)
        limits = limits_in(session, row)
        checked(asking.gateway, scope_of_row(row), limits)
        session.flush()
        return row, before, limits

    row, before, limits = await asking.run(done)
    await hold(asking.gateway, scope_of_row(row), limits, before)
    return Held(row, limits)


async def drop(asking: Asking, gone: Iterable[Held[Any]]) -> None:
    """Let the limits of rows that are gone hold no more."""
    for one in gone:
        await release(asking.gateway, scope_of_row(one.row), one.limits)


async def renew(asking: Asking, pairs: Iterable[tuple[Held[Any], Limits]]) -> None:
    """Let the limits of rows hold whose plan has changed; each with what limited it before."""
    for one, before in pairs:
        await hold(asking.gateway, scope_of_row(one.row), one.limits, before)


async def set_spend(asking: Asking, one: Held[Any], given: Mapping[str, Any], *, new: bool) -> None:
    """What LiteLLM's ``spend`` sets: what was spent elsewhere, of who is new; 0 begins anew."""
    amount = given.get("spend")
    if amount is None or (new and amount == 0):
        return
    scope = scope_of_row(one.row)
    if new:
        whose: Any = dict(scope)
        await asking.gateway.budget.aupdate_spend(amount, flag="imported", **whose)
    elif amount or not await asking.gateway.budget.areset(scope):
        raise refused(
            "spend is the ledger's: it can be set to 0, where there is a max_budget", "spend"
        )


def paged(
    session: Session, chosen: Select[Any], number: int, size: int, order: Any
) -> tuple[Sequence[Any], Page]:
    """One page of what was chosen, and how much there is."""
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    rows = session.scalars(chosen.order_by(*order).offset((number - 1) * size).limit(size)).all()
    return rows, Page(number, size, total)


async def shown(asking: Asking, one: Held[Any]) -> Spent:
    """What a row's bearer spent."""
    return await spent(asking.gateway, scope_of_row(one.row), one.limits)


async def answer(asking: Asking, one: Held[Any], *names: str) -> dict[str, Any]:
    """A row as answers show it: these columns, and what all rows have."""
    row, of = one.row, await shown(asking, one)
    return {
        **{name: plain(getattr(row, name)) for name in (*names, *_LIMITS)},
        **{name: (row.details or {}).get(name) for name in RESERVED[:2]},
        "metadata": row.details or {},
        "spend": float(of.usd),
        "budget_reset_at": when(of.resets_at),
        "created_at": when(row.created_at),
        "created_by": row.created_by,
        "updated_at": when(row.updated_at),
        "updated_by": row.updated_by,
        "litellm_budget_table": _plan(one),
    }


def _plan(one: Held[Any]) -> dict[str, Any] | None:
    if not one.row.budget_id:
        return None
    names = ("max_budget", "soft_budget", "budget_duration", "rpm_limit", "tpm_limit")
    found = {name: plain(getattr(one.limits, name)) for name in (*names, "max_parallel_requests")}
    return {"budget_id": one.row.budget_id, **found}
