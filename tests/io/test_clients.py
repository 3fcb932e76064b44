"""``http_client=``: a caller's own client of httpx or httpx2, with its hooks, limits and transports."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest

import llmkit
from llmkit import errors

from ._colour import KEY, MESSAGES, MODEL, Colour, each_colour
from ._server import (
    COUNTED,
    DONE,
    HOLD,
    RESET,
    answer,
    chat,
    completion,
    failure,
    head,
    hello,
    piece,
    stream_head,
    streamed,
)
from .test_failures import unused_port
from .test_leaks import settles
from .test_timeouts import LIMIT, SLACK, full_backlog, limits

if TYPE_CHECKING:
    from ._server import Server

try:
    import httpx2
except ImportError:  # the fork is not a dependency
    httpx2 = None  # type: ignore[assignment]

LIBRARIES = pytest.mark.parametrize(
    "library",
    [
        httpx,
        pytest.param(httpx2, marks=pytest.mark.skipif(httpx2 is None, reason="needs httpx2")),
    ],
    ids=["httpx", "httpx2"],
)
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


class Own:
    """A caller's client of this colour, and ours over it; both closed at the end, each by its owner."""

    def __init__(self, colour: Colour, library: Any, url: str, **options: Any) -> None:
        self._colour = colour
        self.theirs = (library.Client if colour.is_sync else library.AsyncClient)(**options)
        self.ours = llmkit.Client(api_key=KEY, base_url=url, http_client=self.theirs)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._colour.close(self.ours)
        assert not self.theirs.is_closed
        await (_nothing(self.theirs.close()) if self._colour.is_sync else self.theirs.aclose())


async def _nothing(_: Any) -> None:
    """What is awaited where there is nothing to await."""


@LIBRARIES
@each_form
@each_colour
async def test_calls_go_through_it(
    colour: Colour, server: Server, library: Any, *, stream: bool
) -> None:
    """Calls use the caller's client, its headers and its one connection; it is not closed."""
    server.always(*(hello() if stream else completion()))
    async with Own(colour, library, server.url, headers={"x-mine": "1"}) as own:
        for _ in range(3):
            response = await colour.ask(own.ours, stream=stream)
            assert response.choices[0].message.content == "Hello there"
        assert response.call.transport == library.__name__
        assert {s.outcome for s in own.ours.ledger.settlements} == {"completed"}
    assert {r.headers["x-mine"] for r in server.requests} == {"1"}
    assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {KEY}"}
    assert len(server.peers) == 1


@LIBRARIES
@each_colour
async def test_its_hooks_run(colour: Colour, server: Server, library: Any) -> None:
    """Event hooks of the caller's client see requests and responses."""
    seen: list[str] = []

    def sees(message: Any) -> None:
        seen.append(type(message).__name__)

    async def sees_async(message: Any) -> None:
        sees(message)

    hook: Callable[..., Any] = sees if colour.is_sync else sees_async
    hooks = {"request": [hook], "response": [hook]}
    async with Own(colour, library, server.url, event_hooks=hooks) as own:
        await colour.call(own.ours)
    assert seen == ["Request", "Response"]


@LIBRARIES
@each_form
@each_colour
async def test_a_mock_transport(colour: Colour, library: Any, *, stream: bool) -> None:
    """``MockTransport`` answers without a network."""
    asked = []

    def answers(request: Any) -> Any:
        asked.append(json.loads(request.content))
        if not stream:
            return library.Response(200, json=chat("mocked"))
        events = piece("mocked") + piece(finish="stop") + COUNTED + DONE
        return library.Response(200, headers={"content-type": "text/event-stream"}, content=events)

    transport = library.MockTransport(answers)
    async with Own(colour, library, "http://mocked.test/v1", transport=transport) as own:
        response = await colour.ask(own.ours, stream=stream)
    assert response.choices[0].message.content == "mocked"
    assert response.usage.total_tokens == 12
    assert asked[0]["messages"] == MESSAGES


@LIBRARIES
def test_the_wrong_colour(server: Server, library: Any) -> None:
    """A sync client for an async call, or the other way round, is a mistake that is named."""
    with library.Client() as theirs:
        ours = llmkit.Client(api_key=KEY, base_url=server.url, http_client=theirs)
        with pytest.raises(errors.ConfigurationError, match="async"):
            asyncio.run(ours.acompletion(MODEL, MESSAGES))
        ours.completion(MODEL, MESSAGES)
    theirs = library.AsyncClient()
    ours = llmkit.Client(api_key=KEY, base_url=server.url, http_client=theirs)
    with pytest.raises(errors.ConfigurationError, match="sync"):
        ours.completion(MODEL, MESSAGES)
    asyncio.run(theirs.aclose())
    assert len(server.requests) == 1


def test_what_is_no_client() -> None:
    """Something without ``send`` is refused when the client is made."""
    with pytest.raises(errors.ConfigurationError, match="http_client"):
        llmkit.Client(http_client="http://proxy:8080")


