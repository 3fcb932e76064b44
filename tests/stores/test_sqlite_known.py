"""What a connection knows of a SQLite file is what stands there, whoever else writes, and whatever fails."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmkit._cost import MATH
from llmkit._io.stores import _sqlite_known
from llmkit._io.stores._sqlite_rows import SQLRows
from llmkit._io.stores._sqlite_seat import Seat
from llmkit._io.stores.sqlite import SQLiteStore
from llmkit._operations import Audit, Balances, Claim, Reserved, SettleHold, Window, WriteRule
from llmkit.errors import StoreError
from llmkit.stores import MemoryStore
from llmkit.testing.store_conformance._random import Operations
from llmkit.testing.store_conformance._subject import SettableClock

from .test_sqlite_store import reserve, taken

ONE = Decimal(1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "llmkit.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """An open store that knows something: two are held, one is settled."""
    with closing(SQLiteStore(path, busy_timeout=5)) as store:
        for name in ("a", "b"):
            store.perform(reserve(name))
        store.perform(SettleHold("a", "settle", (ONE,), ONE))
        assert known_of(store._seat) is not None
        yield store


def known_of(seat: Seat) -> _sqlite_known.Known | None:
    """What it would go by if it were asked now."""
    if seat._connection is None:
        return None
    (version,) = seat._connection.execute("PRAGMA data_version").fetchone()
    return seat._known if seat._known is not None and seat._known.version == version else None


def look(seat: Seat) -> int:
    """How much of what is known was looked up; each of it stands in the file."""
    if (known := known_of(seat)) is None:
        return 0
    assert seat._connection is not None
    rows = SQLRows(seat._connection)
    for account, counters in known.accounts.items():
        there = rows.counters(account, counters.first)
        assert [(b, *counters.rows[b]) for b in sorted(counters.rows)] == list(there)
        if (since := counters._since) is not None:
            counted = [row for row in there if row[0] >= since]
            sums = tuple(sum((row[n] for row in counted), Decimal(0)) for n in (1, 2))
            assert counters.used(since) == sums
    assert all(rows.hold(id_) == hold for id_, hold in known.holds.items())
    assert all(rows.rule(scope) == rule for scope, rule in known.rules.items())
    for key, used in known.usage.items():
        found = seat._connection.execute(
            "SELECT calls, prompt_tokens, completion_tokens, usd FROM llmkit_usage"
            " WHERE scope = ? AND day = ? AND provider = ? AND model = ?",
            key,
        ).fetchone()
        assert (*found[:3], Decimal(found[3])) == used
    assert known.due is None or known.due <= rows._due()
    assert known._counters >= sum(len(one.rows) + 1 for one in known.accounts.values())
    return len(known.accounts) + len(known.holds) + len(known.rules) + len(known.usage)


@pytest.mark.parametrize("most", [16_384, 9])
@pytest.mark.parametrize("others", [1, 3])
def test_what_is_known_stands_in_the_file(
    path: Path, others: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under random operations by one or by several, with failures between: the answers are those of a memory."""
    monkeypatch.setattr(_sqlite_known, "_COUNTERS", most)
    monkeypatch.setattr(_sqlite_known, "_ROWS", most)
    dice, clock, looked = random.Random(others), SettableClock(), 0
    operations, reference = Operations(others, clock), MemoryStore(clock=clock)
    with ExitStack() as stack:
        stores = [
            stack.enter_context(closing(SQLiteStore(path, clock=clock))) for _ in range(others)
        ]
        for _ in range(250):
            operation, store = operations.next(), dice.choice(stores)
            assert store.perform(operation) == reference.perform(operation)
            if dice.random() < 0.1:
                with pytest.raises(StoreError):
                    store.perform(reserve("\ud800"))
            looked += look(store._seat)
        assert stores[0].perform(Audit()).differences == ()
    assert looked > 250


