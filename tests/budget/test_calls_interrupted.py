"""Ctrl-C at every point of a call under a budget: no hold is left, none is settled twice, the audit balances."""

from __future__ import annotations

import functools
import gc
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit._settlements import Settlements
from llmkit.budget import Budget

from ..faults._calls import dropped, fallen_back, left_early, plain, read_through, retried
from ..faults._interrupts import interrupted_at
from ..faults._steps import STEPS, Stepping, Steps, lent, world_of
from ..faults._world import FULL, Routed, World, not_stuck
from ..io._server import HOLD, Answer, completion, failure, hello, piece, streamed
from ._purse import Purse

SOURCE = (str(Path(llmkit.__file__).parent),)
HALF: Answer = streamed(piece("Hel"), HOLD, end=False)
SAMPLE = 12
NEVER = 10**9


@dataclass(frozen=True)
class Scenario:
    """What is done, what the server answers, and the budget."""

    work: Callable[[World], Any]
    answers: Sequence[Answer] = (completion(),)
    rules: Sequence[Any] = (Budget(1000), Budget(1000, scope="model"))
    steps: Steps | None = None
    one_store: bool = False


def limited(work: Callable[..., Any]) -> Callable[[World], Any]:
    """With a limit of its own, so that its bound is small."""
    return functools.partial(work, max_tokens=50)


SCENARIOS = {
    "plain": Scenario(limited(plain)),
    "derived": Scenario(plain, rules=(Budget("0.5"), Budget("0.01", "30s", scope="session"))),
    "diverted": Scenario(
        limited(plain), rules=(Budget(1000, fallbacks={"1e-9": "openai/gpt-4.1-nano"}),)
    ),
    "retry": Scenario(limited(retried), [failure(500), completion()]),
    "retry, unknown": Scenario(limited(retried), [failure(502), completion()]),
    "fallback": Scenario(limited(fallen_back), [failure(401), completion()]),
    "one store": Scenario(limited(plain), one_store=True),
    "one store, retry": Scenario(limited(retried), [failure(502), completion()], one_store=True),
    "one store, stream": Scenario(limited(read_through), [hello()], one_store=True),
    "one store, stream dropped": Scenario(limited(dropped), [HALF], one_store=True),
    "stream": Scenario(limited(read_through), [hello()]),
    "stream closed": Scenario(limited(left_early), [HALF]),
    "stream dropped": Scenario(limited(dropped), [HALF]),
    "prediction": Scenario(STEPS["prediction"].blocking, steps=STEPS["prediction"]),
    "batches": Scenario(STEPS["batches"].blocking, steps=STEPS["batches"]),
}


@pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
@pytest.mark.parametrize("name", SCENARIOS)
def test_interrupted_at_every_point(name: str) -> None:
    """Interrupted at its n-th point, a call leaves no hold, and has spent nothing if nothing was sent."""
    scenario, purse = SCENARIOS[name], Purse.of(*SCENARIOS[name].rules)
    given: dict[str, Any] = (
        {"budget": purse.manager, "max_cost": "0.01"}
        if scenario.steps
        else {"budget": purse.manager}
    )
    if scenario.one_store:
        given["ledger"] = purse.manager.store
    if scenario.steps is not None:
        with lent(), Stepping() as stepping:
            _every(world_of(scenario.steps, stepping, **given), scenario, purse, name)
        return
    with Routed() as server:
        _every(World(server, **given), scenario, purse, name)


def _every(world: World, scenario: Scenario, purse: Purse, name: str) -> None:
    every = range(1, _points(world, scenario) + 1)
    assert len(every) > SAMPLE
    for at in every if FULL else random.Random(name).sample(every, SAMPLE):
        _one(world, scenario, purse, at)
    world.client.close()
    gc.collect()


def _points(world: World, scenario: Scenario) -> int:
    """How many points there are, once everything that is loaded late is there."""
    for _ in range(2):
        world.answer(scenario.answers)
        with interrupted_at(NEVER, SOURCE) as interrupt:
            scenario.work(world)
        world.client.close()
    return interrupt.points


def _one(world: World, scenario: Scenario, purse: Purse, at: int) -> None:
    """Interrupt it at this point, then do it again."""
    world.answer(scenario.answers)
    where = _interrupted(world, scenario, at)
    gc.collect()
    world.answer(scenario.answers)
    with not_stuck():
        scenario.work(world)
        world.client.close()
    purse.manager.catch_up()
    found = purse.audit()
    assert found.differences == (), where
    assert (found.holds, found.expired) == (0, 0), where
    settled = (
        world.client.ledger.perform(Settlements(NEVER))
        if scenario.one_store
        else world.client.ledger.settlements
    )
    unsent = {s.call_id for s in settled if s.sent == "no"}
    if scenario.one_store:
        ended = {e.id.rpartition("-")[0] for e in purse.entries if e.kind == "settle"}
        assert ended <= {s.call_id for s in settled}, where
    calls = {entry.id.rpartition("-")[0]: entry.kind for entry in purse.entries}
    assert {calls[call] for call in unsent & calls.keys()} <= {"release"}, where


def _interrupted(world: World, scenario: Scenario, at: int) -> str:
    """Interrupt it; where that was."""
    lost: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda given: lost.append(given.exc_value))
        # A TypeError is CPython 3.11's own, seldom: a frame left by an exception out of its tracing is used again.
        with (
            interrupted_at(at, SOURCE) as interrupt,
            suppress(KeyboardInterrupt, TypeError),
        ):
            scenario.work(world)
    assert all(isinstance(error, KeyboardInterrupt | ResourceWarning) for error in lost), lost
    return interrupt.where
