"""The benchmark of the router runs, and says what it measured. No time is judged."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from bench import section

import router as program


def test_all_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short run: each strategy at each size, each client in both colours, and bars; on the page, too."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")
    short = ["--rounds", "1", "--routes", "2", "--calls", "1", "--page", str(page)]
    monkeypatch.setattr(sys, "argv", ["router.py", *short])
    program.main()
    routed, called, bars, rest = capsys.readouterr().out.split("\n\n")
    assert not rest.strip()
    sizes = len(program.SIZES)
    assert len(routed.splitlines()) == 1 + 2 * sizes * len(program.STRATEGIES)
    assert len(called.splitlines()) == 1 + 2 * 4
    verdicts = [line.split()[-1] for line in bars.splitlines()[1:]]
    assert len(verdicts) == 8
    assert set(verdicts) <= {"reached", "missed"}
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Page\n\n## The router\n")
    assert text.count("| reached |") + text.count("| missed |") == 8
    assert section.kept(page)


def test_bars_are_of_medians() -> None:
    """The slowest strategy is what counts, and a routed call is weighed against a plain one of the same colour."""
    routed = {f"{name}, {size}": [1e-6] for name in program.STRATEGIES for size in program.SIZES}
    routed["least-busy, 10"] = [16e-6]
    called = {
        "plain, sync": [100e-6],
        "10 deployments, sync": [139e-6],
        "10 with limits, sync": [141e-6],
    }
    rows = {row[0]: row[2:] for row in program.bars(routed, called).rows}
    assert rows["route() with 10 deployments, the slowest strategy"] == ("16 µs", "missed")
    assert rows["route() with 100 deployments, the slowest strategy"] == ("1 µs", "reached")
    assert rows["a call, 10 deployments, above a plain one, sync"] == ("39 µs", "reached")
    assert rows["a call, 10 with limits, above a plain one, sync"] == ("41 µs", "missed")
    assert rows["a call, 100 deployments, above a plain one, async"][-1] == "not measured"
