"""LiteLLM's ``BudgetManager`` and ``max_budget``: its names, shapes and units, over a store."""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit.compat import litellm
from llmkit.errors import ConfigurationError, UnknownPriceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86_400
MODEL = "gpt-4o-mini"
# 1,000 tokens at 0.15 and 1,000 at 0.60 USD a million.
ANSWER: dict[str, Any] = {
    "id": "1",
    "model": MODEL,
    "choices": [],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000},
}
COST = 0.00075


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def manager() -> Iterator[litellm.BudgetManager]:
    """One with a user, ann, who has ten dollars."""
    one = litellm.BudgetManager(project_name="app")
    one.create_budget(total_budget=10.0, user="ann")
    yield one
    one.close()


# --- users and budgets ---------------------------------------------------------------------------


def test_a_budget_without_duration(manager: litellm.BudgetManager, folder: Path) -> None:
    """Its record is the total alone; the file has the project's name."""
    assert manager.create_budget(5, "bob") == {"total_budget": 5.0}
    assert manager.get_users() == ["ann", "bob"]
    assert manager.is_valid_user("bob")
    assert not manager.is_valid_user("eve")
    assert manager.get_total_budget("ann") == 10.0
    assert manager.user_dict == {"ann": {"total_budget": 10.0}, "bob": {"total_budget": 5.0}}
    assert (folder / "app.budget.db").exists()


@pytest.mark.parametrize(
    ("duration", "days"), [("daily", 1), ("weekly", 7), ("monthly", 28), ("yearly", 365)]
)
def test_durations_are_days(manager: litellm.BudgetManager, duration: str, days: int) -> None:
    """LiteLLM's numbers of days, and both times."""
    assert manager.create_budget(5.0, "bob", duration=duration, created_at=1.5) == {
        "total_budget": 5.0,
        "duration": days,
        "created_at": 1.5,
        "last_updated_at": 1.5,
    }


def test_a_budget_is_created_now_unless_it_is_said_when(manager: litellm.BudgetManager) -> None:
    """LiteLLM takes the time at which it was imported."""
    before = time.time()
    record = manager.create_budget(5.0, "bob", "daily")
    assert before <= record["created_at"] <= time.time()


def test_another_duration_is_a_mistake(manager: litellm.BudgetManager) -> None:
    """And nothing was created."""
    with pytest.raises(ValueError, match="daily, weekly, monthly, yearly"):
        manager.create_budget(5.0, "bob", duration="hourly")
    assert manager.get_users() == ["ann"]


def test_a_project_may_have_any_name(folder: Path) -> None:
    """Its file stays in the working directory."""
    one = litellm.BudgetManager("../my app/ü")
    one.create_budget(1.0, "ann")
    one.close()
    (file,) = folder.glob("*.budget.db")
    assert file.parent == folder


def test_a_user_may_have_any_name(manager: litellm.BudgetManager) -> None:
    """Signs that mean something elsewhere are only a name here."""
    name = "a&b=c*/%41 ü"
    manager.create_budget(1.0, name)
    manager.update_cost(name, ANSWER)
    assert manager.get_users() == sorted(["ann", name])
    assert manager.get_current_cost(name) == COST


# --- costs ---------------------------------------------------------------------------------------


def test_an_answer_is_recorded(manager: litellm.BudgetManager) -> None:
    """By user and by model; the record comes back under ``user``."""
    found = manager.update_cost(completion_obj=ANSWER, user="ann")
    assert found == {
        "user": {"total_budget": 10.0, "current_cost": COST, "model_cost": {MODEL: COST}}
    }
    manager.update_cost("ann", ANSWER)
    assert manager.get_current_cost("ann") == 2 * COST
    assert manager.get_model_cost("ann") == {MODEL: 2 * COST}


def test_texts_are_recorded(manager: litellm.BudgetManager) -> None:
    """A model, a prompt and an answer: counted, priced."""
    manager.update_cost("ann", model="gpt-4o", input_text="Hello world", output_text="Hi " * 100)
    cost = manager.get_current_cost("ann")
    assert 100 * 10e-6 < cost < 120 * 10e-6
    assert manager.get_model_cost("ann") == {"gpt-4o": cost}


