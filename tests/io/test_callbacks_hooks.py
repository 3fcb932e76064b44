"""Callbacks are told in order and cannot do harm; hooks may change or refuse; in each colour."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import errors
from llmkit.events import CallFinished

from ._colour import KEY, MESSAGES, MODEL, collect, each_colour, text_of
from ._server import RESET, completion, failure, hello, piece, streamed

if TYPE_CHECKING:
    from ._colour import Colour, Seen
    from ._server import Server

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@each_form
@each_colour
async def test_the_order_of_events(
    colour: Colour, server: Server, client: Any, seen: Seen, *, stream: bool
) -> None:
    """Events come in the order in which things happen, all of one call."""
    server.script(failure(500), failure(400), hello() if stream else completion())
    await colour.ask(client, stream=stream, num_retries=1, fallbacks=["openai/gpt-4o"])
    assert seen.names == [
        "CallStarted",
        "AttemptStarted",
        "AttemptFailed",
        "RetryScheduled",
        "AttemptStarted",
        "AttemptFailed",
        "FallingBack",
        "AttemptStarted",
        *(["StreamStarted"] if stream else []),
        "CallFinished",
    ]
    ids = {getattr(e, "call_id", None) or e.settlement.call_id for e in seen}
    assert len(ids) == 1


def test_who_hears_of_no_beginnings() -> None:
    """Where nobody wants to hear of them, they are not made; where somebody does, all are told."""
    own: list[str] = []
    others: list[str] = []

    def ends(event: Any) -> None:
        own.append(type(event).__name__)

    def all_(event: Any) -> None:
        others.append(type(event).__name__)

    ends.beginnings = False  # type: ignore[attr-defined]
    for callbacks in ([ends], [ends, all_]):
        with llmkit.Client(callbacks=callbacks, api_key=KEY) as client:
            client.completion(MODEL, MESSAGES, mock_response="Hi")
    assert own == ["CallFinished", "CallStarted", "CallFinished"]
    assert others == ["CallStarted", "CallFinished"]


ENDS: dict[str, Any] = {
    "completed": (hello(), None),
    "failed": (failure(500), errors.InternalServerError),
    "interrupted": (streamed(piece("x"), RESET, end=False), errors.StreamInterruptedError),
}


@pytest.mark.parametrize("outcome", ENDS)
@each_colour
async def test_the_last_event_has_the_outcome(
    colour: Colour, server: Server, client: Any, seen: Seen, outcome: str
) -> None:
    """CallFinished has the settlement, the answer as far as it came, and the error."""
    steps, kind = ENDS[outcome]
    server.script(steps)
    if kind is None:
        await colour.read(client)
    else:
        with pytest.raises(kind) as caught:
            await colour.read(client)
    [finished] = seen.of(CallFinished)
    assert finished is seen[-1]
    assert finished.settlement.outcome == outcome
    assert finished.error is (None if kind is None else caught.value)
    assert (finished.response is None) == (outcome == "failed")


@each_form
@each_colour
async def test_failing_callbacks_do_no_harm(
    colour: Colour, server: Server, caplog: pytest.LogCaptureFixture, *, stream: bool
) -> None:
    """A callback that raises is logged; the call and the other callbacks go on."""
    told: list[Any] = []

    def fails(event: Any) -> None:
        raise RuntimeError("my own fault")

    async def fails_later(event: Any) -> None:
        raise ValueError("mine, too")

    if stream:
        server.script(hello())
    with (
        llmkit.Client(
            api_key=KEY, base_url=server.url, callbacks=[fails, fails_later, told.append]
        ) as client,
        caplog.at_level(logging.ERROR, "llmkit"),
    ):
        response = await colour.ask(client, stream=stream)
        await colour.close(client)
    assert response.choices[0].message.content == "Hello there"
    assert len(told) == (4 if stream else 3)
    text = caplog.text
    assert text.count("my own fault") == text.count("mine, too") == len(told)
    assert "fails_later" in text


@each_colour
async def test_coroutine_functions_are_awaited(colour: Colour, server: Server) -> None:
    """An async callback is run to its end: in async calls before the call goes on, in sync ones behind it."""
    told = []

    async def waits(event: Any) -> None:
        await asyncio.sleep(0.01) if colour.name != "trio" else None
        told.append(type(event).__name__)

    with llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[waits]) as client:
        await colour.call(client)
        if colour.name == "sync":
            client.close()
        assert told == ["CallStarted", "AttemptStarted", "CallFinished"]
        await colour.close(client)


def test_coroutine_functions_in_sync_within_a_loop(server: Server) -> None:
    """A sync call within a running loop runs async callbacks elsewhere, not on that loop."""
    threads = []

    async def waits(event: Any) -> None:
        await asyncio.sleep(0)
        threads.append(threading.current_thread())

    async def main() -> None:
        with llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[waits]) as client:
            client.completion(MODEL, MESSAGES)

    asyncio.run(main())
    assert len(threads) == 3
    assert threading.current_thread() not in threads


@each_colour
async def test_callbacks_see_the_callers_context(colour: Colour, server: Server) -> None:
    """Context variables (a trace's, for instance) are there in callbacks."""
    variable = contextvars.ContextVar("trace", default="none")
    seen = []

    def notes(event: Any) -> None:
        seen.append(variable.get())

    async def notes_later(event: Any) -> None:
        seen.append(variable.get())

    variable.set("mine")
    with llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[notes, notes_later]) as client:
        await colour.call(client)
        await colour.close(client)
    assert set(seen) == {"mine"}


