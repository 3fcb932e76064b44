"""What is SQLite's own: its file, its failures, who waits for whom, threads, loops, forks."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from functools import reduce
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
import pytest
import trio

from llmkit._io.stores import _sqlite_failures, _sqlite_late, _sqlite_rows
from llmkit._io.stores._sqlite_schema import VERSION, bring_up_to_date
from llmkit._io.stores.sqlite import SQLiteStore
from llmkit._operations import Audit, Claim, ReadUsage, Reserve, Reserved, SettleHold, Sweep, Window
from llmkit._settlements import Settle, Settlement, Settlements
from llmkit.errors import ConfigurationError, StoreError, StoreUnavailableError
from llmkit.stores import MemoryStore

ONE = Decimal(1)
CALL = Settlement("c1", "completed", "acme", "one", True, "yes", 2, 1.5, 0.25)


def reserve(hold: str, limit: int = 10) -> Reserve:
    """Hold one."""
    return Reserve(hold, (Claim("usd", Window(), ONE, Decimal(limit)),), 10**9, ONE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "llmkit.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """An open store."""
    store = SQLiteStore(path, busy_timeout=5)
    store.perform(Sweep())
    yield store
    store.close()


def taken(path: Path) -> Any:
    """Another one who has the file for himself."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return closing(other)


# --- what it is made of -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        (":memory:", "MemoryStore"),
        ("", "MemoryStore"),
        ("file::memory:?cache=shared", "MemoryStore"),
        ("file:x?mode=memory", "MemoryStore"),
        ("file:/tmp/x.db", "not a URI"),
    ],
)
def test_what_is_no_file_is_refused(name: str, hint: str) -> None:
    """A database in memory is each connection's own: budgets in it would not be shared."""
    with pytest.raises(ConfigurationError, match=hint):
        SQLiteStore(name)


@pytest.mark.parametrize("odd", [{"durability": "fsync"}, {"busy_timeout": 0}])
def test_arguments_that_cannot_be_meant_are_refused(odd: dict[str, Any], path: Path) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigurationError):
        SQLiteStore(path, **odd)


def test_nothing_is_opened_before_the_first_operation(path: Path) -> None:
    """And closing what was never opened is nothing."""
    store = SQLiteStore(path)
    store.close()
    assert not path.exists()
    assert repr(store) == f"SQLiteStore({str(path)!r}, durability='crash')"


@pytest.mark.parametrize(("durability", "synchronous"), [("crash", 1), ("power", 2)])
def test_durability_is_what_is_said(path: Path, durability: Any, synchronous: int) -> None:
    """NORMAL in a write-ahead log survives a process, FULL the power; each connection has it."""
    store = SQLiteStore(path, durability=durability)
    store.perform(Sweep())
    store.perform(Audit())
    for seat in (store._seat, store._aside):
        assert seat._connection is not None
        assert seat._connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)
        assert seat._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.durability == durability
    store.close()


def test_every_statement_of_a_call_finds_its_rows_by_an_index(store: SQLiteStore) -> None:
    """Years of rows make nothing slower: nothing on the way of a call looks through a table."""
    connection = store._seat._connection
    assert connection is not None
    named = {**vars(_sqlite_rows), **vars(_sqlite_late)}
    texts = {n: t for n, t in named.items() if n.isupper() and isinstance(t, str)}
    through = {"_HELD", "_RULES", "_USAGE", "_USAGE_OF", "_IN_ORDER", "_FIELDS", "_SETTLEMENTS"}
    for name in texts.keys() - through:
        text = texts[name]
        plan = connection.execute(f"EXPLAIN QUERY PLAN {text}", ["0"] * text.count("?")).fetchall()
        around = {"COMPOUND QUERY", "LEFT-MOST SUBQUERY", "UNION ALL"}
        steps = [step[3] for step in plan if step[3] not in around]
        assert all("SEARCH" in step for step in steps), (name, plan)
    assert len(texts.keys() - through) > 10


