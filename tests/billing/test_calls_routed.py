"""Calls through routers: each deployment that was asked may be billed for; who is denied asks nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import pytest

from llmkit import Timeouts
from llmkit.errors import APIError, NotEntitledError, StreamInterruptedError
from llmkit.router import Router
from llmkit.testing import FakeLago, FrozenClock

from ..io._colour import COLOURS, KEY, MESSAGES, Colour, each_colour
from ..io._server import (
    END,
    HOLD,
    RESET,
    Answer,
    Server,
    completion,
    failure,
    hello,
    piece,
    streamed,
)
from ._lagos import SUBSCRIPTION, billing
from ._recorded import COST, Billing, Desk, Ordered, ids

BROKEN = streamed(piece("Hel"), piece("lo, "), RESET, end=False)
REST = streamed(piece("wor"), piece("ld"), END)
SLOW = (0.6, *completion("slow"))


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


class Pair:
    """A router of two deployments, asked in this order, that is billed."""

    def __init__(self, servers: list[Server], **how: Any) -> None:
        self.servers = servers
        models = how.pop("models", ("openai/gpt-4o-mini", "openai/gpt-4o-mini"))
        self.log: list[Any] = []
        self.desk = Desk(self.log)
        entries = [
            {
                "model_name": "g",
                "litellm_params": {
                    "model": models[at],
                    "api_key": KEY,
                    "base_url": server.url,
                    "order": 1 + at,
                },
                "model_info": {"id": f"d{at}"},
            }
            for at, server in enumerate(servers)
        ]
        self.client = Router(
            entries,
            billing=Billing(self.desk),
            ledger=Ordered(self.log),
            num_retries=how.pop("num_retries", 0),
            **how,
        )

    def answer(self, *answers: Answer) -> None:
        """What each of them answers."""
        for server, said in zip(self.servers, answers, strict=True):
            server.always(*said)

    def check(self) -> None:
        """What was begun is finished once, before its settlement."""
        self.desk.check()
        for call in {finish.call for finish in self.desk.finishes}:
            ends = [at for at, each in enumerate(self.log) if getattr(each, "call", "") == call]
            settled = [
                at for at, each in enumerate(self.log) if getattr(each, "call_id", "") == call
            ]
            assert ends[-1] < settled[0] or len(ends) > 2


@contextmanager
def pair(*answers: Answer, **how: Any) -> Iterator[Pair]:
    """Two servers and a router of them."""
    with ExitStack() as stack:
        made = Pair([stack.enter_context(Server()) for _ in range(2)], **how)
        made.answer(*answers)
        yield made
        made.check()
        made.client.close()


async def ask(colour: Colour, world: Pair, **how: Any) -> Any:
    """A call for the group."""
    given = {"num_retries": None, "max_tokens": 50, **how}
    return await colour.call(world.client, model="g", **given)


# --- failover ---------------------------------------------------------------------------------


@each_colour
async def test_failover(colour: Colour) -> None:
    """The first may have been billed: it is charged as an attempt, and the second for its answer."""
    with pair(failure(502), completion()) as world:
        answer = await ask(colour, world)
        assert ids(world.desk.charges) == ["1", ""]
        assert [charge.outcome for charge in world.desk.charges] == ["attempt", "completed"]
        assert world.desk.charges[-1].usd == answer.cost.total == COST
        assert len(world.desk.begins) == len(world.desk.finishes) == 1
        await colour.close(world.client)


@each_colour
async def test_failover_from_a_refusal(colour: Colour) -> None:
    """What refused is no charge."""
    with pair(failure(500), completion()) as world:
        await ask(colour, world)
        assert ids(world.desk.charges) == [""]
        await colour.close(world.client)


@each_colour
async def test_all_fail(colour: Colour) -> None:
    """The last one is the call's."""
    with pair(failure(502), (RESET,)) as world:
        with pytest.raises(APIError):
            await ask(colour, world)
        assert ids(world.desk.charges) == ["1", ""]
        assert [charge.outcome for charge in world.desk.charges] == ["attempt", "failed"]
        assert all(charge.estimated for charge in world.desk.charges)
        await colour.close(world.client)


