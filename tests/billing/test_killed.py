"""Processes that make calls are killed at any moment: whatever has returned is billed, once; what was under way is known."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ._kills import world_of

FULL = bool(os.environ.get("LLMKIT_FULL"))
KILLS = 200 if FULL else 6
STORES = ("postgres", "clickhouse")


@pytest.mark.parametrize("store", STORES)
def test_nothing_is_lost_and_nothing_double(tmp_path: Path, store: Any) -> None:
    """Killed during calls, streams, deliveries and close(), in both colours: each returned call is in Lago, once."""
    with world_of(tmp_path, store, {"path": str(tmp_path / "outbox.db")}) as world:
        moments = [world.kill_one() for _ in range(KILLS)]
        verdict = world.judge(most_unknown=3 * KILLS)
    print(store, KILLS, verdict, {one: moments.count(one) for one in set(moments)})
    assert verdict.told >= KILLS
    assert verdict.unknown