@LIBRARIES
@each_form
@each_colour
async def test_failures_are_ours(
    colour: Colour, server: Server, library: Any, *, stream: bool
) -> None:
    """Whatever the caller's client raises becomes an error of ours, with the right ``sent``."""
    async with Own(colour, library, server.url) as own:
        url = f"http://127.0.0.1:{unused_port()}/v1"
        with pytest.raises(errors.APIConnectionError) as caught:
            await colour.ask(own.ours, stream=stream, base_url=url)
        assert caught.value.sent == "no"
        server.script([RESET], [b"HTTP/1.1 200 OK\r\nx", RESET], failure(401))
        for _ in range(2):
            with pytest.raises(errors.APIConnectionError) as caught:
                await colour.ask(own.ours, stream=stream)
            assert caught.value.sent == "yes"
        with pytest.raises(errors.AuthenticationError):
            await colour.ask(own.ours, stream=stream)
        server.script(answer(b"no gzip", content_encoding="gzip"))
        with pytest.raises(errors.APIResponseValidationError):
            await colour.ask(own.ours, stream=stream)


@LIBRARIES
@each_colour
async def test_a_broken_stream(colour: Colour, server: Server, library: Any) -> None:
    """A stream that breaks is interrupted, with what came."""
    server.script(streamed(piece("Hel"), 0.03, RESET, end=False))
    async with Own(colour, library, server.url) as own:
        with pytest.raises(errors.StreamInterruptedError) as caught:
            await colour.read(own.ours)
    assert caught.value.partial.choices[0].message.content == "Hel"


LIMITED: dict[str, Any] = {
    "first token": ([HOLD], {"first_token": LIMIT}),
    "first token after the head": ([stream_head(), HOLD], {"first_token": LIMIT}),
    "idle": (streamed(piece("x"), HOLD, end=False), {"idle": LIMIT}),
    "total": (streamed(*[piece("x"), 0.05] * 60), {"total": LIMIT}),
    "total while the head drips": (
        [step for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 60 for step in (bytes([byte]), 0.05)],
        {"total": LIMIT},
    ),
}


@LIBRARIES
@pytest.mark.parametrize("which", LIMITED)
@each_colour
async def test_limits_hold(colour: Colour, server: Server, library: Any, which: str) -> None:
    """The call's limits are kept over a caller's client, too, whatever its own are."""
    steps, seconds = LIMITED[which]
    server.script(steps)
    async with Own(colour, library, server.url, timeout=None) as own:
        begun = time.monotonic()
        with pytest.raises(errors.APITimeoutError) as caught:
            await colour.read(own.ours, timeout=limits(**seconds))
        assert LIMIT * 0.8 <= time.monotonic() - begun < LIMIT + SLACK
        assert caught.value.sent == "yes"
        server.wait_gone(within=1)


@LIBRARIES
@each_colour
async def test_the_connect_limit_holds(colour: Colour, library: Any) -> None:
    """So is the limit for connecting."""
    with full_backlog() as port:
        async with Own(colour, library, f"http://127.0.0.1:{port}/v1", timeout=None) as own:
            with pytest.raises(errors.APITimeoutError, match="connect") as caught:
                await colour.call(own.ours, timeout=limits(connect=LIMIT))
    assert caught.value.sent == "no"


@LIBRARIES
def test_the_watchdog_does_not_linger(server: Server, library: Any) -> None:
    """The thread that keeps a sync client's limits ends when there is nothing left to watch."""
    with library.Client() as theirs:
        ours = llmkit.Client(api_key=KEY, base_url=server.url, http_client=theirs)
        ours.completion(MODEL, MESSAGES)
    settles(lambda: sum(t.name == "llmkit-watch" for t in threading.enumerate()), 0)


@LIBRARIES
@each_colour
async def test_the_end_is_not_waited_for_long(colour: Colour, server: Server, library: Any) -> None:
    """A stream without [DONE] is ended after about a second here as well."""
    server.script(streamed(piece("Hi"), piece(finish="stop"), HOLD, end=False))
    async with Own(colour, library, server.url) as own:
        begun = time.monotonic()
        await colour.read(own.ours, timeout=limits())
        assert 0.8 < time.monotonic() - begun < 2
        assert own.ours.ledger.settlements[0].outcome == "completed"


@LIBRARIES
@each_colour
async def test_closing_early_closes_the_connection(
    colour: Colour, server: Server, library: Any
) -> None:
    """A stream that the server goes on with is closed at once, not read on."""
    server.script(streamed(piece("x"), *[piece("x"), 0.02] * 300))
    async with Own(colour, library, server.url) as own:
        stream = await colour.open(own.ours)
        await anext(stream)
        begun = time.monotonic()
        await stream.aclose()
        assert time.monotonic() - begun < 0.5
        server.wait_gone(within=1)


@LIBRARIES
@each_colour
async def test_dropping_a_stream_closes_the_connection(
    colour: Colour, server: Server, library: Any
) -> None:
    """A dropped stream's connection is closed at once."""
    server.script(streamed(piece("x"), HOLD, end=False))
    async with Own(colour, library, server.url) as own:
        stream = await colour.open(own.ours)
        await anext(stream)
        del stream
        await colour.sleep(0.05)
        server.wait_gone(within=1)
        own.ours.close()
        assert [s.outcome for s in own.ours.ledger.settlements] == ["abandoned"]


@each_colour
async def test_redirects_of_the_callers_own(colour: Colour, server: Server) -> None:
    """A caller's client that follows redirects is the caller's wish."""
    server.script([head(307, location=f"{server.url}/chat/completions", content_length=0)])
    async with Own(colour, httpx, server.url, follow_redirects=True) as own:
        await colour.call(own.ours)
    assert len(server.requests) == 2
