"""``Facts``: what one event is written from, whenever it is: now, or once it has a price and a subscription.

They are kept beside each bill as JSON. Only numbers, ids and what was allowed get in: no prompt, no answer, no key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple
from unicodedata import category

from ..._json import dump_text, load
from ..._secret import redact
from .charge import Charge
from .currency import Currency, plain
from .metric import Metric, Mode

__all__ = [
    "CALL", "Facts", "counts", "currency_in", "metric_in", "properties", "said", "term", "told_of_currency",
    "told_of_metric", "usable", "whose",
]  # fmt: skip

CALL: Final = "call_id"
_LONGEST: Final = 256
_LONGEST_ID: Final = 1024
_TERM: Final = 80
_DEEPEST: Final = 4
_MOST: Final = 64
# Whose it was, for who attributes it later. What a key hashes to is nobody's business.
_WHOSE: Final = ("customer", "user", "team", "organisation", "session")
# What is text in a usage, and matters to its price.
_TEXTS: Final = frozenset({"service_tier", "model"})
_MEASURE: Final = ("dimension", "quantity", "unit")


class Facts(NamedTuple):
    """Amounts are plain decimal text, ``None`` where they are not known.

    ``metric``: ``code``, ``field``, ``measure`` (empty for a function), ``mode``. ``currency``: ``name``, ``rate``,
    ``rounding``. ``units``: what was counted, where the measure is no money. ``carries``: whether the charge's cost
    is this bill's; of several bills of a charge, one's. ``waits``: ``held`` or ``listed``, by the policy that held when
    it was made.
    """

    call: str
    charge: str
    at: int
    outcome: str
    provider: str
    model: str
    kind: str
    usd: str | None
    status: str
    reason: str
    estimated: bool
    usage: Mapping[str, Any]
    whose: Mapping[str, str]
    properties: Mapping[str, str]
    metric: Mapping[str, str]
    currency: Mapping[str, str]
    units: str | None = None
    carries: bool = True
    waits: str = ""

    def text(self) -> str:
        """As JSON."""
        return dump_text(self._asdict())

    @classmethod
    def read(cls, text: str) -> Facts:
        """What ``text`` made. Raises ValueError, TypeError for anything else."""
        return cls(**load(text))

    def charged(self) -> Charge:
        """The charge that it is of, as far as it is kept."""
        return Charge(
            self.charge,
            self.at,
            self.outcome,
            self.provider,
            self.model,
            self.kind,
            None if self.usd is None else Decimal(self.usd),
            self.status,
            self.reason,
            self.estimated,
            self.usage,
        )


def told_of_metric(metric: Metric, mode: Mode) -> dict[str, str]:
    """A metric as facts have it; a function has no name."""
    measure = metric.measure if isinstance(metric.measure, str) else ""
    return {"code": metric.code, "field": metric.field, "measure": measure, "mode": mode}


def metric_in(told: Mapping[str, str]) -> Metric:
    """The metric that facts tell of."""
    mode: Any = told["mode"]
    return Metric(told["code"], told["field"], told["measure"], mode)


@lru_cache(16)
def told_of_currency(currency: Currency) -> Mapping[str, str]:
    """A currency as facts have it."""
    rate, rounding = plain(currency.rate), currency.rounding or ""
    return {"name": currency.name, "rate": rate, "rounding": rounding}


def currency_in(told: Mapping[str, str]) -> Currency:
    """The currency that facts tell of, at the rate that held."""
    return _currency(told["name"], told["rate"], told["rounding"])


@lru_cache(16)
def _currency(name: str, rate: str, rounding: Any) -> Currency:
    return Currency(name, Decimal(rate), rounding or None)


def said(value: object, longest: int = _LONGEST) -> str:
    """A value as an event can have it: text without control characters and secrets, not too long; else ``""``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return plain(value) if value.is_finite() and abs(value.adjusted()) < _MOST else ""
    if isinstance(value, int | float):
        number = Decimal(repr(float(value)) if isinstance(value, float) else value)
        return said(number)
    if not isinstance(value, str):
        return ""
    # A long text is not searched to its end.
    return redact(_clean(value[: 4 * longest]))[:longest]


def term(value: object) -> str:
    """``said`` of what is of the same few words each time: names of models, and of what is counted."""
    return _term(value) if type(value) is str and len(value) <= _TERM else said(value)


@lru_cache(1024)
def _term(text: str) -> str:
    return said(text)


def usable(value: object) -> str:
    """An id that a subscription can have, as it is; ``""`` where it is none."""
    if not isinstance(value, str) or len(value) > _LONGEST_ID:
        return ""
    return value if value.strip() and _clean(value) == value else ""


def _clean(text: str) -> str:
    """Without what no JSON, or no database, can hold: halves of characters, and control characters."""
    if text.isprintable():
        return text
    return "".join(" " if category(sign) in {"Cc", "Cs"} else sign for sign in text)


def properties(metadata: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, str]:
    """What of a call's metadata its events may have."""
    found = {name: said(metadata[name]) for name in allowed if name in metadata}
    return {name: text for name, text in found.items() if text}


def whose(attributes: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Whose a call was, for who attributes it later."""
    told = {kind: said(attributes[kind][0]) for kind in _WHOSE if attributes.get(kind)}
    return {kind: text for kind, text in told.items() if text}


def counts(usage: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The numbers of a usage, and the words that its price depends on; nothing else that a provider may put there."""
    found: dict[str, Any] = {}
    for name, value in list(usage.items())[:_MOST]:
        plainly = type(value) is int and name not in _TEXTS
        kept = _number(value) if plainly else _kept(name, value, depth)
        if kept is not None:
            found[term(name)] = kept
    return found


def _kept(name: object, value: object, depth: int) -> Any:
    if name == "measures" and isinstance(value, list | tuple):
        return [kept for one in value[:_MOST] if (kept := _measure(one)) is not None]
    if name == "facts" and isinstance(value, Mapping):
        return {said(key): said(word) for key, word in value.items()}
    if isinstance(value, Mapping):
        return counts(value, depth + 1) if depth < _DEEPEST else None
    if isinstance(value, list | tuple):
        several = [counts(one, depth + 1) for one in value[:_MOST] if isinstance(one, Mapping)]
        return several if several and depth < _DEEPEST else None
    if isinstance(value, bool):
        return None
    return _number(value) if name not in _TEXTS else said(value) or None


def _number(value: object) -> int | str | None:
    if isinstance(value, int):
        return value if abs(value) < 2**53 else None
    if isinstance(value, float | Decimal):
        return said(value) or None
    return value if isinstance(value, str) and _numeric(value) else None


def _numeric(text: str) -> bool:
    digits = text.replace(".", "", 1)
    return len(text) < _MOST and digits.isascii() and digits.isdigit()


def _measure(given: object) -> dict[str, Any] | None:
    """What was used beside tokens, and what its rate depends on."""
    if not isinstance(given, Mapping):
        return None
    told = given.get("facts")
    found: dict[str, Any] = {name: said(given.get(name)) for name in _MEASURE}
    if isinstance(told, Mapping) and told:
        found["facts"] = {said(name): said(word) for name, word in told.items()}
    return found
