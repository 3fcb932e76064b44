"""A new file that several open at the same time: each has it, none is refused."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from llmkit._entries import Keep
from llmkit._io.stores._sqlite_wal import write_ahead
from llmkit._operations import ReadRules
from llmkit.cache import SQLiteEntries
from llmkit.proxy.data.database import Database
from llmkit.stores import SQLiteStore
from llmkit.telemetry import _sqlite

TIMES = 60
MANY = 3


def gateways(path: Path) -> None:
    """The gateway's database, as its workers make it."""
    made = Database(f"sqlite:///{path}")
    try:
        made.migrate()
    finally:
        made.close()


def caches(path: Path) -> None:
    """A cache."""
    made = SQLiteEntries(path)
    try:
        made.perform(Keep("key", b"data", 60.0))
    finally:
        made.close()


def logs(path: Path) -> None:
    """A log of calls."""
    _sqlite._opened(path, fsync=False).close()


def ledgers(path: Path) -> None:
    """A store of budgets."""
    made = SQLiteStore(path)
    try:
        made.perform(ReadRules())
    finally:
        made.close()


@pytest.mark.parametrize("opened", [gateways, caches, logs, ledgers])
def test_nobody_is_refused(tmp_path: Path, opened: Callable[[Path], None]) -> None:
    """Two who change a file's mode refuse each other at once, whatever they would wait."""
    failures: list[BaseException] = []
    together = threading.Barrier(MANY)

    def open_all() -> None:
        for number in range(TIMES):
            together.wait(60)
            try:
                opened(tmp_path / f"{number}.db")
            except Exception as error:  # noqa: BLE001 - it is looked at below
                failures.append(error)

    threads = [threading.Thread(target=open_all) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_who_has_the_file_is_waited_for(tmp_path: Path) -> None:
    """As long as was said; any other failure is no matter of waiting."""
    path = tmp_path / "file.db"
    first, second = (
        sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        for _ in range(2)
    )
    first.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(second, 0.0)
    leaving = threading.Timer(0.05, first.execute, ["ROLLBACK"])
    leaving.start()
    assert write_ahead(second, 30.0) == "wal"
    leaving.join()
    first.close()
    second.close()
    with pytest.raises(sqlite3.ProgrammingError):
        write_ahead(second, 30.0)
