"""Databases with keys in them, and bearers that read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from llmkit._secret import Secret
from llmkit.proxy.auth.bearers import Bearers
from llmkit.proxy.auth.keys import generate, key_name, token_of
from llmkit.proxy.data.database import Database
from llmkit.proxy.data.models import Base, Key, Member, Organisation, Team, User
from llmkit.proxy.failure import Refused
from llmkit.proxy.settings import Settings

__all__ = ["MASTER", "add", "bearers_of", "change", "new_key", "now", "person", "refusal", "shown"]

MASTER = "sk-" + "master-of-these-tests"


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _kept() -> dict[str, Any]:
    return {"created_at": now(), "updated_at": now()}


def add(database: Database, *rows: Base) -> None:
    """Add rows."""
    database.run_sync(lambda transaction: transaction.add_all(rows))


def new_key(database: Database, **fields: Any) -> str:
    """A key in the database."""
    key = generate()
    add(database, Key(token=token_of(key), key_name=key_name(key), **_kept(), **fields))
    return key


def person(database: Database, user_id: str, **fields: Any) -> None:
    """A user in the database."""
    add(database, User(user_id=user_id, **_kept(), **fields))


def team(database: Database, team_id: str, *, admins: tuple[str, ...] = (), **fields: Any) -> None:
    """A team in the database, with its administrators."""
    add(database, Team(team_id=team_id, **_kept(), **fields))
    add(database, *(Member(team_id=team_id, user_id=one, role="admin") for one in admins))


def organisation(database: Database, organization_id: str, **fields: Any) -> None:
    """An organisation in the database."""
    add(database, Organisation(organization_id=organization_id, **_kept(), **fields))


def change(database: Database, key: str, **fields: Any) -> None:
    """Change a key's row, and tell nobody."""

    def work(transaction: Any) -> None:
        row = transaction.get(Key, token_of(key))
        for name, value in fields.items():
            setattr(row, name, value)

    database.run_sync(work)


def delete(database: Database, key: str) -> None:
    """Delete a key's row, and tell nobody."""
    database.run_sync(lambda transaction: transaction.delete(transaction.get(Key, token_of(key))))


def settings_of(url: str, **more: Any) -> Settings:
    return Settings(**{"database_url": url, "master_key": Secret(MASTER), **more})


@contextmanager
def bearers_of(database: Database, *, clock: Any = None, **more: Any) -> Iterator[Bearers]:
    """Open bearers over a database."""
    settings = settings_of("sqlite:///unused.db", **more)
    bearers = Bearers(settings, database, **({"clock": clock} if clock else {}))
    bearers.open()
    try:
        yield bearers
    finally:
        bearers.close()


def shown(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def refusal(
    bearers: Bearers, headers: dict[str, str], cookies: dict[str, str] | None = None
) -> Refused:
    """What bearers refuse this with."""
    try:
        subject = await bearers.subject(headers, cookies or {})
    except Refused as refused:
        return refused
    raise AssertionError(f"this was taken: {subject}")
