"""The wires: each transport in each colour. And the certificates that servers and clients show each other."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from ._certificates import Certificates
from ._wires import LEAKS, Wire, params

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=params())
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    """Each transport in each of its colours, in turn."""
    yield request.param
    # What a lent client leaves open is found while that is no error yet, and not in the next test.
    if LEAKS.mark in request.node.own_markers:
        gc.collect()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made once for each process that runs tests."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
