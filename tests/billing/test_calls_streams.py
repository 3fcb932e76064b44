"""Streams that end in any way: charged for once, by what the provider counted where that came, else by a guess."""

from __future__ import annotations

import gc
import signal
import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import llmkit
from llmkit.errors import APIError, StreamInterruptedError

from ..io._colour import COLOURS, Colour, each_colour
from ..io._server import CLOSE, COUNTED, END, HOLD, RESET, event, piece, streamed
from ._recorded import ASK, COST, billed

if TYPE_CHECKING:
    from ._recorded import World

HALF = streamed(piece("Hel"), piece("lo, "), HOLD, end=False)
WHOLE = streamed(piece("Hel"), piece("lo"), END)
RATE_IN, RATE_OUT = Decimal("0.15") / 10**6, Decimal("0.60") / 10**6
SOON = 30.0


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


def check_guessed(world: World, outcome: str) -> None:
    """One charge: prompt and what had come, each counted here, at the model's rates; and said to be a guess."""
    charge = world.charge()
    assert (charge.outcome, charge.estimated) == (outcome, True)
    assert charge.cost_status == "estimated"
    asked, told = charge.usage["prompt_tokens"], charge.usage["completion_tokens"]
    assert asked > 0
    assert told > 0
    assert charge.usd == asked * RATE_IN + told * RATE_OUT
    assert charge.usd == world.client.ledger.settlements[0].cost


def check_counted(world: World, outcome: str) -> None:
    """One charge, by the provider's own count."""
    charge = world.charge()
    assert (charge.outcome, charge.estimated, charge.usd) == (outcome, False, COST)
    assert charge.usage["completion_tokens"] == 3


# --- left early -------------------------------------------------------------------------------


@each_colour
async def test_closed(colour: Colour) -> None:
    """Closed early, a stream is charged for what had come."""
    with billed(HALF) as world:
        stream = await colour.open(world.client)
        await anext(stream)
        await stream.aclose()
        await stream.aclose()
        check_guessed(world, "closed")
        await colour.close(world.client)


async def _fails(stream: Any) -> None:
    async with stream:
        await anext(stream)
        raise ZeroDivisionError


@each_colour
async def test_a_reader_that_fails(colour: Colour) -> None:
    """A reader's own exception within ``with`` closes the stream, and comes out."""
    with billed(HALF) as world:
        with pytest.raises(ZeroDivisionError):
            await _fails(await colour.open(world.client))
        check_guessed(world, "closed")
        await colour.close(world.client)


@each_colour
async def test_dropped(colour: Colour) -> None:
    """Let go of, a stream is charged for by whoever comes next."""
    with billed(HALF) as world:
        stream = await colour.open(world.client)
        await anext(stream)
        del stream
        gc.collect()
        assert world.desk.finishes == []
        await colour.close(world.client)
        check_guessed(world, "abandoned")


@each_colour
async def test_broken(colour: Colour) -> None:
    """A stream that breaks off is charged for what had come."""
    with billed(streamed(piece("Hel"), RESET, end=False)) as world:
        with pytest.raises(APIError):
            await colour.read(world.client)
        check_guessed(world, "interrupted")
        await colour.close(world.client)


@each_colour
async def test_broken_behind_its_usage(colour: Colour) -> None:
    """What was counted before it broke is what is charged."""
    broken = streamed(piece("Hello"), piece(finish="stop"), COUNTED, CLOSE, end=False)
    with billed(broken) as world:
        await colour.read(world.client)
        check_counted(world, "completed")
        await colour.close(world.client)


@each_colour
async def test_an_error_within(colour: Colour) -> None:
    """An error after tokens is charged for as far as it came."""
    failing = event({"error": {"message": "overloaded", "type": "server_error"}})
    with billed(streamed(piece("Hel"), failing)) as world:
        with pytest.raises((StreamInterruptedError, APIError)):
            await colour.read(world.client)
        check_guessed(world, "interrupted")
        await colour.close(world.client)


