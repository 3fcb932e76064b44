"""Ctrl-C at every point of a sync call: it comes out as itself, nothing is settled twice, nothing is stuck or lost."""

from __future__ import annotations

import gc
import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import llmkit

from ..io._server import CERTIFICATE, HOLD, Answer, completion, failure, hello, piece, streamed
from ._interrupts import interrupted_at
from ._world import ASK, FULL, Routed, World

SOURCE = str(Path(llmkit.__file__).parent)
HALF: Answer = streamed(piece("Hel"), HOLD, end=False)
SAMPLE = 40
NEVER = 10**9


def plain(world: World) -> Any:
    """A call."""
    return world.client.completion(**ASK)


def retried(world: World) -> Any:
    """A call that waits and tries again."""
    return world.client.completion(**{**ASK, "num_retries": 1})


def fallen_back(world: World) -> Any:
    """A call that falls back."""
    return world.client.completion(**ASK, fallbacks=["openai/gpt-4o"])


def read_through(world: World) -> Any:
    """A stream, read to its end."""
    return world.client.completion(**ASK, stream=True).until_done()


def left_early(world: World) -> Any:
    """A stream, left in the middle of it."""
    with world.client.completion(**ASK, stream=True) as stream:
        return next(stream)


def dropped(world: World) -> Any:
    """A stream that is let go of."""
    return next(world.client.completion(**ASK, stream=True))


def closed(world: World) -> Any:
    """A call, and the client is closed."""
    plain(world)
    world.client.close()


@dataclass(frozen=True)
class Scenario:
    """What is done, and what the server answers."""

    work: Callable[[World], Any]
    answers: Sequence[Answer] = (completion(),)
    options: Mapping[str, Any] = field(default_factory=dict)
    tls: bool = False


SCENARIOS = {
    "plain": Scenario(plain),
    "retry": Scenario(retried, [failure(500), completion()]),
    "fallback": Scenario(fallen_back, [failure(401), completion()]),
    "stream": Scenario(read_through, [hello()]),
    "stream closed": Scenario(left_early, [HALF]),
    "stream dropped": Scenario(dropped, [HALF]),
    "TLS": Scenario(plain, options={"verify": str(CERTIFICATE)}, tls=True),
    "closing": Scenario(closed),
}


@contextmanager
def not_stuck() -> Iterator[None]:
    """What is done within takes no longer than five seconds."""

    def stuck(*_: Any) -> None:
        raise AssertionError("it is stuck")

    before = signal.signal(signal.SIGALRM, stuck)
    signal.setitimer(signal.ITIMER_REAL, 5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", SCENARIOS)
def test_interrupted_at_every_point(name: str) -> None:
    """A call that is interrupted at its n-th point leaves one settlement at most, and the next call works."""
    scenario = SCENARIOS[name]
    bad = []
    with Routed(tls=scenario.tls) as server:
        world = World(server, **scenario.options)
        points = _points(world, scenario)
        chosen = range(1, points + 1)
        if not FULL:
            chosen = sorted(random.Random(name).sample(chosen, SAMPLE))
        for at in chosen:
            try:
                _one(world, scenario, at)
            except Exception as e:
                import traceback
                tb = traceback.extract_tb(e.__traceback__)[-1]
                bad.append((at, world.where, type(e), str(e)[:100], tb.lineno))
                world.client.close()
                world = World(server, **scenario.options)
                _points(world, scenario)
        world.client.close()
        world.check_connections(0)
        gc.collect()
    for b in bad: print(*b)
    print(points)
    assert not bad


def _points(world: World, scenario: Scenario) -> int:
    """How many points there are, once everything that is loaded late is there."""
    for _ in range(2):
        world.answer(scenario.answers)
        with interrupted_at(NEVER, SOURCE) as interrupt:
            scenario.work(world)
    return interrupt.points


def _one(world: World, scenario: Scenario, at: int) -> None:
    world.told.clear()
    before = len(world.settled())
    world.answer(scenario.answers)
    interrupt = None
    try:
        with interrupted_at(at, SOURCE) as interrupt:
            scenario.work(world)
    except KeyboardInterrupt as error:
        assert error.args == ("enough",)
        world.where = interrupt.where
    else:
        world.where = interrupt.where
        assert not interrupt.where, "swallowed"
    if not world.is_free:
        gc.collect()
    world.answer(scenario.answers)
    with not_stuck():
        scenario.work(world)
    with not_stuck():
        world.client._drain()
    assert world.is_free, "place"
    ended = world.settled()[before:]
    assert len(world.told_of()) == len(set(world.told_of())), "told twice"
    assert set(world.told_of()) <= set(ended), f"told {len(world.told_of())} settled {len(ended)}"
    assert set(ended) >= set(world.begun()), f"settled {len(ended)} begun {len(world.begun())}"
    assert len(ended) <= 2
    counted = sum(totals.calls for totals in world.client.ledger.totals.values())
    assert counted == len(world.settled()), "totals"
    world.check_sent()
