"""What batches cost: held before they are made, settled once when it is known, for their maker, whoever looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from llmkit.proxy.auth.keys import token_of
from llmkit.proxy.data.models import Request
from llmkit.proxy.data.requests import RequestLog

from ._batches import PRICE, World, a_world, calls, cost, result


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two workers, and somebody's key."""
    async with a_world(tmp_path) as made:
        yield made


@pytest.mark.asyncio
async def test_a_batch_is_held_then_settled_once(world: World) -> None:
    """Whoever looks, and however often; it stands under key, user and team, and in the request log."""
    world.limits("0.01")
    for whose in ({"user": "ann"}, {"team": "red"}):
        world.limits(1, **whose)
    batch = await world.batch(calls("fast", "fast", max_tokens=100))
    spent, held = world.standing()
    assert spent == 0
    assert 2 * 100 * 2 * PRICE[1] < held < Decimal("0.001")
    assert (await world.look(batch)).json()["status"] == "in_progress"
    assert world.standing() == (0, held)
    world.provider.status = "completed"
    world.provider.results = [result(0, 10, 20), result(1, 30, 40)]
    looks = await asyncio.gather(*(world.look(batch, worker) for worker in (0, 1, 0, 1)))
    assert {look.json()["status"] for look in looks} == {"completed"}
    known = cost((10, 20), (30, 40))
    assert world.standing() == (known, 0)
    assert world.standing(user="ann") == world.standing(team="red") == (known, 0)
    (settlement,) = world.logged()
    assert settlement.cost == known
    assert (settlement.prompt_tokens, settlement.completion_tokens) == (40, 60)
    asked = len(world.provider.asked)
    await world.look(batch, 1)
    assert len(world.provider.asked) == asked + 1, "its results are read once"
    log = RequestLog(world.gateway.store, world.gateway.database)
    while log.step():
        pass
    rows = world.gateway.database.read_sync(
        lambda s: s.scalars(select(Request).where(Request.call_type == "batch")).all()
    )
    assert [(r.spend, r.user, r.team_id, r.model_group) for r in rows] == [
        (known, "ann", "red", "fast")
    ]
    usage = world.gateway.budget.get_usage({"team": "red"}, group_by="model")
    assert usage.usd == known


@pytest.mark.asyncio
async def test_what_does_not_fit_is_not_made(world: World) -> None:
    """A batch that could cost more than is left, or of which nobody knows what it can cost."""
    world.limits("0.0001")
    large = await world.file(calls("fast", max_tokens=10_000))
    unknown = await world.file(calls("strange", max_tokens=1))
    searching = await world.file(calls("fast", max_tokens=1, future_field=1))
    for file, status, code in (
        (large, 429, "budget_exceeded"),
        (unknown, 400, "unbounded_cost"),
        (searching, 400, "unbounded_cost"),
    ):
        refused = await world.create(file)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert world.standing() == (0, 0)
    assert "POST /batches" not in world.provider.asked
    assert (await world.create(await world.file(calls("fast", max_tokens=10)))).status_code == 200


@pytest.mark.asyncio
async def test_several_together_never_pass_the_limit(world: World) -> None:
    """What is held counts."""
    world.limits("0.0001")
    file = await world.file(calls("fast", max_tokens=50))
    answers = await asyncio.gather(*(world.create(file) for _ in range(8)))
    made = [answer.status_code for answer in answers].count(200)
    assert {answer.status_code for answer in answers} == {200, 429}
    _, held = world.standing()
    assert held <= Decimal("0.0001")
    assert made == world.provider.asked.count("POST /batches")


@pytest.mark.asyncio
@pytest.mark.parametrize("status", ["failed", "expired", "cancelled", "completed"])
async def test_what_came_to_nothing_costs_nothing(world: World, status: str) -> None:
    """And what was answered before it ended is paid for."""
    world.limits(1)
    first, second = [await world.batch(calls("fast", max_tokens=50)) for _ in range(2)]
    world.provider.status = status
    await world.look(first)
    _, held = world.standing()
    assert held > 0
    world.provider.results = [result(0, 3, 4)] if status != "failed" else []
    await world.look(second)
    assert world.standing() == (cost((3, 4)) if world.provider.results else 0, 0)


