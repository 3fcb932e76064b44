"""HTTP/2 where it may be spoken: many calls on one connection, and what each way of ending means for whom."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import trio

from llmkit import Timeouts, errors

from .._server import COUNTED, DONE, chat, piece
from ._h2 import EVENTS, HEAD, Codes, H2Server, Reset, said
from ._wires import DIFFERENCES, TRANSPORTS, each_wire, over

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._certificates import Certificates
    from ._h2 import Answer
    from ._wires import Wire

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
with_http2 = over([name for name in TRANSPORTS if name not in DIFFERENCES["http2"]])
END = piece(finish="stop") + COUNTED + DONE


@pytest.fixture
def h2(certificates: Certificates) -> Iterator[H2Server]:
    """A server that speaks HTTP/2, and HTTP/1.1 in name only."""
    with H2Server(certificates.server(protocols=("h2", "http/1.1"))) as server:
        yield server


def speaking(wire: Wire, h2: H2Server, certificates: Certificates) -> Any:
    """A client that may speak HTTP/2."""
    return wire.client(h2.url, verify=certificates.authority, http2=True)


def streamed(*steps: Any) -> Answer:
    """A stream."""
    return [EVENTS, *steps]


@each_form
@with_http2
@each_wire
async def test_calls_share_a_connection(
    wire: Wire, h2: H2Server, certificates: Certificates, *, stream: bool
) -> None:
    """Calls one after the other are streams of one connection, with what a request must have, and no more."""
    h2.default = streamed(piece("Hello there"), END) if stream else said()
    async with speaking(wire, h2, certificates) as client:
        for _ in range(3):
            response = await wire.colour.ask(client, stream=stream)
            assert response.choices[0].message.content == "Hello there"
            assert response.call.transport == wire.transport
    assert h2.protocols == ["h2"]
    request = h2.requests[0]
    assert (request.method, request.target) == ("POST", "/v1/chat/completions")
    assert request.headers[":authority"] == h2.url.removeprefix("https://").removesuffix("/v1")
    assert not {"host", "connection", "transfer-encoding"} & set(request.headers)
    assert int(request.headers["content-length"]) == len(request.body)


@with_http2
@each_wire
async def test_calls_at_once_share_it_too(
    wire: Wire, h2: H2Server, certificates: Certificates
) -> None:
    """Eight calls at once are answered at once, on the connection that is there."""
    async with speaking(wire, h2, certificates) as client:
        await wire.colour.call(client)
        h2.default = [0.3, *said()]
        await at_once(wire, client, 8)
        assert {s.outcome for s in client.ledger.settlements} == {"completed"}
    assert h2.connections == 1
    assert h2.most_at_once == 8


async def at_once(wire: Wire, client: Any, count: int) -> None:
    """So many calls at once, as this colour has them."""
    if wire.colour.name == "asyncio":
        await asyncio.gather(*(wire.colour.call(client) for _ in range(count)))
    elif wire.colour.name == "trio":
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(wire.colour.call, client)
    else:
        params: dict[str, Any] = {"model": "openai/gpt-4o-mini", "messages": [], "num_retries": 0}
        with ThreadPoolExecutor(count) as pool:
            for done in [pool.submit(client.completion, **params) for _ in range(count)]:
                done.result()


@with_http2
@each_wire
async def test_it_is_not_spoken_unasked(wire: Wire, certificates: Certificates) -> None:
    """Without ``http2=True`` a server that speaks both is spoken to in HTTP/1.1."""
    with H2Server(certificates.server(protocols=("h2", "http/1.1"))) as server:
        async with wire.client(server.url, verify=certificates.authority) as client:
            with pytest.raises(errors.APIError):  # this server only says that it knows it
                await wire.colour.call(client)
        assert server.protocols == ["http/1.1"]


@with_http2
@each_wire
async def test_large_ones_pass_the_windows(
    wire: Wire, h2: H2Server, certificates: Certificates
) -> None:
    """A megabyte each way, though sixteenths of it are as much as may be on its way; trailers are passed over."""
    text, messages = "Grüße " * 150_000, [{"role": "user", "content": "ü" * 500_000}]
    body = json.dumps(chat(text), ensure_ascii=False).encode()
    h2.script([HEAD, body, {"x-checksum": "1"}])
    async with speaking(wire, h2, certificates) as client:
        response = await wire.colour.call(client, messages=messages)
    assert response.choices[0].message.content == text
    assert h2.requests[0].json()["messages"] == messages


@with_http2
@each_wire
async def test_a_stream_that_is_reset_before_its_head(
    wire: Wire, h2: H2Server, certificates: Certificates
) -> None:
    """One stream's reset is that call's failure alone: the connection lives."""
    h2.script([Reset()])
    async with speaking(wire, h2, certificates) as client:
        with pytest.raises(errors.APIConnectionError) as caught:
            await wire.colour.call(client)
        assert caught.value.sent in ("yes", "maybe")
        assert caught.value.retryable
        await wire.colour.call(client)
    assert h2.connections == 1
    assert len(h2.requests) == 2


@with_http2
@each_wire
async def test_a_stream_that_was_refused(
    wire: Wire, h2: H2Server, certificates: Certificates
) -> None:
    """A refused stream was not looked at: it fails, or is sent again, and is answered once."""
    h2.script([Reset(Codes.REFUSED_STREAM)])
    async with speaking(wire, h2, certificates) as client:
        if wire.differs("refused streams"):
            await wire.colour.call(client)
        else:
            with pytest.raises(errors.APIConnectionError):
                await wire.colour.call(client)
        assert [s.attempts for s in client.ledger.settlements] == [1]
    assert len(h2.requests) == (2 if wire.differs("refused streams") else 1)


@pytest.mark.parametrize("how", ["reset", "close"])
@with_http2
@each_wire
async def test_a_stream_that_breaks_midway(
    wire: Wire, h2: H2Server, certificates: Certificates, how: str
) -> None:
    """What had come is kept, whether the stream broke or all of the connection; the next call works."""
    h2.script(streamed(piece("Hel"), 0.05, Reset() if how == "reset" else "close"))
    async with speaking(wire, h2, certificates) as client:
        with pytest.raises(errors.StreamInterruptedError) as caught:
            await wire.colour.read(client)
        assert caught.value.partial.choices[0].message.content == "Hel"
        await wire.colour.call(client)
    assert h2.connections == (1 if how == "reset" else 2)


@with_http2
@each_wire
async def test_a_connection_that_says_good_bye(
    wire: Wire, h2: H2Server, certificates: Certificates
) -> None:
    """What was begun is ended; what comes after it goes over another connection, and nothing is sent twice."""
    h2.script(["bye", *said("last")])
    async with speaking(wire, h2, certificates) as client:
        if wire.differs("good-byes"):
            with pytest.raises(errors.APIConnectionError) as caught:
                await wire.colour.call(client)
            assert caught.value.sent == "yes"
        else:
            assert (await wire.colour.call(client)).choices[0].message.content == "last"
        await wire.colour.call(client)
    assert len(h2.requests) == 2
    assert h2.connections == 2


@with_http2
@each_wire
async def test_a_connection_that_turns_away(
    wire: Wire, h2: H2Server, certificates: Certificates
) -> None:
    """What a GOAWAY says was not looked at is sent again over another connection, and answered once."""
    h2.script(said(), ["goaway"])
    async with speaking(wire, h2, certificates) as client:
        for _ in range(3):
            await wire.colour.call(client)
        assert [s.outcome for s in client.ledger.settlements] == ["completed"] * 3
    assert h2.connections == 2
    assert len(h2.requests) == 4


@with_http2
@each_wire
async def test_a_stream_that_is_left(wire: Wire, h2: H2Server, certificates: Certificates) -> None:
    """A stream that is closed early is cancelled at the server, and its connection serves the next call."""
    if wire.is_borrowed and wire.colour.name == "trio":
        pytest.skip("httpx's own generators are dropped unclosed there, of which Python warns")
    h2.script(streamed(piece("x"), "hold"))
    async with speaking(wire, h2, certificates) as client:
        stream = await wire.colour.open(client)
        await anext(stream)
        await stream.aclose()
        assert wire.differs("left streams") or h2.streams[0].gone.wait(1)
        await wire.colour.call(client)
    assert wire.differs("left streams") or h2.connections == 1


@each_form
@with_http2
@each_wire
async def test_limits_hold(
    wire: Wire, h2: H2Server, certificates: Certificates, *, stream: bool
) -> None:
    """A stream that nothing comes on is given up in time; its connection goes on."""
    h2.script(["hold"])
    limits = Timeouts(connect=5, first_token=0.3, idle=5, total=5)
    async with speaking(wire, h2, certificates) as client:
        with pytest.raises(errors.APITimeoutError, match="first token") as caught:
            await wire.colour.ask(client, stream=stream, timeout=limits)
        assert caught.value.sent in ("yes", "maybe")
        await wire.colour.call(client)
