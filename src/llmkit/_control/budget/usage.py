"""What was used: rows of a store's usage, chosen and added up by scope, provider, model, day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from ..._cost import MATH
from ..._flow import Flow
from ..._operations import FOR_EVER, ReadUsage, UsageRow
from ...errors import ConfigurationError
from .book import Book
from .refusing import trimmed
from .scopes import EACH, Scope, scope_of

__all__ = ["GROUPS", "UsageLine", "UsageReport", "day_number", "used"]

GROUPS: Final = ("scope", "day", "provider", "model")
_EPOCH: Final = date(1970, 1, 1)
_COLUMNS: Final = ("provider", "model")


class UsageLine(NamedTuple):
    """What was used; what it was not grouped by is ``None``. Days are UTC's."""

    scope: str | None
    day: date | None
    provider: str | None
    model: str | None
    calls: int
    prompt_tokens: int
    completion_tokens: int
    usd: Decimal


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Usage, line by line. A call of two tags is in the lines of both, so only lines of one scope add up."""

    lines: tuple[UsageLine, ...]

    def __iter__(self) -> Iterator[UsageLine]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def usd(self) -> Decimal:
        """The sum of all lines."""
        total = Decimal(0)
        for line in self.lines:
            total = MATH.add(total, line.usd)
        return total

    @property
    def calls(self) -> int:
        """The sum of all lines."""
        return sum(line.calls for line in self.lines)

    @property
    def prompt_tokens(self) -> int:
        """The sum of all lines."""
        return sum(line.prompt_tokens for line in self.lines)

    @property
    def completion_tokens(self) -> int:
        """The sum of all lines."""
        return sum(line.completion_tokens for line in self.lines)

    def _repr_html_(self) -> str:
        from ...types._page import rows_page  # noqa: PLC0415 - only in notebooks

        return rows_page(self.to_rows())

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict for each line, for ``pandas.DataFrame(rows)`` and its like: only what it is grouped by."""
        return [{k: v for k, v in line._asdict().items() if v is not None} for line in self.lines]


def day_number(given: date | str | None, otherwise: int) -> int:
    """Days since 1970; ``ConfigurationError`` for what is no day."""
    if given is None:
        return otherwise
    try:
        day = date.fromisoformat(given) if isinstance(given, str) else given
        return date(day.year, day.month, day.day).toordinal() - _EPOCH.toordinal()
    except (ValueError, AttributeError):
        raise ConfigurationError(f"a day is a date or '2026-11-22', not {given!r}") from None


def used(
    book: Book,
    scope: Any,
    group_by: Iterable[str],
    since: date | str | None,
    until: date | str | None,
) -> Flow[UsageReport]:
    """Usage of a scope; of each where it stands for many."""
    asked = scope_of(scope)
    groups = _groups(group_by, asked)
    kept, columns = _split(asked)
    wanted = (kept.text,) if kept.single else None
    days = day_number(since, 0), day_number(until, FOR_EVER)
    rows = yield from book.perform(ReadUsage(wanted, *days))
    return UsageReport(_summed(filter(_chosen(kept, columns), rows), groups))


def _groups(group_by: Iterable[str], scope: Scope) -> tuple[str, ...]:
    listed = (group_by,) if isinstance(group_by, str) else tuple(group_by)
    for name in listed:
        if name not in GROUPS:
            raise ConfigurationError(f"usage is grouped by {', '.join(GROUPS)}, not {name!r}")
    each = {kind if kind in _COLUMNS else "scope" for kind, value in scope.parts if value == EACH}
    return tuple(name for name in GROUPS if name in {*listed, *each})


def _split(scope: Scope) -> tuple[Scope, dict[str, str]]:
    """A scope without provider and model, which each row has; and which of these are asked for."""
    kept = Scope(tuple(part for part in scope.parts if part[0] not in _COLUMNS))
    return kept, {k: unquote(v) for k, v in scope.parts if k in _COLUMNS and v != EACH}


def _chosen(scope: Scope, columns: dict[str, str]) -> Callable[[UsageRow], bool]:
    def chosen(row: UsageRow) -> bool:
        if "provider" in columns and row.provider != columns["provider"]:
            return False
        if "model" in columns and columns["model"] not in {row.model, row.model.partition("/")[2]}:
            return False
        return scope.single or _stands_for(scope, row.scope)

    return chosen


def _stands_for(scope: Scope, text: str) -> bool:
    pieces = [piece.partition("=") for piece in text.split("&")]
    if [kind for kind, _, _ in pieces] != [kind for kind, _ in scope.parts]:
        return False
    pairs = zip(scope.parts, pieces, strict=True)
    return all(value in {EACH, found} for (_, value), (_, _, found) in pairs)


def _summed(rows: Iterable[UsageRow], groups: tuple[str, ...]) -> tuple[UsageLine, ...]:
    sums: dict[tuple[Any, ...], tuple[int, int, int, Decimal]] = {}
    for row in rows:
        found = {"scope": row.scope, "day": _EPOCH + timedelta(row.day)}
        found |= {"provider": row.provider, "model": row.model}
        key = tuple(found[name] if name in groups else None for name in GROUPS)
        calls, prompt, completion, usd = sums.get(key, (0, 0, 0, Decimal(0)))
        sums[key] = (
            calls + row.calls,
            prompt + row.prompt_tokens,
            completion + row.completion_tokens,
            MATH.add(usd, row.usd),
        )
    return tuple(_line(key, *sums[key]) for key in sorted(sums, key=_order))


def _line(
    key: tuple[Any, ...], calls: int, prompt: int, completion: int, usd: Decimal
) -> UsageLine:
    return UsageLine._make((*key, calls, prompt, completion, trimmed(usd)))


def _order(key: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, key))
