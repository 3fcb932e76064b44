"""Cancelled at every await point there is: one settlement, nothing left behind, and the cancellation comes out."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pydantic
import pytest
import trio
from typing_extensions import override

import llmkit
from llmkit import MediaPolicy
from llmkit._flow import Deadlines, Flow, race, send
from llmkit._http import HTTPRequest
from llmkit.providers import Provider
from llmkit.wires.openai_chat import OpenAIChat

from ..io._server import (
    CERTIFICATE,
    HOLD,
    Answer,
    answer,
    completion,
    failure,
    hello,
    piece,
    streamed,
)
from ._steps import STEPS, Stepping, Steps, lent, world_of
from ._suspensions import Trial, Watched, cancelled_at, dropped_at
from ._world import ASK, FULL, Routed, World, tasks

MOST = 200
PNG: Answer = answer(b"\x89PNG\r\n\x1a\npixels", content_type="image/png")
HALF: Answer = streamed(piece("Hel"), HOLD, end=False)
CANCELLED = (asyncio.CancelledError, trio.Cancelled)


class OnlyBytes(OpenAIChat):
    """A wire whose host fetches nothing."""

    @override
    def reads_url(self, url: str) -> bool:
        """No address at all."""
        return False


class Said(pydantic.BaseModel):
    """What a structured answer holds."""

    text: str


def slowly(whole: Answer) -> Answer:
    """An answer in four pieces."""
    [sent] = whole
    assert isinstance(sent, bytes)
    return [step for cut in range(0, len(sent), 100) for step in (sent[cut : cut + 100], 0.001)]


async def plain(world: World) -> Any:
    """A call."""
    return await world.client.acompletion(**ASK)


async def retried(world: World) -> Any:
    """A call that waits and tries again."""
    return await world.client.acompletion(**{**ASK, "num_retries": 1})


async def fallen_back(world: World) -> Any:
    """A call that falls back."""
    return await world.client.acompletion(**ASK, fallbacks=["openai/gpt-4o"])


async def structured(world: World) -> Any:
    """A call whose answer is parsed."""
    return await world.client.acompletion(**ASK, response_format=Said)


async def read_through(world: World) -> Any:
    """A stream, read to its end."""
    return await (await world.client.acompletion(**ASK, stream=True)).until_done()


async def left_early(world: World) -> Any:
    """A stream, left in the middle of it."""
    async with await world.client.acompletion(**ASK, stream=True) as stream:
        return await anext(stream)


async def not_closed(world: World) -> Any:
    """A stream that its reader breaks off from and closes by hand, where it comes that far."""
    stream = await world.client.acompletion(**ASK, stream=True)
    async for chunk in stream:
        await anyio.lowlevel.checkpoint()
        await stream.aclose()
        return chunk
    return None


async def with_media(world: World) -> Any:
    """A call for whose prompt an image is fetched."""
    image = {"type": "image_url", "image_url": {"url": f"{world.server.origin}/image"}}
    local = MediaPolicy(schemes=(world.server.origin.partition(":")[0],), public_only=False)
    asked = {"messages": [{"role": "user", "content": [image]}], "fetch_media": local}
    return await world.client.acompletion(**{**ASK, "model": "only_bytes/m", **asked})


async def waiting(world: World) -> Any:
    """A call that waits a while for its place."""
    assert world.client._limit is not None
    give_back = world.client._limit.acquire(time.monotonic() + 1)
    timer = threading.Timer(0.01, give_back)
    timer.start()
    try:
        return await plain(world)
    finally:
        give_back()
        timer.join()


async def given_a_place(world: World) -> Any:
    """A call that is given its place at the moment that it begins to wait for it."""
    assert world.client._limit is not None
    give_back = world.client._limit.acquire(time.monotonic() + 1)
    return await Watched(plain(world), lambda count, _: give_back())


async def with_closing(world: World) -> Any:
    """A call, and then the client is closed."""
    await plain(world)
    await world.client.aclose()


async def raced(world: World) -> Any:
    """Two requests against each other."""

    def leg() -> Flow[Any]:
        until = time.monotonic() + 5
        request = HTTPRequest("POST", f"{world.server.url}/chat/completions", {}, b"{}")
        return (yield from send(request, Deadlines(until, 5, 5, 5)))

    driver = await world.client._async_driver()
    return await driver.run(race([leg(), leg()], 0.0))


async def awaits(*_: Any) -> Any:
    """What a callback or a hook may do: await something, and have nothing to say."""
    await anyio.lowlevel.checkpoint()


async def key(*_: Any) -> str:
    """A key that has to be waited for."""
    await anyio.lowlevel.checkpoint()
    return "test-key-" + "0123456789"


class Hook:
    """A guardrail that takes its time."""

    before_call = after_call = staticmethod(awaits)


@dataclass(frozen=True)
class Scenario:
    """What is done, and what the server answers."""

    work: Callable[[World], Coroutine[Any, Any, Any]]
    answers: Sequence[Answer] = (completion(),)
    options: Mapping[str, Any] = field(default_factory=dict)
    tls: bool = False
    kept: int = 1
    """How many connections it may keep for the next."""
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
            server.got = PNG
            yield World(server, **self.options)


SCENARIOS = {
    "plain": Scenario(plain),
    "body in pieces": Scenario(plain, [slowly(completion())]),
    "retry": Scenario(retried, [failure(500), completion()]),
    "fallback": Scenario(fallen_back, [failure(401), completion()]),
    "structured": Scenario(structured, [completion('{"text": "hi"}')]),
    "stream": Scenario(read_through, [hello()]),
    "stream in pieces": Scenario(
        read_through, [streamed(piece("a"), 0.001, piece("b", "stop"), 0.001)]
    ),
    "stream closed": Scenario(left_early, [HALF]),
    "stream broken off": Scenario(not_closed, [HALF]),
    "callbacks and hooks": Scenario(plain, options={"callbacks": [awaits], "hooks": [Hook()]}),
    "callbacks of a stream": Scenario(read_through, [hello()], {"callbacks": [awaits]}),
    "key": Scenario(plain, options={"api_key": key}),
    "media": Scenario(with_media, [completion()]),
    "waiting for a place": Scenario(waiting),
    "given a place": Scenario(given_a_place),
    "TLS": Scenario(plain, options={"verify": str(CERTIFICATE)}, tls=True),
    "stream over TLS": Scenario(
        read_through, [hello()], options={"verify": str(CERTIFICATE)}, tls=True
    ),
    "closing": Scenario(with_closing),
    "race": Scenario(raced, kept=2),
    **{name: Scenario(steps.awaited, steps=steps) for name, steps in STEPS.items()},
}
ALWAYS = [("asyncio", mode) for mode in ("task", "late", "scope, late", "twice")]
ALWAYS.append(("trio", "scope"))
REST = [
    ("asyncio", mode) for mode in ("scope", "twice, one later", "twice, two later", "ten times")
]
SHIELDED = {"scope", "scope, late", "nursery"}
WAYS = [*ALWAYS, *REST, ("trio", "nursery")] if FULL else ALWAYS


# With a connection that is there already less is left to wait for.
CONNECTED = SCENARIOS if FULL else ("plain", "stream", "TLS", "closing")
CASES = [(name, False) for name in SCENARIOS] + [(name, True) for name in CONNECTED]


@pytest.mark.parametrize(("loop", "mode"), WAYS, ids=[f"{loop} {mode}" for loop, mode in WAYS])
@pytest.mark.parametrize(
    ("name", "kept"), CASES, ids=[f"{name}{', connected' * kept}" for name, kept in CASES]
)
def test_cancelled_at_every_suspension(
    monkeypatch: pytest.MonkeyPatch, name: str, loop: str, mode: str, *, kept: bool
) -> None:
    """Work that is cancelled at its k-th suspension, for every k, leaves one settlement and nothing else."""
    made = Provider(name="only_bytes", base_url="https://bytes.example", chat=OnlyBytes())
    monkeypatch.setitem(llmkit.providers._registry._found, made.name, made)
    scenario = SCENARIOS[name]
    with scenario.world() as world:
        anyio.run(_at_every_suspension, world, scenario, mode, 1 if kept else 0, backend=loop)
        gc.collect()
        world.check_connections(0)


async def _at_every_suspension(world: World, scenario: Scenario, mode: str, kept: int) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        assert at < MOST, "it never ends"
        reached = await _one(world, scenario, mode, at)
        if not kept:
            await world.client.aclose()
            await world.acheck_connections(0)
    assert at > 1, "it never suspends"
    await world.client.aclose()


async def _one(world: World, scenario: Scenario, mode: str, at: int) -> bool:
    """Cancel it at this suspension, then do it again; whether it came that far."""
    others, before = tasks(), len(world.settled())
    world.told.clear()
    world.answer(scenario.answers)
    trial = await cancelled_at(lambda: scenario.work(world), at, mode)
    _check_what_came_out(trial, mode)
    # With the frames that it came through, and all that they hold.
    trial.error = None
    await anyio.lowlevel.checkpoint()  # a loop keeps what it sent last
    if not world.is_free:
        gc.collect()
    await _check_tasks(others)
    world.answer(scenario.answers)
    with anyio.fail_after(5):
        await scenario.work(world)
    assert world.is_free
    await world.acheck_connections(scenario.kept)
    world.check_settled(before)
    world.check_sent()
    return trial.reached


def _check_what_came_out(trial: Trial, mode: str) -> None:
    if not trial.reached:
        assert trial.error is None
    elif trial.error is None:
        # Work that was cancelled in its last, shielded moments has ended as if it had not been.
        assert mode in SHIELDED
    else:
        assert isinstance(trial.error, CANCELLED)
        assert mode in {*SHIELDED, "late"} or trial.error.args == ("enough",)


async def _check_tasks(most: int) -> None:
    for _ in range(100):
        if tasks() <= most:
            return
        await anyio.lowlevel.checkpoint()
    assert tasks() <= most


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in STEPS])
def test_dropped_at_every_suspension(
    monkeypatch: pytest.MonkeyPatch, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A coroutine that is let go of at its k-th suspension can await nothing more: it is settled, nothing complains."""
    made = Provider(name="only_bytes", base_url="https://bytes.example", chat=OnlyBytes())
    monkeypatch.setitem(llmkit.providers._registry._found, made.name, made)
    scenario = SCENARIOS[name]
    with scenario.world() as world:
        anyio.run(_dropped_at_every_suspension, world, scenario)
        gc.collect()
        world.check_connections(0)
    assert not caplog.records


async def _dropped_at_every_suspension(world: World, scenario: Scenario) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        before = len(world.settled())
        world.told.clear()
        world.answer(scenario.answers)
        reached = await dropped_at(scenario.work(world), at)
        if not world.is_free:
            gc.collect()
        world.answer(scenario.answers)
        with anyio.fail_after(5):
            await scenario.work(world)
        assert world.is_free
        await world.acheck_connections(scenario.kept)
        world.check_settled(before)
        assert "failed" not in world.outcomes()
    assert at > 1
    await world.client.aclose()
