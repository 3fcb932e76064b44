"""Real servers, one for each test process that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL 18. ``dsn()`` is its address, ``schema()`` a new name; ``kill()`` and ``start()`` for faults."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
