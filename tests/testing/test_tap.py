"""Taps: asked before the network, in each colour, over every transport, by media fetches, threads and tasks as well."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import pytest
import trio

import llmkit
from llmkit import MediaPolicy, errors
from llmkit._flow import Deadlines, Fetch
from llmkit._http import HTTPRequest
from llmkit._io import _faults, _tap
from llmkit._io._media import afetch, fetch, fetching
from llmkit._io._progress import Progress
from llmkit._io._tap import Answer, Step, tapped

from ._io import colours, servers

if TYPE_CHECKING:
    from ..io._colour import Colour
    from ..io._server import Server

KEY, each_colour, text_of = colours.KEY, colours.each_colour, colours.text_of
COUNTED, DONE, piece = servers.COUNTED, servers.DONE, servers.piece

INFINITE = float("inf")


class Scripted:
    """A tap that answers by itself."""

    transport: str | None = "scripted"

    def __init__(self, *steps: Step, status: int = 200, kind: str = "application/json") -> None:
        self.requests: list[HTTPRequest] = []
        self.steps, self.status = steps, status
        self.headers = {"Content-Type": kind}

    def send(self, request: HTTPRequest, progress: Progress, go_on: Any) -> Answer:
        """Answer what it was made with."""
        self.requests.append(request)
        return Answer(self.status, self.headers, self.steps, progress)

    async def asend(self, request: HTTPRequest, progress: Progress, go_on: Any) -> Answer:
        """The same."""
        return self.send(request, progress, go_on)


class Passing:
    """A tap that only looks."""

    transport: str | None = None

    def __init__(self, name: str, seen: list[str]) -> None:
        self.name, self.seen = name, seen

    def send(self, request: HTTPRequest, progress: Progress, go_on: Any) -> Any:
        """Ask on."""
        self.seen.append(self.name)
        return go_on(request, progress)

    async def asend(self, request: HTTPRequest, progress: Progress, go_on: Any) -> Any:
        """Ask on, awaiting."""
        self.seen.append(self.name)
        return await go_on(request, progress)


def body(text: str = "tapped") -> bytes:
    """A completion's body."""
    return servers.answer(servers.chat(text))[0].partition(b"\r\n\r\n")[2]


