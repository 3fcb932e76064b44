"""What was spent elsewhere, and spend that is taken back: recorded once, whatever the limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ..._flow import Flow
from ..._operations import Charge, Post, Posted, Reset, Untimely, Window
from ...errors import ConfigurationError, StoreError
from .book import TRIES, Book
from .checking import fresh_plan
from .planning import Line, Plan
from .scopes import Scope, Spelled
from .telling import crossed, overrun
from .windows import Period

__all__ = ["Spend", "cleared", "spent", "values_of"]

_ONE: Final = Decimal(1)


class Spend(NamedTuple):
    """What was spent elsewhere. ``entry``: its id; the same id again changes nothing. ``at``: Unix time in ms."""

    entry: str
    usd: Decimal
    prompt_tokens: int = 0
    completion_tokens: int = 0
    at: int | None = None
    flag: str = ""
    calls: int = 1


def spent(book: Book, attributes: Mapping[str, tuple[Any, ...]], what: Spend) -> Flow[Posted]:
    """Record it in every scope of its attributes."""
    plan = yield from fresh_plan(book, attributes)
    lines = [line for line in plan.lines if line.terms.measure != "parallel"]
    for _ in range(TRIES):
        operation = _post(book, plan, lines, what)
        answer = yield from book.perform(operation)
        book.heard(answer.now)
        if isinstance(answer, Posted):
            yield from _tell(book, lines, answer, what)
            return answer
    raise StoreError("the store's clock leaps faster than it can be followed")


def _post(book: Book, plan: Plan, lines: Iterable[Line], what: Spend) -> Post:
    amounts = {
        "usd": what.usd,
        "tokens": Decimal(what.prompt_tokens + what.completion_tokens),
        "requests": Decimal(what.calls),
    }
    charges = tuple(
        Charge(line.account, _window(book, line.terms.period, what.at), amounts[line.terms.measure])
        for line in lines
    )
    tokens = what.prompt_tokens, what.completion_tokens
    return Post(what.entry, charges, what.usd, plan.whose, *tokens, what.calls, what.at, what.flag)


def _window(book: Book, period: Period, at: int | None) -> Window:
    return book.window(period) if at is None else period.around(at)


def _tell(book: Book, lines: list[Line], answer: Posted, what: Spend) -> Flow[None]:
    if not answer.lines or what.at is not None:
        return  # what is spent in the past may count no more: nobody can say what it crossed
    pairs = list(zip(lines, answer.lines, strict=True))
    for event in crossed(pairs, answer.now, ""):
        yield from book.told(event)
    if (over := overrun(pairs, answer.now, "", None, what.usd)) is not None:
        yield from book.told(over)


def values_of(scope: Scope) -> dict[str, tuple[str, ...]]:
    """A single scope as the attributes of a call that belongs to it.

    Raises:
        ConfigurationError: it stands for many.
    """
    if not scope.single:
        raise ConfigurationError(
            f"{scope.text} stands for many scopes: name one, such as {{'user': 'ann'}}"
        )
    return {kind: (Spelled(value),) for kind, value in scope.parts}


def cleared(
    book: Book, scope: Scope, entry: str, *, window: str | None, measure: str | None
) -> Flow[Posted | None]:
    """Set what one scope spent in the windows that count now to nothing; ``None`` where it has no limit."""
    plan = yield from fresh_plan(book, values_of(scope))
    lines = [
        line
        for line in plan.lines
        if line.scope == scope.text
        and line.terms.measure != "parallel"
        and window in {None, line.terms.period.name}
        and measure in {None, line.terms.measure}
    ]
    if not lines:
        return None
    for _ in range(TRIES):
        accounts = tuple((line.account, book.window(line.terms.period)) for line in lines)
        answer: Posted | Untimely = yield from book.perform(Reset(entry, accounts))
        book.heard(answer.now)
        if isinstance(answer, Posted):
            return answer
    raise StoreError("the store's clock leaps faster than it can be followed")
