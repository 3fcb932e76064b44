"""Many processes come to one deployment and are killed: its limits hold in any window, and no place is lost for good.

Judged by the workers' own logs: the times are the store's, by which it says when it let whom in.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, count, pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from typing_extensions import override

from llmkit._operations import Admit, Admitted, Audit, Candidate, Leave, Look, Quota, ReadEntries

from ._hammering import Hammer, opened
from ._postgres import PostgresServer
from ._redis import RedisServer

LONG = float(os.environ.get("LLMKIT_HAMMER") or (20 if os.environ.get("LLMKIT_FULL") else 0))
SIZE = (8, 20, LONG) if LONG else (3, 6, 0.0)
RULES = {"width": 25, "rpm": 60, "tpm": 260, "parallel": 6}
WINDOW = 60 * RULES["width"]
LEASE = 250
MOMENT = 50
BUSY = RULES["rpm"] * 0.6
"""Requests in a window, above which its limit was of some account."""
PROBE = re.compile(rb" cold \d+ 0 1\n")
PROBES = 50 if LONG else 5


class Call(NamedTuple):
    """One call that was let in; ``end``: when it left or its lease was over, whichever came first; ``used``: tokens."""

    at: int
    end: int
    used: int
    probe: bool


class LettingHammer(Hammer):
    """A store under the router's hammer."""

    program: ClassVar[Path] = Path(__file__).with_name("letting_hammer.py")

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self.numbers = count()

    @override
    def spec(self, **more: Any) -> dict[str, Any]:
        return super().spec(**more) | {"rules": RULES}

    @override
    def enough(self) -> object:
        """And enough probes, and each limit was reached: by the workers, or with the help of who judges them."""
        said = b"".join(path.read_bytes() for path in self.folder.glob("worker-*.log"))
        befallen = self.killed and self.audits and self.struck
        if not (befallen and said.count(b" granted ") > 100 and len(PROBE.findall(said)) >= PROBES):
            return False
        logs = Logs.read(self.folder, self.lease)
        busy, full = logs.busiest("rpm") > BUSY, logs.fullest() >= RULES["parallel"]
        if not busy:
            self.come_often()
        if not (full or self.jumping):
            self.stay()
        return busy and (full or self.jumping)

    def stay(self) -> None:
        """Take all places that the workers leave, for a moment: however slow they are, all are taken then."""
        store, log, tickets = opened(self.spec(more={})), self.folder / "worker-0.log", list[str]()
        for _ in range(RULES["parallel"] + 1):
            ticket = f"judge.{next(self.numbers)}"
            answer = store.perform(
                Admit(ticket, (Candidate("hot", (), RULES["parallel"]),), 60_000)
            )
            if not isinstance(answer, Admitted):
                break
            tickets.append(f"{ticket} {answer.now}")
        time.sleep(0.05)
        with log.open("a") as file:
            for said in tickets:
                file.write(f"0 stayed {said} {int(time.time() * 1000)}\n")
                file.flush()
                store.perform(Leave(said.split(" ")[0], (), None))
        store.close()

    def come_often(self) -> None:
        """Come and go, as a worker does, until as many have come as may."""
        store, log = opened(self.spec(more={})), self.folder / "worker-0.log"
        quotas = (
            Quota("rpm", RULES["width"], RULES["rpm"], 1),
            Quota("tpm", RULES["width"], RULES["tpm"], 0),
        )
        candidate = Candidate("hot", quotas, RULES["parallel"])
        with log.open("a") as file:
            for _ in range(RULES["rpm"]):
                ticket = f"judge.{next(self.numbers)}"
                answer = store.perform(Admit(ticket, (candidate,), self.lease))
                if isinstance(answer, Admitted):
                    file.write(f"0 granted {ticket} hot {answer.now} 0 0\n")
                    file.write(f"0 leaving {ticket} {int(time.time() * 1000)} 0\n")
                    file.flush()
                    store.perform(Leave(ticket, (), None))
        store.close()

    @override
    def audit(self) -> None:
        """At any moment: what the ledger knows of all this is nothing."""
        store = opened(self.spec(more={}))
        assert store.perform(Audit())[1:] == (0, 0, 0, ())
        assert store.perform(ReadEntries()) == ()
        store.close()
        self.audits += 1

    @override
    def jump(self, moved: int) -> None:
        """Less than a window back from the latest time there was: further back, times say nothing about windows."""
        super().jump(min(max(moved, 0), WINDOW * 4 // 5))

    @override
    def judge(self) -> dict[str, int]:
        """After the last lease; what was seen, counted."""
        time.sleep(self.lease / 1000 + 0.1)
        store = opened(self.spec(more={}))
        for one in store.perform(Look(("hot", "cold"))).health:
            assert (one.running, one.probing) == (0, False), one
        store.close()
        self.audit()
        logs = Logs.read(self.folder, self.lease)
        assert not logs.wrong, logs.wrong
        hot, cold = logs.calls("hot"), logs.calls("cold")
        within_limits(hot)
        if not self.jumping:
            places_are_kept([*hot, *logs.stayed])
            nobody_is_let_in_while_it_cools(cold, logs.cooled)
            one_probe_at_a_time(cold)
            logs.seen_by_all()
        return {
            "hot": len(hot), "cold": len(cold), "probes": sum(one.probe for one in cold),
            "cooled": len(logs.cooled), "refused": logs.words["refused"],
            "forgotten": logs.words["forgotten"], "looked": len(logs.looked), "killed": self.killed,
        }  # fmt: skip


class Logs:
    """What all workers were told."""

    def __init__(self, lease: int) -> None:
        self.lease = lease
        self.granted: list[tuple[str, str, int, int, bool]] = []
        self.leaving: dict[str, tuple[int, int]] = {}
        self.stayed: list[Call] = []
        """Who came to take places, and counted as no request."""
        self.cooled: list[tuple[int, int, int]] = []
        self.looked: list[tuple[int, int]] = []
        self.words = Counter[str]()
        self.wrong: list[str] = []

    @staticmethod
    def read(folder: Path, lease: int) -> Logs:
        """From their files: each line was one write."""
        logs = Logs(lease)
        for path in sorted(folder.glob("worker-*.log")):
            for line in path.read_text().splitlines():
                _, word, *rest = line.split(" ")
                logs.words[word] += 1
                logs.add(word, rest)
        return logs

    def add(self, word: str, rest: Sequence[str]) -> None:
        """One line."""
        if word == "granted":
            ticket, deployment, at, taken, probe = rest
            self.granted.append((ticket, deployment, int(at), int(taken), probe == "1"))
        elif word == "leaving":
            self.leaving[rest[0]] = int(rest[1]), int(rest[2])
        elif word == "stayed":
            self.stayed.append(Call(int(rest[1]), int(rest[2]), 0, probe=False))
        elif word == "cooled":
            self.cooled.append((int(rest[1]), int(rest[2]), int(rest[3])))
        elif word == "looked":
            self.looked.append((int(rest[0]), int(rest[1])))
        elif word == "WRONG":
            self.wrong.append(" ".join(rest))

    def calls(self, deployment: str) -> list[Call]:
        """In the order of their coming. Whoever was killed had taken what he took, until his lease was over."""
        found = []
        for ticket, where, at, taken, probe in self.granted:
            left, used = self.leaving.get(ticket, (at + self.lease, taken))
            if where == deployment:
                found.append(Call(at, min(left, at + self.lease), used, probe))
        return sorted(found)

    def busiest(self, measure: str) -> int:
        """How much of this there was in a window at most."""
        return windows(self.calls("hot"))[measure]

    def fullest(self) -> int:
        """How many were in at the same time at most."""
        return at_once([*self.calls("hot"), *self.stayed])

    def seen_by_all(self) -> None:
        """Once a process is told that it has set a cooldown, all who look see it: at once, not only within a second.

        What is seen may be a moment newer than the time at which somebody began to look.
        """
        for now, until in self.looked:
            for _, end, told in self.cooled:
                assert not told < now < end - MOMENT or until >= end, (now, until, told, end)


def within_limits(calls: Sequence[Call]) -> None:
    """In no window, wherever it begins, were more let in than may be; and there was one that was full."""
    most = windows(calls)
    assert most["rpm"] <= RULES["rpm"], most
    assert most["tpm"] <= RULES["tpm"], most
    assert most["rpm"] > BUSY, most


def windows(calls: Sequence[Call]) -> Counter[str]:
    """The most requests and tokens of a window, wherever it begins."""
    most = Counter[str]()
    first = requests = tokens = 0
    for call in calls:
        requests, tokens = requests + 1, tokens + call.used
        while calls[first].at < call.at - WINDOW:
            requests, tokens = requests - 1, tokens - calls[first].used
            first += 1
        most["rpm"] = max(most["rpm"], requests)
        most["tpm"] = max(most["tpm"], tokens)
    return most


def places_are_kept(calls: Sequence[Call]) -> None:
    """At no time were more in than may be, and at some time as many."""
    assert at_once(calls) == RULES["parallel"]


def at_once(calls: Sequence[Call]) -> int:
    """The most that were in at the same time."""
    moments = sorted([(one.end, -1) for one in calls] + [(one.at, 1) for one in calls])
    return max(accumulate(more for _, more in moments), default=0)


def nobody_is_let_in_while_it_cools(
    calls: Sequence[Call], cooled: Sequence[tuple[int, int, int]]
) -> None:
    """By the store's own times."""
    assert cooled
    for since, until, _ in cooled:
        assert not [one for one in calls if since < one.at < until], (since, until)


def one_probe_at_a_time(calls: Sequence[Call]) -> None:
    """The next one comes when the one before has left, or its lease is over."""
    probes = [one for one in calls if one.probe]
    assert probes
    for before, after in pairwise(probes):
        assert after.at >= before.end, (before, after)


def hammered(hammer: LettingHammer) -> None:
    """Hammer, and judge."""
    hammer.run(*SIZE)
    counts = hammer.judge()
    assert all(counts.values()), counts


def test_sqlite(tmp_path: Path) -> None:
    """SQLite, while somebody makes its file anew."""

    def rewrite() -> None:
        connection = sqlite3.connect(tmp_path / "llmkit.db", isolation_level=None, timeout=30)
        connection.execute("VACUUM")
        connection.close()

    path = str(tmp_path / "llmkit.db")
    hammered(LettingHammer(tmp_path, "sqlite", path, lease=LEASE, strikes=(rewrite,)))


@pytest.mark.skipif(not LONG, reason="takes a while: LLMKIT_FULL=1")
def test_a_clock_that_jumps(tmp_path: Path) -> None:
    """SQLite, by a clock that jumps: by the times that it says, no window has more than may be."""
    path = str(tmp_path / "llmkit.db")
    hammer = LettingHammer(tmp_path, "sqlite", path, lease=LEASE, strikes=(lambda: None,))
    hammer.jumping = True
    hammered(hammer)


def test_postgres(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """PostgreSQL, by its own clock."""
    dsn, schema = postgres_server.dsn(), postgres_server.schema()
    hammered(LettingHammer(tmp_path, "postgres", dsn, schema, lease=LEASE, strikes=(lambda: None,)))


def test_redis(tmp_path: Path, redis_server: RedisServer) -> None:
    """Redis, by its own clock."""
    hammered(
        LettingHammer(
            tmp_path, "redis", redis_server.url, str(tmp_path), lease=LEASE, strikes=(lambda: None,)
        )
    )


def call(at: int, end: int = 0, used: int = 1, *, probe: bool = False) -> Call:
    """A call."""
    return Call(at, end or at + 5, used, probe)


def test_the_judge_would_notice() -> None:
    """One too many in a window, one too many at once, one during a cooldown, two probes."""
    full = [call(n) for n in range(RULES["rpm"])]
    within_limits([*full, call(WINDOW + 1)])
    with pytest.raises(AssertionError):
        within_limits([*full, call(WINDOW)])
    with pytest.raises(AssertionError):
        within_limits([*full[:40], call(90, used=RULES["tpm"] - 39)])
    places_are_kept([call(0, 9) for _ in range(6)] + [call(9, 20)])
    with pytest.raises(AssertionError):
        places_are_kept([call(0, 9) for _ in range(6)] + [call(8, 20)])
    nobody_is_let_in_while_it_cools([call(5), call(10)], [(5, 10, 6)])
    with pytest.raises(AssertionError):
        nobody_is_let_in_while_it_cools([call(9)], [(5, 10, 6)])
    one_probe_at_a_time([call(9 * n, 9 * n + 9, probe=True) for n in range(4)])
    with pytest.raises(AssertionError):
        one_probe_at_a_time([call(9 * n, 9 * n + 10, probe=True) for n in range(4)])
