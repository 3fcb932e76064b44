"""One server, one client of it, and the questions that are asked after every fault: what was settled, what is left."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anyio
import trio
from typing_extensions import override

import llmkit
from llmkit import RetryPolicy
from llmkit.events import CallFinished, CallStarted

from ..io._colour import KEY, MESSAGES, MODEL
from ..io._server import Answer, Request, Server

__all__ = ["ASK", "FULL", "Routed", "World", "eventually", "not_stuck", "tasks"]

ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}
FULL = bool(os.environ.get("LLMKIT_FULL"))


class Routed(Server):
    """Answers every GET with ``got``, whenever it comes: a request that was given up may come late."""

    got: Answer = ()

    @override
    def _next(self, request: Request) -> Answer:
        return super()._next(request) if request.method == "POST" else self.got


class World:
    """A client with one place under ``max_parallel``, and what its callbacks are told."""

    def __init__(self, server: Server, **options: Any) -> None:
        self.server = server
        self.told: list[Any] = []
        defaults = {
            "api_key": KEY,
            "base_url": server.url,
            "retry": RetryPolicy(retries=0, first_wait=0.001),
            "max_parallel": 1,
            "ledger": llmkit.MemoryLedger(keep=100_000),
        }
        given = {**defaults, **options}
        callbacks = (self.told.append, *given.pop("callbacks", ()))
        self.client = llmkit.Client(callbacks=callbacks, **given)

    def answer(self, answers: Sequence[Answer]) -> None:
        """Let the server answer with these; the last of them ever after."""
        self.server._script.clear()
        self.server.script(*answers[:-1]).default = answers[-1]

    def begun(self) -> list[str]:
        """The calls that have begun."""
        return [event.call_id for event in self.told if isinstance(event, CallStarted)]

    def told_of(self) -> list[str]:
        """The calls whose end the callbacks were told of, each time that they were."""
        ended = [event for event in self.told if isinstance(event, CallFinished)]
        return [event.settlement.call_id for event in ended]

    def outcomes(self) -> list[str]:
        """What the calls ended as, that the callbacks were told of."""
        return [event.settlement.outcome for event in self.told if isinstance(event, CallFinished)]

    def settled(self) -> list[str]:
        """The calls in the ledger."""
        return [settlement.call_id for settlement in self.client.ledger.settlements]

    def check_settled(self, before: int = 0) -> None:
        """Every call that has begun has one settlement, and the callbacks were told of it once."""
        assert sorted(self.settled()[before:]) == sorted(self.begun())
        assert sorted(self.told_of()) == sorted(self.begun())
        self.check_totals()

    def check_totals(self) -> None:
        """The ledger's totals count what its settlements are."""
        counted = sum(totals.calls for totals in self.client.ledger.totals.values())
        assert counted == len(self.settled())

    def check_sent(self) -> None:
        """Nothing has come to the server of a call that says that nothing was sent."""
        keys = [request.headers.get("idempotency-key", "") for request in self.server.requests]
        arrived = {key.rpartition("-")[0] for key in keys}
        unsent = {s.call_id for s in self.client.ledger.settlements if s.sent == "no"}
        assert not arrived & unsent

    @property
    def is_free(self) -> bool:
        """Whether every place under ``max_parallel`` is free, and nobody waits for one; nor asks for a token."""
        cells = self.client._tokens._cells.values()
        limits = [self.client._limit, *(cell.limit for cell in cells)]
        free = all(limit._free == limit.capacity and not limit._waiters for limit in limits)
        return free and not any(cell.renewing for cell in cells)

    def connections(self) -> int:
        """How many connections the server is serving, those still shaking hands included."""
        return sum(thread.is_alive() for thread in self.server._threads[1:])

    def check_connections(self, most: int) -> None:
        """No more connections than this are left open."""
        eventually(lambda: self.connections() <= most)
        assert self.connections() <= most

    async def acheck_connections(self, most: int) -> None:
        """``check_connections`` within a loop, which may still have to close them."""
        for _ in range(1000):
            if self.connections() <= most:
                return
            await anyio.sleep(0.002)
        assert self.connections() <= most


def eventually(true: Callable[[], bool], seconds: float = 2.0) -> None:
    """Wait until something is true, or the time is up."""
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.001)


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


def tasks() -> int:
    """How many tasks the running loop has."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return trio.lowlevel.current_statistics().tasks_living
