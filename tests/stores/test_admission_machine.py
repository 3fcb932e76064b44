"""The rules of letting calls in on every store: hypothesis looks for an order of things that breaks them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from llmkit._io.stores.postgres import PostgresStore
from llmkit._io.stores.redis import RedisStore
from llmkit.stores import MemoryStore, SQLiteStore
from llmkit.testing.store_conformance import SettableClock

from ._admission_machine import Letting
from ._postgres import PostgresServer
from ._redis import RedisServer

FULL = bool(os.environ.get("LLMKIT_FULL"))
Opened = Callable[[SettableClock], tuple[Any, Callable[[], None]]]


def run(opened: Opened, examples: int, *, full: int) -> None:
    """So many examples in a normal run, so many in a full one."""
    machine = type("Machine", (Letting,), {"opened": staticmethod(opened)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=full if FULL else examples,
            stateful_step_count=80 if FULL else 40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_memory() -> None:
    """In memory."""
    run(lambda clock: (MemoryStore(clock=clock), lambda: None), 40, full=600)


def test_sqlite(tmp_path: Path) -> None:
    """In SQLite."""
    numbers = itertools.count()

    def opened(clock: SettableClock) -> tuple[Any, Callable[[], None]]:
        store = SQLiteStore(tmp_path / f"{next(numbers)}.db", clock=clock)
        return store, store.close

    run(opened, 10, full=250)


def test_redis(redis_server: RedisServer) -> None:
    """On Redis, by the injected clock."""
    numbers = itertools.count()

    def opened(clock: SettableClock) -> tuple[Any, Callable[[], None]]:
        store = RedisStore(redis_server.url, name=f"letting-{next(numbers)}", clock=clock)
        return store, store.close

    run(opened, 6, full=120)


def test_postgres(postgres_server: PostgresServer) -> None:
    """On PostgreSQL, by the injected clock."""

    def opened(clock: SettableClock) -> tuple[Any, Callable[[], None]]:
        dsn, schema = postgres_server.dsn(), postgres_server.schema()
        store = PostgresStore(dsn, schema=schema, clock=clock)
        return store, store.close

    run(opened, 5, full=100)
