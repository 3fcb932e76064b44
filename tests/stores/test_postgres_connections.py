"""PostgreSQL's connections: broken, killed, cancelled, forked, counted; and no password in anything."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anyio
import psycopg
import pytest

from llmkit._io.stores.postgres import PostgresStore
from llmkit._operations import (
    Admit,
    Admitted,
    Audit,
    Balances,
    Candidate,
    Claim,
    Cool,
    Leave,
    Look,
    Quota,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Reserve,
    Reserved,
    Reset,
    SettleHold,
    Sweep,
    Window,
    WriteRule,
)
from llmkit._settlements import Settle, Settlement, Settlements, SettlementsAfter
from llmkit.errors import ConfigurationError, StoreError, StoreUnavailableError

from ._postgres import PostgresServer
from ._tcp_proxy import Proxy
from ._together import together

ONE = Decimal(1)
PASSWORD = "hunter2" + "hunter2"
COLOURS = ("sync", "asyncio", "trio")
colours = pytest.mark.parametrize("colour", COLOURS)
loops = pytest.mark.parametrize("loop", COLOURS[1:])


def perform(store: PostgresStore, colour: str, operation: Any) -> Any:
    """Perform an operation in this colour."""
    if colour == "sync":
        return store.perform(operation)
    return anyio.run(store.aperform, operation, backend=colour)


def claims(limit: int = 1000) -> tuple[Claim, ...]:
    """One claim of one unit for ever."""
    return (Claim("requests:total:global", Window(), ONE, Decimal(limit)),)


def reserve(hold: str, lease: int = 60_000) -> Reserve:
    """A hold of one unit."""
    return Reserve(hold, claims(), lease)


def admit(ticket: str, limit: int = 1000) -> Admit:
    """One call, at a deployment that is full or at another with so much room."""
    full, open_ = (
        Candidate(name, (Quota("requests", 1000, most, 1),), most)
        for name, most in (("full", 0), ("d", limit))
    )
    return Admit(ticket, (full, open_), 60_000)


def settlement(call: str, **metadata: Any) -> Settle:
    """A call's settlement."""
    return Settle(
        Settlement(call, "completed", "p", "m", False, "yes", 1, 0.5, 1.5, metadata=metadata)
    )


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
    # Tests that interrupt at every instruction may leave an exception being handled in their thread.
    assert caught.value.__context__ is sys.exception()


