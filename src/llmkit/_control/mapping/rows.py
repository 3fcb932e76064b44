"""Rows as people have them: lists, iterators, data frames and columns of pandas or polars. Neither is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ...errors import ConfigurationError

__all__ = ["Rows", "missing", "rows_of"]


class Rows(NamedTuple):
    """Rows in their order. ``labels`` name them (a frame's own index, else numbers); ``given`` is what they were."""

    items: tuple[Any, ...]
    labels: tuple[Any, ...]
    given: Any


def rows_of(given: Any) -> Rows:
    """Read rows.

    Raises:
        ConfigurationError: it is a text, a mapping, or nothing that can be iterated.
    """
    if isinstance(given, str | bytes | Mapping):
        raise ConfigurationError(
            f"rows is a list of rows, not one {type(given).__name__}: [{{'text': …}}, …] or ['…', …]"
        )
    items = _frame(given)
    if items is None:
        if not isinstance(given, Iterable):
            raise ConfigurationError(
                f"rows is a list, an iterator or a data frame, not {type(given).__name__}"
            )
        items = tuple(given)
    index = getattr(given, "index", None)
    # A list's ``index`` is a method.
    labels = None if index is None or callable(index) else tuple(_plain(one) for one in index)
    return Rows(items, labels or tuple(range(len(items))), given)


def _frame(given: Any) -> tuple[Any, ...] | None:
    """The rows of a data frame, or the values of a column; ``None`` for anything else."""
    if callable(getattr(given, "to_dicts", None)):  # polars
        return tuple(given.to_dicts())
    if hasattr(given, "columns") and callable(getattr(given, "to_dict", None)):  # pandas
        names = [str(name) for name in given.columns]
        if len(set(names)) < len(names):
            raise ConfigurationError("two columns of this data frame have one name")
        columns = [[_plain(one) for one in given[name].tolist()] for name in given.columns]
        return tuple(dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    if callable(getattr(given, "tolist", None)):  # a column, or an array
        return tuple(_plain(one) for one in given.tolist())
    return None


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's own."""
    one = getattr(value, "item", None)
    return one() if callable(one) and getattr(value, "ndim", None) == 0 else value


def missing(value: Any) -> bool:
    """Whether a cell is empty: ``None``, NaN, or what pandas has for it."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return True
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN alone is not itself
