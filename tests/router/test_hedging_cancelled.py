"""A hedged call that is given up: at every suspension of either attempt, and in sync at many of its instructions."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
import pytest

import llmkit._io.aio
from llmkit import errors
from llmkit._control import hold
from llmkit._control.routing import hedging
from llmkit._control.routing.hedging import Hedge
from llmkit._io import _race
from llmkit._io._race import arace
from llmkit.events import CallFinished, CallStarted

from ..faults._interrupts import interrupted_at
from ..faults._suspensions import Watched, dropped_at
from ..faults._world import FULL
from ..io._colour import MESSAGES, MODEL
from ..io._server import HOLD, completion, failure, piece, streamed
from ._pair import Pair, pair

ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "max_tokens": 50, "num_retries": 0}
MOST = 240
SLOW = (0.03, *completion("slow"))


class Suspensions:
    """Acts at the k-th suspension of the legs of a race, counted together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = self.at = 0
        self.act: Callable[[], Any] = bool

        async def watched(effect: Any, drive: Callable[[Any], Any]) -> Any:
            return await arace(effect, lambda run: Watched(drive(run), self.suspended))

        monkeypatch.setattr(llmkit._io.aio, "arace", watched)

    def suspended(self, _: int, __: Any) -> None:
        """One more."""
        self.count += 1
        if self.count == self.at:
            self.act()

    def next(self, *, again: bool = False) -> None:
        """The next run acts one later, unless it is to act there ``again``."""
        self.count, self.at = 0, self.at + (not again)


def check(world: Pair, calls: int) -> None:
    """All is settled, once; nothing is held, no place taken, nothing left running for long."""
    # What cannot be woken, such as the import of a module, ends by itself.
    for thread in [t for t in threading.enumerate() if t.name.startswith("llmkit-race")]:
        thread.join(10)
        assert not thread.is_alive()
    world.purse.manager.catch_up()
    world.purse.check()
    settlements = world.client.ledger.settlements
    assert len(settlements) == len({s.call_id for s in settlements}) == calls
    assert len(world.seen.of(CallFinished)) == calls
    assert world.free()


def scripts(world: Pair, name: str) -> bool:
    """What the servers answer from now on; whether it is a stream."""
    first, second = world.servers
    first.always(HOLD)
    if name == "loses":
        second.always(*SLOW)
    elif name == "both fail":
        first.always(0.04, *failure(500))
        second.always(0.01, *failure(500))
    elif name == "wins":
        first.always(0.03, *completion())
        second.always(HOLD)
    else:
        second.always(0.01, *streamed(piece("Hel"), HOLD, end=False))
    return name == "stream"


NAMES = ["loses", "both fail", "wins", "stream"]


async def asked(world: Pair, *, stream: bool) -> None:
    """One call; a stream is left after its first chunk."""
    if not stream:
        await world.client.acompletion(**ASK)
        return
    async with await world.client.acompletion(**ASK, stream=True) as opened:
        await anext(opened)


@pytest.mark.parametrize("loop", ["asyncio", "asyncio, task", "trio"])
@pytest.mark.parametrize("name", NAMES)
def test_cancelled_at_every_suspension(
    name: str, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever either attempt was waiting for: both are over at once, and the budget is exact."""
    library, _, form = loop.partition(", ")
    suspensions = Suspensions(monkeypatch)

    async def one(world: Pair, *, stream: bool) -> bool:
        if form:
            task = asyncio.ensure_future(asked(world, stream=stream))
            suspensions.act = task.cancel
            with suppress(errors.APIError, asyncio.CancelledError):
                await task
            return suspensions.count >= suspensions.at
        with anyio.CancelScope() as scope, suppress(errors.APIError):
            suspensions.act = scope.cancel
            await asked(world, stream=stream)
        return suspensions.count >= suspensions.at

    async def body() -> None:
        with pair(Hedge(after=0.01)) as world:
            stream = scripts(world, name)
            calls = missed = 0
            # On a busy machine a call may be over before the second attempt begins: it is looked at again.
            while missed < 3 and calls < MOST:
                suspensions.next(again=missed > 0)
                reached = await one(world, stream=stream)
                calls += 1
                check(world, calls)
                missed = 0 if reached else missed + 1
            assert 8 < suspensions.at < MOST
            await world.client.aclose()
            for server in world.servers:
                for peer in server.peers:
                    assert peer.gone.wait(2)

    anyio.run(body, backend=library)


@pytest.mark.parametrize("name", ["loses", "stream"])
def test_let_go_of_at_every_suspension(name: str) -> None:
    """A coroutine that is closed where it stands leaves what it holds to the next call."""

    async def body() -> None:
        with pair(Hedge(after=0.01)) as world:
            stream = scripts(world, name)
            at, calls, reached = 0, 0, True
            while reached and at < MOST:
                at += 1
                reached = await dropped_at(asked(world, stream=stream), at)
                gc.collect()
                await anyio.sleep(0.01)
                await asked(world, stream=stream)
                calls += 2
                check(world, calls)
            assert at > 2
            await world.client.aclose()

    anyio.run(body)


def test_ctrl_c_while_both_are_asked() -> None:
    """An interrupt of the waiting thread ends both, closes both sockets, and settles once."""
    with pair() as world:
        for server in world.servers:
            server.always(HOLD)
        waiting = threading.get_ident()

        def interrupt() -> None:
            world.servers[1].wait_requests(1)
            signal.pthread_kill(waiting, signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            world.client.completion(**ASK, timeout=5)
        thread.join()
        for server in world.servers:
            server.wait_gone()
        check(world, 1)


@pytest.mark.parametrize("name", ["loses", "stream"])
def test_interrupted_at_many_points(name: str) -> None:
    """Ctrl-C at any instruction of the thread that waits: nothing is lost, nothing is left."""
    files = (str(_race.__file__), str(hedging.__file__), str(hold.__file__))
    with pair(Hedge(after=0.005)) as world:
        stream = scripts(world, name)
        # In the short run each of the two takes some: they come by the same points.
        at, step = (0, 1) if FULL else (-6 * stream, 13)
        while at < MOST:
            at += step
            with interrupted_at(at, files) as interrupt:
                try:
                    if stream:
                        with world.client.completion(**ASK, stream=True) as opened:
                            next(opened)
                    else:
                        world.client.completion(**ASK)
                except KeyboardInterrupt:
                    pass
            gc.collect()
            world.client.close()
            try:
                check(world, len(world.seen.of(CallStarted)))
            except AssertionError as error:
                raise AssertionError(f"{at}: {interrupt.where}") from error
            if not interrupt.where:
                break
        assert 50 < at < MOST
