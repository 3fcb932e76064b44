"""How the results of a ``map`` look in a notebook: a table of the first rows, what failed, and what it all cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..._cost import Cost
from ...types._page import card, cost_page, escaped, folded, table

__all__ = ["results_page", "row_page"]

_SHOWN: Final = 20
_WIDEST: Final = 200


def results_page(results: Any) -> str:
    """The page of a ``MapResults``."""
    first = table(("", "row", "answer", "cost"), map(_row, results[:_SHOWN]))
    more = f"<em>… {len(results) - _SHOWN:,} more rows</em>" if len(results) > _SHOWN else ""
    failed = [row for row in results.errors if row.number >= _SHOWN][:_SHOWN]
    others = folded(
        "rows that failed further down", table(("", "row", "error", "cost"), map(_row, failed))
    )
    said = "".join(f"<div>{escaped(line)}</div>" for line in results.summary().splitlines())
    cost: Cost = results.cost
    return card(said, first, more, others if failed else "", cost_page(cost))


def row_page(row: Any) -> str:
    """The page of a ``MapRow``: what was asked, and the answer as it looks by itself."""
    head = f"<div>{escaped(repr(row.index))}: {escaped(_short(row.row))}</div>"
    if row.error is not None:
        said = f"<div><em>{escaped(f'{type(row.error).__name__}: {row.error}')}</em></div>"
        return card(head, said, cost_page(row.cost))
    look = getattr(row.result, "_repr_html_", None)
    if look is not None:
        return card(head) + str(look())
    return card(head, f"<code>{escaped(_short(row.result))}</code>", cost_page(row.cost))


def _row(row: Any) -> tuple[Any, ...]:
    outcome = row.text if row.text is not None else row.result
    if row.error is not None:
        outcome = f"{type(row.error).__name__}: {row.error}"
    return row.index, _short(row.row), _short(outcome), row.cost


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        value = " · ".join(f"{name}: {one}" for name, one in value.items())
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
