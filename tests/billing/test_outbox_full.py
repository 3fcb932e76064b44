"""An outbox that cannot be written for a while: what becomes of calls by each policy, and what is told of it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmkit._billing_events import OutboxFailed
from llmkit._outbox import Amend, Conclude, Count, Intend, Mark, Owing, Take
from llmkit.billing._quarantine import Outbox
from llmkit.errors import BillingError, StoreError, StoreUnavailableError
from llmkit.stores import MemoryStore, SQLiteStore

from ._outboxes import USD, Asked, Failing, Hands, away, bill, conclude, ids, intend, sound, states


class Setting:
    """A store that fails when told to, and an outbox over it."""

    def __init__(self, colour: str, **options: Any) -> None:
        self.store, self.told, self.clock = Failing(), list[Any](), Hands()
        self.outbox = Outbox(self.store, self.told.append, clock=self.clock, **options)
        self.asked = Asked(colour, self.outbox)
        self.perform = self.asked.perform


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> str:
    """In which it is asked."""
    return str(request.param)


def test_nothing_is_in_the_way_while_all_is_well(colour: str) -> None:
    """Operations go to the store, and nothing is told or counted."""
    one = Setting(colour)
    assert one.perform(intend("c1")) is True
    assert one.perform(conclude("c1")).intended
    assert one.store.asked == 2
    assert (one.told, one.outbox.spilled, sum(one.outbox.counts)) == ([], 0, 0)


def test_spilled_and_written_later_in_order(colour: str) -> None:
    """What cannot be written is kept, told once, counted, and written in order as soon as it can be."""
    one = Setting(colour)
    one.store.failure = away()
    assert one.perform(intend("c1")) is True
    assert one.perform(conclude("c1")).fresh == ("c1:m",)
    assert one.perform(intend("c2")) is True
    assert one.perform(conclude("c0")).fresh == ("c0:m",)
    assert one.told == [OutboxFailed("it finds no room on its disk", "memory")]
    assert one.outbox.spilled == 3
    one.store.failure = None
    one.asked.recover()
    assert ids(one.store) == ["c1:m", "c2", "c0:m"]
    assert (one.outbox.spilled, one.outbox.counts.spilled, one.outbox.counts.lost) == (0, 4, 0)
    assert one.perform(conclude("c2")).intended
    assert ids(one.store) == ["c1:m", "c0:m", "c2:m"]


def test_what_comes_later_comes_behind(colour: str) -> None:
    """While anything is in memory, nothing overtakes it; an operation tries to write it, once in a while."""
    one = Setting(colour)
    one.store.failure = away()
    one.perform(conclude("c1"))
    one.store.failure = None
    asked = one.store.asked
    one.perform(conclude("c2"))
    assert (one.store.asked, one.outbox.spilled) == (asked, 2)
    one.clock.time += 1
    one.perform(conclude("c3"))
    assert ids(one.store) == ["c1:m", "c2:m", "c3:m"]
    assert one.outbox.spilled == 0


def test_an_outage_in_the_middle_of_writing(colour: str) -> None:
    """What was written is not written again, what was not is kept, and what is told of both fits."""
    one = Setting(colour)
    one.store.failure = away()
    for number in range(4):
        one.perform(conclude(f"c{number}"))
    one.store.failure = None
    performed = one.store.perform

    def second_fails(operation: Any) -> Any:
        if operation.call == "c2":
            raise away()
        return performed(operation)

    one.store.perform = second_fails  # type: ignore[method-assign]
    one.asked.recover()
    one.store.perform = performed  # type: ignore[method-assign]
    assert one.outbox.spilled == 2
    assert states(one.outbox) == {"queued": 4}
    one.asked.recover()
    assert ids(one.store) == [f"c{number}:m" for number in range(4)]


def test_the_limit(colour: str) -> None:
    """With so many in memory no call begins any more; what has ended is kept all the same."""
    one = Setting(colour, spill_limit=2)
    one.store.failure = away()
    one.perform(intend("c1"))
    one.perform(intend("c2"))
    with pytest.raises(BillingError, match="2 calls wait in memory"):
        one.perform(intend("c3"))
    for call in ("c1", "c2", "c4", "c5"):
        assert one.perform(conclude(call)).fresh
    assert (one.outbox.spilled, one.outbox.counts.refused) == (4, 1)
    one.store.failure = None
    one.asked.recover()
    assert one.perform(intend("c3")) is True
    assert len(ids(one.store)) == 5


def test_what_is_owed_and_counted_in_memory(colour: str) -> None:
    """What is in memory is owed and counted with what is in the store."""
    one = Setting(colour)
    one.perform(conclude("c1"))
    one.store.failure = away()
    one.perform(conclude("c2"))
    one.perform(intend("c3"))
    one.perform(Intend("c3", "sub", "{}", 5, 2 * USD))
    with pytest.raises(StoreUnavailableError):
        one.perform(Count())
    one.store.failure = None
    assert one.perform(Owing("sub", 0))[1:] == (2 * USD, 0, 2 * USD)
    assert states(one.outbox) == {"queued": 2, "intent": 1}
    assert one.outbox.spilled == 2
    assert one.perform(Count()).oldest == 5


def test_who_sends_is_told(colour: str) -> None:
    """Senders and people get the store's error: they have nothing to lose."""
    one = Setting(colour)
    one.store.failure = away()
    for operation in (Take("a", 1, 1), Mark(), Amend(()), Count()):
        with pytest.raises(StoreUnavailableError):
            one.perform(operation)
    assert one.outbox.spilled == 0


