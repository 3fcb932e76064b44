from __future__ import annotations
import pytest
from ._colour import each_colour, text_of
from ._server import hello

@each_colour
async def test_call(colour, server, client, seen):
    """x."""
    r = await colour.call(client)
    assert r.choices[0].message.content == "Hello there"
    server.script(hello())
    chunks, s = await colour.read(client)
    assert text_of(chunks) == "Hello there"
    await colour.call(client)
    assert len(server.peers) == 1
