"""What is spent, against the books of a provider of its own: random calls, each bill to the last unit."""

from __future__ import annotations

import gc
import json
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

import llmkit
from llmkit import RetryPolicy
from llmkit.budget import Budget, RateLimit
from llmkit.errors import APIConnectionError, BudgetExceededError, LimitReachedError, LLMKitError
from llmkit.testing import Simulator

from ..io._colour import COLOURS, Colour
from ._billing import MODELS, Provider, Seen, provider
from ._books import Office
from ._purse import ASK, HELLO, KEY, MODEL, Purse, world

ENDS = ("whole", "whole", "read", "closed", "dropped")
RULES = (
    Budget(1000),
    Budget(500, "1d", scope="user"),
    Budget(500, "1h", scope="tag&user"),
    Budget(500, None, scope="model"),
    RateLimit(requests=10_000, parallel=100, scope="user"),
)
Line = tuple[str, tuple[str, ...], str, str, Decimal]


def random_call(draw: random.Random, number: int) -> dict[str, Any]:
    """A call that asks for anything."""
    given: dict[str, Any] = {
        "model": draw.choice(MODELS),
        "messages": [{"role": "user", "content": f"c{number} " + "é" * draw.randint(0, 40)}],
        "max_tokens": draw.randint(1, 50),
        "user": draw.choice(["ann", "bob"]),
        "tags": draw.sample(["a", "b", "c"], draw.randint(0, 2)),
        "num_retries": draw.randint(0, 2),
    }
    given |= {"n": 2} if draw.random() < 0.2 else {}
    return given | ({"fallbacks": [MODELS[0]]} if draw.random() < 0.3 else {})


async def made(client: Any, colour: Colour, call: dict[str, Any], end: str) -> None:
    """Make it, and end it in this way."""
    if end == "whole":
        await colour.ask(client, stream=False, **call)
        return
    if colour.is_sync:
        stream = client.completion(**call, stream=True)
        for _ in stream:
            if end != "read":
                break
        if end == "closed":
            stream.close()
    else:
        stream = await client.acompletion(**call, stream=True)
        async for _ in stream:
            if end != "read":
                break
        if end == "closed":
            await stream.aclose()
    del stream


def due(client: Any, call: dict[str, Any], end: str, seen: Seen) -> tuple[str, Decimal]:
    """How an attempt's hold must end, by what its provider did."""
    early = seen.stream and end in ("closed", "dropped") and not isinstance(seen.what, int)
    if seen.bill is not None and not early:
        return ("settle" if isinstance(seen.what, str) else "release"), seen.bill
    asked = {k: v for k, v in call.items() if k not in ("model", "messages", "fallbacks")}
    asked |= {"stream": True} if seen.stream else {}
    return "unknown", client.cost_bound(f"openai/{seen.model}", call["messages"], **asked).total


def entered(purse: Purse) -> Counter[Line]:
    """The ledger."""
    found: Counter[Line] = Counter()
    for entry in purse.entries:
        scopes = [scope.partition("=")[::2] for scope in entry.whose.scopes if "&" not in scope]
        [user] = [value for kind, value in scopes if kind == "user"]
        tags = tuple(sorted(value for kind, value in scopes if kind == "tag"))
        found[user, tags, entry.whose.model, entry.kind, entry.usd] += 1
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("colour", COLOURS)
def test_every_bill(colour: str, seed: int) -> None:
    """Whatever a provider answers and however a call ends, what is spent is its bill, or what was held."""
    runs, draw, calls = Colour(colour), random.Random(seed), {}
    purse = Purse.of(*RULES)

    async def body(books: Provider) -> None:
        client = llmkit.Client(
            budget=purse.manager,
            api_key=KEY,
            base_url=books.url,
            retry=RetryPolicy(first_wait=0.001, longest_wait=0.002),
        )
        for number in range(40):
            call, end = random_call(draw, number), draw.choice(ENDS)
            calls[f"c{number}"] = call, end
            try:
                await made(client, runs, call, end)
            except LLMKitError:
                continue
        gc.collect()
        await runs.close(client)
        check(client, books)

    def check(client: Any, books: Provider) -> None:
        expected: Counter[Line] = Counter()
        stands: Counter[str] = Counter()
        for word, attempts in books.seen.items():
            call, end = calls[word]
            user, tags = call["user"], tuple(sorted(call["tags"]))
            for seen in attempts:
                kind, usd = due(client, call, end, seen)
                expected[user, tags, f"openai/{seen.model}", kind, usd] += 1
                scopes = ["global", f"user={user}", f"model=openai/{seen.model}"]
                for scope in (*scopes, *(f"tag={tag}&user={user}" for tag in tags)):
                    stands[scope] += usd  # type: ignore[assignment]
        assert entered(purse) == expected
        for scope, usd in stands.items():
            whose = dict(part.split("=") for part in scope.split("&")) if "=" in scope else {}
            [found] = [
                one
                for one in purse.manager.check_budget(**whose).limits
                if (one.scope, one.measure) == (scope, "usd")
            ]
            assert (found.spent, found.held) == (usd, 0), scope
        purse.check()

    with provider(seed) as books:
        runs.run(body, books)