@pytest.mark.parametrize("stream", [False, True])
@each_colour
async def test_a_denial(colour: Colour, *, stream: bool) -> None:
    """Who is not entitled asks nobody: no other deployment, no fallback, no retry."""
    with pair(completion(), completion(), num_retries=3, hedge=True) as world:
        world.desk.instead = [NotEntitledError("no")]
        with pytest.raises(NotEntitledError):
            await ask(colour, world, stream=stream, fallbacks=["g"])
        assert [server.requests for server in world.servers] == [[], []]
        assert len(world.desk.told) == 1
        assert [health.state for health in world.client.deployments()] == ["well", "well"]
        await colour.close(world.client)


def test_a_mock() -> None:
    """What a router answers by itself is not billed."""
    desk = Desk()
    entry = {
        "model_name": "g",
        "litellm_params": {"model": "openai/gpt-4o-mini", "mock_response": "hi"},
    }
    with Router([entry], billing=Billing(desk), clock=FrozenClock()) as router:
        router.completion("g", MESSAGES)
        router.completion("g", MESSAGES, mock_response="ho")
    assert desk.told == []


# --- hedging ----------------------------------------------------------------------------------


@each_colour
async def test_a_loser(colour: Colour) -> None:
    """Who lost may have been billed: an attempt of its own."""
    with pair((HOLD,), completion("quick"), hedge={"after": 0.1}) as world:
        answer = await ask(colour, world)
        assert answer.choices[0].message.content == "quick"
        assert ids(world.desk.charges) == ["1", ""]
        first, last = world.desk.charges
        assert (first.outcome, first.estimated) == ("attempt", True)
        assert (last.outcome, last.usd) == ("completed", COST)
        assert len(world.desk.finishes) == 1
        await colour.close(world.client)


@each_colour
async def test_the_first_wins(colour: Colour) -> None:
    """It is the same whoever wins."""
    with pair((0.4, *completion("first")), (HOLD,), hedge={"after": 0.1}) as world:
        await ask(colour, world)
        assert ids(world.desk.charges) == ["2", ""]
        assert [charge.outcome for charge in world.desk.charges] == ["attempt", "completed"]
        await colour.close(world.client)


@each_colour
async def test_no_second(colour: Colour) -> None:
    """Where nobody is slow there is one charge."""
    with pair(completion(), completion(), hedge={"after": 5}) as world:
        await ask(colour, world)
        assert ids(world.desk.charges) == [""]
        await colour.close(world.client)


@each_colour
async def test_both_fail(colour: Colour) -> None:
    """Each that may have been done is charged once."""
    with pair((0.3, *failure(502)), failure(502), hedge={"after": 0.1}) as world:
        with pytest.raises(APIError):
            await ask(colour, world)
        assert sorted(ids(world.desk.charges)) == ["", "2"]
        await colour.close(world.client)


@each_colour
async def test_a_hedged_stream(colour: Colour) -> None:
    """A stream's loser is an attempt, too, and its winner is charged by its end."""
    with pair((HOLD,), hello(), hedge={"after": 0.1}) as world:
        stream = await colour.open(world.client, model="g", num_retries=None)
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].finish_reason:
                break
        assert ids(world.desk.charges) == ["1", ""]
        assert world.desk.charges[-1].usd == COST
        await colour.close(world.client)


@each_colour
async def test_a_hedge_that_is_denied(colour: Colour) -> None:
    """Where there is no balance for a dearer second, it is not asked, and the first one is waited for."""
    models = ("openai/gpt-4o-mini", "openai/gpt-4o")
    with pair(SLOW, completion("dear"), hedge={"after": 0.1}, models=models) as world:
        world.desk.instead = [None, NotEntitledError("no")]
        answer = await ask(colour, world)
        assert answer.choices[0].message.content == "slow"
        assert [begin.model for begin in world.desk.begins] == ["gpt-4o-mini", "gpt-4o"]
        assert world.servers[1].requests == []
        assert ids(world.desk.charges) == [""]
        await colour.close(world.client)


# --- streams that go on -----------------------------------------------------------------------


@each_colour
async def test_a_stream_that_goes_on(colour: Colour) -> None:
    """What broke is charged by itself, with what it is known to have come to; both together are the call's cost."""
    with pair(BROKEN, REST, continue_streams=True) as world:
        _, stream = await colour.read(world.client, model="g", num_retries=None)
        assert stream.response.choices[0].message.content == "Hello, world"
        assert ids(world.desk.charges) == ["1", ""]
        first, last = world.desk.charges
        assert (first.outcome, first.estimated) == ("interrupted", True)
        assert first.usage["completion_tokens"] > 0
        assert first.usd is not None
        assert first.usd > 0
        assert (last.outcome, last.estimated, last.usd) == ("completed", False, COST)
        assert first.usd + last.usd == stream.cost.total
        assert last.usage["completion_tokens"] == 3
        await colour.close(world.client)


