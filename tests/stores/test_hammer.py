"""Many processes hammer one budget and are killed; nobody overspends, nothing is lost, nothing remains."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from llmkit._operations import Claim, Reserve, Sweep
from llmkit.stores import SQLiteStore

from ._hammering import Hammer, opened
from ._postgres import PostgresServer
from ._redis import running
from .hammer import LIMITS, WINDOWS

LONG = float(os.environ.get("LLMKIT_HAMMER") or 0)  # seconds, and the whole machine
SIZE = (8, 50, LONG) if LONG else (3, 8, 0.0)
# Written by SQLite itself: what is used wherever something more is held, of the window that counts in its bucket. The
# sums of all operations of a transaction are written together, in any order: so they are looked at once all are there,
# which is when the next transaction begins to write holds or entries, which comes before its sums. A rule that was
# written in between held for some of them; and time went on between them, so that the latest bucket counts.
WITNESS = """
CREATE TABLE witness (account TEXT, used INTEGER, most INTEGER);
CREATE TABLE grown (account TEXT, bucket INTEGER, PRIMARY KEY (account, bucket));
CREATE TABLE ruled (account TEXT, most INTEGER);
CREATE TRIGGER grows BEFORE INSERT ON llmkit_counter
WHEN CAST(NEW.held AS INTEGER) > coalesce((
    SELECT CAST(held AS INTEGER) FROM llmkit_counter WHERE account = NEW.account AND bucket = NEW.bucket), 0)
BEGIN INSERT OR IGNORE INTO grown VALUES (NEW.account, NEW.bucket); END;
CREATE TRIGGER rules BEFORE INSERT ON llmkit_rule
BEGIN INSERT INTO ruled VALUES (NEW.scope, coalesce((
    SELECT CAST(body AS INTEGER) FROM llmkit_rule WHERE scope = NEW.scope), 1000000)); END;
"""
LOOK = """
CREATE TRIGGER seen_by_{table} BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM grown)
BEGIN
    INSERT INTO witness SELECT last.account, (
        SELECT sum(CAST(spent AS INTEGER) + CAST(held AS INTEGER)) FROM llmkit_counter
        WHERE account = last.account AND bucket >= last.bucket - 60),
        max(coalesce((SELECT CAST(body AS INTEGER) FROM llmkit_rule WHERE scope = last.account), 1000000),
            coalesce((SELECT max(most) FROM ruled WHERE account = last.account), 0))
        FROM (SELECT account, max(bucket) AS bucket FROM grown GROUP BY account) AS last;
    DELETE FROM grown;
    DELETE FROM ruled;
END;
"""
WITNESSES = WITNESS + "".join(LOOK.format(table=f"llmkit_{name}") for name in ("hold", "entry"))


def test_sqlite(tmp_path: Path) -> None:
    """SQLite, under a clock that jumps, while somebody takes the file for himself and makes it anew."""
    path = tmp_path / "llmkit.db"
    strikes = [partial(each, path) for each in (keep_to_oneself, rewrite, cut_the_log)]
    hammer = Hammer(
        tmp_path,
        "sqlite",
        str(path),
        strikes=strikes,
        jumping=True,
        more={"busy_timeout": 0.2},
    )
    store = opened(hammer.spec())
    store.perform(Sweep())
    store.close()
    connection = sqlite3.connect(tmp_path / "llmkit.db")
    connection.executescript(WITNESSES)
    connection.close()
    hammer.run(*SIZE)
    counts = hammer.judge()
    connection = sqlite3.connect(tmp_path / "llmkit.db")
    most = dict(connection.execute("SELECT account, max(used) FROM witness GROUP BY account"))
    above = connection.execute("SELECT * FROM witness WHERE used > most").fetchall()
    connection.close()
    assert not above
    within_limits(most, counts)


def test_the_witness_would_notice(tmp_path: Path) -> None:
    """Two holds in one window are seen together, once the second one's sums are there, and not before."""
    store = SQLiteStore(tmp_path / "llmkit.db", clock=lambda: 1000.0)
    store.perform(Sweep())
    connection = sqlite3.connect(tmp_path / "llmkit.db", isolation_level=None)
    connection.executescript(WITNESSES)
    for name, amount in (("a", 3), ("b", 5), ("c", 1)):
        claim = Claim("usd:rolling", WINDOWS["usd:rolling"], Decimal(amount), None)
        store.perform(Reserve(name, (claim,), 60_000))
    store.close()
    seen = connection.execute("SELECT account, used, most FROM witness").fetchall()
    connection.close()
    assert seen == [("usd:rolling", 3, 1_000_000), ("usd:rolling", 8, 1_000_000)]


def keep_to_oneself(path: Path) -> None:
    """Longer than a store waits."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(0.4)
    connection.execute("ROLLBACK")
    connection.close()


def rewrite(path: Path) -> None:
    """The whole file."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("VACUUM")
    connection.close()