def test_what_no_store_keeps(colour: str) -> None:
    """What could never be written is not kept, but told to whoever asks for it, by whatever policy."""
    for policy in ("spill", "block", "raise"):
        one = Setting(colour, when_full=policy)
        with pytest.raises(StoreError, match="255"):
            one.perform(Conclude("a/b"))
        assert (one.outbox.spilled, one.clock.slept) == (0, [])


def test_raise(colour: str) -> None:
    """At once: the call is not made; one that has ended raises, is counted as lost, and told each time."""
    one = Setting(colour, when_full="raise")
    one.store.failure = away()
    with pytest.raises(BillingError, match="the call was not made") as caught:
        one.perform(intend("c1"))
    assert isinstance(caught.value.__cause__, StoreUnavailableError)
    for _ in range(2):
        with pytest.raises(BillingError, match="what c1 is billed for"):
            one.perform(conclude("c1"))
    assert [event.kept for event in one.told] == ["nowhere"] * 2
    assert (one.outbox.counts.refused, one.outbox.counts.lost, one.clock.slept) == (1, 2, [])


@pytest.mark.parametrize("policy", ["block", "raise"])
def test_an_end_with_nothing_to_bill(colour: str, policy: Any) -> None:
    """It is told by its error, and not waited for; nothing is lost with it, as its intent ends by itself."""
    one = Setting(colour, when_full=policy)
    one.store.failure = away()
    with pytest.raises(BillingError, match="c1 is open"):
        one.perform(Conclude("c1"))
    assert (one.outbox.counts.lost, one.told, one.clock.slept) == (0, [], [])


def test_why_calls_are_not_let_go_out(colour: str) -> None:
    """It is known until the next one is."""
    one = Setting(colour, when_full="raise")
    one.store.failure = away()
    with pytest.raises(BillingError):
        one.perform(intend("c1"))
    assert "no room" in one.outbox.refusing
    one.store.failure = None
    one.perform(Count())
    assert one.outbox.refusing
    one.perform(intend("c1"))
    assert not one.outbox.refusing


def test_block(colour: str) -> None:
    """It waits until the outbox can be written, and no longer than it was told to."""
    one = Setting(colour, when_full="block", block_seconds=3.0)
    one.store.failure = away()
    with pytest.raises(BillingError, match="not made"):
        one.perform(intend("c1"))
    assert sum(one.clock.slept) == pytest.approx(3.0)
    one.clock.slept.clear()

    def passes() -> None:
        if len(one.clock.slept) == 2:
            one.store.failure = None

    one.clock.at_sleep = passes
    assert one.perform(conclude("c1")).fresh == ("c1:m",)
    assert (len(one.clock.slept), one.outbox.counts.lost) == (2, 0)


def test_what_does_not_pass(colour: str) -> None:
    """A failure that will not pass lets no call begin, and nothing waits for it; what has ended is kept."""
    for policy in ("spill", "block"):
        one = Setting(colour, when_full=policy)
        one.store.failure = StoreError("written by a later version")
        with pytest.raises(BillingError, match="later version"):
            one.perform(intend("c1"))
        assert one.clock.slept == []
    one = Setting(colour)
    one.store.failure = StoreError("written by a later version")
    assert one.perform(conclude("c1")).fresh == ("c1:m",)


def test_ending_writes_what_it_can(colour: str) -> None:
    """Whoever closes the outbox writes first what is in memory."""
    one = Setting(colour)
    one.store.failure = away()
    one.perform(conclude("c1"))
    one.store.failure = None
    one.outbox.close()
    assert ids(one.store) == ["c1:m"]