def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named where it is missing."""
    for name in [name for name in sys.modules if name.startswith("llmkit._io.stores.postgres.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'llmkit\[postgres\]'"):
        PostgresStore("host=127.0.0.1")


@pytest.mark.parametrize("password", ["hunter2@rest", "hunter2/rest", "17/rest", "17:4/rest@x"])
def test_a_password_that_divides_its_address(password: str) -> None:
    """What is behind an "@" or "/" that is not encoded would be shown as a host or a database."""
    with pytest.raises(ConfigurationError, match="percent-encoded") as caught:
        PostgresStore(f"postgresql://ann:{password}@127.0.0.1/ledger")
    assert "rest" not in repr(caught.value)
    PostgresStore("postgresql://ann:hunter2%40a%2Fb@127.0.0.1:5432/a%40b?host=@socket")


def test_no_password_is_shown() -> None:
    """Neither a store nor its failure shows the password."""
    store = PostgresStore(f"postgresql://ann:{PASSWORD}@127.0.0.1:1/ledger")
    assert repr(store) == "PostgresStore('127.0.0.1:1/ledger')"
    with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
        store.perform(Sweep())
    assert PASSWORD not in repr(caught.value)
    # Tests that interrupt at every instruction may leave an exception being handled in their thread.
    assert caught.value.__context__ is sys.exception()


@colours
def test_a_server_that_is_not_there_is_unavailable(colour: str) -> None:
    """Every colour says so in our words."""
    store = PostgresStore("host=127.0.0.1 port=1")
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        perform(store, colour, Sweep())


def test_what_the_server_refuses_at_the_door_is_unavailable(
    postgres_server: PostgresServer,
) -> None:
    """A database that is not there is as good as no server."""
    store = PostgresStore(postgres_server.dsn(dbname="nowhere"))
    with pytest.raises(StoreUnavailableError, match="nowhere"):
        store.perform(Sweep())


# --- broken ------------------------------------------------------------------------------------


@colours
def test_a_connection_that_was_ended_is_replaced(
    postgres_server: PostgresServer, store: PostgresStore, colour: str
) -> None:
    """The server ended the connection while nobody used it: the next operation does not notice."""
    perform(store, colour, reserve("a"))
    terminate(postgres_server)
    assert perform(store, colour, reserve("b")).again is False
    terminate(postgres_server)
    assert perform(store, colour, SettleHold("b")).status == "settled"


def test_of_many_broken_connections_none_is_tried_twice(
    postgres_server: PostgresServer, store: PostgresStore
) -> None:
    """What was opened before the broken one is not trusted either."""
    works = [lambda n=n: store.perform(reserve(f"hold-{n}")) for n in range(8)]
    assert {type(answer) for answer in together(works)} == {Reserved}
    assert len(backends(postgres_server)) > 1
    terminate(postgres_server)
    assert store.perform(SettleHold("hold-0")).status == "settled"
    assert len(backends(postgres_server)) == 1


@colours
def test_an_answer_that_is_lost_is_asked_for_again(
    proxy: Proxy, behind: PostgresStore, colour: str
) -> None:
    """The operation was done and its answer lost: repeated once, it is counted once, and is nobody else's."""
    proxy.swallow = 1
    assert perform(behind, colour, reserve("a")).again is True
    assert proxy.opened == 2
    proxy.swallow = 1
    assert perform(behind, colour, SettleHold("a")).status in {"settled", "again"}
    proxy.swallow = 1
    written = perform(behind, colour, WriteRule("global", "{}", 0))
    assert written.done
    assert written.rule.version == 1
    proxy.swallow = 1
    assert perform(behind, colour, settlement("call")) is True
    assert proxy.opened == 5
    assert len(behind.perform(ReadEntries())) == len(behind.perform(Settlements())) == 1
    assert behind.perform(Audit()).differences == ()
    assert not behind.perform(WriteRule("global", "{}", 0)).done
    assert behind.perform(settlement("call")) is False


@colours
def test_an_admission_whose_answer_is_lost_is_asked_for_again(
    proxy: Proxy, behind: PostgresStore, colour: str
) -> None:
    """The call was let in and nobody heard of it: it is let in once, at the same place, and leaves once."""
    proxy.swallow = 1
    answer = perform(behind, colour, admit("t"))
    assert isinstance(answer, Admitted)
    assert (answer.place, answer.again) == (1, True)
    proxy.swallow = 1
    assert perform(behind, colour, Cool("full", 60_000, "503", 2)).strikes == 2
    look = Look(("d",), (("requests", 1000),))
    assert [(d.running, d.used) for d in behind.perform(look).health] == [(1, (1,))]
    proxy.swallow = 1
    perform(behind, colour, Leave("t", (("requests", 5),)))
    assert [(d.running, d.used) for d in behind.perform(look).health] == [(0, (5,))]


@colours
def test_it_is_repeated_only_once(proxy: Proxy, behind: PostgresStore, colour: str) -> None:
    """A server that breaks off again and again is unavailable."""
    proxy.marker, proxy.swallow = b".reserve", 10
    with pytest.raises(StoreUnavailableError, match="broke off twice"):
        perform(behind, colour, reserve("a"))
    assert proxy.opened == 2
    proxy.swallow = 0
    assert perform(behind, colour, SettleHold("a")).status in {"settled", "missing"}


@colours
def test_a_restarted_server_is_found_again(
    postgres_server: PostgresServer, store: PostgresStore, colour: str
) -> None:
    """While it is down it is unavailable; after that everything is as it was."""
    perform(store, colour, reserve("a"))
    postgres_server.kill()
    try:
        with pytest.raises(StoreUnavailableError):
            perform(store, colour, SettleHold("a"))
    finally:
        postgres_server.start()
    assert perform(store, colour, SettleHold("a")).status == "settled"
    postgres_server.stop()
    postgres_server.start()
    assert perform(store, colour, SettleHold("a")).status == "again"


