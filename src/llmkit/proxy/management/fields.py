"""What requests of management say: LiteLLM's field names, with bounds that every database keeps. Nothing is done here.

Source: docs.litellm.ai/docs/proxy/virtual_keys, /users, /team_budgets, /model_management, read 2026-11-23. Fields of
LiteLLM's that would restrict a bearer and that nothing here honours are refused where they say something; others are
ignored, as LiteLLM ignores what it does not know.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

__all__ = [
    "Budget",
    "BudgetDeleted",
    "Budgets",
    "Keys",
    "Member",
    "MemberAdded",
    "MemberChanged",
    "MemberGone",
    "ModelDeleted",
    "ModelGiven",
    "Name",
    "NewKey",
    "NewTeam",
    "NewUser",
    "OneKey",
    "OneTeam",
    "Organisation",
    "OrganisationMember",
    "OrganisationMemberAdded",
    "OrganisationMemberGone",
    "Organisations",
    "Regenerated",
    "ResetSpend",
    "TeamChanged",
    "TeamModels",
    "Teams",
    "UpdatedKey",
    "UserChanged",
    "Users",
]

_MOST: Final = 2**31 - 1


def _none_if_empty(given: object) -> object:
    # LiteLLM's page sends empty texts for what is not filled in.
    return None if isinstance(given, str) and not given.strip() else given


def _of_one(given: str) -> str:
    if given == "*":
        # To the ledger this is each of all: what it limits would be everybody's.
        raise ValueError("* is no id")
    return given


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00]+$"),
]
"""An id, an alias: one text, without a NUL, which PostgreSQL does not keep."""
Id = Annotated[Name, AfterValidator(_of_one)]
Optional = Annotated[Id | None, BeforeValidator(_none_if_empty)]
Amount = Annotated[
    Annotated[Decimal, Field(ge=0, lt=10**12, decimal_places=9, allow_inf_nan=False)] | None,
    BeforeValidator(_none_if_empty),
]
"""USD, to a billionth."""
Count = Annotated[Annotated[int, Field(ge=0, le=_MOST)] | None, BeforeValidator(_none_if_empty)]
Counts = dict[Name, Annotated[int, Field(ge=0, le=_MOST)]] | None
Names = Annotated[list[Name], Field(max_length=1000)] | None
Duration = Annotated[str, Field(max_length=40)] | None
ModelBudgets = Annotated[dict[Name, Any], Field(max_length=100)] | None
KeyText = Annotated[str, Field(min_length=1, max_length=1024)]
"""A key, or its SHA-256."""
KeyGiven = Annotated[str, Field(min_length=20, max_length=1024, pattern=r"^sk-[!-~]+$")]
UserRole = Literal["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"]
MemberRole = Literal["admin", "user"]

_UNHONOURED: Final = frozenset({
    "aliases",
    "allowed_cache_controls",
    "allowed_vector_store_indexes",
    "auto_rotate",
    "budget_fallbacks",
    "budget_limits",
    "config",
    "denied_passthrough_routes",
    "end_user_budget_id",
    "enforced_params",
    "guardrails",
    "mcp_rpm_limit",
    "object_permission",
    "password",
    "permissions",
    "policies",
    "project_id",
    "prompts",
    "router_settings",
    "tag_rpm_limit",
    "throttle_on_budget_exceeded",
    "tpd_limit",
})  # fmt: skip


class Said(BaseModel):
    """A request's fields."""

    # What a part of management does not ask is not built for it.
    model_config = ConfigDict(defer_build=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def refuse_unhonoured(cls, given: Any) -> Any:
        """Refuse what is a promise that nobody would keep."""
        if isinstance(given, dict):
            known = cls.model_fields
            said = sorted(n for n in _UNHONOURED & given.keys() if given[n] and n not in known)
            if said:
                raise ValueError(f"{', '.join(said)}: not honoured here; leave it out")
            _check_spelling(given, known)
        return given

    def given(self) -> dict[str, Any]:
        """What was said, and no defaults."""
        return self.model_dump(exclude_unset=True)


def _check_spelling(given: dict[Any, Any], known: Collection[str]) -> None:
    """Refuse what was meant to be another field: a misspelled limit would be none. LiteLLM's own are ignored."""
    strange = [name for name in given if isinstance(name, str) and name not in known]
    if not strange:
        return
    anywhere = {"members"}.union(*(one.model_fields for one in _kinds(Said)))
    for name in strange:
        near = get_close_matches(name[:100].lower(), known, 1, _NEAR)
        if near and name not in anywhere:
            raise ValueError(f"there is no field {name[:100]!r}: did you mean {near[0]}?")


def _kinds(of: type[Said]) -> list[type[Said]]:
    return [kind for one in of.__subclasses__() for kind in (one, *_kinds(one))]


_NEAR: Final = 0.85
"""How alike two names are of which one is the other, misspelled; LiteLLM's fields are further from ours."""


class Limited(Said):
    """What limits a key, a user, a team or an organisation."""

    max_budget: Amount = None
    soft_budget: Amount = None
    budget_duration: Duration = None
    budget_id: Optional = None
    tpm_limit: Count = None
    rpm_limit: Count = None
    max_parallel_requests: Count = None
    model_max_budget: ModelBudgets = None
    model_rpm_limit: Counts = None
    model_tpm_limit: Counts = None
    models: Names = None
    blocked: bool | None = None
    metadata: dict[str, Any] | None = None
    temp_budget_increase: Amount = None
    temp_budget_expiry: datetime | None = None

    @model_validator(mode="after")
    def both_or_neither(self) -> Self:
        """An increase has an end."""
        if (self.temp_budget_increase is None) != (self.temp_budget_expiry is None):
            raise ValueError("temp_budget_increase and temp_budget_expiry are given together")
        return self


class UpdatedKey(Limited):
    """``/key/update``."""

    key: KeyText
    key_alias: Optional = None
    duration: Duration = None
    user_id: Optional = None
    team_id: Optional = None
    organization_id: Optional = None
    allowed_routes: Names = None
    tags: Names = None
    spend: Amount = None


class NewKey(UpdatedKey):
    """``/key/generate``. ``key``: one of the caller's own making, which administrators may give."""

    key: KeyGiven | None = None  # type: ignore[assignment]
    key_type: Literal["llm_api", "management", "read_only", "default"] | None = None


class Regenerated(UpdatedKey):
    """``/key/regenerate``, ``/key/{key}/regenerate``."""

    key: KeyText | None = None  # type: ignore[assignment]
    new_key: KeyGiven | None = None


class OneKey(Said):
    """``/key/block``: the key, or its SHA-256."""

    key: KeyText


class Keys(Said):
    """``/key/delete``, ``/v2/key/info``."""

    keys: Annotated[list[KeyText], Field(max_length=1000)] | None = None
    key_aliases: Names = None

    @model_validator(mode="after")
    def some(self) -> Self:
        """There is something to do."""
        if not self.keys and not self.key_aliases:
            raise ValueError("give keys or key_aliases")
        return self


class ResetSpend(Said):
    """``/key/{key}/reset_spend``."""

    reset_to: Literal[0] = 0


class UserChanged(Limited):
    """``/user/update``."""

    user_id: Optional = None
    user_email: Optional = None
    user_alias: Optional = None
    user_role: UserRole | None = None
    spend: Amount = None


class NewUser(UserChanged):
    """``/user/new``; ``duration``, ``key_alias``: of the key that comes with the user."""

    teams: list[Name | dict[str, Any]] | None = None
    organizations: Names = None
    organization_id: Optional = None
    sso_user_id: Optional = None
    auto_create_key: bool = True
    key_alias: Optional = None
    duration: Duration = None


class Users(Said):
    """``/user/delete``."""

    user_ids: Annotated[list[Name], Field(min_length=1, max_length=1000)]


class Member(Said):
    """A person in a team."""

    role: MemberRole = "user"
    user_id: Optional = None
    user_email: Optional = None

    @model_validator(mode="after")
    def named(self) -> Self:
        """Somebody is meant."""
        if self.user_id is None and self.user_email is None:
            raise ValueError("give user_id or user_email")
        return self


class TeamChanged(Limited):
    """``/team/update``."""

    team_id: Id
    team_alias: Optional = None
    organization_id: Optional = None
    spend: Amount = None


class NewTeam(TeamChanged):
    """``/team/new``."""

    team_id: Optional = None  # type: ignore[assignment]
    members_with_roles: Annotated[list[Member], Field(max_length=1000)] = []


class OneTeam(Said):
    """``/team/block``."""

    team_id: Id


class Teams(Said):
    """``/team/delete``."""

    team_ids: Annotated[list[Name], Field(min_length=1, max_length=1000)]


class TeamModels(OneTeam):
    """``/team/model/add``, ``/team/model/delete``."""

    models: Annotated[list[Name], Field(max_length=1000)]


class _OfMember(Said):
    max_budget_in_team: Amount = None
    budget_duration: Duration = None
    rpm_limit: Count = None
    tpm_limit: Count = None


class MemberAdded(_OfMember):
    """``/team/member_add``: one, or several."""

    team_id: Id
    member: Member | Annotated[list[Member], Field(min_length=1, max_length=1000)]


class MemberGone(Said):
    """``/team/member_delete``."""

    team_id: Id
    user_id: Optional = None
    user_email: Optional = None


class MemberChanged(_OfMember):
    """``/team/member_update``."""

    team_id: Id
    user_id: Optional = None
    user_email: Optional = None
    role: MemberRole | None = None


class Organisation(Limited):
    """``/organization/new`` and ``/organization/update``."""

    organization_id: Optional = None
    organization_alias: Optional = None
    spend: Amount = None


class Organisations(Said):
    """``/organization/delete``."""

    organization_ids: Annotated[list[Name], Field(min_length=1, max_length=1000)]


class OrganisationMember(Said):
    """A person in an organisation."""

    role: Literal["org_admin", "internal_user", "internal_user_viewer"] = "internal_user"
    user_id: Optional = None
    user_email: Optional = None


class OrganisationMemberAdded(Said):
    """``/organization/member_add``, ``/organization/member_update``."""

    organization_id: Id
    member: OrganisationMember | list[OrganisationMember] | None = None
    role: Literal["org_admin", "internal_user", "internal_user_viewer"] | None = None
    user_id: Optional = None
    user_email: Optional = None


class OrganisationMemberGone(Said):
    """``/organization/member_delete``."""

    organization_id: Id
    user_id: Optional = None
    user_email: Optional = None


class Budget(Said):
    """``/budget/new``, ``/budget/update``."""

    budget_id: Optional = None
    max_budget: Amount = None
    soft_budget: Amount = None
    budget_duration: Duration = None
    tpm_limit: Count = None
    rpm_limit: Count = None
    max_parallel_requests: Count = None
    model_max_budget: ModelBudgets = None


class Budgets(Said):
    """``/budget/info``."""

    budgets: Annotated[list[Name], Field(max_length=1000)]


class BudgetDeleted(Said):
    """``/budget/delete``."""

    id: Name


class ModelGiven(Said):
    """``/model/new``, ``/model/update``: an entry of a ``model_list``."""

    id: Optional = None
    model_name: Optional = None
    litellm_params: dict[str, Any] = {}
    model_info: dict[str, Any] = {}


class ModelDeleted(Said):
    """``/model/delete``."""

    id: Name
