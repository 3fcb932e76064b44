"""Several processes and one cache: they ask once, and who is killed leaves a whole file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit._entries import Keep, Look, Weigh
from llmkit.cache import Cache, MemoryEntries, SQLiteEntries
from llmkit.testing import Simulator

from ..stores._redis import RedisServer

MODEL = "openai/gpt-4o-mini"
ASK = [{"role": "user", "content": "hi"}]
CALLER = textwrap.dedent("""
    import sys
    import llmkit
    from llmkit.cache import Cache
    client = llmkit.Client(cache=Cache(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    answer = client.completion("openai/gpt-4o-mini", [{"role": "user", "content": "hi"}])
    print(answer.text, flush=True)
""")


def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A Python process, which says that it is there."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_processes_ask_once(kind: str, tmp_path: Path, redis_server: RedisServer) -> None:
    """One of them leads, and the other finds what it has kept."""
    import time

    from llmkit.testing._answer import answer

    def slowly(asked: object) -> object:
        time.sleep(0.3)
        return answer(asked)  # type: ignore[arg-type]

    where = str(tmp_path / "answers.db") if kind == "sqlite" else redis_server.url
    with Simulator(say=slowly) as simulator:  # type: ignore[arg-type]
        callers = [
            started("-c", CALLER, where, OPENAI_BASE_URL=simulator.base_url) for _ in range(2)
        ]
        for caller in callers:
            assert caller.stdout is not None
            assert caller.stdout.readline() == "ready\n"
        for caller in callers:
            assert caller.stdin is not None
            caller.stdin.write("go\n")
            caller.stdin.flush()
        said = [caller.communicate(timeout=30)[0] for caller in callers]
        assert said[0] == said[1] != ""
        assert len(simulator.requests) == 1


def test_who_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    """What was told to be kept is there, whole, or was thrown out for want of room; and others go on."""
    path = tmp_path / "entries.db"
    for turn in range(2):
        keepers = [
            started(str(Path(__file__).parent / "keeper.py"), str(path), f"{turn}{name}x")
            for name in "ab"
        ]
        told = []
        for keeper in keepers:
            assert keeper.stdout is not None
            told += [keeper.stdout.readline().strip() for _ in range(20)]
        for keeper in keepers:
            keeper.kill()
        for keeper in keepers:
            assert keeper.stdout is not None
            told += keeper.stdout.read().split("\n")[:-1]
            keeper.communicate()
        store = SQLiteEntries(path, 200_000)
        found = [(key, store.perform(Look((key,)))) for key in told]
        kept = [(key, data) for key, data in found if data is not None]
        assert kept
        assert all(data == key.encode() * (2000 // len(key)) for key, data in kept)
        rows = sqlite3.connect(path)
        assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (size,) = rows.execute("SELECT sum(size) FROM entry_1").fetchone()
        rows.close()
        assert store.perform(Weigh()).size == size <= 200_000
        assert store.perform(Keep("after", b"1", None))
        store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_forked_process_goes_on(kind: str, tmp_path: Path) -> None:
    """It waits for nobody who leads in its parent, and uses no file that its parent has open."""
    store = MemoryEntries() if kind == "memory" else SQLiteEntries(tmp_path / "e.db")
    cache = Cache(store, lease=0)
    client = llmkit.Client(cache=cache)
    with Simulator() as simulator:
        how: Any = {"base_url": simulator.base_url, "timeout": 10}
        client.completion(MODEL, ASK, **how)
        (key,) = _keys(store)
        leader = cache.flights.seat(key)
        assert leader.acquire(0.0)
        store.perform(Keep(key, b"", 0.0))
        pid = os.fork()
        if pid == 0:
            done = 1
            try:
                done = 0 if client.completion(MODEL, ASK, **how).text else 1
            finally:
                os._exit(done)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        leader.leave(hands_over=False)
    cache.close()


def _keys(store: MemoryEntries | SQLiteEntries) -> list[str]:
    if isinstance(store, MemoryEntries):
        return list(store._entries)
    rows = sqlite3.connect(store.path)
    found = [key for (key,) in rows.execute("SELECT key FROM entry_1")]
    rows.close()
    return found
