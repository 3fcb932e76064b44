"""What a role may: which paths it may call, and whose rows it may see or change. Whose key it is, ``bearers`` has said.

Paths are LiteLLM's. What no table here names is an administrator's alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from ..failure import Refused
from ..subject import Role, Subject

__all__ = ["GROUPS", "administers", "changes", "permit", "sees"]

MODELS: Final = (
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/responses*",
    "/messages*",
    "/audio/*",
    "/images/*",
    "/rerank",
    "/moderations",
    "/models*",
    "/files*",
    "/batches*",
    "/realtime",
    "/engines/*",
    "/openai/deployments/*",
    "/openai/models*",
    "/openai/files*",
    "/openai/batches*",
    "/utils/token_counter",
    "/utils/supported_openai_params",
)
"""What models are asked through; each also below ``/v1``, ``/v2`` and ``/v1beta``."""
SESSIONS: Final = ("/login", "/refresh", "/logout")
INFORMATION: Final = (
    "/key/info",
    "/key/list",
    "/key/aliases",
    "/key/health",
    "/user/info",
    "/user/daily/activity",
    "/team/daily/activity",
    "/team/available",
    "/team/info",
    "/team/list",
    "/organization/info",
    "/organization/list",
    "/model/info",
    "/model_group/info",
    "/spend/*",
    "/cost/estimate",
    "/global/spend*",
    "/global/activity*",
    "/routes",
)
"""What tells about what is one's own; the rows are chosen by ``sees``."""
KEYS: Final = (
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/regenerate",
    "/key/*/regenerate",
    "/key/block",
    "/key/unblock",
)
TEAM: Final = (
    "/team/update",
    "/team/member_add",
    "/team/member_update",
    "/team/member_delete",
    "/team/model/*",
)
ORGANISATION: Final = (
    *TEAM,
    "/team/new",
    "/team/delete",
    "/team/block",
    "/team/unblock",
    "/user/new",
    "/user/list",
    "/user/update",
    "/organization/member_add",
    "/organization/member_update",
    "/organization/member_delete",
    "/organization/update",
)
OVERVIEW: Final = (
    "/user/list",
    "/budget/info",
    "/budget/list",
    "/customer/*",
    "/end_user/*",
    "/tag/*",
    "/provider/budgets",
    "/spend/*",
    "/global/*",
    "/metrics*",
    "/health*",
    "/utils/transform_request",
    "/config/yaml",
)
"""What is everybody's; with ``INFORMATION`` what one who sees all may read."""
MANAGEMENT: Final = (
    *KEYS,
    *ORGANISATION,
    "/user/*",
    "/organization/*",
    "/budget/*",
    "/model/*",
    "/customer/*",
    "/end_user/*",
    "/tag/*",
)

_CALLS: Final = (*MODELS, *SESSIONS)
_OF_ROLE: Final[Mapping[Role, tuple[str, ...]]] = MappingProxyType(
    {
        "proxy_admin": ("*",),
        "proxy_admin_viewer": SESSIONS,
        "org_admin": (*_CALLS, *KEYS, *ORGANISATION),
        "internal_user": (*_CALLS, *KEYS),
        "internal_user_viewer": _CALLS,
        "team": _CALLS,
        "customer": _CALLS,
    }
)
"""What a role may call, by any method."""
_READ: Final[Mapping[Role, tuple[str, ...]]] = MappingProxyType(
    {
        "proxy_admin": ("*",),
        "proxy_admin_viewer": (*INFORMATION, *OVERVIEW, "/models*"),
        "org_admin": INFORMATION,
        "internal_user": INFORMATION,
        "internal_user_viewer": INFORMATION,
        "team": INFORMATION,
        "customer": (),
    }
)
"""What it may read besides."""
_READ_BY_POST: Final = frozenset(
    {
        "/spend/calculate",
        "/cost/estimate",
        "/key/info",
        "/key/health",
        "/budget/info",
        "/tag/info",
        "/utils/transform_request",
    }
)
"""Nothing is changed by these, though they are asked with POST."""

GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "llm_api_routes": MODELS,
        "openai_routes": MODELS,
        "info_routes": INFORMATION,
        "management_routes": (*MANAGEMENT, *INFORMATION),
        "spend_tracking_routes": ("/spend/*",),
        "global_spend_tracking_routes": ("/global/*",),
    }
)
"""What a key's ``allowed_routes`` may name besides paths: LiteLLM's words (its ``LiteLLMRoutes``, 2026-11)."""

