"""JSONL and SQLite: a row for each call, exact, whole, shared by processes, with nothing that nobody asked for."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit.telemetry import JSONL, SQLiteLog, usage
from llmkit.testing import scripted

from .conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = "openai/gpt-4o-mini"
ASK: list[Any] = [{"role": "user", "content": "a secret prompt"}]


def lines(path: Path) -> list[dict[str, Any]]:
    """What a JSONL file has."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows(path: Path, table: str = "calls") -> list[dict[str, Any]]:
    """What an SQLite log has."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608 - a table of ours


def test_both_have_the_same_calls(tmp_path: Path, client: Callable[..., llmkit.Client]) -> None:
    """A call that was tried twice, one that failed, one of unknown cost: exact, NULL where nobody knows."""
    made = client(f"jsonl:{tmp_path}/c.jsonl", f"sqlite:{tmp_path}/c.db")
    with scripted(500, "one", 400, "three"):
        first = made.completion(MODEL, ASK, user="ann")
        with pytest.raises(llmkit.BadRequestError):
            made.completion(MODEL, ASK)
        made.completion("openai/gpt-nobody-knows", ASK)
    made.close()
    written = lines(tmp_path / "c.jsonl")
    assert [one["type"] for one in written] == ["attempt", "call", "attempt", "call", "call"]
    calls = [one for one in written if one["type"] == "call"]
    kept = rows(tmp_path / "c.db")
    assert [one["id"] for one in calls] == [one["id"] for one in kept]
    assert [one["cost"] for one in calls] == [one["cost"] for one in kept]
    assert Decimal(calls[0]["cost"]) == first.cost.total
    assert calls[2]["cost"] is None
    assert calls[0]["user"] == kept[0]["user"] == "ann"
    assert [one["error"] for one in rows(tmp_path / "c.db", "attempts")] == [
        "InternalServerError",
        "BadRequestError",
    ]
    for path in (tmp_path / "c.jsonl", tmp_path / "c.db"):
        assert path.stat().st_mode & 0o077 == 0
        assert not {b"a secret", KEY.encode()} & {
            part for part in (b"a secret", KEY.encode()) if part in path.read_bytes()
        }


@pytest.mark.parametrize("kind", [JSONL, SQLiteLog])
def test_content_is_redacted(
    tmp_path: Path,
    client: Callable[..., llmkit.Client],
    kind: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Asked for, prompt and answer are kept; through the caller's function, and never a key."""

    def redact(text: str) -> str:
        if "fail" in text:
            raise ValueError(text)
        return text.replace("Ann", "[name]")

    path, key = tmp_path / "calls", "sk-" + "y" * 30
    made = client(kind(path, content=True, redact=redact))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = [{"type": "text", "text": f"Ann, {key}"}, picture, {"type": "text", "text": "fail x"}]
    ask = [{"role": "system", "content": "Be Ann"}, {"role": "user", "content": parts}]
    with scripted("I am Ann"), caplog.at_level(logging.ERROR, "llmkit"):
        made.completion(MODEL, ask)
        made.close()
    [row] = rows(path) if kind is SQLiteLog else lines(path)
    said = [json.loads(row[one]) if kind is SQLiteLog else row[one] for one in ("input", "output")]
    assert said[0] == [
        {"role": "system", "parts": [{"type": "text", "content": "Be [name]"}]},
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "[name], [redacted]"},
                {"type": "image_url", "left_out": True},
                {"type": "text", "content": "[left out: redact failed]"},
            ],
        },
    ]
    assert said[1][0]["parts"] == [{"type": "text", "content": "I am [name]"}]
    assert "redact failed" in caplog.text
    assert "fail x" not in caplog.text


def test_a_torn_line_is_left_behind(tmp_path: Path, client: Callable[..., llmkit.Client]) -> None:
    """What a crash has torn spoils no line that follows, and is told of by who reads."""
    path = tmp_path / "calls.jsonl"
    path.write_text('{"type":"call","id":"torn', encoding="utf-8")
    made = client(JSONL(path))
    with scripted("x"):
        made.completion(MODEL, ASK)
    made.close()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    report = usage(path)
    assert (report.total.calls, report.unreadable) == (1, 1)


