"""What several workers of one gateway counted, in one place: each leaves a file in a directory, and anybody adds up.

Files of workers that have ended stay, because counters do not go back; the directory goes with the gateway.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.to_thread import run_sync

from ..._json import dump, load
from .counting import Counts

__all__ = ["Pages"]

EVERY: Final = 2.0
"""Seconds between two times that a worker leaves what it counted."""
_GONE: Final = 5 * EVERY
"""Seconds without a word after which a worker is gone: what it had under way is not counted."""


class Pages:
    """The counts of a gateway's workers.

    Args:
        directory: where they are; one that only this gateway's user can write.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # A process that begins anew can have an older one's number.
        self.own = directory / f"{os.getpid()}-{time.time_ns()}.json"

    def write(self, counts: Counts) -> None:
        """Leave what was counted; a reader sees the last page or this one, whole."""
        fresh = self.own.with_suffix(".new")
        fresh.write_bytes(dump(counts.plain()))
        fresh.replace(self.own)

    def total(self, own: Counts) -> Counts:
        """What all of them counted, up to now here and up to their last page elsewhere."""
        total = Counts()
        total.take(own.plain(), alive=True)
        for page, alive in self._others():
            total.take(page, alive=alive)
        return total

    def _others(self) -> Iterator[tuple[dict[str, Any], bool]]:
        now = time.time()
        for path in sorted(self._directory.glob("*.json")):
            if path == self.own:
                continue
            # One may be of another version, or be taken away.
            with suppress(OSError, ValueError, KeyError, TypeError):
                page = load(path.read_bytes())
                yield page, now - path.stat().st_mtime < _GONE

    @asynccontextmanager
    async def kept(self, counts: Counts) -> AsyncIterator[None]:
        """Leave them every few seconds, and at the end."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep, counts)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()
                counts.in_flight = 0
                with suppress(OSError):
                    self.write(counts)

    async def _keep(self, counts: Counts) -> None:
        while True:
            # A full disk is no reason to end; the next page has it all.
            with suppress(OSError):
                await run_sync(self.write, counts)
            await anyio.sleep(EVERY)
