"""What a client's calls tell billing: when, how often, and what they are charged for."""

from __future__ import annotations

import time
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit import ConfigurationError, Timeouts
from llmkit._billing_events import OutboxFailed
from llmkit._control.billing.charge import Begin, Finish
from llmkit.budget import Budget, BudgetManager
from llmkit.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    BillingError,
    NotEntitledError,
    StoreError,
)
from llmkit.testing import FrozenClock

from ..io._colour import COLOURS, KEY, MODEL, Colour, each_colour
from ..io._server import CLOSE, HOLD, RESET, answer, chat, completion, failure, hello
from ._recorded import ASK, COST, billed, ids

if TYPE_CHECKING:
    from ._recorded import World

LONG = "A question of some length, so that there is something to be counted. " * 4


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


# --- a call that goes well --------------------------------------------------------------------


@each_colour
async def test_a_whole_answer(colour: Colour) -> None:
    """A call is announced before its request leaves, with the most that it can cost, and charged for what it cost."""
    with billed(completion()) as world:
        seen: list[int] = []
        world.desk.before = lambda _: seen.append(len(world.server.requests))
        begun = time.time()
        answer = await colour.call(world.client, max_tokens=10, customer="ann", metadata={"a": "b"})
        begin, finish = world.desk.told[0], world.desk.finishes[0]
        assert seen == [0, 1]
        assert isinstance(begin, Begin)
        assert begin.call == finish.call == answer.call.id
        assert begin.attributes == finish.attributes == {"customer": ("ann",)}
        assert begin.metadata == finish.metadata == {"a": "b"}
        assert (begin.provider, begin.model, begin.kind) == ("openai", "gpt-4o-mini", "chat")
        assert begin.lease == 1_800_000
        assert begin.usd is not None
        assert COST < begin.usd < 1
        charge = world.charge()
        assert charge.id == answer.call.id
        assert (charge.usd, charge.cost_status) == (answer.cost.total, "exact")
        assert charge.usd == COST
        assert (charge.outcome, charge.estimated) == ("completed", False)
        assert (charge.provider, charge.model, charge.kind) == ("openai", "gpt-4o-mini", "chat")
        assert charge.usage == {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
        assert begun - 0.001 <= charge.at / 1000 <= time.time()
        await colour.close(world.client)


@each_colour
async def test_the_order_at_the_end(colour: Colour) -> None:
    """Billing knows what a call came to before its ledger, its callbacks, and its caller."""
    with billed(completion(), budget=BudgetManager(budgets=[Budget(10)])) as world:
        await colour.call(world.client, max_tokens=10)
        assert world.kinds() == ["Begin", "Finish", "Settlement", "CallFinished"]
        await colour.close(world.client)


@each_colour
async def test_the_end_of_a_stream(colour: Colour) -> None:
    """Who stops reading at the finish reason has been charged by then, for what the provider counted after it."""
    with billed(hello()) as world:
        stream = await colour.open(world.client)
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].finish_reason:
                break
            assert world.kinds() == ["Begin"]
        assert world.kinds() == ["Begin", "Finish", "Settlement", "CallFinished"]
        charge = world.charge()
        assert (charge.usd, charge.estimated, charge.outcome) == (COST, False, "completed")
        await stream.aclose()
        await stream.aclose()
        assert len(world.desk.finishes) == 1
        await colour.close(world.client)


def test_sync_and_async_calls_of_one_client() -> None:
    """Each call is charged for once, whatever colour it has."""
    with billed(completion()) as world:
        world.client.completion(**ASK)
        Colour("asyncio").run(lambda: _asked_and_closed(world))
        assert len({charge.id for charge in world.charges}) == len(world.charges) == 2


async def _asked_and_closed(world: World) -> None:
    await world.client.acompletion(**ASK)
    await world.client.aclose()


