"""What is awaited at the same time is committed together, and each has an outcome of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections import Counter
from collections.abc import Awaitable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio

from llmkit._io.stores import _sqlite_rows, _worker
from llmkit._io.stores._sqlite_seat import Seat
from llmkit._io.stores.sqlite import SQLiteStore
from llmkit._operations import Audit, Balances, Claim, Reserved, SettleHold, Sweep, Window
from llmkit._settlements import Settle, Settlements
from llmkit.errors import StoreError, StoreUnavailableError

from .test_sqlite_store import CALL, has_begun, reserve, run_on, taken

ONE = Decimal(1)
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "trio"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "llmkit.db"


@pytest.fixture(params=["crash", "power"])
def store(path: Path, request: pytest.FixtureRequest) -> Iterator[SQLiteStore]:
    """An open store of either durability."""
    store = SQLiteStore(path, durability=request.param, busy_timeout=5)
    store.perform(Sweep())
    yield store
    store.close()


def traced(seat: Seat) -> Counter[str]:
    """How often each statement is executed from now on, by its first word."""
    counts: Counter[str] = Counter()
    assert seat._connection is not None
    seat._connection.set_trace_callback(lambda text: counts.update([text.split()[0]]))
    return counts


async def at_once(store: SQLiteStore, path: Path, operations: list[Any]) -> list[Any]:
    """Outcomes of operations that are all asked for before the first can be performed."""
    found: list[Any] = [None] * len(operations)

    async def ask(number: int) -> None:
        try:
            found[number] = await store.aperform(operations[number])
        except Exception as error:  # noqa: BLE001 - looked at by the test
            found[number] = error

    async with anyio.create_task_group() as tasks:
        with taken(path) as other:
            # The first keeps the thread busy until all others are there.
            tasks.start_soon(store.aperform, reserve("first", limit=10**6))
            await has_begun(store)
            for number in range(len(operations)):
                tasks.start_soon(ask, number)
            await anyio.sleep(0.02)
            other.execute("COMMIT")
    return found


@LOOPS
def test_what_waits_is_committed_together(loop: str, path: Path, store: SQLiteStore) -> None:
    """Twenty holds in one transaction; before it is committed, none is told."""
    counts = traced(store._seat)
    holds = [reserve(f"h{n}", limit=10) for n in range(20)]
    found = run_on(loop, lambda: at_once(store, path, holds))
    # The first one, alone, has one of the ten.
    assert [type(one) is Reserved for one in found].count(True) == 9
    assert counts["COMMIT"] == 2
    # One, and nine in eights; what all of them add to is written once for each transaction.
    assert counts["INSERT"] == (1 + 1) + (2 + 1)
    # So are they looked for: one, and twenty in eights; and the account, once.
    assert counts["SELECT"] == 1 + 3 + 1
    audit = store.perform(Audit())
    assert (audit.holds, audit.differences) == (10, ())


def test_each_sees_what_those_before_it_did(path: Path, store: SQLiteStore) -> None:
    """In one transaction, whose rows are written at its end, answers are as if each had been alone."""
    settle = SettleHold("a", "settle", (ONE,), ONE, settlement=CALL)
    asked: list[Any] = [
        reserve("a"), reserve("a"), settle, Settle(CALL), settle, reserve("a"),
        SettleHold("b", "release"), reserve("b"), reserve("c"), reserve("d"), Sweep(),
    ]  # fmt: skip
    found = asyncio.run(at_once(store, path, asked))
    assert [getattr(one, "status", type(one).__name__) for one in found] == [
        *("Reserved", "Reserved", "settled", "bool", "again", "Gone"),
        *("missing", "Gone", "Reserved", "Reserved", "int"),
    ]
    assert (found[1].again, found[3], found[-1]) == (True, False, 0)
    assert len(store.perform(Settlements())) == 1
    audit = store.perform(Audit())
    assert (audit.holds, audit.entries, audit.differences) == (3, 2, ())


@LOOPS
def test_one_that_fails_undoes_itself_alone(loop: str, path: Path, store: SQLiteStore) -> None:
    """Refused before, by a rule in the middle of it, and by the driver; the others are done, and their sums right."""
    for name in ("a", "b"):
        store.perform(reserve(name))
    wrong = SettleHold("a", "settle", (ONE, ONE), ONE)
    asked: list[Any] = [
        reserve("c"),
        reserve("\ud800"),
        wrong,
        SettleHold("b", "settle", (ONE,), ONE),
        Window(),
        reserve("d"),
    ]
    counts = traced(store._seat)
    found = run_on(loop, lambda: at_once(store, path, asked))
    assert [type(one).__name__ for one in found] == [
        *("Reserved", "StoreError", "StoreError", "Settled", "StoreError", "Reserved")
    ]
    assert "cannot hold this" in str(found[1])
    assert isinstance(found[1].__cause__, UnicodeEncodeError)
    assert "got 2 amounts" in str(found[2])
    # The first one's, one for each that failed, and the others'.
    assert (counts["COMMIT"], counts["ROLLBACK"]) == (2, 4)
    audit = store.perform(Audit())
    assert (audit.holds, audit.entries, audit.differences) == (4, 1, ())
    (usd,) = store.perform(Balances((Claim("usd", Window(), Decimal(0)),))).lines
    assert (usd.spent, usd.used) == (1, 5)


def test_a_failure_in_the_middle_is_undone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one had written before it failed is not there, also not for those after it."""
    real = _sqlite_rows.SQLRows.keep_hold

    def keep(self: Any, hold: Any) -> None:
        real(self, hold)
        if hold.id == "bad":
            raise RuntimeError("in the middle")

    monkeypatch.setattr(_sqlite_rows.SQLRows, "keep_hold", keep)
    with contextlib.closing(SQLiteStore(path)) as store:
        asked = [reserve("x", 4), reserve("bad", 4), reserve("y", 4), reserve("z", 4)]
        found = asyncio.run(at_once(store, path, asked))
        kinds = [type(one).__name__ for one in found]
        assert kinds == ["Reserved", "RuntimeError", "Reserved", "Reserved"]
        audit = store.perform(Audit())
        assert (audit.holds, audit.differences) == (4, ())


