"""Calls under a budget: what is held, what is spent, what is refused before anything is sent."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import warnings
from decimal import Decimal
from typing import Any

import pytest
from typing_extensions import override

import llmkit
from llmkit import providers
from llmkit._control.call import perform
from llmkit._control.plan import CHAT
from llmkit._flow import race
from llmkit.budget import Budget, RateLimit
from llmkit.errors import (
    APIError,
    BadGatewayError,
    BudgetExceededError,
    ConfigurationError,
    LimitReachedError,
    RateLimitError,
    UnboundedCostError,
)
from llmkit.events import (
    AttemptFailed,
    BudgetOverrun,
    BudgetThresholdCrossed,
    CallFinished,
    Diverted,
    FallingBack,
)
from llmkit.stores import MemoryStore
from llmkit.testing import Simulator, faults
from llmkit.wires.openai_chat import OpenAIChat

from ..io._colour import COLOURS, Colour
from ._purse import ASK, BOUND, COST, HELLO, KEY, MODEL, Purse, world

each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
each_colour = pytest.mark.parametrize("colour", COLOURS)
FALLBACK = "openai/gpt-4.1-nano"


class Clock:
    """A store's clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now


# --- one attempt -------------------------------------------------------------------------------


@each_form
@each_colour
def test_a_whole_answer_is_spent_at_its_cost(colour: str, *, stream: bool) -> None:
    """What was held for a call is given back but for what it cost."""
    runs = Colour(colour)

    async def body() -> None:
        with world(Budget(BOUND)) as (_, client, purse):
            answer = await runs.ask(client, stream=stream, **ASK)
            assert answer.cost.total == COST
            [held] = purse.entries
            assert held.whose.model == MODEL
            purse.check(COST, ["settle"])
            await runs.close(client)

    runs.run(body)


def test_a_budget_that_is_a_unit_short_refuses_and_sends_nothing() -> None:
    """A bound that is the budget to the last unit fits; a unit more does not."""
    with world(Budget(BOUND - Decimal("1e-12"))) as (sim, client, purse):
        with pytest.raises(BudgetExceededError) as raised:
            client.completion(**ASK)
        assert not sim.requests
        error = raised.value
        assert (error.asked, error.limit) == (BOUND, BOUND - Decimal("1e-12"))
        assert (error.status_code, error.type, error.sent) == (429, "budget_exceeded", "no")
        assert (error.provider, error.model) == ("openai", "gpt-4o-mini")
        [attempt] = error.attempts
        assert (attempt.sent, attempt.error) == ("no", "BudgetExceededError")
        [settled] = client.ledger.settlements
        assert (settled.outcome, settled.sent) == ("failed", "no")
        assert (settled.cost, settled.cost_status) == (0, "none")
        assert len(purse.of_kind(AttemptFailed)) == len(purse.of_kind(CallFinished)) == 1
        purse.check(0, [])


def test_what_is_held_counts() -> None:
    """While a stream is open, what it may cost is not there for others; when it has ended, what is left is."""
    with world(Budget(BOUND + COST)) as (_, client, purse):
        stream = client.completion(**ASK, stream=True)
        next(stream)
        assert purse.audit().holds == 1
        with pytest.raises(BudgetExceededError) as raised:
            client.completion(**ASK)
        assert (raised.value.held, raised.value.spent) == (BOUND, Decimal(0))
        stream.until_done()
        client.completion(**ASK)
        purse.check(2 * COST)


@each_colour
def test_a_mock_and_a_dry_run_hold_nothing(colour: str) -> None:
    """What asks nobody costs nothing: not even a budget of nothing is asked."""
    runs = Colour(colour)

    async def body() -> None:
        with world(Budget(0)) as (sim, client, purse):
            answer = await runs.call(client, **ASK, mock_response="hi")
            assert answer.choices[0].message.content == "hi"
            assert (await runs.call(client, **ASK, dry_run=True)).bound.total == BOUND
            assert not sim.requests
            purse.check(0, [])
            await runs.close(client)

    runs.run(body)


