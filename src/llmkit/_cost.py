"""The records of prices: ``Measure`` (what was used), ``Cost`` and its lines, ``Unbounded``; and ``FrozenMap``.

They hold, print and serialise amounts; working one out belongs in ``pricing``.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, ClassVar, Final, Generic, Literal, NamedTuple, TypeVar

from typing_extensions import override

Status = Literal["exact", "provider_reported", "estimated", "unknown", "none"]
# Of several costs added up, the last of these that one of them has.
_WORST: Final[tuple[Status, ...]] = ("none", "exact", "provider_reported", "estimated", "unknown")

# Not the caller's context: somebody's getcontext().prec = 4 must not round a bill.
MATH: Final = Context(prec=60)
_ZERO: Final = Decimal(0)
V = TypeVar("V")


class FrozenMap(Mapping[str, V], Generic[V]):
    """A small read-only mapping. Unlike ``MappingProxyType`` it can be hashed and pickled."""

    __slots__ = ("_items",)
    _items: dict[str, V]

    def __init__(self, items: Mapping[str, V] | None = None) -> None:
        object.__setattr__(self, "_items", dict(items or {}))

    @override
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is read-only")

    @override
    def __getitem__(self, key: str) -> V:
        return self._items[key]

    # The mixin's own go by way of __getitem__ and its KeyError; prices are looked up in every call.
    @override
    def __contains__(self, key: object) -> bool:
        return key in self._items

    @override
    def get(self, key: str, default: Any = None) -> Any:
        return self._items.get(key, default)

    @override
    def keys(self) -> KeysView[str]:
        return self._items.keys()

    @override
    def items(self) -> ItemsView[str, V]:
        return self._items.items()

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    @override
    def __len__(self) -> int:
        return len(self._items)

    @override
    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    @override
    def __reduce__(self) -> tuple[type[FrozenMap[V]], tuple[dict[str, V]]]:
        return type(self), (dict(self._items),)

    @override
    def __repr__(self) -> str:
        return repr(self._items)


_NO_FACTS: Final[FrozenMap[str]] = FrozenMap()


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
            "quantity": plain(self.quantity),
            "unit": self.unit,
            "rate": plain(self.rate),
            "per": self.per,
            "amount": plain(self.amount),
            "source": self.source,
            "read": self.read,
            "condition": dict(self.condition),
            "via": self.via,
            "effective": self.effective,
            "revision": self.revision,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CostLine:
        """What ``to_dict`` made, as it was. Raises KeyError or ArithmeticError for anything else."""
        return cls(
            dimension=data["dimension"],
            quantity=_number(data["quantity"]),
            unit=data["unit"],
            rate=Decimal(data["rate"]),
            per=data["per"],
            amount=Decimal(data["amount"]),
            source=data["source"],
            read=data["read"],
            condition=FrozenMap(data["condition"]),
            via=data.get("via", ""),
            revision=data.get("revision", ""),
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost in USD, line by line.

    ``status``: ``exact`` (usage times listed rates), ``provider_reported`` (the provider named
    the amount), ``estimated`` (``reason`` says what had to be assumed, never downwards),
    ``unknown`` (``total`` is ``None``), ``none`` (nothing was billed: a cache hit, a refusal).
    ``revision`` is the catalogue's. ``reported`` is what the provider itself said, ``ours`` what the
    catalogue makes of the usage where the provider's word is the total. The lines always add up to the
    total; those of an unknown cost are what is known of it. True in a condition means: there is an amount.

    Costs add up: ``sum(costs, Cost.zero)``. A sum with an unknown cost in it is unknown.
    """

    zero: ClassVar[Cost]
    """The cost of nothing at all, to begin a sum with."""

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

    def __add__(self, other: object) -> Cost:
        """Both costs as one: all reasons, the weaker of the two statuses, all lines, those at one rate together.

        Raises ValueError where the currencies differ.
        """
        return _together(self, other) if isinstance(other, Cost) else NotImplemented

    def __radd__(self, other: object) -> Cost:
        """``sum(costs)`` begins with 0, which is nothing."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

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
        return format(self.total, spec) if spec else f"${plain(self.total)}"

    @override
    def __repr__(self) -> str:
        said = f"{self} {self.status}" if self.known else str(self)
        count = len(self.lines)
        return f"<Cost {said}, {count} line{'' if count == 1 else 's'}>"

    def to_dict(self) -> dict[str, object]:
        """A JSON-safe copy; ``total`` is a string, or null where it is unknown."""
        return {
            "total": None if self.total is None else plain(self.total),
            "currency": self.currency,
            "status": self.status,
            "reason": self.reason,
            "revision": self.revision,
            "lines": [line.to_dict() for line in self.lines],
            "reported": None if self.reported is None else plain(self.reported),
            "ours": None if self.ours is None else self.ours.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cost:
        """What ``to_dict`` made, as it was. Raises KeyError or ArithmeticError for anything else."""
        ours = data.get("ours")
        return cls(
            total=_amount(data["total"]),
            status=data["status"],
            lines=tuple(map(CostLine.from_dict, data["lines"])),
            reason=data.get("reason"),
            revision=data.get("revision", ""),
            currency=data.get("currency", "USD"),
            reported=_amount(data.get("reported")),
            ours=None if ours is None else cls.from_dict(ours),
        )

    def _repr_markdown_(self) -> str:
        """For notebooks: a table of the lines, what they come to, and what there is to say of it."""
        table = [_HEAD, *map(_row, self.lines)] if self.lines else []
        said = [f"**{self}**" if self.known else str(self), *self._remarks()]
        shown = "\n".join([*table, *([""] if table else []), " · ".join(said)])
        # Between two of them, a notebook sets a formula.
        return shown.replace("$", "\\$")

    def _repr_html_(self) -> str:
        from .types._page import card, cost_page  # noqa: PLC0415 - only in notebooks

        return card(cost_page(self))

    def _remarks(self) -> Iterable[str]:
        if self.known:
            yield self.status
            if self.reason:
                yield self.reason
        if self.ours is not None:
            yield f"by the catalogue {self.ours}"
        if self.revision:
            yield f"catalogue of {self.revision}"


Cost.zero = Cost(_ZERO, "none")

_HEAD: Final = (
    "| dimension | quantity | USD | of | amount | since | source |\n|---|--:|--:|---|--:|---|---|"
)


@dataclass(frozen=True, slots=True)
class Unbounded:
    """No upper bound can be given for a call, and why. Always false in a condition."""

    reason: str

    @property
    def known(self) -> Literal[False]:
        """Never: there is no amount."""
        return False

    def __bool__(self) -> Literal[False]:
        return False

    @override
    def __str__(self) -> str:
        return f"unbounded: {self.reason}"


def unknown(reason: str) -> Cost:
    """A cost that cannot be told, because of ``reason``."""
    return Cost(None, "unknown", reason=reason)


def nothing(reason: str) -> Cost:
    """A call for which no provider bills anything, because of ``reason``."""
    return Cost(_ZERO, "none", reason=reason)


def summed(
    lines: tuple[CostLine, ...], status: Status, notes: Sequence[str], revision: str
) -> Cost:
    """The cost that these lines add up to; notes become its reason, each once."""
    total = _ZERO
    for line in lines:
        total = _add(total, line.amount)
    made = _Unfrozen()
    made.total, made.status, made.lines, made.revision = total, status, lines, revision
    made.reason = ("; ".join(dict.fromkeys(notes)) or None) if notes else None
    made.currency, made.reported, made.ours = "USD", None, None
    made.__class__ = Cost  # type: ignore[assignment]
    return made  # type: ignore[return-value]


_add: Final = MATH.add


class _Unfrozen:
    """A cost while it is made: to set a frozen one's fields takes six times as long, and every call makes one."""

    __slots__ = Cost.__slots__
    total: Decimal | None
    status: Status
    lines: tuple[CostLine, ...]
    reason: str | None
    revision: str
    currency: str
    reported: Decimal | None
    ours: Cost | None


