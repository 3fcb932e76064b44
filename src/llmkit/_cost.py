"""The records of prices: ``Measure`` (what was used), ``Cost`` and its lines, ``Unbounded``.

They hold, print and serialise amounts; working one out belongs in ``pricing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from typing_extensions import override

Status = Literal["exact", "provider_reported", "estimated", "unknown", "none"]

# Not the caller's context: somebody's getcontext().prec = 4 must not round a bill.
MATH: Final = Context(prec=60)
_ZERO: Final = Decimal(0)


_NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


class Measure(NamedTuple):
    """What a call used that is not counted in a chat's tokens: seconds heard, characters spoken, pictures made.

    ``facts`` are what its rate can depend on: ``{"size": "1024x1024", "quality": "hd"}``.
    """

    dimension: str
    quantity: int | Decimal
    unit: str = "token"
    facts: Mapping[str, str] = _NO_FACTS

    @property
    def key(self) -> str:
        """What rates are looked up by; see ``rate_key``."""
        return rate_key(self.dimension, self.unit)


def rate_key(dimension: str, unit: str) -> str:
    """One name for a dimension and its unit: the dimension alone for tokens, else ``audio_input/second``."""
    return dimension if unit == "token" else f"{dimension}/{unit}"


class CostLine(NamedTuple):
    """``quantity`` units at ``rate`` USD per ``per`` units, and where the rate comes from."""

    dimension: str
    quantity: int | Decimal
    unit: str
    rate: Decimal
    per: int
    amount: Decimal
    source: str
    read: str
    condition: Mapping[str, str | int]
    via: str = ""
    revision: str = ""
    """The catalogue's that the rate is from; empty for a price that was given with the call."""

    @property
    def effective(self) -> str:
        """The ISO date from which the rate holds, or, where that is not told, on which it was read."""
        return str(self.condition.get("from") or self.read)

    def to_dict(self) -> dict[str, object]:
        """A JSON-safe copy, numbers of money as strings."""
        return {
            "dimension": self.dimension,
            "quantity": _plain(self.quantity),
            "unit": self.unit,
            "rate": _plain(self.rate),
            "per": self.per,
            "amount": _plain(self.amount),
            "source": self.source,
            "read": self.read,
            "condition": dict(self.condition),
            "via": self.via,
            "effective": self.effective,
            "revision": self.revision,
        }


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost in USD, line by line.

    ``status``: ``exact`` (usage times listed rates), ``provider_reported`` (the provider named
    the amount), ``estimated`` (``reason`` says what had to be assumed, never downwards),
    ``unknown`` (``total`` is ``None``), ``none`` (nothing was billed: a cache hit, a refusal).
    ``revision`` is the catalogue's. ``reported`` is what the provider itself said, ``ours`` what the
    catalogue makes of the usage where the provider's word is the total. The lines always add up to the
    total. True in a condition means: there is an amount.
    """

    total: Decimal | None
    status: Status
    lines: tuple[CostLine, ...] = ()
    reason: str | None = None
    revision: str = ""
    currency: str = "USD"
    reported: Decimal | None = None
    ours: Cost | None = None

    @property
    def known(self) -> bool:
        """Whether there is an amount (it may be zero only if it truly was)."""
        return self.total is not None

    def __bool__(self) -> bool:
        return self.known

    def __float__(self) -> float:
        """The total in USD. Raises ValueError if it is unknown: there is no safe number."""
        if self.total is None:
            raise ValueError(f"this cost has no amount: {self.reason}")
        return float(self.total)

    @override
    def __str__(self) -> str:
        return self.__format__("")

    @override
    def __format__(self, spec: str) -> str:
        """``f"{cost}"`` is ``$0.00123``; with a spec, that of the Decimal (``f"{cost:.4f}"``)."""
        if self.total is None:
            return f"unknown: {self.reason}"
        return format(self.total, spec) if spec else f"${_plain(self.total)}"

    @override
    def __repr__(self) -> str:
        return f"<Cost {self} {self.status}, {len(self.lines)} lines>"

    def to_dict(self) -> dict[str, object]:
        """A JSON-safe copy; ``total`` is a string, or null where it is unknown."""
        return {
            "total": None if self.total is None else _plain(self.total),
            "currency": self.currency,
            "status": self.status,
            "reason": self.reason,
            "revision": self.revision,
            "lines": [line.to_dict() for line in self.lines],
            "reported": None if self.reported is None else _plain(self.reported),
            "ours": None if self.ours is None else self.ours.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Unbounded:
    """No upper bound can be given for a call, and why. Always false in a condition."""

    reason: str

    @property
    def known(self) -> Literal[False]:
        return False

    def __bool__(self) -> Literal[False]:
        return False


def unknown(reason: str) -> Cost:
    """A cost that cannot be told, because of ``reason``."""
    return Cost(None, "unknown", reason=reason)


def nothing(reason: str) -> Cost:
    """A call for which no provider bills anything, because of ``reason``."""
    return Cost(_ZERO, "none", reason=reason)


def summed(
    lines: tuple[CostLine, ...], status: Status, notes: Iterable[str], revision: str
) -> Cost:
    """The cost that these lines add up to; notes become its reason, each once."""
    total = _ZERO
    for line in lines:
        total = MATH.add(total, line.amount)
    return Cost(total, status, lines, "; ".join(dict.fromkeys(notes)) or None, revision)


def _plain(number: int | Decimal) -> str:
    """Digits without an exponent and without trailing zeros, whatever the context."""
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
