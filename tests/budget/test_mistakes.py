"""A stranger's mistakes: each is refused at once, in words that say what to change; and what is shown can be read."""

from __future__ import annotations

import copy
import logging
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit import Budget, BudgetManager, RateLimit
from llmkit.errors import BudgetExceededError, ConfigurationError
from llmkit.events import BudgetThresholdCrossed, CatchUpFailed, SpendKept, StoreUnreachable
from llmkit.stores import MemoryStore, RedisStore, SQLiteStore

from ._purse import ASK, world

D = Decimal


@pytest.mark.parametrize("value", [None, ["ann", "bob"], {"id": 1}, True, 1.5])
def test_a_scope_of_what_is_no_id(value: Any) -> None:
    """Its text would be of nobody, and the limit would never hold."""
    with pytest.raises(ConfigurationError, match="user is one text"):
        Budget(10, scope={"user": value})


def test_blanks_around_an_id_are_no_part_of_it() -> None:
    """A call, a record by hand and a budget mean the same user; nothing but blanks is nobody."""
    with world(Budget(10, scope={"user": " ann "})) as (_, client, purse):
        client.completion(**ASK, user="ann ")
        purse.manager.update_spend(1, user=" ann")
        assert purse.manager.get_usage({"user": "ann"}).calls == 2
        assert purse.manager.check_budget(user="ann").limits[0].spent > 1
        purse.manager.update_spend(1, user="  ")
        assert purse.manager.get_usage("user", group_by="scope").calls == 2


@pytest.mark.parametrize(
    "whose",
    [{"team": ["red"]}, {"session": 1.5}, {"customer": {}}, {"tags": {"a": 1}}, {"tags": [["a"]]}],
)
def test_whose_a_call_is_must_be_understood(whose: dict[str, Any]) -> None:
    """A team that is no text would be in no team's budget, without a word."""
    with world() as (sim, client, _):
        with pytest.raises(ConfigurationError, match="a text"):
            client.completion(**ASK, **whose)
        with pytest.raises(ConfigurationError, match="a text"):
            llmkit.context(**whose) if "customer" not in whose else llmkit.context(user={})  # type: ignore[arg-type]
        assert sim.requests == []


def test_a_text_of_tags_is_one_tag() -> None:
    """In a call as in a context and by hand; only metadata, which may hold nothing but texts, lists them in one."""
    with world() as (_, client, _purse):
        answer = client.completion(**ASK, tags="a,b", metadata={"tags": "c,d"})
        assert answer.call.attributes == {"tag": ("a,b", "c", "d")}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"store": [Budget(1)]}, r"not list; limits go in budgets=\["),
        ({"store": SQLiteStore}, "not SQLiteStore"),
        ({"store": "sqlite:///b.db"}, "the path alone"),
        ({"budgets": Budget(1)}, "budgets is a list"),
        ({"budgets": [Budget(1), Budget(2)]}, "declare one"),
        ({"callbacks": [1]}, "a callback is a callable"),
        ({"open_limit": 5}, "unreachable='open'"),
        ({"margin": "a"}, "margin is in seconds"),
        ({"least_output": -1}, "least_output is a whole number"),
    ],
)
def test_a_manager_of_what_it_cannot_be(arguments: dict[str, Any], says: str) -> None:
    """Where it is made, not at the first call."""
    with pytest.raises(ConfigurationError, match=says):
        BudgetManager(**arguments)


def test_one_callback_is_a_list_of_one() -> None:
    """A callable by itself is told."""
    told: list[Any] = []
    manager = BudgetManager(budgets=[Budget(1)], callbacks=told.append)  # type: ignore[arg-type]
    manager.update_spend(1)
    assert told


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("reserve", {"usd": 1, "lease": "1h"}, "lease is in seconds"),
        ("reserve", {"usd": 1, "id": 5}, "an id is a text"),
        ("update_spend", {"usd": 1, "id": 17}, "an id is a text"),
        ("increase_budget", {"scope": "global", "amount": 1, "until": 3600}, r"time\(\) \+ 3600"),
        ("remove_budget", {"window": "hour"}, "did you mean '1h'"),
    ],
)
def test_wrong_arguments(name: str, arguments: dict[str, Any], says: str) -> None:
    """Each is refused in words, and not by what happens to fail in it."""
    with pytest.raises(ConfigurationError, match=says):
        getattr(BudgetManager(budgets=[Budget(9)]), name)(**arguments)


