"""What identifies a file that is sent: a hash of its content, read in pieces, and never while holding up a loop."""

from __future__ import annotations

import hashlib
from typing import Any

import anyio.to_thread

__all__ = ["Reader"]


class Reader:
    """Performs like a store: what it is given is a file, its result the content's hash."""

    def perform(self, file: Any) -> str:
        """Read it. Raises what reading raises."""
        made = hashlib.blake2b(digest_size=24)
        for piece in file.pieces():
            made.update(piece)
        return made.hexdigest()

    async def aperform(self, file: Any) -> str:
        """The same, in a thread where there is something to wait for."""
        if getattr(file, "in_memory", False):
            return self.perform(file)
        return await anyio.to_thread.run_sync(self.perform, file)
