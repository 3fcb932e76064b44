"""Outboxes that nobody has used, in a file and in PostgreSQL, and Lagos of either kind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..stores._postgres import PostgresServer
from ._kills import Place


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL, one for each test process that asks for it."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


PAIRS = [("sqlite", "postgres"), ("postgres", "clickhouse")]
MORE = [("sqlite", "clickhouse"), ("postgres", "postgres")]


@pytest.fixture(params=PAIRS + MORE * bool(os.environ.get("LLMKIT_FULL")), ids="-".join)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An outbox of some kind, and a Lago that keeps events in some way."""
    kind, lago = request.param
    if kind == "sqlite":
        return Place(tmp_path, {"path": str(tmp_path / "outbox.db")}, lago)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return Place(tmp_path, {"dsn": server.dsn(), "schema": server.schema()}, lago)
