"""``llmkit budget``: limits, usage and audit of a store, from the command line."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from llmkit import Budget, BudgetManager, RateLimit
from llmkit._cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with limits of three kinds, and some spend."""
    path = str(tmp_path / "budgets.db")
    with BudgetManager(path) as manager:
        manager.set_budget(Budget(10, None, {"user": "ann & co"}))
        manager.set_budget(Budget(5, "30d", scope="user"))
        manager.set_budget(RateLimit(requests=100, scope="global"))
        manager.reserve(1, user="ann & co").settle("0.25", prompt_tokens=1200, completion_tokens=3)
        manager.update_spend("0.5", user="bob", model="openai/gpt-4o")
        manager.reserve("0.125", user="ann & co")
    return path


def run(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> tuple[list[str], str]:
    """What a command prints, line by line, its blanks made one; and its error."""
    assert main(["budget", *argv]) == code
    out, err = capsys.readouterr()
    return [" ".join(text.split()) for text in out.splitlines()], err


def test_limits_and_how_they_stand(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is many's has no one amount."""
    out, _ = run(capsys, "show", store)
    assert out == [
        "SCOPE MEASURE WINDOW LIMIT SPENT HELD",
        "global requests 1m 100 2 1",
        "user=* usd 30d 5 - -",
        "user=ann%20%26%20co usd total 10 0.25 0.125",
    ]


def test_limits_of_keys_and_long_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands for them in a scope's text is looked for as it is; without any limit, that is said."""
    path = str(tmp_path / "budgets.db")
    key = "sk-" + "0123456789abcdefghijkl"
    with BudgetManager(path) as manager:
        assert manager.list_budgets() == []
        assert "declared in code" in run(capsys, "show", path)[0][0]
        for scope in ({"key": key}, {"user": "x" * 500}, {"model": "gpt-4o", "user": "*"}):
            manager.set_budget(Budget(5, scope=scope))
        manager.update_spend(1, key=key, user="x" * 500)
    out, _ = run(capsys, "show", path)
    assert [text.rpartition("month ")[2] for text in out[1:]] == ["5 1 0", "5 - -", "5 1 0"]
    assert key not in "".join(out)


def test_usage_by_what_is_asked(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All of it by model, unless something else is said."""
    assert run(capsys, "usage", store)[0] == [
        "MODEL CALLS PROMPT COMPLETION USD",
        "- 1 1,200 3 0.25",
        "openai/gpt-4o 1 0 0 0.5",
    ]
    assert run(capsys, "usage", store, "--scope", "user", "--by", "scope")[0][1:] == [
        "user=ann%20%26%20co 1 1,200 3 0.25",
        "user=bob 1 0 0 0.5",
    ]
    assert run(capsys, "usage", store, "--since", "2999-01-01")[0][1:] == []


def test_a_ledger_that_balances(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Entries, live holds, holds that became spend; no differences."""
    out, err = run(capsys, "audit", store)
    assert out == ["entries 2", "holds 1", "expired 0", "differences 0"]
    assert err == ""


def test_a_ledger_that_does_not_balance_is_an_error(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has written into the tables: it says where, and exits with 1."""
    with sqlite3.connect(store) as rows:
        rows.execute("UPDATE llmkit_counter SET spent = '0.2' WHERE account LIKE 'usd:total:%'")
    rows.close()
    out, err = run(capsys, "audit", store, code=1)
    assert out[3] == "differences 1"
    assert out[4].endswith("the ledger says 0.25, the counter 0.2")
    assert "usd:total:user=ann" in out[4]
    assert "not what the ledger says" in err


def test_a_file_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name was mistyped: an empty store would only look like an answer."""
    _, err = run(capsys, "show", str(tmp_path / "budgest.db"), code=2)
    assert "there is no file" in err
    assert list(tmp_path.iterdir()) == []


def test_what_usage_is_not_grouped_by(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is 2, and says what there is."""
    _, err = run(capsys, "usage", store, "--by", "colour", code=2)
    assert "scope, day, provider, model" in err
