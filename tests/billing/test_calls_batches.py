"""The rows of a batch, billed when its results are looked at: once each, the same however often that is."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ..io._colour import COLOURS, Colour, each_colour
from ..io._server import Answer, answer, failure
from ._recorded import World, billed

ENDED = 1_790_000_777


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> Colour:
    """Each driver in turn."""
    return Colour(request.param)


def row(custom_id: str, *, model: str = "gpt-4o-mini", tokens: int = 1000) -> dict[str, Any]:
    """A line of results that went well."""
    usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    body = {"id": "c", "object": "chat.completion", "model": model, "choices": [], "usage": usage}
    return {
        "id": f"r_{custom_id}",
        "custom_id": custom_id,
        "response": {"status_code": 200, "body": body},
    }


def failed(custom_id: str) -> dict[str, Any]:
    """A line of results that did not."""
    body = {"error": {"message": "no"}}
    return {"custom_id": custom_id, "response": {"status_code": 400, "body": body}}


def batch(id_: str = "batch_1", **more: Any) -> Answer:
    """OpenAI's word for one that has ended."""
    told = {"id": id_, "object": "batch", "status": "completed", "output_file_id": "f1"}
    return answer({**told, "created_at": 1_790_000_000, "completed_at": ENDED, **more})


def lines(*rows: dict[str, Any]) -> Answer:
    """A file of results."""
    return answer("\n".join(map(json.dumps, rows)), content_type="application/jsonl")


async def look(colour: Colour, world: World, id_: str = "batch_1", **how: Any) -> Any:
    """Look at the results."""
    given = {"custom_llm_provider": "openai", "num_retries": 0, **how}
    if colour.is_sync:
        return world.client.batch_results(id_, **given)
    return await world.client.abatch_results(id_, **given)


@each_colour
async def test_each_row(colour: Colour) -> None:
    """Each row that was answered has a charge by its own id, of when the batch had ended; none for what failed."""
    rows = lines(row("a"), failed("b"), row("c", tokens=2000))
    with billed(batch(), batch(), rows) as world:
        world.desk.batch_results = True
        results = await look(colour, world, subscription="sub-1")
        assert world.desk.begins == []
        (finish,) = world.desk.finishes
        assert finish.attributes == {"subscription": ("sub-1",)}
        assert [charge.id for charge in finish.charges] == ["batch_1.a", "batch_1.c"]
        assert {charge.at for charge in finish.charges} == {ENDED * 1000}
        first, last = finish.charges
        assert (first.kind, first.provider, first.model) == ("batch", "openai", "gpt-4o-mini")
        assert (first.outcome, first.estimated) == ("completed", False)
        # Half of what the model costs otherwise.
        assert first.usd == Decimal(1000) * Decimal("0.075") / 10**6 == results.data[0].cost.total
        assert last.usd == 2 * first.usd
        assert last.usage["prompt_tokens"] == 2000
        assert world.kinds()[:2] == ["Finish", "Settlement"]
        await colour.close(world.client)


@each_colour
async def test_looking_again(colour: Colour) -> None:
    """Whoever looks again charges for the same, to the last byte."""
    rows = lines(row("a"), row("b"))
    with billed(batch(), batch(), rows, batch(), batch(), rows) as world:
        world.desk.batch_results = True
        await look(colour, world)
        await look(colour, world)
        first, again = world.desk.finishes
        assert first == again
        await colour.close(world.client)


@each_colour
async def test_by_default(colour: Colour) -> None:
    """By default nobody is charged, and nothing more is asked."""
    with billed(batch(), lines(row("a"))) as world:
        await look(colour, world)
        assert world.desk.told == []
        assert len(world.server.requests) == 2
        await colour.close(world.client)


@each_colour
async def test_a_provider_whose_results_do_not_say_when(colour: Colour) -> None:
    """Where results have no time, the batch is asked for; a stream of them is billed, too."""
    told = {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "ended",
        "created_at": "2026-09-01T00:00:00Z",
        "ended_at": "2026-09-01T01:00:00Z",
    }
    message = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "content": [],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1000, "output_tokens": 10},
    }
    rows = [
        {"custom_id": name, "result": {"type": "succeeded", "message": message}} for name in "ab"
    ]
    with billed(answer(told), lines(*rows), answer(told), lines(*rows)) as world:
        world.desk.batch_results = True
        how = {"custom_llm_provider": "anthropic"}
        await look(colour, world, "msgbatch_1", **how)
        stream = await look(colour, world, "msgbatch_1", **how, stream=True)
        if colour.is_sync:
            assert len(list(stream)) == 2
        else:
            assert len([each async for each in stream]) == 2
        first, again = world.desk.finishes
        assert first.charges == again.charges
        assert [charge.id for charge in first.charges] == ["msgbatch_1.a", "msgbatch_1.b"]
        assert first.charges[0].at == 1_788_224_400_000
        assert first.charges[0].usage["completion_tokens"] == 10
        await colour.close(world.client)


@each_colour
async def test_an_unknown_model(colour: Colour) -> None:
    """A row whose price nobody knows is charged as unknown, with what it used."""
    with billed(batch(), batch(), lines(row("a", model="nobody-knows"))) as world:
        world.desk.batch_results = True
        await look(colour, world)
        charge = world.charge()
        assert (charge.usd, charge.cost_status) == (None, "unknown")
        assert charge.reason
        assert charge.usage["prompt_tokens"] == 1000
        await colour.close(world.client)


def test_ids_of_any_form() -> None:
    """Ids are URL-safe whatever they are made of, and no two rows have one."""
    names = ["a", "a b", "ü", "a/b", "x" * 200, "a~b", "a.b", "", "~"]
    with billed(batch(), batch(), lines(*map(row, names))) as world:
        world.desk.batch_results = True
        world.client.batch_results("batch_1", custom_llm_provider="openai", num_retries=0)
        found = [charge.id for charge in world.charges]
        assert len(set(found)) == len(names)
        assert all(set(each) <= set(_SAFE) for each in found)
    with billed(batch("b.1"), batch("b.1"), lines(row("c"))) as world:
        world.desk.batch_results = True
        world.client.batch_results("b.1", custom_llm_provider="openai", num_retries=0)
        assert world.charge().id.startswith("batch.")


_SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"


def test_a_batch_that_has_not_completed() -> None:
    """One that was cancelled, or says nothing, has the time that does not change any more."""
    for more, at in (
        ({"completed_at": None, "cancelled_at": ENDED + 5}, ENDED + 5),
        ({"completed_at": None}, 1_790_000_000),
    ):
        with billed(batch(**more), batch(**more), lines(row("c"))) as world:
            world.desk.batch_results = True
            world.client.batch_results("batch_1", custom_llm_provider="openai", num_retries=0)
            assert world.charge().at == at * 1000


@each_colour
async def test_results_that_are_not_there(colour: Colour) -> None:
    """A batch that cannot be looked at is charged for by nobody."""
    with billed(failure(404)) as world:
        world.desk.batch_results = True
        with pytest.raises(Exception, match="no"):
            await look(colour, world)
        assert world.charges == []
        await colour.close(world.client)
