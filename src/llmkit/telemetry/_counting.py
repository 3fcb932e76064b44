"""What is counted while calls run: plain numbers by labels, cheap to add to. How they are shown: ``_families``.

A ``prometheus_client`` counter takes a lock and looks its labels up each time; here a call costs a few additions.
What is counted can be written down and added up, so that several processes have one page. The gateway counts so, too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, Generic, Protocol, TypeVar

from .._cost import MATH

__all__ = [
    "DEPLOYMENT", "FEWER", "OTHER", "SECONDS", "CallCell", "CallCounts", "Count", "Histogram", "Table",
]  # fmt: skip

SECONDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
"""Upper ends of the buckets that times are counted in: from a cached answer to a long chain of thought."""
OTHER: Final = "other"
"""What a label says once there are too many of its kind."""
_LONGEST: Final = 128
"""Characters of a label."""
_MOST: Final = 500
"""Cells of a table whose labels callers choose."""
FEWER: Final = 200
"""Cells of one that has histograms: each of them is some twenty lines of a page."""


class Cell(Protocol):
    """Numbers that can be written down as JSON, and added up."""

    def plain(self) -> Any:
        """As JSON."""

    def take(self, plain: Any) -> None:
        """Add what another process wrote down."""


C = TypeVar("C", bound=Cell)


class Count:
    """A number that grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def plain(self) -> int:
        """As JSON."""
        return self.value

    def take(self, plain: int) -> None:
        """Add another's."""
        self.value += plain


class Histogram:
    """How many times fell into each of ``SECONDS``, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds

    @property
    def number(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: how many were at most as long as each end says, ``+Inf`` the last."""
        found, so_far = [], 0
        for end, count in zip((*map(repr, SECONDS), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((end, float(so_far)))
        return found

    def plain(self) -> list[Any]:
        """As JSON."""
        return [self.total, self.counts]

    def take(self, plain: list[Any]) -> None:
        """Add another's."""
        self.total += plain[0]
        self.counts = [mine + its for mine, its in zip(self.counts, plain[1], strict=True)]


class CallCell:
    """Calls of models. ``unpriced``: those of which the cost is not known, which ``usd`` is without.

    ``seconds``: of whole calls; ``first``: until a stream's first chunk; ``upstream``: of providers.
    """

    __slots__ = (
        "attempts", "calls", "completion", "failed", "first", "prompt", "seconds", "unpriced", "upstream", "usd",
    )  # fmt: skip

    def __init__(self) -> None:
        self.calls = self.failed = self.attempts = self.unpriced = 0
        self.prompt = self.completion = 0
        self.usd = Decimal(0)
        self.seconds, self.first, self.upstream = Histogram(), Histogram(), Histogram()

    def plain(self) -> list[Any]:
        """As JSON; money as a text."""
        times = [one.plain() for one in (self.seconds, self.first, self.upstream)]
        return [[getattr(self, name) for name in _NUMBERS], str(self.usd), times]

    def take(self, plain: list[Any]) -> None:
        """Add another's."""
        numbers, usd, times = plain
        for name, number in zip(_NUMBERS, numbers, strict=True):
            setattr(self, name, getattr(self, name) + number)
        self.usd = MATH.add(self.usd, Decimal(usd))
        for mine, its in zip((self.seconds, self.first, self.upstream), times, strict=True):
            mine.take(its)


_NUMBERS: Final = ("calls", "failed", "attempts", "unpriced", "prompt", "completion")


class Table(Generic[C]):
    """Cells by their labels, of which there are at most so many.

    Args:
        make: makes a cell.
        labels: what they are called.
        strange: those of them whose values callers choose, or that grow with the number of keys and users: beyond
            ``most`` cells, they are counted together, under ``other``.
        most: how many cells there are before that.
    """

    __slots__ = ("_most", "_strange", "cells", "folded", "labels", "make")

    def __init__(
        self,
        make: Callable[[], C],
        labels: tuple[str, ...],
        strange: tuple[str, ...] = (),
        most: int = _MOST,
    ) -> None:
        self.make, self.labels, self._most = make, labels, most
        self._strange = frozenset(strange)
        self.cells: dict[tuple[str, ...], C] = {}
        self.folded = 0
        """How often something was counted under ``other``."""

    def cell(self, *values: str) -> C:
        """The cell of these labels' values."""
        found = self.cells.get(values)
        return self._missing(values) if found is None else found

    def _missing(self, values: tuple[str, ...]) -> C:
        short = tuple(value[:_LONGEST] for value in values)
        if short not in self.cells and len(self.cells) >= self._most:
            self.folded += 1
            named = zip(self.labels, short, strict=True)
            short = tuple(OTHER if name in self._strange else value for name, value in named)
        return self.cells.setdefault(short, self.make())

    def __iter__(self) -> Iterator[tuple[dict[str, str], C]]:
        for values, cell in tuple(self.cells.items()):
            yield dict(zip(self.labels, values, strict=True)), cell

    def plain(self) -> list[Any]:
        """As JSON."""
        cells = [[values, cell.plain()] for values, cell in tuple(self.cells.items())]
        return [self.folded, cells]

    def take(self, plain: list[Any]) -> None:
        """Add another's."""
        folded, cells = plain
        self.folded += folded
        for values, cell in cells:
            self.cell(*values).take(cell)


class CallCounts:
    """What is counted of calls of models."""

    def __init__(self) -> None:
        self.models = Table(CallCell, DEPLOYMENT, ("group", "model"), FEWER)
        self.outcomes = Table(Count, (*DEPLOYMENT, "outcome", "error"), ("group", "model"))
        self.events = Table(Count, ("event",))
        self.cooldowns = Table(Count, ("group", "deployment"), ("group",))

    @property
    def tables(self) -> dict[str, Table[Any]]:
        """By name."""
        return {name: one for name, one in vars(self).items() if isinstance(one, Table)}


DEPLOYMENT: Final = ("kind", "group", "provider", "model", "deployment")
