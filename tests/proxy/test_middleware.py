"""What goes around every request: ids, sizes, origins, headers, the log; over a socket where that matters."""

from __future__ import annotations

import json
import logging
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from llmkit.errors import APIError, APIResponseValidationError, InternalServerError
from llmkit.proxy.failure import Refused
from llmkit.proxy.middleware import Guarded, Outermost, crossing
from llmkit.proxy.settings import Settings

from ._kit import gateway

KEY = "sk-" + "abcdefghijklmnopqrstuvwxyz"


async def reads(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with how many bytes came."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail with something from inside."""
    raise RuntimeError(f"postgresql://admin:{KEY}@db")


async def breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail when an answer has begun."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise RuntimeError("later")


def client(app: Any, **said: Any) -> httpx.AsyncClient:
    """A client of an app with the middleware around it."""
    settings = Settings(**{"max_body": 1024, **said})
    around = Outermost(crossing(Guarded(app, settings), settings))
    return httpx.AsyncClient(transport=httpx.ASGITransport(around), base_url="https://gateway")


async def pieces(count: int) -> Any:
    """A body of unknown length, in pieces of 256 bytes."""
    for _ in range(count):
        yield bytes(256)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (bytes(1024), {}, 200),
        (bytes(1025), {}, 413),
        (4, {}, 200),
        (5, {}, 413),
        (bytes(4096), {"content-type": "multipart/form-data; boundary=x"}, 200),
        (bytes(4097), {"content-type": "multipart/form-data; boundary=x"}, 413),
    ],
)
async def test_sizes(body: Any, headers: dict[str, str], status: int) -> None:
    """Too large a body is refused, whether its length is said or not; uploads may have four times as many bytes."""
    content = pieces(body) if isinstance(body, int) else body
    async with client(reads) as http:
        found = await http.post("/", content=content, headers=headers)
    assert found.status_code == status
    if status == 413:
        assert found.json()["error"]["type"] == "request_too_large"
        assert found.headers["connection"] == "close"


@pytest.mark.asyncio
async def test_a_large_body_that_somebody_swallowed() -> None:
    """Whoever takes the refusal for a mistake of the client's does not get to say so."""

    async def swallows(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await reads(scope, receive, send)
        except Refused:
            await send({"type": "http.response.start", "status": 400, "headers": []})

    async with client(swallows) as http:
        assert (await http.post("/", content=pieces(5))).status_code == 413


@pytest.mark.asyncio
async def test_ids() -> None:
    """A client's id is taken where it is one; else one is made. It is on errors, too."""
    async with client(breaks) as http:
        own = await http.get("/", headers={"x-request-id": "my:id-1"})
        bad = await http.get("/", headers={"x-request-id": "a b\tc"})
    assert own.headers["x-request-id"] == "my:id-1"
    assert len(bad.headers["x-request-id"]) == 32


@pytest.mark.asyncio
async def test_errors_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The client gets no internal detail; the log has it, without the secret."""
    async with client(breaks) as http:
        found = await http.get("/")
    assert found.status_code == 500
    assert "db" not in found.text
    assert found.json()["error"]["type"] == "internal_server_error"
    assert any("failed" in one.message for one in caplog.records)
    assert KEY not in " ".join(one.message for one in caplog.records)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (APIResponseValidationError("no JSON. It begins: 'Dear Ann'", body="Dear Ann"), 502),
        (InternalServerError("it broke", status_code=500), 500),
    ],
)
async def test_what_a_provider_did(
    caplog: pytest.LogCaptureFixture, error: APIError, status: int
) -> None:
    """The log says it in one line, and shows nothing of an answer."""

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    async with client(fails) as http:
        assert (await http.get("/")).status_code == status
    [told] = [one for one in caplog.records if "failed" in one.message]
    assert "Ann" not in told.message
    assert not told.exc_info


def test_an_answer_that_breaks_off(tmp_path: Path) -> None:
    """A client sees that an answer is not whole."""
    with gateway(tmp_path) as served:
        served.app._app = Outermost(Guarded(breaks_off, served.gateway.settings))
        with served.client() as http, pytest.raises(httpx.RemoteProtocolError):
            http.get("/")


@pytest.mark.asyncio
async def test_safe_headers() -> None:
    """Nobody keeps answers, guesses their types, or shows them in frames."""
    async with client(reads) as http:
        found = (await http.get("/")).headers
    assert found["x-content-type-options"] == "nosniff"
    assert found["x-frame-options"] == "DENY"
    assert found["cache-control"] == "no-store"
    assert "max-age" in found["strict-transport-security"]
    assert "server" not in found


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ((), "https://page.example", None),
        (("https://page.example",), "https://page.example", "https://page.example"),
        (("https://page.example",), "https://evil.example", None),
        (("*",), "https://any.example", "*"),
    ],
)
async def test_origins(origins: tuple[str, ...], origin: str, allowed: str | None) -> None:
    """Only pages of named origins may read answers, errors included; cookies go to none that was not named."""
    async with client(breaks, cors_origins=origins) as http:
        found = await http.get("/", headers={"origin": origin})
    assert found.headers.get("access-control-allow-origin") == allowed
    if allowed == "*":
        assert "access-control-allow-credentials" not in found.headers


@pytest.mark.asyncio
async def test_the_access_log(caplog: pytest.LogCaptureFixture) -> None:
    """One line of a request, without what stands behind the question mark, and without keys in paths."""
    caplog.set_level(logging.INFO, "llmkit.proxy.access")
    async with client(reads) as http:
        await http.post(f"/key/{KEY}/regenerate?key={KEY}", content=b"x")
        await http.get("/health/liveliness")
    (line,) = [one for one in caplog.records if one.name == "llmkit.proxy.access"]
    said = vars(line)
    assert (said["method"], said["status"]) == ("POST", 200)
    assert said["path"].startswith("/key/")
    assert KEY not in json.dumps({name: str(value) for name, value in said.items()})


def test_a_body_too_large_over_a_socket(tmp_path: Path) -> None:
    """It is refused before it is read, and the connection is closed."""
    with gateway(tmp_path, max_body=2048) as served:
        host, port = served.origin.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 5) as sock:
            sock.sendall(b"POST /v1/x HTTP/1.1\r\nhost: g\r\ncontent-length: 99999999\r\n\r\n")
            answer = sock.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"request_too_large" in answer
