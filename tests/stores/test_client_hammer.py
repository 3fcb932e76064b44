"""Clients of many processes under one budget, killed at any moment: no call goes out that there was no room for."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from llmkit._operations import Audit, Entry, Sweep
from llmkit._settlements import Settlements
from llmkit.stores import SQLiteStore
from llmkit.testing import Simulator

from ._hammering import SOURCE, Started, everything

LONG = float(os.environ.get("LLMKIT_HAMMER") or 0)  # seconds, and the whole machine
PROCESSES, TASKS, SECONDS = (8, 20, LONG) if LONG else (3, 5, 4.0)
PROGRAM = Path(__file__).with_name("client_hammer.py")
BOUND = Decimal("0.00013875")
LIMIT = (250 if LONG else 60) * BOUND
EVER = LIMIT * int(SECONDS / 4)
PARALLEL = 60 if LONG else 12
LEASE = 1.5
# What is used whenever something more is held, of each account's window; by SQLite itself.
WITNESS = """
CREATE TABLE witness (account TEXT, used REAL);
CREATE TRIGGER seen BEFORE INSERT ON llmkit_counter
WHEN CAST(NEW.held AS REAL) > coalesce((
    SELECT CAST(held AS REAL) FROM llmkit_counter WHERE account = NEW.account AND bucket = NEW.bucket), 0) + 1e-12
BEGIN
    INSERT INTO witness SELECT NEW.account, CAST(NEW.spent AS REAL) + CAST(NEW.held AS REAL)
        + coalesce((SELECT sum(CAST(spent AS REAL) + CAST(held AS REAL)) FROM llmkit_counter
        WHERE account = NEW.account AND bucket >= NEW.bucket - 60 AND bucket <> NEW.bucket), 0);
END;
"""


def started(folder: Path, number: int, base_url: str) -> Started:
    """A worker; every other one is async."""
    log = folder / f"worker-{number}.log"
    spec = {
        "at": str(folder / "llmkit.db"), "stop": str(folder / "stop"), "log": str(log), "worker": f"w{number}",
        "tasks": TASKS, "colour": ("sync", "async")[number % 2], "limit": str(LIMIT), "ever": str(EVER),
        "parallel": PARALLEL, "base_url": base_url,
    }  # fmt: skip
    with (folder / f"worker-{number}.err").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), json.dumps(spec)],
            env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdin=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
    return Started(process, log)


def said(folder: Path) -> dict[str, list[str]]:
    """What all workers were told, by the word."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.glob("worker-*.log")):
        for line in path.read_text().splitlines():
            _, word, rest = line.split(" ", 2)
            found[word].append(rest)
    return found


def errors(folder: Path) -> str:
    """What workers have said before they ended."""
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.glob("*.err")))


def hammer(folder: Path, base_url: str) -> None:
    """Work, die, be replaced, until there is something to judge."""
    dice = random.Random(1)
    workers = [started(folder, number, base_url) for number in range(PROCESSES)]
    number, began = PROCESSES, time.monotonic()
    try:
        while time.monotonic() < began + SECONDS or len(said(folder)["refused"]) < 50:
            assert time.monotonic() < began + SECONDS + 90, errors(folder)
            time.sleep(dice.uniform(0.1, 0.6))
            position = dice.randrange(PROCESSES)
            if workers[position].has_begun():
                workers[position].kill()
                workers[position] = started(folder, number, base_url)
                number += 1
        (folder / "stop").touch()
        for worker in workers:
            assert worker.process.wait(60) == 0, errors(folder)
    finally:
        for worker in workers:
            worker.kill()


def test_clients_are_killed(tmp_path: Path) -> None:
    """Each answer that was told is in the ledger at its cost; all that was billed is, and nothing above the limit."""
    store = SQLiteStore(tmp_path / "llmkit.db")
    store.perform(Sweep())
    connection = sqlite3.connect(tmp_path / "llmkit.db")
    connection.executescript(WITNESS)
    with Simulator() as simulator:
        hammer(tmp_path, simulator.base_url)
        time.sleep(LEASE)
        requests = len(simulator.requests)
    while store.perform(Sweep()):
        pass
    most = dict(connection.execute("SELECT account, max(used) FROM witness GROUP BY account"))
    connection.close()
    audit, entries, told = store.perform(Audit()), everything(store), said(tmp_path)
    settlements = {one.call_id: one for one in store.perform(Settlements(10**9))}
    store.close()
    assert (audit.differences, audit.holds) == ((), 0)
    assert_within(most)
    assert_kept(entries, told["done"])
    # How a call ended is recorded with the end of its hold.
    ended = {entry.hold.rpartition("-")[0] for entry in entries if entry.kind == "settle"}
    assert ended == {id_ for id_, one in settlements.items() if one.outcome == "completed"}
    assert {line.split(" ")[0] for line in told["done"]} <= ended
    spent = sum((entry.usd for entry in entries), Decimal(0))
    cost = {Decimal(line.split(" ")[1]) for line in told["done"]}
    assert len(cost) == 1, cost
    assert spent >= requests * min(cost), f"{requests} were answered"
    assert spent <= EVER
    assert told["done"]
    assert not errors(tmp_path).strip()


def assert_within(most: dict[str, Any]) -> None:
    """No account was ever above its limit when more was held."""
    assert len(most) == 3, most
    for account, used in most.items():
        usd = EVER if account.endswith("global") else LIMIT
        limit = PARALLEL if account.startswith("parallel") else float(usd)
        assert used <= limit + 1e-9, most


def assert_kept(entries: list[Entry], done: list[str]) -> None:
    """One end for each hold; and what was told to have been done stands there at its cost."""
    ends: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        ends[entry.hold].append(entry)
    for hold, found in ends.items():
        kinds = [entry.kind for entry in found]
        assert kinds in (["settle"], ["release"], ["unknown"], ["expire"], ["expire", "correct"]), (
            hold,
            kinds,
        )
    for line in done:
        call, cost = line.split(" ")
        found = [
            entry for hold, entries in ends.items() if hold.startswith(call) for entry in entries
        ]
        assert sum((entry.usd for entry in found), Decimal(0)) == Decimal(cost), (line, found)
        assert len(found) in {1, 2}, found