def test_a_client_without_a_budget_loads_none_of_it() -> None:
    """Who has no budget pays for none: what knows of holds is not even loaded."""
    code = (
        "import sys, llmkit; from llmkit.testing import Simulator\n"
        "with Simulator() as sim:\n"
        f"    llmkit.Client(api_key={KEY!r}, base_url=sim.base_url).completion({MODEL!r}, {HELLO!r})\n"
        "print([m for m in sys.modules if 'budget' in m or m.endswith(('hold', 'holding', 'attributes'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_budget_is_a_budget_manager() -> None:
    """A list of budgets is a mistake that is told at once."""
    with pytest.raises(ConfigurationError, match="BudgetManager"):
        llmkit.Client(budget=[Budget(1)])


# --- several attempts --------------------------------------------------------------------------


@each_form
@each_colour
@pytest.mark.parametrize(
    ("fault", "kind", "spent"),
    [
        (faults.Status(503), "release", Decimal(0)),
        (faults.Status(429), "release", Decimal(0)),
        (faults.Status(502), "unknown", BOUND),
        (faults.Cut(0), "unknown", BOUND),
    ],
    ids=["503", "429", "502", "cut"],
)
def test_each_retry_has_a_hold_of_its_own(
    fault: Any, kind: str, spent: Decimal, colour: str, *, stream: bool
) -> None:
    """A failed attempt is settled by itself, before the next one holds."""
    runs = Colour(colour)

    async def body() -> None:
        with world(Budget(BOUND + spent)) as (sim, client, purse):
            sim.fail(fault)
            answer = await runs.ask(client, stream=stream, **{**ASK, "num_retries": 1})
            assert answer.cost.total == COST
            purse.check(spent + COST, [kind, "settle"])
            await runs.close(client)

    runs.run(body)


def test_a_retry_that_there_is_no_money_for_ends_the_call() -> None:
    """What an attempt may have cost is not there for the next one; the budget's refusal is what is raised."""
    with world(Budget(BOUND)) as (sim, client, purse):
        sim.fail(faults.Status(502))
        with pytest.raises(BudgetExceededError) as raised:
            client.completion(**{**ASK, "num_retries": 5})
        assert len(sim.requests) == 1
        assert [a.error for a in raised.value.attempts] == [
            "BadGatewayError",
            "BudgetExceededError",
        ]
        [settled] = client.ledger.settlements
        assert (settled.sent, settled.cost_status) == ("yes", "unknown")
        purse.check(BOUND, ["unknown"])


@each_colour
def test_each_fallback_has_a_hold_of_its_own(colour: str) -> None:
    """A leg that is refused, by its provider or by a budget, holds nothing when the next one is tried."""
    runs = Colour(colour)

    async def body() -> None:
        rules = (Budget(1), Budget(0, scope={"model": MODEL}))
        with world(*rules) as (sim, client, purse):
            answer = await runs.call(client, **ASK, fallbacks=[FALLBACK])
            assert answer.call.model == "gpt-4.1-nano"
            assert len(sim.requests) == 1
            [event] = purse.of_kind(FallingBack)
            assert isinstance(event.error, BudgetExceededError)
            purse.check(answer.cost.total, ["settle"])
            await runs.close(client)

    runs.run(body)


def test_a_leg_that_fails_is_settled_before_the_next() -> None:
    """The provider's refusal frees what was held, so that a budget for one call at a time has room for the fallback."""
    with world(Budget(BOUND)) as (sim, client, purse):
        sim.fail(faults.Status(401))
        answer = client.completion(**ASK, fallbacks=[FALLBACK])
        assert answer.call.model == "gpt-4.1-nano"
        purse.check(answer.cost.total, ["release", "settle"])


@each_colour
def test_a_rate_limit_is_waited_for(colour: str) -> None:
    """One's own limit is like the provider's: it is tried again when there is room, and nothing was sent meanwhile."""
    runs = Colour(colour)

    async def body() -> None:
        with world(RateLimit(requests=1, per="1s")) as (sim, client, purse):
            await runs.call(client, **ASK)
            with pytest.raises(LimitReachedError) as raised:
                await runs.call(client, **ASK)
            error = raised.value
            assert (error.measure, error.sent, error.retryable) == ("requests", "no", True)
            assert error.retry_after is not None
            assert 0 < error.retry_after <= 1.1
            assert len(sim.requests) == 1
            await runs.call(client, **{**ASK, "num_retries": 1})
            assert len(sim.requests) == 2
            purse.check(kinds=["settle", "settle"])
            await runs.close(client)

    runs.run(body)


def test_a_rate_limit_alone_needs_no_price() -> None:
    """Where only requests are counted, a call whose cost nobody knows goes out."""
    with world(RateLimit(requests=2)) as (sim, client, purse):
        client.completion("openai/nobody-knows-it", HELLO)
        client.completion(**ASK)
        with pytest.raises(LimitReachedError):
            client.completion(**ASK)
        assert len(sim.requests) == 2
        purse.check(kinds=["settle", "settle"])


def test_parallel_calls_are_limited() -> None:
    """A place is taken while a call is on its way, and given back when it has ended."""
    with world(RateLimit(parallel=1)) as (_, client, purse):
        stream = client.completion(**ASK, stream=True)
        with pytest.raises(LimitReachedError) as raised:
            client.completion(**ASK)
        assert raised.value.measure == "parallel"
        stream.close()
        client.completion(**ASK)
        purse.check(kinds=["unknown", "settle"])


def test_tokens_are_limited() -> None:
    """Tokens are held as many as there can be, and settled as those that there were."""
    with world(RateLimit(tokens=400)) as (sim, client, purse):
        for _ in range(9):
            client.completion(**ASK)
        with pytest.raises(LimitReachedError) as raised:
            client.completion(**ASK)
        assert (raised.value.used, raised.value.asked) == (Decimal(9 * 17), Decimal(255))
        assert len(sim.requests) == 9
        purse.check()


# --- what nobody can bound ---------------------------------------------------------------------


def test_an_unknown_price_is_refused() -> None:
    """A call whose cost nobody can say is not let out, and the error says what helps."""
    with world(Budget(1)) as (sim, client, purse):
        with pytest.raises(UnboundedCostError, match=r"no price.*max_cost="):
            client.completion("openai/nobody-knows-it", HELLO, max_tokens=10, num_retries=3)
        assert not sim.requests
        purse.check(0, [])


def test_its_callers_word_is_held() -> None:
    """Where nobody can say what a call costs, what its caller says is held, and spent, for its cost stays unknown."""
    with world(Budget(1)) as (_, client, purse):
        answer = client.completion("openai/nobody-knows-it", HELLO, max_cost="0.25")
        assert not answer.cost.known
        purse.check("0.25", ["settle"])
        assert purse.entries[0].flag == "unknown cost"
        with pytest.raises(BudgetExceededError):
            client.completion("openai/nobody-knows-it", HELLO, max_cost=0.8)


def test_prices_given_with_the_call_count() -> None:
    """A price that the caller knows bounds a call of a model that nobody lists."""
    prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": "2e-6"}
    with world(Budget(1)) as (_, client, purse):
        answer = client.completion("groq/nobody-knows-it", HELLO, max_tokens=10, **prices)
        assert answer.cost.total == Decimal("0.000025")
        purse.check("0.000025", ["settle"])


@pytest.mark.parametrize("budgeted", [True, False])
def test_a_call_that_can_cost_more_than_its_caller_says_is_not_sent(*, budgeted: bool) -> None:
    """``max_cost`` is kept to, with a budget and without."""
    with world(Budget(1), output="refuse") as (sim, client, purse):
        without = llmkit.Client(api_key=KEY, base_url=sim.base_url)
        asked = client if budgeted else without
        with pytest.raises(BudgetExceededError, match="more than its max_cost") as raised:
            asked.completion(**ASK, max_cost=BOUND - Decimal("1e-9"))
        assert (raised.value.asked, raised.value.scope) == (BOUND, "max_cost")
        assert not sim.requests
        asked.completion(**ASK, max_cost=BOUND)
        assert len(sim.requests) == 1
        assert b"max_cost" not in sim.requests[0].body
        purse.check()


@pytest.mark.parametrize("wrong", [-1, "much", float("nan"), True, Decimal("Infinity"), [1]])
def test_an_amount_that_is_none(wrong: Any) -> None:
    """``max_cost`` is an amount of money; a mistake is told before anything is sent."""
    with world() as (sim, client, _):
        with pytest.raises(ConfigurationError, match="max_cost"):
            client.completion(**ASK, max_cost=wrong)
        assert not sim.requests


def test_what_asks_no_model_is_not_held() -> None:
    """Who is out of money can still look after what he has."""
    with world(Budget(0)) as (_, client, purse):
        assert client.list_models(custom_llm_provider="openai").data
        purse.check(0, [])


# --- answers made shorter ----------------------------------------------------------------------


def without_limit(**more: Any) -> dict[str, Any]:
    """A call that does not say how long its answer may be."""
    return {**{k: v for k, v in ASK.items() if k != "max_tokens"}, **more}


@each_form
@each_colour
def test_the_answer_is_made_as_long_as_there_is_money_for(colour: str, *, stream: bool) -> None:
    """Without ``max_tokens``, the longest answer that fits is asked for, and that is listed."""
    runs = Colour(colour)

    async def body() -> None:
        # The prompt's bound, and 1000 tokens at a dollar for a million, and most of one more.
        with world(Budget("0.0010397")) as (sim, client, purse):
            answer = await runs.ask(client, stream=stream, **without_limit())
            assert json.loads(sim.requests[0].body)["max_tokens"] == 1000
            # Another request than the whole one: under its key, it would get that one's answer.
            assert sim.requests[0].headers["idempotency-key"] == f"{answer.call.id}-0-1000"
            [change] = answer.call.ledger
            assert (change.parameter, change.change, change.sent) == (
                "max_tokens",
                "defaulted",
                1000,
            )
            assert "budget" in change.reason
            purse.check(COST, ["settle"])
            await runs.close(client)

    runs.run(body)


def test_with_money_enough_nothing_is_made_shorter() -> None:
    """The model's own limit is held where it fits, and nothing is written into the request."""
    with world(Budget(1)) as (sim, client, purse):
        answer = client.completion(**without_limit())
        assert "max_tokens" not in json.loads(sim.requests[0].body)
        assert answer.call.ledger == ()
        purse.check(COST)


def test_an_answer_too_short_is_not_asked_for() -> None:
    """Where less than the least fits, the call is refused."""
    with world(Budget("0.0010397"), least_output=1001) as (sim, client, purse):
        with pytest.raises(BudgetExceededError):
            client.completion(**without_limit())
        assert not sim.requests
        purse.check(0, [])


def test_a_limit_that_was_given_is_kept_to() -> None:
    """Who says how long the answer may be gets no shorter one instead, however he says it."""
    with world(Budget("0.0010397")) as (sim, client, _):
        for given in ({"max_tokens": 2000}, {"max_completion_tokens": 2000}):
            with pytest.raises(BudgetExceededError):
                client.completion(**without_limit(**given))
        with pytest.raises(BudgetExceededError):
            client.completion(**without_limit(extra_body={"max_tokens": 2000}))
        assert not sim.requests


def test_a_policy_of_refusing_says_what_would_fit() -> None:
    """With ``output="refuse"`` nothing is made shorter, and the error says how long the answer could be."""
    with world(Budget("0.0010397"), output="refuse") as (sim, client, purse):
        with pytest.raises(BudgetExceededError, match="with max_tokens=1000 it would fit"):
            client.completion(**without_limit())
        assert not sim.requests
        client.completion(**without_limit(max_tokens=1000))
        purse.check(COST)


def test_the_shortest_of_several_scopes_counts() -> None:
    """What is left is the least that any scope has left, and what is held by others is not left."""
    rules = (Budget(1), Budget("0.0010397", scope="user"), Budget("0.5", scope="tag"))
    with world(*rules) as (sim, client, purse):
        open_one = client.completion(**ASK, stream=True, user="ann")
        client.completion(**without_limit(user="ann", tags=["a"]))
        body = json.loads(sim.requests[1].body)
        assert body["max_tokens"] == 1000 - 138
        open_one.close()
        purse.check(COST + BOUND)


def test_max_cost_shortens_an_answer() -> None:
    """A call that may cost no more than so much gets the answer that this buys."""
    with world(Budget(1)) as (sim, client, purse):
        client.completion(**without_limit(max_cost="0.0010397"))
        assert json.loads(sim.requests[0].body)["max_tokens"] == 1000
        purse.check(COST)


def test_an_unknown_limit_of_the_model_is_made_up_for() -> None:
    """Where only the longest answer is unknown, a limit that every model takes makes the call one that can be held."""
    prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": "2e-6"}
    with world(Budget(1)) as (sim, client, purse):
        client.completion("groq/nobody-knows-it", HELLO, **prices)
        assert json.loads(sim.requests[0].body)["max_tokens"] == 4096
        purse.check(kinds=["settle"])


def test_a_limit_of_tokens_shortens_what_could_never_fit() -> None:
    """A model's longest answer is more than a minute's tokens: it is not refused for ever."""
    with world(RateLimit(tokens=2000)) as (sim, client, purse):
        client.completion(**without_limit())
        assert json.loads(sim.requests[0].body)["max_tokens"] == 2000 - 155
        purse.check(kinds=["settle"])


def test_tokens_are_bounded_without_a_price() -> None:
    """No text has more tokens than bytes: a limit of tokens needs no price, only to know how long the answers are."""
    ask: dict[str, Any] = {"model": "openai/nobody-knows-it", "messages": HELLO, "num_retries": 0}
    with world(RateLimit(tokens=300)) as (sim, client, purse):
        with pytest.raises(LimitReachedError) as raised:
            client.completion(**ask, max_tokens=150, n=2)
        # Two answers, and the 97 bytes of the request.
        assert raised.value.asked == 300 + 97
        client.completion(**ask, max_tokens=150)
        with pytest.raises(LimitReachedError):
            client.completion(**ask, max_tokens=200)
        # Without a limit, the longest answer that there is room for.
        answer = client.completion(**ask)
        body = json.loads(sim.requests[-1].body)
        assert body["max_tokens"] == 300 - 17 - len(sim.requests[-1].body)
        assert answer.call.ledger[0].parameter == "max_tokens"
        purse.check(kinds=["settle", "settle"])
    with world(RateLimit(tokens=300), output="refuse") as (sim, client, _):
        with pytest.raises(UnboundedCostError, match="no max_tokens"):
            client.completion(**ask)
        assert not sim.requests


def test_what_runs_at_home_costs_nothing() -> None:
    """A model on this machine has no price and needs none."""
    with world(Budget("0.001")) as (sim, client, purse):
        where = {"base_url": sim.base_url_for("ollama")}
        answer = client.completion("ollama/nobody-knows-it", HELLO, **where)
        assert answer.cost.total == 0
        assert len(sim.requests) == 1
        purse.check(0, ["settle"])


def test_others_take_what_was_left_each_time() -> None:
    """Whoever is always too late is refused in the end, and holds nothing."""
    store = Greedy()
    with world(Budget("0.004"), store=store) as (sim, client, purse):
        store.manager = purse.manager
        with pytest.raises(BudgetExceededError):
            client.completion(**without_limit())
        assert store.taken > 2
        assert not sim.requests
        purse.check(store.taken * Decimal("0.0001"))


class Greedy(MemoryStore):
    """A store of which somebody else takes a little whenever it was looked into."""

    manager: Any = None
    taken = 0

    @override
    def perform(self, operation: Any) -> Any:
        """Perform, and let the other take."""
        found = super().perform(operation)
        if self.manager is not None and type(operation).__name__ == "Balances":
            self.taken += 1
            manager, self.manager = self.manager, None
            manager.update_spend("0.0001")
            self.manager = manager
        return found


def test_a_provider_that_takes_no_limit() -> None:
    """Where the answer cannot be made shorter, the call is refused."""
    chat = OpenAIChat(refused=frozenset({"max_tokens"}))
    made = providers.openai_compatible("endless", "https://h.test", chat=chat)
    prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": "2e-6"}
    with providers.lend(made), world(Budget("0.001")) as (sim, client, purse):
        with pytest.raises(UnboundedCostError):
            client.completion("endless/m", HELLO, **prices)
        assert not sim.requests
        purse.check(0, [])


def test_each_form_of_a_chat_is_shortened_by_its_own_name() -> None:
    """The Responses API's name for it is another."""
    with world(Budget("0.0010397")) as (sim, client, purse):
        client.responses(model=MODEL, input="hello", num_retries=0)
        assert json.loads(sim.requests[0].body)["max_output_tokens"] > 100
        purse.check(kinds=["settle"])


def test_many_at_once_share_what_is_left() -> None:
    """Those who work out what is left at the same moment never take more together than there is."""
    with world(Budget("0.004")) as (_, client, purse):
        refused: list[Exception] = []

        def ask() -> None:
            try:
                client.completion(**without_limit())
            except BudgetExceededError as error:
                refused.append(error)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        purse.check((8 - len(refused)) * COST)


# --- a cheaper model ---------------------------------------------------------------------------


@each_form
@each_colour
def test_a_cheaper_model_answers_from_a_threshold_on(colour: str, *, stream: bool) -> None:
    """The call is made anew for it, is told of, and says which model answered."""
    runs = Colour(colour)

    async def body() -> None:
        rule = Budget("0.001", fallbacks={"0.5": FALLBACK})
        with world(rule) as (sim, client, purse):
            first = await runs.ask(client, stream=stream, **ASK)
            assert first.call.model == "gpt-4o-mini"
            purse.manager.update_spend("0.0005")
            answer = await runs.ask(client, stream=stream, **ASK)
            assert answer.call.model == "gpt-4.1-nano"
            assert json.loads(sim.requests[-1].body)["model"] == "gpt-4.1-nano"
            [event] = purse.of_kind(Diverted)
            assert (event.call_id, event.provider) == (answer.call.id, "openai")
            assert (event.model, event.scope) == ("gpt-4.1-nano", "global")
            assert event.threshold == Decimal("0.5")
            assert [a.model for a in answer.call.attempts] == ["gpt-4.1-nano"]
            purse.check()
            await runs.close(client)

    runs.run(body)


def test_a_cheaper_model_waits_for_its_threshold() -> None:
    """Without ``max_tokens``, the model asked for answers as long as it may until then, and not the other at once."""
    with world(Budget("0.002", fallbacks={"0.5": FALLBACK})) as (sim, client, purse):
        answer = client.completion(**without_limit())
        assert answer.call.model == "gpt-4o-mini"
        # A thousandth of a dollar, less the prompt's bound, at a dollar for a million.
        assert json.loads(sim.requests[0].body)["max_tokens"] == 961
        purse.manager.update_spend("0.00099")
        assert client.completion(**without_limit()).call.model == "gpt-4.1-nano"
        purse.check()
    rule = Budget("0.002", fallbacks={"0.5": FALLBACK})
    with world(rule, output="refuse") as (sim, client, _):
        with pytest.raises(BudgetExceededError) as raised:
            client.completion(**without_limit())
        assert raised.value.model == "gpt-4.1-nano"
        assert not sim.requests


def test_a_cheaper_model_is_named_once() -> None:
    """Two budgets that each want another model do not send a call to and fro."""
    rules = (
        Budget(1, fallbacks={"0.00001": FALLBACK}),
        Budget(1, scope="user", fallbacks={"0.000001": "openai/gpt-4.1-mini"}),
    )
    with world(*rules) as (sim, client, purse):
        answer = client.completion(**ASK, user="ann")
        assert answer.call.model in ("gpt-4.1-nano", "gpt-4.1-mini")
        assert len(sim.requests) == len(purse.of_kind(Diverted)) == 1
        purse.check(answer.cost.total, ["settle"])


def test_a_cheaper_model_of_another_provider() -> None:
    """It is asked at its own address, with its own key."""
    rule = Budget(1, fallbacks={"0.0001": "anthropic/claude-haiku-4-5"})
    with Simulator() as sim:
        purse = Purse.of(rule)
        environ = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": sim.base_url,
            "ANTHROPIC_API_KEY": KEY[::-1],
            "ANTHROPIC_BASE_URL": sim.base_url_for("anthropic"),
        }
        with llmkit.Client(budget=purse.manager, environ=environ) as client:
            answer = client.completion(**ASK)
        assert (answer.call.provider, answer.call.model) == ("anthropic", "claude-haiku-4-5")
        [request] = sim.requests
        assert request.headers["x-api-key"] == KEY[::-1]
        purse.check(answer.cost.total, ["settle"])


