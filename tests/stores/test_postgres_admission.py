"""PostgreSQL lets calls in: what runs at the same time, what survives a crash, and that no money is touched."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from llmkit._io.stores.postgres import PostgresStore
from llmkit._operations import (
    Admit,
    Admitted,
    Audit,
    Candidate,
    Cool,
    Full,
    Leave,
    Look,
    Quota,
    ReadEntries,
)
from llmkit.errors import StoreUnavailableError
from llmkit.testing.store_conformance import SettableClock

from ._postgres import PostgresServer
from ._together import together

SECOND = 1000
LEASE = 600_000
DAY = 86_400_000
ANY = Candidate("any")


def candidate(
    deployment: str, limit: int = 10**9, *, width: int = SECOND, parallel: int | None = None
) -> Candidate:
    """A deployment with so many requests."""
    return Candidate(deployment, (Quota("requests", width, limit, 1),), parallel)


def taken(store: PostgresStore, *deployments: str) -> list[tuple[int, ...]]:
    """What is running at each, and how many requests were taken."""
    looked = store.perform(Look(deployments, (("requests", SECOND),)))
    return [(one.running, *one.used) for one in looked.health]


@pytest.fixture
def schema(postgres_server: PostgresServer) -> str:
    """A namespace that nobody has used."""
    return postgres_server.schema()


@pytest.fixture
def store(postgres_server: PostgresServer, schema: str) -> Iterator[PostgresStore]:
    """A store on it, ready."""
    store = PostgresStore(postgres_server.dsn(), schema=schema, connections=16, timeout=30)
    store.perform(Look(()))
    yield store
    store.close()


def asked_of(server: PostgresServer, query: str) -> tuple[Any, ...]:
    """The first row, as the server has it."""
    with psycopg.connect(server.dsn(), autocommit=True) as other:
        row = other.execute(query).fetchone()  # type: ignore[call-overload]
    return tuple(row or ())


@contextmanager
def locked(server: PostgresServer, statement: str) -> Iterator[None]:
    """Meanwhile somebody else holds what this locks."""
    with psycopg.connect(server.dsn()) as other:
        other.execute(statement)  # type: ignore[call-overload]
        yield


# --- at the same time --------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_no_limit_is_exceeded_whatever_the_database_isolates_by(
    postgres_server: PostgresServer, schema: str, level: str
) -> None:
    """Sixteen want ten requests, or six places, of deployments that nobody knew: so many get them."""
    options = f"-cdefault_transaction_isolation={level}".replace(" ", r"\\ ")
    dsn = postgres_server.dsn(options=f"'{options}'")
    store = PostgresStore(dsn, schema=schema, connections=16, timeout=30)
    store.perform(Look(()))
    for turn in range(5):
        for one, most in (candidate(f"a{turn}", 10), 10), (Candidate(f"b{turn}", (), 6), 6):
            asked = [Admit(f"{one.deployment}-{i}", (one,), LEASE) for i in range(16)]
            came = together([lambda op=op: store.perform(op) for op in asked])
            assert Counter(map(type, came)) == {Admitted: most, Full: 16 - most}, came
    store.close()


def test_no_limit_is_exceeded_at_the_edge_of_two_buckets(
    postgres_server: PostgresServer, schema: str
) -> None:
    """Those whose time is a bucket apart write different rows, and still see each other's sum."""
    stores = [
        PostgresStore(postgres_server.dsn(), schema=schema, clock=lambda at=at: at, timeout=30)
        for at in (999.999, 1000.0)
    ]
    stores[0].perform(Look(()))
    for turn in range(10):
        asked = [Admit(f"{turn}-{i}", (candidate(f"d{turn}", 1),), LEASE) for i in range(6)]
        came = together(
            [lambda i=i, op=op: stores[i % 2].perform(op) for i, op in enumerate(asked)]
        )
        assert Counter(map(type, came)) == {Admitted: 1, Full: 5}, came
    for store in stores:
        store.close()


def test_one_probe_at_a_time(store: PostgresStore) -> None:
    """Of many who come when a cooldown is over, one is let in, as a probe."""
    for turn in range(10):
        store.perform(Cool(f"d{turn}", 0, "503", 1))
        asked = [Admit(f"{turn}-{i}", (Candidate(f"d{turn}"),), LEASE) for i in range(8)]
        came = together([lambda op=op: store.perform(op) for op in asked])
        assert [one.probe for one in came if isinstance(one, Admitted)] == [True], came


def test_one_ticket_that_fills_its_place(store: PostgresStore) -> None:
    """Asked for by eight at once where there is one place, a ticket is in: none is told that it is full."""
    for turn in range(20):
        asked = Admit(f"t{turn}", (Candidate(f"d{turn}", (), 1),), LEASE)
        came = together([lambda op=asked: store.perform(op)] * 8)
        assert Counter(map(type, came)) == {Admitted: 8}, came


