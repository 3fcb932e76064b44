"""PostgreSQL's ledger: its schema, what is durable, what runs at the same time, and any text there is."""

from __future__ import annotations

import functools
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from llmkit._io.stores.postgres import PostgresStore, _schema
from llmkit._io.stores.postgres._failures import Lost, refusal
from llmkit._io.stores.postgres._texts import read, written
from llmkit._operations import (
    Attribution,
    Audit,
    Balances,
    Charge,
    Claim,
    Post,
    ReadEntries,
    ReadRules,
    ReadUsage,
    Refused,
    Reserve,
    Reserved,
    SettleHold,
    Sweep,
    Window,
    WriteRule,
)
from llmkit._settlements import Settle, Settlement, Settlements, SettlementsAfter
from llmkit.errors import StoreError, StoreUnavailableError

from ._postgres import PostgresServer
from ._together import together

ONE = Decimal(1)
SECOND = Window(1000, ())


def claim(account: str, limit: int = 10**9, window: Window = SECOND) -> Claim:
    """A claim of one unit."""
    return Claim(account, window, ONE, Decimal(limit))


@pytest.fixture
def schema(postgres_server: PostgresServer) -> str:
    """A ledger that nobody has used."""
    return postgres_server.schema()


@pytest.fixture
def store(postgres_server: PostgresServer, schema: str) -> Iterator[PostgresStore]:
    """A store on it."""
    store = PostgresStore(postgres_server.dsn(), schema=schema, timeout=30)
    yield store
    store.close()


# --- the schema --------------------------------------------------------------------------------


FIRST_USE = """
import os, sys
from llmkit._io.stores.postgres import PostgresStore
from llmkit._operations import Post
store = PostgresStore(sys.argv[1], schema=sys.argv[2], timeout=60)
sys.stdin.readline()
print(store.perform(Post(f"by {os.getpid()}", ())).status)
store.close()
"""


def test_many_processes_make_the_schema_at_once(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """Whoever comes first makes it, the others wait, and all go on."""
    command = [sys.executable, "-c", FIRST_USE, postgres_server.dsn(), schema]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in processes] == ["posted\n"] * 4
    assert len(store.perform(ReadEntries())) == 4


def test_threads_make_the_schema_at_once(postgres_server: PostgresServer, schema: str) -> None:
    """The same within a process, where it is a closer race."""
    stores = [PostgresStore(postgres_server.dsn(), schema=schema, timeout=60) for _ in range(8)]
    came = together([lambda store=store: store.perform(Sweep()) for store in stores])
    assert came == [0] * 8
    for store in stores:
        store.close()