def test_a_cheaper_model_that_cannot_be_asked() -> None:
    """Without a key for it, the call fails and says so; nothing is held."""
    rule = Budget(1, fallbacks={"0.0001": "anthropic/claude-haiku-4-5"})
    with Simulator() as sim:
        purse = Purse.of(rule)
        environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": sim.base_url}
        client = llmkit.Client(budget=purse.manager, environ=environ)
        with client, pytest.raises(llmkit.MissingKeyError):
            client.completion(**ASK)
        assert not sim.requests
        purse.check(0, [])


# --- streams -----------------------------------------------------------------------------------


@each_colour
@pytest.mark.parametrize("how", ["closed", "dropped"])
def test_a_stream_that_is_not_read_to_its_end(colour: str, how: str) -> None:
    """Nobody knows what it is billed for: it is spent as it was held, by whoever comes next where it was dropped."""
    runs = Colour(colour)

    async def body() -> None:
        with world() as (_, client, purse):
            stream = await runs.open(client, **ASK)
            await anext(stream)
            if how == "closed":
                await stream.aclose()
            else:
                del stream
                gc.collect()
                assert purse.audit().holds == 1
                await runs.call(client, **ASK)
            assert purse.kinds[0] == "unknown"
            assert purse.entries[0].flag == ("closed" if how == "closed" else "abandoned")
            purse.check(BOUND if how == "closed" else BOUND + COST)
            await runs.close(client)

    runs.run(body)