def test_times_have_milliseconds() -> None:
    """When a call ended is told in whole milliseconds, by the client's clock."""
    clock = FrozenClock(1_790_000_000.1239)
    with billed(completion(), clock=clock) as world:
        world.client.completion(**ASK)
        assert world.charge().at == 1_790_000_000_123


# --- nothing to bill --------------------------------------------------------------------------


@each_colour
async def test_a_mocked_call(colour: Colour) -> None:
    """What nobody was asked for is neither announced nor charged."""
    with billed() as world:
        await colour.call(world.client, mock_response="hi")
        assert world.desk.told == []
        await colour.close(world.client)


def test_looking_things_up() -> None:
    """Calls that ask for no answer of a model are neither announced nor charged."""
    with billed(answer({"object": "list", "data": []})) as world:
        world.client.list_models(custom_llm_provider="openai")
        world.client.list_files(custom_llm_provider="openai")
        assert world.desk.told == []
        assert len(world.server.requests) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("stream", [False, True])
@each_colour
async def test_a_provider_that_refuses(colour: Colour, status: int, *, stream: bool) -> None:
    """An error of the provider's before any token is charged for by nobody, and the call is concluded."""
    with billed(failure(status)) as world:
        with pytest.raises(APIError):
            await colour.call(world.client, stream=stream)
        assert [type(each) for each in world.desk.told] == [Begin, Finish]
        assert world.charges == []
        await colour.close(world.client)


@each_colour
async def test_a_mistake_that_is_found_before_anything_is_sent(colour: Colour) -> None:
    """What is never sent is not announced."""

    def refuses(_: Any) -> None:
        raise PermissionError("not this")

    with billed(hooks=[SimpleNamespace(before_call=refuses)]) as world:
        with pytest.raises(PermissionError):
            await colour.call(world.client)
        assert world.desk.told == []
        await colour.close(world.client)


def test_a_model_at_home() -> None:
    """A model on this machine without a price is nobody's bill."""
    with billed(completion()) as world:
        made = world.client.completion(**{**ASK, "model": "ollama/some-model"})
        assert made.cost.status == "none"
        assert world.charges == []
        assert len(world.desk.finishes) == 1


# --- denials ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@each_colour
async def test_a_denial(colour: Colour, *, stream: bool) -> None:
    """Who is not entitled sends nothing: no retry, no fallback, one typed error that is a 402."""
    with billed(completion(), budget=BudgetManager(budgets=[Budget(10)])) as world:
        denial = NotEntitledError("no balance")
        denial.reason = "insufficient_balance"
        world.desk.instead = [denial]
        with pytest.raises(NotEntitledError) as caught:
            await colour.call(
                world.client,
                stream=stream,
                num_retries=3,
                max_tokens=5,
                fallbacks=["openai/gpt-4o", "openai/gpt-4.1"],
            )
        assert caught.value.status_code == 402
        assert caught.value.reason == "insufficient_balance"
        assert (caught.value.provider, caught.value.model) == ("openai", "gpt-4o-mini")
        assert caught.value.sent == "no"
        assert len(world.desk.told) == 1
        assert world.server.requests == []
        settlement = world.client.ledger.settlements[0]
        assert (settlement.outcome, settlement.sent, settlement.cost) == ("failed", "no", 0)
        assert world.client.budget.get_usage({}).usd == 0
        await colour.close(world.client)


@each_colour
async def test_a_denial_of_a_later_attempt(colour: Colour) -> None:
    """What cannot be afforded any more is not asked; what was asked before is concluded."""
    with billed(failure(500), completion()) as world:
        world.desk.instead = [None, NotEntitledError("no balance")]
        with pytest.raises(NotEntitledError):
            await colour.call(world.client, max_tokens=10, fallbacks=["openai/gpt-4o"])
        assert [type(each) for each in world.desk.told] == [Begin, Begin, Finish]
        assert len(world.server.requests) == 1
        assert world.charges == []
        await colour.close(world.client)


