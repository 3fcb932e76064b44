"""From samples to figures: medians, spread, ratios within rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import sub, truediv
from typing import Any

from bench.bars import Field
from bench.measures import MEASURES, Measure
from bench.peers import PEERS, RAW, REFERENCE, Peer

Sample = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Middle:
    """A median with the least and the greatest of what it is a median of."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant in one measure; what could not be measured is ``None``."""

    peer: Peer
    wall: Middle | None = None
    cpu: Middle | None = None
    wall_ratio: Middle | None = None
    cpu_ratio: Middle | None = None
    """By raw httpx."""
    wall_native: Middle | None = None
    cpu_native: Middle | None = None
    """By raw pyreqwest."""
    above: Middle | None = None
    """CPU above the raw transport's, for chunks."""
    errors: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = field(default=(), repr=False)

    def own(self, name: Field) -> Middle | None:
        """Its time."""
        return self.wall if name == "wall_us" else self.cpu


@dataclass(frozen=True, slots=True)
class Table:
    """One measure, with its contestants in the order of the peers' table."""

    measure: Measure
    rows: tuple[Row, ...]

    def of(self, name: str) -> Row | None:
        """The row of one contestant."""
        return next((row for row in self.rows if row.peer.name == name), None)

    def ratio(self, name: str, other: str, time: Field) -> Middle | None:
        """One contestant's time by another's, turn by turn."""
        one, two = self.of(name), self.of(other)
        if one is None or two is None:
            return None
        return _paired(_by_round(one.samples), _by_round(two.samples), time, truediv)


def tables(samples: Sequence[Sample]) -> tuple[Table, ...]:
    """One table for each measure that there are samples of."""
    found = []
    for measure in MEASURES:
        own = [sample for sample in samples if sample["measure"] == measure.name]
        rows = tuple(_row(peer, own) for peer in PEERS if _of(own, peer.name))
        if rows:
            found.append(Table(measure, rows))
    return tuple(found)


def _of(samples: Iterable[Sample], name: str) -> tuple[Sample, ...]:
    return tuple(sample for sample in samples if sample["contestant"] == name)


def _good(samples: Iterable[Sample], name: str) -> dict[int, Sample]:
    return _by_round(sample for sample in _of(samples, name) if "error" not in sample)


def _by_round(samples: Iterable[Sample]) -> dict[int, Sample]:
    return {sample["round"]: sample for sample in samples}


def _row(peer: Peer, samples: Sequence[Sample]) -> Row:
    good = _good(samples, peer.name)
    errors = {str(one["error"]) for one in _of(samples, peer.name) if "error" in one}
    base, native = _good(samples, REFERENCE), _good(samples, RAW)
    return Row(
        peer,
        wall=_own(good, "wall_us"),
        cpu=_own(good, "cpu_us"),
        wall_ratio=_paired(good, base, "wall_us", truediv),
        cpu_ratio=_paired(good, base, "cpu_us", truediv),
        wall_native=_paired(good, native, "wall_us", truediv),
        cpu_native=_paired(good, native, "cpu_us", truediv),
        above=_paired(good, _good(samples, peer.bytes), "cpu_us", sub),
        errors=tuple(sorted(errors)),
        samples=tuple(good.values()),
    )


def _own(samples: Mapping[int, Sample], name: str) -> Middle | None:
    """The median over rounds of the medians over turns."""
    return middle(
        statistics.median(turn[name] for turn in one["turns"])
        for one in samples.values()
        if name in one["turns"][0]
    )


def _paired(
    own: Mapping[int, Sample],
    base: Mapping[int, Sample],
    name: str,
    compare: Callable[[float, float], float],
) -> Middle | None:
    """Each turn beside the other's turn of the same moment, and the medians of that."""
    both = [(one["turns"], base[number]["turns"]) for number, one in own.items() if number in base]
    return middle(
        statistics.median(
            compare(turn[name], other[name]) for turn, other in zip(turns, others, strict=True)
        )
        for turns, others in both
        if name in turns[0] and name in others[0]
    )


def middle(values: Iterable[float]) -> Middle | None:
    """Median, least and most; ``None`` of nothing."""
    known = list(values)
    return Middle(statistics.median(known), min(known), max(known)) if known else None


def left_open(sample: Sample) -> str:
    """Sockets, threads and tasks that are there after everything was closed; empty for none."""
    counted = [(sample.get(kind) or 0, kind) for kind in ("sockets", "threads", "tasks")]
    return ", ".join(f"{count} {kind}" for count, kind in counted if count)
