"""Outboxes that nobody has used, in a file and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..stores._postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL, one for each test process that asks for it."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Where a worker finds it."""
    if request.param == "sqlite":
        return {"path": str(tmp_path / "outbox.db")}
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return {"dsn": server.dsn(), "schema": server.schema()}
