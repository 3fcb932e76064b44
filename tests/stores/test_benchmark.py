"""The benchmark of stores and budgets runs on every store, and says what it measured; its section stays on the page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "stores.py"
sys.path.append(str(PROGRAM.parent))

from bench import section  # noqa: E402 - of the programs, found by the line above


def test_every_store_is_measured(tmp_path: Path) -> None:
    """One short round: a line for each store, whose servers are started for it and end with it, and bars."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nBefore.\n", encoding="utf-8")
    short = ("--rounds", "1", "--pairs", "25", "--seconds", "0.1", "--calls", "2")
    short = (*short, "--folder", str(tmp_path), "--page", str(page))
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *short],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    alone, together, admitted, letting, called, bars, rest = done.stdout.split("\n\n")
    assert not rest.strip()
    for name in ("memory", "sqlite crash", "sqlite power", "postgres", "redis"):
        for table in (alone, admitted):
            found = re.search(rf"^{name}\s+([\d.]+)\s+([\d.]+)\s+(\d+)$", table, re.MULTILINE)
            assert found, table
            assert 0 < float(found[1]) <= float(found[2])
        rates = rf"^{name}\s+[\d,]+\s+([\d,]+|–)\s+([\d,]+|–)$"
        for table in (together, letting):
            assert re.search(rates, table, re.MULTILINE), table
    assert (
        len(re.findall(r"^(?:no budget|memory|sqlite crash), a?sync .*\d", called, re.MULTILINE))
        == 6
    )
    assert len(re.findall(r" (?:reached|missed)$", bars, re.MULTILINE)) == 7, bars
    written = page.read_text(encoding="utf-8")
    assert written.startswith("# Page\n\nBefore.\n\n## Stores and budgets\n")
    assert written.count("| reached |") + written.count("| missed |") == 7
    assert list(tmp_path.iterdir()) == [page]


def test_a_section_is_written_anew_and_kept(tmp_path: Path) -> None:
    """What was measured last stands on the page once, and stays there when the rest of it is made anew."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")
    assert not section.kept(page)
    bar = section.Bar("pairs", 40, 50, "µs")
    assert bar.row() == ("pairs", "≤ 40 µs", "50 µs", "missed")
    assert bar._replace(least=True).row() == ("pairs", "≥ 40 µs", "50 µs", "reached")
    assert bar._replace(found=None).row()[-1] == "not measured"
    for what in ("old", "new"):
        section.written(page, f"Of {what}.\n", [section.Table(("bar", "is"), [("pairs", what)])])
    text = "## Stores and budgets\n\nOf new.\n\n| bar | is |\n| --- | ---: |\n| pairs | new |\n"
    assert page.read_text(encoding="utf-8") == f"# Page\n\n{text}"
    assert section.kept(page) == f"\n{text}"
    assert not section.kept(tmp_path / "none.md")


def test_sections_leave_each_other_alone(tmp_path: Path) -> None:
    """Each is written anew in its place, whichever is written first, and both are kept."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")

    def write(heading: str, what: str) -> None:
        section.written(page, f"{what}.\n", [section.Table(("a",), [("b",)])], heading)

    def shown(heading: str, what: str) -> str:
        return f"{heading}\n{what}.\n\n| a |\n| --- |\n| b |\n"

    write(section.HEADING, "Old")
    write(section.ROUTER, "Second")
    write(section.HEADING, "First")
    both = f"{shown(section.HEADING, 'First')}\n{shown(section.ROUTER, 'Second')}"
    assert page.read_text(encoding="utf-8") == f"# Page\n\n{both}"
    assert section.kept(page) == f"\n{both}"
    write(section.ROUTER, "Third")
    assert section.kept(page) == f"\n{both.replace('Second', 'Third')}"
