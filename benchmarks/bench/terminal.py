"""The tables as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.measures import Measure
from bench.summary import Middle, Row, Table, left_open

Cells = tuple[str, ...]


def time(microseconds: float) -> str:
    """A time in the unit that suits it."""
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:.2f} s"
    if microseconds >= 10_000:
        return f"{microseconds / 1e3:.1f} ms"
    return f"{microseconds:.0f} µs" if microseconds >= 100 else f"{microseconds:.1f} µs"


def heads(measure: Measure) -> Cells:
    """The columns of a measure."""
    if measure.memory:
        return ("contestant", "calls", "resident", "growth", "left open")
    last: Cells = ("CPU above the raw transport",) if measure.streams else ()
    if measure.concurrency > 1:
        last = ("calls a second",)
    if measure.work == "import":
        last = ("modules",)
    each = f"a {measure.unit}"
    ratios = [f"{time}, × {name}" for name in ("httpx", "pyreqwest") for time in ("wall", "CPU")]
    return ("contestant", f"wall {each}", f"CPU {each}", *ratios, *last)


def cells(measure: Measure, row: Row) -> Cells:
    """A contestant's figures, under those heads."""
    if row.wall is None and not row.samples:
        return (row.peer.label, f"failed: {'; '.join(row.errors)}")
    if measure.memory:
        return _memory(row)
    last: Cells = (spread(row.above, time),) if measure.streams else ()
    if measure.concurrency > 1 and row.wall is not None:
        last = (f"{1e6 / row.wall.median:.0f}",)
    if measure.work == "import":
        last = (f"{row.samples[-1]['turns'][0]['modules']}",)
    held = (row.wall_ratio, row.cpu_ratio, row.wall_native, row.cpu_native)
    ratios = [spread(one, _ratio) for one in held]
    return (row.peer.label, spread(row.wall, time), spread(row.cpu, time), *ratios, *last)


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _memory(row: Row) -> Cells:
    last = row.samples[-1]["turns"][0]
    resident = f"{last['resident_bytes'] / 1e6:.0f} MB"
    growth = f"{last['growth_bytes'] / 1e6:+.2f} MB"
    return (row.peer.label, f"{last['units']:,}", resident, growth, left_open(last) or "nothing")


def spread(value: Middle | None, form: Callable[[float], str]) -> str:
    """A median and its range."""
    if value is None:
        return "–"
    if value.least == value.most:
        return form(value.median)
    return f"{form(value.median)} ({form(value.least)} – {form(value.most)})"


def lines(one: Table) -> list[Cells]:
    """A measure's heads and rows, without the columns that say nothing: ratios to whom nobody measured."""
    head, *rows = [heads(one.measure), *(cells(one.measure, row) for row in one.rows)]
    full = [row for row in rows if len(row) == len(head)]
    kept = [place for place in range(len(head)) if {row[place] for row in full} != {"–"}]
    return [
        tuple(line[place] for place in kept) if len(line) == len(head) else line
        for line in (head, *rows)
    ]


def table(one: Table) -> str:
    """A measure as text, in columns."""
    return f"\n{one.measure.title}\n" + "\n".join(columns(lines(one)))


def columns(lines: Sequence[Cells]) -> list[str]:
    """Pad cells to the widest of their column; a line of two cells is a name and a remark."""
    full = [line for line in lines if len(line) == len(lines[0])]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    return ["  " + "  ".join(_padded(line, widths)).rstrip() for line in lines]


def _padded(line: Cells, widths: Sequence[int]) -> list[str]:
    first = line[0].ljust(widths[0])
    if len(line) != len(widths):
        return [first, *line[1:]]
    rest = zip(line[1:], widths[1:], strict=True)
    return [first, *(cell.rjust(width) for cell, width in rest)]
