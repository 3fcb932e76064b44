"""A ``map`` with a checkpoint is killed again and again: no row is lost, and none is asked again that was written."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import llmkit

from .conftest import KEY, MODEL

if TYPE_CHECKING:
    from llmkit.testing import Simulator

ROWS = 200
PROGRAM = f"""
import sys
import llmkit
kind, path = sys.argv[1:]
rows = [f"row {{n}}" for n in range({ROWS})]
how = dict(concurrency=8, checkpoint=path, progress=False, max_tokens=20, model="{MODEL}")
if kind == "map":
    llmkit.map(rows, "Say {{row}}", **how)
else:
    import asyncio
    asyncio.run(llmkit.amap(rows, "Say {{row}}", **how))
"""


def asked(simulator: Simulator) -> Counter[str]:
    """How often each row was asked for."""
    return Counter(
        json.loads(one.body)["messages"][-1]["content"].removeprefix("Say ")
        for one in simulator.requests
    )


def written(path: Path) -> tuple[int, int]:
    """How many rows are done, and how many are begun, in a file that its writer left in whatever state."""
    rows = sqlite3.connect(path)
    try:
        assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = rows.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables:
            return 0, 0
        states = Counter(state for (state,) in rows.execute("SELECT state FROM llmkit_map_row"))
        return states["done"], states["begun"]
    finally:
        rows.close()


@pytest.mark.skipif(not os.environ.get("LLMKIT_FULL"), reason="takes a while: LLMKIT_FULL=1")
@pytest.mark.parametrize("kind", ["map", "amap"])
def test_a_map_that_is_killed_again_and_again(
    kind: str, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row has its own answer in the end; who was asked twice was on its way when something was killed."""
    path = tmp_path / "x.sqlite"
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": simulator.base_url}
    done, lost = 0, 0
    for _ in range(15):
        child = subprocess.Popen([sys.executable, "-c", PROGRAM, kind, str(path)], env=environment)
        begun = len(simulator.requests)
        while len(simulator.requests) == begun and child.poll() is None:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.15))
        child.send_signal(signal.SIGKILL)
        child.wait()
        now, on_their_way = written(path)
        assert now >= done
        done, lost = now, lost + on_their_way
        if done == ROWS:
            break
    # Each row is asked for once, and once more for each time that it was on its way when its process was killed.
    assert sum(asked(simulator).values()) <= ROWS + lost
    monkeypatch.setenv("OPENAI_BASE_URL", simulator.base_url)
    before, rows = len(simulator.requests), [f"row {number}" for number in range(ROWS)]
    how = {"model": MODEL, "max_tokens": 20, "client": llmkit.Client(api_key=KEY)}
    results = llmkit.map(rows, "Say {row}", checkpoint=path, progress=False, **how)
    assert results.errors == []
    assert len(simulator.requests) - before == ROWS - done
    for row in results:
        assert row.row in (row.text or ""), row
        assert asked(simulator)[row.row] <= 1 + row.lost
    assert results.cost.total is None if results.unknown else results.cost.total > 0