def test_the_same_id_for_more() -> None:
    """A hold says what is held. It is no hold of more, which nobody would have held."""
    manager = BudgetManager(budgets=[Budget(5)])
    manager.reserve("0.2", id="a")
    assert manager.reserve("0.1", id="a").usd == D("0.2")
    with pytest.raises(ConfigurationError, match=r"\$0.2 has this id, and \$0.3"):
        manager.reserve("0.3", id="a")
    assert manager.check_budget().limits[0].held == D("0.2")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_manager_is_not_copied(copied: Any) -> None:
    """Another process makes its own, over the same store."""
    with pytest.raises(TypeError, match="one in each process"):
        copied(BudgetManager())


@pytest.mark.parametrize("ledger", [5, "ledger.db", BudgetManager()])
def test_a_ledger_that_is_none(ledger: Any) -> None:
    """Before a call is made, and paid, that nobody could settle."""
    with pytest.raises(ConfigurationError, match="ledger must be a store"):
        llmkit.Client(ledger=ledger)


def test_a_postgres_address_of_words_is_no_file(tmp_path: Path, monkeypatch: Any) -> None:
    """Of libpq's other form: a file of this name would show the password, and be shared with nobody."""
    monkeypatch.chdir(tmp_path)
    manager = BudgetManager("host=127.0.0.1 port=1 user=u password=hunter2 dbname=d")
    assert "hunter2" not in repr(manager)
    assert type(manager.store).__name__ == "PostgresStore"
    assert repr(manager.store) == "PostgresStore('127.0.0.1:1/d')"


def test_a_path_that_is_none() -> None:
    """A NUL ends a path for the system."""
    with pytest.raises(ConfigurationError, match="without NUL"):
        SQLiteStore("a\0b")


@pytest.mark.parametrize("url", [None, "redis://h?foo=bar", "redis://:hunter2@h?foo=hunter2"])
def test_a_redis_url_that_is_none(url: Any) -> None:
    """Where the store is made; its words quote no value."""
    with pytest.raises(ConfigurationError, match="Redis store") as caught:
        RedisStore(url)
    assert "hunter2" not in str(caught.value)


def test_why_redis_is_not_reached() -> None:
    """The system's reason is said, and no more."""
    with pytest.raises(llmkit.StoreUnavailableError, match="Connection refused"):
        BudgetManager("redis://:hunter2@127.0.0.1:1").check_budget()


def test_amounts_are_shown_as_people_write_them() -> None:
    """Sums keep zeros, and a zero of a sum may be 0E-8: neither is shown. A share of a third has four digits."""
    told: list[Any] = []
    manager = BudgetManager(budgets=[Budget(3, scope="user", soft=1)], callbacks=[told.append])
    manager.reserve("0.00000010", user="ann").settle("0.00000010")
    manager.update_spend("1.10000000", user="ann")
    status = manager.check_budget(user="ann").limits[0]
    assert [str(amount) for amount in (status.held, status.spent)] == ["0", "1.1000001"]
    assert str(manager.get_usage("user").usd) == "1.1000001"
    assert isinstance(told[0], BudgetThresholdCrossed)
    assert str(told[0].threshold) == "0.3333"
    with pytest.raises(BudgetExceededError, match=r"\$1\.1000001 are spent and \$0 held") as caught:
        manager.reserve(10, user="ann")
    assert str(caught.value.held) == "0"


def test_reprs() -> None:
    """They show what was written."""
    assert "scope='user=ann'" in repr(Budget(1, scope={"user": "ann"}))
    assert repr(BudgetManager(MemoryStore(), [RateLimit(tokens=1e5)])) == (
        "BudgetManager(MemoryStore(), budgets=1)"
    )
    assert "tokens=Decimal('100000')" in repr(RateLimit(tokens=1e5))


def test_a_warning_is_a_sentence(caplog: Any) -> None:
    """What is logged without being asked for is for people: no repr, and what follows from it."""
    with caplog.at_level(logging.WARNING, "llmkit"), pytest.raises(llmkit.StoreError):
        BudgetManager("no/such/directory.db").check_budget()
    (record,) = caplog.records
    said = record.getMessage()
    assert said.startswith(
        "the budget's store is unreachable, calls are refused until it is back: "
    )
    assert said.endswith("its directory does not exist")
    assert "calls go on" in str(StoreUnreachable("S", llmkit.StoreError("away"), open=True))
    assert str(SpendKept("h", D("0.50"), "nowhere", "away")).startswith(
        "a settlement of $0.50 could"
    )
    assert str(CatchUpFailed("h", "full")) == (
        "the catch-up ledger of h could not be worked off, and is tried again: full"
    )
