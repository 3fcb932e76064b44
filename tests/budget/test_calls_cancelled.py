"""Cancelled at every await, and let go of there, on both loops: no hold is left, and a slow store loses nothing."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import anyio
import pytest
import trio

from llmkit.budget import Budget
from llmkit.errors import APIError
from llmkit.stores import MemoryStore
from llmkit.testing import faults

from ..faults._steps import STEPS, Stepping, lent, world_of
from ..faults._suspensions import cancelled_at, dropped_at
from ..faults._world import ASK, Routed, World
from ..io._server import HOLD, Answer, completion, failure, hello, piece, streamed
from ._purse import ASK as ASKED
from ._purse import BOUND, KEY, MODEL, Purse, world

HALF: Answer = streamed(piece("Hel"), HOLD, end=False)
LIMITED = {**ASK, "max_tokens": 50}
MOST = 120
MODES = [
    ("asyncio", "task"),
    ("asyncio", "late"),
    ("asyncio", "ten times"),
    ("trio", "nursery"),
    ("trio", "scope"),
]
CANCELLED = (asyncio.CancelledError, trio.Cancelled)


class Waiting(MemoryStore):
    """A store that async code has to wait for."""

    async def aperform(self, operation: Any) -> Any:
        """Perform in the middle of a wait: cancelled, it may have been done or not."""
        await anyio.lowlevel.checkpoint()
        found = self.perform(operation)
        await anyio.lowlevel.checkpoint()
        return found


async def plain(world: World) -> Any:
    """A call."""
    return await world.client.acompletion(**LIMITED)


async def retried(world: World) -> Any:
    """A call that waits and tries again."""
    return await world.client.acompletion(**{**LIMITED, "num_retries": 1})


async def fallen_back(world: World) -> Any:
    """A call that falls back."""
    return await world.client.acompletion(**LIMITED, fallbacks=["openai/gpt-4o"])


async def read_through(world: World) -> Any:
    """A stream, read to its end."""
    return await (await world.client.acompletion(**LIMITED, stream=True)).until_done()


async def left_early(world: World) -> Any:
    """A stream, left in the middle of it."""
    async with await world.client.acompletion(**LIMITED, stream=True) as stream:
        return await anext(stream)


WORKS: dict[str, tuple[Callable[[World], Coroutine[Any, Any, Any]], Sequence[Answer]]] = {
    "plain": (plain, [completion()]),
    "retry": (retried, [failure(502), completion()]),
    "fallback": (fallen_back, [failure(401), completion()]),
    "stream": (read_through, [hello()]),
    "stream closed": (left_early, [HALF]),
}


@pytest.mark.parametrize(("loop", "mode"), MODES)
@pytest.mark.parametrize("name", WORKS)
def test_cancelled_at_every_await(name: str, loop: str, mode: str) -> None:
    """Whatever was awaited, the hold's operation included: every hold is settled, once, and the audit balances."""
    work, answers = WORKS[name]
    purse = Purse.of(Budget(1000), Budget(1000, scope="model"), store=Waiting())

    async def body() -> None:
        with Routed() as server:
            made = World(server, budget=purse.manager)
            reached, at = True, 0
            while reached and at < MOST:
                at += 1
                made.answer(answers)
                reached = await _cancelled(lambda: work(made), at, mode)
                made.answer(answers)
                await work(made)
                await made.client.aclose()
                purse.manager.catch_up()
                purse.check()
            assert at > 8
            assert not reached

    anyio.run(body, backend=loop)


async def _cancelled(work: Callable[[], Any], at: int, mode: str) -> bool:
    """Cancel it there; whether it came so far."""
    try:
        return (await cancelled_at(work, at, mode)).reached
    except CANCELLED:
        return True


@pytest.mark.parametrize("name", ["plain", "retry", "stream"])
def test_let_go_of_at_every_await(name: str) -> None:
    """A coroutine that is closed where it stands leaves its hold to the next call."""
    work, answers = WORKS[name]
    purse = Purse.of(store=Waiting())

    async def body() -> None:
        with Routed() as server:
            made = World(server, budget=purse.manager)
            reached, at = True, 0
            while reached and at < MOST:
                at += 1
                made.answer(answers)
                reached = await dropped_at(work(made), at)
                gc.collect()
                made.answer([completion()])
                await plain(made)
                await made.client.aclose()
                purse.manager.catch_up()
                purse.check()
            assert at > 5

    anyio.run(body)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("name", ["prediction", "batches"])
def test_calls_of_several_requests(name: str, loop: str) -> None:
    """Cancelled between its steps, a call of several requests has one hold, and leaves none."""
    steps = STEPS[name]
    purse = Purse.of(store=Waiting())

    async def body() -> None:
        with lent(), Stepping() as server:
            made = world_of(steps, server, budget=purse.manager, max_cost="0.01")
            reached, at = True, 0
            while reached and at < MOST:
                at += 3
                reached = await _cancelled(lambda: steps.awaited(made), at, "scope")
                await made.client.aclose()
                purse.manager.catch_up()
                purse.check()
            before = len(purse.entries)
            await steps.awaited(made)
            assert len(purse.entries) == before + 1

    anyio.run(body, backend=loop)


