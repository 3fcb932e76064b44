"""SQLite: the tables, by scripts with versions, and how a file gets them. No script is ever changed.

Amounts are exact decimal text, lists are JSON, times are milliseconds of Unix time.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from ...errors import StoreError

__all__ = ["VERSION", "bring_up_to_date", "version_of"]

_ACCOUNTS: Final = """
CREATE TABLE llmkit_counter (
    account TEXT NOT NULL, bucket INTEGER NOT NULL, spent TEXT NOT NULL, held TEXT NOT NULL,
    PRIMARY KEY (account, bucket)
) WITHOUT ROWID;

CREATE TABLE llmkit_hold (
    id TEXT PRIMARY KEY, expires INTEGER NOT NULL, expired INTEGER NOT NULL,
    usd TEXT NOT NULL, lines TEXT NOT NULL, whose TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX llmkit_hold_due ON llmkit_hold (expires, id) WHERE expired = 0;

CREATE TABLE llmkit_entry (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, at INTEGER NOT NULL,
    hold TEXT NOT NULL, flag TEXT NOT NULL, usd TEXT NOT NULL, lines TEXT NOT NULL, whose TEXT NOT NULL
);

CREATE TRIGGER llmkit_entry_stays BEFORE DELETE ON llmkit_entry
BEGIN SELECT RAISE(ABORT, 'the ledger is only appended to');
END;

CREATE TRIGGER llmkit_entry_same BEFORE UPDATE ON llmkit_entry
BEGIN SELECT RAISE(ABORT, 'the ledger is only appended to');
END;

CREATE TABLE llmkit_usage (
    scope TEXT NOT NULL, day INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
    calls INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    usd TEXT NOT NULL, PRIMARY KEY (scope, day, provider, model)
) WITHOUT ROWID;

CREATE TABLE llmkit_rule (scope TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT) WITHOUT ROWID;

CREATE TABLE llmkit_settlement (
    number INTEGER PRIMARY KEY, call_id TEXT NOT NULL UNIQUE, outcome TEXT NOT NULL,
    provider TEXT NOT NULL, model TEXT NOT NULL, stream INTEGER NOT NULL, sent TEXT NOT NULL,
    attempts INTEGER NOT NULL, started REAL NOT NULL, seconds REAL NOT NULL, prompt_tokens INTEGER,
    completion_tokens INTEGER, usage_source TEXT NOT NULL, cost TEXT, cost_status TEXT NOT NULL,
    cost_reason TEXT, error TEXT, request_id TEXT, metadata TEXT NOT NULL, kind TEXT NOT NULL
)
"""

_ADMISSION: Final = """
CREATE TABLE llmkit_ticket (
    id TEXT PRIMARY KEY, deployment TEXT NOT NULL, since INTEGER NOT NULL, expires INTEGER NOT NULL,
    probe INTEGER NOT NULL, lines TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX llmkit_ticket_place ON llmkit_ticket (deployment, since, probe);

CREATE INDEX llmkit_ticket_due ON llmkit_ticket (expires);

CREATE TABLE llmkit_taken (
    deployment TEXT NOT NULL, quota TEXT NOT NULL, width INTEGER NOT NULL, bucket INTEGER NOT NULL,
    amount INTEGER NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (deployment, quota, width, bucket)
) WITHOUT ROWID;

CREATE INDEX llmkit_taken_until ON llmkit_taken (until);

CREATE TABLE llmkit_cooldown (
    deployment TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL,
    strikes INTEGER NOT NULL, reason TEXT NOT NULL
) WITHOUT ROWID
"""

# ``nanos`` is ``usd`` in 1e-9, rounded up, so that it can be added up here. How many there are in a state, and what is
# owed, is counted by triggers: no way of writing can forget it. Numbers are never used again: a reader who goes by
# them misses nothing.
_OUTBOX: Final = """
CREATE TABLE llmkit_bill (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, call TEXT NOT NULL,
    state TEXT NOT NULL, subscription TEXT NOT NULL, code TEXT NOT NULL, at INTEGER NOT NULL,
    body TEXT NOT NULL, facts TEXT NOT NULL, units TEXT NOT NULL, usd TEXT, reason TEXT NOT NULL,
    changed INTEGER NOT NULL, tries INTEGER NOT NULL, expires INTEGER NOT NULL, nanos INTEGER NOT NULL
);

CREATE INDEX llmkit_bill_state ON llmkit_bill (state, number);

CREATE INDEX llmkit_bill_call ON llmkit_bill (call) WHERE state <> 'intent';

CREATE INDEX llmkit_bill_age ON llmkit_bill (at) WHERE state = 'queued';

CREATE INDEX llmkit_bill_intended ON llmkit_bill (subscription, expires, nanos) WHERE state = 'intent';

CREATE INDEX llmkit_bill_delivered ON llmkit_bill (subscription, changed, nanos) WHERE state = 'delivered';

CREATE INDEX llmkit_bill_old ON llmkit_bill (changed) WHERE state IN ('delivered', 'discarded', 'listed');

CREATE TABLE llmkit_bill_count (
    state TEXT PRIMARY KEY, bills INTEGER NOT NULL, deduped INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE llmkit_bill_owed (subscription TEXT PRIMARY KEY, nanos INTEGER NOT NULL) WITHOUT ROWID;

CREATE TRIGGER llmkit_bill_came AFTER INSERT ON llmkit_bill WHEN new.state <> 'intent'
BEGIN INSERT INTO llmkit_bill_count VALUES (new.state, 1, new.reason = 'deduped')
    ON CONFLICT (state) DO UPDATE SET bills = bills + 1, deduped = deduped + excluded.deduped;
END;

CREATE TRIGGER llmkit_bill_went AFTER DELETE ON llmkit_bill WHEN old.state <> 'intent'
BEGIN UPDATE llmkit_bill_count SET bills = bills - 1, deduped = deduped - (old.reason = 'deduped')
    WHERE state = old.state;
END;

CREATE TRIGGER llmkit_bill_left AFTER UPDATE OF state ON llmkit_bill WHEN old.state <> 'intent'
BEGIN UPDATE llmkit_bill_count SET bills = bills - 1, deduped = deduped - (old.reason = 'deduped')
    WHERE state = old.state;
END;

CREATE TRIGGER llmkit_bill_entered AFTER UPDATE OF state ON llmkit_bill WHEN new.state <> 'intent'
BEGIN INSERT INTO llmkit_bill_count VALUES (new.state, 1, new.reason = 'deduped')
    ON CONFLICT (state) DO UPDATE SET bills = bills + 1, deduped = deduped + excluded.deduped;
END;

CREATE TRIGGER llmkit_bill_owes AFTER INSERT ON llmkit_bill WHEN new.state IN ('queued', 'held')
BEGIN INSERT INTO llmkit_bill_owed VALUES (new.subscription, new.nanos)
    ON CONFLICT (subscription) DO UPDATE SET nanos = nanos + excluded.nanos;
END;

CREATE TRIGGER llmkit_bill_owed_no_more AFTER DELETE ON llmkit_bill WHEN old.state IN ('queued', 'held')
BEGIN UPDATE llmkit_bill_owed SET nanos = nanos - old.nanos WHERE subscription = old.subscription;
END;

CREATE TRIGGER llmkit_bill_paid AFTER UPDATE OF state ON llmkit_bill WHEN old.state IN ('queued', 'held')
BEGIN UPDATE llmkit_bill_owed SET nanos = nanos - old.nanos WHERE subscription = old.subscription;
END;

CREATE TRIGGER llmkit_bill_owed_again AFTER UPDATE OF state ON llmkit_bill WHEN new.state IN ('queued', 'held')
BEGIN INSERT INTO llmkit_bill_owed VALUES (new.subscription, new.nanos)
    ON CONFLICT (subscription) DO UPDATE SET nanos = nanos + excluded.nanos;
END;

CREATE TABLE llmkit_lane (
    one INTEGER PRIMARY KEY CHECK (one = 1), sender TEXT NOT NULL, since INTEGER NOT NULL,
    until INTEGER NOT NULL
);

CREATE TABLE llmkit_notice (key TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;

CREATE INDEX llmkit_notice_until ON llmkit_notice (until)
"""

_SCRIPTS: Final[tuple[str, ...]] = (_ACCOUNTS, _ADMISSION, _OUTBOX)
"""The first one makes version 1 of an empty file, each later one the next version."""

VERSION: Final = len(_SCRIPTS)


def bring_up_to_date(connection: sqlite3.Connection, path: str) -> None:
    """Apply the scripts that a file has not had. Many processes may do so at once: one does, the others find it done.

    Raises:
        StoreError: a later version of llmkit has written this file.
    """
    if version_of(connection, path) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    for version in range(version_of(connection, path), VERSION):
        if not version:
            connection.execute(
                "CREATE TABLE llmkit_schema (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL)"
            )
        for statement in _SCRIPTS[version].split(";\n\n"):
            connection.execute(statement)
        row = (version + 1, int(time.time() * 1000))
        connection.execute("INSERT INTO llmkit_schema VALUES (?, ?)", row)
    connection.execute("COMMIT")


def version_of(connection: sqlite3.Connection, path: str) -> int:
    """How many scripts a file has had; 0 where it has none of our tables.

    Raises:
        StoreError: a later version of llmkit has written this file.
    """
    # Not sqlite_schema, its name since SQLite 3.33 (https://sqlite.org/schematab.html, read 2026-11-22).
    named = "SELECT 1 FROM sqlite_master WHERE name = 'llmkit_schema'"
    if connection.execute(named).fetchone() is None:
        return 0
    found: int = connection.execute("SELECT max(version) FROM llmkit_schema").fetchone()[0]
    if found > VERSION:
        raise StoreError(
            f"{path} was written by a later version of llmkit: its tables have version {found}, "
            f"this one knows {VERSION}"
        )
    return found