@each_colour
async def test_an_error_before_any_token(colour: Colour) -> None:
    """An error in place of the first token is no charge."""
    failing = event({"error": {"message": "no", "type": "invalid_request_error", "code": 400}})
    with billed(streamed(failing)) as world:
        with pytest.raises(APIError):
            await colour.read(world.client)
        assert len(world.desk.finishes) == 1
        assert [charge for charge in world.charges if charge.usd] == []
        await colour.close(world.client)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_cancelled(loop: str) -> None:
    """A task that is cancelled while it reads is charged for what had come."""

    async def body() -> None:
        with anyio.CancelScope() as scope:
            async with await world.client.acompletion(**ASK, stream=True) as stream:
                async for _ in stream:
                    scope.deadline = anyio.current_time() + 0.05
        assert scope.cancelled_caught
        await world.client.aclose()

    with billed(HALF) as world:
        anyio.run(body, backend=loop)
        check_guessed(world, "cancelled")


def test_interrupted() -> None:
    """Ctrl-C while a stream is read comes out, and what had come is charged for."""
    with billed(HALF) as world:
        main = threading.main_thread().ident
        assert main is not None
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGALRM))
        timer.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                world.client.completion(**ASK, stream=True).until_done()
        finally:
            timer.cancel()
            timer.join()
            signal.signal(signal.SIGALRM, before)
        check_guessed(world, "cancelled")


# --- read on ----------------------------------------------------------------------------------


SLOW = streamed(piece("Hel"), 0.1, piece("lo, "), 0.1, piece("world"), 0.1, END)


@each_colour
async def test_drained(colour: Colour) -> None:
    """Where billing wants to know, a stream that is closed early is read on, for what is counted at its end."""
    with billed(SLOW) as world:
        world.desk.drain_seconds = SOON
        stream = await colour.open(world.client)
        assert (await anext(stream)).choices[0].delta.content == "Hel"
        await stream.aclose()
        check_counted(world, "closed")
        assert [chunk async for chunk in stream] == []
        await colour.close(world.client)


@each_colour
async def test_drained_for_a_reader_that_fails(colour: Colour) -> None:
    """A reader's own exception closes the stream in the same way."""
    with billed(SLOW) as world:
        world.desk.drain_seconds = SOON
        with pytest.raises(ZeroDivisionError):
            await _fails(await colour.open(world.client))
        check_counted(world, "closed")
        await colour.close(world.client)


@pytest.mark.parametrize("answer", [HALF, streamed(piece("Hel"), *([0.1, piece("lo")] * 100), END)])
@each_colour
async def test_drained_for_no_longer(colour: Colour, answer: Any) -> None:
    """A stream that does not end in time, silent or not, is charged for what had come by then."""
    with billed(answer) as world:
        world.desk.drain_seconds = 0.3
        stream = await colour.open(world.client)
        await anext(stream)
        begun = time.monotonic()
        await stream.aclose()
        assert 0.2 < time.monotonic() - begun < 8
        check_guessed(world, "closed")
        await colour.close(world.client)


@each_colour
async def test_drained_and_broken(colour: Colour) -> None:
    """What breaks while nobody reads it is nobody's error."""
    with billed(streamed(piece("Hel"), piece("lo, "), RESET, end=False)) as world:
        world.desk.drain_seconds = SOON
        stream = await colour.open(world.client)
        await anext(stream)
        await stream.aclose()
        check_guessed(world, "closed")
        await colour.close(world.client)


