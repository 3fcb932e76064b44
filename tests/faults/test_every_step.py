"""Given up at each step of a call: between two of its requests, while it waits, uploads, or asks for a token."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from ..io._colour import COLOURS, Colour
from ._steps import STEPS, Brisk, Stepping, Steps, lent, world_of
from ._suspensions import dropped_at
from ._world import World, eventually, tasks

FILES = Path("/proc/self/fd")
LARGE = 8_000_000
"""More than the buffers between the two ends hold."""
PATIENCE = 5.0
TOKEN = STEPS["client credentials"]
HELD = [(name, at) for name, steps in STEPS.items() for at in range(1, len(steps.asks) + 1)]
WAITS = [(name, at) for name in ("prediction", "transcript") for at in (1, 2)]


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


class Moment:
    """When a call is to be given up; ``come`` says that it is now, from whatever thread."""

    def __init__(self, colour: Colour) -> None:
        self._is_sync = colour.is_sync
        self._timers: list[threading.Timer] = []
        self.has_come = False

    def come(self) -> None:
        """Now: the caller is cancelled, or Ctrl-C comes once it waits."""
        self.has_come = True
        if self._is_sync:
            main = threading.main_thread().ident
            assert main is not None
            timer = threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGALRM))
            self._timers.append(timer)
            timer.start()

    @contextmanager
    def alarm(self) -> Iterator[None]:
        """While it lasts, SIGALRM is what Ctrl-C is."""
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            yield
        finally:
            for timer in self._timers:
                # One that comes later would end the process.
                timer.cancel()
                timer.join()
            signal.signal(signal.SIGALRM, before)


class Endless(Brisk):
    """A clock whose ``at``-th wait takes half a minute; that it has begun, is told."""

    def __init__(self, at: int, told: Callable[[], None]) -> None:
        super().__init__()
        self._at, self._told = at, told

    def _begun(self, seconds: float) -> float:
        if len(self.slept) + 1 != self._at:
            return seconds
        self._told()
        return 30_000.0

    @override
    def sleep(self, seconds: float, wake: threading.Event | None = None) -> None:
        super().sleep(self._begun(seconds), wake)

    @override
    async def asleep(self, seconds: float) -> None:
        await super().asleep(self._begun(seconds))


async def give_up(colour: Colour, steps: Steps, world: World, moment: Moment) -> None:
    """Make the call, which is given up when its moment has come; that is what comes out, and at once."""
    begun = time.monotonic()
    if colour.is_sync:
        with moment.alarm(), pytest.raises(KeyboardInterrupt):
            steps.blocking(world)
    else:
        await _cancelled(steps, world, moment)
    assert moment.has_come
    assert time.monotonic() - begun < PATIENCE


async def _cancelled(steps: Steps, world: World, moment: Moment) -> None:
    before = tasks()
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            group.start_soon(_watch, moment, scope)
            await steps.awaited(world)
    assert scope.cancelled_caught
    # What a loop's threads have done is told by tasks of their own.
    with anyio.move_on_after(PATIENCE):
        while tasks() > before:  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(0.001)
    assert tasks() <= before


async def _watch(moment: Moment, scope: anyio.CancelScope) -> None:
    with anyio.fail_after(PATIENCE):
        while not moment.has_come:  # noqa: ASYNC110 - it comes from a thread
            await anyio.sleep(0.001)
    scope.cancel()


async def again(colour: Colour, steps: Steps, world: World) -> None:
    """The call once more, undisturbed, all requests of it; and nothing is left then but one connection."""
    server: Any = world.server
    server.hold = server.sips = 0
    server.gate.set()
    assert world.is_free
    before = len(server.requests)
    if colour.is_sync:
        steps.blocking(world)
    else:
        await steps.awaited(world)
    await world.acheck_connections(1) if not colour.is_sync else world.check_connections(1)
    assert len(server.requests) - before == len(steps.asks)
    await colour.close(world.client)
    assert world.is_free


def check_given_up(world: World, sent: set[str]) -> None:
    """The first call was given up, and settled once as that; of its money no more is said than is known."""
    world.check_settled()
    first, *rest = world.client.ledger.settlements
    assert first.outcome == "cancelled"
    assert [settled.outcome for settled in rest] == ["completed"] * len(rest)
    assert first.sent in sent
    known = (0, "none") if first.sent == "no" else (None, "unknown")
    assert (first.cost, first.cost_status) == known, first.cost_reason


@pytest.mark.parametrize(("name", "at"), HELD, ids=[f"{name} {at}" for name, at in HELD])
def test_a_request_that_has_no_answer(colour: Colour, name: str, at: int) -> None:
    """Given up while it waits for its n-th answer, a call has been sent if any of it was asked of its provider."""
    steps = STEPS[name]
    asked = steps.asks[:at]

    async def body() -> None:
        server.hold, server.came = at, moment.come
        await give_up(colour, steps, world, moment)
        assert len(server.requests) == at
        eventually(lambda: world.connections() == 1)
        await again(colour, steps, world)

    with lent(), Stepping() as server:
        world, moment = world_of(steps, server), Moment(colour)
        colour.run(body)
        check_given_up(world, {"no"} if "c" not in asked else {"maybe", "yes"})


@pytest.mark.parametrize(("name", "at"), WAITS, ids=[f"{name} {at}" for name, at in WAITS])
def test_a_wait_between_two_questions(colour: Colour, name: str, at: int) -> None:
    """Given up while it waits before it asks again, a call ends at once, and asks no more."""
    steps = STEPS[name]

    async def body() -> None:
        await give_up(colour, steps, world, moment)
        asked = len(server.requests)
        await again(colour, steps, world)
        assert asked == steps.asks.count("c") - (3 if name == "transcript" else 2) + at - 1

    with Stepping() as server:
        moment = Moment(colour)
        world = world_of(steps, server, clock=Endless(at, moment.come))
        colour.run(body)
        check_given_up(world, {"yes"})


@pytest.mark.parametrize("name", ["file", "transcript"])
def test_an_upload_that_is_not_read(colour: Colour, name: str) -> None:
    """Given up while its file leaves, a call may have been sent; the file is closed, the next one sends all of it."""
    steps = STEPS[name]

    async def body() -> None:
        server.sips, server.came = 50_000, moment.come
        await give_up(colour, steps, world, moment)
        assert not server.requests
        eventually(lambda: server.file not in open_files())
        assert server.file not in open_files()
        await again(colour, steps, world)
        assert LARGE <= len(server.requests[0].body) < LARGE + 1000

    with Stepping(LARGE) as server:
        world, moment = world_of(steps, server), Moment(colour)
        colour.run(body)
        check_given_up(world, {"maybe"})


def open_files() -> set[Path]:
    """The files that this process has open, where the machine says so."""
    found = FILES.iterdir() if FILES.is_dir() else ()
    return {file.resolve() for file in found}


@pytest.mark.parametrize("name", STEPS)
def test_a_coroutine_that_is_dropped(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Let go of at its n-th suspension, for every n, a call can await nothing more; the next one settles it."""
    steps = STEPS[name]

    async def body() -> None:
        at, dropped = 0, True
        while dropped:
            at += 1
            world.told.clear()
            before = len(world.settled())
            dropped = await dropped_at(steps.awaited(world), at)
            with anyio.fail_after(PATIENCE):
                await steps.awaited(world)
            assert world.is_free
            await world.acheck_connections(1)
            world.check_settled(before)
            assert "failed" not in world.outcomes()
        assert at > 3
        await world.client.aclose()

    with lent(), Stepping() as server:
        world = world_of(steps, server)
        anyio.run(body)
        world.check_connections(0)
    gc.collect()
    assert not caplog.records


