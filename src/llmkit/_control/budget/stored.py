"""Rules that are stored, and hold at once in every process: set, taken back, raised for a time, listed.

One row for each scope, and one that lists the sets of kinds in use. Both are written over the version that was read, so
that two who write at once both have their say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ..._flow import Flow
from ..._operations import ReadRules, Rule, WriteRule, Written
from ...errors import ConfigurationError, StoreError
from .book import TRIES, Book
from .checking import fresh_plan
from .planning import NOTE, PATTERNS, kinds_of, planned
from .rules import Budget, RateLimit, Terms, read_terms, written_terms
from .scopes import Scope, scope_of, spelled
from .spending import values_of

__all__ = ["BudgetInfo", "increased", "listed", "set_rule", "set_rules", "taken_back"]

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


def set_rules(book: Book, scope: Scope, given: Iterable[Budget | RateLimit]) -> Flow[None]:
    """Store these limits of a scope and no others, in one write. The increases of those that stay go on.

    Raises:
        ConfigurationError: one is of another scope, or two are of one measure and window.
    """
    new = tuple(terms for one in _all_of(scope, given) for terms in one.terms)
    if len({terms.key for terms in new}) != len(new):
        raise ConfigurationError(f"{scope.text} has one limit of each measure and window, not two")

    def change(old: tuple[Terms, ...]) -> tuple[Terms, ...]:
        raised = {terms.key: (terms.extra, terms.extra_until) for terms in old}
        return tuple(_raised(terms, *raised.get(terms.key, (_ZERO, 0))) for terms in new)

    if new:
        yield from _known(book, scope.kinds)
    yield from _changed(book, scope, change)


def _all_of(scope: Scope, given: Iterable[Budget | RateLimit]) -> Iterator[Budget | RateLimit]:
    for one in given:
        if one.scope != scope:
            raise ConfigurationError(f"a limit of {one.scope!r} is none of {scope.text}")
        yield one


def _raised(terms: Terms, extra: Decimal, until: int) -> Terms:
    return terms._replace(extra=extra, extra_until=until)


def taken_back(book: Book, scope: Scope, *, window: str | None, measure: str | None) -> Flow[int]:
    """Take stored limits of a scope back; how many there were. What is declared in code holds again."""
    counted = 0

    def new(body: str | None) -> str | None:
        nonlocal counted
        if body is None:
            return None
        if window is None and measure is None:
            counted = _how_many(body)
            return "[]"
        old = read_terms(body)
        kept = [terms for terms in old if not _meant(terms, window, measure)]
        counted = len(old) - len(kept)
        return written_terms(kept) if counted else None

    yield from _written(book, scope.text, new)
    return counted


def _how_many(body: str) -> int:
    try:
        return len(read_terms(body))
    except StoreError:
        return 1  # a rule that nobody can read can be taken back all the same


def _meant(terms: Terms, window: str | None, measure: str | None) -> bool:
    return window in {None, terms.period.name} and measure in {None, terms.measure}


def increased(
    book: Book, scope: Scope, amount: Decimal, until: int, *, window: str | None, measure: str
) -> Flow[None]:
    """Raise a limit of a scope until a time. Where that is declared, or each of many's, only the increase is stored.

    Raises:
        ConfigurationError: there is no such limit, or more than one.
    """
    standing = yield from _standing(book, scope)
    found = [terms for terms in standing if _meant(terms, window, measure)]
    found = [terms for terms in found if terms.limit is not None]
    if len(found) != 1:
        windows = ", ".join(repr(t.period.name) for t in found) or "none"
        raise ConfigurationError(
            f"which limit of {scope.text} ({measure}) is raised? It has {windows}: give window="
        )
    key = found[0].key
    only = Terms(measure, found[0].period, None, only_extra=True)

    def change(old: tuple[Terms, ...]) -> tuple[Terms, ...]:
        own = next((terms for terms in old if terms.key == key), only)
        return (*(t for t in old if t.key != key), _raised(own, amount, until))

    yield from _known(book, scope.kinds)
    yield from _changed(book, scope, change)


def _standing(book: Book, scope: Scope) -> Flow[tuple[Terms, ...]]:
    """The terms that hold for a scope, wherever they are said."""
    if scope.single:
        plan = yield from fresh_plan(book, values_of(scope))
        return tuple(line.terms for line in plan.lines if line.scope == scope.text)
    stored = read_terms((yield from _read(book, scope.text)).body)
    said = {terms.key for terms in stored if not terms.only_extra}
    declared = (
        terms for one, terms in book.rules.declared if one == scope and terms.key not in said
    )
    return (*(terms for terms in stored if not terms.only_extra), *declared)


def listed(book: Book) -> Flow[list[BudgetInfo]]:
    """All limits, declared and stored, by scope. A declared one that is overruled by a stored one is not there."""
    rules: tuple[Rule, ...] = yield from book.perform(ReadRules())
    book.rules.learn(rules)
    found = {(scope.text, *terms.key): (terms, False) for scope, terms in book.rules.declared}
    for rule in rules:
        for terms in _listed(book, rule):
            found[(rule.scope, *terms.key)] = terms, True
    return [_info(key[0], terms, stored=stored) for key, (terms, stored) in sorted(found.items())]


def _listed(book: Book, rule: Rule) -> Iterator[Terms]:
    if rule.scope == PATTERNS or rule.scope.startswith(NOTE):
        return
    scope = scope_of(rule.scope)
    for terms in read_terms(rule.body):
        under = _under(book, scope, terms) if terms.only_extra else terms
        if under is not None:
            yield _raised(under, terms.extra, terms.extra_until)


def _under(book: Book, scope: Scope, terms: Terms) -> Terms | None:
    """The limit that an increase is of; ``None`` where it is gone."""
    if scope.single:
        lines = planned(book.rules, spelled(values_of(scope))).lines
        said = (line.terms for line in lines if line.scope == scope.text)
    else:
        said = (one for declared, one in book.rules.declared if declared == scope)
    return next((one for one in said if one.key == terms.key), None)


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
    found: tuple[Rule, ...] = yield from book.perform(ReadRules((scope,)))
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
        written: Written = yield from book.perform(operation)
        book.rules.learn((written.rule,))
        if written.done:
            return
    raise StoreError(f"the rule of {scope} changes faster than it can be written")