@pytest.fixture(params=colours.COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return colours.Colour(request.param)


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    with servers.Server() as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[llmkit.Client]:
    """A client of the server."""
    with llmkit.Client(api_key=KEY, base_url=server.url) as made:
        yield made


@each_colour
async def test_a_tap_answers_a_client_that_was_there_before(
    colour: Colour, server: Server, client: Any
) -> None:
    """Inside the block nothing reaches the network, the signed request is seen, and the call says who answered."""
    tap = Scripted(body())
    with tapped(tap):
        response = await colour.call(client)
    assert response.choices[0].message.content == "tapped"
    assert response.call.transport == "scripted"
    [request] = tap.requests
    assert request.url == f"{server.url}/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert not server.requests
    after = await colour.call(client)
    assert after.call.transport == "httpx"
    assert len(server.requests) == 1
    await colour.close(client)


@each_colour
async def test_the_module_functions_too(colour: Colour) -> None:
    """The default client's calls go through it as well."""
    with tapped(Scripted(body())):
        response = await colour.call(llmkit, api_key=KEY)
    assert response.choices[0].message.content == "tapped"


@each_colour
async def test_a_callers_own_client(colour: Colour, server: Server) -> None:
    """A borrowed client is behind the taps like our own transports."""
    theirs = httpx.Client() if colour.is_sync else httpx.AsyncClient()
    ours: Any = llmkit.Client(api_key=KEY, base_url=server.url, http_client=theirs)
    seen: list[str] = []
    with tapped(Passing("a", seen)):
        assert (await colour.call(ours)).call.transport == "httpx"
        with tapped(Scripted(body())):
            assert (await colour.call(ours)).choices[0].message.content == "tapped"
    assert (seen, len(server.requests)) == (["a"], 1)
    await colour.close(ours)
    if isinstance(theirs, httpx.Client):
        theirs.close()
    else:
        await theirs.aclose()


@each_colour
async def test_the_innermost_is_asked_first(colour: Colour, server: Server, client: Any) -> None:
    """Taps are nested like their blocks; one that only looks on leaves the transport its name."""
    seen: list[str] = []
    with tapped(Passing("outer", seen)), tapped(Passing("inner", seen)):
        response = await colour.ask(client, stream=False)
    assert (seen, response.call.transport) == (["inner", "outer"], "httpx")
    with tapped(Scripted(body())), tapped(Passing("inner", seen)):
        assert (await colour.call(client)).call.transport == "scripted"
    await colour.close(client)


@each_colour
async def test_a_stream(colour: Colour, client: Any) -> None:
    """A made-up stream is read piece by piece; it can be left half way, and settles."""
    steps = (piece("Hel"), piece("lo"), piece(finish="stop"), COUNTED, DONE)
    with tapped(Scripted(*steps, kind="text/event-stream")):
        chunks, stream = await colour.read(client)
        assert (text_of(chunks), stream.usage.total_tokens) == ("Hello", 12)
        left = await colour.open(client)
        assert text_of([await anext(left)]) == "Hel"
        await left.aclose()
    assert [s.outcome for s in client.ledger.settlements] == ["completed", "closed"]
    await colour.close(client)


@each_colour
async def test_failures_are_judged_by_their_class(colour: Colour, client: Any) -> None:
    """What a body raises is what a transport's failure of that name is."""
    broken = httpcore.ReadError("gone")
    with tapped(Scripted(body()[:9], broken)), pytest.raises(errors.APIConnectionError) as caught:
        await colour.call(client)
    assert caught.value.sent == "yes"
    with (
        tapped(Scripted(piece("Hel"), broken, kind="text/event-stream")),
        pytest.raises(errors.StreamInterruptedError) as interrupted,
    ):
        await colour.read(client)
    assert interrupted.value.partial.choices[0].message.content == "Hel"
    await colour.close(client)


@each_colour
async def test_waits_are_under_the_limits(colour: Colour, client: Any) -> None:
    """A body that never comes ends with the exchange's time, and says which limit it was; a short wait passes."""
    with tapped(Scripted(0.01, body())):
        await colour.call(client)
    limits = llmkit.Timeouts(first_token=0.05)
    with (
        tapped(Scripted(INFINITE)),
        pytest.raises(errors.APITimeoutError, match="first token") as caught,
    ):
        await colour.call(client, timeout=limits)
    assert caught.value.sent == "yes"
    await colour.close(client)


def test_a_wait_can_be_ended_from_outside() -> None:
    """A sync wait stands for a socket: disconnecting the exchange ends it."""
    now = time.monotonic()
    progress = Progress(Deadlines(now + 60, 60, 60, 60))
    timer = threading.Timer(0.05, progress.disconnect)
    timer.start()
    with pytest.raises(_faults.ReadError, match="closed"):
        _tap.pause(progress, 30)
    assert time.monotonic() - now < 5
    timer.join()


def test_what_is_stopped_is_not_read_on() -> None:
    """After the reader has left, the next read fails, as a socket's does."""
    progress = Progress(Deadlines(time.monotonic() + 60, 60, 60, 60))
    made = Answer(200, [("X-A", "1"), ("x-a", "2")], [b"x", b"y"], progress)
    assert made.headers == {"x-a": "1, 2"}
    assert next(made.iter_bytes()) == b"x"
    progress.stop()
    with pytest.raises(_faults.ReadError):
        next(made.stream)


@each_colour
async def test_a_coding_that_is_not_ours(colour: Colour, client: Any) -> None:
    """A body under a coding that llmkit does not know is given as it is."""
    tap = Scripted(body())
    tap.headers["content-encoding"] = "br"
    with tapped(tap):
        assert (await colour.call(client)).choices[0].message.content == "tapped"
    await colour.close(client)


def test_threads_and_tasks(server: Server, client: llmkit.Client) -> None:
    """Threads begun inside the block are behind the tap; so are tasks, on asyncio and trio."""
    tap = Scripted(body())
    messages = [{"role": "user", "content": "hi"}]
    with tapped(tap):
        threads = [
            threading.Thread(target=client.completion, args=("openai/gpt-4o-mini", messages))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(_tasks(client, messages))
        trio.run(_nursery, client, messages)
    assert (len(tap.requests), len(server.requests)) == (12, 0)


async def _tasks(client: llmkit.Client, messages: Any) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(client.acompletion("openai/gpt-4o-mini", messages))
    await client.aclose()


async def _nursery(client: llmkit.Client, messages: Any) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(client.acompletion, "openai/gpt-4o-mini", messages)
    await client.aclose()


def test_blocks_may_end_in_any_order() -> None:
    """Each block takes only its own tap away, and a failure inside it as well."""
    first, second = tapped(Passing("a", [])), tapped(Passing("b", []))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert [getattr(tap, "name", "") for tap in _tap._taps] == ["b"]
    second.__exit__(None, None, None)
    with pytest.raises(KeyError), tapped(Passing("c", [])):
        raise KeyError
    assert not _tap.is_tapped()


def test_nothing_stands_between_without_a_tap() -> None:
    """Without a tap the drivers are handed the transport's own function."""
    assert _tap.through(test_a_stream) is test_a_stream
    assert _tap.athrough(test_a_stream) is test_a_stream  # type: ignore[type-var]


PICTURE = MediaPolicy(schemes=("http",), public_only=False, max_bytes=10, seconds=1.0)


def fetched(colour: Colour, url: str) -> Any:
    """What a prompt's URL points at."""
    effect = Fetch(url, PICTURE)

    async def get() -> Any:
        if colour.is_sync:
            return fetch(effect, fetching(effect))
        return await afetch(effect, fetching(effect))

    return colour.run(get)


def test_media_go_through_it(colour: Colour, server: Server) -> None:
    """What is fetched for a prompt is seen, answered, and held to the policy's size."""
    server.always(*servers.answer(b"pixels", content_type="image/png"))
    seen: list[str] = []
    with tapped(Passing("a", seen)):
        response = fetched(colour, f"{server.origin}/picture")
    assert (response.status, response.body, response.content_type) == (200, b"pixels", "image/png")
    assert (seen, len(server.requests)) == (["a"], 1)
    tap = Scripted(b"made ", b"up", kind="image/gif")
    with tapped(tap):
        assert fetched(colour, "http://nowhere.invalid/p").body == b"made up"
    assert [(r.method, r.url) for r in tap.requests] == [("GET", "http://nowhere.invalid/p")]
    for steps in ((b"x" * 11, b"more"), (b"x" * 6, b"y" * 6)):
        with tapped(Scripted(*steps)), pytest.raises(errors.InvalidRequestError, match="10 bytes"):
            fetched(colour, "http://nowhere.invalid/p")


def test_compressed_media(colour: Colour) -> None:
    """A made-up body that says it is compressed is decompressed."""
    import gzip

    tap = Scripted(gzip.compress(b"pixels"))
    tap.headers["content-encoding"] = "gzip"
    with tapped(tap):
        assert fetched(colour, "http://nowhere.invalid/p").body == b"pixels"


def test_completion_and_hello_still_work(server: Server, client: llmkit.Client) -> None:
    """A tap that only looks changes nothing of an answer or a stream."""
    server.script(servers.completion(), servers.hello())
    messages = [{"role": "user", "content": "hi"}]
    with tapped(Passing("a", [])):
        plain = client.completion("openai/gpt-4o-mini", messages)
        streamed = client.completion("openai/gpt-4o-mini", messages, stream=True).until_done()
    assert plain.choices[0].message.content == streamed.choices[0].message.content == "Hello there"
