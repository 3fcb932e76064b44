"""A server, and the colours to call it in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ._io import colours, servers


@pytest.fixture
def server() -> Iterator[Any]:
    """A running server that sends what it is told."""
    with servers.Server() as running:
        yield running


@pytest.fixture(params=colours.COLOURS)
def colour(request: pytest.FixtureRequest) -> Any:
    """Each driver in turn."""
    return colours.Colour(request.param)
