"""Kept connections: used again while they are good, never when they are not, and no request is sent twice for it."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from llmkit import errors

from .._server import CLOSE, RESET, Server, completion, hello
from ._wires import each_wire

if TYPE_CHECKING:
    from .._server import Peer
    from ._wires import Wire

FULL = bool(os.environ.get("LLMKIT_FULL"))
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def closed(peer: Peer) -> None:
    """The server closes it."""
    peer.sock.shutdown(socket.SHUT_RDWR)


def half_closed(peer: Peer) -> None:
    """The server says that it will send no more, and goes on reading."""
    peer.sock.shutdown(socket.SHUT_WR)


def timed_out(peer: Peer) -> None:
    """The server says why it closes: as an answer that nobody has asked for."""
    peer.sock.sendall(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
    with contextlib.suppress(OSError):  # the client may have been quicker
        peer.sock.shutdown(socket.SHUT_RDWR)


def talking(peer: Peer) -> None:
    """The server sends a whole answer that nobody has asked for, and keeps the connection."""
    peer.sock.sendall(b"".join(step for step in completion("unasked") if isinstance(step, bytes)))


IDLE: dict[str, Callable[[Peer], None]] = {
    way.__name__: way for way in (closed, half_closed, timed_out, talking)
}


@pytest.mark.parametrize("way", IDLE)
@each_form
@each_wire
async def test_spoilt_while_idle(wire: Wire, server: Server, *, way: str, stream: bool) -> None:
    """What has become of a connection meanwhile is noticed before anything is sent on it."""
    server.always(*(hello() if stream else completion()))
    async with wire.client(server.url) as client:
        await wire.colour.ask(client, stream=stream)
        IDLE[way](server.peers[0])
        await wire.colour.sleep(0.03)
        made = await wire.colour.ask(client, stream=stream)
        assert made.choices[0].message.content == "Hello there"
        assert len(made.call.attempts) == 1
    assert [r.connection for r in server.requests] == [0, 1]


@pytest.mark.parametrize("end", [CLOSE, RESET])
@each_wire
async def test_ended_behind_an_answer(wire: Wire, server: Server, end: Any) -> None:
    """A server that ends each connection behind its answer is asked over a new one each time."""
    server.always(*completion(), end)
    async with wire.client(server.url) as client:
        for _ in range(4):
            await wire.colour.call(client)
            await wire.colour.sleep(0.02)
    assert [r.connection for r in server.requests] == [0, 1, 2, 3]


@each_wire
async def test_told_to_close(wire: Wire, server: Server) -> None:
    """``connection: close`` is kept to by the client, too."""
    server.always(*completion(connection="close"), 5.0)
    async with wire.client(server.url) as client:
        for number in range(2):
            await wire.colour.call(client)
            await wire.colour.sleep(0.02)
            server.wait_gone(number, within=1)
    assert [r.connection for r in server.requests] == [0, 1]


class Impatient(Server):
    """Ends each connection some moments after its answer, now politely and now not."""

    def _answer(self, peer: Peer, steps: Any) -> bool:
        kept = super()._answer(peer, steps)
        if kept:
            threading.Thread(target=self._end, args=(peer,)).start()
        return kept

    def _end(self, peer: Peer) -> None:
        time.sleep(random.uniform(0, 0.002))
        with contextlib.suppress(OSError):
            peer.sock.shutdown(socket.SHUT_RDWR)


async def failure_of(wire: Wire, client: Any, messages: Any) -> errors.APIConnectionError | None:
    """How this call fails, if it does."""
    try:
        await wire.colour.call(client, messages=messages)
    except errors.APIConnectionError as error:
        return error
    return None


# A lent client's body is a generator, which trio complains of where a write fails within it.
@pytest.mark.filterwarnings("ignore:Async generator 'httpx:ResourceWarning")
@each_wire
async def test_ended_just_as_it_is_used(wire: Wire) -> None:
    """Nobody can know what became of a request on a connection that ended: no transport sends it once more unasked."""
    calls = 1000 if FULL else 60
    broken = 0
    with Impatient() as server:
        async with wire.client(server.url) as client:
            for number in range(calls):
                said = [{"role": "user", "content": f"number {number}"}]
                failed = await failure_of(wire, client, said)
                broken += failed is not None
                assert failed is None or failed.sent != "no"
                await wire.colour.sleep(random.uniform(0, 0.002))
            settled = [s.outcome for s in client.ledger.settlements]
        asked = [request.json()["messages"][0]["content"] for request in server.requests]
    assert len(asked) == len(set(asked))
    assert len(settled) == calls
    assert broken < calls / 2