def test_one_ticket_is_in_at_one_place(store: PostgresStore) -> None:
    """Asked for by eight at once, in different orders, a ticket is in once, and all are told where."""
    names = [f"d{i}" for i in range(4)]
    for turn in range(10):
        orders = [tuple(candidate(n) for n in names[i % 4 :] + names[: i % 4]) for i in range(8)]
        asked = [Admit(f"t{turn}", order, LEASE) for order in orders]
        came = together([lambda op=op: store.perform(op) for op in asked])
        where = {op.candidates[one.place].deployment for op, one in zip(asked, came, strict=True)}
        assert len(where) == 1, came
        assert sorted(one.again for one in came) == [False] + [True] * 7
    running, used = zip(*taken(store, *names), strict=True)
    assert (sum(running), sum(used)) == (10, 10)


def test_a_ticket_that_leaves_while_it_comes_is_not_in(store: PostgresStore) -> None:
    """Whoever of the two is first, in the end the place is free."""
    for turn in range(30):
        ticket = f"t{turn}"
        works = [lambda t=ticket: store.perform(Admit(t, (ANY,), LEASE))]
        works.append(lambda t=ticket: store.perform(Leave(t)))
        admitted, left = together(works)
        assert left is isinstance(admitted, Admitted), (admitted, left)
    assert taken(store, "any") == [(0, 0)]