def test_what_another_one_wrote_is_seen_at_once(path: Path, store: SQLiteStore) -> None:
    """Counters, holds, rules: nothing is answered out of what was known before."""
    stale = reserve("c")._replace(seen=(("*", 0),))
    assert type(store.perform(stale)) is Reserved
    with closing(SQLiteStore(path)) as other:
        other.perform(SettleHold("b", "settle", (Decimal(5),), ONE))
        other.perform(WriteRule("*", "[]"))
        other.perform(reserve("d", 99))
    assert store.perform(SettleHold("b")).status == "again"
    (usd,) = store.perform(Balances((Claim("usd", Window(), Decimal(0)),))).lines
    assert (usd.spent, usd.used) == (6, 8)
    answer = store.perform(stale._replace(hold="e"))
    assert [(rule.scope, rule.version) for rule in answer.rules] == [("*", 1)]


def test_one_transaction_reads_what_it_knows_once(store: SQLiteStore) -> None:
    """While nobody else writes, a hold looks up its own id, and reads nothing that it has read before."""
    said: list[str] = []
    assert store._seat._connection is not None
    store._seat._connection.set_trace_callback(said.append)
    store.perform(reserve("c"))
    assert [text for text in said if "SELECT" in text and "'c'" not in text] == []
    store.perform(SettleHold("c", "settle", (ONE,), ONE))
    assert [text.split("FROM")[1].split()[0] for text in said if "SELECT" in text] == [
        "llmkit_hold"
    ]


def spoilt(
    monkeypatch: pytest.MonkeyPatch, where: type, name: str, error: BaseException
) -> Callable[[], None]:
    """The method fails from now on once it is done; what ends that."""
    real = getattr(where, name)

    def fails(self: Any, *arguments: Any) -> None:
        real(self, *arguments)
        raise error

    monkeypatch.setattr(where, name, fails)
    return lambda: monkeypatch.setattr(where, name, real)


@pytest.mark.parametrize("name", ["flush", "keep_hold", "count"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), sqlite3.IntegrityError("no")])
def test_what_failed_is_not_known(
    name: str, error: BaseException, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that fails or is interrupted in the middle, or while it is committed, leaves nothing behind."""
    mend = spoilt(monkeypatch, SQLRows, name, error)
    with pytest.raises((KeyboardInterrupt, StoreError)):
        store.perform(reserve("c"))
    mend()
    assert store._seat._known is None
    (usd,) = store.perform(Balances((Claim("usd", Window(), Decimal(0)),))).lines
    assert (usd.spent, usd.used) == (1, 2)
    assert type(store.perform(reserve("c"))) is Reserved
    assert store.perform(Audit()).differences == ()


def test_who_is_interrupted_behind_the_commit_knows_nothing(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is committed, and the next one reads it."""
    mend = spoilt(monkeypatch, _sqlite_known.Known, "bound", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        store.perform(reserve("c"))
    mend()
    assert store._seat._known is None
    assert store.perform(Audit()).holds == 2
    assert store.perform(reserve("c")).again


def test_who_finds_the_file_taken_knows_what_he_knew_or_less(path: Path) -> None:
    """A transaction that cannot begin changes nothing; another file under the same name is another file."""
    with closing(SQLiteStore(path, busy_timeout=0.01)) as store:
        store.perform(reserve("a"))
        with taken(path) as other, pytest.raises(StoreError):
            store.perform(reserve("b"))
        other.close()
        store.perform(reserve("b"))
        assert look(store._seat) > 0
        for name in ("", "-wal", "-shm"):
            Path(f"{path}{name}").unlink()
        assert store.perform(SettleHold("b")).status == "missing"
        assert store.perform(Audit()).holds == 0


def test_sums_are_exact() -> None:
    """What is added to a sum that is kept is what adding all again would give."""
    dice = random.Random(1)
    rows = {n: (Decimal(n), Decimal(0)) for n in range(20)}
    counters = _sqlite_known.Counters(0, dict(rows))
    counters.used(7)
    for _ in range(300):
        bucket, amount = (
            dice.randrange(20),
            Decimal(dice.randrange(-9, 9)).scaleb(-dice.choice((0, 9, 20))),
        )
        rows[bucket] = MATH.add(rows[bucket][0], amount), rows[bucket][1]
        counters.add(bucket, amount, Decimal(0))
        assert counters.used(7)[0] == sum(rows[n][0] for n in range(7, 20))