@each_colour
def test_the_loser_of_a_race_settles_itself(colour: str) -> None:
    """Two calls against each other each hold; who loses is spent as held, who wins at his cost."""
    runs = Colour(colour)

    async def body() -> None:
        with world(Budget(2 * BOUND)) as (sim, client, purse):
            sim.fail(faults.SlowStart(5.0))
            jobs = [
                client._job(CHAT, MODEL, {"messages": HELLO}, {"max_tokens": 100}) for _ in range(2)
            ]
            # The first to ask is slow.
            flow = race([perform(job) for job in jobs], 0.1)
            if runs.is_sync:
                client._driver().run(flow)
            else:
                await (await client._async_driver()).run(flow)
            assert sorted(purse.kinds) == ["settle", "unknown"]
            purse.check(BOUND + COST)
            await runs.close(client)

    runs.run(body)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_child_does_not_settle_what_its_parent_holds() -> None:
    """A stream that is open where a process forks is its parent's to settle, and to go on with."""
    with world() as (_, client, purse):
        stream = client.completion(**ASK, stream=True)
        next(stream)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            del stream
            gc.collect()
            client.close()
            os._exit(0 if purse.audit().holds == 1 and not purse.entries else 1)
        assert os.waitpid(child, 0)[1] == 0
        stream.until_done()
        purse.check(COST, ["settle"])


