"""Given up at every point: whatever happens to a call, what was begun is finished, in one way."""

from __future__ import annotations

import asyncio
import functools
import gc
import random
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
import trio
from typing_extensions import override

import llmkit

from ..faults import _calls as calls
from ..faults._interrupts import interrupted_at
from ..faults._steps import STEPS, Stepping, lent, world_of
from ..faults._suspensions import cancelled_at, dropped_at
from ..faults._world import FULL, Routed, not_stuck
from ..faults._world import World as Faulty
from ..io._server import HOLD, Answer, completion, failure, hello, piece, streamed
from ._recorded import Billing, Desk

SOURCE = (str(Path(llmkit.__file__).parent),)
HALF: Answer = streamed(piece("Hel"), HOLD, end=False)
LIMITED = {"max_tokens": 50}
REFUSED = {400, 401, 429, 500}
MOST = 150
SAMPLE = 20
NEVER = 10**9
MODES = [
    ("asyncio", "task"),
    ("asyncio", "late"),
    ("asyncio", "ten times"),
    ("trio", "nursery"),
    ("trio", "scope"),
]
CANCELLED = (asyncio.CancelledError, trio.Cancelled)


class Waiting(Desk):
    """A desk that async code has to wait for, before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = True


def world_with(desk: Desk, server: Routed) -> Faulty:
    """A client of the server that is billed at the desk."""
    return Faulty(server, billing=Billing(desk))


def check(world: Faulty, desk: Desk, where: str = "") -> None:
    """Each call that has come to the provider is finished once, and what was not sent is not charged for."""
    desk.check()
    charged = {finish.call: finish.charges for finish in desk.finishes}
    ledger = {settled.call_id: settled for settled in world.client.ledger.settlements}
    for call, settled in ledger.items():
        charges = charged.get(call, ())
        if settled.outcome == "completed":
            assert charges[-1].usd == settled.cost, where
            assert charges[-1].id == call, where
        if settled.sent == "no":
            assert charges == (), where
    begun = {begin.call for begin in desk.begins}
    keys = [request.headers.get("idempotency-key", "") for request in world.server.requests]
    arrived = {key.partition("-")[0] for key in keys if key}
    assert arrived <= begun, where


# --- cancelled --------------------------------------------------------------------------------


async def plain(world: Faulty) -> Any:
    """A call."""
    return await world.client.acompletion(**{**_ASK, **LIMITED})


async def retried(world: Faulty) -> Any:
    """A call that waits and tries again."""
    return await world.client.acompletion(**{**_ASK, **LIMITED, "num_retries": 1})


async def fallen_back(world: Faulty) -> Any:
    """A call that falls back on a dearer model, and is announced again."""
    return await world.client.acompletion(**_ASK, **LIMITED, fallbacks=["openai/gpt-4o"])


async def read_through(world: Faulty) -> Any:
    """A stream, read to its end."""
    return await (await world.client.acompletion(**_ASK, **LIMITED, stream=True)).until_done()


async def left_early(world: Faulty) -> Any:
    """A stream, left in the middle of it."""
    async with await world.client.acompletion(**_ASK, **LIMITED, stream=True) as stream:
        return await anext(stream)


_ASK = calls.ASK
WORKS: dict[str, tuple[Callable[[Faulty], Coroutine[Any, Any, Any]], Sequence[Answer]]] = {
    "plain": (plain, [completion()]),
    "retry": (retried, [failure(502), completion()]),
    "fallback": (fallen_back, [failure(401), completion()]),
    "stream": (read_through, [hello()]),
    "stream closed": (left_early, [HALF]),
}


@pytest.mark.parametrize(("loop", "mode"), MODES)
@pytest.mark.parametrize("name", WORKS)
def test_cancelled_at_every_await(name: str, loop: str, mode: str) -> None:
    """Whatever was awaited, the desk included: what was begun is finished, once; the next call is not disturbed."""
    work, answers = WORKS[name]
    desk = Waiting()

    async def body() -> None:
        with Routed() as server:
            made = world_with(desk, server)
            reached, at = True, 0
            while reached and at < MOST:
                at += 1
                made.answer(answers)
                reached = await _cancelled(lambda: work(made), at, mode)
                made.answer(answers)
                await work(made)
                await made.client.aclose()
                check(made, desk, str(at))
            assert at > 8
            assert not reached

    anyio.run(body, backend=loop)


async def _cancelled(work: Callable[[], Any], at: int, mode: str) -> bool:
    """Cancel it there; whether it came so far."""
    try:
        return (await cancelled_at(work, at, mode)).reached
    except CANCELLED:
        return True


@pytest.mark.parametrize("name", WORKS)
def test_let_go_of_at_every_await(name: str) -> None:
    """A coroutine that is closed where it stands leaves its end to the next call."""
    work, answers = WORKS[name]
    desk = Waiting()

    async def body() -> None:
        with Routed() as server:
            made = world_with(desk, server)
            reached, at = True, 0
            while reached and at < MOST:
                at += 1
                made.answer(answers)
                reached = await dropped_at(work(made), at)
                gc.collect()
                made.answer([completion()])
                await plain(made)
                await made.client.aclose()
                check(made, desk, str(at))
            assert at > 5

    anyio.run(body)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("name", ["prediction", "transcript", "client credentials"])
def test_calls_of_several_requests(name: str, loop: str) -> None:
    """Cancelled between its steps, a call of several requests is begun and finished once."""
    steps, desk = STEPS[name], Waiting()

    async def body() -> None:
        with lent(), Stepping() as server:
            made = world_of(steps, server, billing=Billing(desk), max_cost="0.01")
            reached, at = True, 0
            while reached and at < MOST:
                at += 3
                reached = await _cancelled(lambda: steps.awaited(made), at, "scope")
                await made.client.aclose()
                desk.check()
            before = len(desk.begins)
            await steps.awaited(made)
            assert len(desk.begins) == before + 1
            finish = desk.finishes[-1]
            assert [charge.id for charge in finish.charges] == [finish.call]

    anyio.run(body, backend=loop)


def test_a_prediction_that_is_not_waited_for() -> None:
    """What was asked for is charged, as far as it can be, though only the question how it stands has failed."""
    desk = Desk()
    with lent(), Stepping() as server:
        limits = llmkit.Timeouts(first_token=0.3)
        made = world_of(STEPS["prediction"], server, billing=Billing(desk), timeout=limits)
        server.hold = 2
        with pytest.raises(llmkit.APIError):
            STEPS["prediction"].blocking(made)
        finish = desk.finishes[-1]
        assert [(charge.id, charge.usd) for charge in finish.charges] == [(finish.call, None)]
        assert finish.charges[0].outcome == "failed"


class Slow(Desk):
    """A desk that takes longer for an end than a cancelled call may wait."""

    slow = False

    @override
    async def aperform(self, operation: Any) -> Any:
        if self.slow and type(operation).__name__ == "Finish":
            await anyio.sleep(30)
        return self.perform(operation)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_desk_too_slow_for_a_cancelled_call(loop: str) -> None:
    """The end that there is no time for is told later, the same; the call ends within its second."""
    desk = Slow()

    async def body() -> None:
        with Routed() as server:
            made = world_with(desk, server)
            made.answer([(HOLD,)])
            desk.slow, begun = True, time.monotonic()
            with anyio.move_on_after(0.1) as scope:
                await plain(made)
            assert scope.cancelled_caught
            assert 0.5 < time.monotonic() - begun < 15
            assert desk.finishes == []
            desk.slow = False
            await made.client.aclose()
            check(made, desk)
            (finish,) = desk.finishes
            assert [charge.outcome for charge in finish.charges] == ["cancelled"]

    anyio.run(body, backend=loop)


# --- interrupted ------------------------------------------------------------------------------


def limited(work: Callable[..., Any]) -> Callable[[Faulty], Any]:
    """With a limit of its own, so that its bound is small."""
    return functools.partial(work, **LIMITED)


SCENARIOS: dict[str, tuple[Callable[[Faulty], Any], Sequence[Answer]]] = {
    "plain": (limited(calls.plain), [completion()]),
    "retry": (limited(calls.retried), [failure(502), completion()]),
    "fallback": (limited(calls.fallen_back), [failure(401), completion()]),
    "stream": (limited(calls.read_through), [hello()]),
    "stream closed": (limited(calls.left_early), [HALF]),
    "stream dropped": (limited(calls.dropped), [HALF]),
}


@pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
@pytest.mark.parametrize("name", SCENARIOS)
def test_interrupted_at_every_point(name: str) -> None:
    """Ctrl-C at its n-th point: what was begun is finished, once, by then or by whoever comes next."""
    work, answers = SCENARIOS[name]
    desk = Desk()
    with Routed() as server:
        world = world_with(desk, server)
        every = range(1, _points(world, work, answers) + 1)
        assert len(every) > SAMPLE
        for at in every if FULL else random.Random(name).sample(every, SAMPLE):
            world.answer(answers)
            where = _interrupted(world, work, at)
            gc.collect()
            world.answer(answers)
            with not_stuck():
                work(world)
                world.client.close()
            check(world, desk, where)
        gc.collect()


def _points(world: Faulty, work: Callable[[Faulty], Any], answers: Sequence[Answer]) -> int:
    """How many points there are, once everything that is loaded late is there."""
    for _ in range(2):
        world.answer(answers)
        with interrupted_at(NEVER, SOURCE) as interrupt:
            work(world)
        world.client.close()
    return interrupt.points


def _interrupted(world: Faulty, work: Callable[[Faulty], Any], at: int) -> str:
    """Interrupt it; where that was."""
    lost: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda given: lost.append(given.exc_value))
        # A TypeError is CPython 3.11's own, seldom: a frame left by an exception out of its tracing is used again.
        with interrupted_at(at, SOURCE) as interrupt, suppress(KeyboardInterrupt, TypeError):
            work(world)
    assert all(isinstance(error, KeyboardInterrupt | ResourceWarning) for error in lost), lost
    return interrupt.where
