"""Connections that fail: before, within and after the answer's head; each with the right ``sent``, in each colour."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import errors

from ._colour import KEY, collect, each_colour, each_loop
from ._server import (
    CERTIFICATE,
    CLOSE,
    RESET,
    Server,
    chat,
    chunked,
    completion,
    head,
    hello,
    piece,
    stream_head,
    streamed,
)

if TYPE_CHECKING:
    from ._colour import Colour

pytestmark = [pytest.mark.usefixtures("own_transport"), each_loop]
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@each_form
@each_colour
async def test_nobody_listens(colour: Colour, client: Any, *, stream: bool) -> None:
    """A refused connection has sent nothing, may be tried again, and costs nothing."""
    with pytest.raises(errors.APIConnectionError) as caught:
        await colour.ask(client, stream=stream, base_url=f"http://127.0.0.1:{unused_port()}/v1")
    assert (caught.value.sent, caught.value.retryable) == ("no", True)
    assert not isinstance(caught.value, errors.APITimeoutError)
    [settled] = client.ledger.settlements
    assert (settled.outcome, settled.sent, settled.cost_status) == ("failed", "no", "none")


@each_colour
async def test_an_unknown_host(colour: Colour, client: Any) -> None:
    """A name that does not resolve has sent nothing."""
    with pytest.raises(errors.APIConnectionError) as caught:
        await colour.call(client, base_url="http://nowhere.invalid/v1")
    assert caught.value.sent == "no"


@pytest.mark.parametrize("end", [RESET, CLOSE])
@each_form
@each_colour
async def test_the_connection_ends_before_the_answer(
    colour: Colour, server: Server, client: Any, unheard: str, *, stream: bool, end: Any
) -> None:
    """The request has left when the connection ends: what became of it nobody knows."""
    server.script([end])
    with pytest.raises(errors.APIConnectionError) as caught:
        await colour.ask(client, stream=stream)
    assert (caught.value.sent, caught.value.retryable) == (unheard, True)
    [settled] = client.ledger.settlements
    assert (settled.outcome, settled.sent, settled.cost) == ("failed", unheard, None)


@pytest.mark.parametrize("end", [RESET, CLOSE])
@each_form
@each_colour
async def test_the_connection_ends_within_the_head(
    colour: Colour, server: Server, client: Any, unheard: str, *, stream: bool, end: Any
) -> None:
    """Half a head is no answer."""
    server.script([b"HTTP/1.1 200 OK\r\ncontent-ty", 0.02, end])
    with pytest.raises(errors.APIConnectionError) as caught:
        await colour.ask(client, stream=stream)
    assert caught.value.sent == unheard


@pytest.mark.parametrize("end", [RESET, CLOSE])
@each_colour
async def test_the_connection_ends_within_the_body(
    colour: Colour, server: Server, client: Any, end: Any
) -> None:
    """Half a body is no answer, and may have been billed."""
    data = json.dumps(chat()).encode()
    server.script([head(content_length=len(data)) + data[:20], 0.02, end])
    with pytest.raises(errors.APIConnectionError) as caught:
        await colour.call(client)
    assert caught.value.sent == "yes"
    assert client.ledger.settlements[0].cost is None


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x15\x03\x01\x00\x02\x02\x16"])
@each_form
@each_colour
async def test_another_protocol_answers(
    colour: Colour, server: Server, client: Any, unheard: str, *, stream: bool, garbage: bytes
) -> None:
    """What is no HTTP at all is a failed connection, not a crash."""
    server.script([garbage, CLOSE])
    with pytest.raises(errors.APIConnectionError) as caught:
        await colour.ask(client, stream=stream)
    assert caught.value.sent == unheard


@pytest.mark.parametrize("end", [RESET, CLOSE])
@each_colour
async def test_a_stream_ends_before_its_first_chunk(
    colour: Colour, server: Server, client: Any, end: Any
) -> None:
    """A stream of which nothing came is a failed call, which may be tried again."""
    server.script([stream_head(), 0.02, end])
    with pytest.raises(errors.APIError) as caught:
        await colour.open(client)
    assert (caught.value.sent, caught.value.retryable) == ("yes", True)
    assert client.ledger.settlements[0].outcome == "failed"


@pytest.mark.parametrize("end", [RESET, CLOSE])
@each_colour
async def test_a_stream_breaks_midway(
    colour: Colour, server: Server, client: Any, seen: Any, end: Any
) -> None:
    """The chunks that came are handed over, then the error, which has what came; it settles as interrupted."""
    server.script(streamed(piece("Hel"), piece("lo"), 0.05, end, end=False))
    stream = await colour.open(client)
    chunks: list[Any] = []
    with pytest.raises(errors.StreamInterruptedError) as caught:
        await collect(stream, chunks)
    assert [c.choices[0].delta.content for c in chunks] == ["Hel", "lo"]
    error = caught.value
    assert error.partial.choices[0].message.content == "Hello"
    assert (error.sent, error.provider, len(error.attempts)) == ("yes", "openai", 1)
    [settled] = client.ledger.settlements
    assert (settled.outcome, settled.usage_source) == ("interrupted", "estimated")
    assert seen.names.count("CallFinished") == 1
    assert stream.response.choices[0].message.content == "Hello"


@each_colour
async def test_a_stream_that_ends_politely_but_too_early_is_interrupted(
    colour: Colour, server: Server, client: Any
) -> None:
    """A body that ends as HTTP says, but without a finish reason, is not a whole answer."""
    server.script(streamed(piece("Hel")))
    with pytest.raises(errors.StreamInterruptedError) as caught:
        await colour.read(client)
    assert caught.value.partial.choices[0].message.content == "Hel"


@each_colour
async def test_an_error_within_a_stream_is_what_it_says(
    colour: Colour, server: Server, client: Any
) -> None:
    """An error event after the first chunk is raised as its code says, with what came before."""
    broke = b'data: {"error": {"message": "overloaded", "code": 529}}\n\n'
    server.script(streamed(piece("Hel"), 0.02, broke))
    with pytest.raises(errors.OverloadedError) as caught:
        await colour.read(client, num_retries=3)
    assert caught.value.partial.choices[0].message.content == "Hel"
    assert len(server.requests) == 1
    assert client.ledger.settlements[0].outcome == "interrupted"


@each_colour
async def test_malformed_chunking_breaks_a_stream(
    colour: Colour, server: Server, client: Any
) -> None:
    """Bytes that are no chunk of a chunked body interrupt the stream."""
    server.script([stream_head() + chunked(piece("Hel")), 0.03, b"zzz\r\nbad"])
    with pytest.raises(errors.StreamInterruptedError) as caught:
        await colour.read(client)
    assert caught.value.partial.choices[0].message.content == "Hel"


@each_form
@each_colour
async def test_an_untrusted_certificate(colour: Colour, *, stream: bool) -> None:
    """A self-signed certificate ends the call before anything is sent, and is not tried again."""
    with Server(tls=True) as server, llmkit.Client(api_key=KEY) as client:
        with pytest.raises(errors.APIConnectionError, match="verify") as caught:
            await colour.ask(client, stream=stream, base_url=server.url, num_retries=2)
        assert (caught.value.sent, caught.value.retryable) == ("no", False)
        assert len(caught.value.attempts) == 1
        assert server.requests == []


@pytest.mark.parametrize("verify", [str(CERTIFICATE), False], ids=["ca-file", "off"])
@each_colour
async def test_a_certificate_that_the_caller_trusts(colour: Colour, verify: Any) -> None:
    """``verify`` takes a CA file or ``False``, and TLS connections are kept like others."""
    with Server(tls=True) as server, llmkit.Client(api_key=KEY, verify=verify) as client:
        for answer in (completion(), hello(), completion()):
            server.script(answer)
            got = await colour.ask(client, stream=answer == hello(), base_url=server.url)
            assert got.choices[0].message.content == "Hello there"
        assert len(server.peers) == 1
        await colour.close(client)


@each_colour
async def test_plain_http_to_a_tls_port(colour: Colour) -> None:
    """http:// to a port that speaks TLS is a failed connection."""
    with Server(tls=True) as server, llmkit.Client(api_key=KEY) as client:
        url = server.url.replace("https", "http")
        with pytest.raises(errors.APIConnectionError):
            await colour.call(client, base_url=url)
