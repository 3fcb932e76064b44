"""``usage`` and ``llmkit usage``: what a log comes to, by this and that, with what is not known counted apart."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

import llmkit
from llmkit._cli import main
from llmkit.telemetry import usage

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400
START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC).timestamp()


def row(number: int, **said: Any) -> dict[str, Any]:
    """A line of a log."""
    usual = {
        "type": "call", "id": f"call_{number}", "kind": "chat", "provider": "p", "model": "m", "outcome": "completed",
        "started": START + number * DAY / 2, "seconds": 0.5, "prompt_tokens": 10, "completion_tokens": 5, "cost": "0.1",
        "user": "ann", "tags": [],
    }  # fmt: skip
    return {**usual, **said}


ROWS = [
    row(0, cost="0.1"),
    row(1, cost="0.2", model="n", tags=["a", "b"]),
    row(2, cost=None, user="=cmd()", model="n"),
    row(
        3,
        cost="0.0000000000000000000001",
        outcome="failed",
        prompt_tokens=None,
        completion_tokens=None,
    ),
    row(4, cost=None, user="\x1b[31mred", model="q"),
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of five calls in three days."""
    path = tmp_path / "calls.jsonl"
    attempt = json.dumps({"type": "attempt", "id": "call_0", "number": 1})
    text = "\n".join((attempt, *map(json.dumps, ROWS), json.dumps(ROWS[0])))
    path.write_text(text + "\n", encoding="utf-8")
    return path


def test_sums_are_exact_and_unknown_is_apart(log: Path) -> None:
    """Decimals, added as such; a call is counted once, however often it was written."""
    report = usage(log)
    assert [(one.by, one.calls, one.usd, one.unpriced) for one in report] == [
        (("m",), 2, Decimal("0.1000000000000000000001"), 0),
        (("n",), 2, Decimal("0.2"), 1),
        (("q",), 1, Decimal(0), 1),
    ]
    total = report.total
    assert (total.calls, total.failed, total.unpriced, total.uncounted) == (5, 1, 2, 1)
    assert total.usd == Decimal("0.3000000000000000000001")
    assert [one["usd"] for one in report.asdicts()] == ["0.1000000000000000000001", "0.2", None]


def test_by_tag_and_by_several(log: Path) -> None:
    """A call with two tags is in both rows, and in the total once."""
    assert {one.by: one.calls for one in usage(log, "tag")} == {("",): 4, ("a",): 1, ("b",): 1}
    assert usage(log, "tag").total.calls == 5
    found = usage(log, ["day", "model"])
    assert [one.by for one in found][:2] == [("2026-11-20", "m"), ("2026-11-20", "n")]
    assert len(usage(log, "month")) == 1


@pytest.mark.parametrize(
    ("since", "until", "calls"),
    [
        ("2026-11-21", None, 3),
        (None, "2026-11-21", 2),
        ("2026-11-20T12:00:00+00:00", "2026-11-21T12:00:00Z", 2),
        (dt.date(2026, 11, 21), dt.datetime(2026, 11, 22), 2),  # noqa: DTZ001 - UTC where nothing is said
        (START + DAY, str(START + 2 * DAY), 2),
    ],
)
def test_a_part_of_the_time(log: Path, since: Any, until: Any, calls: int) -> None:
    """From then, included, to then, not included."""
    assert usage(log, since=since, until=until).total.calls == calls


def test_days_of_a_time_zone(tmp_path: Path) -> None:
    """A call half an hour before midnight in London is one of the next day in Berlin; times may name no zone."""
    path = tmp_path / "calls.jsonl"
    late = dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC).timestamp()
    path.write_text(json.dumps({**ROWS[0], "id": "late", "started": late}) + "\n")
    assert usage(path, "day").rows[0].by == ("2026-11-20",)
    there = usage(path, ["day", "hour"], timezone="Europe/Berlin", since="2026-11-21")
    assert there.rows[0].by == ("2026-11-21", "2026-11-21 00:00")
    assert usage(path, since="2026-11-21").total.calls == 0


