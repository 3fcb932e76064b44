"""The log of a SQLite file is moved beside those who write, and does not grow without end."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from llmkit._io.stores import _sqlite_log, _sqlite_seat
from llmkit._io.stores.sqlite import SQLiteStore
from llmkit._operations import Audit, SettleHold

from .test_sqlite_store import reserve, taken

ONE = Decimal(1)
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "llmkit.db"


@pytest.fixture(autouse=True)
def _little_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rows do."""
    monkeypatch.setattr(_sqlite_seat, "_MUCH", 40)
    monkeypatch.setattr(_sqlite_log, "_LONG", 30)


@pytest.fixture(params=["crash", "power"])
def store(path: Path, request: pytest.FixtureRequest) -> Iterator[SQLiteStore]:
    """An open store of either durability."""
    with closing(SQLiteStore(path, durability=request.param)) as store:
        yield store


def moving() -> list[threading.Thread]:
    """Who moves a log now."""
    return [thread for thread in threading.enumerate() if thread.name == "llmkit-sqlite-log"]


def write(store: SQLiteStore, numbers: range) -> None:
    """Hold and settle; who moves the log is waited for."""
    for number in numbers:
        store.perform(reserve(f"h{number}", 10**6))
        store.perform(SettleHold(f"h{number}", "settle", (ONE,), ONE))
        for thread in moving():
            thread.join(10)


def test_the_log_begins_anew(path: Path, store: SQLiteStore) -> None:
    """However much is written, it has a few pages; and all is there."""
    write(store, range(60))
    size = Path(f"{path}-wal").stat().st_size
    write(store, range(60, 180))
    assert Path(f"{path}-wal").stat().st_size == size < 120 * PAGE
    found = store.perform(Audit())
    assert (found.entries, found.holds, found.differences) == (180, 0, ())


def test_whoever_moves_it_holds_up_nobody(path: Path, store: SQLiteStore) -> None:
    """While another one keeps the file, the log is moved all the same, and begins anew later."""
    store.perform(reserve("first", 10**6))
    with taken(path) as other:
        store._log.much()
        for thread in moving():
            thread.join(10)
        assert not store._log._moving
        other.execute("COMMIT")
    write(store, range(40))
    assert store.perform(Audit()).entries == 40


def test_a_file_that_cannot_be_opened_is_somebody_elses_affair(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who moves the log says nothing: whoever writes is told."""
    write(store, range(3))

    def fails(connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(_sqlite_log, "_moved", fails)
    write(store, range(3, 40))
    assert not store._log._moving
    assert store.perform(Audit()).entries == 40


def test_where_no_thread_can_begin_nothing_fails(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the interpreter ends: SQLite's own limit is the last resort."""

    class Full(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading, "Thread", Full)
    write(store, range(40))
    assert not store._log._moving
    assert store._seat._connection is not None
    limit = store._seat._connection.execute("PRAGMA wal_autocheckpoint").fetchone()
    assert limit == (_sqlite_seat._CHECKPOINT,)


def test_closing_waits_for_who_moves_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed store has no file open, and no thread that uses one."""
    real, begun = _sqlite_log._moved, threading.Event()

    def slowly(connection: sqlite3.Connection) -> None:
        begun.set()
        time.sleep(0.05)
        real(connection)

    monkeypatch.setattr(_sqlite_log, "_moved", slowly)
    with closing(SQLiteStore(path)) as store:
        store.perform(reserve("a"))
        store._log.much()
        assert begun.wait(10)
    for thread in moving():
        thread.join(10)
    assert not Path(f"{path}-wal").exists()
    # Also where it had not begun when the store was closed.
    store._log.much()
    for thread in moving():
        thread.join(10)
    assert store._log._seat._connection is None
    assert not Path(f"{path}-wal").exists()
