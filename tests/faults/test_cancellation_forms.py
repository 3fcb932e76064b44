"""The ways in which a program gives a call up: siblings that fail, runs that end, scopes in scopes, dropped loops."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
import trio

import llmkit
from llmkit._io._limit import ParallelLimit
from llmkit._io._unbroken import Unbroken

from ..io._server import HOLD, Answer, Server, hello, piece, streamed
from ._world import ASK, World, not_stuck, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

HALF: Answer = streamed(piece("Hel"), HOLD, end=False)
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "trio"])


@pytest.fixture
def world() -> Iterator[World]:
    """A server that stops half-way through a stream, and a client of it that is left with nothing open."""
    with Server(always=HALF) as server:
        made = World(server, max_parallel=3)
        yield made
        made.client.close()
        made.check_connections(0)
        made.check_settled()
        made.check_sent()
        assert made.is_free


async def stall(world: World) -> None:
    """Read a stream that stalls."""
    async for _ in await world.client.acompletion(**ASK, stream=True):
        pass


async def has_begun(world: World, calls: int = 1) -> None:
    """Wait until so many streams have begun."""
    while [type(event).__name__ for event in world.told].count("StreamStarted") < calls:
        await anyio.lowlevel.checkpoint()


def test_a_sibling_that_fails(world: World) -> None:
    """What comes out of a TaskGroup is the sibling's failure alone; the calls are settled as cancelled."""

    async def fails() -> None:
        await has_begun(world, 2)
        raise ValueError("sibling")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(stall(world))
            group.create_task(stall(world))
            group.create_task(fails())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(main())
    assert [str(error) for error in caught.value.exceptions] == ["sibling"]
    assert world.outcomes() == ["cancelled"] * 2


def test_a_sibling_that_fails_on_trio(world: World) -> None:
    """So it is in a nursery."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stall, world)
            await has_begun(world)
            raise ValueError("sibling")

    with pytest.raises(ExceptionGroup) as caught:
        trio.run(main)
    assert [str(error) for error in caught.value.exceptions] == ["sibling"]
    assert world.outcomes() == ["cancelled"]


def test_a_run_that_ends_over_a_call(world: World) -> None:
    """asyncio.run() cancels what is left: it settles."""
    left = []

    async def main() -> None:
        left.append(asyncio.create_task(stall(world)))
        await has_begun(world)

    asyncio.run(main())
    assert world.outcomes() == ["cancelled"]


@LOOPS
def test_a_run_that_ends_over_an_open_stream(world: World, loop: str) -> None:
    """A stream that is open when its run ends is settled when it is let go of; nothing more is read from it."""
    kept: list[Any] = []

    async def main() -> None:
        kept.append(await world.client.acompletion(**ASK, stream=True))
        await anext(kept[0])

    anyio.run(main, backend=loop)
    world.check_connections(0)
    kept.clear()
    gc.collect()
    world.client.close()
    assert world.outcomes() == ["abandoned"]


@LOOPS
def test_a_loop_that_is_broken_off(world: World, loop: str) -> None:
    """``break`` without ``aclose()``: the connection is closed within the run, and the next call settles."""

    async def main() -> None:
        async def first() -> None:
            async for _ in await world.client.acompletion(**ASK, stream=True):
                break

        before = tasks()
        await first()
        await world.acheck_connections(0)
        # The connection is closed from within the task that is to end, on a busy machine some turns earlier.
        with anyio.move_on_after(2):
            while tasks() != before:  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.002)
        assert tasks() == before
        world.answer([hello()])
        await (await world.client.acompletion(**ASK, stream=True)).until_done()
        await world.client.aclose()

    anyio.run(main, backend=loop)
    assert world.outcomes() == ["abandoned", "completed"]


@LOOPS
def test_a_deadline_within_a_scope_that_is_cancelled_too(world: World, loop: str) -> None:
    """Of two scopes the outer one's cancellation comes out, and the call is settled once."""

    async def main() -> None:
        with anyio.CancelScope() as outer:
            with anyio.move_on_after(30) as inner:
                async with anyio.create_task_group() as group:
                    group.start_soon(stall, world)
                    await has_begun(world)
                    inner.cancel()
                    outer.cancel()
        assert outer.cancelled_caught
        await world.client.aclose()

    anyio.run(main, backend=loop)
    assert world.outcomes() == ["cancelled"]


def test_a_cancellation_of_what_is_shielded(world: World) -> None:
    """asyncio.shield() keeps a call going; cancelled itself, later, it settles as cancelled."""

    async def main() -> None:
        inner = asyncio.ensure_future(stall(world))
        outer = asyncio.ensure_future(asyncio.wait_for(asyncio.shield(inner), 30))
        await has_begun(world)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert not inner.done()
        inner.cancel()
        inner.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inner
        await world.client.aclose()

    asyncio.run(main())
    assert world.outcomes() == ["cancelled"]


def test_cleaning_up_gives_no_turn_away() -> None:
    """After a cancellation the work's turns are not the loop's: what is thrown in once is all that comes in."""
    seen: list[str] = []

    async def work() -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            for _ in range(3):
                await asyncio.sleep(0)
            seen.append("clean")
            raise
        return "done"

    async def main() -> None:
        task = asyncio.ensure_future(_awaits(Unbroken(work())))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["clean"]


def test_what_waits_for_the_loop_is_given_turns() -> None:
    """A scope's checkpoint turns until the loop throws its cancellation in, which is let through to it."""

    async def work(scope: anyio.CancelScope) -> None:
        with anyio.move_on_after(0.001):
            await anyio.sleep(30)
        scope.cancel()
        await anyio.lowlevel.checkpoint_if_cancelled()

    async def main() -> bool:
        with anyio.CancelScope() as scope:
            await _awaits(Unbroken(work(scope)))
        return scope.cancelled_caught

    with not_stuck():
        assert asyncio.run(main())


async def _awaits(work: Unbroken) -> Any:
    return await work


def test_a_place_that_is_let_go_of() -> None:
    """A place that nobody gives back, because an interrupt came first, is given back by its finalizer, once."""
    limit = ParallelLimit(1)
    place = limit.acquire(0)
    with pytest.raises(llmkit.errors.APITimeoutError):
        limit.acquire(0)
    del place
    place = limit.acquire(0)
    place()
    place()
    assert limit._free == 1
