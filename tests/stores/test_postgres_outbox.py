"""PostgreSQL keeps an outbox: what runs at the same time, what a reader misses, what is on the disk when it says so."""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from llmkit._io.stores.postgres import _FORMS, PostgresStore
from llmkit._io.stores.postgres._texts import read
from llmkit._operations import Audit, ReadEntries
from llmkit._outbox import (
    Amend,
    Amended,
    Bill,
    Billed,
    Conclude,
    Count,
    Counted,
    Forget,
    Intend,
    Mark,
    Marked,
    Notice,
    Owing,
    ReadBills,
    ReleaseLane,
    Take,
    Taken,
)
from llmkit.errors import StoreUnavailableError

from ._postgres import PostgresServer
from ._together import together

LEASE = 600_000
FULL = bool(os.environ.get("LLMKIT_FULL"))
TABLES = ("bills", "lane", "tally", "notices")


def bill(call: str, code: str = "coins", state: Any = "queued", **more: Any) -> Bill:
    """One event of a call."""
    return Bill(
        f"{call}:{code}", call, state, "sub", code, 7, f'{{"id":"{call}"}}', usd=Decimal(1), **more
    )


@pytest.fixture
def schema(postgres_server: PostgresServer) -> str:
    """A namespace that nobody has used."""
    return postgres_server.schema()


@pytest.fixture
def store(postgres_server: PostgresServer, schema: str) -> Iterator[PostgresStore]:
    """A store on it, ready."""
    store = PostgresStore(postgres_server.dsn(), schema=schema, connections=16, timeout=30)
    store.perform(Count())
    yield store
    store.close()


@contextmanager
def locked(server: PostgresServer, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """Meanwhile somebody else holds what this locks, or has not yet committed what it writes."""
    with psycopg.connect(server.dsn()) as other:
        other.execute(statement)  # type: ignore[call-overload]
        yield other


def counted(store: PostgresStore) -> dict[str, int]:
    """How many bills are in which state."""
    found: Counted = store.perform(Count())
    return dict(found.states)


# --- at the same time --------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_a_call_is_concluded_once_whatever_the_database_isolates_by(
    postgres_server: PostgresServer, schema: str, level: str
) -> None:
    """Eight conclude the same call with bills in different orders: each bill is one's, and the intent is one's."""
    options = f"-cdefault_transaction_isolation={level}".replace(" ", r"\\ ")
    dsn = postgres_server.dsn(options=f"'{options}'")
    store = PostgresStore(dsn, schema=schema, connections=16, timeout=30)
    store.perform(Count())
    for turn in range(8):
        call = f"c{turn}"
        store.perform(Intend(call, "sub", "{}", LEASE))
        bills = [bill(call, code) for code in "abcd"]
        orders = [tuple(random.Random(f"{turn}-{i}").sample(bills, 4)) for i in range(8)]
        came: list[Billed] = together(
            [lambda o=o, c=call: store.perform(Conclude(c, o)) for o in orders]
        )
        fresh = [one for answer in came for one in answer.fresh]
        assert sorted(fresh) == sorted(one.id for one in bills)
        assert [answer.intended for answer in came].count(True) == 1
    assert counted(store) == {"queued": 32}
    store.close()


def test_who_begins_a_call_that_ends_meanwhile_leaves_no_intent(store: PostgresStore) -> None:
    """Whichever of both is first, what is left in the end is the bill."""
    for turn in range(40):
        works = [lambda c=f"c{turn}": store.perform(Intend(c, "sub", "{}", LEASE))]
        works.append(lambda c=f"c{turn}": store.perform(Conclude(c, (bill(c),))))
        intended, billed = together(works)
        assert intended is billed.intended, (intended, billed)
    assert counted(store) == {"queued": 40}


