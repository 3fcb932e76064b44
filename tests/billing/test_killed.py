"""Processes that bill are killed at any moment: what has returned is billed, once; what was under way is known."""

from __future__ import annotations

import os
import sys
from collections import Counter

from ._kills import Place, world_of

FULL = bool(os.environ.get("LLMKIT_FULL"))
KILLS = 200 if FULL else 5


def test_nothing_is_lost_and_nothing_double(place: Place) -> None:
    """Killed in calls, streams, deliveries, close(), in both colours: each returned call is in Lago, and once."""
    with world_of(place) as world:
        moments = Counter(world.kill_one() for _ in range(KILLS))
        verdict = world.judge(most_unknown=3 * KILLS)
    told = f"{place.lago}, outbox {next(iter(place.outbox))}: {KILLS} kills at {dict(moments)}: {verdict}"
    sys.stdout.write(f"{told}\n")
    assert verdict.told
    if FULL:
        assert verdict.told >= KILLS
        assert verdict.unknown
        assert bool(verdict.deduped) is (place.lago == "postgres")