class Slow(MemoryStore):
    """A store that takes longer than a cancelled call may wait for it."""

    slow = False

    async def aperform(self, operation: Any) -> Any:
        """Perform, at last."""
        if self.slow and type(operation).__name__ == "SettleHold":
            await anyio.sleep(30)
        return self.perform(operation)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_store_too_slow_for_a_cancelled_call(loop: str) -> None:
    """The settlement of a hold that there is no time for is done later; the call ends within its second."""
    store = Slow()

    async def body() -> None:
        with world(store=store) as (sim, client, purse):
            sim.fail(faults.Stall(0))
            store.slow, begun = True, time.monotonic()
            with anyio.move_on_after(0.1) as scope:
                await client.acompletion(**ASKED)
            assert scope.cancelled_caught
            assert 0.5 < time.monotonic() - begun < 4
            store.slow = False
            purse.manager.catch_up()
            purse.check(BOUND, ["unknown"])
            await client.aclose()

    anyio.run(body, backend=loop)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_drain_does_not_block_its_loop(loop: str) -> None:
    """What was dropped is settled by awaiting the store: the loop has others to serve meanwhile."""
    told: list[str] = []

    class Awaited(MemoryStore):
        async def aperform(self, operation: Any) -> Any:
            if type(operation).__name__ == "SettleHold":
                told.append("begun")
                await anyio.sleep(0.05)
                told.append("ended")
            return self.perform(operation)

    async def body() -> None:
        with world(store=Awaited()) as (_, client, purse):
            stream = await client.acompletion(**ASKED, stream=True)
            await anext(stream)
            del stream
            gc.collect()
            async with anyio.create_task_group() as group:
                group.start_soon(client.aclose)
                await anyio.sleep(0.02)
                told.append("another")
            assert told == ["begun", "another", "ended"]
            purse.check(BOUND, ["unknown"])

    anyio.run(body, backend=loop)


def test_an_interrupt_between_a_hold_and_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C when the store has said that it holds, and nobody has heard: it is released, for nothing was sent."""
    with world() as (sim, client, purse):
        heard = [KeyboardInterrupt()]

        def interrupted(_: int) -> None:
            if heard:
                assert purse.audit().holds == 1
                raise heard.pop()

        monkeypatch.setattr(purse.manager.book, "heard", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.completion(**ASKED)
        assert not sim.requests
        purse.check(0, ["release"])
        assert client.ledger.settlements[0].sent == "no"


FLAGS = {"slow": "cancelled", "cut": "APIConnectionError", "502": "BadGatewayError 502"}


@pytest.mark.parametrize("how", FLAGS)
def test_the_ledger_says_why(how: str) -> None:
    """What is spent as held is flagged with what became of its attempt, in one word for each."""
    met = {"slow": faults.Stall(0), "cut": faults.Cut(0), "502": faults.Status(502)}

    async def body() -> None:
        with world() as (sim, client, purse):
            sim.fail(met[how])
            with anyio.move_on_after(0.1), suppress(APIError):
                await client.acompletion(**ASKED)
            purse.check(BOUND, ["unknown"])
            assert purse.entries[0].flag == FLAGS[how]
            await client.aclose()

    anyio.run(body)


def test_a_drain_that_is_let_go_of_is_done_by_the_next() -> None:
    """What was taken off the queue and could not be settled goes back there: it is not lost with its coroutine."""

    async def body() -> None:
        with world(store=Waiting()) as (_, client, purse):
            for at in range(1, 4):
                stream = await client.acompletion(**ASKED, stream=True)
                await anext(stream)
                del stream
                gc.collect()
                await dropped_at(client.aclose(), at)
                client.close()
                purse.check(at * BOUND)

    anyio.run(body)


def test_what_a_store_could_not_take_is_settled_at_the_end_of_the_process() -> None:
    """A settlement that was kept while the store was away is not left to its lease, though nobody closes anything."""
    code = f"""
import atexit, llmkit
from llmkit._operations import Audit, ReadEntries
from llmkit.budget import Budget, BudgetManager
from llmkit.stores import MemoryStore
from llmkit.testing import Simulator
class Failing(MemoryStore):
    away = False
    def perform(self, operation):
        if self.away and type(operation).__name__ == "SettleHold":
            raise llmkit.errors.StoreUnavailableError("away")
        return super().perform(operation)
store = Failing()
def report():
    entries = store.perform(ReadEntries())
    print([e.kind for e in entries], store.perform(Audit()).holds)
atexit.register(report)
sim = Simulator().__enter__()
manager = BudgetManager(store, [Budget(1)])
client = llmkit.Client(api_key={KEY!r}, base_url=sim.base_url, budget=manager)
store.away = True
client.completion({MODEL!r}, [{{"role": "user", "content": "hello"}}], max_tokens=100)
store.away = False
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.strip() == "['settle'] 0"


def test_what_is_dropped_at_the_end_of_the_process_is_settled() -> None:
    """A stream that is open when the process ends, and one that was dropped before, are spent as held."""
    code = f"""
import json, llmkit
from llmkit._operations import Audit, ReadEntries
from llmkit.budget import Budget, BudgetManager
from llmkit.testing import Simulator
manager = BudgetManager(budgets=[Budget(1)])
import atexit
def report():
    entries = manager.store.perform(ReadEntries())
    print(json.dumps([[e.kind, str(e.usd)] for e in entries] + [manager.store.perform(Audit()).holds]))
atexit.register(report)
sim = Simulator().__enter__()
client = llmkit.Client(api_key={KEY!r}, base_url=sim.base_url, budget=manager)
ask = dict(model={MODEL!r}, messages=[{{"role": "user", "content": "hello"}}], max_tokens=100)
one = client.completion(**ask, stream=True); next(one)
two = client.completion(**ask, stream=True); next(two)
del one
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    held = f'["unknown", "{BOUND}"]'
    assert ran.stdout.strip() == f"[{held}, {held}, 0]"


def test_threads_that_end_in_the_middle_leave_no_hold() -> None:
    """A stream that was opened on a thread that is gone is settled by whoever comes next."""
    with world() as (_, client, purse):

        def begin() -> None:
            stream = client.completion(**ASKED, stream=True)
            next(stream)

        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
        gc.collect()
        client.close()
        purse.check(BOUND, ["unknown"])
