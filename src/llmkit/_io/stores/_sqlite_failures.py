"""SQLite: what its failures mean, and where its files may not be."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from ...errors import StoreError, StoreUnavailableError

__all__ = ["explained", "is_busy", "refuse_network"]

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# What may be over later, by no fault of the file's: it can be tried again.
_PASSING: Final = {
    sqlite3.SQLITE_BUSY: "was kept by others for longer than the store waits (busy_timeout)",
    sqlite3.SQLITE_LOCKED: "was kept by others for longer than the store waits (busy_timeout)",
    sqlite3.SQLITE_PROTOCOL: "cannot be locked here (a network file system?)",
    sqlite3.SQLITE_IOERR: "cannot be read or written",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_READONLY: "may not be written",
    sqlite3.SQLITE_FULL: "finds no room on its disk",
    sqlite3.SQLITE_PERM: "may not be opened",
}
_LASTING: Final = {
    sqlite3.SQLITE_NOTADB: "is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "is damaged; PRAGMA integrity_check and .recover of the sqlite3 program may help",
}
_MOUNTS: Final = "/proc/self/mountinfo"
_NETWORK: Final = ("nfs", "cifs", "smb", "afs", "ceph", "fuse.sshfs", "glusterfs", "lustre")


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_busy(error: Exception) -> bool:
    """Whether others have the file just now."""
    return _code(error) in _BUSY


def explained(error: Exception, path: str) -> StoreError:
    """A failure of SQLite's in our words."""
    if not isinstance(error, sqlite3.Error):
        return StoreError(f"{path} cannot hold this: {error}")
    code = _code(error)
    if code == sqlite3.SQLITE_CANTOPEN and not os.path.isdir(_directory(path)):  # noqa: PTH112
        return StoreUnavailableError(f"{path} cannot be opened: its directory does not exist")
    if (passing := _PASSING.get(code)) is not None:
        return StoreUnavailableError(f"{path} {passing}: {error}")
    return StoreError(f"{path} {_LASTING.get(code, 'failed')}: {error}")


def _directory(path: str) -> str:
    return os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120 - as SQLite takes it


def refuse_network(path: str) -> None:
    """Processes on several machines cannot share a write-ahead log; SQLite does not always notice.

    https://sqlite.org/wal.html, "All processes using a database must be on the same host" (read 2026-11-22).

    Raises:
        StoreError: the file would be on a network file system.
    """
    kind = _file_system(os.path.realpath(_directory(path)))
    if kind.startswith(_NETWORK):
        raise StoreError(
            f"{path} is on a network file system ({kind}), where SQLite cannot be shared: "
            "use PostgresStore or RedisStore"
        )


def _file_system(directory: str) -> str:
    """The kind of file system, where the system tells; the longest mount point wins, of two the later."""
    try:
        mounts = Path(_MOUNTS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    longest, kind = "", ""
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        fields, point = tail.split(), head.split()[4].encode().decode("unicode_escape")
        inside = directory == point or directory.startswith(point.rstrip("/") + "/")
        if fields and inside and len(point) >= len(longest):
            longest, kind = point, fields[0]
    return kind
