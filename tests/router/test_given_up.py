"""Routed calls that are given up at each point: cancelled, let go of, interrupted. No place is left behind."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

import llmkit
from llmkit import RetryPolicy
from llmkit._operations import Look
from llmkit.router import Router
from llmkit.stores import MemoryStore

from ..faults import _calls, test_every_await, test_every_interrupt
from ..faults._world import FULL, Routed, World
from ..io._colour import KEY, MODEL
from ..io._server import HOLD, Answer, Server, completion, failure, hello, piece, streamed
from ._kit import idle

SAMPLE = 12


class RoutedWorld(World):
    """A world whose client is a router: two deployments of the model, one of another. Each call has a ticket."""

    def __init__(self, server: Server, *, store: Any = None, **options: Any) -> None:
        self.server = server
        self.told: list[Any] = []
        self.store = store
        callbacks = (self.told.append, *options.pop("callbacks", ()))
        listed = ((MODEL, MODEL), (MODEL, "openai/gpt-4.1"), ("openai/gpt-4o", "openai/gpt-4o"))
        entries = [
            {
                "model_name": group,
                "litellm_params": {
                    "model": model,
                    "order": order,
                    "base_url": server.url,
                    "rpm": 10**6,
                    "api_key": f"{KEY}-{order}",
                },
            }
            for order, (group, model) in enumerate(listed)
        ]
        self.client = Router(
            entries,
            callbacks=callbacks,
            retry=RetryPolicy(retries=0, first_wait=0.001),
            max_parallel=1,
            ledger=llmkit.MemoryLedger(keep=100_000),
            default_max_parallel_requests=1,
            cooldown_time=0,
            store=store,
            **options,
        )

    @property
    def is_free(self) -> bool:
        return super().is_free and idle(self.client) and not self._running()

    def _running(self) -> int:
        if self.store is None:
            return 0
        names = tuple(one.id for one in self.client._table.members)
        return sum(one.running for one in self.store.perform(Look(names)).health)


@dataclass(frozen=True)
class Scenario:
    """What is done, and what the server answers."""

    work: Callable[[Any], Any]
    answers: Sequence[Answer] = (completion(),)
    shared: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    kept: int = 1

    @contextmanager
    def world(self) -> Iterator[World]:
        with Routed() as server:
            yield RoutedWorld(server, store=MemoryStore() if self.shared else None, **self.options)


HALF: Answer = streamed(piece("Hel"), HOLD, end=False)
SHAPES: dict[str, tuple[str, Sequence[Answer]]] = {
    "plain": ("plain", [completion()]),
    "another of the group": ("plain", [failure(500), completion()]),
    "another group": ("fallen_back", [failure(401), failure(401), completion()]),
    "again": ("retried", [failure(500), failure(500), completion()]),
    "stream": ("read_through", [hello()]),
    "stream of another": ("read_through", [failure(500), hello()]),
    "stream closed": ("left_early", [HALF]),
}
AWAITED = {
    f"{name}{', shared' * shared}": Scenario(getattr(test_every_await, work), answers, shared)
    for name, (work, answers) in SHAPES.items()
    for shared in (False, True)
}
BLOCKING = {
    f"{name}{', shared' * shared}": Scenario(getattr(_calls, work), answers, shared)
    for name, (work, answers) in {**SHAPES, "stream dropped": ("dropped", [HALF])}.items()
    for shared in (False, True)
}
WAYS = test_every_await.WAYS if FULL else [("asyncio", "task"), ("trio", "scope")]
# The rest is for the long run.
FEW = {
    "again",
    "another group, shared",
    "plain, shared",
    "stream closed",
    "stream of another, shared",
}
if not FULL:
    AWAITED = {name: one for name, one in AWAITED.items() if name in FEW}
    BLOCKING = {
        name: one for name, one in BLOCKING.items() if name in {*FEW, "stream dropped, shared"}
    }


@pytest.mark.parametrize(("loop", "mode"), WAYS, ids=[f"{loop} {mode}" for loop, mode in WAYS])
@pytest.mark.parametrize("name", AWAITED)
def test_cancelled_at_every_suspension(name: str, loop: str, mode: str) -> None:
    """A routed call that is cancelled at its k-th suspension, for every k, leaves one settlement and no place."""
    scenario: Any = AWAITED[name]
    with scenario.world() as world:
        work = test_every_await._at_every_suspension
        anyio.run(work, world, scenario, mode, 1, backend=loop)
        gc.collect()


@pytest.mark.parametrize("name", AWAITED)
def test_let_go_of_at_every_suspension(name: str) -> None:
    """A routed call's coroutine that is let go of leaves nothing behind either."""
    scenario: Any = AWAITED[name]
    with scenario.world() as world:
        anyio.run(test_every_await._dropped_at_every_suspension, world, scenario)
        gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
@pytest.mark.parametrize("name", BLOCKING)
def test_interrupted_at_every_point(name: str) -> None:
    """Ctrl-C anywhere in a routed call leaves one settlement at most, and no place."""
    scenario: Any = BLOCKING[name]
    with scenario.world() as world:
        every = range(1, test_every_interrupt._points(world, scenario) + 1)
        for at in every if FULL else random.Random(name).sample(every, SAMPLE):
            test_every_interrupt._one(world, scenario, at)
        world.client.close()
        gc.collect()
