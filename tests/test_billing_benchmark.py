"""The benchmark of billing runs, and says what it measured. No time is judged."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benchmarks"))

import bills as program  # noqa: E402
from bench import processes  # noqa: E402 - a program's parts, found by the line above
from bench.bills import own, trials  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

LLMKIT = trials.Subject("llmkit", "llmkit", Path(sys.executable), str(ROOT / "src"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[trials.Place]:
    """The loopback provider, and a folder."""
    with processes.serving(None) as server:
        yield trials.Place(server, str(tmp_path))


@pytest.mark.skipif(
    not os.environ.get("LLMKIT_FULL"),
    reason="whoever comes behind a killed sender waits for its lease's end: a minute",
)
def test_a_killed_contestant_is_counted(place: trials.Place) -> None:
    """What was answered before the kill is billed after it, once each."""
    tally = trials.killed(LLMKIT, "postgres", place, 1)
    assert tally.answered > 0
    assert (tally.lost, tally.double) == (0, 0)


def test_trouble_on_the_way_is_counted(place: trials.Place) -> None:
    """Lost acknowledgements and refusals lose nothing and double nothing, on the store that forgives less."""
    unheard = trials.unacknowledged(LLMKIT, "postgres", place, 30)
    refused = trials.refused(LLMKIT, "clickhouse", place, 30)
    assert [(one.lost, one.double, one.answered) for one in (unheard, refused)] == [(0, 0, 30)] * 2


def test_a_tally_says_what_is_lost_and_doubled() -> None:
    """Lost of what was answered, doubled beyond what was served."""
    lost = trials.Tally(answered=10, counted=7, sent=7, requests=7, connections=1, served=11)
    assert (lost.lost, lost.double) == (3, 0)
    double = trials.Tally(answered=10, counted=13, sent=26, requests=13, connections=2, served=11)
    assert (double.lost, double.double) == (0, 2)
    assert program._asked(double) == ("13,000", "26,000", "5,000", "2,000")
    assert program._told(lost) == "**3** / **0** of 10"


def test_a_process_that_fails_is_told(place: trials.Place) -> None:
    """What it wrote is shown, in place of figures of nothing."""
    nobody = trials.Subject("lago_agent_sdk", "nobody", Path(sys.executable), "/nowhere")
    with pytest.raises(SystemExit, match="lago_agent_sdk"):
        trials.undisturbed(nobody, "postgres", place, 1)


def test_the_page_says_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is on it, with what it was measured on."""
    monkeypatch.setattr(program, "subjects", lambda *_: [LLMKIT])
    page = tmp_path / "page.md"
    parts = ["requests", "waits", "entitlement"]
    few = ["--calls", "20", "--rounds", "1", "--contestants", "llmkit", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["bills.py", *few, "--page", str(page), *parts])
    program.main()
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Billing, measured\n")
    assert text.count("\n| --- |") == 3
    assert "| llmkit | 500 |" in text
    assert "| check_entitlement |" in text
    assert "Python 3" in text


def test_an_hours_outage_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer calls here; each is billed once Lago is back, and Lago is asked slowly meanwhile."""
    monkeypatch.setattr(own, "CALLS", 200)
    rows = dict(own.outage(str(tmp_path)).rows)
    assert rows["calls billed"] == "200"
    assert int(rows["requests during the outage"]) < 200
    assert int(rows["requests after it"]) < 10
