"""Connections: used again, the latest first; never with what an earlier answer left on them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import pytest

import llmkit
from llmkit._io import _pool
from llmkit.errors import APITimeoutError

from ._colour import KEY, MESSAGES, MODEL, each_colour
from ._server import HOLD, Server, answer, chat, chunked, completion, head, hello, stream_head

if TYPE_CHECKING:
    from ._colour import Colour

pytestmark = pytest.mark.usefixtures("own_transport")
BEHIND = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
httpx_only = pytest.mark.parametrize("own_transport", ["httpx"], indirect=True)
FORMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
ASK: dict[str, Any] = {"model": MODEL, "messages": MESSAGES, "num_retries": 0}


@FORMS
@each_colour
async def test_what_follows_an_answer_is_not_the_next(
    colour: Colour, server: Server, client: Any, *, stream: bool
) -> None:
    """Bytes behind the announced length, which the same read brought along, end their connection."""
    steps = hello() if stream else completion("first")
    longer = b"".join(step for step in steps if isinstance(step, bytes))
    server.script([longer + BEHIND], hello() if stream else completion("second"))
    first = await colour.ask(client, stream=stream)
    second = await colour.ask(client, stream=stream)
    assert first.text == ("Hello there" if stream else "first")
    assert second.text == ("Hello there" if stream else "second")
    assert len(server.peers) == 2
    server.wait_gone(0)


@each_colour
async def test_the_latest_connection_is_used_again(
    colour: Colour, server: Server, client: Any
) -> None:
    """One call after the other needs one connection."""
    for _ in range(4):
        await colour.ask(client, stream=False)
    assert len(server.peers) == 1


@each_colour
async def test_a_connection_that_the_server_closed_is_not_used(
    colour: Colour, server: Server, client: Any
) -> None:
    """A server closes what is idle for long: the next call opens a connection and needs no retry."""
    await colour.ask(client, stream=False)
    server.drop_idle()
    made = await colour.ask(client, stream=False)
    assert len(made.call.attempts) == 1
    assert len(server.peers) == 2


@httpx_only
@each_colour
async def test_a_connection_that_another_closes_is_not_used(
    colour: Colour, server: Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that somebody closes between its being taken and its being used: another is opened, and it is no failure."""
    await colour.ask(client, stream=False)
    used, aused = (
        httpcore.HTTPConnection.handle_request,
        httpcore.AsyncHTTPConnection.handle_async_request,
    )
    closed: list[Any] = []

    def late(connection: httpcore.HTTPConnection, request: httpcore.Request) -> Any:
        if not closed:
            closed.append(connection)
            connection.close()
        return used(connection, request)

    async def alate(connection: httpcore.AsyncHTTPConnection, request: httpcore.Request) -> Any:
        if not closed:
            closed.append(connection)
            await connection.aclose()
        return await aused(connection, request)

    monkeypatch.setattr(httpcore.HTTPConnection, "handle_request", late)
    monkeypatch.setattr(httpcore.AsyncHTTPConnection, "handle_async_request", alate)
    made = await colour.ask(client, stream=False)
    assert (len(closed), len(made.call.attempts), len(server.requests)) == (1, 1, 2)
    server.wait_gone(0)


