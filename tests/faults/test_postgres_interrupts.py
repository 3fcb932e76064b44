"""Ctrl-C at every point of an operation on PostgreSQL: by that a connection, or a place in the pool, can be lost."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from llmkit._io.stores import postgres
from llmkit._operations import Audit, Balances, Claim, Reserve, Reserved, Sweep, Window

from ..stores._postgres import PostgresServer
from ._interrupts import interrupted_at

OURS = str(Path(postgres.__file__).parent)
LIMIT = str(Path(postgres.__file__).parents[2] / "_limit.py")
CLAIMS = (Claim("requests:total:global", Window(), Decimal(1), Decimal(10**6)),)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.mark.parametrize("state", ["connected", "connecting"])
def test_interrupted_at_every_point(server: PostgresServer, state: str) -> None:
    """The store goes on, no place is lost, no connection stays, and what is repeated is counted once."""
    store = postgres.PostgresStore(server.dsn(), schema=state)
    store.perform(Sweep())
    for at in itertools.count(1):
        if state == "connecting":
            store.close()
        wanted = Reserve(f"hold-{at}", CLAIMS, 60_000)
        with interrupted_at(at, (OURS, LIMIT)) as interrupt, contextlib.suppress(KeyboardInterrupt):
            store.perform(wanted)
        assert isinstance(store.perform(wanted), Reserved), interrupt.where
        assert store._pool._limit._free == 8, interrupt.where
        if not interrupt.where:
            break
    assert at > 30
    assert store.perform(Balances(CLAIMS)).lines[0].used == at
    assert store.perform(Audit()).differences == ()
    assert len(_backends(server)) == 1
    store.close()


def _backends(server: PostgresServer) -> list[int]:
    query = "select pid from pg_stat_activity where application_name = 'llmkit'"
    with psycopg.connect(server.dsn(application_name="test"), autocommit=True) as other:
        for _ in range(100):
            found = [row[0] for row in other.execute(query)]
            if len(found) <= 1:
                break
            other.execute("select pg_sleep(0.02)")
        return found
