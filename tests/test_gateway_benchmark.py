"""The benchmark of the gateway runs, and says what it measured. No time is judged."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

import gateway as program
from bench import section


def test_all_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A short run: the bare forwarders, the one by hand, ours; on the page, too."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")
    short = ["--rounds", "1", "--seconds", "0.1", "--page", str(page)]
    monkeypatch.setattr(sys, "argv", ["gateway.py", *short])
    program.main()
    measured, bars, rest = capsys.readouterr().out.split("\n\n")
    assert not rest.strip()
    gateways = ["gateway", "bare", "bare,", "live", "by", "hand", "llmkit"]
    assert measured.split("\n")[0].split() == gateways
    assert len(bars.splitlines()) == 1 + 9
    assert bars.count("not measured") == 3  # what is held against LiteLLM's
    assert "## The gateway" in page.read_text(encoding="utf-8")
    assert section.kept(page)


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    """Not the ratio of medians: rounds differ by what else the machine does."""
    found = {"one": {"x": [1.0, 10.0, 4.0]}, "other": {"x": [2.0, 5.0, 4.0]}, "none": {}}
    assert program.ratio(found, "x", "one", "other") == 1.0
    assert program.ratio(found, "x", "one", "none") is None
    assert program.middle(found, "one", "x") == 4.0
