"""What came of a run: figures, a table in Markdown, and two drawings in SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from .world import PHASES

__all__ = ["SLICES", "Result", "drawing", "table"]

SLICES: Final = 100
"""Into so many parts the time is divided in the drawings."""
_WIDTH, _HEIGHT, _LEFT, _TOP = 860, 220, 70, 40
_COLOURS: Final = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b")


class Result(NamedTuple):
    """Of one router. Seconds; shares of 1; USD for a thousand calls that were answered."""

    name: str
    calls: int
    failed: int
    avoidable: int
    """Calls that failed at a moment at which some deployment was well and had room."""
    attempts: float
    p50: float
    p99: float
    usd: float
    spread: float
    p99_by_slice: tuple[float, ...]
    failed_by_slice: tuple[int, ...]
    phases: Mapping[str, tuple[float, float]]
    """(share of calls that failed, p99) while each phase lasted."""


_HEAD: Final = (
    "| router | failed while somebody was well | failed at all | available | p50 | p99 | attempts a call "
    "| USD / 1,000 | spread |\n|---|---|---|---|---|---|---|---|---|\n"
)


def table(results: Iterable[Result]) -> str:
    """One row each."""
    return _HEAD + "".join(map(_row, results))


def _row(one: Result) -> str:
    share = 100 * (1 - one.failed / one.calls)
    return (
        f"| {one.name} | {one.avoidable:,} | {one.failed:,} | {share:.4f} % | {one.p50:.2f} s "
        f"| {one.p99:.2f} s | {one.attempts:.3f} | {one.usd:.3f} | {one.spread:.2f} |\n"
    )


def phases(results: Sequence[Result]) -> str:
    """What each phase did to each."""
    head = "| while | " + " | ".join(one.name for one in results) + " |\n"
    rule = "|---" * (len(results) + 1) + "|\n"
    rows = ""
    for phase in PHASES:
        cells = (one.phases[phase.name] for one in results)
        row = " | ".join(f"{100 * failed:.2f} %, {p99:.1f} s" for failed, p99 in cells)
        rows += f"| {phase.name} | {row} |\n"
    return head + rule + rows


def drawing(results: Sequence[Result], what: str, title: str, unit: str) -> str:
    """Lines over time, one for each router; the scale is the square root's, so that small and large are seen."""
    series: list[tuple[str, Sequence[Any]]] = [(one.name, getattr(one, what)) for one in results]
    top = max(max(values) for _, values in series) or 1
    body = [_text(_LEFT, 20, title, 14)]
    for share in (0.0, 0.05, 0.25, 1.0):
        y = _y(share * top, top)
        body.append(f'<path d="M{_LEFT} {y:.1f}H{_LEFT + _WIDTH}" stroke="#ccc"/>')
        body.append(_text(4, y + 4, f"{share * top:.3g} {unit}", 11))
    for number, (name, values) in enumerate(series):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(
            f"{_LEFT + n * _WIDTH / (SLICES - 1):.1f},{_y(value, top):.1f}"
            for n, value in enumerate(values)
        )
        body.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        x = _LEFT + (number % 4) * 215
        y = _TOP + _HEIGHT + 24 + 18 * (number // 4)
        body.append(f'<rect x="{x}" y="{y - 9}" width="12" height="4" fill="{colour}"/>')
        body.append(_text(x + 18, y, name, 12))
    size = f'width="{_LEFT + _WIDTH + 20}" height="{_TOP + _HEIGHT + 60}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
        + "".join(body)
        + "</svg>\n"
    )


def _y(value: float, top: float) -> float:
    return _TOP + _HEIGHT * (1 - math.sqrt(value / top))


def _text(x: float, y: float, text: str, size: int) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="#444">{text}</text>'
