"""Processes and threads on one outbox file: killed at any instant, forked after use, one sender at a time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

import llmkit
from llmkit._outbox import Count, Mark, Marked, ReadBills, Take
from llmkit.stores import SQLiteStore

from ._outboxes import sound

FULL = bool(os.environ.get("LLMKIT_FULL"))
PROGRAM = Path(__file__).with_name("outbox_worker.py")
SOURCE = Path(llmkit.__file__).parents[1]
THREADS = 8
LEASE = 400
KILLS = 200 if FULL else 4

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")


class Workers:
    """Two processes on one file, one of which is killed now and then, and begun anew."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.path, self.log, self.sent = place / "o.db", place / "log", place / "sent"
        self.stop = place / "stop"
        self.begun = 0
        self.running = [self.begin(), self.begin()]

    def begin(self) -> subprocess.Popen[bytes]:
        self.begun += 1
        names = self.path, self.log, self.sent, self.stop, f"w{self.begun}"
        command = [sys.executable, str(PROGRAM), *map(str, names), str(THREADS), str(LEASE)]
        return subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stderr=subprocess.PIPE
        )

    def kill(self, which: int) -> None:
        """SIGKILL, and another in its place."""
        self.running[which].kill()
        self.running[which].communicate()
        self.running[which] = self.begin()

    def end(self) -> None:
        self.stop.touch()
        for process in self.running:
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said.decode()

    def lines(self, file: Path) -> list[list[str]]:
        """What they said; a line is whole, or not there."""
        return [line.split(" ", 2) for line in file.read_text(encoding="utf-8").splitlines()]


def _awaited(workers: Workers, many: int) -> None:
    """Until so many lines are there."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if workers.log.exists() and len(workers.lines(workers.log)) > many:
            return
        time.sleep(0.01)
    raise AssertionError("the workers do nothing")


def test_killed_at_any_instant(tmp_path: Path) -> None:
    """Two processes of eight threads, killed at random: each call that has ended is there once, none is lost."""
    dice, workers = random.Random(9), Workers(tmp_path)
    _awaited(workers, 200)
    for number in range(KILLS):
        time.sleep(dice.uniform(0.1, 0.4))
        workers.kill(number % 2)
    _awaited(workers, len(workers.lines(workers.log)) + 200)
    workers.end()
    _judge(workers)


def _judge(workers: Workers) -> None:
    said = workers.lines(workers.log)
    intended = {line[1] for line in said if line[0] == "intended"}
    concluded = {
        line[1]: line[2] if len(line) > 2 else "" for line in said if line[0] == "concluded"
    }
    left = _drained(workers.path)
    bodies = defaultdict(set)
    for name, body in [line[1:] for line in workers.lines(workers.sent) if line[0] == "event"]:
        bodies[name].add(body)
    for name, body in left:
        bodies[name].add(body)
    wanted = {f"{call}:{code}" for call, codes in concluded.items() for code in codes}
    assert len(wanted) > 200
    assert wanted <= bodies.keys(), "a call that had ended was lost"
    assert {len(texts) for texts in bodies.values()} == {1}, "a bill was sent in two forms"
    billed = {name.partition(":")[0] for name in bodies}
    assert billed <= intended | _cut_off(workers), "a call was billed that nobody made"
    _every_call_is_accounted_for(workers.path, intended, billed, concluded)
    _one_sender_at_a_time(workers.lines(workers.sent))
    assert sound(workers.path)


def _cut_off(workers: Workers) -> set[str]:
    """Calls whose intent was written, but whose process was killed before it could say so."""
    return {bill.id for bill in SQLiteStore(workers.path).perform(ReadBills(limit=10**6))}


def _drained(path: Path) -> list[tuple[str, str]]:
    """What is left is sent by another, once the lane is free."""
    store, found = SQLiteStore(path), []
    time.sleep(LEASE / 1000)
    while bills := store.perform(Take("last", 100, LEASE)).bills:
        found += [(bill.id, bill.body) for bill in bills]
        store.perform(Mark(tuple(Marked(bill.id, "delivered") for bill in bills)))
    assert "queued" not in store.perform(Count()).states
    return found


def _every_call_is_accounted_for(
    path: Path, intended: set[str], billed: set[str], concluded: dict[str, str]
) -> None:
    """It was billed, or ended with nothing to bill, or is an intent that nobody has said anything of."""
    store = SQLiteStore(path)
    bills = store.perform(ReadBills(limit=10**6))
    waiting = {bill.id for bill in bills if bill.state in {"intent", "unknown"}}
    for call in intended - billed - waiting:
        # One that ended without bills may have been killed before it could say so.
        assert concluded.get(call, "") == "", f"{call} is lost"
        assert int(call.rpartition("-")[2]) % 7 // 3 == 2, f"{call} is lost"
    delivered = [bill.id for bill in bills if bill.state == "delivered"]
    assert len(delivered) == len(set(delivered))
    assert dict(store.perform(Count()).states) == {
        state: sum(bill.state == state for bill in bills)
        for state in {bill.state for bill in bills}
    }


def _one_sender_at_a_time(lines: list[list[str]]) -> None:
    """Nobody begins to send while another's lease lasts, unless that one has given the lane back."""
    until: dict[str, int] = {}
    for kind, name, *rest in lines:
        if kind == "end":
            until.pop(name, None)
        elif kind == "begin":
            at, lease = map(int, rest[0].split())
            others = {other: end for other, end in until.items() if other != name and end > at}
            assert not others, f"{name} began at {at} while {others} were sending"
            until[name] = lease


_FORKED = """
import asyncio, os, sys
from llmkit._outbox import Bill, Conclude, Count, Mark, Marked, Take
from llmkit.stores import MemoryStore, SQLiteStore

def conclude(call):
    return Conclude(call, (Bill(f"{call}:m", call, "queued", "s", "m", 5, "{}"),))

def sent(store, name):
    bills = store.perform(Take(name, 100, 60_000)).bills
    store.perform(Mark(tuple(Marked(bill.id, "delivered") for bill in bills)))
    return [bill.id for bill in bills]

store, memory = SQLiteStore(sys.argv[1]), MemoryStore()
for one in (store, memory):
    one.perform(conclude("parent1"))
asyncio.run(store.aperform(conclude("parent2")))
child = os.fork()
if not child:
    code = 1
    try:
        assert memory.perform(Count()).states == {}
        assert sent(memory, "child") == []
        memory.perform(conclude("child"))
        assert sent(memory, "child") == ["child:m"]
        store.perform(conclude("child1"))
        asyncio.run(store.aperform(conclude("child2")))
        code = 0
    finally:
        os._exit(code)
store.perform(conclude("parent3"))
assert os.waitpid(child, 0)[1] == 0
print(sorted(sent(store, "parent")), sent(memory, "parent"))
store.close()
"""


def test_forked_after_use(tmp_path: Path) -> None:
    """A child opens the file anew, and both write to it; in memory it has nothing: that is its parent's to send."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FORKED, str(tmp_path / "o.db")],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = ["child1:m", "child2:m", "parent1:m", "parent2:m", "parent3:m"]
    assert done.stdout.strip() == f"{names} ['parent1:m']"
    assert sound(tmp_path / "o.db")
