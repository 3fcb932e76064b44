"""Rules that are stored, and hold at once in every process: set, taken back, raised for a time, listed.

One row for each scope, and one that lists the sets of kinds in use. Both are written over the version that was read, so
that two who write at once both have their say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ..._flow import Flow, store
from ..._operations import ReadRules, Rule, WriteRule, Written
from ...errors import ConfigurationError, StoreError
from .book import TRIES, Book
from .checking import fresh_plan
from .planning import PATTERNS, kinds_of
from .rules import Budget, RateLimit, Terms, read_terms, written_terms
from .scopes import Scope
from .spending import values_of

__all__ = ["BudgetInfo", "increased", "listed", "set_rule", "taken_back"]

_ZERO: Final = Decimal(0)
Change = Callable[[tuple[Terms, ...]], tuple[Terms, ...]]


class BudgetInfo(NamedTuple):
    """One limit as it is declared or stored. ``extra`` is added to it until ``extra_until`` (Unix time, seconds)."""

    scope: str
    measure: str
    window: str
    limit: Decimal | None
    soft: Decimal | None
    thresholds: tuple[Decimal, ...]
    fallbacks: tuple[tuple[Decimal, str], ...]
    rollover: Decimal | None
    extra: Decimal
    extra_until: float | None
    stored: bool


def set_rule(book: Book, given: Budget | RateLimit) -> Flow[None]:
    """Store a limit; it holds at once, in every process. A temporary increase goes on."""
    scope, new = given.scope, given.terms
    keys = {terms.key for terms in new}

    def change(old: tuple[Terms, ...]) -> tuple[Terms, ...]:
        raised = {terms.key: (terms.extra, terms.extra_until) for terms in old}
        kept = tuple(terms for terms in old if terms.key not in keys)
        return kept + tuple(_raised(terms, *raised.get(terms.key, (_ZERO, 0))) for terms in new)

    yield from _known(book, scope.kinds)
    yield from _changed(book, scope, change)


def _raised(terms: Terms, extra: Decimal, until: int) -> Terms:
    return terms._replace(extra=extra, extra_until=until)


def taken_back(book: Book, scope: Scope, *, window: str | None, measure: str | None) -> Flow[int]:
    """Take stored limits of a scope back; how many there were. What is declared in code holds again."""
    counted = 0

    def change(old: tuple[Terms, ...]) -> tuple[Terms, ...]:
        nonlocal counted
        kept = tuple(
            terms
            for terms in old
            if window not in {None, terms.period.name} or measure not in {None, terms.measure}
        )
        counted = len(old) - len(kept)
        return kept

    yield from _changed(book, scope, change)
    return counted


def increased(
    book: Book, scope: Scope, amount: Decimal, until: int, *, window: str | None, measure: str
) -> Flow[None]:
    """Raise a limit of a scope until a time. Where it is one of many, it becomes this one's own.

    Raises:
        ConfigurationError: there is no such limit, or more than one.
    """
    standing = yield from _standing(book, scope)
    found = [t for t in standing if t.measure == measure and window in {None, t.period.name}]
    found = [terms for terms in found if terms.limit is not None]
    if len(found) != 1:
        windows = ", ".join(repr(t.period.name) for t in found) or "none"
        raise ConfigurationError(
            f"which limit of {scope.text} ({measure}) is raised? It has {windows}: give window="
        )
    terms = _raised(found[0], amount, until)
    yield from _known(book, scope.kinds)
    yield from _changed(book, scope, lambda old: (*(t for t in old if t.key != terms.key), terms))


def _standing(book: Book, scope: Scope) -> Flow[tuple[Terms, ...]]:
    """The terms that hold for a scope, wherever they are said."""
    if scope.single:
        plan = yield from fresh_plan(book, values_of(scope))
        return tuple(line.terms for line in plan.lines if line.scope == scope.text)
    stored = read_terms((yield from _read(book, scope.text)).body)
    keys = {terms.key for terms in stored}
    declared = (
        terms for one, terms in book.rules.declared if one == scope and terms.key not in keys
    )
    return (*stored, *declared)


def listed(book: Book) -> Flow[list[BudgetInfo]]:
    """All limits, declared and stored, by scope. A declared one that is overruled by a stored one is not there."""
    rules = yield from store(ReadRules(), book.store)
    stored = [info for rule in rules for info in _infos(rule)]
    overruled = {info[:3] for info in stored}
    declared = (_info(scope.text, terms, stored=False) for scope, terms in book.rules.declared)
    return sorted(
        (*stored, *(info for info in declared if info[:3] not in overruled)),
        key=lambda info: info[:3],
    )


def _infos(rule: Rule) -> Iterator[BudgetInfo]:
    if rule.scope != PATTERNS:
        for terms in read_terms(rule.body):
            yield _info(rule.scope, terms, stored=True)


def _info(scope: str, terms: Terms, *, stored: bool) -> BudgetInfo:
    until = terms.extra_until / 1000 if terms.extra_until else None
    return BudgetInfo(
        scope,
        terms.measure,
        terms.period.name,
        terms.limit,
        terms.soft,
        terms.told,
        terms.fallbacks,
        terms.rollover,
        terms.extra,
        until,
        stored,
    )


def _read(book: Book, scope: str) -> Flow[Rule]:
    found: tuple[Rule, ...] = yield from store(ReadRules((scope,)), book.store)
    book.rules.learn(found)
    return next((rule for rule in found if rule.scope == scope), Rule(scope, 0, None))


def _known(book: Book, kinds: str) -> Flow[None]:
    """Let every process look for rules of these kinds. Before the rule itself: it must not be there unseen."""

    def change(body: str | None) -> str | None:
        listed = kinds_of(Rule(PATTERNS, 0, body))
        return None if kinds in listed else json.dumps(sorted({*listed, kinds}))

    yield from _written(book, PATTERNS, change)


def _changed(book: Book, scope: Scope, change: Change) -> Flow[None]:
    def new(body: str | None) -> str | None:
        old = read_terms(body)
        terms = change(old)
        return None if terms == old else written_terms(terms)

    yield from _written(book, scope.text, new)


def _written(book: Book, scope: str, change: Callable[[str | None], str | None]) -> Flow[None]:
    """Write what a rule becomes; ``None`` leaves it."""
    for _ in range(TRIES):
        rule = yield from _read(book, scope)
        body = change(rule.body)
        if body is None:
            return
        operation: Any = WriteRule(scope, None if body == "[]" else body, rule.version)
        written: Written = yield from store(operation, book.store)
        book.rules.learn((written.rule,))
        if written.done:
            return
    raise StoreError(f"the rule of {scope} changes faster than it can be written")
