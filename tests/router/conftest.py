"""The colours to call in."""

from __future__ import annotations

import pytest

from ..io._colour import COLOURS, Colour


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)
