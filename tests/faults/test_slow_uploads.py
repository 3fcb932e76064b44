"""A server that reads a big request in sips: the total limit holds for the upload as a whole."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

import llmkit
from llmkit import Timeouts, errors

from ..io._colour import COLOURS, KEY, Colour


@contextlib.contextmanager
def sipping() -> Iterator[str]:
    """The address of a server that reads 100 KB every 20 ms, and answers nothing."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            while not stop.wait(0.02) and sock.recv(100_000):
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        stop.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize("name", COLOURS)
def test_an_upload_that_is_sipped(name: str) -> None:
    """Twenty megabytes that would take four seconds are given up after half a second."""
    messages = [{"role": "user", "content": "x" * 20_000_000}]
    limits = Timeouts(connect=5, first_token=30, idle=30, total=0.6)
    colour = Colour(name)

    async def main(client: llmkit.Client) -> None:
        begun = time.monotonic()
        with pytest.raises(errors.APITimeoutError, match="total") as caught:
            await colour.call(client, messages=messages, timeout=limits)
        assert time.monotonic() - begun < 2
        assert caught.value.sent == "maybe"
        await colour.close(client)

    with sipping() as url, llmkit.Client(api_key=KEY, base_url=url) as client:
        colour.run(main, client)
        assert [s.sent for s in client.ledger.settlements] == ["maybe"]
