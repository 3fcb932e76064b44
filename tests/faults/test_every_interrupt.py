"""Ctrl-C at every point of a sync call: it comes out as itself, nothing is settled twice, nothing is stuck or lost."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpcore
import pytest

import llmkit
from llmkit.types.embedding import Embedding, EmbeddingResponse, EmbeddingUsage

from ..io._server import CERTIFICATE, HOLD, Answer, completion, failure, hello, piece, streamed
from ._calls import dropped, fallen_back, left_early, plain, read_through, retried
from ._interrupts import interrupted_at
from ._steps import STEPS, Stepping, Steps, lent, world_of
from ._world import FULL, Routed, World, not_stuck

SOURCE = (str(Path(llmkit.__file__).parent), str(Path(httpcore.__file__).parent))
HALF: Answer = streamed(piece("Hel"), HOLD, end=False)
SAMPLE = 40
NEVER = 10**9


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
    steps: Steps | None = None
    """What it is, where it is a call of several steps: these have a server of their own."""

    @contextmanager
    def world(self) -> Iterator[World]:
        """The server, and a client of it."""
        if self.steps is not None:
            with lent(), Stepping() as stepping:
                yield world_of(self.steps, stepping, **self.options)
            return
        with Routed(tls=self.tls) as server:
            yield World(server, **self.options)


SCENARIOS = {
    "plain": Scenario(plain),
    "retry": Scenario(retried, [failure(500), completion()]),
    "fallback": Scenario(fallen_back, [failure(401), completion()]),
    "stream": Scenario(read_through, [hello()]),
    "stream closed": Scenario(left_early, [HALF]),
    "stream dropped": Scenario(dropped, [HALF]),
    "TLS": Scenario(plain, options={"verify": str(CERTIFICATE)}, tls=True),
    "closing": Scenario(closed),
    **{name: Scenario(steps.blocking, steps=steps) for name, steps in STEPS.items()},
}


OVER = ("httpx", "reqwest")


# A socket that has just been made and is nobody's yet is closed by the collector, which says so.
@pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
@pytest.mark.parametrize("transport", OVER)
@pytest.mark.parametrize("name", SCENARIOS)
def test_interrupted_at_every_point(
    name: str, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is interrupted at its n-th point leaves one settlement at most, and the next call works."""
    if transport == "reqwest":
        pytest.importorskip("llmkit._io._reqwest", exc_type=ImportError)
    monkeypatch.setenv("LLMKIT_TRANSPORT", transport)
    scenario = SCENARIOS[name]
    with scenario.world() as world:
        every = range(1, _points(world, scenario) + 1)
        for at in every if FULL else random.Random(name).sample(every, SAMPLE):
            _one(world, scenario, at)
        world.client.close()
        world.check_connections(0)
        gc.collect()


def _points(world: World, scenario: Scenario) -> int:
    """How many points there are, once everything that is loaded late is there."""
    for _ in range(2):
        world.answer(scenario.answers)
        with interrupted_at(NEVER, SOURCE) as interrupt:
            scenario.work(world)
        world.client.close()
    return interrupt.points


def _one(world: World, scenario: Scenario, at: int) -> None:
    """Interrupt it at this point, then do it again."""
    before = len(world.settled())
    world.told.clear()
    world.answer(scenario.answers)
    where = _interrupted(world, scenario, at)
    if not world.is_free:
        gc.collect()
    world.answer(scenario.answers)
    with not_stuck():
        scenario.work(world)
        # What was dropped is settled by whoever comes next.
        world.client.close()
    ended, told = world.settled()[before:], world.told_of()
    assert world.is_free, where
    assert len(ended) in {1, 2}, where
    assert set(ended) >= set(world.begun()), where
    assert set(ended) >= set(told), where
    assert len(told) == len(set(told)), where
    world.check_totals()
    world.check_sent()


def _interrupted(world: World, scenario: Scenario, at: int) -> str:
    """Interrupt it; where that was. It comes out as what it is, but for finalizers, which nothing comes out of."""
    lost: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda given: lost.append(given.exc_value))
        where = _came_out(world, scenario, at, lost)
    strange = [one for one in lost if not isinstance(one, KeyboardInterrupt | ResourceWarning)]
    assert not strange, where
    return where


def _came_out(world: World, scenario: Scenario, at: int, lost: list[Any]) -> str:
    out: list[str] = []
    with interrupted_at(at, SOURCE) as interrupt:
        try:
            scenario.work(world)
        except KeyboardInterrupt as error:
            out += error.args
        except TypeError as error:
            # CPython 3.11 itself, seldom: a frame that was left by an exception out of its tracing is used again.
            out += (
                ["enough"] if str(error) == "'traceback' object is not callable" else [str(error)]
            )
    assert out == ["enough"] or lost or not interrupt.where, f"swallowed: {interrupt.where}"
    return interrupt.where


DUMPED = EmbeddingResponse(data=[Embedding(embedding=[1.0])], usage=EmbeddingUsage(prompt_tokens=1))
DUMPS: dict[str, Callable[[], object]] = {
    "one": DUMPED.data[0].model_dump,
    "nested": DUMPED.to_dict,
    "JSON": DUMPED.data[0].model_dump_json,
    "nested JSON": DUMPED.model_dump_json,
}


@pytest.mark.parametrize("name", DUMPS)
def test_interrupted_while_an_answer_is_dumped(name: str) -> None:
    """What comes into a serializer, which pydantic makes an error of its own of, comes out as Ctrl-C."""
    at, reached = 0, True
    while reached:
        at += 1
        with interrupted_at(at, SOURCE) as interrupt, suppress(KeyboardInterrupt):
            DUMPS[name]()
        reached = bool(interrupt.where)
    assert at > 3