def test_the_ledger_can_only_be_appended_to(store: SQLiteStore, path: Path) -> None:
    """Neither a slip nor a stranger's script changes an entry."""
    store.perform(reserve("a"))
    store.perform(SettleHold("a"))
    with closing(sqlite3.connect(path)) as other:
        for text in ("DELETE FROM llmkit_entry", "UPDATE llmkit_entry SET usd = '0'"):
            with pytest.raises(sqlite3.IntegrityError, match="only appended to"):
                other.execute(text)


# --- settlements --------------------------------------------------------------------------------


def test_a_settlement_comes_back_as_it_was(store: SQLiteStore) -> None:
    """Every field, in order of recording; and a call's second one is refused."""
    whole = CALL._replace(
        call_id="c2",
        stream=False,
        prompt_tokens=3,
        completion_tokens=4,
        usage_source="reported",
        cost=Decimal("0.10"),
        cost_status="exact",
        cost_reason="because",
        error="TimeoutError",
        request_id="r",
        metadata={"a": [1, {"b": None}]},
        kind="embedding",
    )
    assert store.perform(Settle(CALL)) is True
    assert store.perform(Settle(whole)) is True
    assert store.perform(Settle(CALL._replace(outcome="failed"))) is False
    assert store.perform(Settlements()) == (CALL, whole)
    assert store.perform(Settlements(1)) == (whole,)
    assert type(store.perform(Settlements(1))[0].stream) is bool


def test_no_settlement_is_lost_for_what_stands_in_it(store: SQLiteStore) -> None:
    """Neither half characters nor counts beyond all measure, nor what is no JSON."""
    circle: dict[Any, Any] = {}
    circle["self"] = circle
    odd = CALL._replace(model="\ud800", prompt_tokens=10**30, error="a\0b")
    metadata: list[Any] = [
        {"set": {2, 1}, "map": MappingProxyType({"a": ONE}), "half": "\udc00"},
        {(1, 2): "a tuple as a key"},
        circle,
        reduce(lambda inner, _: {"in": inner}, range(300), {"é": 1.5}),
    ]
    for number, each in enumerate(metadata):
        assert store.perform(Settle(odd._replace(call_id=str(number), metadata=each)))
    found = store.perform(Settlements())
    assert found[0].metadata == {"set": [1, 2], "map": {"a": "1"}, "half": "\udc00"}
    assert found[1].metadata == {"(1, 2)": "a tuple as a key"}
    assert found[3].metadata == metadata[3]
    assert (found[2].model, found[2].prompt_tokens) == ("\\ud800", 2**53 - 1)


# --- failures -----------------------------------------------------------------------------------


def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    """What is written by rules that are not known here is left alone."""
    with closing(SQLiteStore(path)) as store:
        store.perform(Sweep())
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO llmkit_schema VALUES (?, 0)", (VERSION + 1,))
    with closing(SQLiteStore(path)) as store, pytest.raises(StoreError, match="later version"):
        store.perform(Sweep())


def test_a_file_that_is_no_database_is_said_to_be_none(path: Path) -> None:
    """And left as it is."""
    path.write_text("dear diary, " * 100)
    with closing(SQLiteStore(path)) as store:
        with pytest.raises(StoreError, match="is no SQLite database") as caught:
            store.perform(Sweep())
        assert not isinstance(caught.value, StoreUnavailableError)
    assert path.read_text().startswith("dear diary")


def test_a_damaged_file_is_said_to_be_damaged(path: Path) -> None:
    """The tables' own pages, overwritten."""
    with closing(SQLiteStore(path)) as store:
        for number in range(50):
            store.perform(reserve(f"h{number}", limit=99))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with closing(SQLiteStore(path)) as store, pytest.raises(StoreError, match="is damaged"):
        store.perform(reserve("more"))


