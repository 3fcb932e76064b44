"""One store used at once from threads, from several asyncio loops, and from trio: one ledger, no answer gone astray."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trio

from llmkit._operations import (
    Attribution,
    Audit,
    Balances,
    Claim,
    Reserve,
    Reserved,
    SettleHold,
    Window,
)
from llmkit.stores import PostgresStore, RedisStore, SQLiteStore

from ._postgres import PostgresServer
from ._redis import RedisServer

LIMIT = 60
EACH = 15
WHO = Attribution(("global",), "acme", "m")


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    """A new ledger, opened by its server's clock."""
    if request.param == "sqlite":
        return lambda: SQLiteStore(tmp_path / "llmkit.db")
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        schema = server.schema()
        return lambda: PostgresStore(server.dsn(), schema=schema)
    redis: RedisServer = request.getfixturevalue("redis_server")
    return lambda: RedisStore(redis.url, name=str(tmp_path))


def claim(amount: int) -> Claim:
    """Of one account within one limit."""
    return Claim("usd:ever:global", Window(), Decimal(amount), Decimal(LIMIT))


def reserve(hold: str, amount: int = 1) -> Reserve:
    """A hold of so much."""
    return Reserve(hold, (claim(amount),), 60_000, Decimal(amount), WHO)


async def work(store: Any, name: str, granted: list[str]) -> None:
    """Hold, look whether the answer is one's own, settle every other one; of either library."""
    for number in range(EACH):
        hold = f"{name}/{number}"
        answer = await store.aperform(reserve(hold, 1 + number % 2))
        if not isinstance(answer, Reserved):
            continue
        assert answer.lines[0].amount == 1 + number % 2
        granted.append(hold)
        if number % 3 == 0:
            settled = await store.aperform(SettleHold(hold, amounts=(Decimal(1),)))
            assert settled.status == "settled"


def of_asyncio(store: Any, name: str, granted: list[str]) -> None:
    """Three tasks in a loop of its own."""

    async def three() -> None:
        await asyncio.gather(*(work(store, f"{name}.{n}", granted) for n in range(3)))
        await store.aclose()

    asyncio.run(three())


def of_trio(store: Any, name: str, granted: list[str]) -> None:
    """The same under trio."""

    async def three() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(work, store, f"{name}.{number}", granted)

    trio.run(three)


def of_thread(store: Any, name: str, granted: list[str]) -> None:
    """Sync code."""
    holds = [f"{name}/{number}" for number in range(EACH)]
    granted += [hold for hold in holds if isinstance(store.perform(reserve(hold)), Reserved)]


def test_all_colours_at_once(opened: Callable[[], Any]) -> None:
    """Two loops of asyncio, two of trio and two threads share a store and a budget; all get it, none gets more."""
    store, granted, failed = opened(), list[str](), list[BaseException]()

    def run(works: Callable[[Any, str, list[str]], None], name: str) -> None:
        try:
            works(store, name, granted)
        except BaseException as error:  # noqa: BLE001 - the test says it
            failed.append(error)

    kinds = (of_asyncio, of_trio, of_thread)
    threads = [
        threading.Thread(target=run, args=(k, f"{k.__name__}{n}")) for k in kinds for n in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not failed
    assert len(set(granted)) == len(granted)
    [line] = store.perform(Balances((claim(0),))).lines
    assert LIMIT // 2 < line.used <= LIMIT
    audit = store.perform(Audit())
    assert not audit.differences
    assert audit.holds + audit.entries == len(granted)
    store.close()


def test_a_loop_after_a_loop(opened: Callable[[], Any]) -> None:
    """A store is used by one loop after another, though the first has ended without a word."""
    store = opened()
    for number in range(3):
        answer = asyncio.run(store.aperform(reserve(f"h{number}")))
        assert isinstance(answer, Reserved)
    asyncio.run(store.aclose())
    assert store.perform(Audit()).holds == 3
    store.close()


def test_by_the_store_s_own_clock(opened: Callable[[], Any]) -> None:
    """Without a clock that is given, the time is that of the machine, in whole milliseconds of Unix time."""
    import time

    store = opened()
    before = int(time.time() * 1000)
    answer = store.perform(reserve("h1")._replace(lease=30))
    assert before - 1 <= answer.now <= int(time.time() * 1000) + 1
    assert answer.expires == answer.now + 30
    time.sleep(0.06)
    assert store.perform(SettleHold("h1")).status == "settled"
    again = store.perform(reserve("h2")._replace(lease=30))
    time.sleep(0.06)
    assert isinstance(store.perform(reserve("h3")), Reserved)
    assert store.perform(Audit())[2:4] == (1, 1)
    corrected = store.perform(SettleHold("h2", amounts=(Decimal(0),)))
    assert (corrected.status, corrected.now > again.now) == ("corrected", True)
    store.close()
