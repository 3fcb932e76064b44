"""Proxies from the environment, as the standard library reads them; in each colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import errors

from ._colour import KEY, each_colour
from ._server import Server, failure, hello

if TYPE_CHECKING:
    from ._colour import Colour

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@each_form
@each_colour
async def test_http_goes_through_the_proxy(
    colour: Colour, server: Server, monkeypatch: pytest.MonkeyPatch, name: str, *, stream: bool
) -> None:
    """A request for a host elsewhere is handed to the proxy with its full address; connections are kept."""
    monkeypatch.setenv(name, server.origin)
    if stream:
        server.always(*hello())
    with llmkit.Client(api_key=KEY, base_url="http://far.test/v1") as client:
        for _ in range(2):
            response = await colour.ask(client, stream=stream)
            assert response.choices[0].message.content == "Hello there"
        await colour.close(client)
    assert [r.target for r in server.requests] == ["http://far.test/v1/chat/completions"] * 2
    assert server.requests[0].headers["host"] == "far.test"
    assert len(server.peers) == 1


@each_colour
async def test_the_proxys_own_credentials(
    colour: Colour, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """User and password of the proxy's address go to the proxy, in its own header."""
    address = server.origin.replace("http://", "http://user:secret-word@")
    monkeypatch.setenv("HTTP_PROXY", address)
    with llmkit.Client(api_key=KEY, base_url="http://far.test/v1") as client:
        await colour.call(client)
        assert "secret-word" not in repr(client.ledger.settlements)
        await colour.close(client)
    assert server.requests[0].headers["proxy-authorization"].startswith("Basic ")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@each_colour
async def test_https_asks_for_a_tunnel(
    colour: Colour, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For https the proxy is asked to connect, without the key; its refusal is a failed connection."""
    monkeypatch.setenv("HTTPS_PROXY", server.origin)
    server.always(*failure(403))
    with llmkit.Client(api_key=KEY, base_url="https://far.test/v1") as client:
        with pytest.raises(errors.APIConnectionError) as caught:
            await colour.call(client)
        await colour.close(client)
    assert caught.value.sent == "no"
    assert (server.requests[0].method, server.requests[0].target) == ("CONNECT", "far.test:443")
    assert KEY not in repr(server.requests)


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*"])
@each_colour
async def test_no_proxy(
    colour: Colour, server: Server, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    """Hosts that NO_PROXY names are called directly."""
    with Server() as proxy, llmkit.Client(api_key=KEY, base_url=server.url) as client:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        monkeypatch.setenv("NO_PROXY", exempt)
        await colour.call(client)
        assert proxy.requests == []
        await colour.close(client)
    assert len(server.requests) == 1


@each_colour
async def test_a_proxy_that_cannot_be_used(
    colour: Colour, server: Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy's address that cannot be used is a mistake that is named, without its password."""
    monkeypatch.setenv("HTTP_PROXY", "gopher://user:secret-word@nowhere:70")
    with pytest.raises(errors.ConfigurationError, match="proxy") as caught:
        await colour.call(client)
    assert "secret-word" not in str(caught.value)
    assert server.requests == []