def test_a_directory_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    """It can be made, and the store then used."""
    place = tmp_path / "not" / "yet"
    with closing(SQLiteStore(place / "llmkit.db")) as store:
        with pytest.raises(StoreUnavailableError, match="its directory does not exist"):
            store.perform(Sweep())
        place.mkdir(parents=True)
        assert store.perform(Sweep()) == 0


def test_what_cannot_be_opened_is_said_to_be_so(tmp_path: Path) -> None:
    """A directory, for one."""
    with closing(SQLiteStore(tmp_path)) as store, pytest.raises(StoreUnavailableError):
        store.perform(Sweep())


def test_what_may_not_be_written_is_said_to_be_so(store: SQLiteStore) -> None:
    """SQLite's own failure, in our words; nothing was done, and it can be tried again."""
    connection = store._seat._connection
    assert connection is not None
    connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailableError, match="may not be written"):
        store.perform(reserve("a"))
    connection.execute("PRAGMA query_only = OFF")
    assert store.perform(reserve("a")).again is False


def test_a_full_disk_leaves_all_as_it_was(store: SQLiteStore) -> None:
    """And when there is room again, it goes on."""
    connection = store._seat._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    holds = [reserve(f"h{number}", limit=9999) for number in range(1000)]
    done: list[Any] = []
    with pytest.raises(StoreUnavailableError, match="finds no room"):
        done.extend(store.perform(hold) for hold in holds)
    assert not connection.in_transaction
    connection.execute("PRAGMA max_page_count = 100000")
    audit = store.perform(Audit())
    assert (audit.holds, audit.differences) == (len(done), ())
    assert store.perform(holds[len(done)]).again is False


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes of several machines cannot share a write-ahead log."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 254:0 / / rw - ext4 /dev/vda rw\n"
        f"23 22 0:50 / {tmp_path}/far rw,relatime shared:1 - {kind} server:/x rw\n"
        f"24 22 0:51 / {tmp_path}/farther rw - ext4 /dev/vdb rw\n"
    )
    monkeypatch.setattr(_sqlite_failures, "_MOUNTS", str(mounts))
    for name in ("far", "farther"):
        (tmp_path / name).mkdir()
    with pytest.raises(StoreError, match=f"network file system \\({kind}\\)"):
        SQLiteStore(tmp_path / "far" / "llmkit.db").perform(Sweep())
    with closing(SQLiteStore(tmp_path / "farther" / "llmkit.db")) as store:
        store.perform(Sweep())
    monkeypatch.setattr(_sqlite_failures, "_MOUNTS", str(tmp_path / "none"))
    with closing(SQLiteStore(tmp_path / "far" / "llmkit.db")) as store:
        store.perform(Sweep())


def test_what_cannot_be_a_log_is_refused(store: SQLiteStore) -> None:
    """Where SQLite stays with another journal, processes would block each other."""

    class Stubborn(sqlite3.Connection):
        def execute(self, text: str, /, *_: Any) -> sqlite3.Cursor:
            return super().execute("SELECT 'delete'")

    with (
        closing(sqlite3.connect(":memory:", factory=Stubborn)) as connection,
        pytest.raises(StoreError, match="cannot have a write-ahead log, only 'delete'"),
    ):
        store._seat._prepare(connection)


def test_text_that_is_none_is_refused(store: SQLiteStore) -> None:
    """Half a character, in the id of a hold."""
    with pytest.raises(StoreError, match="cannot hold this"):
        store.perform(reserve("\ud800"))
    assert store.perform(Audit()).holds == 0


# --- others -------------------------------------------------------------------------------------


def test_who_waits_too_long_is_told_so(path: Path, store: SQLiteStore) -> None:
    """Nothing was done, and once the file is free, it is."""
    store._seat._patience = 0.05
    with taken(path), pytest.raises(StoreUnavailableError, match="busy_timeout"):
        store.perform(reserve("a"))
    assert store.perform(reserve("a")).again is False


