"""Which accounts a call belongs to: rules and a call's values, put together once for each set of values.

What is named more nearly wins over what is said of each; what is stored wins over what is declared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import unquote

from ..._cost import MATH
from ..._operations import Attribution, Rule
from ...errors import InvalidRequestError
from .rules import Terms, read_terms
from .scopes import EACH, Scope, Values, candidates, scope_of

__all__ = ["NOTE", "PATTERNS", "Cache", "Line", "Plan", "Rules", "planned"]

PATTERNS: Final = "*"
"""The stored rule that lists the sets of kinds that have rules."""
NOTE: Final = "#"
"""What the scope of a row begins with that is no rule, but is kept beside them by somebody else."""
_MOST: Final = 256
_MOST_RULES: Final = 4096
_UNLIMITED: Final = Decimal("Infinity")
# Columns of usage by themselves; a session is used once.
_NO_USAGE: Final = frozenset({"model", "provider", "deployment", "session"})

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """The values last asked for: at most ``2 * size``. Threads may use it at once; one may then lose an entry."""

    __slots__ = ("_new", "_old", "_size")

    def __init__(self, size: int) -> None:
        self._new: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._size = size

    def get(self, key: K) -> V | None:
        """The value; ``None`` where it is not known any more."""
        found = self._new.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        if len(self._new) >= self._size:
            self._old, self._new = self._new, {}
        self._new[key] = value


class Line(NamedTuple):
    """One account of a call, and its terms. Below ``quiet`` (spent and held), there is nothing to tell of it."""

    account: str
    scope: str
    terms: Terms
    quiet: Decimal = _UNLIMITED


class Plan(NamedTuple):
    """What counts for a call: ``seen`` are the versions of stored rules that it was made by."""

    lines: tuple[Line, ...]
    seen: tuple[tuple[str, int], ...]
    whose: Attribution
    measures: frozenset[str]
    hard: frozenset[str]
    """Measures of which some line can refuse."""
    diverts: bool
    values: Values


class Rules:
    """Declared rules, and the stored ones that are known of: by scope, in the version last seen."""

    def __init__(self, declared: Iterable[tuple[Scope, Terms]]) -> None:
        self.declared = tuple(declared)
        self.patterns = Rule(PATTERNS, 0, None)
        self.generation = 0
        self._known: Cache[str, Rule] = Cache(10_000)

    def learn(self, rules: Iterable[Rule]) -> None:
        """Take over what a store says of rules."""
        for rule in rules:
            if rule.scope == PATTERNS:
                self.patterns = rule
            else:
                self._known.put(rule.scope, rule)
        self.generation += 1

    def version(self, scope: str) -> int:
        """The version last seen; 0 where none was."""
        if scope == PATTERNS:
            return self.patterns.version
        return rule.version if (rule := self._known.get(scope)) is not None else 0

    def stored(self, values: Values) -> Iterator[Rule]:
        """The rules that a call of these values belongs to, with those that may be there and are not."""
        yield self.patterns
        for kinds in kinds_of(self.patterns):
            for text in candidates(kinds, values):
                yield self._known.get(text) or Rule(text, 0, None)

    def current(self, plan: Plan) -> bool:
        """Whether a plan was made by what is known now."""
        return all(self.version(scope) == version for scope, version in plan.seen)


def kinds_of(patterns: Rule) -> tuple[str, ...]:
    """The sets of kinds that have rules."""
    return () if patterns.body is None else tuple(json.loads(patterns.body))


def _quiet(terms: Terms) -> Decimal:
    """The least amount at which a threshold can be crossed: an increase only makes it more."""
    whole = terms.soft if terms.limit is None else terms.limit
    if whole is None:
        return _UNLIMITED
    marks = [whole, *(MATH.multiply(share, whole) for share in terms.told)]
    least: Decimal = min(marks if terms.soft is None else [*marks, terms.soft])
    return least


_Rank = tuple[int, int, Decimal]


def _raised(line: Line, by: tuple[_Rank, Line] | None) -> Line:
    if by is None:
        return line
    extra, until = by[1].terms.extra, by[1].terms.extra_until
    return line._replace(terms=line.terms._replace(extra=extra, extra_until=until))


def planned(rules: Rules, values: Values) -> Plan:
    """Put together what counts for a call.

    Raises:
        InvalidRequestError: a call cannot belong to so many scopes.
    """
    stored = list(islice(rules.stored(values), _MOST_RULES + 1))
    best: dict[str, tuple[_Rank, Line]] = {}
    raised: dict[str, tuple[_Rank, Line]] = {}
    _few(len(stored), _MOST_RULES)
    for rank, line in _ranked(rules, stored, values):
        among = raised if line.terms.only_extra else best
        if line.account not in among or rank < among[line.account][0]:
            among[line.account] = rank, line
            _few(len(best), _MOST)
    lines = tuple(_raised(line, raised.get(line.account)) for _, line in best.values())
    return Plan(
        lines,
        tuple((rule.scope, rule.version) for rule in stored),
        _whose(lines, values),
        frozenset(line.terms.measure for line in lines),
        frozenset(line.terms.measure for line in lines if line.terms.limit is not None),
        any(line.terms.fallbacks for line in lines),
        values,
    )


def _few(number: int, most: int) -> None:
    if number > most:
        raise InvalidRequestError(
            f"a call belongs to {_MOST} budgets at most: it has too many tags"
        )


def _ranked(rules: Rules, stored: Iterable[Rule], values: Values) -> Iterator[tuple[_Rank, Line]]:
    """Each line that some rule makes, and how near that rule is: the smallest rank holds."""
    for scope, terms, is_stored in _said(rules, stored):
        rank = (-scope.literals, -is_stored, _UNLIMITED if terms.limit is None else terms.limit)
        quiet = _quiet(terms)
        for text in scope.within(values):
            yield rank, Line(f"{terms.measure}:{terms.period.name}:{text}", text, terms, quiet)


def _said(rules: Rules, stored: Iterable[Rule]) -> Iterator[tuple[Scope, Terms, bool]]:
    for scope, terms in rules.declared:
        yield scope, terms, False
    for rule in stored:
        if rule.scope != PATTERNS:
            for terms in read_terms(rule.body):
                yield scope_of(rule.scope), terms, True


def _whose(lines: Iterable[Line], values: Values) -> Attribution:
    own = (
        f"{kind}={value}"
        for kind, among in values.items()
        if kind not in _NO_USAGE
        for value in among
    )
    scopes = dict.fromkeys(("global", *own, *(line.scope for line in lines)))
    return Attribution(tuple(scopes), *attributed(values))


def attributed(values: Mapping[str, Any]) -> tuple[str, str]:
    """Provider and model, as usage has them: plain."""
    provider, model = (unquote(values.get(kind, ("",))[0]) for kind in ("provider", "model"))
    return provider or model.rpartition("/")[0].partition("/")[0], model


assert PATTERNS == EACH  # noqa: S101 - no scope has this text, since a scope's has "=" or is "global"
