"""Processes that ask through a cache are killed: nothing torn is ever served, and nobody waits for the dead."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import pytest

import llmkit
from llmkit.cache import Cache
from llmkit.testing import Simulator, faults

from ..stores._redis import RedisServer

FULL = bool(os.environ.get("LLMKIT_FULL"))
WORKER = Path(__file__).with_name("worker.py")
MODEL = "openai/gpt-4o-mini"
PROMPTS = 30


@pytest.fixture(params=["sqlite", "redis"])
def where(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> str:
    """A store that processes share."""
    return str(tmp_path / "answers.db") if request.param == "sqlite" else redis_server.url


class Worker:
    """A process that asks, and what it has said so far: whole lines alone."""

    def __init__(self, simulator: Simulator, *arguments: str) -> None:
        self.said: list[tuple[int, bool, str]] = []
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), *arguments],
            env={**os.environ, "OPENAI_BASE_URL": simulator.base_url},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self._reader.start()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            if line.endswith("\n"):
                number, hit, text = line[:-1].split(" ", 2)
                self.said.append((int(number), hit == "1", text))

    def kill(self) -> list[tuple[int, bool, str]]:
        """End it as nothing else does; what it had said."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.said


def test_nobody_waits_for_a_dead_leader(where: str) -> None:
    """Longer than its lease: who asks the same goes on, and has an answer that is kept."""
    ask = [{"role": "user", "content": "question 0"}]
    with Simulator() as simulator:
        simulator.fail(faults.SlowStart(60))
        leader = Worker(simulator, where, "0", "4", "once")
        while not simulator.requests:
            time.sleep(0.005)
        leader.kill()
        how: Any = {"base_url": simulator.base_url, "timeout": 20}
        cache = Cache(where, lease=1)
        client = llmkit.Client(cache=cache)
        began = time.monotonic()
        asked = client.completion(MODEL, ask, **how)
        # At most the dead one's lease, and what a busy machine takes for the rest.
        assert time.monotonic() - began < 15
        assert not asked.call.cache_hit
        assert client.completion(MODEL, ask, **how).call.cache_hit
        assert len(simulator.requests) == 2
        cache.clear()
        cache.close()


@pytest.mark.skipif(not FULL, reason="takes a while: LLMKIT_FULL=1")
def test_whoever_is_killed_when_nothing_torn_is_served(where: str, tmp_path: Path) -> None:
    """Again and again, at any moment: each answer is its own question's, what was answered is found, the file whole."""
    with Simulator() as simulator:
        truth: dict[int, str] = {}
        told: set[int] = set()
        hits = 0
        for turn in range(10):
            workers = [Worker(simulator, where, str(PROMPTS), "0.3", "loop") for _ in range(3)]
            time.sleep(random.uniform(0.05, 0.8))
            said = [line for worker in workers for line in worker.kill()]
            for number, hit, text in said:
                assert truth.setdefault(number, text) == text, (turn, number)
                hits += hit
            told |= {number for number, _, _ in said}
            if where.endswith(".db"):
                rows = sqlite3.connect(where)
                assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                rows.close()
        assert hits
        assert len(set(truth.values())) == len(truth)
        # What a killed worker had been answered is there for the next one, and nobody is in the way.
        before = len(simulator.requests)
        last = Worker(simulator, where, str(PROMPTS), "30", "loop")
        deadline = time.monotonic() + 60
        while {number for number, _, _ in last.said} < told:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found = last.kill()
        assert all(hit for number, hit, _ in found if number in told)
        asked = len(simulator.requests) - before
        assert asked <= PROMPTS - len(told) + 1
