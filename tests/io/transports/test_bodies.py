"""Answers as HTTP/1 can send them, over each transport: where they end, what comes around them, and what is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llmkit import errors

from .._server import (
    CLOSE,
    LAST,
    answer,
    blurting,
    chat,
    chunked,
    completion,
    failure,
    head,
    hello,
)
from ._wires import each_wire

if TYPE_CHECKING:
    from .._server import Answer, Server
    from ._wires import Wire

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

TEXT = json.dumps(chat("Grüße"), ensure_ascii=False).encode()
CUT = TEXT.index("ü".encode()) + 1
CHUNKED = head(transfer_encoding="chunked")
OLD = b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n"

# Each of them is one and the same answer; whether its connection is used again.
WAYS: dict[str, tuple[Answer, bool]] = {
    "with its length": ([head(content_length=len(TEXT)) + TEXT], True),
    "with its length, in pieces": ([head(content_length=len(TEXT)), 0.01, TEXT[:9], 0.01, TEXT[9:]], True),
    "head byte by byte": ([*(bytes([b]) for b in head(content_length=len(TEXT))), TEXT], True),
    "chunked": ([CHUNKED + chunked(TEXT) + LAST], True),
    "chunked within a character": ([CHUNKED, chunked(TEXT[:CUT]), 0.01, chunked(TEXT[CUT:]) + LAST], True),
    "chunked byte by byte": ([CHUNKED, *(chunked(bytes([b])) for b in TEXT), LAST], True),
    "chunks with extensions": ([CHUNKED + b"%x;a=b;c\r\n%s\r\n0;last\r\n\r\n" % (len(TEXT), TEXT)], True),
    "trailers": ([CHUNKED + chunked(TEXT) + b"0\r\nx-checksum: 1\r\nx-more: 2\r\n\r\n"], True),
    "until it closes": ([head() + TEXT, CLOSE], False),
    "says that it closes": ([head(content_length=len(TEXT), connection="close") + TEXT, CLOSE], False),
    "HTTP/1.0": ([OLD + b"\r\n" + TEXT, CLOSE], False),
    "HTTP/1.0 with its length": ([OLD + b"content-length: %d\r\n\r\n" % len(TEXT) + TEXT, CLOSE], False),
    "no reason": ([b"HTTP/1.1 200\r\ncontent-length: %d\r\n\r\n" % len(TEXT) + TEXT], True),
    "no type": ([b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(TEXT) + TEXT], True),
    "continue before it": ([b"HTTP/1.1 100 Continue\r\n\r\n", 0.01, *answer(TEXT)], True),
    "hints before it": ([b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", *answer(TEXT)], True),
    "several before it": ([b"HTTP/1.1 102 Processing\r\n\r\n" * 3, 0.01, *answer(TEXT)], True),
    "length and chunks": ([head(transfer_encoding="chunked", content_length=3) + chunked(TEXT) + LAST], True),
}  # fmt: skip


@each_wire
async def test_one_answer_in_many_ways(wire: Wire, server: Server) -> None:
    """However its bytes come and end, it is the same answer; its connection is used again where that is possible."""
    async with wire.client(server.url) as client:
        for way, (steps, kept) in WAYS.items():
            server.script(steps)
            response = await wire.colour.call(client)
            assert response.choices[0].message.content == "Grüße", way
            before = len(server.peers)
            await wire.rest()
            await wire.colour.call(client)
            if way != "length and chunks":  # some close it, as RFC 9112 (6.3) lets them
                assert len(server.peers) == (before if kept else before + 1), way


BEYOND: dict[str, Answer] = {
    "not HTTP": [b"SSH-2.0-OpenSSH_9.6\r\n", CLOSE],
    "an end at once": [CLOSE],
    "an end within the head": [b"HTTP/1.1 200 OK\r\ncontent-", CLOSE],
    "a body that is too short": [head(content_length=len(TEXT) + 10) + TEXT, CLOSE],
    "chunks without an end": [CHUNKED + chunked(TEXT), CLOSE],
    "an end within a chunk": [CHUNKED + b"%x\r\n" % (len(TEXT) + 5) + TEXT, CLOSE],
    "a chunk without a size": [CHUNKED + b"xyz\r\n" + TEXT, CLOSE],
    "two lengths": [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        CLOSE,
    ],
    "a length that is none": [head(content_length="many") + TEXT, CLOSE],
    "a head without an end": [b"HTTP/1.1 200 OK\r\n" + b"x-more: " + b"y" * 600_000, CLOSE],
    "a head of too many": [b"HTTP/1.1 200 OK\r\n" + b"x-more: y\r\n" * 50_000 + b"\r\n", CLOSE],
}


@each_wire
async def test_what_is_no_answer(wire: Wire, server: Server) -> None:
    """What is not HTTP, or ends too early, is no answer to what was sent; the next call has a connection of its own."""
    async with wire.client(server.url) as client:
        for what, steps in BEYOND.items():
            server.script(steps)
            with pytest.raises(errors.APIConnectionError) as caught:
                await wire.colour.call(client)
            assert caught.value.sent in ("yes", "maybe"), what
            assert len(str(caught.value)) < 500, what
            before = len(server.peers)
            await wire.colour.call(client)
            assert len(server.peers) == before + 1, what
    assert len(server.requests) == 2 * len(BEYOND)


@each_wire
async def test_one_that_speaks_first(wire: Wire) -> None:
    """A server that answers before it is asked has not been asked."""
    plain = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    with blurting(plain) as port:
        async with wire.client(f"http://127.0.0.1:{port}/v1") as client:
            with pytest.raises(errors.APIError):
                await wire.colour.call(client)


@pytest.mark.parametrize("status", [200, 204, 205, 304])
@each_form
@each_wire
async def test_nothing_within(wire: Wire, server: Server, status: int, *, stream: bool) -> None:
    """An answer with nothing in it is an error, in time; its connection is used again."""
    server.script([head(status, content_length=0 if status in (200, 205) else None)])
    async with wire.client(server.url) as client:
        with pytest.raises(errors.APIError) as caught:
            await wire.colour.ask(client, stream=stream)
        assert caught.value.sent == "yes"
        await wire.rest()
        await wire.colour.call(client)
    assert len(server.peers) == 1


@each_wire
async def test_many_and_long_headers(wire: Wire, server: Server) -> None:
    """Ninety headers of six hundred characters are read like one."""
    many = {f"x_note_{i}": "y" * 600 for i in range(90)}
    server.script(completion(**many, x_request_id="req_1"))
    async with wire.client(server.url) as client:
        response = await wire.colour.call(client)
    assert response.call.request_id == "req_1"
    assert response.call.headers["x-note-89"] == "y" * 600


HEADERS = {
    "doubled": (b"x-note: one\r\nX-Note: two\r\n", "one, two"),
    "empty": (b"x-note:\r\n", ""),
    "spaces around": (b"x-note: \t one \t\r\n", "one"),
    "no space": (b"x-note:one\r\n", "one"),
    "UTF-8": ("x-note: Grüße\r\n".encode(), "Grüße"),
    "Latin-1": ("x-note: Grüße\r\n".encode("latin-1"), "Grüße"),
}


@each_wire
async def test_headers_are_read(wire: Wire, server: Server) -> None:
    """Names in lower case, doubles joined, text that is UTF-8 or else Latin-1."""
    async with wire.client(server.url) as client:
        for how, (lines, value) in HEADERS.items():
            first = b"HTTP/1.1 200 OK\r\n" + lines
            server.script([first + b"content-length: %d\r\n\r\n" % len(TEXT) + TEXT])
            response = await wire.colour.call(client)
            lost = not value.isascii() and wire.differs("headers beyond ASCII")
            assert response.call.headers.get("x-note") == (None if lost else value), how


@each_wire
async def test_cookies_are_not_kept(wire: Wire, server: Server) -> None:
    """What a cookie says is neither shown nor, but by a caller's own client, sent back."""
    server.script(completion(set_cookie="a=b"))
    async with wire.client(server.url) as client:
        response = await wire.colour.call(client)
        await wire.colour.call(client)
    assert "set-cookie" not in response.call.headers
    assert ("cookie" in server.requests[1].headers) == wire.differs("cookies")


