"""Requests as they leave over each transport: the target as it was given, headers as they are, and nothing added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llmkit import errors

from ._wires import each_wire

if TYPE_CHECKING:
    from .._server import Server
    from ._wires import Wire

# What stands in base_url, and what is to leave: signatures (AWS's) are made over the latter.
TARGETS = {
    "/v1": "/v1",
    "": "",
    "/v1/": "/v1",
    "/v1:predict": "/v1:predict",
    "/model/anthropic.claude-3%3A0": "/model/anthropic.claude-3%3A0",
    "/a%2Fb/c%20d": "/a%2Fb/c%20d",
    "/%7Euser/~user": "/%7Euser/~user",
    "/a+b,c;d=e@f$g!h*(i)": "/a+b,c;d=e@f$g!h*(i)",
    "/a'b": "/a'b",
    "/a//b": "/a//b",
    "/Grüße": "/Gr%C3%BC%C3%9Fe",
    "/lower%c3%bc": "/lower%c3%bc",
}
QUERIES = ["a=1&b=2", "a=%2F&b=%20", "a=x/y:z", "a=1+2", "a", "a=1;b", "api-version=2024-10-21"]


@each_wire
async def test_the_path_is_as_it_was_given(wire: Wire, server: Server) -> None:
    """Byte for byte, whatever could be written otherwise; what cannot stand there is escaped."""
    async with wire.client(server.url) as client:
        for path in TARGETS:
            await wire.colour.call(client, base_url=f"{server.origin}{path}")
    expected = [f"{path}/chat/completions" for path in TARGETS.values()]
    assert [request.target for request in server.requests] == expected


@each_wire
async def test_so_is_the_query(wire: Wire, server: Server) -> None:
    """A query in base_url is sent behind the path, as it was given."""
    async with wire.client(server.url) as client:
        for query in QUERIES:
            await wire.colour.call(client, base_url=f"{server.url}?{query}")
    expected = [f"/v1/chat/completions?{query}" for query in QUERIES]
    assert [request.target for request in server.requests] == expected


@pytest.mark.parametrize(
    ("given", "feature"),
    [("/a/../b", "dots in paths"), ("?a='", "quotes in queries")],
)
@each_wire
async def test_where_libraries_differ(wire: Wire, server: Server, given: str, feature: str) -> None:
    """Some tidy up what others leave as it is; no provider's address has such."""
    async with wire.client(f"{server.origin}{given}") as client:
        await wire.colour.call(client)
    path, _, query = given.partition("?")
    kept = f"{path}/chat/completions" + (f"?{query}" if query else "")
    assert (server.requests[0].target != kept) == wire.differs(feature)


@each_wire
async def test_headers_leave_as_they_are(wire: Wire, server: Server) -> None:
    """The caller's headers go out once, whatever their case and alphabet."""
    headers = {"User-Agent": "mine/1", "X-Trace": "7", "x-name": "Grüße", "X-Empty": ""}
    async with wire.client(server.url) as client:
        await wire.colour.call(client, extra_headers=headers)
    got = server.requests[0].headers
    assert got["user-agent"] == "mine/1"
    assert got["x-trace"] == "7"
    assert got["x-name"].encode("latin-1").decode() == "Grüße"
    assert got["x-empty"] == ""


EXPECTED = {
    "accept",
    "accept-encoding",
    "authorization",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "user-agent",
}


@each_wire
async def test_nothing_is_added(wire: Wire, server: Server) -> None:
    """No cookie, no referrer, no second length: only what a request needs, and what a library cannot leave out."""
    async with wire.client(server.url) as client:
        await wire.colour.call(client)
        await wire.colour.call(client)
    for request in server.requests:
        got = set(request.headers)
        assert got - {"connection"} == EXPECTED
        assert request.headers["user-agent"]


@each_wire
async def test_a_header_cannot_begin_another(wire: Wire, server: Server) -> None:
    """A value with a line's end in it is a mistake, named before anything is sent."""
    async with wire.client(server.url) as client:
        for value in ("a\r\nx-evil: 1", "a\nb", "a\0b"):
            with pytest.raises(errors.ConfigurationError):
                await wire.colour.call(client, extra_headers={"x-note": value})
    assert server.requests == []


@each_wire
async def test_an_address_that_is_none(wire: Wire, server: Server) -> None:
    """An address that cannot be called is a mistake that is named."""
    async with wire.client(server.url) as client:
        for url in ("ftp://host/v1", "http://", "http://host:port/v1", "nonsense"):
            with pytest.raises(errors.ConfigurationError):
                await wire.colour.call(client, base_url=url)
