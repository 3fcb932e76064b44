"""Calls that are given up: the server sees it at once, there is one settlement, and the cancellation goes on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio

import llmkit
from llmkit.events import AttemptStarted, CallFinished, CallStarted, RetryScheduled, StreamStarted

from ._colour import KEY, MESSAGES, MODEL
from ._server import HOLD, failure, head, hello, piece, stream_head, streamed
from .test_timeouts import full_backlog

if TYPE_CHECKING:
    from ._colour import Seen
    from ._server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("own_transport")]
ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}


UVLOOP = ("asyncio", {"use_uvloop": True})


@pytest.fixture(params=["asyncio", "trio", UVLOOP], ids=["asyncio", "trio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """All loops."""
    return request.param


def settled_once(client: Any, seen: Seen, outcome: str) -> Any:
    """The one settlement, which the callbacks were told of once."""
    [settlement] = client.ledger.settlements
    assert settlement.outcome == outcome
    assert [e.settlement for e in seen.of(CallFinished)] == [settlement]
    return settlement


def at_once() -> bool:
    """There is nothing to wait for."""
    return True


async def cancel_after(
    seconds: float, work: Callable[[], Any], begun: Callable[[], Any] = at_once
) -> None:
    """Cancel work a while after it has ``begun``; it ends as cancelled work should, and soon."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        with anyio.fail_after(10):
            while not begun():  # noqa: ASYNC110 - a thread tells it
                await anyio.sleep(0.005)
        await anyio.sleep(seconds)
        tasks.cancel_scope.cancel()
        cancelled = time.monotonic()
    assert tasks.cancel_scope.cancelled_caught
    assert time.monotonic() - cancelled < 0.7


PHASES: dict[str, Any] = {
    "waiting for the answer": [HOLD],
    "within the head": [b"HTTP/1.1 200 OK\r\nx", HOLD],
    "within the body": [head(content_length=100) + b"{", HOLD],
    "before the first chunk": [stream_head(), HOLD],
}


@pytest.mark.parametrize("steps", PHASES.values(), ids=PHASES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_cancelled_while_waiting(
    server: Server, client: Any, seen: Seen, unheard: str, steps: Any, *, stream: bool
) -> None:
    """Wherever a call waits for its answer, cancelling it closes the connection and settles."""
    server.script(steps)
    await cancel_after(
        0.15, lambda: client.acompletion(**ASK, stream=stream), lambda: server.requests
    )
    server.wait_gone(within=1)
    settled = settled_once(client, seen, "cancelled")
    heard = stream and steps is PHASES["within the body"]
    assert settled.sent == ("yes" if heard else unheard)
    assert (settled.cost, settled.attempts) == (None, 1)
    assert (await client.acompletion(**ASK)).usage.total_tokens == 12


async def test_cancelled_while_connecting(client: Any, seen: Seen) -> None:
    """A call that never connected has sent nothing and costs nothing."""
    with full_backlog() as port:
        url = f"http://127.0.0.1:{port}/v1"
        await cancel_after(0.15, lambda: client.acompletion(**ASK, base_url=url))
    settled = settled_once(client, seen, "cancelled")
    assert (settled.sent, settled.cost_status) == ("no", "none")


async def test_cancelled_while_waiting_to_try_again(
    server: Server, client: Any, seen: Seen
) -> None:
    """A wait between two tries can be cancelled; nothing is tried any more."""
    server.always(*failure(429, retry_after=5))
    ask = {**ASK, "num_retries": 3}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: client.acompletion(**ask))
        with anyio.fail_after(10):
            while not seen.of(RetryScheduled):  # noqa: ASYNC110 - it is told from a callback
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    settled = settled_once(client, seen, "cancelled")
    assert (settled.attempts, settled.cost_status) == (1, "none")
    assert len(server.requests) == 1
    assert len(seen.of(RetryScheduled)) == 1


async def test_cancelled_within_a_stream(server: Server, client: Any, seen: Seen) -> None:
    """A reader that is cancelled leaves a settled stream, that says what came."""
    server.script(streamed(piece("Hel"), HOLD, end=False))
    stream = await client.acompletion(**ASK, stream=True)

    async def read() -> None:
        async for _ in stream:
            pass

    await cancel_after(0.15, read)
    server.wait_gone(within=1)
    assert settled_once(client, seen, "cancelled").usage_source == "estimated"
    assert stream.response.choices[0].message.content == "Hel"
    assert [chunk async for chunk in stream] == []