@each_form
@each_wire
async def test_a_redirect_is_not_followed(wire: Wire, server: Server, *, stream: bool) -> None:
    """A redirect, also to the same host, could leave with the key: the error says where it points."""
    redirects = (301, 302, 303, 307, 308)
    async with wire.client(server.url) as client:
        for status in redirects:
            server.always(head(status, location=f"{server.url}/elsewhere", content_length=0))
            with pytest.raises(errors.APIError, match=r"redirects to .*elsewhere") as caught:
                await wire.colour.ask(client, stream=stream, num_retries=2)
            assert caught.value.status_code == status
    assert len(server.requests) == len(redirects)


@each_form
@each_wire
async def test_an_error_has_its_body(wire: Wire, server: Server, *, stream: bool) -> None:
    """The words and headers of an error are read, whole or streamed, and its connection is used again."""
    server.script(failure(429, "slow down", x_request_id="req_9", retry_after=7))
    async with wire.client(server.url) as client:
        with pytest.raises(errors.RateLimitError, match="slow down") as caught:
            await wire.colour.ask(client, stream=stream)
        assert (caught.value.request_id, caught.value.sent) == ("req_9", "yes")
        await wire.rest()
        await wire.colour.call(client)
    assert len(server.peers) == 1


@each_form
@each_wire
async def test_large_ones(wire: Wire, server: Server, *, stream: bool) -> None:
    """Two megabytes there and eight back, none of them lost."""
    said = "Grüße " * 1_300_000
    server.script(hello() if stream else answer(json.dumps(chat(said), ensure_ascii=False)))
    messages: Any = [{"role": "user", "content": "ü" * 1_000_000}]
    async with wire.client(server.url) as client:
        response = await wire.colour.ask(client, stream=stream, messages=messages)
    assert response.choices[0].message.content == ("Hello there" if stream else said)
    assert server.requests[0].json()["messages"] == messages
