"""A SQLite file's log is moved into the file beside those who write, by a thread that lives as long as that takes.

Left to SQLite, whoever commits the page that is one too many moves all of them, waits for the disk twice, and lets all
who come after him wait as long. That stays as the last resort (``_sqlite_seat``). What is moved how is SQLite's:
https://sqlite.org/wal.html#avoiding_excessively_large_wal_files, read 2026-11-23.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import Final

from ...errors import StoreError
from ._sqlite_seat import Seat

__all__ = ["Log"]

_LONG: Final = 8_000
"""Pages in the log from which on it is begun anew. That takes the file for a moment; to move them alone does not."""
_PATIENCE: Final = 100
"""Milliseconds to wait for a moment in which nobody writes; where there is none, the next one may find it."""


class Log:
    """Moves the log of a file when it is told that much was written. Thread-safe.

    Args:
        seat: a connection of its own.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._moving = False

    def much(self) -> None:
        """Much was written since: move it, unless somebody is about to."""
        if self._moving:
            return
        self._moving = True
        try:
            threading.Thread(target=self._move, name="llmkit-sqlite-log", daemon=True).start()
        except RuntimeError:
            # The process ends, or has too many threads.
            self._moving = False

    def forget(self) -> None:
        """In a process that was copied: its thread was not."""
        self._moving = False

    def _move(self) -> None:
        try:
            self._seat.borrowed(_moved)
        except (StoreError, sqlite3.Error):
            # Whoever writes on has it told to him, or does this himself.
            return
        finally:
            # The store may have been closed meanwhile.
            self._seat.close()
            self._moving = False


def _moved(connection: sqlite3.Connection) -> None:
    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if pages >= _LONG:
        connection.execute(f"PRAGMA busy_timeout={_PATIENCE}")
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
