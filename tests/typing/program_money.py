"""Routers, budgets and bills together, as a service has them. Checked by type checkers, never run."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import assert_type

import llmkit
from llmkit import Budget, BudgetManager, RateLimit
from llmkit.billing import LagoBilling
from llmkit.events import BudgetThresholdCrossed, CallFinished
from llmkit.router import Deployment, Router

HELLO = [{"role": "user", "content": "Hello"}]


def told(event: object) -> None:
    """What a callback gets is known by its class."""
    if isinstance(event, BudgetThresholdCrossed):
        assert_type(event.spent, Decimal)
    elif isinstance(event, CallFinished):
        assert_type(event.settlement.cost, Decimal | None)


def routed() -> str:
    """Two deployments of a group, and a fallback."""
    deployments = [
        Deployment("fast", "openai/gpt-4o-mini", id="one", rpm=500),
        Deployment("careful", "anthropic/claude-sonnet-4-5", id="two", max_parallel=20),
    ]
    with Router(deployments, fallbacks=[{"fast": ["careful"]}]) as router:
        for state in router.deployments():
            assert_type(state.id, str)
        answer = router.completion("fast", HELLO)
        assert_type(answer, llmkit.ChatCompletion)
        assert_type(router.completion("fast", HELLO, stream=True), llmkit.Stream)
        return answer.call.deployment or ""


def held(user: str) -> Decimal | None:
    """A call within a budget; what a refusal says."""
    manager = BudgetManager(
        budgets=[
            Budget(10, "month"),
            Budget(Decimal("0.5"), "1d", scope="user"),
            RateLimit(requests=60, scope="user"),
        ],
        callbacks=[told],
    )
    with llmkit.Client(budget=manager) as client:
        try:
            return client.completion("openai/gpt-4o-mini", HELLO, user=user).cost.total
        except llmkit.BudgetExceededError as error:
            assert_type(error.spent, Decimal)
            assert_type(error.limit, Decimal)
            return None


def billed(folder: Path) -> Decimal | None:
    """A call that is billed, and what it is in coins."""
    with (
        LagoBilling("https://lago.example", "a-key", outbox=folder / "outbox.db") as billing,
        llmkit.Client(billing=billing) as client,
    ):
        answer = client.completion("openai/gpt-4o-mini", HELLO, subscription="ann_monthly")
        if answer.cost.total is None:
            return None
        return billing.convert_to_askii(answer.cost.total)