def test_nothing_to_record_is_a_mistake(manager: litellm.BudgetManager) -> None:
    """Neither an answer nor all of model and texts."""
    with pytest.raises(ValueError, match="completion object"):
        manager.update_cost("ann", model="gpt-4o", input_text="Hello")


def test_a_cost_that_is_not_known_is_not_zero(manager: litellm.BudgetManager) -> None:
    """LiteLLM may record 0 here."""
    with pytest.raises(UnknownPriceError):
        manager.update_cost("ann", {**ANSWER, "model": "nobody-knows-it"})
    assert manager.get_current_cost("ann") == 0.0


def test_tenths_add_up(manager: litellm.BudgetManager) -> None:
    """Ten times a tenth is one: amounts are exact inside."""
    for _ in range(10):
        manager.budgets.update_spend("0.1", user="ann")
    assert manager.get_current_cost("ann") == 1.0


def test_what_a_prompt_would_come_to(manager: litellm.BudgetManager) -> None:
    """The prompt's cost on top of what was spent; parts of a prompt count too."""
    manager.update_cost("ann", ANSWER)
    texts = [{"role": "user", "content": "Hello " * 1000}]
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hello " * 1000}]}]
    for messages in (texts, parts):
        projected = manager.projected_cost(MODEL, messages, "ann")
        assert projected == pytest.approx(COST + 1001 * 0.15e-6, rel=0.02)


@pytest.mark.parametrize(
    "ask",
    [
        lambda m: m.get_total_budget("eve"),
        lambda m: m.get_current_cost("eve"),
        lambda m: m.get_model_cost("eve"),
        lambda m: m.update_cost("eve", ANSWER),
        lambda m: m.projected_cost(MODEL, [{"role": "user", "content": "Hi"}], "eve"),
        lambda m: m.reset_cost("eve"),
        lambda m: m.reset_on_duration("eve"),
        lambda m: m.reset_on_duration("ann"),
    ],
)
def test_who_has_no_budget_is_a_key_that_is_not_there(
    manager: litellm.BudgetManager, ask: Any
) -> None:
    """As in LiteLLM; and so is a duration that a budget does not have."""
    with pytest.raises(KeyError):
        ask(manager)


# --- resetting -----------------------------------------------------------------------------------


def test_a_reset_clears_the_cost_and_that_of_models(manager: litellm.BudgetManager) -> None:
    """The ledger keeps what was spent, and balances."""
    manager.update_cost("ann", ANSWER)
    assert manager.reset_cost("ann") == {
        "user": {"total_budget": 10.0, "current_cost": 0, "model_cost": {}}
    }
    assert manager.get_current_cost("ann") == 0
    assert manager.get_model_cost("ann") == {}
    manager.update_cost("ann", ANSWER)
    assert manager.get_model_cost("ann") == {MODEL: COST}
    assert manager.budgets.audit().differences == ()
    assert manager.budgets.get_usage({"user": "ann"}).usd == Decimal("0.0015")


def test_a_budget_made_again_begins_anew(manager: litellm.BudgetManager) -> None:
    """In place of the one before, and of its cost."""
    manager.update_cost("ann", ANSWER)
    manager.create_budget(3.0, "ann")
    assert manager.user_dict == {"ann": {"total_budget": 3.0}}


def test_costs_are_reset_when_their_time_has_passed(manager: litellm.BudgetManager) -> None:
    """Once for each time; those without a duration stay."""
    now = time.time()
    manager.create_budget(5.0, "bob", "daily", created_at=now - DAY + 100)
    manager.create_budget(5.0, "eve", "daily", created_at=now - DAY - 1)
    for user in ("ann", "bob", "eve"):
        manager.update_cost(user, ANSWER)
    manager.update_budget_all_users()
    costs = {user: manager.get_current_cost(user) for user in manager.get_users()}
    assert costs == {"ann": COST, "bob": COST, "eve": 0.0}
    record = manager.user_dict["eve"]
    assert record["created_at"] == now - DAY - 1
    assert record["last_updated_at"] >= now
    manager.update_cost("eve", ANSWER)
    manager.update_budget_all_users()
    assert manager.get_current_cost("eve") == COST


