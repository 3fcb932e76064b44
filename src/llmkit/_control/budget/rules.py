"""What is limited: ``Budget`` and ``RateLimit`` as people declare them, ``Terms`` as they are counted and written.

They are checked where they are made. Nothing here counts.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from ...errors import ConfigurationError, StoreError
from .scopes import scope_of
from .windows import TOTAL, Period, period_of

__all__ = ["MEASURES", "Budget", "RateLimit", "Terms", "amount_of", "read_terms", "written_terms"]

MEASURES: Final = ("usd", "requests", "tokens", "parallel")
_ZERO: Final = Decimal(0)
_TOLD: Final = (Decimal("0.8"), Decimal(1))
_MODEL: Final = re.compile(r"[^/\s]+/\S+")
_AMOUNT: Final = (Decimal, int, float, str)


class Terms(NamedTuple):
    """One limit of one scope. ``limit`` ``None`` never refuses; ``extra`` holds until ``extra_until`` (ms)."""

    measure: str
    period: Period
    limit: Decimal | None
    soft: Decimal | None = None
    told: tuple[Decimal, ...] = ()
    """At which shares of the limit it is told, ascending."""
    fallbacks: tuple[tuple[Decimal, str], ...] = ()
    """(share of the limit, the model that answers from there on), ascending."""
    rollover: Decimal | None = None
    extra: Decimal = _ZERO
    extra_until: int = 0
    only_extra: bool = False
    """Whether only ``extra`` is said here, of a limit that is said elsewhere."""

    @property
    def key(self) -> tuple[str, str]:
        """One scope has one limit of each measure and window."""
        return self.measure, self.period.name


def amount_of(given: Any, what: str) -> Decimal:
    """An amount as a ``Decimal``; a float is what it is written as: 0.1 is 0.1.

    Raises:
        ConfigurationError: it is negative, not finite, or no number.
    """
    try:
        if isinstance(given, bool) or not isinstance(given, _AMOUNT):
            raise TypeError
        amount = Decimal(repr(given) if isinstance(given, float) else given)
    except (TypeError, InvalidOperation):
        raise ConfigurationError(
            f"{what} is an amount such as 12.50 or Decimal('12.50'), not {given!r}"
        ) from None
    if not amount.is_finite() or amount < 0:
        raise ConfigurationError(f"{what} is 0 or more, and finite, not {given!r}")
    text = str(amount)
    # -0 and 1E+2 would be written as they are.
    return Decimal(f"{abs(amount):f}") if "E" in text or text[0] == "-" else amount


def _count_of(given: Any, what: str) -> Decimal:
    amount = amount_of(given, what)
    if amount != amount.to_integral_value():
        raise ConfigurationError(f"{what} is a whole number, not {given!r}")
    return amount.to_integral_value()


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit in USD for a scope and a window.

    ``limit``: spent and held may not exceed it; ``None`` never refuses. A float is taken as it is written.
    ``window``: ``"30s"`` … ``"30d"``, ``"4w"`` roll, in 60 parts; ``"day"``, ``"week"``, ``"month"``, ``"quarter"``
    and ``"year"`` are the calendar's in ``zone``, weeks begin on Monday; ``None`` is for ever.
    ``scope``: ``"global"``; ``"user"`` for each user by itself; ``{"user": "ann"}``; ``{"key": "*", "model":
    "openai/gpt-4o"}``. Kinds: customer, deployment, key, model, organisation, provider, session, tag, team, user.
    ``soft``: an amount that is told when it is reached, and never refuses.
    ``thresholds``: shares of the limit (or of ``soft`` where there is none) that are told when they are reached.
    ``fallbacks``: from which share of the limit on which cheaper model answers: ``{0.8: "openai/gpt-4o-mini"}``.
    ``rollover``: what was left of the period before is added: all of it, or so much at most. Calendar only.

    Raises:
        ConfigurationError: an argument is none of these; the message says what it can be.
    """

    limit: Any
    window: str | None = "month"
    scope: Any = "global"
    _: KW_ONLY
    soft: Any = None
    thresholds: Iterable[Any] = _TOLD
    fallbacks: Mapping[Any, str] | Iterable[tuple[Any, str]] = ()
    rollover: Any = False
    zone: str = "UTC"
    _terms: Terms = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        period = period_of(self.window, self.zone)
        limit = None if self.limit is None else amount_of(self.limit, "limit")
        soft = None if self.soft is None else amount_of(self.soft, "soft")
        terms = Terms(
            "usd",
            period,
            limit,
            soft,
            _shares(self.thresholds, "thresholds"),
            _fallbacks(self.fallbacks, limit),
            _rollover(self.rollover, limit, period),
        )
        _set(self, limit=limit, soft=soft, thresholds=terms.told, scope=scope_of(self.scope))
        _set(self, fallbacks=terms.fallbacks, _terms=terms)

    @property
    def terms(self) -> tuple[Terms, ...]:
        """What is counted."""
        return (self._terms,)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests and tokens a scope may use in a rolling window, and how many calls at once.

    ``requests``, ``tokens``: whole numbers in a window of ``per``: no burst of twice as many at its edge. A call
    holds as many tokens as it can use at most, and keeps what it used. ``parallel``: calls on their way.
    ``per``: a window as a ``Budget`` has. ``scope``: as a ``Budget`` has. ``thresholds``: shares that are told.

    Raises:
        ConfigurationError: an argument is none of these, or nothing is limited.
    """

    requests: Any = None
    tokens: Any = None
    parallel: Any = None
    per: str | None = "1m"
    scope: Any = "global"
    _: KW_ONLY
    thresholds: Iterable[Any] = ()
    zone: str = "UTC"
    _terms: tuple[Terms, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        period, told = period_of(self.per, self.zone), _shares(self.thresholds, "thresholds")
        terms = []
        for measure in ("requests", "tokens", "parallel"):
            if (given := getattr(self, measure)) is None:
                continue
            limit = _count_of(given, measure)
            _set(self, **{measure: limit})
            held = measure == "parallel"
            terms.append(
                Terms(measure, TOTAL if held else period, limit, None, () if held else told)
            )
        if not terms:
            raise ConfigurationError("a rate limit limits requests=, tokens= or parallel=")
        _set(self, thresholds=told, scope=scope_of(self.scope), _terms=tuple(terms))

    @property
    def terms(self) -> tuple[Terms, ...]:
        """What is counted."""
        return self._terms


def _set(one: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(one, name, value)


def _share(given: Any, what: str) -> Decimal:
    try:
        share = amount_of(given, what)
    except ConfigurationError:
        share = _ZERO
    if not _ZERO < share <= 1:
        raise ConfigurationError(
            f"{what} are shares of the limit, above 0 and up to 1, not {given!r}"
        )
    return share


def _shares(given: Any, what: str) -> tuple[Decimal, ...]:
    listed = (given,) if isinstance(given, str | int | float | Decimal) else tuple(given or ())
    return tuple(sorted({_share(share, what) for share in listed}))


def _fallbacks(given: Any, limit: Decimal | None) -> tuple[tuple[Decimal, str], ...]:
    if not given:
        return ()
    try:
        pairs = dict(given)
    except (TypeError, ValueError):
        pairs = {}
    if not pairs or limit is None:
        raise ConfigurationError("fallbacks are shares of a limit: {0.8: 'provider/model'}")
    for model in pairs.values():
        if not isinstance(model, str) or not _MODEL.fullmatch(model):
            raise ConfigurationError(f"a fallback is written provider/model, not {model!r}")
    return tuple(sorted((_share(share, "fallbacks"), model) for share, model in pairs.items()))


def _rollover(given: Any, limit: Decimal | None, period: Period) -> Decimal | None:
    if given is None or given is False:
        return None
    if limit is None or not period.unit:
        raise ConfigurationError(
            "only a limit of a calendar's period (day, week, month …) can roll over"
        )
    return limit if given is True else amount_of(given, "rollover")


def written_terms(terms: Iterable[Terms]) -> str:
    """Terms as the text of a stored rule."""
    return json.dumps([_written(one) for one in terms], separators=(",", ":"))


def _written(terms: Terms) -> dict[str, Any]:
    found: dict[str, Any] = {
        "measure": terms.measure,
        "window": terms.period.unit or terms.period.name,
    }
    if terms.period.zone != "UTC":
        found["zone"] = terms.period.zone
    found |= {name: str(value) for name in _AMOUNTS if (value := getattr(terms, name)) is not None}
    if terms.told:
        found["told"] = [str(share) for share in terms.told]
    if terms.fallbacks:
        found["fallbacks"] = [[str(share), model] for share, model in terms.fallbacks]
    if terms.extra_until:
        found |= {"extra": str(terms.extra), "extra_until": terms.extra_until}
    if terms.only_extra:
        found["only_extra"] = True
    return found


_AMOUNTS: Final = ("limit", "soft", "rollover")


def read_terms(body: str | None) -> tuple[Terms, ...]:
    """Terms from the text of a stored rule; none where it was taken back.

    Raises:
        StoreError: it is none. What nobody can read refuses: it may be a limit.
    """
    if body is None:
        return ()
    try:
        return tuple(_read(one) for one in json.loads(body))
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise StoreError(f"a stored rule cannot be read: {error!r}") from error


def _read(found: Mapping[str, Any]) -> Terms:
    amounts = {name: Decimal(found[name]) for name in _AMOUNTS if name in found}
    return Terms(
        MEASURES[MEASURES.index(found["measure"])],
        period_of(found["window"], found.get("zone", "UTC")),
        amounts.get("limit"),
        amounts.get("soft"),
        tuple(Decimal(share) for share in found.get("told", ())),
        tuple((Decimal(share), model) for share, model in found.get("fallbacks", ())),
        amounts.get("rollover"),
        Decimal(found.get("extra", 0)),
        found.get("extra_until", 0),
        found.get("only_extra", False),
    )


def measure_of(given: str) -> str:
    """A measure's name; ``ConfigurationError`` with near misses where there is none."""
    if given in MEASURES:
        return given
    near = difflib.get_close_matches(str(given), MEASURES, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(
        f"nothing is measured in {given!r}: there are {', '.join(MEASURES)}{hint}"
    )
