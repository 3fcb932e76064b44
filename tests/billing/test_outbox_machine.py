"""The rules of an outbox on every store: hypothesis looks for an order of things that breaks them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from llmkit.stores import MemoryStore, PostgresStore, SQLiteStore
from llmkit.testing.store_conformance import SettableClock

from ..stores._postgres import PostgresServer
from ._outbox_machine import Posting

FULL = bool(os.environ.get("LLMKIT_FULL"))
Opened = Callable[[SettableClock], tuple[Any, Callable[[], Any]]]


def run(opened: Opened, examples: int, *, full: int) -> None:
    """So many examples in a normal run, so many in a full one."""
    machine = type("Machine", (Posting,), {"opened": staticmethod(opened)})
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
    """In memory, which survives no restart but its own."""

    def opened(clock: SettableClock) -> tuple[Any, Callable[[], Any]]:
        store = MemoryStore(clock=clock)
        return store, lambda: store

    run(opened, 40, full=600)


def test_sqlite(tmp_path: Path) -> None:
    """In SQLite."""
    numbers = itertools.count()

    def opened(clock: SettableClock) -> tuple[Any, Callable[[], Any]]:
        path = tmp_path / f"{next(numbers)}.db"
        return SQLiteStore(path, clock=clock), lambda: SQLiteStore(path, clock=clock)

    run(opened, 12, full=250)


def test_postgres(postgres_server: PostgresServer) -> None:
    """In PostgreSQL."""

    def opened(clock: SettableClock) -> tuple[Any, Callable[[], Any]]:
        dsn, schema = postgres_server.dsn(), postgres_server.schema()
        again = lambda: PostgresStore(dsn, schema=schema, clock=clock)  # noqa: E731
        return again(), again

    run(opened, 6, full=100)
