"""Each limit ends a call in time, whatever the server does, and the error names it; in each colour."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import Timeouts, errors

from ._colour import KEY, each_colour, each_loop
from ._server import (
    HOLD,
    LAST,
    chat,
    chunked,
    completion,
    failure,
    head,
    piece,
    stream_head,
    streamed,
)

if TYPE_CHECKING:
    from ._colour import Colour
    from ._server import Server

pytestmark = [pytest.mark.usefixtures("own_transport"), each_loop]
LONG = 8.0
LIMIT = 0.3
SLACK = 1.5  # a busy machine's, not the library's
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def limits(**seconds: float) -> Timeouts:
    """Long limits, but for these."""
    return Timeouts(**{"connect": LONG, "first_token": LONG, "idle": LONG, "total": LONG} | seconds)


@contextlib.contextmanager
def times_out(which: str, after: float = LIMIT) -> Iterator[Any]:
    """What is within ends with a timeout that names this limit, and in time."""
    begun = time.monotonic()
    with pytest.raises(errors.APITimeoutError, match=which) as caught:
        yield caught
    assert after * 0.8 <= time.monotonic() - begun < after + SLACK
    assert caught.value.retryable


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """A port where connections are neither accepted nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@each_form
@each_colour
async def test_connecting(colour: Colour, client: Any, *, stream: bool) -> None:
    """A host that does not take the connection is given up after the connect limit; nothing was sent."""
    with full_backlog() as port:
        url = f"http://127.0.0.1:{port}/v1"
        with times_out("connect") as caught:
            await colour.ask(client, stream=stream, base_url=url, timeout=limits(connect=LIMIT))
    assert caught.value.sent == "no"
    assert client.ledger.settlements[0].cost_status == "none"


@each_colour
async def test_connecting_within_the_total(colour: Colour, client: Any) -> None:
    """The total limit holds while connecting, too."""
    with full_backlog() as port, times_out("connect|total"):
        url = f"http://127.0.0.1:{port}/v1"
        await colour.call(client, base_url=url, timeout=limits(total=LIMIT))


SILENT = {
    "silence": [HOLD],
    "half a head": [b"HTTP/1.1 200 OK\r\n", HOLD],
    "only a head": [stream_head(), HOLD],
}


@pytest.mark.parametrize("steps", SILENT.values(), ids=SILENT)
@each_form
@each_colour
async def test_the_first_token(
    colour: Colour, server: Server, client: Any, unheard: str, *, stream: bool, steps: Any
) -> None:
    """A server that takes the request and says nothing is given up, and sees its connection closed."""
    server.script(steps)
    with times_out("first token") as caught:
        await colour.ask(client, stream=stream, timeout=limits(first_token=LIMIT))
    assert caught.value.sent == unheard
    server.wait_gone()
    assert client.ledger.settlements[0].cost is None


@each_colour
async def test_comments_are_no_tokens(colour: Colour, server: Server, client: Any) -> None:
    """Comments keep a stream open, but they are not its first token."""
    server.script(streamed(*[b": keep-alive\n\n", 0.05] * 60))
    with times_out("first token"):
        await colour.open(client, timeout=limits(first_token=LIMIT))


@each_colour
async def test_a_stream_that_stalls(colour: Colour, server: Server, client: Any) -> None:
    """A stream that stalls is interrupted after the idle limit, with what had come."""
    server.script(streamed(piece("Hel"), HOLD, end=False))
    stream = await colour.open(client, timeout=limits(idle=LIMIT))
    assert (await anext(stream)).choices[0].delta.content == "Hel"
    with times_out("idle") as caught:
        await anext(stream)
    assert caught.value.sent == "yes"
    assert caught.value.partial.choices[0].message.content == "Hel"
    server.wait_gone()
    assert client.ledger.settlements[0].outcome == "interrupted"


@each_colour
async def test_a_body_that_stalls(
    colour: Colour, server: Server, client: Any, own_transport: str, unheard: str
) -> None:
    """A whole answer that stalls midway is given up after the idle limit.

    With reqwest it has begun when it is whole, or 64 KiB of it have come: until then it is the first token's limit.
    """
    server.script([head(content_length=100) + b'{"id"', HOLD])
    which = "first_token" if own_transport == "reqwest" else "idle"
    with times_out(which.replace("_", " ")) as caught:
        await colour.call(client, timeout=limits(**{which: LIMIT}))
    assert caught.value.sent == unheard


@each_colour
async def test_a_large_body_that_stalls(colour: Colour, server: Server, client: Any) -> None:
    """Behind its first 64 KiB the idle limit counts, whatever carries it."""
    server.script([head(content_length=200_000) + b" " * 150_000, HOLD])
    with times_out("idle") as caught:
        await colour.call(client, timeout=limits(idle=LIMIT))
    assert caught.value.sent == "yes"
    server.wait_gone()


@each_colour
async def test_the_idle_limit_is_not_the_first_tokens(
    colour: Colour, server: Server, client: Any
) -> None:
    """Once the answer has begun, a pause longer than the first token's limit is fine."""
    server.script(
        streamed(piece("Hel"), 0.5, piece("lo"), 0.5, piece(finish="stop"), b"data: [DONE]\n\n")
    )
    _, stream = await colour.read(client, timeout=limits(first_token=0.25))
    assert stream.response.choices[0].message.content == "Hello"


@each_colour
async def test_every_pause_has_the_whole_idle_limit(
    colour: Colour, server: Server, client: Any
) -> None:
    """Pauses that are each within the idle limit may add up to more."""
    server.script(streamed(*[piece("x"), 0.2] * 5, piece(finish="stop"), b"data: [DONE]\n\n"))
    chunks, _ = await colour.read(client, timeout=limits(idle=0.6))
    assert len(chunks) == 6


