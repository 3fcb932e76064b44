"""The first person: made by whoever has the database, before there is anybody to ask over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import or_, select
from sqlalchemy.orm import Session as Transaction

from ...errors import ConfigurationError
from ..data.database import Database
from ..data.models import Key, User
from ..subject import Role
from .keys import generate, key_name, token_of

__all__ = ["PEOPLE", "create_user"]

PEOPLE: Final[tuple[Role, ...]] = (
    "proxy_admin",
    "proxy_admin_viewer",
    "internal_user",
    "internal_user_viewer",
)
"""Roles that a person can have without a team or an organisation."""


def create_user(
    database: Database,
    *,
    role: Role = "proxy_admin",
    user_id: str | None = None,
    email: str | None = None,
    alias: str | None = None,
) -> tuple[str, str]:
    """A person, and a key of his: the user's id, and the key, which is nowhere else. The tables are there.

    Raises:
        ConfigurationError: there is such a person, or no such role.
    """
    if role not in PEOPLE:
        raise ConfigurationError(f"a person's role is one of {', '.join(PEOPLE)}, not {role!r}")
    name, key = user_id or str(uuid4()), generate()
    database.run_sync(lambda transaction: _add(transaction, name, role, email, alias, key))
    return name, key


def _add(
    transaction: Transaction,
    user_id: str,
    role: Role,
    email: str | None,
    alias: str | None,
    key: str,
) -> None:
    same = User.user_id == user_id
    there = select(User.user_id).where(or_(same, User.user_email == email) if email else same)
    if transaction.scalar(there) is not None:
        raise ConfigurationError("there is a user of this id or e-mail address: choose another one")
    now = datetime.now(UTC).replace(tzinfo=None)
    kept: dict[str, Any] = {
        "created_at": now,
        "updated_at": now,
        "created_by": "create-user",
        "updated_by": "create-user",
    }
    transaction.add(
        User(user_id=user_id, user_role=role, user_email=email, user_alias=alias, **kept)
    )
    transaction.add(Key(token=token_of(key), key_name=key_name(key), user_id=user_id, **kept))