def test_who_waits_in_a_queue_gets_impatient_there(path: Path, store: SQLiteStore) -> None:
    """Twenty who wait together wait as long as one, in threads and in tasks."""
    store._seat._patience = 0.3

    async def work() -> list[Any]:
        asked = (store.aperform(reserve(str(n))) for n in range(20))
        return await asyncio.gather(*asked, return_exceptions=True)

    failures: list[BaseException] = []

    def ask(name: str) -> None:
        try:
            store.perform(reserve(name))
        except StoreUnavailableError as error:
            failures.append(error)

    begun = time.monotonic()
    with taken(path):
        failures += asyncio.run(work())
        threads = [threading.Thread(target=ask, args=(f"t{n}",)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {type(failure) for failure in failures} == {StoreUnavailableError}
    assert (len(failures), time.monotonic() - begun < 4) == (40, True)


@pytest.mark.parametrize("make", [MemoryStore, None])
def test_what_is_no_operation_is_refused(make: Any, store: SQLiteStore) -> None:
    """Such as one that a later version has, or one operation's result."""
    with pytest.raises(StoreError, match="performs Window"):
        (make() if make else store).perform(Window())


def test_who_waits_not_too_long_gets_through(path: Path, store: SQLiteStore) -> None:
    """As soon as the other one is done."""
    with taken(path) as other:
        release = threading.Timer(0.1, lambda: other.execute("COMMIT"))
        release.start()
        assert store.perform(reserve("a")).again is False
        release.join()


def test_reading_waits_for_nobody(path: Path, store: SQLiteStore) -> None:
    """Who writes and who audits do not see each other."""
    store.perform(reserve("a"))
    with taken(path), store._seat._lock:
        assert store.perform(Audit()).holds == 1
        assert store.perform(ReadUsage()) == ()


def test_threads_do_not_overspend_together(store: SQLiteStore) -> None:
    """Each of ten dollars is held once."""
    answers: list[Any] = []

    def work(name: int) -> None:
        answers.extend(store.perform(reserve(f"{name}-{n}")) for n in range(5))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(type(answer) is Reserved for answer in answers) == 10
    assert store.perform(Audit()).holds == 10


def test_threads_that_open_an_empty_file_at_once_make_its_tables_once(path: Path) -> None:
    """Each with a store of its own."""
    stores = [SQLiteStore(path) for _ in range(8)]
    begin = threading.Barrier(len(stores))
    failures: list[BaseException] = []

    def work(store: SQLiteStore) -> None:
        begin.wait()
        try:
            store.perform(reserve(str(id(store))))
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stores[0].perform(Audit()).holds == 8
    for store in stores:
        store.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_an_operation_in_the_middle_of_another_is_refused(kind: str, path: Path) -> None:
    """A signal's handler may come at any time; what it interrupted has not been done yet."""

    def clock() -> float:
        if inner := asked.pop() if asked else None:
            with pytest.raises(StoreUnavailableError, match="middle of another"):
                store.perform(inner)
        return 0.0

    asked: list[Any] = []
    store: Any = MemoryStore(clock=clock) if kind == "memory" else SQLiteStore(path, clock=clock)
    asked.append(reserve("inner"))
    assert store.perform(reserve("outer")).again is False
    assert asked == []
    assert store.perform(Audit()).holds == 1
    store.close()


def test_a_file_that_was_replaced_is_opened_anew(path: Path, store: SQLiteStore) -> None:
    """All see the same file: not each the one that he opened once."""
    store.perform(reserve("a"))
    for file in list(path.parent.iterdir()):
        file.unlink()
    assert store.perform(reserve("a")).again is False
    with closing(SQLiteStore(path)) as other:
        assert other.perform(Audit()).holds == 1


def test_what_was_left_open_by_two_interrupts_is_rolled_back(store: SQLiteStore) -> None:
    """By whoever comes next."""
    connection = store._seat._connection
    assert connection is not None
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO llmkit_rule VALUES ('s', 1, '')")
    assert store.perform(reserve("a")).again is False
    assert connection.execute("SELECT count(*) FROM llmkit_rule").fetchone() == (0,)


def test_a_connection_that_cannot_even_roll_back_is_closed(store: SQLiteStore) -> None:
    """The next operation opens another one."""

    class Broken:
        in_transaction = True
        closed = False

        def execute(self, text: str) -> Any:
            raise sqlite3.OperationalError(text)

        def close(self) -> None:
            self.closed = True

    real, store._seat._connection = store._seat._connection, Broken()  # type: ignore[assignment]
    broken: Any = store._seat._connection
    assert real is not None
    real.close()
    broken.in_transaction = False
    with pytest.raises(StoreError, match="BEGIN IMMEDIATE"):
        store.perform(reserve("a"))
    broken.in_transaction = True
    with pytest.raises(sqlite3.OperationalError, match="ROLLBACK"):
        store._seat._undo(broken)
    assert broken.closed
    assert store.perform(reserve("a")).again is False


def test_a_store_that_nobody_knows_closes_its_file(path: Path) -> None:
    """And its thread ends."""
    store = SQLiteStore(path)
    asyncio.run(store.aperform(reserve("a")))
    seat = store._seat
    (thread,) = [t for t in threading.enumerate() if t.name == "llmkit-sqlite"]
    del store
    gc.collect()
    assert seat._connection is None
    thread.join(5)
    assert not thread.is_alive()


# --- loops --------------------------------------------------------------------------------------


def run_on(loop: str, work: Callable[[], Any]) -> Any:
    """Run a coroutine function on a loop."""
    return asyncio.run(work()) if loop == "asyncio" else trio.run(work)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_loop_goes_on_while_it_is_waited(loop: str, path: Path, store: SQLiteStore) -> None:
    """Others have the file; a task that waits for it holds up no other one."""

    async def work() -> tuple[Any, int]:
        turns = 0
        with taken(path) as other:
            async with anyio.create_task_group() as tasks:
                answers: list[Any] = []

                async def ask() -> None:
                    answers.append(await store.aperform(reserve("a")))

                tasks.start_soon(ask)
                for turns in range(10):  # noqa: B007 - told below
                    await anyio.sleep(0.005)
                assert answers == []
                other.execute("COMMIT")
        return answers[0], turns

    answer, turns = run_on(loop, work)
    assert (answer.again, turns) == (False, 9)


async def has_begun(store: SQLiteStore) -> None:
    """The store's thread is at an operation: however busy the machine is."""
    while not store._seat._owner:  # noqa: ASYNC110 - the thread has nothing to tell it by
        await anyio.sleep(0.001)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_who_is_cancelled_leaves_nothing_half_done(
    loop: str, path: Path, store: SQLiteStore
) -> None:
    """What has begun is done wholly, what has not begun not at all; and nobody waits for it."""

    async def work() -> float:
        begun = time.monotonic()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.aperform, reserve("begun"))
            await has_begun(store)
            tasks.cancel_scope.cancel()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.aperform, reserve("queued"))
            await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
        return time.monotonic() - begun

    with taken(path):
        assert run_on(loop, work) < 4
    run_on(loop, lambda: store.aperform(Sweep()))
    assert store.perform(Audit()).holds == 1
    assert store.perform(reserve("begun")).again is True
    assert store.perform(reserve("queued")).again is False


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_closing_holds_up_no_loop(loop: str, store: SQLiteStore) -> None:
    """Somebody is in the middle of something; and what was asked for before is done."""

    async def work() -> int:
        turns = 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.aclose)
            for turns in range(10):  # noqa: B007 - told below
                await anyio.sleep(0.002)
            store._seat._lock.release()
        return turns

    store._seat._lock.acquire()
    assert run_on(loop, work) == 9
    assert store._seat._connection is None


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_failures_come_to_who_awaits(loop: str, store: SQLiteStore) -> None:
    """As they are, and the thread goes on."""

    async def work() -> Any:
        with pytest.raises(StoreError):
            await store.aperform(reserve(""))
        answer = await store.aperform(reserve("a"))
        await store.aclose()
        assert (await store.aperform(reserve("a"))).again is True
        return answer

    assert run_on(loop, work).again is False