@LOOPS
def test_who_is_cancelled_is_performed_wholly_or_not_at_all(
    loop: str, path: Path, store: SQLiteStore
) -> None:
    """Those who went before their turn are left out; who waits beside them is not touched."""
    found: list[Any] = []

    async def ask(name: str) -> None:
        found.append((name, await store.aperform(reserve(name, 99))))

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            with taken(path) as other:
                tasks.start_soon(ask, "first")
                await has_begun(store)
                async with anyio.create_task_group() as leaving:
                    for number in range(20):
                        (tasks, leaving)[number % 2].start_soon(ask, f"h{number}")
                    await anyio.sleep(0.02)
                    leaving.cancel_scope.cancel()
                other.execute("COMMIT")

    run_on(loop, work)
    assert {name for name, _ in found} == {"first", *(f"h{n}" for n in range(0, 20, 2))}
    assert store.perform(Audit()).holds == 11
    assert store.perform(reserve("h1", 99)).again is False


def test_each_gets_impatient_by_itself(path: Path) -> None:
    """Who has waited long enough is told so, and who has not is performed when the file is free."""
    store = SQLiteStore(path, busy_timeout=0.3)
    store.perform(Sweep())

    async def work() -> list[Any]:
        async def late(name: str) -> Any:
            await asyncio.sleep(0.2)
            return await store.aperform(reserve(name, 99))

        with taken(path) as other:
            early = [asyncio.ensure_future(store.aperform(reserve(f"e{n}", 99))) for n in range(5)]
            later = [asyncio.ensure_future(late(f"l{n}")) for n in range(5)]
            found = list(await asyncio.gather(*early, return_exceptions=True))
            other.execute("COMMIT")
        return found + list(await asyncio.gather(*later, return_exceptions=True))

    found = asyncio.run(work())
    assert {type(one) for one in found[:5]} == {StoreUnavailableError}
    assert {type(one) for one in found[5:]} == {Reserved}
    assert store.perform(Audit()).holds == 5
    store.close()


