"""What users of other budgets have complained of, as tests of ours. The numbers are those of LiteLLM's issues."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anyio
import pytest
from typing_extensions import override

import llmkit
from llmkit.budget import Budget, BudgetManager, RateLimit
from llmkit.errors import APIError, BudgetExceededError, StoreUnavailableError
from llmkit.stores import MemoryStore
from llmkit.testing import faults

from ._purse import ASK, BOUND, COST, HELLO, MODEL, Purse, world

TEXT = HELLO[0]["content"]
SMALL = {"num_retries": 0}
CALLS: dict[str, Callable[[Any], Any]] = {
    "completion": lambda c: c.completion(**ASK),
    "stream": lambda c: c.completion(**ASK, stream=True),
    "acompletion": lambda c: asyncio.run(c.acompletion(**ASK)),
    "astream": lambda c: asyncio.run(c.acompletion(**ASK, stream=True)),
    "openai's names": lambda c: c.chat.completions.create(**ASK),
    "responses": lambda c: c.responses(model=MODEL, input=TEXT, max_output_tokens=50, **SMALL),
    "messages": lambda c: c.messages(model=MODEL, messages=HELLO, max_tokens=50, **SMALL),
    "text": lambda c: c.text_completion(
        "openai/gpt-3.5-turbo-instruct", TEXT, max_tokens=50, **SMALL
    ),
    "embedding": lambda c: c.embedding("openai/text-embedding-3-small", TEXT, **SMALL),
    "moderation": lambda c: c.moderation(TEXT, model="openai/gpt-4o-mini", **SMALL),
    "speech": lambda c: c.speech("openai/tts-1", TEXT, "alloy", **SMALL),
    "fallback": lambda c: c.completion(**ASK, fallbacks=["openai/gpt-4o", "openai/gpt-4.1"]),
    "unknown model": lambda c: c.completion("openai/nobody-knows-it", HELLO, **SMALL),
    "unbounded": lambda c: c.completion(**ASK, extra_body={"web_search_options": {}}),
    "its own word": lambda c: c.completion(
        **ASK, extra_body={"web_search_options": {}}, max_cost="0.01"
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_enforcement_is_not_bypassed(name: str) -> None:
    """Calls go on after the budget is used up, by some way of calling that nobody checks (#26672)."""
    with world(Budget(1, scope="user")) as (sim, client, purse):
        purse.manager.update_spend(1, user="ann")
        with llmkit.context(user="ann"), pytest.raises(APIError) as raised:
            CALLS[name](client)
        assert isinstance(raised.value, llmkit.errors.BudgetError)
        assert not sim.requests
        assert (purse.spent, purse.audit().holds) == (1, 0)


def at_once(client: Any, count: int, **params: Any) -> tuple[int, int]:
    """So many calls at the same moment, on threads: how many were answered, and how many refused."""
    ended: list[bool] = []
    start = threading.Barrier(count)

    def one() -> None:
        start.wait()
        try:
            client.completion(**ASK, **params)
        except BudgetExceededError:
            ended.append(False)
        else:
            ended.append(True)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended.count(True), ended.count(False)


def test_concurrent_requests_do_not_bypass_a_sessions_budget() -> None:
    """All of a session's concurrent requests see the same old spend, and all pass (#34732)."""
    with world(Budget(3 * BOUND, None, scope="session")) as (sim, client, purse):
        sim.fail(*[faults.SlowStart(0.3)] * 12)
        passed, refused = at_once(client, 12, session="s-1")
        assert (passed, refused) == (3, 9)
        assert len(sim.requests) == 3
        purse.check(3 * COST)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_first_requests_of_an_unknown_end_user(loop: str) -> None:
    """The first concurrent requests of a customer whom nobody has seen yet are not held to his budget (#40095)."""
    ended: list[bool] = []

    async def body() -> None:
        with world(Budget(2 * BOUND, "30d", scope="customer")) as (sim, client, purse):
            sim.fail(*[faults.SlowStart(0.2)] * 8)

            async def one() -> None:
                try:
                    await client.acompletion(**ASK, customer="nobody-knew-her")
                except BudgetExceededError:
                    ended.append(False)
                else:
                    ended.append(True)

            async with anyio.create_task_group() as group:
                for _ in range(8):
                    group.start_soon(one)
            assert (ended.count(True), len(sim.requests)) == (2, 2)
            purse.check(2 * COST)
            await client.aclose()

    anyio.run(body, backend=loop)


def test_no_false_refusals_under_load() -> None:
    """In one process under load, calls that there is money for are refused (#36926)."""
    with world(
        Budget(16 * BOUND), RateLimit(parallel=16), Budget(16 * BOUND, "30s", scope="user")
    ) as (
        sim,
        client,
        purse,
    ):
        for done in range(1, 4):
            assert at_once(client, 8, user="ann") == (8, 0)
            assert len(sim.requests) == 8 * done
        purse.check(24 * COST)


def test_no_reservation_leaks() -> None:
    """Reservations of calls that failed stay, and later calls are refused for money that nobody spent (#27639)."""
    refusing = [
        faults.Status(status) for status in (400, 401, 403, 404, 409, 413, 422, 429, 500, 503)
    ]
    with world(Budget(BOUND), RateLimit(parallel=1)) as (sim, client, purse):
        for fault in refusing:
            sim.fail(fault)
            with pytest.raises(APIError):
                client.completion(**ASK)
        with pytest.raises(llmkit.errors.InvalidRequestError):
            client.completion(**ASK, nobody_knows_it=3)
        with pytest.raises(APIError), purse.client(sim, base_url="http://127.0.0.1:9/v1") as other:
            other.completion(**ASK)
        with purse.client(sim, hooks=[Refusing()]) as other, pytest.raises(llmkit.LLMKitError):
            other.completion(**ASK)
        assert (purse.spent, purse.audit().holds) == (0, 0)
        client.completion(**ASK)
        purse.check(COST)


class Refusing:
    """A guardrail that lets nothing pass."""

    def before_call(self, call: Any) -> Any:
        """Refuse."""
        raise llmkit.LLMKitError("no")


class Forgetful(MemoryStore):
    """A store whose connection breaks when it has done what it was asked to, before it says so."""

    broken = 0

    @override
    def perform(self, operation: Any) -> Any:
        """Perform, and lose the answer."""
        found = super().perform(operation)
        if self.broken and type(operation).__name__ == "SettleHold":
            self.broken -= 1
            raise StoreUnavailableError("the connection broke")
        return found


def test_a_cleanup_that_failed_is_not_counted_twice() -> None:
    """A settlement whose outcome was lost is done again, and counted again (#35569)."""
    store = Forgetful()
    with world(store=store) as (sim, client, purse):
        store.broken = 1
        client.completion(**ASK)
        purse.manager.catch_up()
        sim.fail(faults.Status(502))
        store.broken = 1
        with pytest.raises(APIError):
            client.completion(**ASK)
        purse.manager.catch_up()
        client.close()
        purse.check(COST + BOUND, ["settle", "unknown"])


def test_spend_is_never_stale() -> None:
    """What another process has spent, or changed, a moment ago is not known yet (#27735)."""
    store = MemoryStore()
    rule = Budget(1, scope="team")
    here, there = Purse.of(rule, store=store), BudgetManager(store, [rule])
    with world() as (sim, _, _purse), here.client(sim, team="red") as client:
        client.completion(**ASK)
        there.update_spend(Decimal(1) - COST - BOUND, team="red")
        client.completion(**ASK)
        with pytest.raises(BudgetExceededError) as raised:
            client.completion(**ASK)
        assert raised.value.spent == 1 - BOUND + COST
        there.set_budget(Budget(10, scope={"team": "red"}))
        client.completion(**ASK)
        there.set_budget(Budget("0.5", scope={"team": "red"}))
        with pytest.raises(BudgetExceededError):
            client.completion(**ASK)
        assert len(sim.requests) == 3
        here.check()


def test_what_is_enforced_is_what_it_cost() -> None:
    """A call is counted twice, by two paths that both end it, and the budget is used up at half its money (#40050)."""
    rules = (
        Budget(1),
        Budget(1, scope="user"),
        Budget(1, "30d", scope="user"),
        Budget(1, scope="tag"),
    )
    with world(*rules) as (sim, client, purse):
        costs = [
            client.completion(**ASK, user="ann", tags=["a", "b"]).cost.total,
            client.completion(**ASK, user="ann", stream=True).until_done().cost.total,
            asyncio.run(client.acompletion(**ASK, user="ann")).cost.total,
            client.responses(model=MODEL, input=TEXT, max_output_tokens=50, user="ann").cost.total,
            client.embedding("openai/text-embedding-3-small", TEXT, user="ann").cost.total,
        ]
        sim.fail(faults.Status(500))
        costs.append(client.completion(**{**ASK, "num_retries": 1}, user="ann").cost.total)
        settled = [s.cost for s in client.ledger.settlements]
        assert settled == costs
        purse.check(sum(costs))
        for check in (purse.manager.check_budget(), purse.manager.check_budget(user="ann")):
            assert all(one.spent == sum(costs) for one in check.limits)
        [one] = [x for x in purse.manager.check_budget(tags=["a"]).limits if x.scope == "tag=a"]
        assert one.spent == costs[0]


def test_nothing_is_exceeded_where_no_budget_is_set() -> None:
    """Who has no budget is refused, because somebody else's is used up, or for a budget of nothing (#22726)."""
    rules = (
        Budget(0, scope={"user": "bob"}),
        Budget(0, scope={"team": "red", "model": MODEL}),
        Budget(None, scope="customer", soft="0.00001"),
    )
    with world(*rules) as (sim, client, purse):
        client.completion(**ASK)
        client.completion(**ASK, user="ann")
        client.completion(**ASK, team="blue")
        client.completion(**{**ASK, "model": "openai/gpt-4o"}, team="red")
        client.completion(**ASK, customer="c")
        client.completion("openai/nobody-knows-it", HELLO, customer="c")
        assert len(sim.requests) == 6
        with pytest.raises(BudgetExceededError):
            client.completion(**ASK, user="bob")
        purse.check()


def test_a_long_prompt_is_held_at_its_own_price() -> None:
    """Above 272,000 tokens a model costs twice as much, which reservations do not know (#40002)."""
    long = [{"role": "user", "content": "w " * 280_000}]
    ask = {"model": "openai/gpt-5.4", "messages": long, "max_tokens": 100, "num_retries": 0}
    with world(Budget(2)) as (sim, client, purse):
        # At the price of shorter prompts it would fit.
        assert 560_000 * Decimal("2.75") / 1_000_000 < 2
        with pytest.raises(BudgetExceededError) as raised:
            client.completion(**ask)
        assert raised.value.asked > 560_000 * Decimal("5.5") / 1_000_000
        assert not sim.requests
        purse.manager.set_budget(Budget(4))
        answer = client.completion(**ask)
        assert answer.usage.prompt_tokens > 272_000
        assert answer.cost.total <= raised.value.asked
        purse.check(answer.cost.total, ["settle"])
