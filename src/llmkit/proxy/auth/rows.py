"""Who a key, a session or a person is, by the tables. Read only; ``bearers`` remembers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, cast, get_args

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session as Transaction

from ..data.models import Customer, Key, Member, Organisation, Session, Tag, Team, User
from ..failure import Refused
from ..restricted import Restricted, Restriction
from ..subject import Role, Subject
from .allowed import ALL_OF_TEAM, EVERYTHING, NOTHING, both

__all__ = ["Known", "by_key", "by_session", "of_person", "restricted", "role_named"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a key: whose it is, or why it is not taken."""

    subject: Subject
    why: Refused | None = None
    """For who has shown a key that there is, and may learn what is wrong with it."""


@dataclass(frozen=True, slots=True)
class _Owners:
    user: User | None
    team: Team | None
    organisation: Organisation | None

    def blocked(self) -> str | None:
        rows = {"user": self.user, "team": self.team, "organization": self.organisation}
        return next((name for name, row in rows.items() if row is not None and row.blocked), None)

    def gone(self, key: Key) -> str | None:
        """What a key names, whose limits it had, and that is no longer there to have them."""
        if key.team_id and self.team is None:
            return "team"
        return "organization" if key.organization_id and self.organisation is None else None


def by_key(transaction: Transaction, token: str) -> Known | None:
    """Whose key this is; ``None`` where there is none."""
    key = transaction.get(Key, token)
    if key is None:
        return None
    owners = _owners(transaction, key.user_id, key.team_id, key.organization_id)
    subject = replace(
        _subject(transaction, owners, key.team_id, _names(key.models, bool(key.team_id))),
        key=token,
        account=key.account or "",
        key_name=key.key_name,
        alias=key.key_alias or "",
        user=key.user_id or "",
        routes=tuple(key.allowed_routes) or None,
        tags=tuple(key.tags),
        expires=_seconds(key.expires),
        metadata=MappingProxyType(dict(key.details)),
    )
    of = owners.blocked() or owners.gone(key)
    return Known(subject, _why("key" if key.blocked else of))


def by_session(transaction: Transaction, token: str) -> tuple[str, float] | None:
    """The token of the key that a session was opened with, and when the session ends."""
    row = transaction.get(Session, token)
    return None if row is None else (row.key, _seconds(row.expires) or 0.0)


def of_person(
    transaction: Transaction, user: str, team: str | None, organisation: str | None
) -> Known:
    """Who an identity provider's token is about: rows add what they say, and need not be there."""
    row = transaction.scalars(
        select(User)
        # A row that is bound to somebody at the provider is nobody else's who has its name there.
        .where(
            or_(User.sso_user_id == user, and_(User.user_id == user, User.sso_user_id.is_(None)))
        )
        .order_by(User.sso_user_id.is_(None))
    ).first()
    name = user if row is None else row.user_id
    owners = _owners(transaction, name, team, organisation)
    subject = replace(_subject(transaction, owners, team, None), user=name)
    if row is None:
        subject = replace(subject, role="internal_user")
    return Known(subject, _why(owners.blocked()))


def restricted(transaction: Transaction) -> Restricted | None:
    """The customers and tags that may not do everything; ``None`` where there are none."""
    customers = transaction.scalars(select(Customer).where(Customer.restricted)).all()
    tags = transaction.scalars(select(Tag).where(Tag.restricted)).all()
    if not customers and not tags:
        return None
    return Restricted(
        {row.user_id: _restriction("customer", row.user_id, row) for row in customers},
        {row.name: _restriction("tag", row.name, row) for row in tags},
    )


def _restriction(kind: str, name: str, row: Customer | Tag) -> Restriction:
    return Restriction(
        kind=kind,
        name=name,
        blocked=row.blocked,
        models=_names(row.models, team=False) or frozenset(),
        region=getattr(row, "allowed_model_region", None),
        default_model=getattr(row, "default_model", None),
    )


def role_named(name: Any, otherwise: Role) -> Role:
    """A role by its name."""
    return cast("Role", name) if name in get_args(Role) else otherwise


def _owners(
    transaction: Transaction, user_id: str | None, team_id: str | None, organisation_id: str | None
) -> _Owners:
    user = transaction.get(User, user_id) if user_id else None
    team = transaction.get(Team, team_id) if team_id else None
    of_rows = (row.organization_id for row in (team, user) if row is not None)
    name = organisation_id or next(filter(None, of_rows), None)
    return _Owners(user, team, transaction.get(Organisation, name) if name else None)


def _subject(
    transaction: Transaction, owners: _Owners, team_id: str | None, models: frozenset[str] | None
) -> Subject:
    user, team, organisation = owners.user, owners.team, owners.organisation
    members = _members(transaction, user)
    of_team = None if team is None else _names(team.models, team=False)
    # A team's key is for the team's models; what its user may besides is for keys of his own.
    of_user = None if user is None or team_id else _names(user.models, team=False)
    of_all = None if organisation is None else _names(organisation.models, team=False)
    return Subject(
        role=_role(owners),
        team=team_id or "",
        organisation="" if organisation is None else organisation.organization_id,
        models=both(both(models, of_team), both(of_user, of_all)),
        models_of_team=of_team,
        teams=frozenset(one.team_id for one in members)
        | (frozenset({team_id}) if team_id else frozenset()),
        admin_of=frozenset(one.team_id for one in members if one.role == "admin"),
    )


def _members(transaction: Transaction, user: User | None) -> list[Member]:
    if user is None:
        return []
    return list(transaction.scalars(select(Member).where(Member.user_id == user.user_id)))


def _role(owners: _Owners) -> Role:
    """The user's; a key that is nobody's has none beyond calling models."""
    if owners.user is None:
        return "team"
    role = role_named(owners.user.user_role, "internal_user_viewer")
    of = owners.organisation
    # An organisation's administrator is none of another's, though a key of his may be for it.
    elsewhere = of is None or of.organization_id != owners.user.organization_id
    return "internal_user" if role == "org_admin" and elsewhere else role


def _names(models: list[str], team: bool) -> frozenset[str] | None:  # noqa: FBT001
    """What a list stands for; ``None``: all models. ``team``: whether there is one, whose models limit it anyway."""
    names = frozenset(models)
    if not names or names & EVERYTHING or (team and ALL_OF_TEAM in names):
        return None
    return names - {ALL_OF_TEAM, NOTHING}


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.replace(tzinfo=UTC).timestamp()


def _why(blocked: str | None) -> Refused | None:
    if blocked is None:
        return None
    what = (
        "this key is blocked"
        if blocked == "key"
        else f"the {blocked} of this key is blocked or gone"
    )
    return Refused(401, f"{what}: ask an administrator", "auth_error")