def test_a_dropped_stream_is_settled_by_another_client() -> None:
    """A client may be gone together with its last stream; whoever calls next pays, out of the same budget."""
    with world() as (sim, other, purse):
        client = purse.client(sim)
        stream = client.completion(**ASK, stream=True)
        next(stream)
        del stream, client
        gc.collect()
        other.close()
        purse.check(BOUND, ["unknown"])


def test_a_bill_above_its_hold_is_paid_and_told() -> None:
    """The bill counts, not what was thought; that it was more is told."""
    prices = {"input_cost_per_token": 1e-6, "output_cost_per_token": "2e-6"}
    with world(Budget("0.00002")) as (_, client, purse):
        answer = client.completion("groq/nobody-knows-it", HELLO, max_cost="0.00001", **prices)
        assert answer.cost.total == Decimal("0.000029")
        [event] = purse.of_kind(BudgetOverrun)
        assert (event.call_id, event.usd) == (answer.call.id, Decimal("0.000029"))
        assert (event.held, event.exceeded) == (Decimal("0.00001"), ("global",))
        purse.check("0.000029", ["settle"])
        with pytest.raises(BudgetExceededError):
            client.completion(**ASK)


@each_form
@each_colour
def test_a_threshold_is_told_to_the_clients_callbacks(colour: str, *, stream: bool) -> None:
    """Once, by the call that crosses it, before its end is told."""
    runs = Colour(colour)

    async def body() -> None:
        with world(Budget(1, thresholds=[0.5])) as (_, client, purse):
            purse.manager.update_spend("0.499999")
            for _ in range(2):
                await runs.ask(client, stream=stream, **ASK)
            [event] = purse.of_kind(BudgetThresholdCrossed)
            first, second = purse.of_kind(CallFinished)
            assert event.call_id == first.settlement.call_id != second.settlement.call_id
            assert (event.scope, event.threshold) == ("global", Decimal("0.5"))
            assert purse.told.index(event) < purse.told.index(first)
            await runs.close(client)

    runs.run(body)