@colours
def test_a_server_that_says_nothing_is_given_up(
    postgres_server: PostgresServer, proxy: Proxy, schema: str, colour: str
) -> None:
    """After its time an operation fails, and its connection is not used again."""
    store = PostgresStore(postgres_server.dsn(proxy.port), schema=schema, timeout=5)
    perform(store, colour, Sweep())
    store._pool._timeout = 0.2
    proxy.mute = True
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="did not answer in time"):
        perform(store, colour, reserve("a"))
    assert time.monotonic() - began < 4
    proxy.mute = False
    store._pool._timeout = 10
    assert isinstance(perform(store, colour, reserve("a")), Reserved)
    assert proxy.opened == 2
    store.close()


def test_a_lock_that_stays_is_unavailable(postgres_server: PostgresServer, schema: str) -> None:
    """Somebody who locks a table for ever holds nobody up for longer than the timeout, on the server neither."""
    store = PostgresStore(postgres_server.dsn(), schema=schema, timeout=20)
    store._wait = "100"
    store.perform(reserve("a"))
    with psycopg.connect(postgres_server.dsn()) as other:
        other.execute(f"lock table {schema}.counters in access exclusive mode")  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailableError, match="55P03"):
            store.perform(reserve("b"))
    assert store.perform(reserve("b")).again is False
    store.close()


# --- many --------------------------------------------------------------------------------------


def test_threads_share_a_few_connections(postgres_server: PostgresServer, schema: str) -> None:
    """Never are there more connections than were allowed, and all get theirs."""
    store = PostgresStore(postgres_server.dsn(), schema=schema, connections=2)
    came = together(
        [lambda n=n: [store.perform(reserve(f"{n}-{i}")) for i in range(5)] for n in range(12)]
    )
    assert all(isinstance(answer, Reserved) for answers in came for answer in answers)
    assert 1 <= len(backends(postgres_server)) <= 2
    store.close()


@colours
def test_who_finds_no_connection_free_waits_no_longer_than_its_time(
    postgres_server: PostgresServer, schema: str, colour: str
) -> None:
    """With one connection, and that one in use, the next one gives up after its time."""
    store = PostgresStore(postgres_server.dsn(), schema=schema, connections=1)
    perform(store, colour, Sweep())
    release = store._pool._limit.acquire(time.monotonic() + 1)
    store._pool._timeout = 0.1
    with pytest.raises(StoreUnavailableError, match="in time"):
        perform(store, colour, reserve("a"))
    release()
    store._pool._timeout = 10
    assert isinstance(perform(store, colour, reserve("a")), Reserved)
    store.close()


@colours
def test_a_server_that_stops_while_the_schema_is_looked_for(
    postgres_server: PostgresServer, proxy: Proxy, schema: str, colour: str
) -> None:
    """Its time holds from the first moment on, and the next operation begins anew."""
    store = PostgresStore(postgres_server.dsn(proxy.port), schema=schema, timeout=0.5)
    proxy.marker, proxy.mute = b"pg_tables", True
    with pytest.raises(StoreUnavailableError, match="in time"):
        perform(store, colour, Sweep())
    proxy.mute = False
    store._pool._timeout = 10
    assert perform(store, colour, Sweep()) == 0
    store.close()


@loops
def test_many_tasks_share_a_few_connections(
    postgres_server: PostgresServer, store: PostgresStore, loop: str
) -> None:
    """A hundred tasks at once reserve and settle; all is counted."""

    async def one(number: int) -> None:
        await store.aperform(reserve(f"hold-{number}"))
        assert (await store.aperform(SettleHold(f"hold-{number}"))).status == "settled"

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(one, number)

    anyio.run(main, backend=loop)
    assert len(backends(postgres_server)) <= 8
    assert store.perform(Balances(claims())).lines[0].spent == 100
    assert store.perform(Audit()).differences == ()


def test_loops_and_threads_use_one_store_one_after_the_other(
    postgres_server: PostgresServer, store: PostgresStore
) -> None:
    """A connection belongs to no loop: two loops, trio and a thread use the same one, in turn."""
    for number, colour in enumerate(("asyncio", "sync", "trio", "asyncio", "sync")):
        perform(store, colour, reserve(f"hold-{number}"))
    assert len(backends(postgres_server)) == 1
    anyio.run(store.aclose)
    assert backends_end(postgres_server)
    assert perform(store, "sync", SettleHold("hold-0")).status == "settled"