def test_one_has_the_lane(store: PostgresStore) -> None:
    """Of sixteen that ask at once one is given the bills, and the others are told who has them."""
    store.perform(Conclude("c", (bill("c"),)))
    came: list[Taken] = together(
        [lambda i=i: store.perform(Take(f"s{i}", 10, LEASE)) for i in range(16)]
    )
    with_bills = [(i, one) for i, one in enumerate(came) if one.bills]
    assert [one.sender for one in came] == [f"s{with_bills[0][0]}"] * 16
    assert len(with_bills) == 1


def test_nobody_waits_for_each_other_for_ever(
    postgres_server: PostgresServer, store: PostgresStore
) -> None:
    """All operations at once over few names, in any order: no deadlock, and every bill is somewhere."""
    before = postgres_server.log.count("deadlock detected")
    stop = time.monotonic() + 2
    names = [f"c{i}" for i in range(12)]

    def work(number: int) -> int:
        dice = random.Random(number)
        for done in itertools.count():
            if time.monotonic() > stop:
                return done
            some = dice.sample(names, 4)
            marks = tuple(Marked(f"{c}:coins", dice.choice(("delivered", "dead"))) for c in some)
            amended = tuple(
                Amended(bill(c), ("dead", "delivered", "discarded", "queued")) for c in some
            )
            several = tuple(bill(c) for c in some)
            store.perform(
                dice.choice(
                    (
                        Intend(some[0], "sub", "{}", dice.choice((1, LEASE))),
                        Conclude(some[0], several),
                        Take(f"s{number}", 5, 1),
                        Mark(marks[:2], tuple(one.id for one in marks[2:])),
                        Amend(amended),
                        Amend((Amended(bill(some[1]), ("unknown",)),)),
                        Forget(2**52, dice.choice((1, 10))),
                        ReadBills(),
                        ReleaseLane(f"s{number}"),
                        Notice(some[0], 1),
                    )
                )
            )
        raise AssertionError

    came = together([lambda number=number: work(number) for number in range(8)])
    assert all(isinstance(done, int) and done for done in came), came
    assert postgres_server.log.count("deadlock detected") == before
    read: tuple[Bill, ...] = store.perform(ReadBills())
    states = [one.state for one in read]
    assert counted(store) == {state: states.count(state) for state in set(states)}
    assert len({one.number for one in read}) == len(read)


@pytest.mark.parametrize(
    "asked",
    [
        Intend("new", "sub", "{}", LEASE),
        Conclude("new", (bill("new", "a"), bill("new", "b"))),
        Mark((Marked("there:coins", "dead"),), ("other:coins",)),
        Amend((Amended(bill("other"), ("queued",)),)),
        Notice("new", LEASE),
    ],
    ids=lambda asked: type(asked).__name__,
)
def test_a_repetition_is_answered_as_the_first_time(store: PostgresStore, asked: Any) -> None:
    """Its connection broke behind the commit: it is asked once more, changes nothing, and hears the same."""
    store.perform(Conclude("there", (bill("there"), bill("other"))))
    form = _FORMS[type(asked)]
    payload = store._payload(form, asked)
    statement = store._statements[type(asked)]
    first, rows = store._pool.ask(statement, payload), _leaseless(store)
    again = store._pool.ask(statement, payload)
    assert _timeless(form.read(read(again))) == _timeless(form.read(read(first)))
    assert _leaseless(store) == rows


def _leaseless(store: PostgresStore) -> list[Bill]:
    """An intent that is repeated lasts from then on."""
    return [one._replace(expires=0) for one in store.perform(ReadBills())]


def _timeless(answer: Any) -> Any:
    return answer._replace(now=0) if hasattr(answer, "now") else answer


@pytest.mark.parametrize("exponent", [-249, -221])
def test_amounts_are_kept_to_the_last_digit(store: PostgresStore, exponent: int) -> None:
    """However many digits a price has: what is billed is what it cost."""
    amount = Decimal((0, (7,) * 250, exponent))
    store.perform(Conclude("c", (bill("c")._replace(units=amount, usd=-amount),)))
    (found,) = store.perform(ReadBills())
    assert (found.units, found.usd) == (amount, -amount)


# --- order -------------------------------------------------------------------------------------


