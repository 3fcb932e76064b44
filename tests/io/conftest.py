"""A server, a client that calls it, and the colours to call it in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import llmkit
from llmkit import RetryPolicy

from ._colour import COLOURS, KEY, Colour, Seen
from ._server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    with Server() as running:
        yield running


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


@pytest.fixture
def seen() -> Seen:
    """What the client's callbacks are told."""
    return Seen()


@pytest.fixture
def client(server: Server, seen: Seen) -> Iterator[Any]:
    """A client of the server, that waits hardly at all before it tries again."""
    policy = RetryPolicy(retries=0, first_wait=0.01)
    with llmkit.Client(api_key=KEY, base_url=server.url, callbacks=[seen], retry=policy) as made:
        yield made
