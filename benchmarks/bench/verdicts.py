"""How llmkit stands to each bar of which something was measured, in wall and in CPU time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import bars
from bench.bars import NOISE, Bar, Field
from bench.measures import Measure
from bench.summary import Middle, Row, Table, left_open
from bench.terminal import columns, time


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar, and how llmkit stands to it."""

    measure: Measure
    who: str
    bar: str
    wall: str
    cpu: str
    word: str
    """``met``, ``within noise``, ``missed`` or ``not measured``; and what the other time says, if it says less."""


def verdicts(found: Sequence[Table]) -> tuple[Verdict, ...]:
    """Every bar of the measures that there are tables of."""
    return tuple(
        _grown(table, bar) if bar.kind == "growth" else _timed(table, bar)
        for table in found
        for bar in bars.of(table.measure.name)
    )


def _timed(table: Table, bar: Bar) -> Verdict:
    wall, cpu = (_value(table, bar, time) for time in _FIELDS)
    decides, other = (wall, cpu) if bar.field == "wall_us" else (cpu, wall)
    said = "not measured" if decides is None else word(bar, decides.median)
    if other is not None and decides is not None and said == "met":
        said += _but(bar, other)
    return Verdict(
        table.measure, _label(table, bar), bar.text, _told(bar, wall), _told(bar, cpu), said
    )


_FIELDS: tuple[Field, Field] = ("wall_us", "cpu_us")
_NAMES = {"wall_us": "CPU time", "cpu_us": "wall time"}


def _but(bar: Bar, other: Middle) -> str:
    """What the other time says, where it says less. What is above a transport on the wall is noise."""
    said = word(bar, other.median)
    return "" if said == "met" or bar.kind == "above" else f" (by {_NAMES[bar.field]}: {said})"


def _label(table: Table, bar: Bar) -> str:
    row = table.of(bar.of)
    return row.peer.label if row else bar.of


def _value(table: Table, bar: Bar, time: Field) -> Middle | None:
    """What is held against the bar; the larger, the worse."""
    row = table.of(bar.of)
    if row is None:
        return None
    if bar.kind == "above":
        return row.above if time == "cpu_us" else None
    if bar.kind == "absolute":
        return row.own(time)
    ratios = [table.ratio(bar.of, name, time) for name in bar.beside]
    return max(filter(None, ratios), key=lambda one: one.median, default=None)


def word(bar: Bar, value: float) -> str:
    """Whether a bar is met; missed by less than the noise of a run is neither."""
    limit = 1 / bar.limit if bar.kind in {"rate", "inverse"} else bar.limit
    if value <= limit:
        return "met"
    return "within noise" if value <= limit * NOISE else "missed"


def _told(bar: Bar, value: Middle | None) -> str:
    if value is None:
        return "–"
    if bar.kind in {"above", "absolute"}:
        return f"{time(value.median)} ({time(value.least)} to {time(value.most)})"
    if bar.kind == "ratio":
        return f"{value.median:.2f} × ({value.least:.2f} to {value.most:.2f})"
    # The other's times by ours, or our calls a second by the other's: the inverse.
    return f"{1 / value.median:.2f} × ({1 / value.most:.2f} to {1 / value.least:.2f})"


def _grown(table: Table, bar: Bar) -> Verdict:
    row, label = table.of(bar.of), _label(table, bar)
    if row is None or not row.samples:
        return Verdict(table.measure, label, bar.text, "", "", "not measured")
    last = row.samples[-1]["turns"][0]
    left = left_open(last)
    reached = f"{last['growth_bytes'] / 1e6:+.2f} MB; {left or 'nothing'} left open"
    said = _memory_word(row, bar, left)
    return Verdict(table.measure, label, bar.text, reached, "–", said)


def _memory_word(row: Row, bar: Bar, left: str) -> str:
    last = row.samples[-1]["turns"][0]
    if last["growth_bytes"] >= bar.limit or left:
        return "missed"
    enough = last["units"] >= bars.GROWTH_CALLS
    return "met" if enough else f"not measured: {last['units']:,} calls"


HEADS = ("measure", "of", "bar", "wall", "CPU", "")


def cells(one: Verdict) -> tuple[str, ...]:
    """A verdict, under those heads."""
    return (one.measure.title, one.who, one.bar, one.wall, one.cpu, one.word)


def text(found: Sequence[Verdict]) -> str:
    """The bars as text."""
    return "\nBars\n" + "\n".join(columns([HEADS, *map(cells, found)]))