# --- keeping -------------------------------------------------------------------------------------


def test_it_is_there_after_the_process(manager: litellm.BudgetManager) -> None:
    """Without ``save_data``, which says ``success`` all the same."""
    manager.update_cost("ann", ANSWER)
    assert manager.save_data() == {"status": "success"}
    other = litellm.BudgetManager("app")
    other.load_data()
    assert other.get_current_cost("ann") == COST
    assert litellm.BudgetManager("another").get_users() == []
    other.close()


def test_two_at_once_both_count(manager: litellm.BudgetManager) -> None:
    """LiteLLM's last to write wins; here each counts."""
    managers = [manager, litellm.BudgetManager("app")]
    barrier = threading.Barrier(2)

    def spend(one: litellm.BudgetManager) -> None:
        barrier.wait()
        for _ in range(10):
            one.update_cost("ann", ANSWER)

    threads = [threading.Thread(target=spend, args=(one,)) for one in managers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert manager.get_current_cost("ann") == 20 * COST
    managers[1].close()


@pytest.mark.parametrize(
    ("kind", "base"), [("hosted", None), ("hosted", "no address"), ("cloud", None)]
)
def test_there_is_no_service(kind: str, base: str | None) -> None:
    """``hosted`` is a store of one's own."""
    with pytest.raises(ConfigurationError, match=r"api_base=|'local' or 'hosted'"):
        litellm.BudgetManager("app", kind, base)


def test_its_budgets_hold_for_a_client(manager: litellm.BudgetManager) -> None:
    """The limits that it set refuse a call that might exceed them, before it leaves."""
    manager.create_budget(0.0001, "bob")
    client = llmkit.Client(
        budget=manager.budgets, api_key="test-key", base_url="http://127.0.0.1:9"
    )
    with pytest.raises(llmkit.BudgetExceededError) as caught:
        client.completion(
            f"openai/{MODEL}", [{"role": "user", "content": "Hi"}], max_tokens=1000, user="bob"
        )
    assert caught.value.scope == "user=bob"
    client.close()


# --- the module's settings -----------------------------------------------------------------------


@pytest.fixture
def settings() -> Iterator[Any]:
    """The module, as it was before afterwards."""
    yield litellm
    litellm.max_budget = 0
    litellm.budget_duration = None


def _call(**more: Any) -> Any:
    messages = [{"role": "user", "content": "Hi"}]
    return litellm.completion(
        f"openai/{MODEL}", messages, api_key="test-key", base_url="http://127.0.0.1:9", **more
    )


def test_settings_are_as_in_litellm_before_they_are_set() -> None:
    """No budget, no duration, no cost; and no other names."""
    assert (litellm.max_budget, litellm.budget_duration, litellm._current_cost) == (0.0, None, 0.0)
    with pytest.raises(AttributeError):
        litellm.nothing_of_that_name  # noqa: B018
    with pytest.raises(ConfigurationError, match="max_budget first"):
        litellm._current_cost = 1.0


def test_a_global_budget_holds_for_this_modules_calls(settings: Any) -> None:
    """A call that might exceed it is refused, with LiteLLM's names for both amounts; llmkit's own do not know it."""
    settings.max_budget = 0.01
    assert settings.max_budget == 0.01
    settings._current_cost = 0.009995
    with pytest.raises(settings.BudgetExceededError) as caught:
        _call(max_tokens=100)
    assert (caught.value.current_cost, caught.value.max_budget) == (0.009995, 0.01)
    assert settings._current_cost == 0.009995
    assert llmkit.default_client().budget is None
    settings.max_budget = None
    assert _call(mock_response="ok").choices[0].message.content == "ok"


def test_raising_the_budget_keeps_what_was_spent(settings: Any) -> None:
    """It is the limit that changes; with a duration, another time counts."""
    settings.max_budget = 1.0
    settings._current_cost = 0.5
    settings.max_budget = 2.0
    assert settings._current_cost == 0.5
    settings.budget_duration = "30d"
    assert (settings.max_budget, settings.budget_duration) == (2.0, "30d")
    assert settings._current_cost == 0.0
    settings._current_cost = 0
