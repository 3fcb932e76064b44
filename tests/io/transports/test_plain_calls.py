"""A call over each transport: what is asked arrives, what is answered is read, and one connection serves many calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .._colour import KEY, MESSAGES
from .._server import completion, hello
from ._wires import each_wire

if TYPE_CHECKING:
    from .._server import Server
    from ._wires import Wire

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@each_form
@each_wire
async def test_calls_and_their_one_connection(wire: Wire, server: Server, *, stream: bool) -> None:
    """Calls say by what they went, ask what was asked, and use one connection one after the other."""
    server.always(*(hello() if stream else completion()))
    async with wire.client(server.url) as client:
        for _ in range(3):
            response = await wire.colour.ask(client, stream=stream)
            assert response.choices[0].message.content == "Hello there"
            assert response.usage.total_tokens == 12
            assert response.call.transport == wire.transport
            await wire.rest()
        assert {s.outcome for s in client.ledger.settlements} == {"completed"}
    request = server.requests[0]
    assert (request.method, request.target) == ("POST", "/v1/chat/completions")
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert int(request.headers["content-length"]) == len(request.body)
    assert request.json()["messages"] == MESSAGES
    assert len(server.peers) == 1
