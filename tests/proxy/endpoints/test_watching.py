"""Batches that nobody asks about: one of all workers looks at them now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update

from llmkit._operations import Sweep
from llmkit.proxy.data import turns
from llmkit.proxy.data.models import Kept, Setting
from llmkit.proxy.endpoints import watching
from llmkit.proxy.endpoints.watching import Watch
from llmkit.testing import Raw

from ..data.conftest import new_url
from ._batches import World, a_world, calls, cost, result


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Two workers that look when they are told, over either database."""
    url = new_url(request, tmp_path)
    async with a_world(tmp_path, database_url=url, batch_interval=0) as made:
        yield made


def watches(world: World) -> list[Watch]:
    """What each worker has."""
    return [Watch(app.gateway, 600) for app in world.apps]


async def until(happened: Callable[[], bool]) -> None:
    """Wait for it, five seconds at most."""
    async with asyncio.timeout(5):
        while not happened():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_what_nobody_asks_about_is_settled_once(world: World) -> None:
    """Also after its lease, when it counts at its bound; both workers at once, and its maker, too."""
    world.limits(1)
    batch = await world.batch(calls("fast", max_tokens=50))
    one, two = watches(world)
    assert await one.round() == 1
    spent, held = world.standing()
    assert spent == 0 < held
    world.provider.status, world.provider.results = "completed", [result(0, 10, 20)]
    await asyncio.gather(one.round(), two.round(), world.look(batch))
    assert world.standing() == (cost((10, 20)), 0)
    assert [settled.cost for settled in world.logged()] == [cost((10, 20))]
    assert await one.round() == await two.round() == 0, "what is settled is not asked for again"


@pytest.mark.asyncio
async def test_a_hold_whose_lease_is_over_is_corrected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bound was spend; then it is what the calls cost."""
    monkeypatch.setattr("llmkit.proxy.endpoints.owing._LEASE", 1)
    world.limits(1)
    await world.batch(calls("fast", max_tokens=50))
    await asyncio.sleep(0.01)
    world.gateway.store.perform(Sweep(8))
    assert world.standing()[0] > cost((10, 20))
    world.provider.status, world.provider.results = "completed", [result(0, 10, 20)]
    assert await watches(world)[0].round() == 1
    assert world.standing() == (cost((10, 20)), 0)


@pytest.mark.asyncio
async def test_one_of_all_workers_looks_each_time(world: World) -> None:
    """Whoever asks first when it is due; also where a clock was set back, or turns were longer."""
    database = world.gateway.database

    def take(now: float, every: float = 600) -> Any:
        return database.run(lambda session: turns.take(session, "a", now, every))

    def due(now: float) -> bool:
        found: bool = database.read_sync(lambda session: turns.due(session, "a", now, 600))
        return found

    assert due(1000)
    assert sorted(await asyncio.gather(*(take(1000) for _ in range(6)))) == [False] * 5 + [True]
    assert not due(1599)
    assert not await take(1599)
    assert due(1600)
    assert await take(1600)
    assert await take(500), "the clock was set back"
    assert await take(500, 60), "turns were longer"


@pytest.mark.asyncio
async def test_it_looks_by_itself_and_ends_with_the_gateway(tmp_path: Path) -> None:
    """Several rounds, of either worker, and no thread or task is left."""
    async with a_world(tmp_path, batch_interval=0.02) as world:
        world.limits(1)
        await world.batch(calls("fast", max_tokens=50))
        world.provider.status, world.provider.results = "completed", [result(0, 10, 20)]
        await until(lambda: bool(world.logged()))
        await until(lambda: world.standing() == (cost((10, 20)), 0))
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert "llmkit-proxy-batches" in names
    assert "llmkit-proxy-batches" not in {task.get_name() for task in asyncio.all_tasks()}


@pytest.mark.asyncio
async def test_one_that_cannot_be_asked_for_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and the others are looked at; a round has so many, the next goes on behind them."""
    monkeypatch.setattr(watching, "_MOST", 2)
    async with a_world(tmp_path, batch_interval=0) as world:
        world.limits(1)
        file = await world.file(calls("fast", max_tokens=50))
        made = [(await world.create(file)).json()["id"] for _ in range(3)]
        provider, gone = world.provider.__class__.__call__, made[0]

        def answer(self: Any, request: Any) -> Any:
            if request.path.endswith(gone):
                return Raw({"error": {"message": "there is no such batch"}}, status=404)
            return provider(self, request)

        monkeypatch.setattr(world.provider.__class__, "__call__", answer)
        world.provider.status, world.provider.results = "completed", [result(0, 1, 1)]
        watch = watches(world)[0]
        with caplog.at_level(logging.WARNING, "llmkit.proxy"):
            assert [await watch.round() for _ in range(2)] == [1, 1]
        assert f"batch {gone} was not looked at: NotFoundError" in caplog.text
        assert len(world.logged()) == 2


@pytest.mark.asyncio
async def test_what_is_too_old_is_left_alone(tmp_path: Path) -> None:
    """No provider has its results any more."""
    async with a_world(tmp_path, batch_interval=0) as world:
        world.limits(1)
        batch = await world.batch(calls("fast", max_tokens=50))
        old = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=31)
        made = update(Kept).where(Kept.kept_id == batch).values(created_at=old)
        world.gateway.database.run_sync(lambda session: session.execute(made))
        assert await watches(world)[0].round() == 0


@pytest.mark.asyncio
async def test_a_database_that_is_away_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told, and the next round is tried."""
    failures = [OSError("gone"), OSError("gone")]

    def due(session: Any, name: str, now: float, every: float) -> bool:
        if failures:
            raise failures.pop()
        return True

    monkeypatch.setattr(turns, "due", due)
    async with a_world(tmp_path, batch_interval=0.01) as world:
        await until(lambda: world.gateway.database.read_sync(_looked))
    assert "batches were not looked at: OSError" in caplog.text


def _looked(session: Any) -> bool:
    return session.get(Setting, "batches_looked_at") is not None


@pytest.mark.asyncio
async def test_the_end_waits_for_the_batch_that_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And begins no other; one that takes too long is given up."""
    begun: list[str] = []
    ended: list[str] = []

    async def slow(gateway: Any, row: Kept, around: Any) -> None:
        begun.append(row.kept_id)
        await asyncio.sleep(0.05 if len(begun) == 1 else 60)
        ended.append(row.kept_id)

    monkeypatch.setattr(watching, "now", slow)
    async with a_world(tmp_path, batch_interval=0) as world:
        file = await world.file(calls("fast", max_tokens=50))
        for _ in range(2):
            await world.create(file)
        async with _running(world):
            await until(lambda: bool(begun))
        assert (len(begun), len(ended)) == (1, 1)
        monkeypatch.setattr(watching, "_LAST", 0.01)
        async with _running(world):
            await until(lambda: len(begun) == 2)
        assert len(ended) == 1


def _running(world: World) -> Any:
    from dataclasses import replace

    gateway = replace(world.gateway, settings=replace(world.gateway.settings, batch_interval=0.01))
    return watching.running(gateway)
