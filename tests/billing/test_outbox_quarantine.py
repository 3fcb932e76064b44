"""A damaged outbox: it is moved aside once, what can be read of it is saved, and calls go on."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmkit._billing_events import OutboxQuarantined
from llmkit._io.stores import _sqlite_quarantine
from llmkit._io.stores._sqlite_quarantine import quarantined, saved
from llmkit._outbox import Mark, Marked, ReadBills, Take
from llmkit.billing._quarantine import Outbox
from llmkit.errors import BillingError, StoreError
from llmkit.stores import MemoryStore, SQLiteStore

from ._outboxes import conclude, filled, ids, intend, sound, states

PAGE = 4096


def _written(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def header(path: Path) -> None:
    """Its first page is something else."""
    _written(path, 0, b"garbage!" * 12)


def cut(path: Path) -> None:
    """It ends in the middle of a page."""
    os.truncate(path, path.stat().st_size // 2 + 77)


def flipped(path: Path) -> None:
    """Some pages in its middle are noise."""
    for page in range(8):
        _written(path, path.stat().st_size // 2 // PAGE * PAGE + page * PAGE, b"\xa7" * PAGE)


def zeros(path: Path) -> None:
    """It is as long as it was, and has nothing in it."""
    path.write_bytes(bytes(path.stat().st_size))


def text(path: Path) -> None:
    """It is another file."""
    path.write_text("this is no database\n" * 500, encoding="utf-8")


DAMAGES = [header, cut, flipped, zeros, text]


def opened(path: Path, **options: Any) -> tuple[Outbox, list[Any]]:
    """An outbox over this file, and what it tells."""
    told: list[Any] = []
    return Outbox(SQLiteStore(path), told.append, **options), told


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("colour", ["sync", "async"])
def test_calls_go_on(tmp_path: Path, damage: Callable[[Path], None], colour: str) -> None:
    """Whatever the damage, a call ends as if nothing were; the file lies beside, and it is told where, and why."""
    path = tmp_path / "o.db"
    filled(path)
    damage(path)
    outbox, told = opened(path)
    if colour == "sync":
        assert outbox.perform(conclude("new")).fresh == ("new:m",)
    else:
        assert asyncio.run(outbox.aperform(conclude("new"))).fresh == ("new:m",)
    (event,) = told
    assert isinstance(event, OutboxQuarantined)
    assert Path(event.path).exists()
    assert Path(event.path).name.startswith("o.db.damaged-")
    assert (outbox.counts.quarantined, outbox.spilled) == (1, 0)
    assert "new:m" in ids(outbox)
    assert outbox.perform(intend("newer")) is True
    outbox.close()
    assert sound(path)


def test_what_is_saved(tmp_path: Path) -> None:
    """Of a file with noise in its middle nearly all is saved, in order, each bill with its id and its very text."""
    path = tmp_path / "o.db"
    filled(path, 300)
    store = SQLiteStore(path)
    store.perform(Mark((Marked("c280:m", "delivered"), Marked("c299:m", "dead", "bad"))))
    before = {one.id: one for one in store.perform(ReadBills())}
    store.close()
    flipped(path)
    outbox, (*_,) = opened(path)
    outbox.perform(Take("a", 1, 1000))
    after = outbox.perform(ReadBills())
    assert len(after) > 200
    for one in outbox.perform(ReadBills(("queued", "delivered", "dead"))):
        was = before[one.id]
        assert (one.body, one.at, one.facts, one.usd) == (was.body, was.at, was.facts, was.usd)
        assert (one.state, one.reason) == (was.state, was.reason)
    numbers = [int(one.id[1:-2]) for one in after if one.state == "queued"]
    assert numbers == sorted(numbers)
    assert states(outbox)["delivered"] == 1
    outbox.close()


def test_what_is_saved_of_a_file_that_was_cut_off(tmp_path: Path) -> None:
    """SQLite reads nothing of it; the pages that are there are read all the same."""
    path = tmp_path / "o.db"
    filled(path, 300)
    os.truncate(path, path.stat().st_size * 9 // 10)
    outbox, (*_,) = opened(path)
    outbox.perform(conclude("new"))
    assert states(outbox)["queued"] > 50
    assert sorted(one.name for one in tmp_path.iterdir() if "whole" in one.name) == []
    outbox.close()


def test_noise_is_not_billed(tmp_path: Path) -> None:
    """A row whose text is not what it was is left where it is: it is not sent."""
    path = tmp_path / "o.db"
    store = SQLiteStore(path)
    store.perform(conclude("c1"))
    store.perform(conclude("c2"))
    store.perform(conclude("c3"))
    store.perform(intend("c4"))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE llmkit_bill SET body = '{\"transaction_id\":\"c2' WHERE id = 'c1:m'")
    connection.execute("UPDATE llmkit_bill SET units = 'x' WHERE id = 'c2:m'")
    connection.execute("UPDATE llmkit_bill SET id = 'a/b' WHERE id = 'c4'")
    connection.execute("INSERT INTO llmkit_schema SELECT 2, 2 WHERE 0")
    connection.close()
    store.close()
    other = MemoryStore()
    found = quarantined(str(path), other.perform, store.close, sure=True)
    assert found is not None
    assert (found.saved, ids(other)) == (1, ["c3:m"])


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    """An empty file is no damage: there is nothing in it to be saved."""
    path = tmp_path / "o.db"
    path.touch()
    outbox, told = opened(path)
    assert outbox.perform(conclude("c1")).fresh
    assert told == []
    outbox.close()


def test_a_torn_log(tmp_path: Path) -> None:
    """A write-ahead log that was torn in the middle ends there: what is before it is kept, and calls go on."""
    path, torn = tmp_path / "o.db", tmp_path / "torn.db"
    store = SQLiteStore(path)
    for number in range(60):
        store.perform(conclude(f"c{number}"))
    torn.write_bytes(path.read_bytes())
    log = path.with_name("o.db-wal").read_bytes()
    torn.with_name("torn.db-wal").write_bytes(log[: len(log) * 9 // 10] + b"\xa7" * 3000)
    store.close()
    outbox, told = opened(torn)
    assert outbox.perform(conclude("new")).fresh == ("new:m",)
    there = ids(outbox)
    assert there == [*(f"c{number}:m" for number in range(len(there) - 1)), "new:m"]
    assert 20 < len(there) < 60
    assert told == []
    outbox.close()


def test_a_file_of_a_later_version(tmp_path: Path) -> None:
    """It is not damaged, and is left where it is: no call begins, and it says why."""
    path = tmp_path / "o.db"
    filled(path, 3)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("INSERT INTO llmkit_schema VALUES (99, 1)")
    connection.close()
    outbox, told = opened(path)
    with pytest.raises(BillingError, match="later version"):
        outbox.perform(intend("c9"))
    with pytest.raises(StoreError, match="later version"):
        quarantined(str(path), outbox.store.perform, outbox.store.close, sure=True)
    assert (told, sorted(one.name for one in tmp_path.iterdir() if "damaged" in one.name)) == (
        [],
        [],
    )
    outbox.close()


def test_a_file_that_may_not_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where moving fails, it is an outbox that cannot be written: what has ended is kept in memory."""
    path = tmp_path / "o.db"
    filled(path)
    header(path)

    def refuses(path: str) -> str:
        raise PermissionError(path)

    monkeypatch.setattr(_sqlite_quarantine, "_moved", refuses)
    outbox, (*_,) = opened(path)
    assert outbox.perform(conclude("c1")).fresh
    assert (outbox.spilled, outbox.counts.quarantined) == (1, 0)
    monkeypatch.undo()
    outbox.recover()
    assert (outbox.spilled, outbox.counts.quarantined) == (0, 1)
    outbox.close()