def test_a_reader_misses_no_bill_that_commits_late(store: PostgresStore) -> None:
    """Paging by number while eight write: each bill is seen once, whoever was given his number first."""
    stop = threading.Event()

    def write(number: int) -> list[str]:
        written = []
        for done in range(60):
            call = f"{number}-{done}"
            store.perform(Conclude(call, (bill(call, "a"), bill(call, "b"))))
            written += [f"{call}:a", f"{call}:b"]
        return written

    def read() -> list[str]:
        seen: list[str] = []
        after = 0
        while True:
            last = stop.is_set()
            page: tuple[Bill, ...] = store.perform(ReadBills(after=after, limit=7))
            seen += [one.id for one in page]
            after = page[-1].number if page else after
            if last and not page:
                return seen

    found: list[Any] = []
    reader = threading.Thread(target=lambda: found.extend(read()))
    reader.start()
    written = together([lambda n=n: write(n) for n in range(8)])
    stop.set()
    reader.join(60)
    assert sorted(found) == sorted(itertools.chain(*written))


def test_a_reader_waits_for_who_was_given_a_number(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """One who has a number and has not committed holds up him who reads by numbers, and nobody else."""
    ask = '{"call": "late", "bills": [["late:a", "late", "queued", "sub", "a", 7, "", "", 0, 1, "", 0, 0, 0, 0]]}'
    slow = f"select {schema}.do_conclude('{ask}')"
    store._wait = "150"
    with locked(postgres_server, slow) as other:
        store.perform(Conclude("early", (bill("early"),)))
        taken: Taken = store.perform(Take("s", 10, LEASE))
        assert [one.id for one in taken.bills] == ["early:coins"]
        with pytest.raises(StoreUnavailableError, match="55P03"):
            store.perform(ReadBills())
        other.commit()
        # What commits late with a small number is simply the first.
        taken = store.perform(Take("s", 10, LEASE))
        assert [one.id for one in taken.bills] == ["late:a", "early:coins"]
        assert [one.id for one in store.perform(ReadBills())] == ["late:a", "early:coins"]


# --- no money, no routers ----------------------------------------------------------------------


def test_the_ledger_is_neither_touched_nor_waited_for(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """Whoever has locked the ledger's tables holds up no bill; and an audit sees none of it."""
    tables = ("counters", "holds", "entries", "usage", "rules", "settlements", "deployments")
    names = ", ".join(f"{schema}.{table}" for table in tables)
    with locked(postgres_server, f"lock table {names} in access exclusive mode"):
        assert store.perform(Intend("c", "sub", "{}", LEASE)) is True
        assert store.perform(Conclude("c", (bill("c"),))).intended is True
        assert len(store.perform(Take("s", 10, LEASE)).bills) == 1
        assert store.perform(Mark((Marked("c:coins", "delivered"),))) == 1
        assert store.perform(Owing("", 0)).delivered == 1
    audited = store.perform(Audit())
    assert (audited.entries, audited.holds, audited.differences) == (0, 0, ())
    assert store.perform(ReadEntries()) == ()


def test_what_stays_locked_is_unavailable(
    postgres_server: PostgresServer, store: PostgresStore, schema: str
) -> None:
    """Nobody is waited for longer than the timeout, on the server neither; and nothing is half done."""
    store.perform(Intend("c", "sub", "{}", LEASE))
    store.perform(Conclude("d", (bill("d"),)))
    store._wait = "100"
    names = ", ".join(f"{schema}.{table}" for table in TABLES)
    with locked(postgres_server, f"lock table {names} in share mode"):
        for operation in (
            Intend("e", "sub", "{}", LEASE),
            Conclude("c", (bill("c"),)),
            Take("s", 10, LEASE),
            Mark((Marked("d:coins", "delivered"),)),
            Amend((Amended(bill("d"), ("queued",)),)),
            Notice("n", LEASE),
        ):
            with pytest.raises(StoreUnavailableError, match="55P03"):
                store.perform(operation)
        assert counted(store) == {"intent": 1, "queued": 1}
    assert store.perform(Conclude("c", (bill("c"),))).intended is True


# --- what lasts --------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", "-csynchronous_commit=off"])
def test_what_has_concluded_survives_the_servers_end(
    postgres_server: PostgresServer, schema: str, options: str
) -> None:
    """The postmaster is killed while eight make calls and one sends: no bill is lost, and none is sent that then is."""
    store = PostgresStore(postgres_server.dsn(options=f"'{options}'"), schema=schema, timeout=30)
    returned: list[str] = []
    sent: set[str] = set()
    enough = threading.Event()

    def call(name: str) -> None:
        for number in itertools.count():
            one = f"{name}-{number}"
            store.perform(Intend(one, "sub", "{}", LEASE))
            store.perform(Conclude(one, (bill(one),)))
            returned.append(f"{one}:coins")
            if number > 3:
                enough.set()

    def send() -> None:
        while True:
            taken: Taken = store.perform(Take("sender", 5, LEASE))
            sent.update(one.id for one in taken.bills)
            store.perform(Mark(tuple(Marked(one.id, "delivered") for one in taken.bills)))

    def kill() -> None:
        enough.wait(30)
        postgres_server.kill()

    for turn in range(3 if FULL else 1):
        enough.clear()
        killer = threading.Thread(target=kill)
        killer.start()
        works = [lambda i=i, t=turn: call(f"{t}-{i}") for i in range(8)]
        came = together([*works, send])
        killer.join()
        postgres_server.start()
        assert all(isinstance(error, StoreUnavailableError) for error in came), came
        there: tuple[Bill, ...] = store.perform(ReadBills(limit=10**6))
        ids = {one.id for one in there if one.state in {"queued", "delivered"}}
        assert set(returned) <= ids
        assert sent <= ids
        delivered = {one.id for one in there if one.state == "delivered"}
        assert counted(store).get("delivered", 0) == len(delivered)
        assert enough.is_set()
    store.close()


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (Intend("new", "sub", "{}", LEASE), True),
        (Intend("there", "sub", "{}", LEASE), False),
        (Conclude("new", (bill("new"),)), True),
        (Conclude("there", (bill("there"),)), False),
        (Conclude("new"), True),
        (Take("s", 10, LEASE), True),
        (Take("other", 10, LEASE), False),
        (ReleaseLane("s"), False),
        (Mark((Marked("there:coins", "delivered"),)), True),
        (Mark((Marked("nobody:coins", "delivered"),)), False),
        (Amend((Amended(bill("there"), ("dead",)),)), False),
        (Amend((Amended(bill("there"), ("queued",)),)), True),
        (Notice("new", LEASE), True),
        (Notice("there", LEASE), False),
        (ReadBills(), False),
    ],
)
def test_what_was_changed_is_waited_for(
    postgres_server: PostgresServer, store: PostgresStore, asked: Any, *, waited: bool
) -> None:
    """It is on the disk when the answer comes, as is what is given to be sent; for nothing else anybody waits."""
    flushed = []
    with psycopg.connect(postgres_server.dsn(), autocommit=True) as other:
        for number in range(8):
            store.perform(Conclude(f"there{number}", (bill(f"there{number}"),)))
            store.perform(Take("s", 1, LEASE))
            store.perform(Notice(f"there{number}", LEASE))
            other.execute("select pg_logical_emit_message(false, 'something', 'unflushed')")
            store.perform(_numbered(asked, number))
            query = "select pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn()"
            flushed.append(other.execute(query).fetchone() == (True,))
    # The server writes something, and to the disk, by itself, too, now and then.
    assert (flushed.count(False) < 2) is waited, flushed


def _numbered(asked: Any, number: int) -> Any:
    """With a call of its own."""

    def named(text: str) -> str:
        return text.replace("there", f"there{number}").replace("new", f"new{number}")

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return named(value)
        if isinstance(value, tuple) and hasattr(value, "_make"):
            return value._make(map(renamed, value))
        return tuple(map(renamed, value)) if isinstance(value, tuple) else value

    return renamed(asked)