async def test_cancelled_while_the_end_is_held_back(
    server: Server, client: Any, seen: Seen
) -> None:
    """Cancelled between the finish and the usage: settled once, and nothing is left open."""
    server.script(streamed(piece("Hi"), piece(finish="stop"), HOLD, end=False))
    stream = await client.acompletion(**ASK, stream=True)
    await anext(stream)
    await cancel_after(0.2, stream.__anext__)
    server.wait_gone(within=1)
    assert len(client.ledger.settlements) == len(seen.of(CallFinished)) == 1


async def test_cancelled_in_with_between_chunks(server: Server, client: Any, seen: Seen) -> None:
    """Cancelled while the reader does something else: ``async with`` closes, though it is cancelled itself."""
    server.script(streamed(piece("Hel"), HOLD, end=False))

    async def read() -> None:
        async with await client.acompletion(**ASK, stream=True) as stream:
            await anext(stream)
            await anyio.sleep(10)

    await cancel_after(0.2, read)
    server.wait_gone(within=1)
    settled_once(client, seen, "closed")


async def test_cancelled_before_it_begins(server: Server, client: Any) -> None:
    """A call within a scope that is cancelled already sends nothing that is not settled."""
    answered = None
    with anyio.CancelScope() as scope:
        scope.cancel()
        answered = await client.acompletion(**ASK)
    # On a busy machine an answer may be there before asyncio tells of the cancellation.
    outcome = "cancelled" if answered is None else "completed"
    assert scope.cancelled_caught == (answered is None)
    assert len(client.ledger.settlements) <= 1
    assert not [s for s in client.ledger.settlements if s.outcome != outcome]


async def test_a_callers_deadline_is_a_timeout_of_the_callers(
    server: Server, client: Any, seen: Seen
) -> None:
    """``fail_after`` around a call raises the built-in TimeoutError, not one of ours."""
    server.script([HOLD])
    with pytest.raises(TimeoutError) as caught:
        with anyio.fail_after(0.15):
            await client.acompletion(**ASK)
    assert not isinstance(caught.value, llmkit.LLMKitError)
    settled_once(client, seen, "cancelled")
    server.wait_gone(within=1)


async def test_one_call_of_many_is_cancelled(server: Server, client: Any) -> None:
    """Cancelling one call leaves the others alone."""
    server.script([HOLD])
    answers = []

    async def ask() -> None:
        answers.append(await client.acompletion(**ASK))

    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(0.2):
            async with anyio.create_task_group() as doomed:
                doomed.start_soon(ask)
                await anyio.sleep(0.1)
                for _ in range(5):
                    tasks.start_soon(ask)
                await anyio.sleep(5)
    assert len(answers) == 5
    outcomes = sorted(s.outcome for s in client.ledger.settlements)
    assert outcomes == ["cancelled", *["completed"] * 5]


async def test_a_slow_callback_cannot_hold_up_a_cancellation(server: Server) -> None:
    """What is told of a cancelled call has a second; then the cancellation goes on."""
    told = []

    async def slow(event: Any) -> None:
        if isinstance(event, CallFinished):
            told.append(event)
            await anyio.sleep(30)

    server.script([HOLD])
    client = llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[slow])
    begun = time.monotonic()
    with anyio.move_on_after(0.1):
        await client.acompletion(**ASK)
    assert time.monotonic() - begun < 1.8
    assert len(told) == len(client.ledger.settlements) == 1
    await client.aclose()


async def test_a_callback_of_a_cancelled_call_may_wait_a_little(server: Server) -> None:
    """What is told of a cancelled call is told to its end, though everything around it is cancelled."""
    told = []

    async def writes(event: Any) -> None:
        if isinstance(event, CallFinished):
            await anyio.sleep(0.1)
            told.append(event.settlement.outcome)

    server.script([HOLD])
    client = llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[writes])
    with anyio.move_on_after(0.1):
        await client.acompletion(**ASK)
    assert told == ["cancelled"]
    await client.aclose()


