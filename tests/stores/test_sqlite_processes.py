"""Processes that share a SQLite file: they make it together, wait for each other, and die at any time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from llmkit._io.stores.sqlite import SQLiteStore
from llmkit._operations import Audit, Balances, Claim, ReadEntries, Window

from ._subject import money

FULL = bool(os.environ.get("LLMKIT_FULL"))
PROCESSES, TASKS, EACH = (8, 50, 20) if FULL else (4, 10, 5)
WHOLE = re.compile(r"\d-\d+-\d+")

WORKER = """
import asyncio, sys
from decimal import Decimal
from llmkit._operations import Claim, Reserve, Reserved, SettleHold, Window
from llmkit.stores import SQLiteStore
path, me, tasks, each, limit = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
store = SQLiteStore(path)
async def task(number):
    for turn in range(each):
        hold = f"{me}-{number}-{turn}"
        claim = Claim("usd", Window(), Decimal(2), Decimal(limit))
        if type(await store.aperform(Reserve(hold, (claim,), 10**9, Decimal(2)))) is Reserved:
            await store.aperform(SettleHold(hold, "settle", (Decimal(1),), Decimal(1)))
            print(hold, flush=True)
async def main():
    await asyncio.gather(*(task(number) for number in range(tasks)))
asyncio.run(main())
store.close()
"""


def workers(path: Path, *, each: int, limit: int) -> list[subprocess.Popen[str]]:
    """So many processes, each with tasks that hold two and settle one, under one limit."""
    start = [sys.executable, "-W", "error", "-c", WORKER, str(path)]
    return [
        subprocess.Popen(
            [*start, str(me), str(TASKS), str(each), str(limit)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for me in range(PROCESSES)
    ]


def test_no_process_starves_and_none_overspends(path: Path) -> None:
    """All begin with no file at all, and all get their turns; what they settled is what was spent, to the limit."""
    limit = PROCESSES * TASKS * EACH - 3
    running = workers(path, each=EACH, limit=limit)
    told = [process.communicate(timeout=100) for process in running]
    assert [(process.returncode, err) for process, (_, err) in zip(running, told, strict=True)] == [
        (0, "")
    ] * PROCESSES
    settled = [line for out, _ in told for line in out.splitlines()]
    with closing(SQLiteStore(path)) as store:
        audit = store.perform(Audit())
        (usd,) = store.perform(Balances((Claim("usd", Window(), money(0)),))).lines
        # Nobody is let in for the last dollar, since each asks for two.
        assert limit - 1 - 2 * PROCESSES * TASKS <= usd.spent == len(settled) <= limit - 1
        assert (audit.entries, audit.holds, audit.differences) == (len(settled), 0, ())


def test_what_was_answered_survives_the_death_of_who_asked(path: Path) -> None:
    """With the durability of a crash: killed in the middle, a process loses nothing that it was told."""
    running = workers(path, each=10**6, limit=10**9)
    told = []
    for process in running:
        assert process.stdout is not None
        told += [process.stdout.readline().strip() for _ in range(20)]
        process.kill()
    for process in running:
        out, _ = process.communicate(timeout=30)
        # What ``readline`` had read ahead is lost, so that the first may be a piece of a line, as the last may be.
        told += [line for line in out.splitlines()[:-1] if WHOLE.fullmatch(line)]
    with closing(SQLiteStore(path)) as store:
        entered = set()
        number = 0
        while page := store.perform(ReadEntries(after=number)):
            number = page[-1].number
            entered |= {entry.id for entry in page}
        audit = store.perform(Audit())
        assert set(told) <= entered
        assert audit.differences == ()
        # Each task of each process held one thing at most when it was killed.
        assert audit.holds <= PROCESSES * TASKS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "llmkit.db"
