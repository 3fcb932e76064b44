"""The tables. Names follow LiteLLM's fields, so that its clients read them; amounts of money are the ledger's alone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from .amounts import Amount, Spend

__all__ = [
    "Base",
    "BudgetPlan",
    "Content",
    "Customer",
    "Kept",
    "Key",
    "Member",
    "Model",
    "Organisation",
    "Progress",
    "Request",
    "Session",
    "Setting",
    "Tag",
    "Team",
    "User",
]

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables; times are UTC, without a zone."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, str: String(255)}  # noqa: RUF012


class _Kept:
    """When a row was made and changed, and by whom."""

    created_at: Mapped[datetime]
    created_by: Mapped[str | None]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str | None]


class _Limited:
    """What its bearer may spend and ask; what it has spent stands in the ledger."""

    max_budget: Mapped[Decimal | None] = mapped_column(Amount)
    soft_budget: Mapped[Decimal | None] = mapped_column(Amount)
    budget_duration: Mapped[str | None]
    budget_id: Mapped[str | None]
    tpm_limit: Mapped[int | None]
    rpm_limit: Mapped[int | None]
    max_parallel_requests: Mapped[int | None]
    model_max_budget: Mapped[dict[str, Any]] = mapped_column(default=dict)
    models: Mapped[list[str]] = mapped_column(default=list)
    """What may be asked for; empty: everything that its owners may."""
    blocked: Mapped[bool] = mapped_column(default=False)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)


class Key(_Kept, _Limited, Base):
    """A key, by its SHA-256. The key itself is nowhere."""

    __tablename__ = "proxy_key"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str | None] = mapped_column(String(64))
    """What its spend and limits are kept under, where that is not the token: the first, where it was regenerated."""
    key_name: Mapped[str]
    """``sk-...abcd``."""
    key_alias: Mapped[str | None] = mapped_column(unique=True)
    user_id: Mapped[str | None] = mapped_column(index=True)
    team_id: Mapped[str | None] = mapped_column(index=True)
    organization_id: Mapped[str | None] = mapped_column(index=True)
    expires: Mapped[datetime | None]
    allowed_routes: Mapped[list[str]] = mapped_column(default=list)
    tags: Mapped[list[str]] = mapped_column(default=list)


class User(_Kept, _Limited, Base):
    """A person."""

    __tablename__ = "proxy_user"
    user_id: Mapped[str] = mapped_column(primary_key=True)
    user_alias: Mapped[str | None]
    user_email: Mapped[str | None] = mapped_column(index=True)
    user_role: Mapped[str] = mapped_column(default="internal_user")
    sso_user_id: Mapped[str | None] = mapped_column(unique=True)
    organization_id: Mapped[str | None]


class Team(_Kept, _Limited, Base):
    """A team."""

    __tablename__ = "proxy_team"
    team_id: Mapped[str] = mapped_column(primary_key=True)
    team_alias: Mapped[str | None]
    organization_id: Mapped[str | None] = mapped_column(index=True)


class Member(Base):
    """Who is in which team: ``role`` is ``admin`` or ``user``."""

    __tablename__ = "proxy_member"
    team_id: Mapped[str] = mapped_column(
        ForeignKey("proxy_team.team_id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(primary_key=True, index=True)
    role: Mapped[str] = mapped_column(default="user")


class Organisation(_Kept, _Limited, Base):
    """An organisation."""

    __tablename__ = "proxy_organization"
    organization_id: Mapped[str] = mapped_column(primary_key=True)
    organization_alias: Mapped[str | None]


class _Restricted:
    restricted: Mapped[bool] = mapped_column(default=False, index=True)
    """Whether it may not do everything, its budgets aside: such rows are known to all who look keys up."""


class Customer(_Kept, _Limited, _Restricted, Base):
    """Somebody whom calls are for (``user`` in their bodies), and who has no key: an end user, LiteLLM says."""

    __tablename__ = "proxy_customer"
    user_id: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[str | None]
    allowed_model_region: Mapped[str | None]
    default_model: Mapped[str | None]


class Tag(_Kept, _Limited, _Restricted, Base):
    """A label of calls that has limits."""

    __tablename__ = "proxy_tag"
    name: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str | None] = mapped_column(String(4096))


class BudgetPlan(_Kept, _Limited, Base):
    """Limits that several can have, by their name (``budget_id``)."""

    __tablename__ = "proxy_budget"
    budget_id: Mapped[str] = mapped_column(primary_key=True)


class Model(_Kept, Base):
    """A deployment that was added at run time: an entry of a ``model_list``; its credentials are sealed."""

    __tablename__ = "proxy_model"
    model_id: Mapped[str] = mapped_column(primary_key=True)
    model_name: Mapped[str] = mapped_column(index=True)
    litellm_params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    model_info: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Session(Base):
    """A login: the SHA-256 of its token."""

    __tablename__ = "proxy_session"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    """The SHA-256 of the key that it was opened with, the master key too: a session is good as long as its key is."""
    expires: Mapped[datetime]


class Setting(Base):
    """What a gateway has decided itself, once for all its processes."""

    __tablename__ = "proxy_setting"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Request(Base):
    """One call, as the request log has it. ``spend`` repeats what the settlement said, for reports."""

    __tablename__ = "proxy_request"
    request_id: Mapped[str] = mapped_column(primary_key=True)
    """The call's id, which is the settlement's."""
    http_id: Mapped[str | None] = mapped_column(index=True)
    """The id of the HTTP request, which answers name (``x-request-id``)."""
    call_type: Mapped[str]
    api_key: Mapped[str]
    spend: Mapped[Decimal | None] = mapped_column(Spend)
    """Unknown is not 0."""
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    started: Mapped[datetime] = mapped_column(index=True)
    seconds: Mapped[float]
    provider: Mapped[str]
    model: Mapped[str]
    model_group: Mapped[str | None]
    user: Mapped[str | None] = mapped_column(index=True)
    team_id: Mapped[str | None]
    organization_id: Mapped[str | None]
    end_user: Mapped[str | None]
    session_id: Mapped[str | None]
    requester_ip_address: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(default=list)
    status: Mapped[str]
    """The settlement's outcome."""
    error: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)

    __table_args__ = (Index(None, "api_key", "started"), Index(None, "team_id", "started"))