@pytest.mark.parametrize("moment", [CallStarted, AttemptStarted, StreamStarted, CallFinished])
async def test_cancelled_within_a_callback(server: Server, seen: Seen, moment: type) -> None:
    """A call that is cancelled while a callback waits is settled once."""

    async def waits(event: Any) -> None:
        if isinstance(event, moment):
            await anyio.sleep(0.4)

    server.always(*hello())
    client = llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[seen, waits])

    async def read() -> None:
        async for _ in await client.acompletion(**ASK, stream=True):
            pass

    with anyio.move_on_after(0.2):
        await read()
    await anyio.sleep(0.05)
    assert len(client.ledger.settlements) == len(seen.of(CallFinished)) == 1
    await client.aclose()


def test_asyncios_own_cancel_goes_on(server: Server, client: Any, seen: Seen) -> None:
    """task.cancel() ends in CancelledError with its message, at every phase of a stream."""

    async def read() -> None:
        async for _ in await client.acompletion(**ASK, stream=True):
            pass

    async def main() -> None:
        for steps in ([HOLD], [stream_head(), HOLD], streamed(piece("x"), HOLD, end=False)):
            server.script(steps)
            task = asyncio.create_task(read())
            await asyncio.sleep(0.1)
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            assert caught.value.args == ("enough",)
            assert task.cancelled()

    asyncio.run(main())
    assert [s.outcome for s in client.ledger.settlements] == ["cancelled"] * 3
    assert len(seen.of(CallFinished)) == 3
    for number in range(3):
        server.wait_gone(number)


def test_asyncio_wait_for_and_timeout(server: Server, client: Any) -> None:
    """wait_for() and timeout() around calls and around chunks raise their own TimeoutError."""

    async def main() -> None:
        server.script([HOLD])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.acompletion(**ASK), 0.1)
        server.script(streamed(piece("x"), HOLD, end=False))
        stream = await client.acompletion(**ASK, stream=True)
        await anext(stream)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await anext(stream)

    asyncio.run(main())
    assert [s.outcome for s in client.ledger.settlements] == ["cancelled"] * 2


def test_tasks_cancelled_at_every_moment(server: Server, client: Any, seen: Seen) -> None:
    """However early or late task.cancel() comes, a call settles once and leaves no connection open."""
    server.default = [0.002, *hello()]

    async def read() -> None:
        async for _ in await client.acompletion(**ASK, stream=True):
            await asyncio.sleep(0)

    async def main() -> None:
        for turns in range(120):
            task = asyncio.create_task(read())
            for _ in range(turns % 60):
                await asyncio.sleep(0)
            if turns >= 60:
                await asyncio.sleep((turns - 60) * 0.0002)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        gc.collect()
        await client.aclose()

    asyncio.run(main())
    client.close()
    begun = [e.call_id for e in seen.of(CallStarted)]
    assert [s.call_id for s in client.ledger.settlements] == begun
    assert len(seen.of(CallFinished)) == len(begun)
    time.sleep(0.1)
    assert server.open == 0


def test_trios_own_cancel_goes_on(server: Server, client: Any, seen: Seen) -> None:
    """A nursery's cancel reaches every call in it, and trio.Cancelled is not swallowed."""
    outcomes = []

    async def ask(*, stream: bool) -> None:
        try:
            made = await client.acompletion(**ASK, stream=stream)
            async for _ in made:
                pass
        except trio.Cancelled:
            outcomes.append("cancelled")
            raise

    async def main() -> None:
        server.script([HOLD], [HOLD])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: ask(stream=False))
            nursery.start_soon(lambda: ask(stream=True))
            await trio.sleep(0.15)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert outcomes == ["cancelled"] * 2
    assert [s.outcome for s in client.ledger.settlements] == ["cancelled"] * 2
    assert len(seen.of(CallFinished)) == 2