def test_a_loop_that_has_ended_is_told_nothing(path: Path, store: SQLiteStore) -> None:
    """What it asked for is done; the next loop gets its own answers."""

    async def leave() -> None:
        task = asyncio.ensure_future(store.aperform(reserve("a")))
        await has_begun(store)
        task.cancel()

    with taken(path):
        asyncio.run(leave())
    assert asyncio.run(store.aperform(reserve("a"))).again is True


# --- forks --------------------------------------------------------------------------------------


def test_a_forked_process_opens_the_file_anew_and_leaves_its_parents_alone(
    path: Path,
) -> None:
    """Parent and child go on, also from an event loop; nothing of the parent's is closed by the child's end."""
    script = f"""
import asyncio, os, sys
from decimal import Decimal
from functools import reduce
from llmkit._operations import *
from llmkit.stores import MemoryStore, SQLiteStore
store, memory = SQLiteStore({str(path)!r}), MemoryStore()
def reserve(name):
    return Reserve(name, (Claim("usd", Window(), Decimal(1), Decimal(10)),), 10**9)
asyncio.run(store.aperform(reserve("parent")))
store.perform(Audit()); memory.perform(reserve("both"))
child = os.fork()
if not child:
    assert store._seat._connection is None and store._aside._connection is None
    assert memory.perform(reserve("both")).again
    assert store.perform(reserve("parent")).again
    asyncio.run(store.aperform(reserve("child")))
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert store.perform(reserve("child")).again
assert memory.perform(reserve("both")).again
asyncio.run(store.aperform(reserve("after")))
audit = store.perform(Audit())
assert (audit.holds, audit.differences) == (3, ()), audit
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_connection_of_another_process_is_neither_used_nor_closed(store: SQLiteStore) -> None:
    """Where a fork was hidden from Python, the process's number tells."""
    inherited = store._seat._connection
    assert inherited is not None
    store._seat._pid = -1
    assert store.perform(reserve("a")).again is False
    assert store._seat._connection is not inherited
    assert inherited.execute("SELECT 1").fetchone() == (1,)
    store._seat._pid = -1
    connection = store._seat._connection
    store.close()
    assert store._seat._connection is connection
    inherited.close()
    store._seat._pid = os.getpid()


def test_a_fork_in_the_middle_of_an_operation_does_not_wait_for_itself(store: SQLiteStore) -> None:
    """A signal's handler that forks: what it interrupted keeps its connection."""
    store._seat._owner = threading.get_ident()
    connection = store._seat._connection
    store.before_fork()
    store._seat.close()
    assert store._seat._connection is connection
    store.after_fork(child=False)
    store._seat._owner = 0
    assert store.perform(Sweep()) == 0


def test_the_schema_is_looked_for_by_its_old_name() -> None:
    """SQLite before 3.33 knows its own table as sqlite_master alone; Ubuntu 20.04 has 3.31."""
    said: list[str] = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.set_trace_callback(said.append)
        bring_up_to_date(connection, "a file")
    assert any("sqlite_master" in text for text in said)
    assert not any("sqlite_schema" in text for text in said)


def test_no_placeholder_has_a_number() -> None:
    """Python 3.12.0 to 3.12.3 take ``?1`` for a name, and warn where a sequence is given."""
    sources = Path(_sqlite_rows.__file__).parent.rglob("*.py")
    texts = {source.name: source.read_text(encoding="utf-8") for source in sources}
    assert len(texts) > 20
    assert not [name for name, text in texts.items() if re.search(r"\?\d", text)]