def cut_the_log(path: Path) -> None:
    """The write-ahead log is empty afterwards, if nobody reads from it."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=1)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


# The same, by PostgreSQL: at every change what the window that ends with the newest bucket has in it.
SEEN = """
CREATE TABLE {schema}.witness (account text, used numeric);
CREATE FUNCTION {schema}.seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO {schema}.witness SELECT NEW.account, sum(spent + held) FROM {schema}.counters
    WHERE account = NEW.account
    AND bucket >= (SELECT max(bucket) - 60 FROM {schema}.counters WHERE account = NEW.account);
    RETURN NEW;
END $$;
CREATE TRIGGER seen AFTER INSERT OR UPDATE ON {schema}.counters FOR EACH ROW EXECUTE FUNCTION {schema}.seen();
"""


def test_postgres(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """PostgreSQL, which is stopped and killed, and throws its clients out."""

    def kill() -> None:
        postgres_server.kill()
        postgres_server.start()

    def stop() -> None:
        postgres_server.stop()
        postgres_server.start()

    def throw_out() -> None:
        with psycopg.connect(postgres_server.dsn()) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    strikes = [throw_out, kill, throw_out, stop]

    schema = postgres_server.schema()
    hammer = Hammer(tmp_path, "postgres", postgres_server.dsn(), schema, strikes=strikes)
    store = opened(hammer.spec())
    store.perform(Sweep())
    store.close()
    with psycopg.connect(postgres_server.dsn()) as connection:
        connection.execute(SEEN.format(schema=schema))
    hammer.run(*SIZE)
    counts = hammer.judge()
    with psycopg.connect(postgres_server.dsn()) as connection:
        rows = connection.execute(
            f"SELECT account, max(used) FROM {schema}.witness GROUP BY account"  # noqa: S608 - our own name
        )
        most = dict(rows.fetchall())
    within_limits(most, counts)


def test_redis(tmp_path: Path) -> None:
    """Redis, which is killed, and stands still. Its append-only file says in which order everything was written."""

    def stand_still() -> None:
        server.pause()
        time.sleep(0.4)
        server.resume()

    with running(auto_aof_rewrite_percentage="0") as server:
        strikes = [stand_still, server.restart]
        hammer = Hammer(
            tmp_path,
            "redis",
            server.url,
            strikes=strikes,
            more={"timeout": 0.2},
        )
        hammer.run(*SIZE)
        counts = hammer.judge()
        within_limits(replayed(log_of(server.folder)), counts)


def log_of(folder: Path) -> Path:
    """The append-only file: one since the beginning, also where the server would go on in others."""
    (found,) = [*folder.glob("appendonly.aof"), *folder.glob("appendonlydir/*.incr.aof")]
    return found


def within_limits(most: dict[str, Any], counts: dict[str, int]) -> None:
    """Nothing was ever above its limit, and there was a crowd before it."""
    told = counts, {account: int(used) for account, used in most.items()}
    assert most.keys() == LIMITS.keys()
    assert all(used <= LIMITS[account] for account, used in most.items()), told
    assert all(
        counts[what] > 0 for what in ("granted", "refused", "settled", "expired", "written")
    ), told


def replayed(path: Path) -> dict[str, int]:
    """The most that was ever used of each account in the window that ends with its newest bucket, in grains of one."""
    rows: dict[str, dict[str, int]] = defaultdict(dict)
    most: dict[str, int] = defaultdict(int)
    within = False
    touched: set[str] = set()
    for words in commands(path):
        verb, key = words[0].upper(), words[1].decode() if len(words) > 1 else ""
        within = verb == b"MULTI" or (within and verb != b"EXEC")
        account = key.partition(":account:")[2]
        if account:
            touched.add(account)
            change(rows[account], verb, words[2:])
        if not within:
            for name in touched:
                most[name] = max(most[name], used(rows[name], name))
            touched.clear()
    return most


def change(row: dict[str, int], verb: bytes, words: list[bytes]) -> None:
    """What one command does to the fields of an account."""
    field = words[0].decode() if words else ""
    if verb == b"HINCRBY":
        row[field] = row.get(field, 0) + int(words[1])
    elif verb == b"HSETNX":
        row.setdefault(field, int(words[1]))
    elif verb in {b"HSET", b"HMSET"}:
        row.update(zip((w.decode() for w in words[::2]), map(int, words[1::2]), strict=True))
    elif verb == b"HDEL":
        for word in words:
            row.pop(word.decode(), None)
    else:
        raise AssertionError(verb)


def used(row: dict[str, int], account: str) -> int:
    """Spent and held from sixty buckets before the newest one on."""
    counts = [
        (int(f[1:]), n) for f, n in row.items() if f[0] in "sh" and f[1:].lstrip("-").isdigit()
    ]
    newest = max(bucket for bucket, _ in counts)
    grain = 10**9 if account.startswith("usd:") else 1
    total = sum(n for bucket, n in counts if bucket >= newest - 60)
    return -(-total // grain)


def commands(path: Path) -> Iterator[list[bytes]]:
    """The commands of an append-only file."""
    with path.open("rb") as file:
        while head := file.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int(file.readline()[1:])
                words.append(file.read(size + 2)[:-2])
            yield words
