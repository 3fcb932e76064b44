"""Sync calls where a loop is running already, and async calls on loops that start and stop: as in a notebook."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import trio

import llmkit

from ._colour import KEY, MESSAGES, MODEL, text_of
from ._server import HOLD, completion, hello, piece, streamed

if TYPE_CHECKING:
    from ._server import Server

ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}


def test_sync_within_asyncio(server: Server, client: Any) -> None:
    """completion() within a running asyncio loop answers, streams and closes."""

    async def cell() -> None:
        assert client.completion(**ASK).choices[0].message.content == "Hello there"
        server.script(hello(), streamed(piece("x"), HOLD, end=False))
        assert text_of(list(client.completion(**ASK, stream=True))) == "Hello there"
        with client.completion(**ASK, stream=True) as stream:
            next(stream)
        server.wait_gone(within=1)

    asyncio.run(cell())
    assert [s.outcome for s in client.ledger.settlements] == ["completed", "completed", "closed"]


def test_sync_within_trio(server: Server, client: Any) -> None:
    """And within a trio run."""

    async def cell() -> None:
        assert client.completion(**ASK).choices[0].message.content == "Hello there"

    trio.run(cell)


def test_both_colours_in_one_loop(server: Server, client: Any) -> None:
    """Sync and async calls may be mixed; each colour has its own connection."""

    async def cell() -> None:
        for _ in range(2):
            await client.acompletion(**ASK)
            client.completion(**ASK)

    asyncio.run(cell())
    assert len(server.peers) == 2
    assert len(client.ledger.settlements) == 4


def test_cells_on_one_loop(server: Server, client: Any) -> None:
    """A loop that runs cell by cell keeps its connection, and a stream goes on in the next cell."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(client.acompletion(**ASK))
        server.script(hello())
        stream = loop.run_until_complete(client.acompletion(**ASK, stream=True))

        async def rest() -> list[Any]:
            return [chunk async for chunk in stream]

        assert text_of(loop.run_until_complete(rest())) == "Hello there"
        assert len(server.peers) == 1
    finally:
        loop.run_until_complete(client.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def test_a_stream_dropped_between_cells(server: Server, client: Any) -> None:
    """A stream dropped while the loop stands still is closed at once."""
    loop = asyncio.new_event_loop()
    try:
        server.script(streamed(piece("x"), HOLD, end=False))
        stream = loop.run_until_complete(client.acompletion(**ASK, stream=True))
        del stream
        gc.collect()
        server.wait_gone(0, within=1)
        loop.run_until_complete(client.acompletion(**ASK))
    finally:
        loop.run_until_complete(client.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    assert [s.outcome for s in client.ledger.settlements] == ["abandoned", "completed"]


def test_a_client_made_before_any_loop(server: Server) -> None:
    """A client made at import time serves every loop that comes later."""
    client = llmkit.Client(api_key=KEY, base_url=server.url)
    for run in (asyncio.run, asyncio.run):
        run(client.acompletion(**ASK))
    trio.run(lambda: client.acompletion(**ASK))
    assert len(client.ledger.settlements) == 3


def test_a_stream_as_a_cells_last_value(server: Server, client: Any) -> None:
    """A notebook shows a stream by reading it to its end, and a response by its text."""
    server.script(hello(), completion("# Title"))
    assert client.completion(**ASK, stream=True)._repr_markdown_().startswith("Hello there")
    assert client.completion(**ASK)._repr_markdown_().startswith("# Title")