@each_colour
async def test_a_dropped_stream_is_not_drained(colour: Colour) -> None:
    """Nobody can wait for what is let go of."""
    with billed(HALF) as world:
        world.desk.drain_seconds = SOON
        stream = await colour.open(world.client)
        await anext(stream)
        begun = time.monotonic()
        del stream
        gc.collect()
        await colour.close(world.client)
        assert time.monotonic() - begun < 15
        check_guessed(world, "abandoned")


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_cancelled_stream_is_not_drained(loop: str) -> None:
    """Who is cancelled waits for nothing, nor on its way out of ``async with``."""

    async def body() -> None:
        begun = time.monotonic()
        with anyio.move_on_after(0.3):
            async with await world.client.acompletion(**ASK, stream=True) as stream:
                await anext(stream)
                await anyio.sleep(60)
        assert time.monotonic() - begun < 15
        await world.client.aclose()

    with billed(HALF) as world:
        world.desk.drain_seconds = SOON
        anyio.run(body, backend=loop)
        # Its reader was cancelled, which closed it.
        check_guessed(world, "closed" if loop == "asyncio" else world.charge().outcome)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_cancelled_while_it_drains(loop: str) -> None:
    """A cancellation ends the waiting, and is what comes out."""

    async def body() -> None:
        begun = time.monotonic()
        with anyio.move_on_after(0.3) as scope:
            stream = await world.client.acompletion(**ASK, stream=True)
            await anext(stream)
            await stream.aclose()
        assert scope.cancelled_caught
        assert time.monotonic() - begun < 15
        await world.client.aclose()

    with billed(HALF) as world:
        world.desk.drain_seconds = 30
        anyio.run(body, backend=loop)
        check_guessed(world, "cancelled")


def test_interrupted_while_it_drains() -> None:
    """So does Ctrl-C."""
    with billed(HALF) as world:
        world.desk.drain_seconds = 30
        stream = world.client.completion(**ASK, stream=True)
        next(stream)
        main = threading.main_thread().ident
        assert main is not None
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGALRM))
        timer.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                stream.close()
        finally:
            timer.cancel()
            timer.join()
            signal.signal(signal.SIGALRM, before)
        stream.close()
        check_guessed(world, "cancelled")


def test_nothing_is_drained_without_billing() -> None:
    """A stream of a client without billing is closed at once: its usage is not seen."""
    with billed(SLOW, billing=None) as world:
        with world.client.completion(**ASK, stream=True) as stream:
            next(stream)
        assert world.client.ledger.settlements[0].usage_source == "estimated"


# --- other kinds ------------------------------------------------------------------------------


def _event(name: str, **data: Any) -> bytes:
    return f"event: {name}\n".encode() + event({"type": name, **data})


STARTED = _event(
    "message_start",
    message={
        "id": "m", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [],
        "stop_reason": None, "usage": {"input_tokens": 40, "output_tokens": 1},
    },
)  # fmt: skip
TOLD = _event("content_block_start", index=0, content_block={"type": "text", "text": ""}) + _event(
    "content_block_delta", index=0, delta={"type": "text_delta", "text": "A text of some words"}
)


@each_colour
async def test_usage_of_the_prompt_alone(colour: Colour) -> None:
    """Where the provider counted the prompt at the start, only the answer is a guess; and the charge says so."""
    answer = streamed(STARTED, TOLD, HOLD, end=False)
    with billed(answer) as world:
        stream = await colour.open(world.client, model="anthropic/claude-haiku-4-5")
        await anext(stream)
        await anext(stream)
        await stream.aclose()
        charge = world.charge()
        assert charge.estimated
        assert charge.usage["prompt_tokens"] == 40
        assert charge.usage["completion_tokens"] > 3
        await colour.close(world.client)


def test_a_stream_of_text() -> None:
    """Streams of other kinds are charged for in the same way."""

    def text(said: str) -> bytes:
        choice = {"index": 0, "text": said, "finish_reason": None}
        return event({"id": "c", "object": "text_completion", "model": "m", "choices": [choice]})

    with billed(streamed(text("one two three"), HOLD, end=False)) as world:
        model = "openai/gpt-3.5-turbo-instruct"
        with world.client.text_completion("Once", model, stream=True, num_retries=0) as stream:
            next(stream)
        charge = world.charge()
        assert (charge.kind, charge.outcome, charge.estimated) == (
            "text_completion",
            "closed",
            True,
        )
        assert charge.usd is not None
        assert charge.usd > 0


def test_what_is_left_at_the_process_end() -> None:
    """A stream that is open when the process ends is charged for by then."""
    with billed(HALF) as world:
        stream = world.client.completion(**ASK, stream=True)
        next(stream)
        world.client._at_exit()
        check_guessed(world, "abandoned")
        assert isinstance(stream, llmkit.Stream)