@pytest.mark.parametrize("given_up", ["who asks", "who waits"])
def test_two_that_need_one_token(colour: Colour, given_up: str) -> None:
    """Of two calls one asks for the token and one waits for it; whichever is given up, the other gets its answer."""

    async def body() -> None:
        server.hold = 1
        if not colour.is_sync:
            await _awaiting(world, given_up)
        elif given_up == "who asks":
            _asks(world, moment)
        else:
            _waits(world, moment)
        await again(colour, TOKEN, world)

    with Stepping() as server:
        world, moment = world_of(TOKEN, server, max_parallel=2), Moment(colour)
        colour.run(body)
        world.check_settled()
        settled = world.client.ledger.settlements
        assert sorted(s.outcome for s in settled) == ["cancelled", "completed", "completed"]
        assert [(s.sent, s.cost) for s in settled if s.outcome == "cancelled"] == [("no", 0)]


async def _awaiting(world: World, given_up: str) -> None:
    server: Any = world.server
    scopes = [anyio.CancelScope() for _ in range(2)]

    async def call(scope: anyio.CancelScope) -> None:
        with scope:
            await TOKEN.awaited(world)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as group:
            group.start_soon(call, scopes[0])
            while not server.requests:  # noqa: ASYNC110 - a thread counts them
                await anyio.sleep(0.001)
            group.start_soon(call, scopes[1])
            while not somebody_waits(world):  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(0.001)
            scopes[given_up == "who waits"].cancel()
            server.gate.set()


def _asks(world: World, moment: Moment) -> None:
    """The main thread asks for the token, and is interrupted when another waits for it."""
    server: Any = world.server
    other = threading.Thread(target=TOKEN.blocking, args=(world,))

    def came() -> None:
        other.start()
        eventually(lambda: somebody_waits(world))
        moment.come()

    server.came = came
    with moment.alarm(), pytest.raises(KeyboardInterrupt):
        TOKEN.blocking(world)
    server.gate.set()
    other.join(PATIENCE)


def _waits(world: World, moment: Moment) -> None:
    """Another thread asks for the token; the main one waits for it, and is interrupted."""
    server: Any = world.server
    other = threading.Thread(target=TOKEN.blocking, args=(world,))
    other.start()
    server.wait_requests(1)

    def watch() -> None:
        eventually(lambda: somebody_waits(world))
        moment.come()

    threading.Thread(target=watch).start()
    with moment.alarm(), pytest.raises(KeyboardInterrupt):
        TOKEN.blocking(world)
    server.gate.set()
    other.join(PATIENCE)


def somebody_waits(world: World) -> bool:
    """Whether a call waits for the token that another one asks for."""
    return any(cell.limit._waiters for cell in world.client._tokens._cells.values())
