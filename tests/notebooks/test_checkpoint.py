"""Checkpoints of ``map``: what is kept is not paid again, what nobody knows is told, one run at a time has a file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import llmkit
from llmkit.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    StoreError,
    StoreUnavailableError,
)
from llmkit.testing import ToolUse, faults, scripted

from .conftest import KEY, MODEL

if TYPE_CHECKING:
    from llmkit.testing import Simulator

Ask = dict[str, Any]


@pytest.fixture
def kept(ask: Ask, tmp_path: Path) -> Ask:
    """What a map with a checkpoint is told."""
    return {**ask, "checkpoint": tmp_path / "x.sqlite"}


def test_what_is_kept_is_not_asked_again(kept: Ask, simulator: Simulator) -> None:
    """Rows that failed are, and those that are new; costs are those of all runs."""
    simulator.fail(None, faults.Status(400))
    first = llmkit.map(["a", "b", "c"], "Say {row}", concurrency=1, **kept)
    again = llmkit.map(["c", "d", "b", "a"], "Say {row}", **kept)
    assert [row.kept for row in again] == [True, False, False, True]
    assert len(simulator.requests) == 3 + 2
    assert again.texts[3] == first.texts[0]
    assert again[3].value.model_dump() == first[0].value.model_dump()
    assert again[3].value.cost == first[0].value.cost
    assert again[3].value.call.provider == "openai"
    assert again.errors == [] == again.unknown
    assert again.cost.total == sum(row.cost.total or 0 for row in again)


def test_rows_are_known_by_all_that_is_asked(kept: Ask, simulator: Simulator) -> None:
    """Another prompt, parameter, model or version is another row; a key, a timeout or a row's place is not."""
    llmkit.map(["a"], "Say {row}", **kept)
    for more in ({"temperature": 0.5}, {"model": "openai/gpt-4o"}, {"version": "2"}):
        assert not llmkit.map(["a"], "Say {row}", **{**kept, **more})[0].kept
    assert not llmkit.map(["a"], "Sing {row}", **kept)[0].kept
    assert len(simulator.requests) == 5
    same = llmkit.map(["z", "a"], "Say {row}", timeout=9, api_key=KEY, **kept)
    assert [row.kept for row in same] == [False, True]


def test_who_comes_back_with_other_words_is_told(kept: Ask, simulator: Simulator) -> None:
    """A file that knows none of the rows is no accident that shall pass unseen; one that knows some goes on."""
    assert not llmkit.map(["a", "b"], "Say {row}", **kept).notes
    [note] = llmkit.map(["a", "b"], "Sing {row}", **kept).notes
    assert "has 2 rows, and none of these" in note
    assert not llmkit.map(["a", "c"], "Sing {row}", **kept).notes
    assert len(simulator.requests) == 5


def test_rows_that_are_alike_are_each_asked(kept: Ask, simulator: Simulator) -> None:
    """Twice the same row is two answers, and both are kept."""
    llmkit.map(["a", "a"], "Say {row}", **kept)
    assert [row.kept for row in llmkit.map(["a", "a", "a"], "Say {row}", **kept)] == [
        True,
        True,
        False,
    ]
    assert len(simulator.requests) == 3


def test_what_comes_back_is_what_it_was(tmp_path: Path) -> None:
    """Plain values of every kind, tool calls, and instances of a response format."""

    class City(BaseModel):
        name: str

    values: list[Any] = [
        {"a": [1, 2.5, None, True], "~": "x"}, ("t", 1), b"\x00\xff", Decimal("1.10"), "text",
    ]  # fmt: skip
    path = tmp_path / "x.sqlite"
    with scripted(City(name="Oslo"), ToolUse("f", {"a": 1})):
        for _ in range(2):
            kinds = llmkit.map(values, _same, checkpoint=path)
            assert kinds.values == values
            assert [type(one) for one in kinds.values] == [type(one) for one in values]
            how: Ask = {"model": MODEL, "checkpoint": path, "concurrency": 1}
            [city] = llmkit.map(["a"], "City {row}", response_format=City, **how)
            [tool] = llmkit.map(["a"], "Tool {row}", **how)
            assert city.value.parsed == City(name="Oslo")
            assert tool.value.choices[0].message.tool_calls[0].function.name == "f"
    assert city.kept
    assert tool.kept


def _same(value: Any) -> Any:
    return value


def _bad(value: Any) -> Any:
    return object()


def test_what_cannot_be_kept_ends_it(tmp_path: Path) -> None:
    """Before more is paid for what would have to be paid again."""
    with pytest.raises(ConfigurationError, match="return its fields"):
        llmkit.map(["a"] * 9, _bad, checkpoint=tmp_path / "x.sqlite", concurrency=1)
    with pytest.raises(ConfigurationError, match="plain values, and object"):
        llmkit.map([object()], _same, checkpoint=tmp_path / "x.sqlite")