DRIPPING: dict[str, list[Any]] = {
    "head": [
        step for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 60 for step in (bytes([byte]), 0.05)
    ],
    "body": [head(content_length=100), *[b" ", 0.05] * 60],
    "chunked": [stream_head(), *[chunked(b" "), 0.05] * 60],
}


@pytest.mark.parametrize("steps", DRIPPING.values(), ids=DRIPPING)
@each_form
@each_colour
async def test_a_dripping_server(
    colour: Colour, server: Server, client: Any, unheard: str, *, stream: bool, steps: Any
) -> None:
    """A byte every 50 ms outlives no total limit."""
    server.script(steps)
    with times_out("total") as caught:
        await colour.ask(client, stream=stream, timeout=limits(total=LIMIT))
    heard = stream and steps is not DRIPPING["head"]
    assert caught.value.sent == ("yes" if heard else unheard)
    server.wait_gone()


@each_colour
async def test_an_endless_stream(colour: Colour, server: Server, client: Any) -> None:
    """A stream without end is interrupted by the total limit."""
    server.script(streamed(*[piece("x"), 0.03] * 200))
    with times_out("total", after=0.5) as caught:
        await colour.read(client, timeout=limits(total=0.5))
    assert caught.value.partial.choices[0].message.content.startswith("xxx")
    server.wait_gone()


@each_form
@each_colour
async def test_a_flood(colour: Colour, server: Server, client: Any, *, stream: bool) -> None:
    """Bytes that never cease, without any pause to time out in, end at the total limit as well."""
    flood = chunked(b": " + b"x" * 997 + b"\n")
    server.script([stream_head(), *[flood, 0.0005] * 6000])
    with times_out("total") as caught:
        await colour.ask(client, stream=stream, timeout=limits(total=LIMIT))
    assert caught.value.sent == "yes"
    server.wait_gone()


@each_form
@each_colour
async def test_retries_are_within_the_total(
    colour: Colour, server: Server, client: Any, *, stream: bool
) -> None:
    """Many tries, each failing fast, end before the total limit, with the failure itself."""
    server.always(0.1, *failure(500))
    begun = time.monotonic()
    with pytest.raises((errors.InternalServerError, errors.APITimeoutError)):
        await colour.ask(client, stream=stream, num_retries=100, timeout=limits(total=0.5))
    assert time.monotonic() - begun < 0.5 + SLACK
    assert 2 <= len(server.requests) <= 6


@each_colour
async def test_a_wait_that_would_exceed_the_total_is_not_begun(
    colour: Colour, server: Server, client: Any
) -> None:
    """Asked to come back after the total limit, the call fails at once."""
    server.always(*failure(429, retry_after=5))
    begun = time.monotonic()
    with pytest.raises(errors.RateLimitError):
        await colour.call(client, num_retries=3, timeout=limits(total=1))
    assert time.monotonic() - begun < 0.9
    assert len(server.requests) == 1


@each_colour
async def test_a_plain_number_is_the_total(colour: Colour, server: Server, client: Any) -> None:
    """``timeout=0.3`` limits the whole call."""
    server.script([HOLD])
    with times_out("total|first token"):
        await colour.call(client, timeout=LIMIT)


@each_colour
async def test_a_slow_answer_within_its_limits_is_fine(
    colour: Colour, server: Server, client: Any
) -> None:
    """A body in five pieces, each on time, is read."""
    data = json.dumps(chat()).encode()
    cuts = [chunked(data[i : i + 60]) for i in range(0, len(data), 60)]
    server.script(
        [head(transfer_encoding="chunked"), *[step for cut in cuts for step in (cut, 0.05)], LAST]
    )
    response = await colour.call(client, timeout=limits(idle=LIMIT))
    assert response.choices[0].message.content == "Hello there"


@each_colour
async def test_a_timed_out_connection_is_not_used_again(
    colour: Colour, server: Server, client: Any
) -> None:
    """The answer that came too late is not the next call's."""
    server.script([0.5, *completion("late")], completion("right"))
    with pytest.raises(errors.APITimeoutError):
        await colour.call(client, timeout=limits(first_token=0.2))
    await colour.sleep(0.5)
    assert (await colour.call(client)).choices[0].message.content == "right"
    assert len(server.peers) == 2


@each_colour
async def test_a_big_request_to_a_server_that_does_not_read(colour: Colour, client: Any) -> None:
    """A request that cannot leave is given up, and may have reached the server."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        big = [{"role": "user", "content": "x" * 20_000_000}]
        # On a busy machine it takes a while to write it at all.
        with times_out("total", 1.0) as caught:
            await colour.call(client, messages=big, base_url=url, timeout=limits(total=1.0))
    assert caught.value.sent == "maybe"


@each_colour
async def test_the_limit_that_ended_it_is_named(
    colour: Colour, silent_tls: int, unshaken: str
) -> None:
    """Where the total ends before connecting may, it is the total that is named."""
    client = llmkit.Client(api_key=KEY, base_url=f"https://127.0.0.1:{silent_tls}/v1")
    for timeout, name in (
        (Timeouts(connect=5, total=0.2), "total"),
        (Timeouts(connect=0.2, total=5), "connect"),
    ):
        with pytest.raises(errors.APITimeoutError, match=f"timed out: {name}") as caught:
            await colour.ask(client, stream=False, timeout=timeout)
        assert caught.value.sent == ("no" if name == "connect" else unshaken)
    await colour.close(client)


@pytest.fixture
def silent_tls() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