class Content(Base):
    """Prompt and answer of a call, only where the operator wants them kept."""

    __tablename__ = "proxy_content"
    request_id: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    kept_at: Mapped[datetime] = mapped_column(index=True)


class Progress(Base):
    """How far the request log has read a ledger's settlements: all up to ``number`` are in it."""

    __tablename__ = "proxy_progress"
    ledger: Mapped[str] = mapped_column(primary_key=True)
    """Which one: another file, or the same made anew, counts from the beginning."""
    number: Mapped[int] = mapped_column(BigInteger)


class Kept(Base):
    """Who made a file or a batch that a provider keeps. The provider's account is everybody's, so this alone tells."""

    __tablename__ = "proxy_kept"
    kept_id: Mapped[str] = mapped_column(String(512), primary_key=True)
    """The provider's id."""
    owner: Mapped[str] = mapped_column(primary_key=True)
    """``key:`` and what the key's spend is kept under, or ``user:`` and an id; see ``endpoints.kept``."""
    place: Mapped[str] = mapped_column(primary_key=True)
    """Where it is: a deployment's id; the provider, where deployments of no provider take its calls."""
    provider: Mapped[str]
    kind: Mapped[str] = mapped_column(String(16))
    """``file``, ``batch``, ``response`` or ``container``."""
    purpose: Mapped[str | None]
    models: Mapped[list[str]] = mapped_column(default=list)
    """What the calls in a file for a batch are for, as their writer named them."""
    told: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What the provider last said of it, in OpenAI's form."""
    money: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Of a file for a batch: what its calls cost at most; of a batch: what is held for them (``endpoints.owing``)."""
    created_at: Mapped[datetime]

    __table_args__ = (Index(None, "owner", "kind", "created_at"),)
