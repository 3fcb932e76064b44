"""PostgreSQL's connections: broken, killed, cancelled, forked, counted; and no password in anything."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import anyio
import psycopg
import pytest
import trio

from llmkit._io.stores.postgres import PostgresStore
from llmkit._operations import (
    Audit,
    Balances,
    Claim,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Reserve,
    Reserved,
    Reset,
    Settle,
    SettleHold,
    Settlement,
    Settlements,
    Sweep,
    Window,
    WriteRule,
)
from llmkit.errors import ConfigurationError, StoreError, StoreUnavailableError

from ._postgres import PostgresServer
from ._proxy import Proxy

ONE = Decimal(1)
PASSWORD = "hunter2" + "hunter2"
LOOPS: list[Callable[[Callable[[], Awaitable[Any]]], Any]] = [asyncio.run, trio.run]  # type: ignore[list-item]
loops = pytest.mark.parametrize("run", LOOPS, ids=["asyncio", "trio"])


def claims(limit: int = 1000) -> tuple[Claim, ...]:
    """One claim of one unit for ever."""
    return (Claim("requests:total:global", Window(), ONE, Decimal(limit)),)


def reserve(hold: str, lease: int = 60_000) -> Reserve:
    """A hold of one unit."""
    return Reserve(hold, claims(), lease)


def settlement(call: str, **metadata: Any) -> Settle:
    """A call's settlement."""
    return Settle(Settlement(call, "completed", "p", "m", False, "yes", 1, 0.5, 1.5, metadata=metadata))


@pytest.fixture
def schema(postgres_server: PostgresServer) -> str:
    """A ledger that nobody has used."""
    return postgres_server.schema()


@pytest.fixture
def store(postgres_server: PostgresServer, schema: str) -> Iterator[PostgresStore]:
    """A store on it."""
    store = PostgresStore(postgres_server.dsn(), schema=schema, timeout=20)
    yield store
    store.close()


@pytest.fixture
def proxy(postgres_server: PostgresServer) -> Iterator[Proxy]:
    """What stands before the server."""
    with Proxy(postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
def behind(postgres_server: PostgresServer, proxy: Proxy, schema: str) -> Iterator[PostgresStore]:
    """A store that speaks through the proxy, and has spoken."""
    store = PostgresStore(postgres_server.dsn(proxy.port), schema=schema, timeout=20)
    store.perform(Sweep())
    yield store
    store.close()


def backends(server: PostgresServer) -> set[int]:
    """The server's processes for llmkit's connections."""
    with psycopg.connect(server.dsn(), application_name="test") as other:
        rows = other.execute("select pid from pg_stat_activity where application_name = 'llmkit'")
        return {row[0] for row in rows}


def terminate(server: PostgresServer) -> None:
    """End all of them."""
    with psycopg.connect(server.dsn(), application_name="test", autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'llmkit'"
        )


# --- made --------------------------------------------------------------------------------------


def test_nothing_is_asked_of_a_server_before_the_first_operation() -> None:
    """A store is made where no server is, and closed again."""
    PostgresStore("host=127.0.0.1 port=1").close()


@pytest.mark.parametrize(
    "arguments",
    [
        {"durability": "eternal"},
        {"connections": 0},
        {"timeout": 0},
        {"schema": ""},
        {"schema": 'a"b'},
        {"schema": "a'b"},
        {"schema": "$body$"},
        {"schema": "x" * 64},
        {"dsn": f"postgresql://ann:{PASSWORD}@host/db?no_such_word={PASSWORD}"},
        {"dsn": f"password='{PASSWORD}"},
    ],
)
def test_what_cannot_be_right_is_refused(arguments: dict[str, Any]) -> None:
    """An argument that makes no sense is named at once, and a password is not in what is said."""
    with pytest.raises(ConfigurationError) as caught:
        PostgresStore(**({"dsn": "host=127.0.0.1"} | arguments))
    assert PASSWORD not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named where it is missing."""
    for name in [name for name in sys.modules if name.startswith("llmkit._io.stores.postgres.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'llmkit\[postgres\]'"):
        PostgresStore("host=127.0.0.1")


def test_no_password_is_shown() -> None:
    """Neither a store nor its failure shows the password."""
    store = PostgresStore(f"postgresql://ann:{PASSWORD}@127.0.0.1:1/ledger")
    assert repr(store) == "PostgresStore('127.0.0.1/ledger')"
    with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
        store.perform(Sweep())
    assert PASSWORD not in repr(caught.value)
    assert caught.value.__context__ is None


@loops
def test_an_unreachable_server_is_unavailable_to_loops(run: Any) -> None:
    """The other colour says the same."""
    store = PostgresStore("host=127.0.0.1 port=1")

    async def main() -> None:
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            await store.aperform(Sweep())

    run(main)if run is trio.run else run(main())


# --- broken ------------------------------------------------------------------------------------