_VERSION = re.compile(r"^/(?:v1|v2|v1beta)(?=/[^*])")
_REMEMBERED: Final = 4096
"""Paths whose answer is not worked out again: models are asked through few."""


def permit(subject: Subject, method: str, path: str) -> None:
    """Raise ``Refused`` (403) unless the subject may call this path, as it is below the gateway's own root.

    A role's paths are not all: an administrator of a team may change it, and a key can be for some paths only. Whose
    row it is that a permitted request is about, its endpoint has to ask: ``sees``, ``changes``.
    """
    leads = bool(subject.admin_of) and _writes(subject)
    if not _of_role(subject.role, leads, method, path):
        raise _refused(path, f"is not for the role {subject.role!r}: ask an administrator")
    if subject.routes is not None and not _listed(path, subject.routes):
        raise _refused(path, "is not among the key's allowed_routes")


@lru_cache(_REMEMBERED)
def _of_role(role: Role, leads: bool, method: str, path: str) -> bool:  # noqa: FBT001 - remembered by it
    bare = _bare(path)
    if _matches(bare, _OF_ROLE[role]) or (leads and _matches(bare, TEAM)):
        return True
    return _reads(method, bare) and _matches(bare, _READ[role])


def _reads(method: str, path: str) -> bool:
    return method in ("GET", "HEAD") or path in _READ_BY_POST


@lru_cache(_REMEMBERED)
def _listed(path: str, routes: tuple[str, ...]) -> bool:
    """A key's own list has paths as they are called, paths without their version, and names of groups."""
    expanded = [one for route in routes for one in GROUPS.get(route, (route, _bare(route)))]
    return _matches(_bare(path), expanded) or _matches(path, expanded)


def _bare(path: str) -> str:
    """A path without its version: ``/chat/completions`` for ``/v1/chat/completions``."""
    return _VERSION.sub("", path, count=1)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(_match(path, pattern) for pattern in patterns)


def _match(path: str, pattern: str) -> bool:
    """``/a*`` is ``/a``, and all below it and no ``/ab``; ``/a/*`` all below; ``/a/*/b`` any one segment."""
    head, star, tail = pattern.partition("*")
    if not star:
        return path == pattern
    if tail:
        middle = path[len(head) : len(path) - len(tail)]
        fits = path.startswith(head) and path.endswith(tail)
        return fits and bool(middle) and "/" not in middle
    if head.endswith("/") or not head:
        return path.startswith(head)
    return path == head or path.startswith((f"{head}/", f"{head}:"))


def _refused(path: str, why: str) -> Refused:
    return Refused(403, f"{path[:200]} {why}", "auth_error")


def sees(
    subject: Subject,
    *,
    user: str | None = None,
    team: str | None = None,
    organisation: str | None = None,
    key: str | None = None,
) -> bool:
    """Whether a subject may read a row of this user, team, organisation or key (its SHA-256).

    Its own, those of its team, and all where its role sees all. What is nobody's is nobody's to see.
    """
    if subject.role in ("proxy_admin", "proxy_admin_viewer"):
        return True
    mine = _same(subject.user, user) or _same(subject.key, key) or team in subject.teams
    return mine or _administers(subject, team, organisation)


def changes(
    subject: Subject,
    *,
    user: str | None = None,
    team: str | None = None,
    organisation: str | None = None,
) -> bool:
    """Whether a subject may make or change a key of this user's, for this team, in this organisation.

    His own where he is in that team and that organisation, and any of a team or organisation that he administers.
    Roles that only look never.
    """
    if administers(subject, team=team, organisation=organisation):
        return True
    within = not team or team in subject.teams
    inside = not organisation or organisation == subject.organisation
    return _writes(subject) and _same(subject.user, user) and within and inside


def administers(
    subject: Subject, *, team: str | None = None, organisation: str | None = None
) -> bool:
    """Whether a subject may change this team or organisation itself: its limits, its models, who is in it."""
    return subject.role == "proxy_admin" or (
        _writes(subject) and _administers(subject, team, organisation)
    )


def _administers(subject: Subject, team: str | None, organisation: str | None) -> bool:
    if team and team in subject.admin_of:
        return True
    return subject.role == "org_admin" and _same(subject.organisation, organisation)


def _writes(subject: Subject) -> bool:
    return subject.role in ("internal_user", "org_admin")


def _same(mine: str, other: str | None) -> bool:
    return bool(mine) and mine == other
