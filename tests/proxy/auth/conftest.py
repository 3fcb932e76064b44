"""Databases of both kinds, each new for a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmkit.proxy.data.database import Database

from ..data.conftest import new_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A SQLite file with its tables."""
    made = Database(f"sqlite:///{tmp_path / 'proxy.db'}")
    made.migrate()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with its tables."""
    url = f"sqlite:///{tmp_path / 'proxy.db'}"
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgres_server"))
    made = Database(url)
    made.migrate()
    made.close()
    return url