def test_where_a_transaction_cannot_be_each_has_its_own(path: Path, store: SQLiteStore) -> None:
    """A full disk: SQLite gives up the transaction. Whoever finds room is done, and the others are told."""
    connection = store._seat._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    holds = [reserve(f"h{n}" * 200, limit=9999) for n in range(30)]
    found = asyncio.run(at_once(store, path, holds))
    kinds = Counter(type(one) for one in found)
    assert kinds[StoreUnavailableError] + kinds[Reserved] == 30
    assert kinds[StoreUnavailableError]
    connection.execute("PRAGMA max_page_count = 100000")
    audit = store.perform(Audit())
    assert (audit.holds, audit.differences) == (kinds[Reserved] + 1, ())


def test_ways_are_kept_apart(path: Path, store: SQLiteStore) -> None:
    """What reads, what writes and what looks through everything, asked for at once."""
    settled = [Settle(CALL._replace(call_id=str(n))) for n in range(5)]
    balances = Balances((Claim("usd", Window(), Decimal(0)),))
    asked: list[Any] = [Audit(), balances, *settled, reserve("a"), Audit(), Settlements()]
    found = asyncio.run(at_once(store, path, asked))
    assert found[0].differences == found[8].differences == ()
    # Whoever only looks is not held up by who writes; long work comes last.
    assert (found[0].holds, found[8].holds) == (2, 2)
    assert found[2:7] == [True] * 5
    assert len(store.perform(Settlements())) == 5


@LOOPS
def test_two_loops_are_told_each_its_own(loop: str, store: SQLiteStore) -> None:
    """A thread with a loop of its own beside this one."""

    async def work(first: str) -> list[Any]:
        found: list[Any] = []

        async def ask(name: str) -> None:
            found.append(await store.aperform(reserve(name, 999)))

        async with anyio.create_task_group() as tasks:
            for number in range(30):
                tasks.start_soon(ask, f"{first}{number}")
        return found

    async def both() -> list[Any]:
        there: list[Any] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_in_a_thread, lambda: there.extend(trio.run(work, "t")))
            here = await work("a")
        return here + there

    assert [type(one) for one in run_on(loop, both)] == [Reserved] * 60


async def _in_a_thread(work: Any) -> None:
    await anyio.to_thread.run_sync(work)


class Odd(BaseException):
    """No ordinary failure."""


@pytest.mark.parametrize("broken", [StoreError("no"), Odd("no")])
def test_nobody_waits_for_ever_for_what_broke(broken: BaseException) -> None:
    """Whatever is raised where several are performed is told to all who have not been told."""

    class Both:
        def one(self, operation: Any, since: float) -> Any:
            return operation

        def several(self, jobs: Any) -> Iterator[Any]:
            yield jobs[:1]
            raise broken

    subject = Both()
    worker = _worker.Worker(subject.one, "llmkit-test", subject.several)

    async def asked(awaited: list[Awaitable[Any]]) -> list[Any]:
        return await asyncio.gather(*awaited, return_exceptions=True)

    async def work() -> list[Any]:
        return await asked([worker.perform(n) for n in range(10)])

    found = asyncio.run(work())
    worker.stop()
    assert len(found) == 10
    assert {type(one) for one in found} <= {int, type(None), type(broken)}


def test_outcomes_are_nobodys_afterwards(path: Path, store: SQLiteStore) -> None:
    """An error that was told is freed with who was told, without the collector."""

    async def ask(name: str) -> None:
        with contextlib.suppress(StoreError):
            await store.aperform(reserve(name))

    async def unheard() -> None:
        with taken(path) as other:
            asked = [asyncio.ensure_future(ask(name)) for name in ("a", "\ud800", "b", "\ud801")]
            await has_begun(store)
            await asyncio.sleep(0.02)
            other.execute("COMMIT")
        await asyncio.gather(*asked)

    asyncio.run(unheard())
    gc.collect()
    gc.disable()
    try:
        asyncio.run(unheard())
        left = [one for one in gc.get_objects() if isinstance(one, StoreError)]
    finally:
        gc.enable()
    assert left == []