# --- stores ------------------------------------------------------------------------------------


class Failing(MemoryStore):
    """A store that is away for settlements while ``away``."""

    away = False

    @override
    def perform(self, operation: Any) -> Any:
        """Perform, or be away."""
        if self.away and type(operation).__name__ == "SettleHold":
            raise llmkit.errors.StoreUnavailableError("away")
        return super().perform(operation)


@each_form
@each_colour
def test_a_store_that_cannot_take_a_settlement_fails_no_answer(
    colour: str, *, stream: bool
) -> None:
    """The answer is there; what it cost is settled when the store is."""
    runs = Colour(colour)
    store = Failing()

    async def body() -> None:
        with world(store=store) as (_, client, purse):
            store.away = True
            answer = await runs.ask(client, stream=stream, **ASK)
            assert answer.cost.total == COST
            assert purse.audit().holds == 1
            store.away = False
            purse.manager.catch_up()
            purse.check(COST, ["settle"])
            await runs.close(client)

    runs.run(body)


def test_an_expired_lease_is_corrected_by_a_late_settlement() -> None:
    """A call that outlives its lease is spent as held, until its bill comes."""
    clock = Clock()
    with world(store=MemoryStore(clock=clock)) as (_, client, purse):
        stream = client.completion(**ASK, stream=True, timeout=30)
        next(stream)
        clock.now += 91
        purse.manager.sweep()
        assert purse.spent == BOUND
        stream.until_done()
        assert purse.kinds == ["expire", "correct"]
        assert purse.audit().differences == ()
        assert purse.spent == COST


