"""Processes that share a store and a catch-up file are killed at any instruction while the store comes and goes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

from llmkit._control.budget.outage import Outage
from llmkit._control.budget.owed import Owing
from llmkit._io._observe import Observers
from llmkit._io.stores.catch_up import CatchUp
from llmkit._io.sync import SyncDriver
from llmkit._operations import Audit, Balance, Balances, Claim, ReadEntries, Sweep, Window
from llmkit.stores import SQLiteStore

from ._killed import ACCOUNT, BOUND

ROOT = Path(__file__).parents[2]
FULL = bool(os.environ.get("LLMKIT_FULL"))
SECONDS, PROCESSES = (120.0, 8) if FULL else (3.0, 3)
KILLS, DONE = (100 if FULL else 2), 20
ZERO = Decimal(0)
LATER = 100_000.0


def _start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.budget._killed", str(folder), name]
    return subprocess.Popen(command, cwd=ROOT)


def _torment(folder: Path, seed: int) -> int:
    """Kill processes and start others, let the store come and go; how many were killed.

    As long as it takes: on a busy machine a process is slow to begin, and one that has not is no use to kill.
    """
    chance, begun = random.Random(seed), time.monotonic()
    names = [f"p{number}" for number in range(PROCESSES)]
    running = [_start(folder, name) for name in names]
    killed = 0
    try:
        while time.monotonic() < begun + SECONDS or not _enough(folder, killed):
            assert time.monotonic() < begun + SECONDS + 120, "too slow"
            time.sleep(chance.uniform(0.05, 0.4 if FULL else 0.9))
            if chance.random() < 0.5:
                (folder / "down").touch()
            else:
                (folder / "down").unlink(missing_ok=True)
            which = chance.randrange(PROCESSES)
            assert running[which].poll() is None, "a process failed by itself"
            if not _said(folder, f"begin {names[which]}-"):
                continue
            running[which].kill()
            running[which].wait()
            killed += 1
            names[which] = f"q{killed}"
            running[which] = _start(folder, names[which])
    finally:
        for process in running:
            process.kill()
            process.wait()
    (folder / "down").unlink(missing_ok=True)
    return killed


def _enough(folder: Path, killed: int) -> bool:
    return killed >= KILLS and _said(folder, "done ") > DONE


def _said(folder: Path, what: str) -> int:
    """How many lines of the log begin so."""
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return sum(line.startswith(what) for line in lines)


def test_nothing_is_lost_or_counted_twice_however_processes_die(tmp_path: Path) -> None:
    """What a process had settled counts at what it cost; what it had begun, at that, at its bound, or not at all."""
    assert _torment(tmp_path, 7) >= KILLS
    store = SQLiteStore(tmp_path / "store.db", clock=lambda: time.time() + LATER)
    disk = CatchUp(tmp_path / "catch-up.db", clock=lambda: time.time() + LATER)
    outage = Outage(store, catch_up=disk, clock=time.monotonic)
    SyncDriver(None, Observers(()), None).run(outage.catch_up())  # type: ignore[arg-type]
    while store.perform(Sweep()):
        continue
    found = _entries(store)
    begun, done = _log(tmp_path / "log")
    assert len(done) > DONE
    assert {hold: found.get(hold, ZERO) for hold in done} == done
    assert set(found) <= begun
    dead = {usd for hold, usd in found.items() if hold not in done}
    assert all(usd <= BOUND for usd in dead)
    audited = store.perform(Audit())
    assert (audited.holds, audited.differences) == (0, ())
    claim = Claim(ACCOUNT, Window(), ZERO)
    balance: Balance = store.perform(Balances((claim,)))
    assert balance.lines[0].used == balance.lines[0].spent == sum(found.values(), ZERO)
    assert disk.perform(Owing()) == (0, ZERO)
    store.close()


def _entries(store: SQLiteStore) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    after = 0
    while entries := store.perform(ReadEntries(after)):
        for entry in entries:
            hold = entry.id.partition("/")[0]
            found[hold] = found.get(hold, ZERO) + entry.usd
        after = entries[-1].number
    return found


def _log(path: Path) -> tuple[set[str], dict[str, Decimal]]:
    begun, done = set(), {}
    for line in path.read_text().splitlines():
        what, hold, *usd = line.split()
        if what == "begin":
            begun.add(hold)
        else:
            done[hold] = Decimal(usd[0])
    return begun, done
