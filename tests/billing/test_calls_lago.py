"""A client's calls, billed by Lago, from end to end: whatever happens to a call, Lago has it once, for what it cost."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

import llmkit
from llmkit._outbox import Count, ReadBills
from llmkit.billing import LagoBilling
from llmkit.errors import APIError, NotEntitledError
from llmkit.stores import SQLiteStore
from llmkit.testing import FakeLago

from ..faults._suspensions import dropped_at
from ..faults._world import Routed
from ..faults._world import World as Faulty
from ..io._colour import COLOURS, Colour, each_colour
from ..io._server import HOLD, Server, completion, failure, hello, piece, streamed
from ._lagos import SUBSCRIPTION, billing
from ._recorded import COST
from .test_calls_batches import batch, lines, row
from .test_calls_given_up import MODES, WORKS, _cancelled

HALF = streamed(piece("Hel"), piece("lo, "), HOLD, end=False)
UNITS = COST * 1_000_000
MOST = 40


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


@pytest.fixture
def fake() -> Iterator[FakeLago]:
    """A Lago with one subscription."""
    with FakeLago() as lago:
        lago.furnish(SUBSCRIPTION)
        yield lago


class World:
    """A provider, a client of it, and what bills for its calls."""

    def __init__(self, server: Server, fake: FakeLago, outbox: Path, **how: Any) -> None:
        self.server, self.fake, self.outbox = server, fake, outbox
        given = {"subscription": SUBSCRIPTION, "outbox": outbox, "background": False, **how}
        self.lago: LagoBilling = billing(fake, **given)
        self.client = llmkit.Client(
            api_key="k" * 20, base_url=server.url, billing=self.lago, num_retries=0
        )

    def bills(self) -> Any:
        """What is in the outbox, as another process sees it."""
        store = SQLiteStore(self.outbox)
        try:
            return store.perform(ReadBills())
        finally:
            store.close()

    def delivered(self) -> list[Any]:
        """What Lago has, after all that waits was sent."""
        self.lago.flush(10)
        return self.fake.events

    def check(self) -> None:
        """Nothing is under way any more; each call is in Lago once at most, and all of it is what calls cost."""
        counted = self.lago.desk.outbox.perform(Count())
        assert "intent" not in counted.states
        assert "unknown" not in counted.states
        ids = Counter(event.transaction_id for event in self.delivered())
        assert max(ids.values(), default=1) == 1


@contextmanager
def world(fake: FakeLago, folder: Path, *answers: Any, **how: Any) -> Iterator[World]:
    """A world whose provider answers with these."""
    with Server() as server:
        server.script(*answers[:-1]).default = answers[-1]
        made = World(server, fake, folder / "outbox.db", **how)
        yield made
        made.check()
        made.client.close()
        made.lago.close()


# --- what comes to Lago -----------------------------------------------------------------------


@each_colour
async def test_a_whole_answer(colour: Colour, fake: FakeLago, tmp_path: Path) -> None:
    """By when a call returns its bill is on the disk, and Lago gets it, for exactly what the call cost."""
    with world(fake, tmp_path, completion()) as made:
        answer = await colour.call(made.client)
        (bill,) = made.bills()
        assert (bill.state, bill.usd, bill.units) == ("queued", COST, UNITS)
        (event,) = made.delivered()
        assert event.transaction_id == f"{answer.call.id}:askii_coins"
        assert fake.units(SUBSCRIPTION) == UNITS == answer.cost.total * 1_000_000
        await colour.close(made.client)


@each_colour
async def test_a_stream(colour: Colour, fake: FakeLago, tmp_path: Path) -> None:
    """By when its last chunk is handed over a stream's bill is on the disk."""
    with world(fake, tmp_path, hello()) as made:
        stream = await colour.open(made.client)
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].finish_reason:
                break
            assert [bill.state for bill in made.bills()] == ["intent"]
        assert [bill.state for bill in made.bills()] == ["queued"]
        made.delivered()
        assert fake.units(SUBSCRIPTION) == UNITS
        await stream.aclose()
        await colour.close(made.client)


@each_colour
async def test_streams_that_end_early(colour: Colour, fake: FakeLago, tmp_path: Path) -> None:
    """Closed or dropped, a stream is billed once for what had come, and says that it is a guess."""
    with world(fake, tmp_path, HALF) as made:
        stream = await colour.open(made.client)
        await anext(stream)
        await stream.aclose()
        stream = await colour.open(made.client)
        await anext(stream)
        del stream
        gc.collect()
        await colour.close(made.client)
        events = made.delivered()
        assert len(events) == 2
        assert {event.properties["estimated"] for event in events} == {"true"}
        cost = sum(s.cost for s in made.client.ledger.settlements)
        assert fake.units(SUBSCRIPTION) == cost * 1_000_000


@pytest.mark.parametrize("broken", ["hold", "drain"])
@each_colour
async def test_other_policies_for_streams(
    colour: Colour, fake: FakeLago, tmp_path: Path, broken: str
) -> None:
    """A guess may wait for somebody's word; or the stream is read on, and there is none."""
    answer = HALF if broken == "hold" else streamed(piece("Hel"), 0.1, *hello()[1:])
    with world(fake, tmp_path, answer, broken=broken) as made:
        stream = await colour.open(made.client)
        await anext(stream)
        await stream.aclose()
        (bill,) = made.bills()
        if broken == "hold":
            assert bill.state == "held"
            assert made.delivered() == []
        else:
            assert (bill.state, bill.usd) == ("queued", COST)
        await colour.close(made.client)


