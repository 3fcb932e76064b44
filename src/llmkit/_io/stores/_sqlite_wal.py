"""How a SQLite file comes by its write-ahead log while others open it, too."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from ._sqlite_failures import is_busy

__all__ = ["write_ahead"]

_PAUSE: Final = 0.002


def write_ahead(connection: sqlite3.Connection, patience: float) -> str:
    """Have the file keep one; the mode that it has then.

    Whoever changes the mode has the file for himself, and two who open a new one at the same time would wait for each
    other: one of them SQLite refuses at once, whatever its timeout. After up to ``patience`` seconds that is raised.
    """
    until = time.monotonic() + patience
    while True:
        try:
            mode: str = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
        else:
            return mode
        time.sleep(_PAUSE)
