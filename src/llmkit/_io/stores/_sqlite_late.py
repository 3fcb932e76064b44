"""What a transaction on a SQLite file has still to write: the rows of each table go out together, by few statements.

Each statement that is executed lets go of the interpreter, and waits for its turn to have it again. So calls that are
committed together take about as many of them as one call by itself. What is to be written, ``_sqlite_rows`` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Final

from ..._control.accounts import Hold
from ..._json import dump_text
from ..._operations import Entry
from ..._settlements import Settlement
from ._sqlite_known import UsageKey, Used

__all__ = ["AT_ONCE", "SETTLE", "Late", "among", "several"]

AT_ONCE: Final = 8
"""Rows in one statement: it is kept prepared for each number of them."""
_COUNT: Final = "INSERT OR REPLACE INTO llmkit_counter VALUES (?, ?, ?, ?)"
_USE: Final = "INSERT OR REPLACE INTO llmkit_usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_KEEP_HOLD: Final = "INSERT OR REPLACE INTO llmkit_hold VALUES (?, ?, ?, ?, ?, ?)"
_DROP_HOLD: Final = "DELETE FROM llmkit_hold WHERE id IN (?)"
_ENTER: Final = (
    "INSERT INTO llmkit_entry (id, kind, at, hold, flag, usd, lines, whose)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_FIELDS: Final = ", ".join(Settlement._fields)
SETTLE: Final = (
    f"INSERT INTO llmkit_settlement ({_FIELDS}) VALUES ({', '.join('?' * len(Settlement._fields))})"  # noqa: S608
    " ON CONFLICT (call_id) DO NOTHING"
)
Row = tuple[Any, ...]


class Late:
    """Rows that are to be written.

    Args:
        do: what executes a statement.
    """

    __slots__ = ("_do", "counters", "entries", "holds", "settlements", "usage")

    def __init__(self, do: Callable[[str, Sequence[Any]], Any]) -> None:
        self._do = do
        self.counters: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
        self.usage: dict[UsageKey, Used] = {}
        self.holds: dict[str, Hold | None] = {}
        """``None``: it is to be deleted."""
        self.entries: list[Entry] = []
        self.settlements: list[Sequence[Any]] = []

    def write(self) -> None:
        """Write all of it."""
        if self.entries:
            self._write(_ENTER, [_entry(entry) for entry in self.entries])
            self.entries.clear()
        if self.holds:
            self._write_holds(self.holds)
            self.holds.clear()
        if self.settlements:
            self._write(SETTLE, self.settlements)
            self.settlements.clear()
        if self.counters:
            sums = [(*key, str(spent), _text(held)) for key, (spent, held) in self.counters.items()]
            self._write(_COUNT, sums)
            self.counters.clear()
        if self.usage:
            self._write(_USE, [(*key, *used[:3], str(used[3])) for key, used in self.usage.items()])
            self.usage.clear()

    def _write_holds(self, holds: Mapping[str, Hold | None]) -> None:
        gone = [id_ for id_, hold in holds.items() if hold is None]
        kept = [_hold(hold) for hold in holds.values() if hold is not None]
        for begin in range(0, len(gone), AT_ONCE):
            some = gone[begin : begin + AT_ONCE]
            self._do(among(_DROP_HOLD, len(some)), some)
        if kept:
            self._write(_KEEP_HOLD, kept)

    def _write(self, one: str, rows: Sequence[Sequence[Any]]) -> None:
        for begin in range(0, len(rows), AT_ONCE):
            some = rows[begin : begin + AT_ONCE]
            self._do(several(one, len(some)), [value for row in some for value in row])


@cache
def several(one: str, rows: int) -> str:
    """A statement for so many rows, of one with the values of one row."""
    head, _, rest = one.partition("VALUES ")
    values, closed, tail = rest.partition(")")
    return f"{head}VALUES {', '.join([values + closed] * rows)}{tail}"


@cache
def among(one: str, ids: int) -> str:
    """A statement about so many, of one about each that is ``IN (?)``."""
    return one.replace("IN (?)", f"IN ({', '.join('?' * ids)})")


def _text(held: Decimal) -> str:
    """Nothing is always written in one way: it is looked for."""
    return str(held) if held else "0"


def _hold(hold: Hold) -> Row:
    lines = [(*line[:3], str(line.amount), line.keep) for line in hold.lines]
    head = hold.id, hold.expires, int(hold.expired), str(hold.usd)
    return (*head, dump_text(lines), dump_text(hold.whose))


def _entry(entry: Entry) -> Row:
    lines = dump_text([(*line[:2], str(line[2])) for line in entry.lines])
    return (*entry[1:6], str(entry.usd), lines, dump_text(entry.whose))
