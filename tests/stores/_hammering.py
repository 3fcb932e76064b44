"""Who starts the hammer's workers, kills them, moves their clock, and judges afterwards.

It judges by what the code under test does not decide: the workers' own logs, the ledger's lines added up here, and what
a trigger (SQLite, PostgreSQL) or the append-only file (Redis) recorded of every single change of a counter.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import struct
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import llmkit
from llmkit._operations import Audit, Balances, Claim, Entry, ReadEntries, Sweep

from .hammer import LIMITS, WINDOWS, opened

PROGRAM = Path(__file__).with_name("hammer.py")
SOURCE = Path(llmkit.__file__).parents[1]
ENOUGH = 150
# What befalls a store in a short run, where chance might keep one of them waiting; in a long one chance decides.
TURNS = (0.0, 0.7, 0.5, 0.7, 0.9, 0.0, 0.7)
LONGEST = 90.0
JUMPS = (-2000, -300, -20, 50, 400, 2500, 60_000)


class Started(NamedTuple):
    """A worker."""

    process: subprocess.Popen[bytes]
    log: Path

    def has_begun(self) -> bool:
        """Whether it has asked for something."""
        return self.log.exists() and self.log.stat().st_size > 0

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()


@dataclass
class Hammer:
    """One store under the hammer. ``strikes`` are what befalls it now and then, in turn.

    For how long is not said in a short run: till all has befallen it that may, and enough was asked.
    """

    folder: Path
    kind: str
    at: str
    name: str = "hammer"
    lease: int = 300
    strikes: Sequence[Callable[[], None]] = ()
    jumping: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    program: ClassVar[Path] = PROGRAM

    def __post_init__(self) -> None:
        self.clock, self.stop = self.folder / "clock", self.folder / "stop"
        self.clock.write_bytes(struct.pack("q", 0))
        self.started = 0
        self.dice = random.Random(self.name)
        self.audits = self.struck = self.killed = 0
        self.turns = itertools.cycle(TURNS)

    def spec(self, **more: Any) -> dict[str, Any]:
        """What a worker is told."""
        said = {"kind": self.kind, "at": self.at, "name": self.name, "clock": str(self.clock)}
        return said | {"stop": str(self.stop), "lease": self.lease, "more": self.more} | more

    def worker(self, tasks: int) -> Started:
        """One more of them; every other one is async."""
        self.started += 1
        colour = ("sync", "async")[self.started % 2]
        log = self.folder / f"worker-{self.started}.log"
        spec = self.spec(worker=f"w{self.started}", tasks=tasks, colour=colour, log=str(log))
        with (self.folder / f"worker-{self.started}.err").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, str(self.program), json.dumps(spec)],
                env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdin=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
        return Started(process, log)

    def run(self, processes: int, tasks: int, seconds: float) -> None:
        """Hammer for so long; then let all who live come to an end."""
        workers: list[Started] = [self.worker(tasks) for _ in range(processes)]
        try:
            began = time.monotonic()
            while time.monotonic() < began + seconds or not self.enough():
                assert time.monotonic() < began + seconds + LONGEST, f"too slow\n{self.errors()}"
                time.sleep(self.dice.uniform(0.1, 0.5))
                self.befall(self.dice.random() if seconds else next(self.turns), workers, tasks)
            self.stop.touch()
            for worker in workers:
                assert worker.process.wait(60) == 0, self.errors()
        finally:
            for worker in workers:
                worker.kill()

    def enough(self) -> object:
        """Whether there is something to judge: a busy machine takes longer."""
        said = b"".join(path.read_bytes() for path in self.folder.glob("worker-*.log"))
        befallen = self.killed > 1 and self.audits and self.struck >= len(self.strikes)
        asked = min(said.count(b" granted "), said.count(b" refused ")) >= ENOUGH
        return befallen and asked and b" written " in said and b" forgotten " in said

    def befall(self, fate: float, workers: list[Started], tasks: int) -> None:
        """One thing happens: a worker dies and is replaced, the clock jumps, the server falls, somebody audits."""
        if fate < 0.4:
            self.kill(workers, self.dice.randrange(len(workers)), tasks)
        elif fate < 0.6 and self.jumping:
            (moved,) = struct.unpack("q", self.clock.read_bytes())
            self.jump(moved + self.dice.choice(JUMPS))
        elif fate < 0.85:
            self.strikes[self.struck % len(self.strikes)]()
            self.struck += 1
        else:
            self.audit()

    def kill(self, workers: list[Started], position: int, tasks: int) -> None:
        """One that has begun to work is replaced."""
        if workers[position].has_begun():
            workers[position].kill()
            workers[position] = self.worker(tasks)
            self.killed += 1

    def jump(self, moved: int) -> None:
        """The clock says another time from now on."""
        with self.clock.open("r+b") as clock:
            clock.write(struct.pack("q", moved))

    def audit(self) -> None:
        """At any moment, everything balances."""
        store = opened(self.spec(more={}))
        found = store.perform(Audit())
        store.close()
        assert not found.differences, found.differences
        self.audits += 1

    def errors(self) -> str:
        """What workers have said before they ended."""
        said = [path.read_text(errors="replace") for path in sorted(self.folder.glob("*.err"))]
        return "\n".join(text for text in said if text)

    # --- judging -----------------------------------------------------------------------------

    def judge(self) -> dict[str, int]:
        """After the last lease: nothing is lost, nothing is double, nothing remains. What was seen, counted."""
        time.sleep(self.lease / 1000 * 2)
        if self.jumping:
            self.jump(10**9)
        store = opened(self.spec(more={}))
        while store.perform(Sweep(100)):
            pass
        logs = Logs.read(self.folder)
        assert not logs.wrong, logs.wrong
        entries = everything(store)
        audit = store.perform(Audit())
        assert not audit.differences, audit.differences
        assert (audit.holds, audit.entries) == (0, len(entries))
        counts = logs.compare(entries)
        logs.by_the_rule()
        claims = tuple(Claim(a, WINDOWS[a], Decimal(0)) for a in LIMITS)
        for line in store.perform(Balances(claims)).lines:
            assert line.used == line.spent, line
            if line.account.endswith(":ever"):
                assert line.spent == ledger_sum(entries, line.account)
        store.close()
        assert audit.expired == counts["expired"] - counts["corrected"]
        return counts | {"audits": self.audits, "workers": self.started, "most": logs.most()}


def everything(store: Any) -> list[Entry]:
    """The whole ledger, read in pieces."""
    found: list[Entry] = []
    while piece := store.perform(ReadEntries(found[-1].number if found else 0, 500)):
        found += piece
    return found


def ledger_sum(entries: list[Entry], account: str) -> Decimal:
    """What the ledger says was spent."""
    return sum((amount for e in entries for a, _, amount in e.lines if a == account), Decimal(0))


class Logs:
    """What all workers were told: by hold."""

    def __init__(self) -> None:
        self.granted: dict[str, tuple[int, dict[str, Decimal]]] = {}
        self.asked: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.written: list[tuple[int, int]] = []
        self.settling: dict[str, tuple[int, dict[str, Decimal]]] = {}
        self.settled: dict[str, tuple[int, str]] = {}
        self.gone: set[str] = set()
        self.refused = 0
        self.wrong: list[str] = []

    @staticmethod
    def read(folder: Path) -> Logs:
        """From their files; a line that was cut off by SIGKILL cannot be, for each is one write."""
        logs = Logs()
        for path in sorted(folder.glob("worker-*.log")):
            for line in path.read_text().splitlines():
                at, word, rest = line.split(" ", 2)
                logs.add(int(at), word, rest)
        return logs

    def add(self, at: int, word: str, rest: str) -> None:
        """One line."""
        hold, _, more = rest.partition(" ")
        if word == "ask":
            self.asked[hold] = at
        elif word == "granted":
            version, _, amounts = more.partition(" ")
            self.granted[hold] = at, _amounts(amounts)
            self.versions[hold] = int(version)
        elif word == "written":
            self.written.append((at, int(hold)))
        elif word == "settling":
            self.settling[hold] = at, _amounts(more)
        elif word == "settled":
            self.settled[hold] = at, more
        elif word == "gone":
            self.gone.add(hold)
        elif word == "refused":
            self.refused += 1
        elif word != "forgotten":
            self.wrong.append(f"{word} {rest}")

    def compare(self, entries: list[Entry]) -> dict[str, int]:
        """Every hold has one end; every settlement that was acknowledged is there, once, with its amounts."""
        ends: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.hold:
                ends[entry.hold].append(entry)
        assert len({entry.id for entry in entries}) == len(entries)
        for hold, found in ends.items():
            assert hold in self.asked, f"{hold} was never asked for"
            kinds = [entry.kind for entry in found]
            assert kinds in (
                ["settle"],
                ["release"],
                ["unknown"],
                ["expire"],
                ["expire", "correct"],
            ), (hold, kinds)
            assert "expire" not in kinds or found[0].flag == "expired"
        for hold in self.granted:
            assert hold in ends, f"{hold} was granted, and has no end"
        for hold in self.gone:
            # It was held before the connection broke; when it was asked for again, its lease was over.
            assert [entry.kind for entry in ends[hold]] == ["expire"], (hold, ends[hold])
        for hold, (_, status) in self.settled.items():
            assert status in {"settled", "corrected", "again"}, (hold, status)
            self._at_its_amounts(hold, ends[hold])
        counted = Counter(entry.kind for entry in entries)
        return {
            "granted": len(self.granted), "refused": self.refused, "settled": len(self.settled),
            "expired": counted["expire"], "corrected": counted["correct"], "reset": counted["reset"],
            "written": len(self.written),
        }  # fmt: skip

    def _at_its_amounts(self, hold: str, found: list[Entry]) -> None:
        """What its entries add up to is what the settlement said. After a reset a correction may take back less."""
        kinds = [entry.kind for entry in found]
        assert kinds[-1] != "expire", f"the settlement of {hold} was acknowledged, and is lost"
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for entry in found:
            for account, _, amount in entry.lines:
                sums[account] += amount
        for account, amount in self.settling[hold][1].items():
            if account.startswith("parallel"):
                assert not sums[account], (hold, found)
            elif account == "usd:ever" and kinds[-1] == "correct":
                assert sums[account] >= amount, (hold, found)
            else:
                assert sums[account] == amount, (hold, found, amount)

    def by_the_rule(self) -> None:
        """What was asked for after a rule had been written was granted by that rule, or a later one."""
        assert len({version for _, version in self.written}) == len(self.written)
        moments = sorted(
            [(at, version, "") for at, version in self.written]
            + [(self.asked[h], 0, h) for h in self.granted]
        )
        latest = 0
        for _, version, hold in moments:
            latest = max(latest, version)
            assert not hold or self.versions[hold] >= latest, (hold, self.versions[hold], latest)

    def most(self) -> int:
        """The most places among parallel requests that were certainly taken at one moment."""
        changes: list[tuple[int, int]] = []
        for hold, (at, _) in self.granted.items():
            if hold in self.settled and self.settled[hold][1] == "settled":
                changes += [(at, 1), (self.settling[hold][0], -1)]
        taken = most = 0
        for _, change in sorted(changes):
            taken += change
            most = max(most, taken)
        assert most <= LIMITS["parallel:ever"], f"{most} at a time"
        return most


def _amounts(text: str) -> dict[str, Decimal]:
    return {name: Decimal(amount) for name, amount in json.loads(text).items()}
