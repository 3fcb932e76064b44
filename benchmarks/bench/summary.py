"""From samples to what can be said: medians, spread, ratios within rounds, bars."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import sub, truediv
from typing import Any

from bench.measures import GROWTH_BAR, GROWTH_CALLS, GROWTH_TEXT, MEASURES, NOISE, Bar, Measure
from bench.peers import BYTES, DEFAULT, OWN, PEERS, REFERENCE, Peer

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
    default_ratio: Middle | None = None
    """Wall time over that of httpx with its default limits, where many call at once."""
    above: Middle | None = None
    """CPU above the raw transport's, for chunks."""
    errors: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """One measure, with its contestants in the order of the peers' table."""

    measure: Measure
    rows: tuple[Row, ...]

    def of(self, name: str) -> Row | None:
        """The row of one contestant."""
        return next((row for row in self.rows if row.peer.name == name), None)


def tables(samples: Sequence[Sample]) -> tuple[Table, ...]:
    """One table for each measure that there are samples of."""
    found = []
    for measure in MEASURES:
        own = [sample for sample in samples if sample["measure"] == measure.name]
        rows = tuple(_row(peer, own) for peer in PEERS if _rounds(own, peer.name, errors=True))
        if rows:
            found.append(Table(measure, rows))
    return tuple(found)


def _rounds(samples: Iterable[Sample], name: str, *, errors: bool = False) -> dict[int, Sample]:
    """One contestant's samples by round."""
    own = (sample for sample in samples if sample["contestant"] == name)
    return {sample["round"]: sample for sample in own if errors or "error" not in sample}


def _row(peer: Peer, samples: Sequence[Sample]) -> Row:
    good = _rounds(samples, peer.name)
    all_ = _rounds(samples, peer.name, errors=True)
    errors = tuple(sorted({str(one["error"]) for one in all_.values() if "error" in one}))
    base, transport = _rounds(samples, REFERENCE), _rounds(samples, BYTES)
    default = _rounds(samples, DEFAULT)
    return Row(
        peer,
        wall=_own(good, "wall_us"),
        cpu=_own(good, "cpu_us"),
        wall_ratio=_paired(good, base, "wall_us", truediv),
        cpu_ratio=_paired(good, base, "cpu_us", truediv),
        default_ratio=_paired(good, default, "wall_us", truediv),
        above=_paired(good, transport, "cpu_us", sub),
        errors=errors,
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar, and how llmkit stands to it."""

    measure: Measure
    bar: str
    reached: str
    word: str
    """``met``, ``within noise``, ``missed`` or ``not measured``."""


def verdicts(found: Sequence[Table]) -> tuple[Verdict, ...]:
    """Every bar of which something was measured."""
    timed = [_timed(table, table.measure.bar) for table in found if table.measure.bar]
    return (*timed, *(_grown(table) for table in found if table.measure.memory))


def _timed(table: Table, bar: Bar) -> Verdict:
    row = table.of(OWN)
    value = None if row is None else _value(row, bar, table.measure)
    if value is None:
        return Verdict(table.measure, bar.text, "", "not measured")
    alone = table.measure.concurrency == 1 and not bar.above
    reached = _reached(bar, value) + (_beside(row) if row and alone else "")
    return Verdict(table.measure, bar.text, reached, word(value.median, bar.limit))


def _beside(row: Row) -> str:
    """The CPU time beside a wall time: on a machine that is not quiet it is the one to believe."""
    return f"; CPU time {row.cpu_ratio.median:.2f} ×" if row.cpu_ratio else ""


def _value(row: Row, bar: Bar, measure: Measure) -> Middle | None:
    """What the bar is held against: of both httpx's, where a pool's limits matter, the one that is harder to beat."""
    if bar.above:
        return row.above
    ratios = [row.wall_ratio if bar.field == "wall_us" else row.cpu_ratio]
    if measure.concurrency > 1:
        ratios.append(row.default_ratio)
    return max(filter(None, ratios), key=lambda one: one.median, default=None)


def word(value: float, limit: float) -> str:
    """Whether a bar is met; missed by less than the noise of a run is neither."""
    if value <= limit:
        return "met"
    return "within noise" if value <= limit * NOISE else "missed"


def _reached(bar: Bar, value: Middle) -> str:
    if bar.above:
        return f"{value.median:.1f} µs ({value.least:.1f} to {value.most:.1f})"
    if bar.limit < 1:  # a ratio of calls a second is the inverse of that of times
        return f"{1 / value.median:.2f} × ({1 / value.most:.2f} to {1 / value.least:.2f})"
    return f"{value.median:.2f} × ({value.least:.2f} to {value.most:.2f})"


def _grown(table: Table) -> Verdict:
    row, text = table.of(OWN), GROWTH_TEXT
    if row is None or not row.samples:
        return Verdict(table.measure, text, "", "not measured")
    last = row.samples[-1]["turns"][0]
    growth, left = last["growth_bytes"], left_open(last)
    reached = f"{growth / 1e6:+.2f} MB over {last['units']:,} calls; {left or 'nothing'} left open"
    kept = "met" if last["units"] >= GROWTH_CALLS else "not measured"
    return Verdict(
        table.measure, text, reached, kept if growth < GROWTH_BAR and not left else "missed"
    )


def left_open(sample: Sample) -> str:
    """Sockets, threads and tasks that are there after everything was closed; empty for none."""
    counted = [(sample.get(kind) or 0, kind) for kind in ("sockets", "threads", "tasks")]
    return ", ".join(f"{count} {kind}" for count, kind in counted if count)
