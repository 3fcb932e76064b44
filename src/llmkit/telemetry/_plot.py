"""A report of usage as a picture: SVG, or HTML around it, by hand; PNG by matplotlib (the extra ``plot``).

What it shows: a bar for each value of the first group, stacked by the second, in USD; where no cost is known, in
calls. Nothing in it is fetched from elsewhere, and no script is in it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from ..errors import ConfigurationError
from ._usage import UsageReport, UsageRow

__all__ = ["plot"]

_COLOURS: Final = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#ee8866",
)  # fmt: skip
_SHOWN: Final = 60
"""So many bars; of more, the highest, or the last where they are times."""
_TIMES: Final = ("day", "month", "hour")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BELOW = 960, 460, 90, 40, 170
_TICKS: Final = 4
_LONGEST: Final = 24


@dataclass(slots=True)
class _Chart:
    """Bars by name, each of parts by the name of their series."""

    title: str
    unit: str
    bars: dict[str, dict[str, float]]
    series: list[str]
    note: str

    @property
    def highest(self) -> float:
        return max((sum(parts.values()) for parts in self.bars.values()), default=0.0) or 1.0


def plot(report: UsageReport, path: str | os.PathLike[str]) -> None:
    """Write a picture of a report; its kind is what the path ends with: ``.html``, ``.svg`` or ``.png``.

    Raises:
        ConfigurationError: another kind, no such folder, or matplotlib is not installed for a PNG.
    """
    found = Path(path)
    if not found.parent.is_dir():
        raise ConfigurationError(f"there is no folder {found.parent}; make it first")
    chart = _chart(report)
    kind = found.suffix.lower()
    if kind == ".png":
        _png(chart, found)
    elif kind in {".html", ".htm"}:
        found.write_text(_html(chart, report), encoding="utf-8")
    elif kind == ".svg":
        found.write_text(_svg(chart), encoding="utf-8")
    else:
        raise ConfigurationError(f"{found.name} ends with none of .html, .svg, .png")


def _chart(report: UsageReport) -> _Chart:
    money = report.total.unpriced < report.total.calls
    bars: dict[str, dict[str, float]] = {}
    for row in report.rows:
        name, *rest = row.by
        parts = bars.setdefault(name or "-", {})
        series = " / ".join(one or "-" for one in rest)
        parts[series] = parts.get(series, 0.0) + (float(row.usd) if money else row.calls)
    bars = _largest(bars, in_order=report.by[0] in _TIMES)
    unpriced = report.total.unpriced
    note = f"without {unpriced:,} calls of unknown cost" if money and unpriced else ""
    unit = "USD" if money else "calls"
    title = f"{unit} by {', '.join(report.by)}"
    return _Chart(title, unit, *_few(bars), note)


def _largest(bars: dict[str, dict[str, float]], *, in_order: bool) -> dict[str, dict[str, float]]:
    names = list(bars)
    if not in_order:
        names.sort(key=lambda name: -sum(bars[name].values()))
    names = names[-_SHOWN:] if in_order else names[:_SHOWN]
    return {name: bars[name] for name in names}


def _few(bars: dict[str, dict[str, float]]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """As many series as there are colours: the smaller ones together."""
    sums: dict[str, float] = {}
    for parts in bars.values():
        for series, value in parts.items():
            sums[series] = sums.get(series, 0.0) + value
    ordered = sorted(sums, key=lambda one: -sums[one])
    if len(ordered) <= len(_COLOURS):
        return bars, ordered
    kept = ordered[: len(_COLOURS) - 1]
    folded = {
        name: {
            **{one: parts[one] for one in kept if one in parts},
            "other": sum(value for one, value in parts.items() if one not in kept),
        }
        for name, parts in bars.items()
    }
    return folded, [*kept, "other"]


# --- SVG and HTML


def _svg(chart: _Chart) -> str:
    high, wide = _HEIGHT - _TOP - _BELOW, _WIDTH - _LEFT - 20
    step = wide / max(1, len(chart.bars))
    drawn = [*_axis(chart, high), *_legend(chart)]
    for place, (name, parts) in enumerate(chart.bars.items()):
        drawn += _bar(chart, name, parts, _LEFT + place * step, step, high)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="12" fill="currentColor">'
    )
    title = f"<title>{_text(chart.title)}</title>"
    shown = f"{chart.title} ({chart.note})" if chart.note else chart.title
    text = f'<text x="{_LEFT}" y="20" font-size="15">{_text(shown)}</text>'
    return "\n".join((head, title, text, *drawn, "</svg>\n"))


def _bar(
    chart: _Chart, name: str, parts: dict[str, float], left: float, step: float, high: float
) -> list[str]:
    drawn, top = [], _TOP + high
    for series in chart.series:
        if (value := parts.get(series, 0.0)) > 0:
            tall = value / chart.highest * high
            top -= tall
            colour = _COLOURS[chart.series.index(series) % len(_COLOURS)]
            what = f"{name} {series}: {value:.6g} {chart.unit}"
            drawn.append(
                f'<rect x="{left + step * 0.1:.1f}" y="{top:.1f}" width="{step * 0.8:.1f}" height="{tall:.1f}" '
                f'fill="{colour}"><title>{_text(what)}</title></rect>'
            )
    x, y = left + step / 2, _TOP + high + 14
    drawn.append(
        f'<text x="{x:.1f}" y="{y}" text-anchor="end" transform="rotate(-45 {x:.1f} {y})">{_text(_cut(name))}</text>'
    )
    return drawn


def _axis(chart: _Chart, high: float) -> list[str]:
    drawn: list[str] = []
    for tick in range(_TICKS + 1):
        y = _TOP + high * (1 - tick / _TICKS)
        value = chart.highest * tick / _TICKS
        drawn += (
            f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" opacity="0.2"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>',
        )
    return drawn


def _legend(chart: _Chart) -> list[str]:
    if chart.series in ([], [""]):
        return []
    drawn: list[str] = []
    for place, series in enumerate(chart.series):
        x, y = _LEFT + place % 4 * 210, _HEIGHT - 28 + place // 4 * 18
        colour = _COLOURS[place % len(_COLOURS)]
        drawn += (
            f'<rect x="{x}" y="{y - 10}" width="10" height="10" fill="{colour}"/>',
            f'<text x="{x + 15}" y="{y}">{_text(_cut(series))}</text>',
        )
    return drawn


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _text(text: str) -> str:
    """As XML can have it, whatever strangers have put into it."""
    return escape("".join(char if char.isprintable() else "?" for char in text))


_STYLE: Final = (
    ":root{color-scheme:light dark}body{font-family:sans-serif;max-width:1000px;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;font-size:90%}td,th{padding:.2em .8em;text-align:right}"
    "td.by,th.by{text-align:left}tr:last-child{font-weight:bold;border-top:1px solid}"
)


def _html(chart: _Chart, report: UsageReport) -> str:
    numbers = ("calls", "failed", "prompt tokens", "completion tokens", "USD", "unpriced")
    head = "".join(f'<th class="by">{_text(name)}</th>' for name in report.by)
    head += "".join(f"<th>{name}</th>" for name in numbers)
    together = UsageRow(("total", *[""] * (len(report.by) - 1)))
    rows = [_html_row(row.by, row) for row in report]
    rows.append(_html_row(together.by, report.total))
    title = _text(chart.title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n{_svg(chart)}"
        f"<table><tr>{head}</tr>\n{chr(10).join(rows)}\n</table></body></html>\n"
    )


def _html_row(by: tuple[str, ...], row: UsageRow) -> str:
    unknown = row.calls and row.unpriced == row.calls
    usd = "unknown" if unknown else f"{row.usd.normalize():f}"
    numbers = (row.calls, row.failed, row.prompt_tokens, row.completion_tokens)
    cells = "".join(f'<td class="by">{_text(value or "-")}</td>' for value in by)
    cells += "".join(f"<td>{one:,}</td>" for one in numbers)
    return f"<tr>{cells}<td>{usd}</td><td>{row.unpriced:,}</td></tr>"


# --- PNG


def _png(chart: _Chart, path: Path) -> None:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ConfigurationError(
            "a PNG needs matplotlib: pip install 'llmkit[plot]'; .html and .svg need nothing"
        ) from None
    figure = Figure(figsize=(9.6, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    names, below = [_cut(name) for name in chart.bars], [0.0] * len(chart.bars)
    for series, colour in zip(chart.series, _COLOURS, strict=False):
        values = [parts.get(series, 0.0) for parts in chart.bars.values()]
        axes.bar(range(len(names)), values, bottom=below, color=colour, label=_cut(series) or None)
        below = [one + more for one, more in zip(below, values, strict=True)]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", parse_math=False)
    axes.set_ylabel(chart.unit)
    axes.set_title(f"{chart.title} ({chart.note})" if chart.note else chart.title)
    if chart.series not in ([], [""]):
        for text in axes.legend(fontsize="small").get_texts():
            text.set_parse_math(False)
    figure.savefig(path, dpi=150)
