"""A plot without a plotting library: for each measure the contestants' ratios to raw httpx, as bars on a log scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from bench.peers import OWN, REFERENCE
from bench.summary import Row, Table

_WIDTH, _LEFT, _RIGHT = 860, 250, 90
_BAR, _STEP, _GAP, _TOP = 14, 20, 34, 60
_COLOURS = {OWN: "#0b7a75", REFERENCE: "#8a8f98"}
_OTHER = "#d9a441"
_MARKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
_FONT = 'font-family="Helvetica, Arial, sans-serif"'


def drawn(tables: Sequence[Table]) -> str:
    """The plot as SVG; measures without times are left out."""
    shown = [(table, _bars(table)) for table in tables if not table.measure.memory]
    shown = [(table, bars) for table, bars in shown if bars]
    values = [value for _, bars in shown for _, value in bars] or [1.0]
    low, high = min(0.5, *values) / 1.1, max(2.0, *values) * 1.1
    height = _TOP + sum(_GAP + _STEP * len(bars) for _, bars in shown) + 20
    body = [*_frame(height, low, high), *_groups(shown, low, high), "</svg>"]
    return "\n".join(body) + "\n"


def _bars(table: Table) -> list[tuple[Row, float]]:
    found = []
    for row in table.rows:
        ratio = row.cpu_ratio if table.measure.field == "cpu_us" else row.wall_ratio
        if ratio is not None:
            found.append((row, ratio.median))
    return found


def _place(value: float, low: float, high: float) -> float:
    share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _frame(height: int, low: float, high: float) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}">'
    )
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    title = "Time as a multiple of raw httpx (log scale; the further left the better)"
    yield _text(16, 24, title, size=15, weight="bold")
    for mark in _MARKS:
        if low <= mark <= high:
            x = _place(mark, low, high)
            colour = "#555b66" if mark == 1 else "#e3e6ea"
            yield f'<path d="M{x:.1f} {_TOP - 12} V{height - 14}" stroke="{colour}"/>'
            yield _text(x, _TOP - 18, f"{mark:g} ×", anchor="middle", fill="#555b66")


def _groups(
    shown: Sequence[tuple[Table, list[tuple[Row, float]]]], low: float, high: float
) -> Iterator[str]:
    y = float(_TOP)
    for table, bars in shown:
        yield _text(16, y + 14, _title(table), size=13, weight="bold")
        y += _GAP - 10
        for row, value in bars:
            yield from _bar(row, value, y, low, high)
            y += _STEP
        y += 10


def _title(table: Table) -> str:
    return f"{table.measure.title} ({'CPU' if table.measure.field == 'cpu_us' else 'wall'})"


def _bar(row: Row, value: float, y: float, low: float, high: float) -> Iterator[str]:
    one, end = _place(1, low, high), _place(value, low, high)
    start, width = min(one, end), max(abs(end - one), 1.5)
    colour = _COLOURS.get(row.peer.name, _OTHER)
    yield _text(_LEFT - 8, y + 11, row.peer.label, anchor="end")
    yield f'<rect x="{start:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'
    yield _text(max(one, end) + 6, y + 11, f"{value:.2f} ×", fill="#555b66")


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    anchor: str = "start",
    weight: str = "normal",
    fill: str = "#1c2024",
) -> str:
    style = f'{_FONT} font-size="{size}" font-weight="{weight}" fill="{fill}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {style}>{escape(text)}</text>'