def test_a_newer_schema_is_refused(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """A ledger that a newer llmkit has changed is not touched by an older one, which says so."""
    store.perform(Sweep())
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as other:
        other.execute(f"insert into {schema}.versions values (999)")  # type: ignore[arg-type]  # noqa: S608
    with pytest.raises(StoreError, match=r"has version 999, .* knows 5: upgrade llmkit"):
        PostgresStore(postgres_server.dsn(), schema=schema).perform(Sweep())
    assert store.perform(Sweep()) == 0  # who was there before goes on


def test_an_older_schema_is_brought_up_to_date(
    postgres_server: PostgresServer,
    store: PostgresStore,
    schema: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was added since is applied, once, and what is there stays."""
    store.perform(Post("entry", ()))
    monkeypatch.setattr(_schema, "VERSION", newest := _schema.VERSION + 1)
    script = (
        "create table @.more (); insert into @.versions select max(version) + 1 from @.versions"
    )
    monkeypatch.setattr(_schema, "_script", {newest: script}.__getitem__)
    newer = [PostgresStore(postgres_server.dsn(), schema=schema) for _ in range(4)]
    came = together([lambda one=one: len(one.perform(ReadEntries())) for one in newer])
    assert came == [1] * 4
    for one in newer:
        one.close()


def test_a_script_that_fails_leaves_nothing(
    postgres_server: PostgresServer, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schema is made whole or not at all, and the next one tries again."""
    store = PostgresStore(postgres_server.dsn(), schema=schema)
    with monkeypatch.context() as patch:
        patch.setattr(_schema, "_script", {1: "create table @.counters (); select 1/0"}.__getitem__)
        with pytest.raises(StoreError, match="division by zero"):
            store.perform(Sweep())
    assert store.perform(Sweep()) == 0
    store.close()


def test_a_schema_that_was_made_for_us_is_used(postgres_server: PostgresServer) -> None:
    """A user who may not make schemas uses the one that he was given, and needs no rights beyond it."""
    name = postgres_server.schema()
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as other:
        other.execute(f"create role user_of_{name} login")  # type: ignore[arg-type]
        other.execute(f'create schema "{name}" authorization user_of_{name}')  # type: ignore[arg-type]
    store = PostgresStore(postgres_server.dsn(user=f"user_of_{name}"), schema=name)
    assert isinstance(store.perform(Reserve("a", (claim("x"),), 1000)), Reserved)
    store.close()
    other_store = PostgresStore(postgres_server.dsn(user=f"user_of_{name}"), schema=f"{name}_other")
    with pytest.raises(StoreError, match="permission denied"):
        other_store.perform(Sweep())


def test_a_schema_that_is_dropped_is_not_made_again(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """Who drops a ledger under a running program hears of it: money is not forgotten silently."""
    store.perform(Sweep())
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as other:
        other.execute(f"drop schema {schema} cascade")  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="was dropped meanwhile"):
        store.perform(Sweep())


def test_ledgers_of_one_database_know_nothing_of_each_other(
    postgres_server: PostgresServer,
) -> None:
    """Two schemas are two ledgers, whatever letters are in their names."""
    names = [postgres_server.schema(), f"Größe -- {postgres_server.schema()};"]
    stores = [PostgresStore(postgres_server.dsn(), schema=name) for name in names]
    assert [store.perform(Post("entry", ())).status for store in stores] == ["posted"] * 2
    for store in stores:
        store.close()


def test_power_is_refused_where_the_server_does_not_flush(postgres_server: PostgresServer) -> None:
    """``fsync=off`` outlives a crash of the server but not of the machine, and is taken for what it is."""
    schema = postgres_server.schema()
    store = PostgresStore(postgres_server.dsn(), schema=schema, durability="power")
    with pytest.raises(StoreError, match="fsync or full_page_writes off"):
        store.perform(Sweep())
    assert store.durability == "power"
    crash = PostgresStore(postgres_server.dsn(), schema=schema)
    assert crash.perform(Sweep()) == 0
    assert crash.durability == "crash"
    crash.close()


def test_power_is_given_where_the_server_flushes() -> None:
    """As PostgreSQL is set up when nobody touches it."""
    server = PostgresServer(fsync="on")
    try:
        server.start()
        store = PostgresStore(server.dsn(), durability="power")
        assert store.perform(Post("entry", ())).status == "posted"
        server.kill()
        server.start()
        assert store.perform(Post("entry", ())).status == "again"
        store.close()
    finally:
        server.remove()


# --- durable -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "-csynchronous_commit=off"])
def test_what_has_returned_survives_the_servers_end(
    postgres_server: PostgresServer, schema: str, options: str
) -> None:
    """The postmaster is killed while eight settle: of what had returned nothing is lost, and nothing is torn."""
    store = PostgresStore(postgres_server.dsn(options=f"'{options}'"), schema=schema, timeout=30)
    claims = (claim("a"), claim("b"))
    returned: list[str] = []
    enough = threading.Event()

    def work(name: str) -> None:
        for number in itertools.count():
            hold = f"{name}-{number}"
            store.perform(Reserve(hold, claims, 600_000))
            if store.perform(SettleHold(hold)).status in {"settled", "again"}:
                returned.append(hold)
                if number > 3:
                    enough.set()

    def kill() -> None:
        enough.wait(30)
        postgres_server.kill()

    for turn in range(3):
        enough.clear()
        killer = threading.Thread(target=kill)
        killer.start()
        came = together([functools.partial(work, f"{turn}-{i}") for i in range(8)])
        killer.join()
        postgres_server.start()
        assert all(isinstance(error, StoreUnavailableError) for error in came), came
        entered = {entry.id for entry in store.perform(ReadEntries(limit=10**6))}
        assert set(returned) <= entered
        assert store.perform(Audit()).differences == ()
        assert enough.is_set()
    store.close()


FLUSHED = """
select max(lsn) <= pg_current_wal_flush_lsn() from (select pg_current_wal_insert_lsn() as lsn) as log
where exists (select from entries where id = %s)
"""


def test_an_answer_comes_after_the_flush(postgres_server: PostgresServer, schema: str) -> None:
    """When an operation returns, the log is flushed up to it, also where the database would not wait for that."""
    dsn = postgres_server.dsn(options="'-csynchronous_commit=off'")
    store = PostgresStore(dsn, schema=schema)
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as other:
        for number in range(20):
            store.perform(Reserve(f"{number}", (claim("a"),), 1000))
            store.perform(SettleHold(f"{number}"))
            store.perform(Post(f"post-{number}", ()))
            store.perform(WriteRule("global", "{}"))
            other.execute("select set_config('search_path', %s, false)", [schema])
            row = other.execute(FLUSHED, [f"post-{number}"]).fetchone()
            assert row == (True,)
    store.close()


# --- at the same time --------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_no_overspend_whatever_the_database_isolates_by(
    postgres_server: PostgresServer, schema: str, level: str
) -> None:
    """Sixteen ask for the last ten units at once, the counter being new: ten get them."""
    options = f"-cdefault_transaction_isolation={level}".replace(" ", r"\\ ")
    store = PostgresStore(
        postgres_server.dsn(options=f"'{options}'"), schema=schema, connections=16, timeout=30
    )
    store.perform(Sweep())
    claims = (claim("a", 10, Window()), claim("b", 11, Window()))
    works = [lambda i=i: store.perform(Reserve(f"{i}", claims, 60_000)) for i in range(16)]
    came = together(works)
    assert [type(answer) for answer in came].count(Reserved) == 10, came
    assert [type(answer) for answer in came].count(Refused) == 6
    assert store.perform(Balances(claims)).lines[0].used == 10
    store.close()


def test_no_overspend_at_the_edge_of_two_buckets(
    postgres_server: PostgresServer, schema: str
) -> None:
    """Those whose time is a bucket apart write different rows, and still see each other's sum."""
    stores = [
        PostgresStore(postgres_server.dsn(), schema=schema, clock=lambda at=at: at, timeout=30)
        for at in (999.999, 1000.0)
    ]
    stores[0].perform(Sweep())
    for turn in range(10):
        claims = (claim(f"account-{turn}", 1),)
        asked = [Reserve(f"{turn}-{i}", claims, 60_000) for i in range(6)]
        works = [functools.partial(stores[i % 2].perform, one) for i, one in enumerate(asked)]
        came = together(works)
        assert [type(answer) for answer in came].count(Reserved) == 1, came
    for store in stores:
        store.close()


def test_nobody_waits_for_each_other_for_ever(
    postgres_server: PostgresServer, store: PostgresStore
) -> None:
    """Accounts in any order, holds that expire, posts, readers: no deadlock, and in the end all is accounted for."""
    before = postgres_server.log.count("deadlock detected")
    scopes = [f"scope-{i}" for i in range(4)]
    stop = time.monotonic() + 2

    def work(number: int) -> int:
        done = 0
        while time.monotonic() < stop:
            order = scopes[number % 4 :] + scopes[: number % 4]
            if number % 2:
                order.reverse()
            whose = Attribution(tuple(order), "p", f"m{done % 2}", "")
            hold = f"{number}-{done}"
            lease = 1 if done % 3 == 0 else 60_000
            claims = tuple(claim(scope) for scope in order)
            store.perform(Reserve(hold, claims, lease, ONE, whose))
            if done % 7 == 0:
                charges = tuple(Charge(scope, SECOND, ONE) for scope in order)
                store.perform(Post(f"post-{hold}", charges, ONE, whose))
            if done % 5 == 0:
                store.perform(ReadEntries(limit=3))
            if done % 11 == 0:
                store.perform(Sweep(3))
            assert store.perform(SettleHold(hold)).status in {"settled", "corrected"}
            done += 1
        return done

    came = together([lambda number=number: work(number) for number in range(8)])
    assert all(isinstance(done, int) and done for done in came), came
    assert postgres_server.log.count("deadlock detected") == before
    audited = store.perform(Audit())
    assert audited.differences == ()
    assert audited.holds == audited.expired == 0


def test_readers_of_the_ledger_miss_nothing(store: PostgresStore) -> None:
    """Who reads on from the last number that he saw has every entry once, whoever was still writing then."""
    store.perform(Sweep())
    stop = time.monotonic() + 1

    def write(name: str) -> int:
        number = 0
        while time.monotonic() < stop:
            store.perform(Post(f"{name}-{number}", (Charge(name, SECOND, ONE),)))
            number += 1
        return number

    def follow() -> list[str]:
        seen: list[str] = []
        last = 0
        while True:
            over = time.monotonic() > stop + 0.5
            for entry in store.perform(ReadEntries(last, 7)):
                seen.append(entry.id)
                last = entry.number
                over = False
            if over:
                return seen

    *counts, seen = together([*(lambda n=n: write(f"w{n}") for n in range(4)), follow])
    assert len(seen) == len(set(seen)) == sum(counts)


def test_readers_of_settlements_wait_for_who_was_given_a_number(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """One who has a number and has not committed holds up who reads by numbers, as long as there is something new."""
    ended = Settlement("early", "completed", "p", "m", False, "yes", 1, 0.5, 1.5)
    store.perform(SettlementsAfter())
    kept = ended._replace(metadata={})._asdict()
    ask = json.dumps({"call": "late", "once": "x", "body": json.dumps(kept)})
    with psycopg.connect(postgres_server.dsn()) as other:
        other.execute(f"select {schema}.do_settle(%s)", (ask,))  # type: ignore[arg-type]
        assert store.perform(SettlementsAfter()).rows == ()
        assert store.perform(Settle(ended)) is True
        assert [s.call_id for s in store.perform(Settlements())] == ["early"]
        store._wait = "150"
        with pytest.raises(StoreUnavailableError, match="55P03"):
            store.perform(SettlementsAfter())
        other.commit()
    found = store.perform(SettlementsAfter())
    assert [number for number, _ in found.rows] == [1, 2]
    assert found.latest == 2


# --- texts -------------------------------------------------------------------------------------

HOSTILE = [
    "plain",
    "with 'quotes' and \"more\"",
    "semi;colon--",
    "back\\slash \\u0000 \\u001b",
    "nul\x00in\x00side",
    "escape\x1b0000",
    "half \ud83d of a pair",
    "whole 😀 pair",
    "größe 漢字 \u202e",
    "new\nline\ttab",
    "%s %(x)s $1 {} @. @seed",
    " ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_comes_out_as_it_went_in(store: PostgresStore, text: str) -> None:
    """Ids, accounts, scopes, rules and metadata may be of any letters."""
    whose = Attribution((text,), text, text, text)
    hold = text.replace("\x00", "0")  # no id has such
    reserved = store.perform(Reserve(hold, (claim(text),), 1000, ONE, whose))
    assert reserved.lines[0].account == text
    settled = store.perform(SettleHold(hold, flag=text))
    assert settled.lines[0].account == text
    assert store.perform(Reserve(hold, (claim(text),), 1000)).__class__.__name__ == "Gone"
    entry = store.perform(ReadEntries())[0]
    assert (entry.id, entry.hold, entry.flag, entry.whose) == (hold, hold, text, whose)
    assert entry.lines[0][0] == text
    assert store.perform(ReadUsage((text,)))[0][1:4] == (text, text, text)
    assert store.perform(WriteRule(text, text)).rule == (text, 1, text)
    assert store.perform(ReadRules((text,))) == ((text, 1, text),)
    settlement = Settlement(
        text, "completed", text, text, False, "yes", 1, 0.5, 1.5, cost=ONE, metadata={text: [text]}
    )
    assert store.perform(Settle(settlement)) is True
    assert store.perform(Settlements()) == (settlement,)


def test_different_texts_stay_different() -> None:
    """What is written in another way is never written as what something else is."""
    payloads = [written([text]) for text in HOSTILE]
    assert len(set(payloads)) == len(HOSTILE)
    assert [read(payload) for payload in payloads] == [[text] for text in HOSTILE]
    assert read(written({"a\x00": {"b": None, "c": 1.5}})) == {"a\x00": {"b": None, "c": 1.5}}
    assert not any(b"\\u0000" in payload for payload in payloads if b"\\\\u0000" not in payload)


def test_metadata_of_any_kind_does_not_lose_a_settlement(store: PostgresStore) -> None:
    """What JSON has no form for is kept as text, keys too, and what contains itself."""
    loop: dict[str, Any] = {}
    loop["self"] = loop
    for number, metadata in enumerate(({("a", 1): object}, loop, {"at": Decimal("1.5")})):
        settlement = Settlement(
            f"{number}", "failed", "p", "m", True, "no", 1, 0.5, 1.5, metadata=metadata
        )
        assert store.perform(Settle(settlement)) is True
    first, second, third = store.perform(Settlements())
    assert first.metadata == {"('a', 1)": "<class 'object'>"}
    assert second.metadata == {"self": "{'self': {...}}"}
    assert third.metadata == {"at": "1.5"}


def test_a_text_too_long_for_an_index_is_refused(store: PostgresStore) -> None:
    """PostgreSQL's keys have an end; what is longer is a StoreError, and nothing was done."""
    text = "".join(chr(33 + (i * i * 31 + i * 17) % 5000) for i in range(20_000))
    with pytest.raises(StoreError, match="54000"):
        store.perform(Reserve("hold", (claim(text),), 1000))
    assert store.perform(SettleHold("hold")).status == "missing"
    assert store.perform(Audit()).holds == 0


# --- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("08006", Lost),
        ("57P01", Lost),
        ("25006", Lost),
        ("40P01", Lost),
        ("40001", Lost),
        ("53100", StoreUnavailableError),
        ("53300", StoreUnavailableError),
        ("55P03", StoreUnavailableError),
        ("57014", StoreUnavailableError),
        ("58030", StoreUnavailableError),
        ("42883", StoreError),
        ("22003", StoreError),
        ("P0001", StoreError),
        ("XX000", StoreError),
    ],
)
def test_the_servers_codes_in_our_words(code: str, kind: type[Exception]) -> None:
    """Each code is what it means for us, and no key that stands in its text gets out."""
    key = "sk-" + "abcdefghijklmnopqrstuvwxyz"
    error = refusal(code, f"ERROR: something with {key}")
    assert type(error) is kind
    assert key not in str(error)