def test_a_function_that_changed_is_done_again(tmp_path: Path) -> None:
    """Its code counts, its comments do not."""
    module = tmp_path / "functions.py"
    path = tmp_path / "x.sqlite"
    found = []
    for code in ("return row + '1'", "return row + '1'  # the same", "return row + '2'"):
        module.write_text(f"def f(row):\n    {code}\n", encoding="utf-8")
        scope: dict[str, Any] = {"__name__": "functions"}
        exec(compile(module.read_text(encoding="utf-8"), str(module), "exec"), scope)  # noqa: S102
        import linecache

        linecache.checkcache()
        found.append(llmkit.map(["a"], scope["f"], checkpoint=path)[0])
    assert [(row.value, row.kept) for row in found] == [("a1", False), ("a1", True), ("a2", False)]


KILLED = """
import os, sys
import llmkit
llmkit.map([f"row {n}" for n in range(12)], "Say {row}", model="openai/gpt-4o-mini", max_tokens=20, concurrency=4,
           checkpoint=sys.argv[1], progress=False)
"""


def killed(simulator: Simulator, path: Path, after: int) -> None:
    """Run a map in a process that is killed once so many requests have come."""
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": simulator.base_url}
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], env=environment)
    try:
        while len(simulator.requests) < after and child.poll() is None:
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.01)
        with pytest.raises(StoreUnavailableError, match="another run has this checkpoint"):
            llmkit.map(["a"], "Say {row}", model=MODEL, checkpoint=path)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


def test_a_killed_run_goes_on(
    kept: Ask, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row is paid twice whose answer was written; those that were on their way are told, and asked again."""
    simulator.fail(*[None] * 5, *[faults.SlowStart(60)] * 4)
    killed(simulator, kept["checkpoint"], after=9)
    before = len(simulator.requests)
    rows = [f"row {n}" for n in range(12)]
    # An address that a client is made with is part of what is asked.
    monkeypatch.setenv("OPENAI_BASE_URL", simulator.base_url)
    ask = {**kept, "client": llmkit.Client(api_key=KEY)}
    plan = llmkit.map(rows, "Say {row}", dry_run=True, **ask)
    assert (plan.kept, plan.to_do, plan.unknown) == (5, 7, 4)
    results = llmkit.map(rows, "Say {row}", **ask)
    assert results.errors == []
    assert [row.number for row in results if row.kept] == [
        n for n, row in enumerate(results) if row.kept
    ]
    assert sum(row.kept for row in results) == 5
    assert len(simulator.requests) == before + 7
    assert [row.lost for row in results.unknown] == [1] * 4
    assert results.cost.total is None
    assert results.known_cost == sum(row.cost.total or 0 for row in results)
    assert "4 rows" in results.notes[0]


def test_a_row_that_was_lost_may_be_left(kept: Ask, simulator: Simulator) -> None:
    """``unknown="keep"``: it fails with what it is, and nothing is sent; its bound counts as paid."""
    with pytest.raises(ZeroDivisionError):
        llmkit.map(["a"], "Say {row}", budget="0.01", **{**kept, "progress": _interrupted})
    with sqlite3.connect(kept["checkpoint"]) as file:
        file.execute("UPDATE llmkit_map_row SET state = 'begun', result = NULL")
        [bound] = file.execute("SELECT bound FROM llmkit_map_row").fetchone()
    file.close()
    results = llmkit.map(["a"], "Say {row}", unknown="keep", **kept)
    assert isinstance(results[0].error, OutcomeUnknownError)
    assert results.cost.total is None
    assert len(simulator.requests) == 1
    # What may have been paid, and what it costs now: once the bound is too little.
    with pytest.raises(llmkit.BudgetExceededError) as caught:
        llmkit.map(["a"], "Say {row}", budget=bound, **kept)
    assert caught.value.spent == Decimal(bound)


def _interrupted(progress: Any) -> None:
    raise ZeroDivisionError


def test_a_checkpoint_is_a_file_of_its_own(kept: Ask, tmp_path: Path) -> None:
    """Another database, no database and a directory that is not there are told apart."""
    other = sqlite3.connect(kept["checkpoint"])
    other.execute("CREATE TABLE mine (a)")
    other.close()
    with pytest.raises(ConfigurationError, match="something else"):
        llmkit.map(["a"], "Say {row}", **kept)
    (tmp_path / "text").write_text("no database at all, but long enough" * 9, encoding="utf-8")
    with pytest.raises(StoreError, match="no SQLite database"):
        llmkit.map(["a"], "Say {row}", **{**kept, "checkpoint": tmp_path / "text"})
    with pytest.raises(StoreUnavailableError, match="directory does not exist"):
        llmkit.map(["a"], "Say {row}", **{**kept, "checkpoint": tmp_path / "no" / "x"})
