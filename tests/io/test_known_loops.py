"""Whose pool a call takes, found in a hurry: that of the loop which runs, and no other's."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest
import trio

import llmkit
from llmkit._io import _backend
from llmkit._io._progress import shut

from ._colour import KEY, MESSAGES, MODEL
from ._server import Server, completion

if TYPE_CHECKING:
    from collections.abc import Iterator

ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}


@pytest.fixture
def client(server: Server) -> Iterator[llmkit.Client]:
    """One client for all loops."""
    server.always(*completion("well"))
    with llmkit.Client(api_key=KEY, base_url=server.url) as made:
        yield made


async def _twice(client: llmkit.Client) -> list[Any]:
    """Ask twice; the pools that were known before each call and at the end."""
    known = [client._loops.known()]
    for _ in range(2):
        assert (await client.acompletion(**ASK)).text == "well"
        known.append(client._loops.known())
    return known


def test_a_pool_is_known_in_its_own_loop_only(client: llmkit.Client) -> None:
    """It is unknown before the first call of a loop, whatever another one has."""
    pools = []
    for _ in range(2):
        before, first, second = asyncio.run(_twice(client))
        assert before is None
        assert first is second is not None
        pools.append(first)
    assert pools[0] is not pools[1]
    assert client._loops.known() is None


def test_a_pool_that_was_closed_is_not_known(client: llmkit.Client) -> None:
    """After ``aclose`` the same loop's next call makes another."""

    async def main() -> None:
        _, _, first = await _twice(client)
        await client.aclose()
        before, second, _ = await _twice(client)
        assert before is None
        assert second is not first

    asyncio.run(main())


def test_trio_within_asyncios_loop_has_a_pool_of_its_own(client: llmkit.Client) -> None:
    """A guest runs in its host's loop, whose pool is known, and is not given it."""

    async def guest() -> list[Any]:
        return await _twice(client)

    async def host() -> None:
        _, _, hosts = await _twice(client)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=done.set_result,
        )
        assert (await done).unwrap() == [None, None, None]
        assert client._loops.known() is hosts or client._loops.known() is None
        assert (await client.acompletion(**ASK)).text == "well"

    asyncio.run(host())


def test_a_blocking_request_leaves_in_one_write(
    client: llmkit.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Head and body of what is not long are one write: each is a call of the system."""
    written: list[bytes] = []
    sent = _backend._sent

    def counted(sock: socket.socket, piece: bytes, seconds: float | None) -> None:
        written.append(piece)
        sent(sock, piece, seconds)

    monkeypatch.setattr(_backend, "_sent", counted)
    assert client.completion(**ASK).text == "well"
    [only] = written
    assert only.startswith(b"POST ")
    assert only.endswith(b"}")


class _Numbered:
    """A connection as uvloop shows it: its socket has a number, and refuses everything else."""

    def __init__(self, sock: socket.socket) -> None:
        self._told = {"socket": self, "client_addr": sock.getsockname()}
        self.fileno = sock.fileno

    def get_extra_info(self, name: str) -> Any:
        return self._told[name]

    def shutdown(self, _how: int) -> None:
        raise TypeError("transport sockets do not support shutdown() method")


def test_a_socket_of_uvloops() -> None:
    """Its connections are ended at once, too; another one that has got the number meanwhile is not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here, other = (socket.create_connection(listener.getsockname()) for _ in range(2))
        peers = [listener.accept()[0] for _ in range(2)]
        stream = _Numbered(here)
        shut(stream)
        assert peers[0].recv(1) == b""
        os.dup2(other.fileno(), here.fileno())
        shut(stream)
        other.sendall(b"x")
        assert peers[1].recv(1) == b"x"
        for sock in (here, other, *peers):
            sock.close()
