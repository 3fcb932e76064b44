"""Every store of ours does what the conformance suite asks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmkit._io.stores.postgres import PostgresStore
from llmkit._io.stores.redis import RedisStore
from llmkit._io.stores.sqlite import SQLiteStore
from llmkit.stores import MemoryStore
from llmkit.testing.store_conformance import StoreConformance

from ._postgres import PostgresServer
from ._redis import RedisServer

FULL = bool(os.environ.get("LLMKIT_FULL"))
SEQUENCES = 100 if FULL else 6


class TestMemory(StoreConformance):
    """The reference, which is compared with itself: what it does is checked one by one."""

    shared = False
    sequences = SEQUENCES

    def open(self, place: Path, clock: Callable[[], float]) -> Any:
        """In memory."""
        return MemoryStore(clock=clock)


class TestSQLite(StoreConformance):
    """SQLite, exact to the last digit."""

    sequences = SEQUENCES

    def open(self, place: Path, clock: Callable[[], float]) -> Any:
        """A file in the directory."""
        return SQLiteStore(place / "llmkit.db", clock=clock)


class TestRedis(StoreConformance):
    """Redis, which counts dollars in billionths."""

    grain = Decimal("0.000000001")
    outbox = False
    numbered = False
    sequences = SEQUENCES

    @pytest.fixture
    def running(self, redis_server: RedisServer) -> RedisServer:
        """One server for all."""
        return redis_server

    def open(self, place: Path, clock: Callable[[], float]) -> Any:
        """A ledger called after the directory."""
        return RedisStore(self.server.url, name=str(place), clock=clock)


class TestPostgres(StoreConformance):
    """PostgreSQL, exact to the last digit."""

    sequences = SEQUENCES

    @pytest.fixture
    def running(self, postgres_server: PostgresServer) -> PostgresServer:
        """One server for all."""
        return postgres_server

    def open(self, place: Path, clock: Callable[[], float]) -> Any:
        """A ledger called after the directory."""
        schema = hashlib.sha256(str(place).encode()).hexdigest()[:16]
        return PostgresStore(self.server.dsn(), schema=schema, clock=clock)


def test_no_check_hides_another() -> None:
    """Two of one name in two classes would be one check, and nobody would miss the other."""
    named = [
        name
        for kind in StoreConformance.__mro__
        for name in vars(kind)
        if name.startswith("test_") and kind is not object
    ]
    assert sorted(set(named)) == sorted(named)
