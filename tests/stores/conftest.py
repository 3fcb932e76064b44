"""Real servers, one for each test process that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._postgres import PostgresServer
from ._redis import RedisServer, running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL 18. ``dsn()`` is its address, ``schema()`` a new name; ``kill()`` and ``start()`` for faults."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Redis, durable to the letter. ``url`` is its address; ``kill()`` and ``start()`` for faults."""
    with running() as server:
        yield server
