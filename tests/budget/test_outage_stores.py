"""Outages of real stores: a file that is locked or gone, servers that are killed and started again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import llmkit
from llmkit.errors import BudgetUnavailableError, StoreUnavailableError
from llmkit.stores import PostgresStore, RedisStore, SQLiteStore

from ..stores._postgres import PostgresServer
from ..stores._redis import running

COLOURS = ("sync", "async")
HALF = Decimal("0.5")


class Place(NamedTuple):
    """A store, and how to take it away and give it back."""

    store: Any
    take: Callable[[], Any]
    give: Callable[[], Any]


def _locked(folder: Path) -> Iterator[Place]:
    path = folder / "store.db"
    store = SQLiteStore(path, busy_timeout=0.1)
    holders: list[sqlite3.Connection] = []

    def take() -> None:
        holders.append(sqlite3.connect(path, isolation_level=None))
        holders[0].execute("BEGIN IMMEDIATE")

    yield Place(store, take, lambda: holders.pop().close())
    store.close()


def _gone(folder: Path) -> Iterator[Place]:
    (folder / "here").mkdir()
    store = SQLiteStore(folder / "here" / "store.db")
    away = folder / "away"
    give = lambda: shutil.move(away, folder / "here")  # noqa: E731
    yield Place(store, lambda: shutil.move(folder / "here", away), give)
    store.close()


def _postgres(folder: Path) -> Iterator[Place]:
    server = PostgresServer()
    try:
        server.start()
        store = PostgresStore(server.dsn(), schema=server.schema(), timeout=5)
        yield Place(store, server.kill, server.start)
        store.close()
    finally:
        server.remove()


def _redis(folder: Path) -> Iterator[Place]:
    with running() as server:
        store = RedisStore(server.url, timeout=5)
        yield Place(store, server.kill, server.start)
        store.close()


PLACES = {"locked": _locked, "gone": _gone, "postgres": _postgres, "redis": _redis}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Each kind of store, with its kind of outage."""
    yield from PLACES[request.param](tmp_path)


class Colour:
    """A manager's methods in one colour."""

    def __init__(self, manager: llmkit.BudgetManager, colour: str) -> None:
        self._manager, self._async = manager, colour == "async"
        self._runner = asyncio.Runner()

    def __getattr__(self, name: str) -> Any:
        if not self._async:
            return getattr(self._manager, name)
        return lambda *given, **more: self.run(getattr(self._manager, f"a{name}")(*given, **more))

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def settle(self, hold: Any, usd: Any) -> Any:
        return self.run(hold.asettle(usd)) if self._async else hold.settle(usd)

    def release(self, hold: Any) -> Any:
        return self.run(hold.arelease()) if self._async else hold.release()

    def end(self) -> None:
        if self._async:
            self.run(self._manager.aclose())
        self._manager.close()
        self._runner.close()


def _recovered(colour: Colour) -> int:
    """What the first caught up that gets through did: a server may need a moment."""
    end = time.monotonic() + 20
    while True:
        try:
            return colour.catch_up()  # type: ignore[no-any-return]
        except StoreUnavailableError:
            assert time.monotonic() < end, "it has not come back"
            time.sleep(0.05)


@pytest.mark.parametrize("name", COLOURS)
def test_open_goes_through_an_outage_and_posts_what_was_spent(
    place: Place, tmp_path: Path, name: str
) -> None:
    """A hold from before is settled, calls without one are posted, and the ledger balances."""
    manager = llmkit.BudgetManager(
        place.store,
        [llmkit.Budget(100)],
        unreachable="open",
        catch_up=tmp_path / "catch-up.db",
        open_limit=2,
    )
    colour = Colour(manager, name)
    before = colour.reserve(1, user="ann")
    place.take()
    assert colour.settle(before, HALF) is None
    during = colour.reserve(1, user="ann")
    started = time.monotonic()
    also = colour.reserve(1, user="ann")
    with pytest.raises(BudgetUnavailableError, match="used up"):
        colour.reserve(1, user="ann")
    assert time.monotonic() - started < 2, "each call waits for the store"
    colour.settle(during, HALF)
    colour.settle(also, HALF)
    place.give()
    assert _recovered(colour) == 3
    (limit,) = colour.check_budget(user="ann").limits
    assert (limit.spent, limit.held) == (3 * HALF, 0)
    assert colour.audit().differences == ()
    assert [line.usd for line in colour.get_usage({"user": "ann"})] == [3 * HALF]
    colour.end()


@pytest.mark.parametrize("name", COLOURS)
def test_closed_refuses_quickly_and_goes_on_afterwards(place: Place, name: str) -> None:
    """One call waits for the store; the next are refused at once, with the cause; recovery is noticed."""
    colour = Colour(llmkit.BudgetManager(place.store, [llmkit.Budget(100)]), name)
    before = colour.reserve(1, user="ann")
    place.take()
    started = time.monotonic()
    with pytest.raises(BudgetUnavailableError) as caught:
        colour.reserve(1, user="ann")
    first = time.monotonic() - started
    assert first < 12
    for _ in range(20):
        with pytest.raises(BudgetUnavailableError):
            colour.reserve(1, user="ann")
    assert time.monotonic() - started < first + 12
    assert caught.value.retryable
    assert colour.settle(before, HALF) is None
    place.give()
    _recovered(colour)
    colour.release(colour.reserve(1, user="ann"))
    (limit,) = colour.check_budget(user="ann").limits
    assert (limit.spent, limit.held) == (HALF, 0)
    assert colour.audit().differences == ()
    colour.end()


def test_a_server_that_hangs_is_waited_for_once(tmp_path: Path) -> None:
    """It takes connections and says nothing: one call waits its timeout, the others are told at once."""
    with running() as server:
        store = RedisStore(server.url, timeout=0.5)
        manager = llmkit.BudgetManager(store, [llmkit.Budget(100)])
        manager.reserve(1).release()
        server.pause()
        try:
            waits = []
            for _ in range(10):
                started = time.monotonic()
                with pytest.raises(BudgetUnavailableError):
                    manager.reserve(1)
                waits.append(time.monotonic() - started)
        finally:
            server.resume()
        assert sorted(waits)[5] < 0.2
        manager.close()
        store.close()