def test_an_answer_that_does_not_say_what_it_used() -> None:
    """A guess of it is no bill: all that was held is spent, of money as of tokens, and the ledger says why."""
    purse = Purse.of(Budget(1), RateLimit(tokens=100_000))
    call = {"model": MODELS[0], "messages": [{"role": "user", "content": "c0"}], "max_tokens": 50}
    with provider(0) as books:
        books.decide = lambda _: Seen("gpt-4o-mini", False, "silent", {})  # type: ignore[method-assign]
        with llmkit.Client(budget=purse.manager, api_key=KEY, base_url=books.url) as client:
            answer = client.completion(**call)
            bound = client.cost_bound(call["model"], call["messages"], max_tokens=50)
    assert answer.cost.status == "estimated"
    purse.check(bound.total, ["unknown"])
    assert purse.entries[0].flag == "estimated"
    [tokens] = [one for one in purse.manager.check_budget().limits if one.measure == "tokens"]
    assert tokens.spent == sum(line.quantity for line in bound.lines)


def test_what_is_not_billed_by_tokens_has_tokens() -> None:
    """Of a chat that is billed by its letters, a limit of tokens holds its bytes and its longest answer."""
    prices = {"input_cost_per_character": "0.000001", "output_cost_per_character": "0.000001"}
    ask = {**ASK, **prices}
    with world(RateLimit(tokens=150)) as (sim, client, _):
        with pytest.raises(LimitReachedError) as raised:
            client.completion(**ask)
        assert raised.value.asked > 100
        assert not sim.requests


def test_a_longer_answer_by_another_way() -> None:
    """What a request's body is given beside its parameters counts for its tokens, too."""
    ask: dict[str, Any] = {"model": "openai/nobody-knows-it", "messages": HELLO, "max_tokens": 10}
    with world(RateLimit(tokens=1000)) as (sim, client, _):
        for more in ({"max_tokens": 1000}, {"n": 100}):
            with pytest.raises(LimitReachedError) as raised:
                client.completion(**ask, extra_body=more)
            assert raised.value.asked > 1000
        assert not sim.requests


def test_a_key_that_is_not_there_at_once() -> None:
    """A try that ended before it began leaves no hold to a longer one: the second is as short as its own hold."""
    failures = [APIConnectionError("the vault sleeps", sent="no", retryable=True)]

    def key() -> str:
        if failures:
            purse.manager.update_spend("0.0005")
            raise failures.pop()
        return KEY

    with Simulator() as sim:
        purse = Purse.of(Budget("0.001"))
        with purse.client(sim, api_key=key) as client:
            client.completion(MODEL, HELLO, num_retries=1)
        assert json.loads(sim.requests[0].body)["max_tokens"] < 500
        assert purse.kinds == ["spend", "settle"]


def test_a_cheaper_model_that_can_say_more() -> None:
    """The model asked for is not cut to a few words where a cheaper one is to answer from there on."""
    with world(Budget("0.002", fallbacks={"0.5": "openai/gpt-4.1-nano"})) as (sim, client, purse):
        # Up to the threshold there is room for 300 tokens of the one, then for 200; behind it, for more of the other.
        for spent, model in (("0.00066", "gpt-4o-mini"), ("0.0001", "gpt-4.1-nano")):
            purse.manager.update_spend(spent)
            client.completion(MODEL, HELLO)
            body = json.loads(sim.requests[-1].body)
            assert body["model"] == model
            assert body["max_tokens"] >= 256


@pytest.mark.parametrize("colour", COLOURS)
def test_a_place_that_was_never_given_back(colour: str) -> None:
    """Who looks before he leaps sees what taking does: behind its lease, a place among parallel calls is free."""
    office = Office(colour)
    manager = office.manager(Budget(10), RateLimit(parallel=1))
    manager.reserve(2, lease=30)
    assert not office.do(manager, "check_budget", 8)
    office.clock.now += 31
    found = office.do(manager, "check_budget", 8)
    assert found
    assert found.remaining() == 8
    manager.reserve(8).release()


def test_the_key_that_a_call_goes_out_with() -> None:
    """A budget of a key holds for what is asked with it, told or not; another that the caller names goes before."""
    other = "sk-" + "other-0123456789abcdef"
    rules = (Budget(0, scope={"key": KEY}), Budget(1, scope="key"))
    with world(*rules) as (sim, client, purse):
        for keys in (KEY, lambda: KEY):
            with pytest.raises(BudgetExceededError) as raised:
                client.completion(**ASK, api_key=keys)
            assert raised.value.scope.startswith("key=!")
        assert not sim.requests
        answers = [client.completion(**ASK, api_key=other)]
        answers.append(client.completion(**ASK, metadata={"user_api_key": other}))
        assert [spent.usd for spent in purse.manager.get_usage({"key": other}, group_by=())] == [
            sum(answer.cost.total for answer in answers)
        ]
        assert other not in repr(purse.entries)


def test_what_is_kept_longer_is_billed() -> None:
    """Nobody says what it comes to: it takes its caller's word, and that is spent."""
    ask: dict[str, Any] = {"ttl": 60, "custom_llm_provider": "gemini"}
    with Simulator() as sim:
        purse = Purse.of(Budget(1))
        with purse.client(sim, base_url=sim.base_url_for("gemini")) as client:
            cached = client.create_cache("gemini/gemini-2.5-flash", HELLO, max_cost="0.2")
            assert client.update_cache(cached.id, max_cost="0.1", **ask).cost.total is None
    purse.check("0.3", ["unknown", "unknown"])
