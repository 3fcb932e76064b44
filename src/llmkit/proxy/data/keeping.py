"""Who made which file or batch: the rows of ``proxy_kept``. Providers are asked elsewhere.

All keys of a gateway share a provider's account, so the provider tells nobody apart: what has no row here is nobody's,
and nobody but an administrator is told of another's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, delete, null, or_, select
from sqlalchemy.orm import Session

from .models import Kept

__all__ = [
    "Thing",
    "Wanted",
    "Where",
    "batches",
    "drop",
    "find",
    "forget",
    "keep",
    "owned",
    "page",
    "shared",
]

Thing = Literal["file", "batch", "response", "container"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A page of somebody's files or batches.

    Args:
        kind: what.
        owner: whose; ``None``: everybody's.
        limit: how many at most.
        after: the id of the last one that is known already.
        oldest_first: by default the newest come first.
        purpose: only files for this.
    """

    kind: Thing
    owner: str | None
    limit: int
    after: str | None = None
    oldest_first: bool = False
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Where something is: see ``Kept.place``."""

    place: str
    provider: str


def keep(
    session: Session,
    kind: Thing,
    owner: str,
    where: Where,
    told: Mapping[str, Any],
    *,
    models: Sequence[str] = (),
    money: Mapping[str, Any] | None = None,
) -> None:
    """Note that it is theirs; or, where it is, what the provider says of it now."""
    key = {"kept_id": str(told["id"]), "owner": owner, "place": where.place}
    row = session.get(Kept, key)
    if row is not None:
        row.told = {**row.told, **told}
        row.money = row.money if money is None else dict(money)
        return
    purpose = told.get("purpose")
    session.add(
        Kept(
            **key,
            provider=where.provider,
            kind=kind,
            purpose=purpose if isinstance(purpose, str) else None,
            models=list(models),
            told=dict(told),
            money=None if money is None else dict(money),
            created_at=datetime.now(UTC).replace(tzinfo=None),
        )
    )


def find(session: Session, kind: Thing, kept_id: str, owner: str | None) -> Kept | None:
    """This one of theirs, or of anybody's (``None``); the newest, where two providers call theirs the same."""
    chosen = select(Kept).where(Kept.kind == kind, Kept.kept_id == kept_id)
    found: Kept | None = session.scalars(
        _of(chosen, owner).order_by(Kept.created_at.desc())
    ).first()
    return found


def batches(session: Session, since: datetime) -> list[Kept]:
    """Batches that were made since then and that money was held for, be it settled or not."""
    chosen = select(Kept).where(Kept.kind == "batch", Kept.created_at >= since)
    return list(session.scalars(chosen.where(Kept.money.is_not(null()))))


def owned(session: Session, ids: Collection[str], owner: str | None) -> set[str]:
    """Which of these ids are theirs, files and batches alike."""
    chosen = select(Kept).where(Kept.kept_id.in_(ids))
    return {row.kept_id for row in session.scalars(_of(chosen, owner))}


def page(session: Session, wanted: Wanted) -> list[Kept]:
    """A page of rows; empty where ``after`` is none of theirs."""
    chosen = _of(select(Kept).where(Kept.kind == wanted.kind), wanted.owner)
    if wanted.purpose is not None:
        chosen = chosen.where(Kept.purpose == wanted.purpose)
    time, id_ = Kept.created_at, Kept.kept_id
    if wanted.after is not None:
        last = find(session, wanted.kind, wanted.after, wanted.owner)
        if last is None:
            return []
        when, name = last.created_at, last.kept_id
        later = or_(time > when, (time == when) & (id_ > name))
        earlier = or_(time < when, (time == when) & (id_ < name))
        chosen = chosen.where(later if wanted.oldest_first else earlier)
    order = (time, id_) if wanted.oldest_first else (time.desc(), id_.desc())
    return list(session.scalars(chosen.order_by(*order).limit(wanted.limit)))


def shared(session: Session, row: Kept) -> bool:
    """Whether it is anybody else's, too: a provider may give equal files one id."""
    return (
        session.scalars(select(Kept).where(*_same(row), Kept.owner != row.owner)).first()
        is not None
    )


def drop(session: Session, row: Kept) -> None:
    """It is theirs no more."""
    session.execute(delete(Kept).where(*_same(row), Kept.owner == row.owner))


def forget(session: Session, before: datetime, most: int) -> int:
    """Drop the oldest that were noted before then, at most so many; how many there were.

    Not batches that money is held for: whoever ends them has to know where.
    """
    old = select(Kept.kept_id, Kept.owner, Kept.place, Kept.money).where(Kept.created_at < before)
    rows = session.execute(old.order_by(Kept.created_at).limit(most)).all()
    gone = [row for row in rows if not (row.money or {}).get("holds")]
    for kept_id, owner, place, _ in gone:
        session.execute(
            delete(Kept).where(Kept.kept_id == kept_id, Kept.owner == owner, Kept.place == place)
        )
    return len(gone)


def _same(row: Kept) -> tuple[ColumnElement[bool], ...]:
    return Kept.kind == row.kind, Kept.kept_id == row.kept_id, Kept.place == row.place


def _of(chosen: Select[Any], owner: str | None) -> Select[Any]:
    return chosen if owner is None else chosen.where(Kept.owner == owner)