@pytest.mark.asyncio
async def test_a_refused_batch_holds_nothing(world: World) -> None:
    """One that may have been made all the same does, until it is spend."""
    world.limits(1)
    file = await world.file(calls("fast", max_tokens=50))
    world.provider.refuses = 400
    assert (await world.create(file)).status_code == 400
    assert world.standing() == (0, 0)
    world.provider.refuses = 504
    assert (await world.create(file)).status_code == 504
    spent, held = world.standing()
    assert spent == 0
    assert held > 0


@pytest.mark.asyncio
async def test_models_have_holds_of_their_own(world: World) -> None:
    """With the prices that are declared for them."""
    world.limits(50)
    batch = await world.batch(calls("fast", "contract", max_tokens=50))
    world.provider.status = "completed"
    world.provider.results = [result(0, 10, 20), result(1, 2, 3, "gpt-4.1-nano-2025-04-14")]
    await world.look(batch)
    declared = 2 * Decimal("0.001") + 3 * Decimal("0.002")
    assert world.standing() == (cost((10, 20)) + declared, 0)
    assert {one.model: one.cost for one in world.logged()} == {
        "gpt-4o-mini": cost((10, 20)),
        "gpt-4.1-nano": declared,
    }


@pytest.mark.asyncio
async def test_an_unknown_cost_takes_all_that_is_held(world: World) -> None:
    """Nobody knows what it was; unknown is not 0."""
    world.limits(1)
    batch = await world.batch(calls("fast", max_tokens=50))
    _, held = world.standing()
    world.provider.status = "completed"
    world.provider.results = [result(0, 10, 20)]
    del world.provider.results[0]["response"]["body"]["usage"]
    await world.look(batch)
    assert world.standing() == (held, 0)
    assert [one.cost for one in world.logged()] == [None]


@pytest.mark.asyncio
async def test_results_that_cannot_be_read_leave_it_held(world: World) -> None:
    """The batch is told all the same, and the next look settles it."""
    world.limits(1)
    batch = await world.batch(calls("fast", max_tokens=50))
    _, held = world.standing()
    world.provider.status, good = "completed", [result(0, 1, 1)]
    world.provider.results = ["nonsense"]  # type: ignore[list-item]
    assert (await world.look(batch)).json()["status"] == "completed"
    assert world.standing() == (0, held)
    world.provider.results = good
    assert (await world.https[0].get("/v1/batches")).json()["data"][0]["id"] == batch
    assert world.standing() == (cost((1, 1)), 0)


@pytest.mark.asyncio
async def test_a_hold_that_became_spend_is_corrected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looked for longer than its lease."""
    monkeypatch.setattr("llmkit.proxy.endpoints.owing._LEASE", 1)
    world.limits(1)
    batch = await world.batch(calls("fast", max_tokens=50))
    await asyncio.sleep(0.01)
    from llmkit._operations import Sweep

    world.gateway.store.perform(Sweep(8))
    spent, held = world.standing()
    assert spent > cost((10, 20))
    assert held == 0
    world.provider.status, world.provider.results = "completed", [result(0, 10, 20)]
    await world.look(batch, 1)
    assert world.standing() == (cost((10, 20)), 0)


@pytest.mark.asyncio
async def test_limits_by_the_minute_are_not_a_batchs(world: World) -> None:
    """Neither its requests nor its tokens, and it takes no place among those that run."""
    from llmkit.budget import RateLimit

    scope = {"key": token_of(world.key)}
    world.gateway.budget.set_budget(RateLimit(requests=3, tokens=1000, parallel=1, scope=scope))
    batch = await world.batch(calls("fast", "fast", "fast", "fast", max_tokens=5000))
    limits = world.gateway.budget.check_budget(**scope).limits
    used = {x.measure: x.used for x in limits if x.limit is not None}
    # The call that makes the batch counts as any.
    assert (used["requests"], used["parallel"]) == (1, 0)
    assert (before := used["tokens"]) < 200
    world.provider.status, world.provider.results = "completed", [result(0, 900, 900)]
    await world.look(batch)
    limits = world.gateway.budget.check_budget(**scope).limits
    assert {x.measure: x.used for x in limits if x.limit is not None}["tokens"] == before


@pytest.mark.asyncio
async def test_a_batch_is_what_its_lines_say(world: World) -> None:
    """A file of embeddings is no batch of chats: what it costs at most was worked out by its lines."""
    world.limits(1)
    file = await world.file(calls("fast", url="/v1/embeddings"))
    refused = await world.create(file)
    assert refused.status_code == 400
    assert "endpoint" in refused.json()["error"]["message"]
    assert "POST /batches" not in world.provider.asked
