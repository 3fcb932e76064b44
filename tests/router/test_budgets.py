"""Budgets under a router: each attempt has its hold, and a refusal is one deployment's or the call's by its scope."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmkit import errors
from llmkit._operations import ReadEntries, Reserve, SettleHold
from llmkit.budget import Budget, BudgetManager, RateLimit
from llmkit.events import Diverted
from llmkit.stores import MemoryStore

from ..io._colour import Colour, Seen, each_colour
from ._kit import answering, deployment, idle, router

A, B = deployment("a", order=1), deployment("b", order=2, model="groq/llama-3.1-8b-instant")
LITTLE = Decimal("0.0000001")


class Watched(MemoryStore):
    """A store that keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def perform(self, operation: Any) -> Any:
        self.asked.append(operation)
        return super().perform(operation)

    def of(self, kind: type) -> list[Any]:
        """What it was asked, of a kind."""
        return [one for one in self.asked if isinstance(one, kind)]


@each_colour
async def test_every_attempt_has_its_own_hold(colour: Colour) -> None:
    """An attempt that is replaced by another has a hold of its own, and each is settled once."""
    store = Watched()
    made = router(A, B, budget=BudgetManager(store, [Budget(1, "1d")]))
    with answering(a=500, b="hello"):
        await colour.call(made, model="g")
    holds = [one.hold for one in store.of(Reserve)]
    assert len(set(holds)) == len(holds) == 2
    assert sorted(one.hold for one in store.of(SettleHold)) == sorted(holds)
    assert [one.kind for one in store.perform(ReadEntries())] == ["release", "settle"]


@pytest.mark.parametrize(
    "scope", [{"provider": "openai"}, {"model": "openai/gpt-4o-mini"}, {"deployment": "a"}]
)
@each_colour
async def test_a_narrow_budget_moves_on(colour: Colour, scope: dict[str, str]) -> None:
    """A provider's, a model's or a deployment's budget that refuses sends the call to the next deployment."""
    made = router(A, B, budget=BudgetManager(budgets=[Budget(LITTLE, "1d", scope=scope)]))
    with answering(a="never", b="hello") as answers:
        said = await colour.call(made, model="g")
    assert (said.text, answers.asked) == ("hello", ["b"])
    assert [one.error for one in said.call.attempts] == ["BudgetExceededError", None]
    assert [row.state for row in made.deployments()] == ["well", "well"]
    assert idle(made)


@each_colour
async def test_a_wide_budget_is_final(colour: Colour) -> None:
    """Whoever's money is gone, it is gone at every deployment: nobody else is asked."""
    made = router(A, B, budget=BudgetManager(budgets=[Budget(LITTLE, "1d")]))
    with (
        answering(a="never", b="never") as answers,
        pytest.raises(errors.BudgetExceededError) as caught,
    ):
        await colour.call(made, model="g")
    assert answers.asked == []
    assert [one.deployment for one in caught.value.attempts] == ["a"]
    assert idle(made)


@each_colour
async def test_a_rate_limit_of_a_deployment_moves_on(colour: Colour) -> None:
    """So does a limit of one's own."""
    limit = RateLimit(requests=1, scope={"deployment": "a"})
    made = router(A, B, budget=BudgetManager(budgets=[limit]))
    with answering(a="from a", b="from b"):
        said = [(await colour.call(made, model="g")).text for _ in range(2)]
    assert said == ["from a", "from b"]


@each_colour
async def test_budgets_of_providers(colour: Colour) -> None:
    """LiteLLM's ``provider_budget_config`` is a budget."""
    how = {"openai": {"budget_limit": 1e-7, "time_period": "1d"}}
    made = router(A, B, provider_budget_config=how)
    with answering(a="never", b="hello"):
        assert (await colour.call(made, model="g")).call.deployment == "b"
    with pytest.raises(errors.ConfigurationError, match="BudgetManager"):
        router(A, B, provider_budget_config=how, budget=BudgetManager())


@each_colour
async def test_a_budget_may_name_another_group(colour: Colour, seen: Seen) -> None:
    """A budget that wants something cheaper from a threshold on names a group of the router's."""
    cheap = deployment("c", "cheap", "groq/llama-3.1-8b-instant")
    budget = Budget("0.01", "1d", fallbacks={0.001: "groq/llama-3.1-8b-instant"})
    made = router(A, cheap, budget=BudgetManager(budgets=[budget]), callbacks=[seen])
    with answering(a="never", c="hello") as answers:
        said = await colour.call(made, model="g", max_tokens=5)
    assert (said.text, answers.asked) == ("hello", ["c"])
    assert [e.provider for e in seen.of(Diverted)] == ["groq"]
    assert idle(made)
