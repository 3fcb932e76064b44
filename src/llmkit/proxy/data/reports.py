"""Questions to the request log: rows, and what they add up to. Whoever asks says what he may see.

Budgets go by the ledger, not by these sums: the log may be a moment behind, and old rows may be gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Select, exists, false, func, or_, select, true
from sqlalchemy.orm import Session

from .models import Key, Request

__all__ = ["By", "Chosen", "Total", "Visible", "count", "last_used", "rows", "totals"]

By = Literal[
    "key",
    "user",
    "team",
    "organisation",
    "end_user",
    "model",
    "group",
    "provider",
    "tag",
    "day",
    "status",
]
"""What is added up apart. A call with several tags counts for each of them, one without for none; a day is UTC's."""

_COLUMNS: Final = {
    "request_id": Request.request_id,
    "http_id": Request.http_id,
    "key": Request.api_key,
    "user": Request.user,
    "team": Request.team_id,
    "organisation": Request.organization_id,
    "end_user": Request.end_user,
    "session": Request.session_id,
    "model": Request.model,
    "group": Request.model_group,
    "provider": Request.provider,
    "status": Request.status,
}
_FAILED: Final = ("failed", "interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """Rows of this user, of any of these teams, of this organisation, or of this key: those that somebody may see."""

    user: str = ""
    teams: Collection[str] = frozenset()
    key: str = ""
    organisation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which rows: those for which all of this is so.

    ``since``: not before, ``until``: before; UTC without a zone, of when a call began. ``key`` is its SHA-256.
    ``model`` is what answered, ``group`` what was asked for. ``visible``: ``None`` sees everything.
    """

    since: datetime | None = None
    until: datetime | None = None
    request_id: str | None = None
    http_id: str | None = None
    key: str | None = None
    user: str | None = None
    team: str | None = None
    organisation: str | None = None
    end_user: str | None = None
    session: str | None = None
    model: str | None = None
    group: str | None = None
    provider: str | None = None
    tag: str | None = None
    status: str | None = None
    outcomes: Collection[str] = ()
    """Any of these statuses; none: all."""
    visible: Visible | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What some rows add up to.

    ``by``: what they have in common. ``spend``: USD of those whose cost is known; of ``unpriced`` ones it is not.
    """

    by: dict[str, str | None]
    calls: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    spend: Decimal
    unpriced: int


def rows(session: Session, chosen: Chosen, limit: int, offset: int = 0) -> list[Request]:
    """A page of rows, the latest first."""
    newest = Request.started.desc(), Request.request_id
    statement = _chosen(select(Request), session, chosen).order_by(*newest)
    return list(session.scalars(statement.limit(limit).offset(offset)))


def count(session: Session, chosen: Chosen) -> int:
    """How many there are."""
    counted = _chosen(select(func.count()).select_from(Request), session, chosen)
    found: int = session.execute(counted).scalar_one()
    return found


def totals(session: Session, chosen: Chosen, by: Collection[By] = ()) -> list[Total]:
    """What they add up to, for all of each kind, in their order; without ``by``, one for everything."""
    tags = _tags(session)
    columns = {name: _column(session, name, tags) for name in by}
    statement = select(*columns.values(), *_sums()).select_from(Request)
    if "tag" in columns:
        statement = statement.join(tags, true())
    statement = _chosen(statement, session, chosen)
    statement = statement.group_by(*columns.values()).order_by(*columns.values())
    return [_total(tuple(columns), tuple(row)) for row in session.execute(statement)]


def last_used(session: Session, keys: Iterable[str]) -> dict[str, datetime]:
    """When each of these keys (its SHA-256) last made a call, as far as the log goes; UTC without a zone."""
    # By a look at the end of the index for each: a group would read all calls of a key.
    last = select(func.max(Request.started)).where(Request.api_key == Key.token)
    statement = select(Key.token, last.scalar_subquery()).where(Key.token.in_(list(keys)))
    return {token: at for token, at in session.execute(statement) if at is not None}


def _sums() -> tuple[ColumnElement[Any], ...]:
    calls = func.count()
    return (
        calls,
        calls.filter(Request.status.in_(_FAILED)),
        func.coalesce(func.sum(Request.prompt_tokens), 0),
        func.coalesce(func.sum(Request.completion_tokens), 0),
        func.sum(Request.spend),
        calls - func.count(Request.spend),
    )


def _total(names: tuple[str, ...], row: tuple[Any, ...]) -> Total:
    calls, failed, prompt, completion, spend, unpriced = row[len(names) :]
    return Total(
        by=dict(zip(names, row, strict=False)),
        calls=calls,
        failed=failed,
        prompt_tokens=prompt,
        completion_tokens=completion,
        spend=spend or Decimal(0),
        unpriced=unpriced,
    )


def _column(session: Session, name: str, tags: Any) -> Any:
    if name == "tag":
        return tags.c.value
    if name == "day":
        if _is_sqlite(session):
            return func.date(Request.started)
        return func.to_char(Request.started, "YYYY-MM-DD")
    return _COLUMNS[name]


def _chosen(statement: Select[Any], session: Session, chosen: Chosen) -> Select[Any]:
    return statement.where(*_conditions(session, chosen))


def _conditions(session: Session, chosen: Chosen) -> Iterator[ColumnElement[bool]]:
    for name, column in _COLUMNS.items():
        if (wanted := getattr(chosen, name)) is not None:
            yield column == wanted
    if chosen.outcomes:
        yield Request.status.in_(chosen.outcomes)
    if chosen.since is not None:
        yield Request.started >= chosen.since
    if chosen.until is not None:
        yield Request.started < chosen.until
    if chosen.tag is not None:
        tags = _tags(session)
        yield exists(select(1).select_from(tags).where(tags.c.value == chosen.tag))
    if chosen.visible is not None:
        yield _may_see(chosen.visible)


def _may_see(visible: Visible) -> ColumnElement[bool]:
    ways = [
        *([Request.user == visible.user] if visible.user else []),
        *([Request.team_id.in_(visible.teams)] if visible.teams else []),
        *([Request.api_key == visible.key] if visible.key else []),
        *([Request.organization_id == visible.organisation] if visible.organisation else []),
    ]
    return or_(*ways) if ways else false()


def _tags(session: Session) -> Any:
    """A row's tags, one by one."""
    each = func.json_each if _is_sqlite(session) else func.json_array_elements_text
    return each(Request.tags).table_valued("value", joins_implicitly=True)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
