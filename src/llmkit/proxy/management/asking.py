"""Who asks for something here, of which gateway; and what he may do to which row. Whose key it is, ``auth`` has said.

A rule behind several of these: whoever is no administrator of all gets no key that can do what he himself cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..auth.permissions import administers, changes, sees
from ..data.models import Key, Member, User
from ..endpoints.asking import subject_of
from ..failure import Refused
from ..gateway import Gateway
from ..subject import Subject

__all__ = ["MODELS_ONLY", "Asked", "Asking", "forbidden", "missing", "refused", "there"]

T = TypeVar("T")
MODELS_ONLY: Final = ["llm_api_routes"]
"""``allowed_routes`` of a key that manages nothing."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request's gateway, and who asks."""

    gateway: Gateway
    subject: Subject

    @property
    def name(self) -> str:
        """Who it is, as rows say who made them."""
        return self.subject.user or self.subject.alias or self.subject.key_name

    async def run(self, work: Callable[[Session], T]) -> T:
        """Change something in one transaction. Raises ``Refused`` (400) where an id or an alias is taken."""
        try:
            return await self.gateway.database.run(work)
        except IntegrityError:
            raise refused("there is one of this id or alias already: choose another") from None

    async def read(self, work: Callable[[Session], T]) -> T:
        """Read something in one transaction."""
        return await self.gateway.database.read(work)

    # --- rights

    def must_be_administrator(self) -> None:
        """Raise ``Refused`` (403) for anybody else."""
        if not self.all:
            raise forbidden("only an administrator may do this")

    @property
    def all(self) -> bool:
        """Whether everything is his to change."""
        return self.subject.role == "proxy_admin"

    @property
    def sees_all(self) -> bool:
        """Whether everything is his to see."""
        return self.subject.role in {"proxy_admin", "proxy_admin_viewer"}

    def administers_team(self, row: Any, *, limits: bool = False) -> bool:
        """Whether he may change a team; ``limits``: also what limits it, which its own administrators may not."""
        team = None if limits else row.team_id
        return administers(self.subject, team=team, organisation=row.organization_id)

    def administers_in(self, organisation: str | None) -> bool:
        """Whether he administers an organisation."""
        return administers(self.subject, organisation=organisation)

    def sees_team(self, row: Any) -> bool:
        """Whether he may see a team."""
        return sees(self.subject, team=row.team_id, organisation=row.organization_id)

    def administers_key(self, row: Key) -> bool:
        """Whether a key is of a team or organisation that he administers, or he does so for all."""
        return administers(self.subject, team=row.team_id, organisation=row.organization_id)

    def may_have(self, row: Key) -> bool:
        """Whether a key could be one of his own: his, in a team and an organisation where he is."""
        subject = self.subject
        return changes(
            subject, user=row.user_id, team=row.team_id, organisation=row.organization_id
        )

    def owns(self, row: Key) -> bool:
        """Whether a key is his own, and he may change anything at all."""
        writes = self.subject.role in {"internal_user", "org_admin"}
        return writes and bool(self.subject.user) and row.user_id == self.subject.user

    def sees_key(self, row: Key) -> bool:
        """Whether he may see a key: members of a team do not see each other's."""
        return sees(self.subject, user=row.user_id, key=row.token) or self.administers_key(row)

    def sees_user(self, row: User) -> bool:
        """Whether he may see a user."""
        return sees(self.subject, user=row.user_id, organisation=row.organization_id)

    def check_owner(self, session: Session, row: Key) -> None:
        """Raise ``Refused`` (403) where a key would be for somebody for whom he may make none.

        A key that others hold for a person only asks models: with it, nobody manages what is that person's.
        """
        if self.all or row.user_id == self.subject.user or row.user_id is None:
            return
        user = session.get(User, row.user_id)
        member = row.team_id and session.get(Member, (row.team_id, row.user_id))
        inside = user is not None and (member or _same(user.organization_id, row.organization_id))
        if user is None or not inside or user.user_role not in _PLAIN:
            raise forbidden("a key is for yourself, or for a user of a team that you administer")
        if row.allowed_routes and row.allowed_routes != MODELS_ONLY:
            raise forbidden(f"a key for somebody else has allowed_routes {MODELS_ONLY}")
        row.allowed_routes = MODELS_ONLY


_PLAIN: Final = frozenset({"internal_user", "internal_user_viewer"})


def _same(one: str | None, other: str | None) -> bool:
    return bool(one) and one == other


def refused(message: str, param: str | None = None) -> Refused:
    """What was asked is wrong."""
    return Refused(400, message, "bad_request_error", param=param)


def forbidden(message: str) -> Refused:
    """It is not for who asks."""
    return Refused(403, message, "auth_error")


def missing(what: str) -> Refused:
    """There is none, or none that he may know of."""
    return Refused(404, f"there is no such {what}", "not_found_error")


def there(row: T | None, what: str) -> T:
    """The row; ``Refused`` (404) where there is none."""
    if row is None:
        raise missing(what)
    return row


async def _asking(request: Request) -> Asking:
    gateway: Gateway = request.app.state.gateway
    return Asking(gateway, await subject_of(gateway, request))


Asked = Annotated[Asking, Depends(_asking)]
"""Who asks, as endpoints take it."""
