"""The colours to call in, and what callbacks are told."""

from __future__ import annotations

import pytest

from ..io._colour import COLOURS, Colour, Seen


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


@pytest.fixture
def seen() -> Seen:
    """What a router's callbacks are told."""
    return Seen()
