"""Sections of ``docs/benchmarks.md`` that programs of their own write: their tables, and how the page keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

HEADING = "## Stores and budgets\n"
ROUTER = "## The router\n"
GATEWAY = "## The gateway\n"


class Table(NamedTuple):
    """Heads and rows."""

    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def text(self) -> str:
        """As text, in columns."""
        lines = [self.heads, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        )

    def markdown(self) -> str:
        """As Markdown."""
        under = ("---", *["---:"] * (len(self.heads) - 1))
        lines = [self.heads, under, *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Bar(NamedTuple):
    """What must be reached: at most so much, or with ``least`` at least."""

    what: str
    most: float
    found: float | None
    unit: str
    least: bool = False

    def row(self) -> tuple[str, ...]:
        """What, the bar, what was found, and whether that will do."""
        if self.found is None:
            return (self.what, self._told(self.most), "–", "not measured")
        reached = self.found >= self.most if self.least else self.found <= self.most
        return (self.what, self._told(self.most), f"{self.found:,.0f} {self.unit}", _WORDS[reached])

    def _told(self, figure: float) -> str:
        return f"{'≥' if self.least else '≤'} {figure:,.0f} {self.unit}"


_WORDS = {True: "reached", False: "missed"}


def written(page: Path, about: str, tables: Iterable[Table], heading: str = HEADING) -> None:
    """Put a section into the page, in its place or at the end. The others stay."""
    parts = [heading, about, *(f"{one.markdown()}\n" for one in tables)]
    before, _, rest = page.read_text(encoding="utf-8").partition(heading)
    _, mark, after = rest.partition("\n## ")
    page.write_text(f"{before.rstrip()}\n\n" + "\n".join(parts) + mark + after, encoding="utf-8")


def kept(page: Path) -> str:
    """These sections, which are the page's last, as they stand there; nothing where there are none."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    places = [text.find(heading) for heading in (HEADING, ROUTER, GATEWAY) if heading in text]
    return f"\n{text[min(places) :]}" if places else ""
