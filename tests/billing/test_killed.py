"""Processes that bill are killed at any moment: what has returned is billed, once; what was under way is known."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ._kills import Verdict, world_of

FULL = bool(os.environ.get("LLMKIT_FULL"))
STORES = ("postgres", "clickhouse")


def killed(folder: Path, store: Any, outbox: dict[str, str], kills: int) -> Verdict:
    """Kill so many workers, and see what it came to."""
    with world_of(folder, store, outbox) as world:
        moments = Counter(world.kill_one() for _ in range(kills))
        verdict = world.judge(most_unknown=3 * kills)
    told = f"{store}, outbox {next(iter(outbox))}: {kills} kills at {dict(moments)}: {verdict}\n"
    sys.stdout.write(told)
    assert verdict.told >= kills
    return verdict


@pytest.mark.parametrize("store", STORES)
def test_nothing_is_lost_and_nothing_double(
    tmp_path: Path, store: Any, outbox: dict[str, str]
) -> None:
    """Killed in calls, streams, deliveries, close(), in both colours: each returned call is in Lago, and once."""
    verdict = killed(tmp_path, store, outbox, 200 if FULL else 4)
    if FULL:
        assert verdict.unknown
        assert bool(verdict.deduped) is (store == "postgres")