@each_colour
async def test_an_outbox_that_refuses_to_begin(colour: Colour) -> None:
    """Where billing does not go on without its outbox, nothing is sent, to nobody."""
    with billed(completion()) as world:
        world.desk.instead = [BillingError("the outbox cannot be written")]
        with pytest.raises(BillingError):
            await colour.call(world.client, fallbacks=["openai/gpt-4o"])
        assert len(world.desk.told) == 1
        assert world.server.requests == []
        assert world.client.ledger.settlements[0].sent == "no"
        await colour.close(world.client)


@each_colour
async def test_a_desk_that_breaks_at_the_beginning(colour: Colour) -> None:
    """Of what failed for another reason nobody knows how far it came: it is concluded, and nothing is sent."""
    with billed(completion()) as world:
        world.desk.instead = [RuntimeError("a bug")]
        with pytest.raises(RuntimeError):
            await colour.call(world.client)
        assert [type(each) for each in world.desk.told] == [Begin, Finish]
        assert world.charges == world.server.requests == []
        await colour.close(world.client)


# --- an end that cannot be told ---------------------------------------------------------------


@each_colour
async def test_an_end_that_cannot_be_written(colour: Colour) -> None:
    """The answer is its caller's all the same; it is told, and tried again by whoever calls next."""
    with billed(completion()) as world:
        world.desk.instead = [None, StoreError("the disk is full")]
        answer = await colour.call(world.client)
        assert answer.choices[0].message.content == "Hello there"
        told = [each for each in world.log if isinstance(each, OutboxFailed)]
        assert [(each.kept, each.reason) for each in told] == [
            ("memory", "StoreError: the disk is full")
        ]
        await colour.call(world.client)
        first, again, other = world.desk.finishes
        assert first == again
        assert other.call != first.call
        await colour.close(world.client)


@each_colour
async def test_an_end_that_cannot_be_written_twice(colour: Colour) -> None:
    """Who comes next is not to blame; the outbox knows that the call began."""
    with billed(completion()) as world:
        world.desk.instead = [None, StoreError("full"), StoreError("still full")]
        await colour.call(world.client)
        await colour.call(world.client)
        told = [each.kept for each in world.log if isinstance(each, OutboxFailed)]
        assert told == ["memory", "nowhere"]
        assert len(world.desk.finishes) == 3
        await colour.close(world.client)


@pytest.mark.parametrize("stream", [False, True])
@each_colour
async def test_an_end_that_is_to_be_heard_of(colour: Colour, *, stream: bool) -> None:
    """Where billing is strict its failure is raised, behind the ledger and the callbacks."""
    with billed(hello() if stream else completion()) as world:
        world.desk.instead = [None, BillingError("full")]
        with pytest.raises(BillingError, match="full"):
            await colour.ask(world.client, stream=stream)
        assert world.kinds() == ["Begin", "Finish", "Settlement", "CallFinished"]
        await colour.close(world.client)
        assert len(world.desk.finishes) == 2


# --- nobody knows -----------------------------------------------------------------------------


UNKNOWN: dict[str, Any] = {
    "timeout": ((HOLD,), {"timeout": Timeouts(first_token=0.2)}, APIError),
    "reset": ((RESET,), {}, APIConnectionError),
    "closed": ((CLOSE,), {}, APIConnectionError),
    "502": (failure(502), {}, APIError),
    "504": (failure(504), {}, APIError),
    "unreadable": (answer("<html>"), {}, APIResponseValidationError),
}


@pytest.mark.parametrize("name", UNKNOWN)
@each_colour
async def test_no_answer_and_nobody_knows(colour: Colour, name: str) -> None:
    """What may have been done is charged for by its prompt, as a guess that says so."""
    answers, how, error = UNKNOWN[name]
    with billed(answers) as world:
        with pytest.raises(error):
            await colour.call(world.client, messages=[{"role": "user", "content": LONG}], **how)
        charge = world.charge()
        assert charge.id == world.desk.begins[0].call
        assert (charge.outcome, charge.estimated, charge.cost_status) == (
            "failed",
            True,
            "estimated",
        )
        counted = charge.usage["prompt_tokens"]
        assert 40 < counted < 100
        assert charge.usd == counted * Decimal("0.15") / 10**6
        assert charge.usage["completion_tokens"] == 0
        await colour.close(world.client)