@pytest.mark.parametrize("failed_attempts", ["list", "bill"])
@each_colour
async def test_failed_attempts(
    colour: Colour, fake: FakeLago, tmp_path: Path, failed_attempts: str
) -> None:
    """What may have been done, and failed, is listed, or billed by its own id."""
    answers = failure(502), completion()
    with world(fake, tmp_path, *answers, failed_attempts=failed_attempts) as made:
        answer = await colour.call(made.client, num_retries=1)
        states = {bill.id: bill.state for bill in made.bills()}
        first, last = f"{answer.call.id}-1:askii_coins", f"{answer.call.id}:askii_coins"
        billed = failed_attempts == "bill"
        assert states == {first: "queued" if billed else "listed", last: "queued"}
        assert len(made.delivered()) == 1 + billed
        await colour.close(made.client)


@each_colour
async def test_refusals_and_mocks(colour: Colour, fake: FakeLago, tmp_path: Path) -> None:
    """What was refused, and what nobody was asked for, leaves nothing behind."""
    with world(fake, tmp_path, failure(400)) as made:
        with pytest.raises(APIError):
            await colour.call(made.client)
        await colour.call(made.client, mock_response="hi")
        assert [bill for bill in made.bills() if bill.state != "discarded"] == []
        assert made.delivered() == []
        await colour.close(made.client)


@pytest.mark.parametrize("stream", [False, True])
@each_colour
async def test_a_denial(colour: Colour, tmp_path: Path, *, stream: bool) -> None:
    """Who has no balance gets one typed error, before the provider hears of it."""
    with FakeLago() as fake:
        fake.furnish(SUBSCRIPTION, customer="poor")
        fake.add_wallet("poor", balance_cents=0)
        with world(fake, tmp_path, completion(), entitlement="lago") as made:
            with pytest.raises(NotEntitledError) as caught:
                await colour.call(
                    made.client, stream=stream, customer="poor", fallbacks=["openai/gpt-4o"]
                )
            assert caught.value.status_code == 402
            assert caught.value.reason == "insufficient_balance"
            assert made.server.requests == []
            assert made.bills() == ()
            await colour.close(made.client)


def test_a_batch_that_is_looked_at_twice(tmp_path: Path) -> None:
    """Two processes that look at the results send the same bytes, and Lago counts each row once."""
    answers = [batch(), batch(), lines(row("a"), row("b"))]
    with FakeLago(store="clickhouse") as fake:
        fake.furnish(SUBSCRIPTION)
        bodies = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            with world(fake, tmp_path / name, *answers, batch_results=True) as made:
                made.client.batch_results("batch_1", custom_llm_provider="openai")
                bodies.append([bill.body for bill in made.bills()])
                made.delivered()
        assert bodies[0] == bodies[1]
        assert len(bodies[0]) == 2
        assert len(fake.events) == 2


# --- given up ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("loop", "mode"), [MODES[0], MODES[3]])
@pytest.mark.parametrize("name", ["plain", "stream closed"])
def test_cancelled_at_every_await(
    fake: FakeLago, tmp_path: Path, name: str, loop: str, mode: str
) -> None:
    """Wherever a call is cancelled, no intent is left, and what it came to is in Lago once."""
    work, answers = WORKS[name]
    _each(fake, tmp_path, loop, work, answers, lambda do, at: _cancelled(do, at, mode))


@pytest.mark.parametrize("name", ["retry", "stream"])
def test_let_go_of_at_every_await(fake: FakeLago, tmp_path: Path, name: str) -> None:
    """So it is for a coroutine that is let go of."""
    work, answers = WORKS[name]
    _each(fake, tmp_path, "asyncio", work, answers, lambda do, at: dropped_at(do(), at))


def _each(
    fake: FakeLago,
    folder: Path,
    loop: str,
    work: Callable[[Any], Any],
    answers: Any,
    giving_up: Callable[[Callable[[], Any], int], Any],
) -> None:
    lago = billing(fake, subscription=SUBSCRIPTION, outbox=folder / "outbox.db", background=False)

    async def body() -> None:
        with Routed() as server:
            made = Faulty(server, billing=lago)
            reached, at = True, 0
            while reached and at < MOST:
                at += 1
                made.answer(answers)
                reached = await giving_up(lambda: work(made), at)
                gc.collect()
                made.answer([completion()])
                await WORKS["plain"][0](made)
                await made.client.aclose()
                states = lago.desk.outbox.perform(Count()).states
                assert "intent" not in states, at
            assert at > 5
            _balanced(fake, lago, made)

    anyio.run(body, backend=loop)
    lago.close()


def _balanced(fake: FakeLago, lago: LagoBilling, made: Faulty) -> None:
    """What Lago has is what the calls cost that are known to have cost anything."""
    lago.flush(20)
    ids = Counter(event.transaction_id.partition(":")[0] for event in fake.events)
    assert max(ids.values()) == 1
    settled = {s.call_id: s for s in made.client.ledger.settlements}
    completed = {call for call, s in settled.items() if s.outcome == "completed"}
    assert completed <= set(ids)
    known = {call for call, s in settled.items() if s.cost}
    units = sum((settled[call].cost or Decimal(0) for call in known), Decimal(0)) * 1_000_000
    told = sum(
        Decimal(event.properties["askii_coins"])
        for event in fake.events
        if event.transaction_id.partition(":")[0] in known
    )
    assert told == units
