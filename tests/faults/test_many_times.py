"""Each way that a call can end, very many times over: nothing grows, nothing is left, everything is settled once."""

from __future__ import annotations

import gc
import resource
import signal
import sys
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

import llmkit
from llmkit import Timeouts, errors

from ..io._colour import COLOURS, Colour, collect
from ..io._server import HOLD, RESET, Answer, completion, hello, piece, streamed
from ._world import FULL, Routed, World

FILES = Path("/proc/self/fd")
ROUNDS = 1000 if FULL else 40
HALF: Answer = streamed(piece("Hel"), piece("lo"), HOLD, end=False)
BROKEN: Answer = streamed(piece("Hel"), RESET, end=False)
SHORT = Timeouts(connect=5, first_token=5, idle=0.002, total=5)
BLOCKS = 8
Way = Callable[[Colour, World], Awaitable[Any]]


async def called(colour: Colour, world: World) -> None:
    """A call."""
    await colour.call(world.client)


async def read(colour: Colour, world: World) -> None:
    """A stream, read to its end."""
    await colour.read(world.client)


async def dropped_at_once(colour: Colour, world: World) -> None:
    """A stream that is let go of before it is read."""
    await colour.open(world.client)


async def dropped_half_way(colour: Colour, world: World) -> None:
    """A stream that is let go of in the middle."""
    await anext(await colour.open(world.client))


async def closed_half_way(colour: Colour, world: World) -> None:
    """A stream that is closed in the middle."""
    async with await colour.open(world.client) as stream:
        await anext(stream)


async def interrupted(colour: Colour, world: World) -> None:
    """A stream that is cancelled in the middle; in sync code, by a signal."""
    if colour.is_sync:
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        stream = await colour.open(world.client)
        with pytest.raises(KeyboardInterrupt):
            await _collected_for_a_moment(stream)
        signal.signal(signal.SIGALRM, before)
        return
    with anyio.CancelScope() as scope:
        stream = await colour.open(world.client)
        await anext(stream)
        scope.cancel()
        await stream.until_done()


async def _collected_for_a_moment(stream: Any) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.003)
    await collect(stream, [])


async def timed_out(colour: Colour, world: World) -> None:
    """A stream that stalls."""
    with pytest.raises(errors.APIError):
        await colour.read(world.client, timeout=SHORT)


async def reset(colour: Colour, world: World) -> None:
    """A stream and a call whose connections are reset."""
    with pytest.raises(errors.APIError):
        await colour.read(world.client)


WAYS: dict[str, tuple[Way, Sequence[Answer], str]] = {
    "called": (called, [completion()], "completed"),
    "read": (read, [hello()], "completed"),
    "dropped at once": (dropped_at_once, [HALF], "abandoned"),
    "dropped half-way": (dropped_half_way, [HALF], "abandoned"),
    "closed half-way": (closed_half_way, [HALF], "closed"),
    "cancelled": (interrupted, [HALF], "cancelled"),
    "timed out": (timed_out, [HALF], "interrupted"),
    "reset": (reset, [BROKEN], "interrupted"),
}


class Count:
    """What this process has, but for what the server keeps of the past."""

    def __init__(self, world: World) -> None:
        server = world.server
        server.requests.clear()
        server.peers[:] = [peer for peer in server.peers if not peer.gone.is_set()]
        server._threads[:] = [thread for thread in server._threads if thread.is_alive()]
        gc.collect()
        self.objects = len(gc.get_objects())
        self.memory = tracemalloc.get_traced_memory()[0]
        self.threads = threading.active_count()
        self.files = len(list(FILES.iterdir())) if FILES.is_dir() else 0


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", WAYS)
def test_nothing_grows(name: str, colour: str) -> None:
    """The second half of many rounds leaves no more objects, memory, files and threads than the first."""
    if (coverage := sys.modules.get("coverage")) and coverage.Coverage.current():
        pytest.skip("what measures coverage keeps something for each thread")
    with Routed() as server:
        world = World(server, ledger=llmkit.MemoryLedger(keep=5))
        way, answers, outcome = WAYS[name]
        world.answer(answers)
        if FULL:
            tracemalloc.start()
        try:
            Colour(colour).run(_rounds, Colour(colour), world, way, outcome)
        finally:
            tracemalloc.stop()
        world.client.close()
        world.check_connections(0)


async def _rounds(colour: Colour, world: World, way: Way, outcome: str) -> None:
    counts, outcomes = [], Counter[str]()
    # What leaks grows every time; what is merely made late, in a process that does other things too, does not.
    while len(counts) < 3 or (len(counts) < BLOCKS and not _flat(*counts[-2:])):
        for _ in range(ROUNDS):
            await way(colour, world)
            outcomes.update(world.outcomes())
            world.told.clear()
        await _settle(colour, world)
        counts.append(Count(world))
    world.client.close()
    outcomes.update(world.outcomes())
    assert outcomes.total() == len(counts) * ROUNDS
    # A signal may come before the stream waits: then it is dropped, and not cancelled.
    assert set(outcomes) <= {outcome, *(["abandoned"] if way is interrupted else [])}
    assert [t.calls for t in world.client.ledger.totals.values()] == [outcomes.total()]
    assert _flat(*counts[-2:]), [(c.objects, c.memory, c.threads, c.files) for c in counts]
    await colour.close(world.client)


def _flat(before: Count, after: Count) -> bool:
    return (
        after.objects - before.objects < ROUNDS / 2
        and after.memory - before.memory < ROUNDS * 100
        and after.threads <= before.threads
        and after.files <= before.files
    )


async def _settle(colour: Colour, world: World) -> None:
    """Wait until the server has seen the end of all but the connection that is kept."""
    gc.collect()
    for _ in range(1000):
        if world.connections() <= 1:
            break
        await colour.sleep(0.002)
    assert world.connections() <= 1
    if colour.name == "trio":
        # Idle for a moment, with no deadline: only then does it let go of those that are over.
        await anyio.to_thread.run_sync(time.sleep, 0.005)


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


@pytest.mark.skipif(not (FULL and FILES.is_dir()), reason="long, and reads /proc: with LLMKIT_FULL")
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", ["called", "dropped half-way"])
def test_memory_stays(name: str, colour: str) -> None:
    """Over 20,000 calls (or 5,000 dropped streams) the second half makes the process no larger than 3 MB more."""
    way, answers, _ = WAYS[name]
    half = 10_000 if way is called else 2_500
    with Routed() as server:
        world = World(server, ledger=llmkit.MemoryLedger(keep=5))
        world.answer(answers)
        Colour(colour).run(_resident_over, Colour(colour), world, way, half)
        world.client.close()


async def _resident_over(colour: Colour, world: World, way: Way, half: int) -> None:
    sizes = []
    for done in range(2 * half):
        await way(colour, world)
        if done % 500 == 0:
            world.told.clear()
            await _settle(colour, world)
            Count(world)
        if done + 1 in {half, 2 * half}:
            sizes.append(resident())
    assert sizes[1] - sizes[0] < 3 * 1024 * 1024
    await colour.close(world.client)
