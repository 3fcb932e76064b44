"""A head goes out with the first of its body; an answer that has none of it yet is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from llmkit.proxy.operation.joining import Joining

ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}


class Wire:
    """Stands for a transport."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


async def answered(app: Any, *asks: bytes) -> tuple[list[bytes], bool]:
    """What is written of the answers to these requests, and whether the connection was closed."""
    config, state, wire = uvicorn.Config(app, http=Joining, log_config=None), ServerState(), Wire()
    config.load()
    protocol = Joining(config=config, server_state=state, app_state={})
    protocol.connection_made(wire)  # type: ignore[arg-type]
    for ask in asks:
        protocol.data_received(ask)
    while state.tasks:
        await asyncio.gather(*state.tasks)
    told = wire.written, wire.closed
    protocol.connection_lost(None)
    return told


def telling(*messages: Any) -> Any:
    """An app that says this."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            if isinstance(message, Exception):
                raise message
            await send(dict(message))

    return app


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    """A part of an answer."""
    return {"type": "http.response.body", "body": data, "more_body": more}


@pytest.mark.asyncio
async def test_one_write() -> None:
    """Head and body; what else comes of the body, by itself; for requests that wait behind each other, each."""
    app = telling(START, body(b"ab", more=True), body(b"cd"))
    written, closed = await answered(app, ASK + ASK)
    assert [one[-2:] for one in written] == [b"ab", b"cd"] * 2
    assert written[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\nab" in written[0]
    assert not closed


@pytest.mark.asyncio
async def test_closing_comes_behind_it() -> None:
    """A client that wants no other answer gets this one before its connection is closed."""
    written, closed = await answered(telling(START, body(b"abcd")), ASK.replace(b"1.1", b"1.0"))
    assert len(written) == 1
    assert written[0].endswith(b"connection: close\r\n\r\nabcd")
    assert closed


@pytest.mark.asyncio
async def test_nothing_but_a_head(caplog: pytest.LogCaptureFixture) -> None:
    """What fails before its body has begun has not been answered: 500."""
    written, _ = await answered(telling(START, ValueError("early")), ASK)
    assert b"".join(written).startswith(b"HTTP/1.1 500 ")
    assert "early" in caplog.text


@pytest.mark.asyncio
async def test_no_body_at_all() -> None:
    """An answer to HEAD is written, too."""
    written, _ = await answered(telling(START, body(b"abcd")), ASK.replace(b"GET", b"HEAD"))
    assert len(written) == 1
    assert written[0].endswith(b"content-length: 4\r\n\r\n")
