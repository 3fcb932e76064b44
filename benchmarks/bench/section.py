"""The section of ``docs/benchmarks.md`` on stores and budgets: its tables, and how the page keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

HEADING = "## Stores and budgets\n"


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


def written(page: Path, about: str, tables: Iterable[Table]) -> None:
    """Put the section, which is the page's last, into it."""
    parts = [HEADING, about, *(f"{one.markdown()}\n" for one in tables)]
    before = page.read_text(encoding="utf-8").partition(HEADING)[0].rstrip()
    page.write_text(f"{before}\n\n" + "\n".join(parts), encoding="utf-8")


def kept(page: Path) -> str:
    """The section as it stands on a page; nothing where there is none."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    _, heading, rest = text.partition(HEADING)
    return f"\n{heading}{rest}" if heading else ""
