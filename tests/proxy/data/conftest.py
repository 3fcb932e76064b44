"""Databases of both kinds, each new for a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from llmkit.proxy.data.database import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    return new_url(request, tmp_path)


def new_url(request: pytest.FixtureRequest, directory: Path) -> str:
    """The address of an empty database of the kind that a fixture is asked for."""
    if request.param == "sqlite":
        return f"sqlite:///{directory / 'proxy.db'}"
    return new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A database with its tables."""
    made = Database(url)
    made.migrate()
    yield made
    made.close()


def new_database(server: Any) -> str:
    """The address of an empty database of a server's."""
    name = server.schema()
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql://llmkit@127.0.0.1:{server.port}/{name}"


def rows(database: Database, statement: Any) -> list[Any]:
    """What a statement finds."""
    return database.read_sync(lambda session: list(session.execute(statement)))


@pytest.fixture
def anyio_backend() -> str:
    """Uvicorn's loop."""
    return "asyncio"
