"""Ctrl-C at every point of an operation: it was performed wholly, or not at all, and nothing is stuck."""

from __future__ import annotations

import gc
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit._operations import (
    Attribution,
    Audit,
    Charge,
    Claim,
    Post,
    Reserve,
    Reset,
    SettleHold,
    Sweep,
    Window,
    WriteRule,
)
from llmkit._settlements import Settle, Settlement
from llmkit.stores import MemoryStore, SQLiteStore

from ._interrupts import interrupted_at

SOURCE = (str(Path(llmkit.__file__).parent),)
FULL = bool(os.environ.get("LLMKIT_FULL"))
SAMPLE = 25
MINUTE = Window(width=1000)
WHOSE = Attribution(("global", "user=ann"), "acme", "one", "call")
ONE = Decimal(1)


def reserve(hold: str, lease: int = 10_000_000) -> Reserve:
    """Hold one of each of two accounts."""
    claims = (Claim("usd", MINUTE, ONE, Decimal(50)), Claim("all", Window(), ONE, None))
    return Reserve(hold, claims, lease, ONE, WHOSE)


BEGUN: Sequence[tuple[float, Any]] = (
    (1000, reserve("old")),
    (1000, SettleHold("old")),
    (1001, reserve("late", lease=1)),
    (1002, Sweep()),
    (1100, reserve("held")),
    (1100, reserve("short", lease=1)),
    (1100, Post("credit", (Charge("usd", MINUTE, ONE),), ONE, WHOSE)),
    (1100, WriteRule("global", "{}")),
)
"""What has happened by second 1300: the first buckets may be forgotten, one hold is overdue, one has expired."""

SCENARIOS: dict[str, Any] = {
    "reserve": reserve("new"),
    "refuse": Reserve("new", (Claim("usd", MINUTE, Decimal(51), Decimal(50)),), 1),
    "settle": SettleHold("held", "settle", (ONE, ONE), ONE, 3, 4),
    "correct": SettleHold("late", "settle", (Decimal(0), ONE), Decimal(0)),
    "sweep": Sweep(),
    "post": Post("bill", (Charge("usd", MINUTE, ONE), Charge("all", Window(), ONE)), ONE, WHOSE),
    "reset": Reset("clean", (("usd", MINUTE), ("all", Window()))),
    "rule": WriteRule("global", None),
    "call": Settle(Settlement("c1", "completed", "acme", "one", False, "yes", 1, 1.0, 2.0)),
    "audit": Audit(),
}


class Memory:
    """A store in memory, of which all is looked at."""

    def __init__(self, place: Path) -> None:
        self.seconds = 0.0
        self.store: Any = MemoryStore(clock=lambda: self.seconds, keep=3)

    def begin(self, first: Memory | None) -> None:
        """Do what has happened."""
        for self.seconds, operation in BEGUN:
            self.store.perform(operation)
        self.seconds = 1300

    def all(self) -> Any:
        """Every row, and what follows from the rows."""
        rows = self.store._rows
        counters = {name: dict(a.counters) for name, a in rows.accounts.items() if a.counters}
        for account in rows.accounts.values():
            assert account.buckets == sorted(account.counters)
            sums = [sum(c[i] for b, c in account.counters.items() if b >= 1240) for i in (0, 1)]
            assert list(account.used(1240)) == sums
        live = {(h.expires, h.id) for h in rows.holds.values() if not h.expired}
        assert live <= set(rows._leases)
        ledger = (list(rows.entries.items()), dict(rows.folded), dict(rows.dollars), rows.number)
        calls = self.store._settlements.settlements
        return counters, dict(rows.holds), ledger, dict(rows.usage), dict(rows.rules), calls

    def end(self) -> None:
        """Nothing is open."""


class SQLite:
    """A file, of which every table is looked at."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        self.seconds = 0.0
        self.path = place / "llmkit.db"
        self.store: Any = SQLiteStore(self.path, clock=lambda: self.seconds, busy_timeout=0.3)

    def begin(self, first: SQLite | None) -> None:
        """Do what has happened, or take it from where it has."""
        if first is not None:
            shutil.copy(first.path, self.path)
            self.store.perform(Sweep(0))
        else:
            for self.seconds, operation in BEGUN:
                self.store.perform(operation)
            self.store.close()
        self.seconds = 1300

    def all(self) -> Any:
        """Every row of every table; nobody has the file."""
        with closing(sqlite3.connect(self.path, timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            named = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
            names = [name for (name,) in other.execute(named)]
            return {name: other.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608

    def end(self) -> None:
        """Close it."""
        self.store.close()


STORES = {"memory": Memory, "sqlite": SQLite}


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """No store may be collected, and closed, where another is interrupted: what is raised there goes nowhere."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("kind", STORES)
def test_an_interrupted_operation_was_performed_wholly_or_not_at_all(
    kind: str, name: str, tmp_path: Path
) -> None:
    """Whatever the point, the rows are those of before or of after, and the operation can be performed again."""
    operation, make = SCENARIOS[name], STORES[kind]
    first, whole = make(tmp_path / "first"), make(tmp_path / "whole")
    first.begin(None)
    whole.begin(first)
    before = whole.all()
    with interrupted_at(10**9, SOURCE) as counting:
        whole.store.perform(operation)
    after = whole.all()
    assert counting.points > 5
    assert (before != after) == (name != "audit")
    for at in sampled(counting.points):
        subject = make(tmp_path / str(at))
        subject.begin(first)
        done = not interrupted(subject.store.perform, operation, at)
        found = subject.all()
        assert found in (before, after), at
        assert found == after or not done
        subject.store.perform(operation)
        assert name == "rule" or comparable(subject.all()) == comparable(after), at
        assert not subject.store.perform(Audit()).differences
        subject.end()
    whole.end()


def comparable(rows: Any) -> Any:
    """Rows without their times of being applied."""
    return {k: v for k, v in rows.items() if k != "llmkit_schema"} if type(rows) is dict else rows


def sampled(points: int) -> Sequence[int]:
    """Every point, or some of them with the first and the last."""
    every = range(1, points + 1)
    if FULL or points <= SAMPLE:
        return every
    return sorted({1, 2, points - 1, points, *random.sample(every, SAMPLE)})


def interrupted(perform: Callable[[Any], Any], operation: Any, at: int) -> bool:
    """Perform, and be interrupted, unless it is done before."""
    with suppress(KeyboardInterrupt), interrupted_at(at, SOURCE) as interruption:
        perform(operation)
    return bool(interruption.where)


@pytest.mark.parametrize("at", range(1, 60, 3))
def test_an_interrupt_while_the_file_is_opened_leaves_it_to_be_opened_again(
    at: int, tmp_path: Path
) -> None:
    """The tables are there wholly or not at all, and the store opens the file anew."""
    subject = SQLite(tmp_path / "new")
    with suppress(KeyboardInterrupt), interrupted_at(at, SOURCE):
        subject.store.perform(reserve("one"))
    subject.store.perform(reserve("two"))
    subject.all()
    assert not subject.store.perform(Audit()).differences
    subject.end()
