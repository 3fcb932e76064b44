"""The line to a client, without a server: who is cancelled by whom, and what is sent when."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Coroutine
from functools import partial
from typing import Any

import pytest

from llmkit.proxy.endpoints.answering import Line

Messages = list[dict[str, Any]]


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run it, for ten seconds at most."""

    async def body() -> None:
        async with asyncio.timeout(10):
            await work

    asyncio.run(body())


def line(sent: Messages, gone: asyncio.Event, keep_alive: float = 60.0) -> Line:
    """A line whose client goes when ``gone`` is set."""

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    return Line(receive, send, keep_alive)


@pytest.mark.parametrize("fails", [False, True])
def test_who_works_for_a_client_that_has_gone_is_stopped(*, fails: bool) -> None:
    """Nothing is raised from that, not even what the end of the work fails with; the task goes on."""

    async def body() -> None:
        gone, sent, reached = asyncio.Event(), Messages(), False
        with line(sent, gone) as one:
            gone.set()
            try:
                await asyncio.sleep(60)
                reached = True
            except asyncio.CancelledError:
                if fails:
                    raise RuntimeError from None
                raise
        assert (one.gone, reached, sent) == (True, False, [])
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(body())


def test_who_is_cancelled_by_others_is() -> None:
    """A server that ends cancels its requests: that is not taken for a client's going."""

    async def body() -> None:
        async def work() -> None:
            with line([], asyncio.Event()):
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(body())


def test_nothing_of_a_line_waits_for_the_collector() -> None:
    """One that was watched is gone with its last user: at 800 requests a second, circles would be many."""

    async def body() -> None:
        with line([], asyncio.Event(), keep_alive=0.0) as one:
            await asyncio.sleep(0.01)
            seen = weakref.ref(one)
        del one
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert seen() is None

    gc.disable()
    try:
        run(body())
    finally:
        gc.enable()


def test_failures_are_raised() -> None:
    """As long as there is somebody to tell."""

    async def body() -> None:
        with line([], asyncio.Event()):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run(body())


def test_comments_come_in_silence_alone() -> None:
    """None before a stream is opened, none while pieces come, and none in a stream that takes none."""

    async def body() -> None:
        for comments in (True, False):
            sent = Messages()
            with line(sent, asyncio.Event(), 0.03) as one:
                await asyncio.sleep(0.08)
                assert not one.begun
                one.open(comments=comments)
                for _ in range(5):
                    await one.say(b"piece")
                await asyncio.sleep(0.1)
                await one.end()
            bodies = [message.get("body") for message in sent]
            assert bodies[:6] == [None, *[b"piece"] * 5]
            assert set(bodies[6:-1]) == ({b": keep-alive\n\n"} if comments else set())
            assert sent[-1]["more_body"] is False

    run(body())


WAITS = {"soon": 0.02, "later": 0.04, "sooner": 0.001, "over": 60.0}


def test_one_timer_watches_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is watched when its time has come, whoever came first; one that has ended is not."""

    async def body() -> None:
        watched: list[str] = []
        made = {name: line([], asyncio.Event(), wait) for name, wait in WAITS.items()}
        for name, one in made.items():
            monkeypatch.setattr(one, "begin_watch", partial(watched.append, name))
        with made["soon"], made["later"], made["sooner"]:
            with made["over"]:
                pass
            # Longer than the longest of them, even on a machine that has much to do.
            await asyncio.sleep(0.3)
        assert sorted(watched) == ["later", "soon", "sooner"]

    run(body())


def test_a_timer_that_rings_at_once_does_not_say_when() -> None:
    """uvloop's, where it is late already: whoever comes next is watched all the same."""
    uvloop = pytest.importorskip("uvloop")

    async def body() -> None:
        gone = asyncio.Event()
        with line([], asyncio.Event(), keep_alive=0.0), line([], gone) as one:
            gone.set()
            await asyncio.sleep(10)
        assert one.gone

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(body())
