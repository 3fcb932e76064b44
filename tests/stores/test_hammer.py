"""Many processes hammer one budget and are killed; nobody overspends, nothing is lost, nothing remains."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ._hammering import Hammer, opened
from .hammer import LIMITS
from llmkit._operations import Sweep

FULL = bool(os.environ.get("LLMKIT_FULL"))
SIZE = (8, 50, 60.0) if FULL else (3, 8, 4.0)
# Written by SQLite itself: what is used whenever something more is held, of the window that counts in its bucket.
WITNESS = """
CREATE TABLE witness (account TEXT, bucket INTEGER, used INTEGER);
CREATE TRIGGER seen BEFORE INSERT ON llmkit_counter
WHEN CAST(NEW.held AS INTEGER) > coalesce((
    SELECT CAST(held AS INTEGER) FROM llmkit_counter WHERE account = NEW.account AND bucket = NEW.bucket), 0)
BEGIN
    INSERT INTO witness SELECT NEW.account, NEW.bucket, CAST(NEW.spent AS INTEGER) + CAST(NEW.held AS INTEGER)
        + coalesce((SELECT sum(CAST(spent AS INTEGER) + CAST(held AS INTEGER)) FROM llmkit_counter
        WHERE account = NEW.account AND bucket >= NEW.bucket - 60 AND bucket <> NEW.bucket), 0);
END;
"""


def test_sqlite(tmp_path: Path) -> None:
    """SQLite, under a clock that jumps."""
    hammer = Hammer(tmp_path, "sqlite", str(tmp_path / "llmkit.db"), jumping=True)
    store = opened(hammer.spec())
    store.perform(Sweep())
    store.close()
    connection = sqlite3.connect(tmp_path / "llmkit.db")
    connection.executescript(WITNESS)
    connection.close()
    hammer.run(*SIZE)
    counts = hammer.judge()
    print(counts)
    connection = sqlite3.connect(tmp_path / "llmkit.db")
    most = dict(connection.execute("SELECT account, max(used) FROM witness GROUP BY account"))
    connection.close()
    print(most)
    assert most.keys() == LIMITS.keys()
    assert all(used <= LIMITS[account] for account, used in most.items()), most
    assert counts["granted"] > 100