def test_a_lease_is_as_long_as_the_call_and_a_minute() -> None:
    """A hold that nobody settles becomes spend when no call can be behind it any more."""
    clock = Clock()
    with world(store=MemoryStore(clock=clock)) as (_, client, purse):
        stream = client.completion(**ASK, stream=True, timeout=30)
        clock.now += 89.9
        assert purse.manager.sweep() == 0
        clock.now += 0.2
        assert purse.manager.sweep() == 1
        stream.close()


def test_an_error_of_the_provider_stays_what_it_is() -> None:
    """A budget does not come between a call and its error."""
    with world() as (sim, client, purse):
        sim.fail(faults.Status(429, headers={"retry-after": "7"}))
        with pytest.raises(RateLimitError) as raised:
            client.completion(**ASK)
        assert not isinstance(raised.value, LimitReachedError)
        assert raised.value.retry_after == 7
        sim.fail(faults.Status(502))
        with pytest.raises(BadGatewayError):
            client.completion(**ASK)
        assert all(isinstance(e.error, APIError) for e in purse.of_kind(AttemptFailed))
        assert not purse.of_kind(BudgetOverrun)
        purse.check(BOUND, ["release", "unknown"])


class Blind(MemoryStore):
    """A store that cannot be looked into."""

    @override
    def perform(self, operation: Any) -> Any:
        """Perform what is no look."""
        if type(operation).__name__ == "Balances":
            raise llmkit.errors.StoreUnavailableError("away")
        return super().perform(operation)


def test_where_nobody_can_look_what_is_left_the_refusal_stays() -> None:
    """A store that fails while a shorter answer is worked out does not hide why the call was refused."""
    with world(Budget("0.001"), store=Blind()) as (sim, client, purse):
        with pytest.raises(BudgetExceededError):
            client.completion(**without_limit())
        assert not sim.requests
        purse.check(0, [])
