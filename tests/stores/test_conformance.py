"""Every store of ours does what the conformance suite asks."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmkit._io.stores.redis import RedisStore
from llmkit.stores import MemoryStore
from llmkit.testing.store_conformance import StoreConformance

from ._redis import RedisServer

FULL = bool(os.environ.get("LLMKIT_FULL"))
SEQUENCES = 200 if FULL else 6


class TestMemory(StoreConformance):
    """The reference, which is compared with itself: what it does is checked one by one."""

    shared = False
    sequences = SEQUENCES

    def open(self, place: Path, clock: Callable[[], float]) -> Any:
        """In memory."""
        return MemoryStore(clock=clock)


class TestRedis(StoreConformance):
    """Redis, which counts dollars in billionths."""

    grain = Decimal("0.000000001")
    sequences = SEQUENCES

    @pytest.fixture
    def running(self, redis_server: RedisServer) -> RedisServer:
        """One server for all."""
        return redis_server

    def open(self, place: Path, clock: Callable[[], float]) -> Any:
        """A ledger called after the directory."""
        return RedisStore(self.server.url, name=str(place), clock=clock)
