"""What ``JSONL`` and ``SQLiteLog`` have written, read again: calls, one after the other. Nothing is added up here."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from .._json import load
from ..errors import ConfigurationError
from ._sqlite import APPLICATION

__all__ = ["Logged", "Reading", "moment"]

_HEADER: Final = b"SQLite format 3\x00"
_ROTATED: Final = 1_000
_NAMES: Final = (
    "id", "kind", "provider", "model", "group", "deployment", "outcome", "started", "seconds", "prompt_tokens",
    "completion_tokens", "cost", "user", "team", "organisation", "customer", "key", "session", "tags",
    "cache_hit", "saved_cache_cost",
)  # fmt: skip
_LAST: Final = 250_000_000_000.0
"""Seconds: the end of the days that have a name."""
_DEAREST: Final = 1e12
"""Dollars."""
_Number = TypeVar("_Number", float, Decimal)
_WELL: Final = frozenset({"completed", "mocked", "closed"})


class Logged(NamedTuple):
    """A call as a log has it, as far as it is added up. ``cost`` is ``None`` where it is not known."""

    names: dict[str, str]
    """What it can be grouped by: ``model``, ``user`` …; empty where it was not said."""
    tags: tuple[str, ...]
    started: float
    seconds: float
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: Decimal | None
    failed: bool
    hit: bool = False
    saved: Decimal | None = None
    """What a hit's answer would have cost; ``None``: it is not known, or the log was written before it was kept."""


class Reading:
    """The calls of a log, and of the files that it was rotated to.

    Args:
        path: a file that ``JSONL`` or ``SQLiteLog`` wrote.
        since: Unix time, in seconds: no earlier call.
        until: no call from then on.

    Raises:
        ConfigurationError: there is no such file, or it is no such log.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        since: float | None = None,
        until: float | None = None,
    ) -> None:
        self._path = Path(path).expanduser()
        if not self._path.is_file():
            raise ConfigurationError(f"there is no file {self._path}")
        self._since, self._until = since, until
        self.unreadable = 0
        """Lines that are none of these: torn by a crash, or somebody else's."""
        self.found = 0
        """Calls in all, those of another time included."""

    def __iter__(self) -> Iterator[Logged]:
        with self._path.open("rb") as file:
            is_database = file.read(len(_HEADER)) == _HEADER
        seen: set[str] = set()
        for row in self._rows() if is_database else self._lines():
            one = _logged(row)
            if one is None:
                self.unreadable += 1
                continue
            self.found += 1
            if self._wanted(one) and (told := str(row.get("id"))) not in seen:
                seen.add(told)
                yield one

    def _wanted(self, one: Logged) -> bool:
        after = self._since is None or one.started >= self._since
        return after and (self._until is None or one.started < self._until)

    def _lines(self) -> Iterator[dict[str, Any]]:
        for path in (*reversed(list(_rotated(self._path))), self._path):
            with path.open("rb") as file:
                for line in file:
                    yield from self._parsed(line)

    def _parsed(self, line: bytes) -> Iterator[dict[str, Any]]:
        if not line.strip():
            return
        try:
            row = load(line)
        except ValueError:
            self.unreadable += 1
            return
        if not isinstance(row, dict):
            self.unreadable += 1
        elif row.get("type") != "attempt":
            yield row

    def _rows(self) -> Iterator[dict[str, Any]]:
        address = f"{self._path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
            try:
                (kind,) = connection.execute("PRAGMA application_id").fetchone()
                if kind != APPLICATION:
                    raise ConfigurationError(f"{self._path} is an SQLite file of something else")
                there = {name for _, name, *_ in connection.execute("PRAGMA table_info(calls)")}
                names = [name for name in _NAMES if name in there]
                columns = ", ".join(f'"{name}"' for name in names)
                # The names are ours.
                for row in connection.execute(f"SELECT {columns} FROM calls ORDER BY started"):  # noqa: S608
                    found = dict(zip(names, row, strict=True))
                    yield {**found, "tags": load(found["tags"] or "[]")}
            except sqlite3.Error as error:
                raise ConfigurationError(f"{self._path} cannot be read: {error}") from None


def _rotated(path: Path) -> Iterator[Path]:
    for number in range(1, _ROTATED):
        older = path.with_name(f"{path.name}.{number}")
        if not older.is_file():
            return
        yield older


def _logged(row: dict[str, Any]) -> Logged | None:
    try:
        cost, saved, _ = row["cost"], row.get("saved_cache_cost"), row["id"]
        names = {name: str(row.get(name) or "") for name in _GROUPS}
        return Logged(
            names=names,
            tags=tuple(map(str, row.get("tags") or ())),
            started=_within(float(row["started"]), _LAST),
            seconds=_within(float(row["seconds"]), _LAST),
            prompt_tokens=_count(row["prompt_tokens"]),
            completion_tokens=_count(row["completion_tokens"]),
            cost=None if cost is None else _within(Decimal(str(cost)), _DEAREST),
            failed=row["outcome"] not in _WELL,
            hit=bool(row.get("cache_hit")),
            saved=None if saved is None else _within(Decimal(str(saved)), _DEAREST),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation, OverflowError):
        return None


def _within(value: _Number, most: float) -> _Number:
    """A number that can be one: what somebody else wrote spoils no sum and no day."""
    if not 0 <= value < most:
        raise ValueError("it is out of all bounds")
    return value


_GROUPS: Final = (
    "kind", "provider", "model", "group", "deployment", "outcome", "user", "team", "organisation", "customer", "key",
    "session",
)  # fmt: skip


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def moment(text: str, zone: tzinfo = UTC) -> float:
    """Unix time of ``2026-11-01`` (its beginning), ``2026-11-01T12:00:00+00:00`` or seconds.

    Args:
        text: what was given.
        zone: whose day or hour it is, where the text does not say.

    Raises:
        ConfigurationError: it is none of these.
    """
    try:
        if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
            return float(text)
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r:.80} is no time: 2026-11-01, 2026-11-01T12:00:00+00:00, or Unix seconds"
        ) from None
    return (when if when.tzinfo else when.replace(tzinfo=zone)).timestamp()
