"""A stream that goes on elsewhere, given up: at every suspension, and in sync at every point of what mends it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio

from llmkit import errors
from llmkit._control import session, settle
from llmkit._control.routing import continuing
from llmkit._control.routing.hedging import Hedge
from llmkit._io import sync_stream
from llmkit.events import CallFinished, CallStarted

from ..faults._interrupts import interrupted_at
from ..faults._suspensions import cancelled_at, dropped_at
from ..faults._world import FULL
from ..io._colour import MESSAGES, MODEL
from ..io._server import END, RESET, Answer, failure, piece, streamed
from ._pair import Pair, pair

ASK: dict[str, Any] = {
    "model": MODEL, "messages": MESSAGES, "max_tokens": 50, "num_retries": 0, "stream": True,
}  # fmt: skip
BROKEN = streamed(piece("Hel"), piece("lo, "), RESET, end=False)
REST = streamed(piece("world"), END)
MOST = 150
STEP = 1 if FULL else 61
MODES = [("asyncio", "task"), ("trio", "scope")]
if FULL:
    MODES += [("asyncio", "late"), ("asyncio", "twice"), ("trio", "nursery")]
CANCELLED = (asyncio.CancelledError, trio.Cancelled)
SECONDS: dict[str, Sequence[Any]] = {"goes on": REST, "fails": failure(503)}


def scripts(world: Pair, second: Answer) -> None:
    """What comes next: a stream that breaks, and what the other one says then."""
    world.servers[0].always(*BROKEN)
    world.servers[1].always(*second)


def check(world: Pair) -> None:
    """Each call that began was settled, once; nothing is held, no place taken."""
    world.client.close()
    world.purse.manager.catch_up()
    world.purse.check()
    calls = len(world.seen.of(CallStarted))
    settlements = world.client.ledger.settlements
    assert len(settlements) == len({s.call_id for s in settlements}) == calls
    # Ctrl-C in the middle of telling it may lose the last event, but never makes two of it.
    told = [event.settlement.call_id for event in world.seen.of(CallFinished)]
    assert len(told) == len(set(told)) <= calls
    assert world.free()


async def read(world: Pair) -> None:
    """One stream to its end."""
    with suppress(errors.APIError):
        await (await world.client.acompletion(**ASK)).until_done()


@pytest.mark.parametrize("second", SECONDS)
@pytest.mark.parametrize(("loop", "mode"), MODES)
def test_cancelled_at_every_suspension(loop: str, mode: str, second: str) -> None:
    """Before it broke, while another one is asked, and behind that: one settlement, and an exact budget."""

    async def body() -> None:
        with pair(Hedge(after=30)) as world:
            scripts(world, SECONDS[second])
            at, reached = 0, True
            while reached and at < MOST:
                at += 1
                try:
                    reached = (await cancelled_at(lambda: read(world), at, mode)).reached
                except CANCELLED:
                    reached = True
                gc.collect()
                await world.client.aclose()
                check(world)
            assert 8 < at < MOST
            for server in world.servers:
                for peer in server.peers:
                    assert peer.gone.wait(2)

    anyio.run(body, backend=loop)


@pytest.mark.parametrize("second", SECONDS)
def test_let_go_of_at_every_suspension(second: str) -> None:
    """A coroutine that is closed where it stands leaves its settlement and its holds to the next call."""

    async def body() -> None:
        with pair(Hedge(after=30)) as world:
            scripts(world, SECONDS[second])
            at, reached = 0, True
            while reached and at < MOST:
                at += 1
                reached = await dropped_at(read(world), at)
                gc.collect()
                await anyio.lowlevel.checkpoint()
                await world.client.aclose()
                check(world)
            assert 8 < at < MOST

    anyio.run(body)


@pytest.mark.parametrize("second", SECONDS)
def test_interrupted_at_every_point(second: str) -> None:
    """Ctrl-C at any instruction of what mends a stream: the same holds."""
    files = tuple(str(m.__file__) for m in (continuing, sync_stream, session, settle))
    at, where = 0, "the start"
    while where:
        at += STEP
        with pair(Hedge(after=30)) as world:
            scripts(world, SECONDS[second])
            with (
                interrupted_at(at, files) as interrupt,
                suppress(errors.APIError, KeyboardInterrupt),
            ):
                world.client.completion(**ASK).until_done()
            gc.collect()
            where = interrupt.where
            if ":None in" in where:
                # Where an exception is on its way CPython looks for no signal, and cannot do with one.
                continue
            try:
                check(world)
            except AssertionError as error:
                raise AssertionError(f"{at}: {where}") from error
    assert at > 150
