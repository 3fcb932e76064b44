"""A server, a client that calls it, and the colours to call it in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import llmkit
from llmkit import RetryPolicy

from ._colour import COLOURS, KEY, Colour, Seen
from ._server import Server
from .transports._wires import OWN


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server."""
    with Server() as running:
        yield running


@pytest.fixture(params=OWN)
def own_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each HTTP library in turn that a client may have of its own: what clients take that are told none."""
    name = str(request.param)
    if name == "reqwest":
        pytest.importorskip("llmkit._io._reqwest", exc_type=ImportError)
    monkeypatch.setenv("LLMKIT_TRANSPORT", name)
    return name


@pytest.fixture
def unheard(own_transport: str) -> str:
    """What ``sent`` is of a request that nothing was heard of: reqwest does not say whether all of it has left."""
    return "maybe" if own_transport == "reqwest" else "yes"


@pytest.fixture
def unshaken(own_transport: str) -> str:
    """What it is of one that was given up in TLS's handshake: nor does reqwest say how far that has come."""
    return "maybe" if own_transport == "reqwest" else "no"


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