def backends_end(server: PostgresServer) -> bool:
    """Whether all of llmkit's connections are gone, in a while."""
    return any(not backends(server) or time.sleep(0.02) for _ in range(250))


@loops
def test_a_cancelled_operation_leaves_nothing_behind(
    postgres_server: PostgresServer, proxy: Proxy, behind: PostgresStore, loop: str
) -> None:
    """Cancelled while it waits for its answer, an operation takes its connection along; the next one has its own."""

    async def main() -> None:
        for _ in range(5):
            proxy.mute = True
            with anyio.move_on_after(0.1) as scope:
                await behind.aperform(reserve("a"))
            assert scope.cancelled_caught
            proxy.mute = False
            assert isinstance(await behind.aperform(reserve("a")), Reserved)
            assert (await behind.aperform(Balances(claims()))).lines[0].used == 1

    anyio.run(main, backend=loop)
    behind.close()
    assert backends_end(postgres_server)


def test_cancelled_while_it_connects(postgres_server: PostgresServer, schema: str) -> None:
    """Cancelled that early, too, nothing stays open."""
    store = PostgresStore(postgres_server.dsn(), schema=schema)

    async def main() -> None:
        for _ in range(10):
            with anyio.move_on_after(0):
                await store.aperform(Sweep())
            await store.aperform(Sweep())

    anyio.run(main)
    store.close()
    assert backends_end(postgres_server)


def test_an_interrupt_leaves_nothing_behind(
    proxy: Proxy, behind: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while an answer is awaited: the connection is not used again, the store is."""
    proxy.mute = True
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        behind.perform(reserve("a"))
    timer.join()
    proxy.mute = False
    assert isinstance(behind.perform(reserve("a")), Reserved)
    assert proxy.opened == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are copied here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_connections_of_its_own(
    postgres_server: PostgresServer, store: PostgresStore
) -> None:
    """A child uses the store it was born with, and its end disturbs nobody."""
    store.perform(reserve("parent"))
    mine = backends(postgres_server)
    child = os.fork()
    if not child:
        good = False
        try:
            store.perform(reserve("child"))
            good = len(backends(postgres_server)) == 2
            store.close()
        finally:
            os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.perform(SettleHold("child")).status == "settled"
    assert backends(postgres_server) == mine


# --- round trips -------------------------------------------------------------------------------


@colours
def test_every_operation_is_one_round_trip(
    proxy: Proxy, behind: PostgresStore, colour: str
) -> None:
    """Once connected, the client speaks once and the server answers once, whatever is asked."""
    for operation in (
        reserve("a"),
        reserve("a"),
        SettleHold("a"),
        Reserve("b", claims(0), 1000),
        reserve("c"),
        Reset("r", (("requests:total:global", Window()),)),
        WriteRule("global", "{}"),
        ReadRules(),
        Balances(claims()),
        ReadUsage(),
        ReadEntries(),
        Sweep(),
        settlement("call"),
        Settlements(),
        SettlementsAfter(),
        Audit(),
        admit("t"),
        admit("t"),
        admit("u", 0),
        Cool("full", 5),
        Look(("full", "d"), (("requests", 1000),)),
        Leave("t", (("requests", 2),), True),
        Leave("t"),
    ):
        proxy.turns = ""
        perform(behind, colour, operation)
        assert proxy.turns == "cs", operation
    assert proxy.opened == 1


@colours
def test_what_is_larger_than_a_socket_holds_goes_through(store: PostgresStore, colour: str) -> None:
    """Megabytes go out and come back whole."""
    wanted = settlement("call", text="ü" * 3_000_000)
    assert perform(store, colour, wanted) is True
    assert perform(store, colour, Settlements()) == (wanted.settlement,)


def test_a_refusal_leaves_the_connection_as_good_as_it_was(
    postgres_server: PostgresServer, store: PostgresStore
) -> None:
    """An error of the operation is not one of the connection."""
    store.perform(reserve("a"))
    mine = backends(postgres_server)
    with pytest.raises(StoreError, match="got 2 amounts"):
        store.perform(SettleHold("a", amounts=(ONE, ONE)))
    assert store.perform(SettleHold("a")).status == "settled"
    assert backends(postgres_server) == mine
