"""Every store of ours does what the conformance suite asks."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llmkit.stores import MemoryStore
from llmkit.testing.store_conformance import StoreConformance

FULL = bool(os.environ.get("LLMKIT_FULL"))
SEQUENCES = 200 if FULL else 6


class TestMemory(StoreConformance):
    """The reference, which is compared with itself: what it does is checked one by one."""

    shared = False
    sequences = SEQUENCES

    def open(self, place: Path, clock: Callable[[], float]) -> Any:
        """In memory."""
        return MemoryStore(clock=clock)