def test_nobody_waits_for_each_other_for_ever(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """Candidates in any order, leases that end, cooldowns, looks: no deadlock, and in the end nobody is in."""
    before = postgres_server.log.count("deadlock detected")
    names = [f"d{i}" for i in range(4)]
    stop = time.monotonic() + 2

    def work(number: int) -> int:
        for done in itertools.count():
            if time.monotonic() > stop:
                return done
            order = names[number % 4 :] + names[: number % 4]
            if number % 2:
                order.reverse()
            ticket = f"{number}-{done}"
            lease = 1 if done % 3 == 0 else LEASE
            store.perform(Admit(ticket, tuple(candidate(n, parallel=1) for n in order), lease))
            if done % 5 == 0:
                store.perform(Cool(order[0], done % 3, "503", done % 2))
            if done % 7 == 0:
                store.perform(Look(tuple(names), (("requests", SECOND),)))
            if done % 11:
                store.perform(Leave(ticket, (("requests", done % 4),), done % 2 == 0))
            else:
                store.perform(Admit(ticket, (candidate(order[-1]),), 1))
        raise AssertionError

    came = together([lambda number=number: work(number) for number in range(8)])
    assert all(isinstance(done, int) and done for done in came), came
    assert postgres_server.log.count("deadlock detected") == before
    looked = store.perform(Look(tuple(names))).health
    query = f"select count(*) from {schema}.tickets where deployment = "  # noqa: S608 - our own
    tickets = [asked_of(postgres_server, f"{query}'{name}'")[0] for name in names]
    assert [one.running for one in looked] == tickets


def test_who_waits_for_one_deployment_holds_no_other(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """While somebody waits for his second candidate, others come and go at his first."""
    full, busy = Candidate("full", (), 1), candidate("busy")
    store.perform(Admit("first", (full,), LEASE))
    store.perform(Admit("there", (busy,), LEASE))
    done: list[Any] = []
    asked = Admit("t", (full, busy), LEASE)
    thread = threading.Thread(target=lambda: done.append(store.perform(asked)))
    row = f"select from {schema}.deployments where id = 'busy' for update"
    with locked(postgres_server, row):
        thread.start()
        time.sleep(0.2)
        assert store.perform(Leave("first")) is True
        assert isinstance(store.perform(Admit("second", (full,), LEASE)), Admitted)
        assert not done
    thread.join(30)
    assert [answer.place for answer in done] == [1]


def test_a_deployment_that_stays_locked_is_unavailable(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """Nobody is waited for longer than the timeout, on the server neither."""
    store._wait = "100"
    store.perform(Admit("t", (ANY,), LEASE))
    row = f"select from {schema}.deployments for update"
    with locked(postgres_server, row):
        for operation in (Admit("u", (ANY,), LEASE), Leave("t"), Cool("any", 1)):
            with pytest.raises(StoreUnavailableError, match="55P03"):
                store.perform(operation)
        assert taken(store, "any") == [(1, 0)]
    assert store.perform(Leave("t")) is True


# --- no money ----------------------------------------------------------------------------------


def test_money_is_neither_touched_nor_waited_for(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """Whoever has locked every table of the ledger holds up no admission; and an audit sees none of it."""
    tables = ("counters", "holds", "entries", "usage", "rules", "settlements")
    names = ", ".join(f"{schema}.{table}" for table in tables)
    with locked(postgres_server, f"lock table {names} in access exclusive mode"):
        assert isinstance(store.perform(Admit("t", (candidate("d"),), LEASE)), Admitted)
        store.perform(Admit("u", (candidate("d"),), 1))
        store.perform(Cool("d", 5, "503"))
        assert store.perform(Leave("t", (("requests", 2),), True)) is True
        assert taken(store, "d")[0][1] == 3
    audited = store.perform(Audit())
    assert (audited.entries, audited.holds, audited.expired, audited.differences) == (0, 0, 0, ())
    assert store.perform(ReadEntries()) == ()


# --- what lasts --------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "-csynchronous_commit=off"])
def test_a_limit_holds_across_the_servers_end(
    postgres_server: PostgresServer, schema: str, options: str
) -> None:
    """The postmaster is killed while eight come and go: whatever was answered is counted after it."""
    store = PostgresStore(postgres_server.dsn(options=f"'{options}'"), schema=schema, timeout=30)
    admitted: list[str] = []
    enough = threading.Event()

    def work(name: str) -> None:
        for number in itertools.count():
            ticket = f"{name}-{number}"
            came = store.perform(Admit(ticket, (candidate("d", width=10**7),), LEASE))
            assert isinstance(came, Admitted)
            admitted.append(ticket)
            store.perform(Leave(ticket, (("requests", 2),)))
            if number > 3:
                enough.set()

    def kill() -> None:
        enough.wait(30)
        postgres_server.kill()

    for turn in range(3):
        enough.clear()
        killer = threading.Thread(target=kill)
        killer.start()
        came = together([lambda i=i, t=turn: work(f"{t}-{i}") for i in range(8)])
        killer.join()
        postgres_server.start()
        assert all(isinstance(error, StoreUnavailableError) for error in came), came
        (health,) = store.perform(Look(("d",), (("requests", 10**7),))).health
        # Who was raised to two may not have been answered.
        assert 2 * len(admitted) - 8 * (turn + 1) <= health.used[0]
        assert health.used[0] <= 2 * (len(admitted) + 8 * (turn + 1))
        assert enough.is_set()
    store.close()


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (Admit("t", (candidate("d"),), LEASE), True),
        (Admit("t", (Candidate("d", (), 10),), LEASE), True),
        (Admit("t", (ANY,), LEASE), False),
        (Admit("there", (ANY, candidate("there")), LEASE), True),
        (Admit("t", (candidate("d", 0),), LEASE), False),
        (Leave("there", (("requests", 2),)), True),
        (Leave("there", (("requests", 0),)), False),
        (Leave("there"), False),
        (Cool("d", 60_000, "503"), True),
    ],
)
def test_what_a_limit_depends_on_is_waited_for(
    postgres_server: PostgresServer, store: PostgresStore, asked: Any, *, waited: bool
) -> None:
    """What more was taken is on the disk when the answer comes; for what was given back nobody waits."""
    flushed = []
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as other:
        for number in range(8):
            store.perform(Admit(f"there-{number}", (candidate("there"),), LEASE))
            store.perform(_numbered(asked, number))
            query = "select pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn()"
            flushed.append(other.execute(query).fetchone() == (True,))
    # The server writes something, and to the disk, by itself, too, now and then.
    assert (flushed.count(False) < 2) is waited, flushed


def _numbered(asked: Any, number: int) -> Any:
    """With a ticket of its own."""
    return asked if isinstance(asked, Cool) else asked._replace(ticket=f"{asked.ticket}-{number}")


def test_what_is_long_over_is_forgotten(postgres_server: PostgresServer, schema: str) -> None:
    """Years of buckets leave no more than three windows of them; tickets end with their lease, a thousand at once."""
    clock = SettableClock()
    store = PostgresStore(postgres_server.dsn(), schema=schema, clock=clock)
    for number in range(400):
        clock.milliseconds += 2 * SECOND
        store.perform(Admit(f"t{number}", (candidate("d"),), LEASE * 10))
    many = "select count(*) from "
    (buckets,) = asked_of(postgres_server, f"{many}{schema}.taken")
    (tickets,) = asked_of(postgres_server, f"{many}{schema}.tickets")
    assert 121 <= buckets <= 181
    assert tickets == 400
    assert taken(store, "d") == [(400, 31)]
    clock.milliseconds += LEASE * 10
    assert taken(store, "d") == [(0, 0)]
    assert asked_of(postgres_server, f"{many}{schema}.tickets") == (0,)
    store.close()


def test_deployments_that_nobody_asks_for_are_forgotten(
    postgres_server: PostgresServer, schema: str
) -> None:
    """Where a new one is asked for, those of days ago are gone, unless somebody is in, or one is to be let be."""
    clock = SettableClock()
    store = PostgresStore(postgres_server.dsn(), schema=schema, clock=clock)
    for name in ("old", "busy", "cooling"):
        store.perform(Admit(name, (candidate(name),), 10 * DAY))
    store.perform(Leave("old"))
    store.perform(Leave("cooling"))
    store.perform(Cool("cooling", 2 * DAY, "403"))
    clock.milliseconds += 3 * DAY
    store.perform(Admit("new", (candidate("new"),), LEASE))
    store.perform(Leave("new"))
    names = "select array_agg(id order by id) from "
    assert asked_of(postgres_server, f"{names}{schema}.deployments") == (
        ["busy", "cooling", "new"],
    )
    names = "select array_agg(distinct deployment) from "
    assert asked_of(postgres_server, f"{names}{schema}.taken") == (["new"],)
    # One that comes back after days is not forgotten while it comes.
    clock.milliseconds += 3 * DAY
    store.perform(Admit("again", (candidate("new", width=7),), LEASE))
    assert store.perform(Look(("new",), (("requests", 7),))).health[0][5:] == (1, (1,))
    store.close()