@pytest.mark.parametrize(
    "nonsense",
    [
        *({"started": wrong} for wrong in (1e300, -1e18, None, "soon", float("nan"))),
        *({"cost": wrong} for wrong in ("NaN", "1e99", "-1", "Infinity", "free")),
        {"prompt_tokens": "1e400"},
        {"seconds": "inf"},
    ],
    ids=str,
)
def test_rows_that_cannot_be(tmp_path: Path, nonsense: Any) -> None:
    """What says nonsense is told, and spoils no sum."""
    path = tmp_path / "calls.jsonl"
    wrong = json.dumps({**ROWS[0], "id": "wrong", **nonsense})
    path.write_text("\n".join((wrong, json.dumps(ROWS[0]))) + "\n")
    report = usage(path, "day")
    assert (report.total.calls, report.unreadable) == (1, 1)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"by": "modle"}, "did you mean model"),
        ({"since": "yesterday"}, "is no time"),
        ({"timezone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
        ({"until": "12"}, "is no time"),
    ],
)
def test_wrong_questions(log: Path, how: Any, message: str) -> None:
    """They are told what there is."""
    with pytest.raises(llmkit.ConfigurationError, match=message):
        usage(log, **how)


def test_the_table(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Columns, a total, and what is not in it; no costs are no zero."""
    assert main(["usage", str(log), "--by", "user"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == [
        "USER",
        "CALLS",
        "FAILED",
        "PROMPT",
        "COMPLETION",
        "USD",
        "UNPRICED",
    ]
    assert ["=cmd()", "1", "0", "10", "5", "-", "1"] in [line.split() for line in shown]
    assert shown[-3].split() == ["total", "5", "1", "40", "20", "0.3000000000000000000001", "2"]
    assert shown[-2] == "USD is without 2 calls of unknown cost."
    assert "\x1b" not in "".join(shown)


def test_for_programs(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CSV that no spreadsheet runs, and JSON with exact texts."""
    assert main(["usage", str(log), "--by", "user", "--csv"]) == 0
    found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [one["user"] for one in found][-1] == "ann"
    assert {one["usd"] for one in found if one["unpriced"] == one["calls"]} == {""}
    assert "'=cmd()" in {one["user"] for one in found}
    assert main(["usage", str(log), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["total"]["usd"] == "0.3000000000000000000001"
    assert len(told["rows"]) == 3


@pytest.mark.parametrize("name", ["u.svg", "u.html"])
@pytest.mark.parametrize("by", ["day,user", "model"])
def test_pictures(log: Path, tmp_path: Path, name: str, by: str) -> None:
    """Self-contained: no script, nothing from elsewhere, strangers' names as text; and well-formed."""
    strange = json.dumps(row(9, user="<script>alert(1)</script>"))
    log.write_text(log.read_text(encoding="utf-8") + strange + "\n", encoding="utf-8")
    path = tmp_path / name
    assert main(["usage", str(log), "--by", by, "--plot", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    svg = text[text.index("<svg") : text.index("</svg>") + 6]
    drawn = ET.fromstring(svg)  # noqa: S314 - our own
    assert [one for one in drawn.iter() if one.tag.endswith("rect")]
    assert text.count("http") == 1
    assert "without 2 calls of unknown cost" in text


def test_a_picture_of_many(tmp_path: Path) -> None:
    """The highest bars, and as many series as there are colours."""
    path, picture = tmp_path / "c.jsonl", tmp_path / "u.svg"
    many = [row(n, model=f"m{n}", user=f"u{n % 20}", cost=str(n)) for n in range(100)]
    path.write_text("\n".join(map(json.dumps, many)), encoding="utf-8")
    assert main(["usage", str(path), "--by", "model,user", "--plot", str(picture)]) == 0
    text = picture.read_text(encoding="utf-8")
    assert ">m99<" in text
    assert ">m10<" not in text
    assert ">other<" in text


def test_wrong_pictures(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is told: a library, a folder, a kind, a log."""
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    for arguments, message in (
        ([str(log), "--plot", str(tmp_path / "u.png")], r"pip install 'llmkit[plot]'"),
        ([str(log), "--plot", str(tmp_path / "no" / "u.svg")], "there is no folder"),
        ([str(log), "--plot", str(tmp_path / "u.gif")], "ends with none of"),
        ([str(tmp_path / "none.db")], "there is no file"),
    ):
        assert main(["usage", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_png(log: Path, tmp_path: Path) -> None:
    """With matplotlib, where it is installed."""
    pytest.importorskip("matplotlib", reason="comes with the extra plot")
    path, strange = tmp_path / "u.png", json.dumps(row(9, model="$\\frac$", user="$x"))
    log.write_text(log.read_text(encoding="utf-8") + strange + "\n", encoding="utf-8")
    assert main(["usage", str(log), "--by", "day,model", "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