def said(amount: Decimal, source: str, ours: Cost) -> Cost:
    """The amount that a provider itself told, and where; what the catalogue makes of the call is kept beside it."""
    line = CostLine("reported", 1, "call", amount, 1, amount, source, "", _NO_FACTS)
    return Cost(
        amount,
        "provider_reported",
        (line,),
        revision=ours.revision,
        reported=amount,
        ours=ours,
    )


def _together(one: Cost, other: Cost) -> Cost:
    if one.currency != other.currency:
        raise ValueError(f"costs in {one.currency} and {other.currency} do not add up")
    # Nothing is not in the way of what the other is.
    if Cost.zero in (one, other):
        return one if other == Cost.zero else other
    told = (one.reported, other.reported)
    beside = (one.ours, other.ours) != (None, None)
    return Cost(
        total=_plus(one.total, other.total),
        status=max(one.status, other.status, key=_WORST.index),
        lines=_one_a_rate((*one.lines, *other.lines)),
        reason=_reasons(one, other),
        revision=max(one.revision, other.revision),
        currency=one.currency,
        reported=_plus(*told),
        ours=(one.ours or one) + (other.ours or other) if beside else None,
    )


def _one_a_rate(lines: Iterable[CostLine]) -> tuple[CostLine, ...]:
    """The lines, with one for all that have the same rate from the same place: a long sum stays a short bill."""
    found: dict[tuple[object, ...], CostLine] = {}
    for line in lines:
        key = (*line[2:5], *line[6:8], *line[9:], line.dimension, *sorted(line.condition.items()))
        known = found.get(key)
        found[key] = line if known is None else _more(known, line)
    return tuple(found.values())


def _more(one: CostLine, other: CostLine) -> CostLine:
    count: int | Decimal
    if isinstance(one.quantity, int) and isinstance(other.quantity, int):
        count = one.quantity + other.quantity
    else:
        count = MATH.add(Decimal(one.quantity), Decimal(other.quantity))
    return one._replace(quantity=count, amount=MATH.add(one.amount, other.amount))


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else MATH.add(one, other)


def _reasons(one: Cost, other: Cost) -> str | None:
    """All reasons, each once: those of a long sum are few."""
    parts = [part for cost in (one, other) for part in (cost.reason or "").split("; ") if part]
    return "; ".join(dict.fromkeys(parts)) or None


def _row(line: CostLine) -> str:
    """One line of the table."""
    facts = ", ".join(f"{name} {value}" for name, value in line.condition.items())
    what = f"{line.dimension} ({facts})" if facts else line.dimension
    per = line.unit if line.per == 1 else f"{line.per:,} {line.unit}s"
    cells = (what, _grouped(line.quantity), plain(line.rate), per, plain(line.amount))
    # What others wrote may not end a cell or a row.
    texts = (*cells, line.effective, line.source)
    return "| " + " | ".join(" ".join(t.replace("|", "\\|").split()) for t in texts) + " |"


def _grouped(number: int | Decimal) -> str:
    return format(number, ",") if isinstance(number, int) else format(number, ",f")


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _number(text: str | int) -> int | Decimal:
    return Decimal(text) if isinstance(text, str) and "." in text else int(text)


def plain(number: int | Decimal) -> str:
    """Digits without an exponent and without trailing zeros, whatever the context."""
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