@each_colour
async def test_a_stream_that_nobody_goes_on_with(colour: Colour) -> None:
    """Where nobody writes on, there is one charge for what had come."""
    with pair(BROKEN, failure(500), continue_streams=True) as world:
        with pytest.raises(StreamInterruptedError):
            await colour.read(world.client, model="g", num_retries=None)
        assert ids(world.desk.charges) == [""]
        charge = world.desk.charges[0]
        assert (charge.outcome, charge.estimated) == ("interrupted", True)
        assert charge.usd == world.client.ledger.settlements[0].cost
        await colour.close(world.client)


@each_colour
async def test_a_stream_that_somebody_might_have_gone_on_with(colour: Colour) -> None:
    """Whoever was asked to, and may have, is an attempt; what had come is the call's."""
    with pair(BROKEN, failure(502), continue_streams=True) as world:
        with pytest.raises(StreamInterruptedError):
            await colour.read(world.client, model="g", num_retries=None)
        assert ids(world.desk.charges) == ["2", ""]
        assert [charge.outcome for charge in world.desk.charges] == ["attempt", "interrupted"]
        await colour.close(world.client)


@each_colour
async def test_a_stream_that_breaks_twice(colour: Colour) -> None:
    """Each part has a charge; together they are what the call cost."""
    with pair(BROKEN, streamed(piece("wor"), RESET, end=False), continue_streams=True) as world:
        with pytest.raises(StreamInterruptedError):
            await colour.read(world.client, model="g", num_retries=None)
        charges = world.desk.charges
        assert ids(charges)[0] == "1"
        assert ids(charges)[-1] == ""
        total = sum((charge.usd or Decimal(0) for charge in charges), Decimal(0))
        assert total == world.client.ledger.settlements[0].cost
        await colour.close(world.client)


@each_colour
async def test_a_stream_that_goes_on_and_is_closed(colour: Colour) -> None:
    """Closed early behind where it broke, both parts are guesses."""
    with pair(BROKEN, streamed(piece("wor"), HOLD, end=False), continue_streams=True) as world:
        stream = await colour.open(world.client, model="g", num_retries=None)
        for _ in range(3):
            await anext(stream)
        await stream.aclose()
        assert ids(world.desk.charges) == ["1", ""]
        assert [c.outcome for c in world.desk.charges] == ["interrupted", "closed"]
        assert all(charge.estimated for charge in world.desk.charges)
        total = sum((charge.usd or Decimal(0) for charge in world.desk.charges), Decimal(0))
        assert total == stream.cost.total
        await colour.close(world.client)


@each_colour
async def test_no_answer_of_a_deployment_in_time(colour: Colour) -> None:
    """What ran out of time is a guess, and the next one answers."""
    with pair((HOLD,), completion()) as world:
        begun = time.monotonic()
        await ask(colour, world, timeout=Timeouts(first_token=0.3))
        assert time.monotonic() - begun < 15
        assert ids(world.desk.charges) == ["1", ""]
        await colour.close(world.client)


@pytest.mark.parametrize("broken", ["estimate", "hold"])
def test_both_halves_of_a_stream_are_billed(broken: str) -> None:
    """What its reader got before it broke is billed as what had come, not as an attempt that gave him nothing."""
    with pair(BROKEN, REST, continue_streams=True) as world, FakeLago() as fake:
        fake.furnish(SUBSCRIPTION)
        with billing(fake, subscription=SUBSCRIPTION, background=False, broken=broken) as lago:
            world.client.billing = lago
            stream = world.client.completion("g", [{"role": "user", "content": "Hi"}], stream=True)
            for _ in stream:
                continue
            assert lago.flush(10).left == 0
            held = lago.held.list()
        whole = stream.cost.total * 1_000_000
        assert len(held) == (broken == "hold")
        assert fake.units(SUBSCRIPTION) + sum(bill.units for bill in held) == whole
        assert {event.properties.get("estimated") for event in fake.events} == (
            {None} if held else {"true", None}
        )
