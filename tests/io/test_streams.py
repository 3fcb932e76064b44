"""Streams: order, the end that is held back until it is settled, and every way of leaving one; in each colour."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import Timeouts, errors

from ._colour import KEY, each_colour, text_of
from ._server import (
    COUNTED,
    DONE,
    END,
    HOLD,
    LAST,
    chunked,
    completion,
    event,
    hello,
    piece,
    stream_head,
    streamed,
)

if TYPE_CHECKING:
    from ._colour import Colour, Seen
    from ._server import Server

pytestmark = pytest.mark.usefixtures("own_transport")


def settled_once(client: Any, seen: Seen, outcome: str) -> Any:
    """The one settlement, which the callbacks were told of once."""
    [settlement] = client.ledger.settlements
    assert settlement.outcome == outcome
    assert [e.settlement for e in seen if type(e).__name__ == "CallFinished"] == [settlement]
    assert settlement.stream
    return settlement


@each_colour
async def test_chunks_come_when_they_are_sent(
    colour: Colour, server: Server, client: Any, seen: Seen
) -> None:
    """A chunk is handed over before the next one is sent."""
    server.script(streamed(piece("a"), 0.3, piece("b"), END))
    begun = time.monotonic()
    stream = await colour.open(client)
    assert (await anext(stream)).choices[0].delta.content == "a"
    assert time.monotonic() - begun < 0.25
    assert text_of([chunk async for chunk in stream]) == "b"
    assert stream.usage.total_tokens == 12
    assert stream.cost.total > 0
    settled_once(client, seen, "completed")
    assert seen.names == ["CallStarted", "AttemptStarted", "StreamStarted", "CallFinished"]


@each_colour
async def test_an_ended_stream_stays_ended(colour: Colour, server: Server, client: Any) -> None:
    """Iterating on, closing and leaving a stream that has ended change nothing."""
    server.script(hello())
    chunks, stream = await colour.read(client)
    assert [chunk async for chunk in stream] == []
    await stream.aclose()
    async with stream:
        pass
    assert text_of(chunks) == "Hello there"
    assert len(client.ledger.settlements) == 1


@each_colour
async def test_the_response_is_there_only_at_the_end(
    colour: Colour, server: Server, client: Any
) -> None:
    """Asked too early, a stream says so; closed early, it has what came."""
    server.script(streamed(piece("a"), HOLD, end=False))
    stream = await colour.open(client)
    with pytest.raises(errors.StreamConsumedError):
        _ = stream.response
    assert "open" in repr(getattr(stream, "inner", stream))
    await anext(stream)
    await stream.aclose()
    assert stream.response.choices[0].message.content == "a"
    assert "ended" in repr(getattr(stream, "inner", stream))


@each_colour
async def test_the_end_is_settled_before_it_is_handed_over(
    colour: Colour, server: Server, client: Any, seen: Seen
) -> None:
    """Whoever stops reading at finish_reason has been settled, with the usage that came after it."""
    server.script(streamed(piece("Hello"), piece(finish="stop"), 0.1, COUNTED, DONE))
    stream = await colour.open(client)
    async for chunk in stream:
        if chunk.choices[0].finish_reason:
            break
    settled = settled_once(client, seen, "completed")
    assert (settled.usage_source, settled.completion_tokens) == ("reported", 3)
    assert await colour.call(client)
    assert len(server.peers) == 1


@pytest.mark.parametrize("n", [1, 2])
@each_colour
async def test_an_end_that_never_comes_is_waited_for_a_second(
    colour: Colour, server: Server, client: Any, seen: Seen, n: int
) -> None:
    """Neither usage nor [DONE] after the finish: it is handed over after about a second, and estimated."""
    pieces = [piece("Hi", index=i) + piece(finish="stop", index=i) for i in range(n)]
    server.script(streamed(*pieces, HOLD, end=False))
    begun = time.monotonic()
    chunks, stream = await colour.read(client, n=n)
    assert 0.8 < time.monotonic() - begun < 2
    assert [c.choices[0].index for c in chunks if c.choices[0].finish_reason] == list(range(n))
    settled = settled_once(client, seen, "completed")
    assert settled.usage_source == "estimated"
    assert settled.completion_tokens > 0
    assert stream.cost.status != "exact"
    server.wait_gone()


@each_colour
async def test_one_of_two_choices_finished_holds_nothing_back(
    colour: Colour, server: Server, client: Any
) -> None:
    """With n=2 the first finish is handed over at once; the second ends the stream."""
    first = piece("a", index=0) + piece(finish="stop", index=0)
    server.script(
        streamed(first, 0.4, piece("b", index=1), piece(finish="stop", index=1), COUNTED, DONE)
    )
    begun = time.monotonic()
    stream = await colour.open(client, n=2)
    await anext(stream)
    assert (await anext(stream)).choices[0].finish_reason == "stop"
    assert time.monotonic() - begun < 0.35
    assert text_of([chunk async for chunk in stream]) == "b"
    texts = [choice.message.content for choice in stream.response.choices]
    assert texts == ["a", "b"]


@each_colour
async def test_usage_without_done_ends_soon(colour: Colour, server: Server, client: Any) -> None:
    """With the usage there, the formal end is not waited for long."""
    server.script(streamed(piece("Hi"), piece(finish="stop"), COUNTED, HOLD, end=False))
    begun = time.monotonic()
    await colour.read(client)
    assert time.monotonic() - begun < 0.9
    assert client.ledger.settlements[0].usage_source == "reported"


@each_colour
async def test_a_connection_that_breaks_after_the_finish_breaks_nothing(
    colour: Colour, server: Server, client: Any, seen: Seen
) -> None:
    """The answer was complete when the connection was reset: it is."""
    server.script(streamed(piece("Hi"), piece(finish="stop"), 0.05, "reset", end=False))
    chunks, _ = await colour.read(client)
    assert text_of(chunks) == "Hi"
    assert settled_once(client, seen, "completed").usage_source == "estimated"


@each_colour
async def test_bytes_after_the_end_do_not_keep_the_reader(
    colour: Colour, server: Server, client: Any
) -> None:
    """A server that talks on after [DONE] is left; the reader has its answer at once."""
    server.script(streamed(piece("Hi"), END, *[b": still here\n\n", 0.05] * 100))
    begun = time.monotonic()
    await colour.read(client)
    assert time.monotonic() - begun < 1
    server.wait_gone()


@pytest.mark.parametrize("asked", [True, False])
@each_colour
async def test_the_usage_chunk_is_for_those_who_ask(
    colour: Colour, server: Server, client: Any, *, asked: bool
) -> None:
    """A chunk without choices comes last, and only where it was asked for."""
    server.script(hello())
    options = {"include_usage": True} if asked else None
    chunks, _ = await colour.read(client, stream_options=options)
    assert [bool(c.choices) for c in chunks] == [True, True, True, *([False] if asked else [])]
    assert server.requests[0].json()["stream_options"] == {"include_usage": True}


@each_colour
async def test_closing_early(colour: Colour, server: Server, client: Any, seen: Seen) -> None:
    """close() ends the connection at once, settles as closed, and ends the iteration."""
    server.script(streamed(piece("Hel"), HOLD, end=False))
    stream = await colour.open(client)
    await anext(stream)
    await stream.aclose()
    server.wait_gone(within=1)
    settled = settled_once(client, seen, "closed")
    assert (settled.sent, settled.usage_source) == ("yes", "estimated")
    await stream.aclose()
    assert [chunk async for chunk in stream] == []
    assert len(client.ledger.settlements) == 1


@each_colour
async def test_closing_before_reading(
    colour: Colour, server: Server, client: Any, seen: Seen
) -> None:
    """A stream can be closed before its first chunk was taken."""
    server.script(streamed(piece("Hel"), HOLD, end=False))
    await (await colour.open(client)).aclose()
    server.wait_gone(within=1)
    settled_once(client, seen, "closed")


@each_colour
async def test_closing_does_not_read_on(colour: Colour, server: Server, client: Any) -> None:
    """A stream that the server goes on with is closed at once, not read to its end."""
    server.script(streamed(piece("x"), *[piece("x"), 0.02] * 500))
    stream = await colour.open(client)
    await anext(stream)
    begun = time.monotonic()
    await stream.aclose()
    assert time.monotonic() - begun < 0.5
    server.wait_gone(within=1)


@each_colour
async def test_an_error_within_with(
    colour: Colour, server: Server, client: Any, seen: Seen
) -> None:
    """An exception inside ``with`` closes the stream and goes on as it is."""
    server.script(streamed(piece("Hel"), HOLD, end=False))

    async def fails() -> None:
        async with await colour.open(client) as stream:
            await anext(stream)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fails()
    server.wait_gone(within=1)
    settled_once(client, seen, "closed")


@each_colour
async def test_leaving_with_before_the_end(
    colour: Colour, server: Server, client: Any, seen: Seen
) -> None:
    """``with`` closes a stream of which only a part was read."""
    server.script(streamed(piece("Hel"), HOLD, end=False))
    async with await colour.open(client) as stream:
        async for _ in stream:
            break
    server.wait_gone(within=1)
    settled_once(client, seen, "closed")


async def _begin(colour: Colour, client: Any) -> Any:
    """A raw stream of this colour, its first chunk read."""
    if colour.is_sync:
        stream = (await colour.open(client)).inner
        next(stream)
    else:
        stream = await colour.open(client)
        await anext(stream)
    return stream


@each_colour
async def test_dropping_a_stream(colour: Colour, server: Server, client: Any, seen: Seen) -> None:
    """A dropped stream closes its connection at once, and is settled with the next call."""
    server.script(streamed(piece("Hel"), HOLD, end=False), completion())
    stream = await _begin(colour, client)
    del stream
    gc.collect()
    await colour.sleep(0.05)
    server.wait_gone(within=1)
    await colour.call(client)
    outcomes = [s.outcome for s in client.ledger.settlements]
    assert outcomes == ["abandoned", "completed"]
    assert seen.names.count("CallFinished") == 2
    assert client.ledger.settlements[0].usage_source == "estimated"


@each_colour
async def test_dropping_a_stream_that_is_part_of_a_cycle(
    colour: Colour, server: Server, client: Any
) -> None:
    """A stream that only the collector can free is closed by the collector."""
    server.script(streamed(piece("Hel"), HOLD, end=False))
    cycle: list[Any] = [await _begin(colour, client)]
    cycle.append(cycle)
    del cycle
    gc.collect()
    await colour.sleep(0.05)
    server.wait_gone(within=1)
    client.close()
    assert [s.outcome for s in client.ledger.settlements] == ["abandoned"]


@each_colour
async def test_a_generator_over_a_stream(colour: Colour, server: Server, client: Any) -> None:
    """A generator that reads a stream, closed midway, closes the stream."""
    server.script(streamed(piece("Hel"), HOLD, end=False))

    async def words() -> Any:
        async with await colour.open(client) as stream:
            async for chunk in stream:
                yield chunk.choices[0].delta.content

    generator = words()
    assert await anext(generator) == "Hel"
    await generator.aclose()
    server.wait_gone(within=1)
    assert [s.outcome for s in client.ledger.settlements] == ["closed"]


@each_colour
async def test_two_streams_at_once(colour: Colour, server: Server, client: Any) -> None:
    """Streams of one client can be read in turns."""
    server.script(
        streamed(piece("a"), 0.05, piece("a"), END), streamed(piece("b"), 0.05, piece("b"), END)
    )
    first, second = await colour.open(client), await colour.open(client)
    texts = []
    for _ in range(2):
        texts += [(await anext(s)).choices[0].delta.content for s in (first, second)]
    assert texts == ["a", "b", "a", "b"]
    for stream in (first, second):
        assert len([chunk async for chunk in stream]) == 1
    assert len(server.peers) == 2


@each_colour
async def test_a_long_stream_is_cheap(colour: Colour, server: Server, client: Any) -> None:
    """Five thousand chunks in pieces of any size are all there, in order."""
    events = b"".join(piece(f"{i} ") for i in range(5000)) + END
    cuts = [chunked(events[i : i + 7777]) for i in range(0, len(events), 7777)]
    server.script([stream_head(), *cuts, LAST])
    chunks, stream = await colour.read(client, timeout=Timeouts(total=30))
    assert text_of(chunks) == "".join(f"{i} " for i in range(5000))
    assert stream.response.choices[0].message.content == text_of(chunks)


@each_colour
async def test_until_done(colour: Colour, server: Server, client: Any) -> None:
    """``until_done`` reads to the end and returns the answer."""
    server.script(hello())
    stream = await colour.open(client)
    done = stream.until_done()
    response = done if colour.is_sync else await done
    assert response.choices[0].message.content == "Hello there"


@each_colour
async def test_a_stream_outlives_its_client(colour: Colour, server: Server) -> None:
    """A stream whose client was let go of is read to its end all the same."""
    server.script(streamed(piece("a"), 0.05, piece("b"), END))
    stream = await colour.open(llmkit.Client(api_key=KEY, base_url=server.url))
    gc.collect()
    assert text_of([chunk async for chunk in stream]) == "ab"


def counted(tokens: int) -> bytes:
    """A chunk of nothing but usage."""
    usage = {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": 1 + tokens}
    return event({"choices": [], "usage": usage})


@each_colour
async def test_what_keeps_coming_is_read(colour: Colour, server: Server, client: Any) -> None:
    """While chunks come, the end is not overdue: a count that is corrected late is the one that holds."""
    late = [counted(1), 0.18, counted(2), 0.18, counted(3), 0.18, b"data: [DONE]\n\n"]
    server.script(streamed(piece("Hi"), piece(finish="stop"), *late))
    _, stream = await colour.read(client)
    assert stream.usage.completion_tokens == 3