def test_rotation(tmp_path: Path, client: Callable[..., llmkit.Client]) -> None:
    """A file that is full gets a number; so many are kept, and read along."""
    path = tmp_path / "calls.jsonl"
    sink = JSONL(path, max_bytes=1_000, keep=2)
    made = client(sink)
    with scripted(*"abcde"):
        for _ in range(5):
            made.completion(MODEL, ASK)
            assert sink.flush()
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "calls.jsonl", "calls.jsonl.1", "calls.jsonl.2",
    ]  # fmt: skip
    assert usage(path).total.calls == 3


def test_half_a_character(tmp_path: Path, client: Callable[..., llmkit.Client]) -> None:
    """What only Python can hold loses no row."""
    made = client(f"jsonl:{tmp_path}/c.jsonl", f"sqlite:{tmp_path}/c.db")
    with scripted("x"), llmkit.context(user="a\ud800b"):
        made.completion(MODEL, ASK)
    made.close()
    assert len(lines(tmp_path / "c.jsonl")) == len(rows(tmp_path / "c.db")) == 1


WRITER = """
import sys, llmkit
from llmkit.testing import scripted
from llmkit.telemetry import JSONL
sinks = [JSONL("c.jsonl", max_bytes=3000, keep=90), "sqlite:c.db"]
with llmkit.Client(callbacks=sinks, environ={"OPENAI_API_KEY": "k"}) as client:
    with scripted(*"x" * 20):
        for number in range(20):
            ask = [{"role": "user", "content": "Hi"}]
            client.completion("openai/gpt-4o-mini", ask, user=sys.argv[1])
            if not number % 5:
                client.close()
"""


def test_processes_share_a_file(tmp_path: Path) -> None:
    """Nothing is lost and nothing mixed where several write, and turn the file, at once."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-W", "error", "-c", WRITER]
    writers = [
        subprocess.Popen(
            [*command, f"user{number}"],
            cwd=tmp_path,
            env=environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    assert [writer.communicate(timeout=60)[1] for writer in writers] == [""] * 2
    for name in ("c.jsonl", "c.db"):
        report = usage(tmp_path / name, "user")
        assert [(row.by, row.calls) for row in report] == [((f"user{n}",), 20) for n in range(2)]
        assert report.unreadable == 0


def test_a_log_that_cannot_be_written_breaks_nothing(
    tmp_path: Path, client: Callable[..., llmkit.Client], caplog: pytest.LogCaptureFixture
) -> None:
    """The call goes well; what was lost is counted, and told once; once it works again, so does the log."""
    folder = tmp_path / "there"
    folder.mkdir()
    sinks = [JSONL(folder / "c.jsonl"), SQLiteLog(folder / "c.db")]
    made = client(*sinks)
    folder.rename(tmp_path / "gone")
    with caplog.at_level(logging.ERROR, "llmkit"), scripted("a", "b", "c"):
        for _ in range(2):
            assert made.completion(MODEL, ASK).text
            made.close()
        assert [sink.dropped for sink in sinks] == [2, 2]
        assert caplog.text.count("failed:") == 2
        folder.mkdir()
        made.completion(MODEL, ASK)
        made.close()
    assert usage(folder / "c.jsonl").total.calls == usage(folder / "c.db").total.calls == 1


def test_wrong_paths(tmp_path: Path) -> None:
    """Each is said when the sink is made, with what to change."""
    (tmp_path / "text").write_text("no database, but a text of some length", encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("PRAGMA application_id = 77")
        connection.execute("CREATE TABLE t (a)")
    for make, path, message in (
        (JSONL, tmp_path, "is a folder"),
        (JSONL, tmp_path / "no" / "c.jsonl", "there is no folder"),
        (SQLiteLog, tmp_path / "text", "no SQLite file"),
        (SQLiteLog, tmp_path / "other.db", "something else"),
        (JSONL, "", "a file's path"),
    ):
        with pytest.raises(llmkit.ConfigurationError, match=message):
            make(path)
    for wrong in (
        {"max_bytes": 0},
        {"keep": 0},
        {"size": 0},
        {"redact": str},
        {"redact": 3, "content": True},
    ):
        with pytest.raises(llmkit.ConfigurationError):
            JSONL(tmp_path / "c.jsonl", **wrong)  # type: ignore[arg-type]
    for path, message in (
        (tmp_path / "text", "no log of calls"),
        (tmp_path / "other.db", "something else"),
        (tmp_path / "none", "no file"),
    ):
        with pytest.raises(llmkit.ConfigurationError, match=message):
            usage(path)
