"""Collections that are quick enough to be made after every cell."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """What is there already is not looked at by each test's collection."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