@each_colour
async def test_a_callback_may_use_the_client(colour: Colour, server: Server, client: Any) -> None:
    """A callback that asks a model itself does not deadlock."""
    asked = []

    def asks(event: Any) -> None:
        if isinstance(event, CallFinished) and not asked:
            asked.append(client.completion(MODEL, MESSAGES))

    with llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[asks]) as outer:
        await colour.call(outer)
        await colour.close(outer)
    assert len(asked) == 1
    assert len(server.requests) == 2


class Changes:
    """A hook in plain functions."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def before_call(self, call: Any) -> Any:
        self.seen.append("before")
        return dataclasses.replace(call, params={**call.params, "temperature": 0.25})

    def after_call(self, call: Any, response: Any) -> Any:
        self.seen.append("after")
        response.choices[0].message.content = "changed"
        return response


class ChangesLater(Changes):
    """The same with coroutine functions."""

    async def before_call(self, call: Any) -> Any:
        return super().before_call(call)

    async def after_call(self, call: Any, response: Any) -> Any:
        return super().after_call(call, response)


@pytest.mark.parametrize("kind", [Changes, ChangesLater])
@each_form
@each_colour
async def test_hooks_may_change(colour: Colour, server: Server, *, stream: bool, kind: Any) -> None:
    """A hook changes what is sent and what is returned; in either colour of function."""
    if stream:
        server.script(hello())
    hook = kind()
    with llmkit.Client(api_key=KEY, base_url=server.url, hooks=[hook]) as client:
        response = await colour.ask(client, stream=stream)
        await colour.close(client)
    assert server.requests[0].json()["temperature"] == 0.25
    assert response.choices[0].message.content == "changed"
    assert hook.seen == ["before", "after"]


class Refuses:
    """A guardrail."""

    def __init__(self, when: str) -> None:
        self._when = when

    def before_call(self, call: Any) -> None:
        if self._when == "before":
            raise errors.InvalidRequestError("not here")

    async def after_call(self, call: Any, response: Any) -> None:
        if self._when == "after":
            raise errors.InvalidRequestError("not this")


@each_form
@each_colour
async def test_a_refusal_before(
    colour: Colour, server: Server, seen: Seen, *, stream: bool
) -> None:
    """Refused before, nothing is sent, and the call costs nothing."""
    hooks = [Refuses("before")]
    with llmkit.Client(api_key=KEY, base_url=server.url, hooks=hooks, callbacks=[seen]) as client:
        with pytest.raises(errors.InvalidRequestError, match="not here"):
            await colour.ask(client, stream=stream)
        [settled] = client.ledger.settlements
        await colour.close(client)
    assert server.requests == []
    assert (settled.outcome, settled.sent, settled.cost_status) == ("failed", "no", "none")
    assert len(seen.of(CallFinished)) == 1


@each_form
@each_colour
async def test_a_refusal_after(colour: Colour, server: Server, seen: Seen, *, stream: bool) -> None:
    """Refused after, the answer has been paid for: it is settled, and the refusal is raised."""
    server.always(*(hello() if stream else completion()))
    with llmkit.Client(
        api_key=KEY, base_url=server.url, hooks=[Refuses("after")], callbacks=[seen]
    ) as client:
        with pytest.raises(errors.InvalidRequestError, match="not this"):
            await colour.ask(client, stream=stream)
        [settled] = client.ledger.settlements
        assert (settled.outcome, settled.usage_source) == ("completed", "reported")
        await colour.close(client)
    assert len(seen.of(CallFinished)) == 1
    assert len(server.peers) == 1


@each_colour
async def test_a_refusal_after_a_stream_comes_behind_its_chunks(
    colour: Colour, server: Server
) -> None:
    """What was streamed has been seen; the refusal comes at the end."""
    server.script(hello())
    with llmkit.Client(api_key=KEY, base_url=server.url, hooks=[Refuses("after")]) as client:
        chunks: list[Any] = []
        stream = await colour.open(client)
        with pytest.raises(errors.InvalidRequestError, match="not this"):
            await collect(stream, chunks)
        await colour.close(client)
    assert text_of(chunks) == "Hello there"
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    "error", [OSError("disk full"), TimeoutError("mine"), ConnectionError("x")]
)
@each_colour
async def test_a_hooks_own_failure_is_not_the_networks(
    colour: Colour, server: Server, error: Exception
) -> None:
    """What a hook raises is raised, even where the network could have raised it."""

    class Fails:
        def after_call(self, call: Any, response: Any) -> None:
            raise error

    with llmkit.Client(api_key=KEY, base_url=server.url, hooks=[Fails()]) as client:
        with pytest.raises(type(error)) as caught:
            await colour.call(client)
        await colour.close(client)
    assert caught.value is error


@each_colour
async def test_a_keys_function_that_fails(colour: Colour, server: Server) -> None:
    """A key's own failure is raised as it is, also when the call is tried again; nothing is sent."""
    calls = []

    def key() -> str:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("vault sealed")
        return KEY

    server.always(*failure(500, retry_after_ms=1))
    with llmkit.Client(api_key=key, base_url=server.url, num_retries=3) as client:
        with pytest.raises(OSError, match="vault sealed"):
            await colour.call(client, num_retries=3)
        await colour.close(client)
    assert len(server.requests) == 1


@each_colour
async def test_an_async_keys_function(colour: Colour, server: Server) -> None:
    """A key may come from a coroutine function, in each colour."""

    async def key() -> str:
        return KEY

    with llmkit.Client(api_key=key, base_url=server.url) as client:
        await colour.call(client)
        await colour.close(client)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@each_colour
async def test_a_ledger_that_fails(colour: Colour, server: Server, seen: Seen) -> None:
    """A ledger's failure is the call's, and the callbacks still hear of its end."""

    class Full:
        def perform(self, operation: Any) -> Any:
            raise RuntimeError("ledger full")

    with llmkit.Client(api_key=KEY, base_url=server.url, ledger=Full(), callbacks=[seen]) as client:
        with pytest.raises(RuntimeError, match="ledger full"):
            await colour.call(client)
        await colour.close(client)
    assert len(seen.of(CallFinished)) == 1
