"""What is SQLite's own in letting calls in: its tables do not grow, older files get them, who looks does not write."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from llmkit._io.stores import _sqlite_schema
from llmkit._operations import (
    Admit,
    Admitted,
    Audit,
    Candidate,
    Cool,
    Leave,
    Look,
    Quota,
    WriteRule,
)
from llmkit.stores import SQLiteStore
from llmkit.testing.store_conformance import SettableClock

DAY = 86_400_000


def admit(ticket: str, deployment: str = "d", *, lease: int = 60_000) -> Admit:
    """Of one deployment with one quota."""
    quota = Quota("tpm", 1000, 10**6, 1)
    return Admit(ticket, (Candidate(deployment, (quota,)),), lease)


def count(store: SQLiteStore, table: str) -> int:
    """Rows."""
    connection = sqlite3.connect(store.path)
    [[found]] = connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own name
    connection.close()
    return int(found)


def test_nothing_grows(tmp_path: Path) -> None:
    """Old buckets, expired tickets, and what was known of deployments a day ago, whichever they were."""
    clock = SettableClock()
    store = SQLiteStore(tmp_path / "llmkit.db", clock=clock)
    for number in range(300):
        clock.milliseconds += 2000
        store.perform(admit(f"t{number}", f"d{number}", lease=1 + number % 2 * 10**4))
        store.perform(Leave(f"nobody {number}"))
        store.perform(Cool(f"d{number}", 1000, "down"))
    assert count(store, "llmkit_taken") <= 61
    assert count(store, "llmkit_ticket") <= 5 + 30
    assert count(store, "llmkit_cooldown") == 300
    clock.milliseconds += DAY + 1000
    store.perform(Cool("d", 1000, "down"))
    assert count(store, "llmkit_ticket") == 0
    assert count(store, "llmkit_cooldown") == 1
    store.perform(Cool("d", 0, "", 0))
    assert count(store, "llmkit_cooldown") == 0
    store.close()


def test_an_older_file_gets_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in it stays."""
    with monkeypatch.context() as older:
        older.setattr(_sqlite_schema, "_SCRIPTS", _sqlite_schema._SCRIPTS[:1])
        older.setattr(_sqlite_schema, "VERSION", 1)
        store = SQLiteStore(tmp_path / "llmkit.db")
        store.perform(WriteRule("global", "{}"))
        store.close()
    store = SQLiteStore(tmp_path / "llmkit.db")
    assert isinstance(store.perform(admit("t1")), Admitted)
    assert store.perform(WriteRule("global", None)).rule.version == 2
    assert store.perform(Audit()).differences == ()
    store.close()


def test_looking_waits_for_nobody(tmp_path: Path) -> None:
    """Who only looks is answered while another writes; he writes only that something is over."""
    clock = SettableClock()
    store = SQLiteStore(tmp_path / "llmkit.db", clock=clock, busy_timeout=5)
    store.perform(admit("t1"))
    other: Any = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM llmkit_ticket")
    began = time.monotonic()
    assert store.perform(Look(("d",))).health[0].running == 1
    assert time.monotonic() < began + 2
    other.execute("ROLLBACK")
    other.close()
    clock.milliseconds += 60_000
    assert store.perform(Look(("d",))).health[0].running == 0
    assert count(store, "llmkit_ticket") == 0
    store.close()


def test_nobody_waits_for_the_disk_to_come_or_leave(tmp_path: Path) -> None:
    """With the durability of a power cut only money does; a fork and a close take all connections along."""
    store = SQLiteStore(tmp_path / "llmkit.db", durability="power")
    store.perform(WriteRule("global", "{}"))
    assert store.perform(admit("t1")).place == 0
    store.perform(Audit())
    modes = [
        seat._connection.execute("PRAGMA synchronous").fetchone()[0]
        for seat in (store._seat, store._aside, store._swift)  # type: ignore[union-attr]
    ]
    assert modes == [2, 2, 1]
    store.before_fork()
    assert not any(seat._connection for seat in store._seats)
    store.after_fork(child=False)
    assert store.perform(Leave("t1")) is True
    store.close()
    assert not any(seat._connection for seat in store._seats)
    assert len(SQLiteStore(tmp_path / "llmkit.db")._seats) == 3
