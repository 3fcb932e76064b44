"""What was spent, as the ledger has it: whose of it one may ask, and on which days. The request log: ``spend``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import unquote

from fastapi import Query
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from ..._cost import MATH
from ...budget import UsageLine, UsageReport
from ..auth.permissions import administers
from ..data.models import Key
from .asking import Asking, forbidden, missing, refused
from .keys import token_in

__all__ = [
    "Day",
    "Span",
    "Used",
    "amount",
    "by_id",
    "by_key",
    "id_of",
    "keys_seen",
    "one",
    "scope_seen",
    "used",
]

Day = Annotated[
    str | None,
    Query(max_length=64, description="A day or a time of it, in UTC: 2026-11-23."),
]
_FEW: Final = 20
"""Keys whose usage is read one by one; of more, everybody's is read at once."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both of them included; ``None``: the first there is, and today."""

    since: date | None = None
    until: date | None = None

    @classmethod
    def of(cls, start: str | None, end: str | None) -> Span:
        """What two parameters say. Raises ``Refused`` (400) where one is no day, or they are in the wrong order."""
        since, until = _day(start, "start_date"), _day(end, "end_date")
        if since and until and until < since:
            raise refused("end_date is before start_date: exchange them", "end_date")
        return cls(since, until)

    @property
    def begin(self) -> datetime | None:
        """As columns have it: UTC, without a zone."""
        return None if self.since is None else datetime.combine(self.since, datetime.min.time())

    @property
    def end(self) -> datetime | None:
        """The first moment behind it."""
        if self.until is None or self.until == date.max:
            return None
        return datetime.combine(self.until + timedelta(days=1), datetime.min.time())


def _day(given: str | None, name: str) -> date | None:
    if not given:
        return None
    try:
        at = datetime.fromisoformat(given.strip())
        return (at.astimezone(UTC) if at.tzinfo else at).date()
    except (ValueError, OverflowError):
        raise refused(f"{name} is a day such as 2026-11-23", name) from None


class Used(NamedTuple):
    """Usage added up."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    usd: Decimal = Decimal(0)

    @classmethod
    def of(cls, lines: Iterable[UsageLine]) -> Used:
        """Of these lines."""
        calls = prompt = completion = 0
        usd = Decimal(0)
        for line in lines:
            calls += line.calls
            prompt += line.prompt_tokens
            completion += line.completion_tokens
            usd = MATH.add(usd, line.usd)
        return cls(calls, prompt, completion, usd)

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.prompt_tokens + self.completion_tokens


def amount(usd: Decimal | None) -> float | None:
    """Money as answers have it; unknown is ``null``."""
    return None if usd is None else float(usd)


async def used(asking: Asking, scope: Any, by: Iterable[str], span: Span) -> UsageReport:
    """The ledger's usage of a scope on these days. Raises ``Refused`` (400) where an id is none."""
    # A star would be each of them, whoever asks.
    if isinstance(scope, Mapping) and any(id_.strip() in {"", "*"} for id_ in scope.values()):
        raise refused("an id is no star, and is not empty")
    return await asking.gateway.budget.aget_usage(
        scope, group_by=by, since=span.since, until=span.until
    )


async def by_id(asking: Asking, kind: str, span: Span) -> dict[str, Used]:
    """What each of a kind used: ``{"red": …}`` of teams. It reads all that there is: for who sees all."""
    return _ids(await used(asking, kind, ("scope",), span))


def _ids(report: UsageReport) -> dict[str, Used]:
    return {id_of(line): Used.of([line]) for line in report}


def id_of(line: UsageLine) -> str:
    """Whose line it is, of one that is by scope."""
    return unquote((line.scope or "").partition("=")[2])


async def one(asking: Asking, scope: Mapping[str, str], span: Span) -> Used:
    """What one scope used."""
    return Used.of(await used(asking, dict(scope), (), span))


# --- whose it is ---------------------------------------------------------------------------------


async def scope_seen(
    asking: Asking, *, key: str | None = None, user: str | None = None, team: str | None = None
) -> Any:
    """Whose total is meant: of what is named, or else of everything, or of all that is one's own.

    Raises:
        Refused: 403, it is not for who asks; 404, there is no such key, or none that he may see.
    """
    if key:
        row = await asking.read(lambda session: session.get(Key, token_in(key)))
        if row is None and asking.sees_all:
            return {"key": token_in(key)}
        if row is None or not asking.sees_key(row):
            raise missing("key")
        return {"key": row.account or row.token}
    if team:
        if not asking.sees_all and not administers(asking.subject, team=team):
            raise forbidden("what a team spent is for its administrators")
        return {"team": team}
    return _of_user(asking, user)


def _of_user(asking: Asking, user: str | None) -> Any:
    subject = asking.subject
    if asking.sees_all:
        return {"user": user} if user else "global"
    if user and user != subject.user:
        raise forbidden("what others spent is for administrators")
    if subject.user:
        return {"user": subject.user}
    return {"key": subject.account or subject.key}


# --- keys ----------------------------------------------------------------------------------------


def keys_seen(asking: Asking, session: Session) -> list[Key]:
    """The keys whose spend somebody may see."""
    return [row for row in session.scalars(_keys(asking)) if asking.sees_key(row)]


def _keys(asking: Asking) -> Select[Key]:
    chosen, subject = select(Key).order_by(Key.created_at.desc(), Key.token), asking.subject
    if asking.sees_all:
        return chosen
    mine = [Key.token == subject.key, Key.team_id.in_(subject.admin_of)]
    if subject.user:
        mine.append(Key.user_id == subject.user)
    if subject.role == "org_admin" and subject.organisation:
        mine.append(Key.organization_id == subject.organisation)
    return chosen.where(or_(*mine))


async def by_key(asking: Asking, rows: Iterable[Key], span: Span) -> dict[str, Used]:
    """What each of these keys used, by its SHA-256; a key that was regenerated goes on with its account."""
    accounts = {row.token: row.account or row.token for row in rows}
    if len(accounts) > _FEW:
        known = await by_id(asking, "key", span)
    else:
        known = {one_: await one(asking, {"key": one_}, span) for one_ in {*accounts.values()}}
    return {token: known.get(account, Used()) for token, account in accounts.items()}