def test_closing_awaited(tmp_path: Path) -> None:
    """The same, awaited, with a store that has a thread of its own."""
    told: list[Any] = []

    async def run() -> None:
        outbox = Outbox(SQLiteStore(tmp_path / "o.db"), told.append)
        outbox.store.busy = True
        await outbox.aperform(conclude("c1"))
        await outbox.aclose()

    asyncio.run(run())
    assert (ids(SQLiteStore(tmp_path / "o.db")), told) == (["c1:m"], [])


def test_after_a_fork() -> None:
    """What is in memory is the parent's to write: a child has none of it."""
    one = Setting("sync")
    one.store.failure = away()
    one.perform(conclude("c1"))
    one.outbox.forget()
    assert one.outbox.spilled == 0
    one.store.failure = None
    assert one.perform(conclude("c2")).fresh
    assert ids(one.store) == ["c2:m"]


def test_threads_spill_and_recover() -> None:
    """Threads that conclude while the store comes and goes lose nothing, and bill nothing twice."""
    one = Setting("sync")
    stop = threading.Event()

    def flicker() -> None:
        while not stop.is_set():
            one.store.failure = None if one.store.failure else away()
            one.outbox.recover()

    def work(thread: int) -> None:
        for number in range(200):
            one.outbox.perform(intend(f"t{thread}n{number}"))
            one.outbox.perform(conclude(f"t{thread}n{number}"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    breaking = threading.Thread(target=flicker)
    for thread in (breaking, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    breaking.join()
    one.store.failure = None
    one.outbox.recover()
    assert one.outbox.spilled == 0
    assert states(one.outbox) == {"queued": 800}


# --- real disks -------------------------------------------------------------------------------


def _limited(path: Path, pages: int) -> SQLiteStore:
    """A store whose file may have no more pages than it has now, and so many."""
    store = SQLiteStore(path)
    store.perform(Count())
    store.perform(intend("first"))
    connection = store._seat._connection
    assert connection is not None
    (now,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={now + pages}")
    return store


def test_a_full_disk(tmp_path: Path) -> None:
    """Where there is no room nothing is half written; what is kept is written once there is room again."""
    told: list[Any] = []
    store = _limited(tmp_path / "o.db", 2)
    outbox = Outbox(store, told.append)
    for number in range(200):
        outbox.perform(conclude(f"c{number}"))
    assert outbox.spilled > 0
    assert "no room" in told[0].reason
    assert states(outbox) == {"intent": 1, "queued": 200}
    there = len(ids(store)) - 1
    assert (there + outbox.spilled, sound(tmp_path / "o.db")) == (200, True)
    store._seat._connection.execute("PRAGMA max_page_count=1000000")  # type: ignore[union-attr]
    outbox.recover()
    assert ids(outbox) == ["first", *(f"c{number}:m" for number in range(200))]
    outbox.close()


def _ran(program: str, *arguments: str) -> list[str]:
    """What another process prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


_FILE_LIMIT = """
import resource, signal, sys
from llmkit.stores import SQLiteStore
from llmkit.errors import StoreUnavailableError
from llmkit._outbox import Bill, Conclude, Count

def conclude(number):
    bill = Bill(f"c{number}:m", f"c{number}", "queued", "s", "m", 5, "{}", "y" * 2000)
    store.perform(Conclude(f"c{number}", (bill,)))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SQLiteStore(sys.argv[1])
store.perform(Count())
resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, resource.RLIM_INFINITY))
written = 0
try:
    for number in range(1000):
        conclude(number)
        written += 1
except StoreUnavailableError as error:
    print("failed", written)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.perform(Count()).states == {"queued": written}, (written, store.perform(Count()))
conclude(5000)
print("again", store.perform(Count()).states["queued"] - written)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are POSIX's")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """The system's limit of a file's size is a StoreUnavailableError, leaves nothing half written, and passes."""
    path = tmp_path / "o.db"
    failed, again = _ran(_FILE_LIMIT, str(path))
    assert failed.startswith("failed ")
    assert int(failed.split()[1]) > 5
    assert (again, sound(path)) == ("again 1", True)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody who has the file, and writes."""
    SQLiteStore(tmp_path / "o.db").perform(Count())
    connection = sqlite3.connect(tmp_path / "o.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def test_a_file_that_another_keeps(tmp_path: Path, locked: sqlite3.Connection) -> None:
    """Calls go on while another process keeps the file, and wait for it once; then all is written."""
    told: list[Any] = []
    store = SQLiteStore(tmp_path / "o.db", busy_timeout=0.1)
    outbox = Outbox(store, told.append)
    for number in range(50):
        outbox.perform(intend(f"c{number}"))
        outbox.perform(conclude(f"c{number}"))
    assert outbox.spilled == 50
    assert [event.kept for event in told] == ["memory"]
    locked.execute("ROLLBACK")
    outbox.recover()
    assert ids(store) == [f"c{number}:m" for number in range(50)]


def test_the_loop_is_not_held_up(tmp_path: Path, locked: sqlite3.Connection) -> None:
    """While the file is kept by another, whatever the policy, other tasks of the loop go on."""

    async def run(policy: Any) -> tuple[int, Any]:
        store = SQLiteStore(tmp_path / "o.db", busy_timeout=0.15)
        outbox = Outbox(store, lambda event: None, when_full=policy, block_seconds=0.2)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        task = asyncio.create_task(others())
        outcome = (await asyncio.gather(outbox.aperform(conclude("c1")), return_exceptions=True))[0]
        task.cancel()
        await store.aclose()
        return turns, outcome

    for policy, kind in (("spill", tuple), ("raise", BillingError), ("block", BillingError)):
        turns, outcome = asyncio.run(run(policy))
        assert isinstance(outcome, kind)
        assert turns > 30


_READ_ONLY = """
import os, sys, tempfile
from llmkit._io.stores import _sqlite_quarantine
from llmkit._outbox import Bill, Conclude, Count
from llmkit.billing._quarantine import Outbox
from llmkit.stores import SQLiteStore

with tempfile.TemporaryDirectory() as other:
    # All that is imported late is imported before the process may read less.
    warm = SQLiteStore(other + "/o.db")
    warm.perform(Count())
    warm.close()
place = tempfile.mkdtemp()
os.chmod(place, 0o500)
if os.geteuid() == 0:
    os.chown(place, 65534, -1)
    os.seteuid(65534)
told = []
outbox = Outbox(SQLiteStore(place + "/o.db"), told.append)
outbox.perform(Conclude("c1", (Bill("c1:m", "c1", "queued", "s", "m", 5, "{}"),)))
print(outbox.spilled, "cannot be opened" in told[0].reason)
os.chmod(place, 0o700)
outbox.recover()
print(outbox.spilled, outbox.perform(Count()).states)
outbox.close()
for name in os.listdir(place):
    os.unlink(place + "/" + name)
os.rmdir(place)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="modes of directories are POSIX's")
def test_a_directory_that_may_not_be_written() -> None:
    """A read-only directory is a passing failure, and works once it is not."""
    assert _ran(_READ_ONLY) == ["1 True", "0 {'queued': 1}"]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """A place that cannot be reached is kept for in memory until it can."""
    told: list[Any] = []
    outbox = Outbox(SQLiteStore(tmp_path / "mount" / "o.db"), told.append)
    outbox.perform(conclude("c1"))
    assert "does not exist" in told[0].reason
    (tmp_path / "mount").mkdir()
    outbox.recover()
    assert (ids(outbox.store), outbox.spilled) == (["c1:m"], 0)


def test_a_file_that_is_deleted_under_way(tmp_path: Path) -> None:
    """Whoever deletes the file deletes what is in it; the calls that come after are in a new one."""
    path = tmp_path / "o.db"
    outbox = Outbox(SQLiteStore(path), lambda event: None)
    outbox.perform(conclude("c1"))
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink()
    assert outbox.perform(conclude("c2")).fresh == ("c2:m",)
    assert (ids(outbox), sound(path)) == (["c2:m"], True)
    outbox.close()


def test_memory_is_in_the_middle_of_something() -> None:
    """A signal's handler that ends a call in the middle of another operation is not lost."""
    store = MemoryStore()
    outbox = Outbox(store, lambda event: None)
    store._busy = True
    assert outbox.perform(conclude("c1")).fresh == ("c1:m",)
    store._busy = False
    outbox.recover()
    assert ids(store) == ["c1:m"]
    assert outbox.perform(Conclude("c2", (bill("c2:m"),))).fresh == ("c2:m",)


def test_a_handler_in_the_middle_of_what_memory_keeps() -> None:
    """A signal's handler ends a call, or closes, in the middle of keeping another: nobody waits, both are kept."""
    one = Setting("sync")
    one.store.failure = away()
    spill = one.outbox._spill
    real = spill._intents

    class Interrupting(dict[str, int]):
        def pop(self, *given: Any) -> Any:
            spill._intents = real
            one.outbox.close()
            assert one.outbox.perform(conclude("within")).fresh == ("within:m",)
            return real.pop(*given)

    spill._intents = Interrupting()
    done = threading.Thread(target=one.outbox.perform, args=(conclude("c1"),), daemon=True)
    done.start()
    done.join(5)
    assert not done.is_alive()
    assert one.outbox.spilled == 2
    one.store.failure = None
    one.outbox.recover()
    assert sorted(ids(one.store)) == ["c1:m", "within:m"]
