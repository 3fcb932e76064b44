"""Lanes: what is used again, what there is no room for, and what becomes of requests that nothing can withdraw."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

import llmkit
from llmkit import APITimeoutError, RetryPolicy, Timeouts
from llmkit._io import _lanes, _reqwest
from llmkit._io import _reqwest_clients as clients
from llmkit._io._reqwest_answers import WHOLE

from ._colour import KEY, MESSAGES, MODEL, Colour, each_colour
from ._server import CLOSE, HOLD, Server, chat, completion, head

pytest.importorskip("pyreqwest")
ASK = {"model": MODEL, "messages": MESSAGES}
SLOW = (0.15, *completion())


def client_of(server: Server) -> llmkit.Client:
    """A client over pyreqwest."""
    policy = RetryPolicy(retries=0)
    return llmkit.Client(
        api_key=KEY, base_url=server.url, retry=policy, transport="reqwest", timeout=10
    )


@pytest.fixture
def client(server: Server) -> Iterator[llmkit.Client]:
    """A client of the server."""
    with client_of(server) as made:
        yield made


def together(client: llmkit.Client, count: int) -> list[Any]:
    """So many calls at once, from threads."""
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.completion(**ASK)))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def marks() -> int:
    """How many marks nobody has."""
    return len(_lanes._marks)


def test_one_connection_for_one_after_the_other(server: Server, client: llmkit.Client) -> None:
    """Calls that follow each other, streams too, go over one connection."""
    for _ in range(20):
        client.completion(**ASK)
        for _ in client.completion(**ASK, stream=True):
            pass
    assert len(server.peers) <= 2


@pytest.mark.parametrize("length", [WHOLE - 1, WHOLE, WHOLE + 1, 3 * WHOLE])
@each_colour
async def test_as_much_as_comes_with_a_head(length: int, colour: Colour, server: Server) -> None:
    """A body around the size that is taken at once, in several pieces: all of it, and its connection is kept."""
    body = json.dumps(chat("x" * (length - len(json.dumps(chat("")))))).encode()
    assert len(body) == length
    pieces = [body[at : at + 20_000] for at in range(0, length, 20_000)]
    server.always(head(content_length=length), *(step for one in pieces for step in (one, 0.001)))
    client = client_of(server)
    for _ in range(3):
        answer = await colour.call(client)
        assert answer.call.raw == body
        assert answer.call.headers["content-length"] == str(length)
        await colour.sleep(0.02)  # in which pyreqwest's thread puts the connection back
    await client.aclose() if not colour.is_sync else client.close()
    assert len(server.peers) == 1


def test_a_body_that_is_told_and_does_not_come(server: Server, client: llmkit.Client) -> None:
    """It is no answer, and no connection for another."""
    server.script((head(content_length=500), b"{", CLOSE), completion())
    with pytest.raises(llmkit.APIConnectionError) as caught:
        client.completion(**ASK)
    assert caught.value.sent == "yes"
    assert client.completion(**ASK).choices[0].message.content == "Hello there"


def test_whole_answers_have_pyreqwests_own_limit() -> None:
    """It is not set for each request."""
    made = clients.client(None, None, 1.0, http2=False).get("http://127.0.0.1/")
    assert made.default_streamed_read_buffer_limit() == WHOLE


def test_more_calls_than_lanes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no lane of its own shares one; nothing is refused, and nothing stays taken."""
    monkeypatch.setattr(_lanes, "_MOST_LANES", 2)
    server.always(*SLOW)
    with client_of(server) as narrow:
        assert len(together(narrow, 6)) == 6
        lanes = narrow._transports._lanes
        assert len(lanes._places) == 0
        assert len(lanes._shared) == 1
        assert lanes._limit._free == lanes._limit.capacity
    assert len(lanes._places) == 2