@httpx_only
def test_only_so_many_stay_idle(
    server: Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many connections that fall idle, the oldest are closed."""
    monkeypatch.setattr(_pool, "_MOST_IDLE", 2)
    server.always(0.1, *completion())
    threads = [threading.Thread(target=client.completion, kwargs=ASK) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.peers) == 4
    for _ in range(100):
        if server.open == 2:
            break
        threading.Event().wait(0.02)
    assert server.open == 2


ONE_PLACE = {
    "httpx": {"_pool._MOST_EXCHANGES": 1},
    "reqwest": {"_lanes._MOST_LANES": 0, "_lanes._MOST_SHARED": 1},
}


def test_only_so_many_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, own_transport: str
) -> None:
    """Who finds all connections in use waits, and not longer than connecting may take."""
    for name, most in ONE_PLACE[own_transport].items():
        monkeypatch.setattr(f"llmkit._io.{name}", most)
    server.script([stream_head() + chunked(b"data: "), HOLD])
    with llmkit.Client(api_key=KEY, base_url=server.url) as client:
        blocked = threading.Thread(target=lambda: _quietly(client, timeout=2), daemon=True)
        blocked.start()
        server.wait_requests(1)
        with pytest.raises(APITimeoutError, match="connections at once=1") as caught:
            client.completion(**ASK, timeout=0.2)
        assert caught.value.sent == "no"
        server.stop()
        blocked.join(5)


def _quietly(client: Any, timeout: float) -> None:
    with pytest.raises(llmkit.APIError):
        client.completion(**ASK, stream=True, timeout=timeout)


def test_many_at_once_need_as_many_connections_and_no_more(server: Server) -> None:
    """Connections are shared between rounds of calls."""
    server.always(0.05, *completion())

    async def rounds() -> None:
        async with llmkit.Client(api_key=KEY, base_url=server.url) as client:
            for _ in range(3):
                await asyncio.gather(*[client.acompletion(**ASK) for _ in range(8)])

    asyncio.run(rounds())
    assert len(server.peers) == 8


@httpx_only
@each_colour
async def test_a_request_goes_where_httpx_is_hooked(
    colour: Colour, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever replaces the method of httpx's transport sees the request, and nothing is sent."""
    seen: list[httpx.Request] = []

    def instead(self: Any, request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=chat("not sent"))

    async def instead_async(self: Any, request: httpx.Request) -> httpx.Response:
        return instead(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", instead)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", instead_async)
    assert (await colour.ask(client, stream=False)).text == "not sent"
    [request] = seen
    assert request.url.path == "/v1/chat/completions"
    assert isinstance(request, httpx.Request)


@httpx_only
@each_colour
async def test_a_hook_that_looks_and_lets_go_on(
    colour: Colour, server: Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tracing calls the method that it replaced: the call then goes its way, on our connections."""
    real, real_async = (
        httpx.HTTPTransport.handle_request,
        httpx.AsyncHTTPTransport.handle_async_request,
    )
    seen: list[bytes] = []

    def look(self: Any, request: httpx.Request) -> httpx.Response:
        seen.append(request.method.encode())
        return real(self, request)

    async def look_async(self: Any, request: httpx.Request) -> httpx.Response:
        seen.append(request.method.encode())
        return await real_async(self, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", look)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", look_async)
    for stream in (False, True):
        server.script(hello() if stream else completion())
        assert (await colour.ask(client, stream=stream)).text == "Hello there"
    assert seen == [b"POST", b"POST"]
    assert len(server.peers) == 1


@each_colour
async def test_an_address_that_needs_escaping(colour: Colour, server: Server) -> None:
    """A path that is no plain text is escaped as httpx does it; the host header is as it should be."""
    client = llmkit.Client(api_key=KEY, base_url=f"{server.origin}/ä/v1")
    with client:
        await colour.ask(client, stream=False)
        await colour.close(client)
    [request] = server.requests
    assert request.target == "/%C3%A4/v1/chat/completions"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"


@httpx_only
@each_colour
async def test_a_coding_that_nobody_asked_for(colour: Colour, server: Server, client: Any) -> None:
    """A coding of another name is httpx's to undo; where it knows none such, the body is taken as it is."""
    server.script(answer(chat("as it is"), content_encoding="made-up"))
    assert (await colour.ask(client, stream=False)).text == "as it is"


@each_colour
async def test_headers_that_come_twice(
    colour: Colour, server: Server, client: Any, own_transport: str
) -> None:
    """Equal names are joined, cookies stay behind, and what is not UTF-8 is read as Latin-1.

    pyreqwest shows no value that is not ASCII: the header is left out.
    """
    body = completion()[0].partition(b"\r\n\r\n")[2]
    lines = [b"x-list: a", b"x-list: b", b"set-cookie: c=1", b"x-name: caf\xe9"]
    start = head(content_length=len(body)).removesuffix(b"\r\n")
    server.script([start + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body])
    headers = (await colour.ask(client, stream=False)).call.headers
    assert headers["x-list"] == "a, b"
    assert headers.get("x-name") == (None if own_transport == "reqwest" else "caf\xe9")
    assert "set-cookie" not in headers