def test_what_nobody_can_guess() -> None:
    """Without an answer nobody knows what a picture cost; it is unknown, and not nothing."""
    with billed((RESET,)) as world:
        with pytest.raises(APIConnectionError):
            world.client.image_generation("openai/dall-e-3", "a cat", num_retries=0)
        charge = world.charge()
        assert (charge.usd, charge.cost_status, charge.kind) == (None, "unknown", "image")
        assert charge.reason


def test_an_unknown_price() -> None:
    """What has no price is charged as unknown, with what was used, so that it can be priced."""
    with billed(answer(chat(model="not-in-any-list"))) as world:
        made = world.client.completion(**{**ASK, "model": "openai/not-in-any-list"})
        charge = world.charge()
        assert (charge.usd, charge.cost_status) == (None, "unknown")
        assert charge.reason == made.cost.reason
        assert charge.usage == {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def test_details_of_what_was_used() -> None:
    """The counts are what a price can be made from again."""
    usage = {
        "prompt_tokens": 2000,
        "completion_tokens": 30,
        "total_tokens": 2030,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    with billed(answer(chat(usage=usage))) as world:
        made = world.client.completion(**ASK)
        charge = world.charge()
        again = world.client.completion_cost(usage=dict(charge.usage), model=MODEL)
        assert charge.usd == made.cost.total == again.total
        assert charge.usage["prompt_tokens_details"]["cached_tokens"] == 1024


# --- several attempts -------------------------------------------------------------------------


@each_colour
async def test_attempts_that_were_refused(colour: Colour) -> None:
    """What the provider refused is no charge; the call is begun once, and its answer is charged for."""
    with billed(failure(500), failure(429), completion()) as world:
        await colour.call(world.client, num_retries=2, max_tokens=5)
        assert [type(each) for each in world.desk.told] == [Begin, Finish]
        assert world.charge().outcome == "completed"
        await colour.close(world.client)


@each_colour
async def test_attempts_that_may_have_been_done(colour: Colour) -> None:
    """Each has a charge of its own, by its prompt, beside that of the answer."""
    with billed(failure(502), (RESET,), completion()) as world:
        await colour.call(world.client, num_retries=2)
        assert ids(world.charges) == ["1", "2", ""]
        first, second, last = world.charges
        assert (first.outcome, second.outcome, last.outcome) == ("attempt", "attempt", "completed")
        assert (first.estimated, last.estimated) == (True, False)
        assert first.usd == second.usd == first.usage["prompt_tokens"] * Decimal("0.15") / 10**6
        assert first.at <= second.at <= last.at
        assert last.usd == COST
        await colour.close(world.client)


@each_colour
async def test_the_last_of_several_that_nobody_knows_of(colour: Colour) -> None:
    """The last one is the call's, those before are attempts."""
    with billed(failure(502)) as world:
        with pytest.raises(APIError):
            await colour.call(world.client, num_retries=1)
        assert ids(world.charges) == ["1", ""]
        assert [charge.outcome for charge in world.charges] == ["attempt", "failed"]
        await colour.close(world.client)


@each_colour
async def test_one_that_nobody_knows_of_and_one_that_is_refused(colour: Colour) -> None:
    """A call that is refused in the end has still asked for something before."""
    with billed(failure(502), failure(429)) as world:
        with pytest.raises(APIError):
            await colour.call(world.client, num_retries=1)
        assert ids(world.charges) == ["1"]
        assert world.charge().outcome == "attempt"
        await colour.close(world.client)


@each_colour
async def test_a_fallback(colour: Colour) -> None:
    """What the first was asked for is its own; what can cost more is announced anew, what costs less is not."""
    with billed(failure(502), completion()) as world:
        await colour.call(world.client, max_tokens=10, fallbacks=["openai/gpt-4o"])
        cheap, dear = world.desk.begins
        assert (cheap.model, dear.model) == ("gpt-4o-mini", "gpt-4o")
        assert cheap.usd < dear.usd  # type: ignore[operator]
        assert [(charge.model, charge.outcome) for charge in world.charges] == [
            ("gpt-4o-mini", "attempt"),
            ("gpt-4o", "completed"),
        ]
        await colour.close(world.client)


@each_colour
async def test_a_cheaper_fallback(colour: Colour) -> None:
    """What was announced for the dear one is enough for the cheap one."""
    with billed(failure(500), completion()) as world:
        how = {"model": "openai/gpt-4o", "max_tokens": 10, "fallbacks": [MODEL]}
        await colour.call(world.client, **how)
        assert [type(each) for each in world.desk.told] == [Begin, Finish]
        assert world.charge().model == "gpt-4o-mini"
        await colour.close(world.client)


def test_what_has_no_bound() -> None:
    """Where nobody can say what a call may cost, that is what is announced, once."""
    with billed(failure(500), completion()) as world:
        how = {"model": "openai/not-in-any-list", "fallbacks": ["openai/gpt-4o"]}
        world.client.completion(**{**ASK, **how})
        assert [begin.usd for begin in world.desk.begins] == [None]
        world.client.completion(**{**ASK, **how, "max_cost": "0.5"})
        assert world.desk.begins[-1].usd == Decimal("0.5")


def test_a_limit_that_a_budget_works_out() -> None:
    """What is announced is what is sent, not what was asked for."""
    budget = BudgetManager(budgets=[Budget("0.001")], output="derive")
    with billed(completion(), budget=budget) as world:
        world.client.completion(**ASK)
        assert world.desk.begins[0].usd <= Decimal("0.001")  # type: ignore[operator]
        assert world.charge().usd == COST


# --- kinds ------------------------------------------------------------------------------------


EMBEDDED = answer(
    {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 1000, "total_tokens": 1000},
    }
)


@each_colour
async def test_an_embedding(colour: Colour) -> None:
    """Every kind of call is billed, by its own name."""
    with billed(EMBEDDED) as world:
        ask = world.client.embedding if colour.is_sync else world.client.aembedding
        made = ask("openai/text-embedding-3-small", "hi")
        made = made if colour.is_sync else await made
        charge = world.charge()
        assert (charge.kind, charge.usd) == ("embedding", made.cost.total)
        assert charge.usd == Decimal("0.00002")
        assert charge.usage["prompt_tokens"] == 1000
        await colour.close(world.client)


def test_speech() -> None:
    """What is not counted in tokens is told by its measures."""
    with billed(answer(b"sound", content_type="audio/mpeg")) as world:
        made = world.client.speech("openai/tts-1", input="twelve chars", voice="alloy")
        charge = world.charge()
        assert (charge.kind, charge.usd, charge.estimated) == ("speech", made.cost.total, False)
        assert charge.usage["measures"] == [
            {"dimension": "input", "quantity": "12", "unit": "character"}
        ]


# --- what a client is given -------------------------------------------------------------------


def test_what_is_no_billing() -> None:
    """What does not bill is not taken; what does can be changed, and taken away."""
    for given in (object(), 5, "lago"):
        with pytest.raises(ConfigurationError, match="billing must be a LagoBilling"):
            llmkit.Client(billing=given)
    with billed(completion()) as world:
        assert world.client.billing.desk is world.desk
        world.client.billing = None
        world.client.completion(**ASK)
        assert world.client.billing is None
        assert world.desk.told == []
        with pytest.raises(ConfigurationError):
            world.client.billing = object()


def test_a_key_that_is_echoed() -> None:
    """No key comes into what billing is told."""
    with billed(failure(500, f"bad key {KEY}"), completion()) as world:
        world.client.completion(**{**ASK, "num_retries": 1})
        assert KEY not in repr(world.desk.told)