def test_more_at_once_than_may_share(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where even those are too many, one waits as long as connecting may take, and is told so."""
    monkeypatch.setattr(_lanes, "_MOST_LANES", 0)
    monkeypatch.setattr(_lanes, "_MOST_SHARED", 1)
    server.always(HOLD)

    def hold(client: llmkit.Client) -> None:
        with pytest.raises(APITimeoutError, match="total"):
            client.completion(**ASK, timeout=1.0)

    with client_of(server) as narrow:
        holding = threading.Thread(target=hold, args=(narrow,))
        holding.start()
        server.wait_requests(1)
        with pytest.raises(APITimeoutError, match="connections at once") as caught:
            narrow.completion(**ASK, timeout=Timeouts(connect=0.1))
        holding.join()
    assert caught.value.sent == "no"


def test_no_mark_is_left(
    server: Server, client: llmkit.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all marks are taken, calls share; marks come back with their lanes."""
    before = marks()
    monkeypatch.setattr(_lanes, "_marks", deque())
    assert client.completion(**ASK).choices
    monkeypatch.undo()
    with client_of(server) as other:
        together(other, 4)
        assert marks() < before
    assert marks() == before


def test_room_is_made_for_another_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no place left, an idle lane to one server is let go of for a call to another."""
    monkeypatch.setattr(_lanes, "_MOST_LANES", 1)
    with Server() as other, client_of(server) as client:
        client.completion(**ASK)
        client.completion(**ASK, base_url=other.url)
        server.wait_gone(0)
        assert len(other.peers) == 1


def test_many_addresses(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of addresses only so many are remembered: with one too many all of them are forgotten, and work on."""
    monkeypatch.setattr(_reqwest, "_MOST_ROADS", 2)
    with client_of(server) as client:
        for number in range(7):
            assert client.completion(**ASK, base_url=f"{server.url}/{number}").choices
        assert len(client._transports._roads) <= 2


@pytest.mark.parametrize("colour", ["sync", "asyncio", "trio"])
def test_what_cannot_be_withdrawn_ends_by_itself(
    server: Server, monkeypatch: pytest.MonkeyPatch, colour: str
) -> None:
    """Without marks, as on other systems, a call that is given up returns at once; its request ends with its time."""
    monkeypatch.setattr(_lanes, "_MARK", None)
    server.always(HOLD)

    async def given_up(client: llmkit.Client) -> None:
        limits = Timeouts(first_token=0.2, total=0.9)
        with pytest.raises(APITimeoutError, match="first token"):
            await Colour(colour).call(client, timeout=limits)
        await Colour(colour).close(client)

    begun = time.monotonic()
    Colour(colour).run(given_up, client_of(server))
    assert time.monotonic() - begun < 0.8
    assert server.open == 1
    server.wait_gone(0, within=4)


def test_a_short_wait_within_a_long_one(server: Server) -> None:
    """One timer serves a loop: a wait that ends earlier than the one it was set for is ended in time."""
    server.always(HOLD)

    async def both() -> float:
        client = client_of(server)
        long = asyncio.create_task(client.acompletion(**ASK, timeout=20))
        await asyncio.to_thread(server.wait_requests, 1)
        begun = time.monotonic()
        with pytest.raises(APITimeoutError):
            await client.acompletion(**ASK, timeout=0.2)
        took = time.monotonic() - begun
        long.cancel()
        with pytest.raises(asyncio.CancelledError):
            await long
        await client.aclose()
        return took

    assert 0.15 < asyncio.run(both()) < 2


def test_a_wait_that_is_prolonged(server: Server) -> None:
    """A timer that rings too early, since pieces came meanwhile, ends nothing."""
    server.always(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        *[step for _ in range(6) for step in (0.1, chunk(b'data: {"choices": []}\n\n'))],
        chunk(b"data: [DONE]\n\n"),
        b"0\r\n\r\n",
    )

    async def read() -> int:
        client = client_of(server)
        limits = Timeouts(first_token=0.4, idle=0.4, total=10)
        stream = await client.acompletion(**ASK, stream=True, timeout=limits)
        async for _ in stream:
            pass
        await client.aclose()
        return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

    assert asyncio.run(read()) <= 1


@pytest.mark.parametrize("way_out", ["closed", "dropped"])
def test_a_timer_goes_with_its_client(server: Server, way_out: str) -> None:
    """Whoever makes a client for each call leaves no timer for each; one that is kept has one for all."""
    server.always(*completion())

    async def calls() -> tuple[int, int]:
        timers: Any = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        kept = client_of(server)
        for _ in range(5):
            await kept.acompletion(**ASK)
            client = client_of(server)
            await client.acompletion(**ASK)
            if way_out == "closed":
                await client.aclose()
            del client
            gc.collect()
            await asyncio.sleep(0.01)  # in which what is dropped is closed
        left = sum(not timer.cancelled() for timer in timers)
        await kept.aclose()
        return left, sum(not timer.cancelled() for timer in timers)

    assert asyncio.run(calls()) == (1, 0)


def chunk(data: bytes) -> bytes:
    """A chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyreqwest is not there, making a client says what to install."""
    monkeypatch.setitem(sys.modules, "pyreqwest.client", None)
    with pytest.raises(llmkit.ConfigurationError, match=r"pip install 'llmkit\[fast\]'"):
        llmkit.Client(api_key=KEY, transport="reqwest")


def test_clients_are_made_for_what_is_asked() -> None:
    """A client for plain HTTP needs no authorities: it is made in no time."""
    begun = time.perf_counter()
    for _ in range(20):
        clients.client(None, None, 1.0, http2=False)
    assert (time.perf_counter() - begun) / 20 < 0.01
