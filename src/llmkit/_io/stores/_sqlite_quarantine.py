"""SQLite: an outbox's file that cannot be read is moved aside, and what can still be read of it is saved from it.

One process of all that share the file does it; the others find it done. What is moved is never written again, and
nothing of it is deleted: a person may save more of it than this does.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..._control.checking import checked
from ..._outbox import Bill, Conclude, Intend
from ...errors import StoreError
from ._sqlite_outbox import COLUMNS, bill_of
from ._sqlite_schema import version_of

__all__ = ["Quarantined", "is_damage", "quarantined", "saved"]

_DAMAGE: Final = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_AT_ONCE: Final = 500
_WIDEST: Final = 1_000_000
_PATIENCE: Final = 30.0
_LONGEST: Final = 2**36
_ROW: Final = f"SELECT {COLUMNS} FROM llmkit_bill"  # noqa: S608


class Quarantined(NamedTuple):
    """Where the file is now, and how many bills and intents were saved from it."""

    path: str
    saved: int


def is_damage(error: BaseException) -> bool:
    """Whether an operation failed because the file is damaged: it will not pass by itself."""
    cause = error.__cause__
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def quarantined(
    path: str, perform: Callable[[Any], Any], close: Callable[[], None], *, sure: bool
) -> Quarantined | None:
    """Move a damaged file aside and go on with a new one; ``None`` where another process has done so.

    ``perform`` and ``close`` are the store's. ``sure``: it is damaged even if it does not look so.

    Raises:
        StoreError: a later version of llmkit has written it: it stays where it is.
        OSError, sqlite3.Error: it cannot be moved.
    """
    with _alone(path):
        if not _damaged(path, sure=sure):
            return None
        close()
        aside = _moved(path)
        many = _save(aside, perform)
    return Quarantined(aside, many)


@contextlib.contextmanager
def _alone(path: str) -> Iterator[None]:
    """Let no other process do the same. SQLite's own lock ends with the process that has it, however it ends."""
    lock = sqlite3.connect(f"{path}-quarantine", timeout=_PATIENCE, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        lock.close()


def _damaged(path: str, *, sure: bool) -> bool:
    if not os.path.exists(path):  # noqa: PTH110 - as the store takes it
        return False
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        version_of(connection, path)
        return sure or connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok"
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF not in _DAMAGE:
            raise
        return True
    finally:
        connection.close()


def _moved(path: str) -> str:
    """Move the file and its log.

    The log goes by a link first: whoever opens the name that is free makes an empty file there, and SQLite deletes
    the log that it finds beside an empty file.
    """
    aside = f"{path}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}"
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    with contextlib.suppress(OSError):
        os.link(log, f"{aside}-wal")
    with contextlib.suppress(FileNotFoundError):
        index.replace(f"{aside}-shm")
    Path(path).replace(aside)
    with contextlib.suppress(FileNotFoundError):
        if os.path.exists(f"{aside}-wal"):  # noqa: PTH110 - as the lines around it
            if log.samefile(f"{aside}-wal"):
                log.unlink()
        else:
            log.replace(f"{aside}-wal")
    return aside


def _save(aside: str, perform: Callable[[Any], Any]) -> int:
    """Bills keep their ids and texts, so that what was sent already is known again by whoever bills."""
    many = 0
    intents: list[Bill] = []
    sound = _sound(saved(aside))
    while bills := tuple(islice(sound, _AT_ONCE)):
        written = tuple(bill for bill in bills if bill.state != "intent")
        intents += (bill for bill in bills if bill.state == "intent")
        if written:
            many += len(perform(Conclude(written[0].call, written)).fresh)
    now = int(time.time() * 1000)
    for bill in intents:
        lease = max(bill.expires - now, 1)
        intend = Intend(bill.call, bill.subscription, bill.facts, lease, bill.usd)
        many += perform(intend)
    return many


def saved(path: str) -> Iterator[Bill]:
    """What can be read of the bills in a damaged file, from either end, and then one by one what lies between.

    SQLite reads nothing of a file that is shorter than its first page says: of such a one, a copy is made as long.
    """
    missing = _missing(path)
    if not missing:
        yield from _read(path)
        return
    copy = f"{path}-whole"
    try:
        for end in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(path + end, copy + end)
        os.truncate(copy, missing)
        yield from _read(copy)
    finally:
        for end in ("", "-wal", "-shm"):
            Path(copy + end).unlink(missing_ok=True)


def _missing(path: str) -> int:
    """How long it should be, where it is shorter (https://sqlite.org/fileformat2.html, 1.3, read 2026-11-22)."""
    with open(path, "rb") as file:  # noqa: PTH123 - as the store takes it
        head = file.read(32)
        there = file.seek(0, os.SEEK_END)
    if not head.startswith(b"SQLite format 3\0") or len(head) < 32:  # noqa: PLR2004 - up to the size
        return 0
    page = int.from_bytes(head[16:18], "big")
    whole = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    return whole if there < whole < _LONGEST else 0


def _read(path: str) -> Iterator[Bill]:
    try:
        connection = sqlite3.connect(
            f"{Path(path).as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=_PATIENCE
        )
    except sqlite3.Error:
        return
    try:
        yield from _rows(connection)
    finally:
        connection.close()


def _rows(connection: sqlite3.Connection) -> Iterator[Bill]:
    last = 0
    for bill in _tolerated(connection, f"{_ROW} ORDER BY number"):
        last = bill.number
        yield bill
    behind = list(_tolerated(connection, f"{_ROW} WHERE number > {last} ORDER BY number DESC"))
    end = behind[-1].number if behind else _last(connection, last)
    between = range(last + 1, min(end, last + _WIDEST))
    one = f"{_ROW} WHERE number = "
    yield from chain.from_iterable(_tolerated(connection, one + str(n)) for n in between)
    yield from reversed(behind)


def _last(connection: sqlite3.Connection, last: int) -> int:
    """The index may know numbers that the table cannot tell."""
    highest = last
    for state in ("intent", "queued", "delivered", "dead", "unpriced", "unattributed", "held"):
        with contextlib.suppress(sqlite3.Error):
            text = (
                "SELECT max(number) FROM llmkit_bill INDEXED BY llmkit_bill_state WHERE state = ?"
            )
            highest = max(highest, (connection.execute(text, (state,)).fetchone()[0] or 0) + 1)
    return highest


def _tolerated(connection: sqlite3.Connection, text: str) -> Iterator[Bill]:
    """Rows as far as they can be read."""
    with contextlib.suppress(sqlite3.Error):
        cursor = connection.execute(text)
        while (row := cursor.fetchone()) is not None:
            with contextlib.suppress(ArithmeticError, TypeError, ValueError):
                yield bill_of(row)


def _sound(bills: Iterable[Bill]) -> Iterator[Bill]:
    """Those that are what they were: where a page is damaged, a row may be anything."""
    seen: set[str] = set()
    for bill in bills:
        if bill.id not in seen and _is_sound(bill):
            seen.add(bill.id)
            yield bill


def _is_sound(bill: Bill) -> bool:
    try:
        json.loads(bill.facts)
        if bill.state == "intent":
            checked(Intend(bill.id, bill.subscription, bill.facts, 1, bill.usd))
            return bill.call == bill.id
        checked(Conclude(bill.call, (bill,)))
        return not bill.body or json.loads(bill.body).get("transaction_id", bill.id) == bill.id
    except (StoreError, ArithmeticError, AttributeError, TypeError, ValueError):
        return False
