"""A file replaced in one step, on the disk before it is seen."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from anyio.to_thread import run_sync

__all__ = ["areplace_file", "replace_file"]


def replace_file(path: str, data: bytes) -> None:
    """Write a file in one step: whoever reads it finds all of the old or all of the new, whatever happens meanwhile.

    Raises ``OSError``; the old file is then as it was.
    """
    target = Path(path).expanduser()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _readable(target))  # noqa: PTH101 - made for its owner alone
        os.replace(name, target)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise
    _sync_directory(target.parent)


def _readable(target: Path) -> int:
    """The rights of the file that is replaced; for a new one those that any file is made with."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        return 0o644


def _sync_directory(path: Path) -> None:
    """Have the name on the disk as well. Not every system lets a directory be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


async def areplace_file(path: str, data: bytes) -> None:
    """The same without holding up the loop."""
    await run_sync(replace_file, path, data)
