"""How budgets look in a notebook: a bar for each limit, filled by what is spent, paler by what is held."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from ..._cost import plain
from ..._flow import Flow
from ...types._page import Html, bar, card, escaped, table
from .book import Book
from .checking import BudgetStatus, check
from .scopes import EACH, Scope, Spelled, scope_of
from .stored import BudgetInfo, listed
from .usage import used

__all__ = ["limits_page", "standing"]

_ZERO: Final = Decimal(0)
_NOTHING: Final = dict.fromkeys(("usd", "tokens", "requests", "parallel"), _ZERO)
_MOST: Final = 20
_HEAD: Final = ("whose", "of what", "window", "", "used", "held", "limit")


def limits_page(limits: Iterable[BudgetStatus], notes: Iterable[str] = ()) -> str:
    """These limits, a bar each."""
    rows = [_row(one) for one in limits]
    said = "".join(f"<div><em>{escaped(note)}</em></div>" for note in notes)
    return card(table(_HEAD, rows) if rows else "<em>no limit has been met yet</em>", said)


def _row(one: BudgetStatus) -> tuple[Any, ...]:
    unit = "$" if one.measure == "usd" else ""
    shown = [f"{unit}{plain(amount)}" for amount in (one.spent, one.held)]
    if one.limit is None:
        return one.scope, one.measure, one.window, "", *shown, "none"
    share = one.spent / one.limit if one.limit else Decimal(1)
    held = one.held / one.limit if one.limit else _ZERO
    filled = Html(f"{bar(share, held)} {float(share + held) * 100:.0f} %")
    return one.scope, one.measure, one.window, filled, *shown, f"{unit}{plain(one.limit)}"


def standing(book: Book) -> Flow[tuple[list[BudgetStatus], list[str]]]:
    """How all limits stand, those of each of many for the ones who spent most; and what there is to say besides."""
    infos = yield from listed(book)
    found: dict[tuple[str, str, str], BudgetStatus] = {}
    notes = []
    for info in infos:
        scopes, left = yield from _scopes(book, info)
        for scope in scopes:
            attributes = {kind: (Spelled(value),) for kind, value in scope.parts}
            looked = yield from check(book, attributes, _NOTHING)
            for one in looked.limits:
                found.setdefault((one.scope, one.measure, one.window), one)
        if left or not scopes:
            notes.append(
                f"{info.scope}: {left or 'nobody'} more"
                if left
                else f"{info.scope}: nobody has spent yet"
            )
    return list(found.values()), notes


def _scopes(book: Book, info: BudgetInfo) -> Flow[tuple[list[Scope], int]]:
    """The single scopes that a limit stands for, of those who spent; and how many are left out."""
    scope = scope_of(info.scope)
    if scope.single:
        return [scope], 0
    if len(scope.parts) > 1 or scope.parts[0][1] != EACH:
        return [], 0
    report = yield from used(book, scope.parts[0][0], ("scope",), None, None)
    lines = sorted(report.lines, key=lambda line: -line.usd)
    return [scope_of(line.scope) for line in lines[:_MOST]], max(0, len(lines) - _MOST)