@pytest.mark.filterwarnings("ignore:coroutine method 'aclose':RuntimeWarning")
def test_a_loop_that_is_closed_over_a_call(
    server: Server, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A task that is destroyed while it waits leaves a settlement for the next call."""
    server.script([HOLD])
    loop = asyncio.new_event_loop()
    task = loop.create_task(client.acompletion(**ASK))
    loop.run_until_complete(asyncio.sleep(0.15))
    coroutine = task.get_coro()
    with contextlib.suppress(RuntimeError):
        coroutine.close()  # type: ignore[union-attr]
    task.cancel()
    with contextlib.suppress(BaseException):
        loop.run_until_complete(task)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    client.close()
    [settled] = client.ledger.settlements
    # Which failure the layers below make of the coroutine's end is theirs to say.
    assert settled.outcome in {"abandoned", "cancelled", "failed"}
    assert settled.sent != "no"


class Stop(BaseException):
    """A way to end a call that is no Exception."""


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, Stop])
@pytest.mark.parametrize("moment", [CallStarted, AttemptStarted, StreamStarted, CallFinished])
def test_sync_calls_are_ended_from_a_callback(
    server: Server, seen: Seen, moment: type, kind: type[BaseException]
) -> None:
    """An interrupt at any moment of a sync call goes on as itself, and the call settles once."""

    def interrupts(event: Any) -> None:
        if isinstance(event, moment):
            raise kind("enough")

    server.always(*hello())
    with llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[seen, interrupts]) as client:
        with pytest.raises(kind, match="enough"):
            for _ in client.completion(**ASK, stream=True):
                pass
        [settled] = client.ledger.settlements
        assert settled.outcome == ("completed" if moment is CallFinished else "cancelled")
        assert settled.sent == ("no" if moment in {CallStarted, AttemptStarted} else "yes")
        assert len(seen.of(CallFinished)) == 1
    if server.peers:
        server.wait_gone(within=1)


def test_an_interrupt_between_tries_is_not_the_first_trys(server: Server, seen: Seen) -> None:
    """Interrupted before the second try left, a call whose first try was refused costs nothing."""

    def interrupts(event: Any) -> None:
        if isinstance(event, AttemptStarted) and event.number == 2:
            raise KeyboardInterrupt

    server.always(*failure(400))
    with llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[seen, interrupts]) as client:
        with pytest.raises(KeyboardInterrupt):
            client.completion(**ASK, fallbacks=["openai/gpt-4o"])
        [settled] = client.ledger.settlements
        assert (settled.outcome, settled.attempts) == ("cancelled", 1)
        assert settled.cost_status == "none"


INTERRUPTED = """
    import sys, threading, time, signal, os
    import llmkit

    told = []
    client = llmkit.Client(api_key="test-key-0123456789", base_url=sys.argv[1], num_retries=3,
        callbacks=[lambda e: told.append(type(e).__name__)])
    ask = dict(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])

    def later():
        time.sleep(0.4)
        os.kill(os.getpid(), signal.SIGINT)

    for stream in (False, True):
        told.clear()
        threading.Thread(target=later).start()
        try:
            answer = client.completion(**ask, stream=stream)
            for chunk in answer:
                pass
        except KeyboardInterrupt:
            print("interrupted", client.ledger.settlements[-1].outcome, told.count("CallFinished"))
    threading.Thread(target=later).start()
    try:
        client.completion(**ask)
    except KeyboardInterrupt:
        print("interrupted", client.ledger.settlements[-1].outcome, client.ledger.settlements[-1].cost_status)
    print(len(client.ledger.settlements))
"""


def test_ctrl_c(server: Server) -> None:
    """A real SIGINT ends a blocking call, a stream and a wait between tries; each settles once."""
    server.script([HOLD], streamed(piece("x"), HOLD, end=False), failure(429, retry_after=20))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), server.url],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.split("\n")[:4] == [
        "interrupted cancelled 1",
        "interrupted cancelled 1",
        "interrupted cancelled none",
        "3",
    ]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_ctrl_c_in_a_loop(server: Server, loop: str) -> None:
    """SIGINT while a loop waits for an answer ends the program as Python does, and the call is settled."""
    script = f"""
        import sys, {loop}, llmkit
        client = llmkit.Client(api_key="test-key-0123456789", base_url=sys.argv[1])
        async def main():
            await client.acompletion("openai/gpt-4o-mini", [{{"role": "user", "content": "hi"}}])
        try:
            {loop}.run(main{"()" if loop == "asyncio" else ""})
        except KeyboardInterrupt:
            print("interrupted", [s.outcome for s in client.ledger.settlements])
    """
    server.script([HOLD])
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        server.wait_requests(1)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (out, err) == ("interrupted ['cancelled']\n", "")
