"""Who asks: what a key, a token or a session says of its bearer. Values only; how it is found out: ``auth``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal

from .._control.attributes import Whose, context, whose
from .restricted import Restricted

__all__ = ["ADMINISTRATOR", "MASTER", "Role", "Subject"]

Role = Literal[
    "proxy_admin",
    "proxy_admin_viewer",
    "org_admin",
    "internal_user",
    "internal_user_viewer",
    "team",
    "customer",
]
"""LiteLLM's names: administrator, one who sees all; an organisation's; a user, one who sees his own; keys of teams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who asks."""

    role: Role = "internal_user"
    key: str = ""
    """The SHA-256 of the key, in hexadecimal; empty where a session or a token of somebody else's was shown."""
    account: str = ""
    """What its spend is kept under, where that is not the key: the first one, where it was regenerated."""
    key_name: str = ""
    """How the key is shown: ``sk-...abcd``."""
    alias: str = ""
    user: str = ""
    team: str = ""
    organisation: str = ""
    models: frozenset[str] | None = None
    """What may be asked for; ``None``: everything. Names, and ``provider/*``."""
    models_of_team: frozenset[str] | None = None
    """What of that the team has to do with: only for telling whose models are too few."""
    routes: tuple[str, ...] | None = None
    """Paths that may be called, or beginnings of paths that end in ``*``; ``None``: those of the role."""
    teams: frozenset[str] = frozenset()
    """The teams that the bearer is in, or that the key is of."""
    admin_of: frozenset[str] = frozenset()
    """The teams that the bearer is an administrator of."""
    tags: tuple[str, ...] = ()
    expires: float | None = None
    """Unix time."""
    metadata: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The key's own."""
    restricted: Restricted | None = None
    """Customers and tags for whom it may not ask everything; ``None``: there are none."""
    reserved: bool = False
    """Whether it is the master key, which no row is of."""

    def around(
        self,
        customer: str | None = None,
        session: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> context:
        """Whose its calls are, whatever their bodies say. Budgets and rate limits hold by this.

        ``metadata``: what settlements keep of them, beside. The request log reads it there.
        """
        key = MASTER if self.reserved else self.account or self.key
        tags = tuple(dict.fromkeys((*self.tags, *tags)))
        who = key, self.user, self.team, self.organisation
        return context.of(_whose(*who, customer, session, tags), metadata)


@lru_cache(4096)
def _whose(
    key: str, user: str, team: str, organisation: str,
    customer: str | None, session: str | None, tags: tuple[str, ...],
) -> Whose:  # fmt: skip
    """Few ask much. The key is its hash, and no secret."""
    return whose(
        key=key or None,
        user=user or None,
        team=team or None,
        organisation=organisation or None,
        customer=customer,
        session=session,
        tags=tags,
    )


MASTER: Final = "master"
"""What the master key's calls are counted under: without, it would be the credential that they go out with."""
ADMINISTRATOR = Subject(role="proxy_admin", reserved=True, alias="master key")
