"""The request log's transactions, by the database's driver itself: how far a ledger was read, and the rows of a page.

SQLAlchemy would spend more on a row than the database does. What tables and columns are called, and what form a value
takes, is the models' all the same: the statements are theirs, compiled once. What a row says: ``rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import JSON, BindParameter, Dialect, Engine, bindparam, inspect, select, update

from .models import Base, Progress, Request

__all__ = ["Page", "Pages"]

_AT_ONCE: Final = 16
"""Rows in one statement of SQLite's: each that is executed lets go of the interpreter, and waits to have it again."""
_LEDGER: Final[BindParameter[str]] = bindparam("of")
_REACHED: Final = select(Progress.number).where(Progress.ledger == _LEDGER)


class Page:
    """One transaction, in which nobody else writes the log of a ledger, once it was asked how far it is."""

    def __init__(self, pages: Pages, cursor: Any) -> None:
        self._pages, self._cursor = pages, cursor

    def reached(self, ledger: str) -> int:
        """The last number that is in the log; nobody else goes on until this transaction ends."""
        pages, cursor = self._pages, self._cursor
        if (found := cursor.execute(pages.locked, (ledger,)).fetchone()) is None:
            cursor.execute(pages.first, (ledger, 0))
            found = cursor.execute(pages.locked, (ledger,)).fetchone()
        return 0 if found is None else int(found[0])

    def note(self, ledger: str, number: int) -> None:
        """All up to this number is in the log."""
        self._cursor.execute(self._pages.noted, (number, ledger))

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows, by their columns; what is there already stays."""
        self._pages.add(self._cursor, rows)


class Pages:
    """What writes a request log.

    Args:
        engine: of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        dialect = _positional(engine.dialect)
        self.locked, self._asked = (
            str(one.compile(dialect=dialect)) for one in (_REACHED.with_for_update(), _REACHED)
        )
        self.first = str(_added(dialect, Progress, "ledger").compile(dialect=dialect))
        noted = update(Progress).where(Progress.ledger == _LEDGER).values(number=bindparam("to"))
        self.noted = str(noted.compile(dialect=dialect))
        added = _added(dialect, Request, "request_id").compile(dialect=dialect)
        self._added, self._values = str(added), itemgetter(*added.positiontup)
        self._forms = _forms(dialect)

    def reached(self, ledger: str) -> int:
        """The last number that is in the log; others may go on."""
        with self._cursor() as cursor:
            found = cursor.execute(self._asked, (ledger,)).fetchone()
            return 0 if found is None else int(found[0])

    @contextmanager
    def writing(self) -> Iterator[Page]:
        """A transaction, undone where the block raises."""
        with self._cursor() as cursor:
            if self._sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            yield Page(self, cursor)
            cursor.connection.commit()

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        connection = self._engine.raw_connection()
        try:
            yield connection.cursor()
        finally:
            # What is not committed is rolled back.
            connection.close()

    def add(self, cursor: Any, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows, by their columns; what is there already stays."""
        for name, form in self._forms:
            for row in rows:
                row[name] = form(row[name])
        values = [self._values(row) for row in rows]
        if not self._sqlite:
            cursor.executemany(self._added, values)
            return
        for begin in range(0, len(values), _AT_ONCE):
            some = values[begin : begin + _AT_ONCE]
            cursor.execute(
                _several(self._added, len(some)), [value for row in some for value in row]
            )


@cache
def _several(one: str, rows: int) -> str:
    """A statement that adds so many rows, of one that adds a row."""
    head, _, rest = one.partition("VALUES ")
    values, closed, tail = rest.partition(")")
    return f"{head}VALUES {', '.join([values + closed] * rows)}{tail}"


def _forms(dialect: Dialect) -> list[tuple[str, Callable[[Any], Any]]]:
    """Of some columns, what makes their values such as the driver takes. JSON is text already."""
    columns = [column for column in inspect(Request).columns if not isinstance(column.type, JSON)]
    forms = ((c.name, c.type.dialect_impl(dialect).bind_processor(dialect)) for c in columns)
    return [(name, form) for name, form in forms if form is not None]


def _added(dialect: Dialect, table: type[Base], key: str) -> Any:
    """A statement that adds a row, unless there is one with its key."""
    return _module(dialect).insert(table).on_conflict_do_nothing(index_elements=[key])


def _positional(dialect: Dialect) -> Dialect:
    """The same, with values by their position: drivers look each name up."""
    style = "qmark" if dialect.name == "sqlite" else "format"
    kind: Any = type(dialect)
    made: Dialect = kind(paramstyle=style)
    return made


def _module(dialect: Dialect) -> Any:
    # The other one would be loaded for nothing.
    return import_module(f"sqlalchemy.dialects.{dialect.name}")
