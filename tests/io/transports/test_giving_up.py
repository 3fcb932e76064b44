"""Calls given up at each point: the server sees it at once, it is settled once, and the next call goes well."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pytest

from llmkit.router import Deployment, Hedge, Router

from .._colour import KEY, MODEL
from .._server import HOLD, Answer, Server, completion, head, hello, piece, stream_head, streamed
from ..test_timeouts import full_backlog
from ._giving_up import given_up
from ._wires import OWN, each_wire, over

if TYPE_CHECKING:
    from ._wires import Wire

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
# A socket that Ctrl-C finds half made is nobody's yet: the collector closes it at once, and says so.
unclosed = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@dataclass(frozen=True)
class Point:
    """A moment of a call: what the server has done until then, and how many chunks have been read."""

    steps: Answer
    stream: bool = False
    chunks: int = 0
    heard: bool = False
    """Whether every transport knows here that the answer has begun."""


POINTS = {
    "waiting": Point([HOLD]),
    "in the head": Point([b"HTTP/1.1 200 OK\r\nx", HOLD]),
    "behind the head": Point([head(content_length=100), HOLD]),
    "in the body": Point([head(content_length=100) + b"{", HOLD]),
    "a stream, waiting": Point([HOLD], stream=True),
    "a stream, behind the head": Point([stream_head(), HOLD], stream=True),
    "a stream, in its first chunk": Point(
        [stream_head() + b"40\r\ndata", HOLD], stream=True, heard=True
    ),
    "a stream, between chunks": Point(
        streamed(piece("Hel"), HOLD, end=False), stream=True, chunks=1, heard=True
    ),
    "a stream, its end held back": Point(
        streamed(piece("Hi"), piece(finish="stop"), HOLD, end=False),
        stream=True,
        chunks=1,
        heard=True,
    ),
}


async def reading(wire: Wire, client: Any, point: Point) -> Any:
    """Come to the point; what is to be done there."""
    if not point.stream:
        return lambda: wire.colour.call(client)
    if not point.chunks:
        return lambda: wire.colour.open(client)
    stream = await wire.colour.open(client)
    for _ in range(point.chunks):
        await anext(stream)
    return stream.__anext__


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("name", POINTS)
@each_wire
async def test_at_each_point(wire: Wire, server: Server, *, name: str, times: int) -> None:
    """Wherever a call waits it can be given up: its connection is closed, and another call is answered."""
    if times > 1 and wire.colour.name != "asyncio":
        pytest.skip("only asyncio throws a cancellation in twice")
    point = POINTS[name]
    server.script(point.steps)
    async with wire.client(server.url) as client:
        work = await reading(wire, client, point)
        await given_up(wire, work, lambda: server.wait_requests(1), times=times)
        server.wait_gone(0, within=1)
        [settled] = client.ledger.settlements
        assert (settled.outcome, settled.attempts) == ("cancelled", 1)
        assert settled.sent == ("yes" if point.heard else wire.unheard)
        assert (await wire.colour.call(client)).choices[0].message.content == "Hello there"
    assert len(server.requests) == 2


@unclosed
@each_wire
async def test_while_connecting(wire: Wire) -> None:
    """Of a call that never connected nothing was sent, and it costs nothing."""
    with full_backlog() as port:
        async with wire.client(f"http://127.0.0.1:{port}/v1") as client:
            begun = time.monotonic() + 0.1
            await given_up(wire, lambda: wire.colour.call(client), lambda: _sleep_until(begun))
            [settled] = client.ledger.settlements
    assert (settled.outcome, settled.sent) == ("cancelled", "no")


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


class Deaf:
    """A server that reads a little of what it is sent, and the rest only when it is ``heard``."""

    def __init__(self, read: int) -> None:
        self._read = read
        self.came, self.heard, self.gone = threading.Event(), threading.Event(), threading.Event()
        self.bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50_000)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heard.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            with sock:
                self._take(sock)
        self.gone.set()

    def _take(self, sock: socket.socket) -> None:
        while self.bytes < self._read and (data := sock.recv(65536)):
            self.bytes += len(data)
        self.came.set()
        self.heard.wait(10)
        while data := sock.recv(65536):
            self.bytes += len(data)


@contextlib.contextmanager
def handshaking() -> Iterator[tuple[str, Deaf]]:
    """A server that never answers a TLS client's first words."""
    with Deaf(read=1) as deaf:
        yield f"https://127.0.0.1:{deaf.port}/v1", deaf


@contextlib.contextmanager
def deaf() -> Iterator[tuple[str, Deaf]]:
    """A server that reads a little of a big request, and then no more."""
    with Deaf(read=100_000) as made:
        yield f"http://127.0.0.1:{made.port}/v1", made


BIG = [{"role": "user", "content": "x" * 8_000_000}]
EARLY: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "the handshake": (handshaking, {}),
    "writing": (deaf, {"messages": BIG}),
}


@unclosed
@pytest.mark.parametrize("name", EARLY)
@over(OWN)
@each_wire
async def test_before_it_has_left(wire: Wire, *, name: str) -> None:
    """Given up in the handshake nothing was sent, and while it is written, maybe; the connection is closed.

    httpcore's own connections, which a lent client has, are then closed when they are collected.
    """
    make, params = EARLY[name]
    with make() as (url, server):
        async with wire.client(url) as client:
            await given_up(wire, lambda: wire.colour.call(client, **params), server.came.wait)
            server.heard.set()
            assert server.gone.wait(1), "the client has not closed its connection"
            assert server.bytes < len(BIG[0]["content"])
            [settled] = client.ledger.settlements
    sent = "maybe" if params else wire.unshaken
    assert (settled.outcome, settled.sent) == ("cancelled", sent)


@pytest.mark.parametrize("form", ["closed", "dropped", "left"])
@each_wire
async def test_a_stream_that_is_left(wire: Wire, server: Server, *, form: str) -> None:
    """Closed, let go of, or left by ``break``: the connection goes at once, and the next call is answered."""
    server.script(streamed(piece("Hel"), HOLD, end=False))
    async with wire.client(server.url) as client:
        stream = await wire.colour.open(client)
        await anext(stream)
        if form == "closed":
            await stream.aclose()
        elif form == "left":
            async with stream:
                pass
        del stream
        await wire.colour.sleep(0.02)
        server.wait_gone(0, within=1)
        assert (await wire.colour.call(client)).usage.total_tokens == 12
        outcomes = [s.outcome for s in client.ledger.settlements]
        assert outcomes == ["abandoned" if form == "dropped" else "closed", "completed"]


def hedged(wire: Wire, *servers: Server) -> Router:
    """A router that asks the second of these where the first is slow."""
    group = [
        Deployment("g", MODEL, id=f"d{n}", api_key=KEY, base_url=server.url, order=n)
        for n, server in enumerate(servers)
    ]
    return Router(group, hedge=Hedge(after=0.1), num_retries=0, transport=wire.name)


@each_form
@over(OWN)
@each_wire
async def test_the_loser_of_a_race(wire: Wire, server: Server, *, stream: bool) -> None:
    """A hedge's loser is cut off while the winner is read: its server need not answer it."""
    server.script([HOLD])
    answering = Server(always=hello() if stream else completion())
    with answering as quick, hedged(wire, server, quick) as router:
        answer = await wire.colour.ask(router, stream=stream, model="g")
        server.wait_gone(0, within=0.5)
        assert answer.call.deployment == "d1"
        assert answer.choices[0].message.content == "Hello there"
        await wire.colour.close(router)
