"""Small files, such as credentials: read at once. What is uploaded is read piece by piece elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["acontents", "contents"]


def contents(path: str) -> bytes | None:
    """What a file holds; ``None`` where there is none, or none that may be read. ``~`` is the user's home."""
    try:
        return Path(os.path.expanduser(path)).read_bytes()  # noqa: PTH111 - Path's own raises without a home
    except (OSError, ValueError):
        return None


async def acontents(path: str) -> bytes | None:
    """The same without holding up the loop: a file may be on a network."""
    from anyio.to_thread import run_sync  # noqa: PLC0415 - few calls have files to read

    return await run_sync(contents, path)