def test_a_file_that_is_not_to_be_moved(tmp_path: Path) -> None:
    """A store that somebody else gave may have more in its file: it is left where it is."""
    path = tmp_path / "o.db"
    filled(path)
    header(path)
    outbox, told = opened(path, quarantine=False)
    outbox.perform(conclude("c1"))
    assert [event.kept for event in told] == ["memory"]
    outbox.close()


def test_damage_that_is_seen_later(tmp_path: Path) -> None:
    """Also who has the file open goes on with a new one, and what was in memory comes behind what was saved."""
    path = tmp_path / "o.db"
    filled(path)
    outbox, told = opened(path)
    assert outbox.perform(conclude("before")).fresh
    outbox.store.close()
    flipped(path)
    for number in range(30):
        assert outbox.perform(conclude(f"new{number}")).fresh
    while outbox.perform(Take("a", 100, 1000)).bills:
        bills = outbox.perform(Take("a", 100, 1000)).bills
        outbox.perform(Mark(tuple(Marked(one.id, "delivered") for one in bills)))
    assert [type(event) for event in told] == [OutboxQuarantined]
    assert states(outbox)["delivered"] > 60
    outbox.close()


def test_saving_nothing_of_what_is_gone(tmp_path: Path) -> None:
    """Where another process has moved it already, nothing is moved again."""
    path = tmp_path / "o.db"
    assert quarantined(str(path), lambda op: None, lambda: None, sure=True) is None
    filled(path, 3)
    assert quarantined(str(path), lambda op: None, lambda: None, sure=False) is None
    assert len(list(saved(str(path)))) == 4


_WORKER = """
import json, sys
from llmkit.billing._quarantine import Outbox
from llmkit.stores import SQLiteStore
sys.path.insert(0, sys.argv[3])
from llmkit._outbox import Bill, Conclude
told = []
outbox = Outbox(SQLiteStore(sys.argv[1]), told.append)
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    call = f"p{sys.argv[2]}n{number}"
    body = json.dumps({"transaction_id": call + ":m"})
    outbox.perform(Conclude(call, (Bill(call + ":m", call, "queued", "s", "m", 5, body),)))
outbox.recover()
print(json.dumps([len(told), outbox.spilled]))
outbox.close()
"""


def test_many_processes_find_it_damaged(tmp_path: Path) -> None:
    """One of them moves it, all go on with the new one, and none loses a call."""
    path = tmp_path / "o.db"
    filled(path)
    flipped(path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _WORKER, str(path)]
    workers = [
        subprocess.Popen(
            [*command, str(number), str(tmp_path)], text=True, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for number in range(3)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    outcomes = [worker.communicate("\n") for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], outcomes
    told = [json.loads(out) for out, _ in outcomes]
    assert (sum(many for many, _ in told), {spilled for _, spilled in told}) == (1, {0})
    found = ids(SQLiteStore(path))
    new = {one for one in found if one.startswith("p")}
    assert new == {f"p{worker}n{number}:m" for worker in range(3) for number in range(40)}
    assert len(found) == len(set(found)) > 160
    assert sound(path)
    assert sum(one.startswith("c") for one in found) > 60
