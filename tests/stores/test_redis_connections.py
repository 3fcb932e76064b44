"""Redis: round trips, connections that break, time-outs, threads, forks, loops. Against a real server."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import trio

from llmkit._operations import Audit, Reserved, WriteRule
from llmkit._settlements import Settle, Settlement, Settlements
from llmkit.errors import ConfigurationError, StoreError, StoreUnavailableError
from llmkit.stores import RedisStore

from ._proxy import Proxy, between
from ._redis import RedisServer, running
from ._redis_asking import ACCOUNT, held, hold, name, settled

Perform = Callable[[Any], Any]


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    """Before the server."""
    with between(redis_server.socket) as proxy:
        yield proxy


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    """A ledger of its own."""
    store = RedisStore(redis_server.url, name=name())
    yield store
    store.close()


@pytest.fixture(params=["sync", "asyncio"])
def through(request: pytest.FixtureRequest, proxy: Proxy) -> Iterator[tuple[Perform, Proxy]]:
    """A store behind the proxy that has asked once, in each colour."""
    store = RedisStore(proxy.url, name=name())
    if request.param == "sync":
        store.perform(hold("first"))
        yield store.perform, proxy
        store.close()
        return
    with asyncio.Runner() as runner:
        runner.run(store.aperform(hold("first")))
        yield lambda operation: runner.run(store.aperform(operation)), proxy
        runner.run(store.aclose())


def test_one_round_trip_each(through: tuple[Perform, Proxy]) -> None:
    """To reserve and to settle are one round trip each, counted on the wire."""
    perform, proxy = through
    perform(settled("first"))
    before = proxy.turns
    perform(hold("a"))
    assert proxy.turns == before + 1
    perform(settled("a"))
    assert proxy.turns == before + 2


@pytest.mark.parametrize(("cut", "again"), [("request", False), ("answer", True)])
def test_a_broken_connection(through: tuple[Perform, Proxy], cut: Any, *, again: bool) -> None:
    """An operation whose connection breaks is repeated, and counted once, whether it had been done or not."""
    perform, proxy = through
    proxy.cuts.append(cut)
    answer = perform(hold("a", "3"))
    assert isinstance(answer, Reserved)
    assert answer.again is again
    assert perform(settled("a", "2")).lines[0][1:3] == (2, 1)  # "first" holds 1
    assert perform(Audit()).differences == ()


def test_repeated_once_only(through: tuple[Perform, Proxy]) -> None:
    """A connection that breaks again is an error of ours, and the store goes on afterwards."""
    perform, proxy = through
    proxy.cuts += ["answer", "request"]
    with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
        perform(hold("a"))
    assert caught.value.__cause__ is None
    # Tests that interrupt at every instruction may leave an exception being handled in their thread.
    assert caught.value.__context__ is sys.exception()
    assert not proxy.cuts
    assert perform(hold("a")).again is True


def test_a_repeated_write_is_told_from_another(through: tuple[Perform, Proxy]) -> None:
    """What can be done once only, and was done before the connection broke, is not said to have been there before."""
    perform, proxy = through
    settlement = Settlement("c", "completed", "acme", "m", False, "yes", 1, 1.0, 2.5)
    proxy.cuts.append("answer")
    assert perform(Settle(settlement)) is True
    assert perform(Settle(settlement)) is False
    assert len(perform(Settlements())) == 1
    proxy.cuts.append("answer")
    assert perform(WriteRule("global", "{}", 0)).rule.version == 1
    assert perform(WriteRule("global", "{}", 0)).done is False


def test_a_lost_script(through: tuple[Perform, Proxy], redis_server: RedisServer) -> None:
    """A server that has lost its scripts gets them again, with the operation."""
    perform, proxy = through
    redis_server.ask("SCRIPT", "FLUSH")
    before = proxy.turns
    assert isinstance(perform(hold("a")), Reserved)
    assert proxy.turns == before + 2


def test_nothing_is_done_before_the_first_operation() -> None:
    """Making, showing and closing a store asks no server for anything."""
    store = RedisStore("redis://:secret-word@127.0.0.1:1/0?socket_timeout=3", name="x")
    assert repr(store) == "RedisStore('127.0.0.1:1', name='x', durability='power')"
    store.close()
    asyncio.run(store.aclose())
    with pytest.raises(StoreUnavailableError) as caught:
        store.perform(hold("a"))
    assert "secret-word" not in repr(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": ""},
        {"name": "a}b"},
        {"durability": "crash"},
        {"url": "http://localhost"},
        {"url": "redis://user:half/secret-word@localhost"},
    ],
)
def test_wrong_arguments(arguments: dict[str, Any]) -> None:
    """A wrong argument is refused when the store is made; what is in the url is not repeated."""
    with pytest.raises(ConfigurationError) as caught:
        RedisStore(**arguments)
    assert "secret-word" not in str(caught.value)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is missing, the error says how to get it."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'llmkit\[redis\]'"):
        RedisStore()


def test_no_such_operation(store: RedisStore) -> None:
    """What is no operation is refused as an error of ours."""
    with pytest.raises(StoreError, match="has no operation str"):
        store.perform("FLUSHALL")


def test_a_server_that_does_not_answer() -> None:
    """Time is up after the timeout, in both colours; the store goes on when the server does."""
    with running() as server, asyncio.Runner() as runner:
        store = RedisStore(server.url, timeout=0.5)
        store.perform(hold("a"))
        runner.run(store.aperform(hold("b")))
        server.pause()
        for perform in (store.perform, lambda op: runner.run(store.aperform(op))):
            began = time.monotonic()
            with pytest.raises(StoreUnavailableError, match=r"no answer within 0\.5 s"):
                perform(settled("a"))
            assert time.monotonic() - began < 4  # of ours, not of the library's
        server.resume()
        # The first of them had been sent, and is done as soon as the server goes on.
        assert store.perform(settled("a")).status in {"again", "settled"}
        assert held(store) == (1, 1)
        runner.run(store.aclose())


def test_a_restart_between_operations() -> None:
    """All connections in the pool are dead after a restart, and no operation notices."""
    with running() as server, asyncio.Runner() as runner:
        store = RedisStore(server.url)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(store.perform, [hold(f"h{n}") for n in range(8)]))

        async def at_once() -> None:
            await asyncio.gather(*(store.aperform(settled(f"h{n}")) for n in range(8)))

        server.restart()
        assert held(store) == (0, 8)
        runner.run(at_once())
        server.restart()
        runner.run(at_once())
        assert held(store) == (8, 0)
        runner.run(store.aclose())


def test_threads_do_not_overspend(store: RedisStore) -> None:
    """Many threads at once get exactly what there is."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(store.perform, [hold(f"h{n}") for n in range(40)]))
    assert sum(isinstance(answer, Reserved) for answer in answers) == 10
    assert held(store) == (0, 10)


def test_more_tasks_than_connections(redis_server: RedisServer) -> None:
    """Who finds all connections in use waits for one."""

    async def main() -> int:
        store = RedisStore(redis_server.url, name=name())
        answers = await asyncio.gather(
            *(store.aperform(hold(f"h{n}", limit=None)) for n in range(200))
        )
        await store.aclose()
        return len(answers)

    assert asyncio.run(main()) == 200


def test_loops_end_without_closing(redis_server: RedisServer) -> None:
    """A loop that ends takes its connections with it: nothing is left for a collector to warn of."""
    store = RedisStore(redis_server.url, name=name())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(3):
            asyncio.run(store.aperform(hold(f"h{n}")))
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
    assert not any(store._clients._loops.values())
    assert held(store) == (0, 3)
    store.close()


def test_a_store_that_nobody_closes(redis_server: RedisServer) -> None:
    """A store that is let go of takes its connections with it, those of a loop that goes on, too."""

    async def main() -> None:
        store = RedisStore(redis_server.url, name=name())
        await store.aperform(hold("a"))
        store.perform(hold("b"))
        del store
        gc.collect()
        deadline = time.monotonic() + 10
        while redis_server.ask("CLIENT", "LIST").count(b"laddr=") > before:
            assert time.monotonic() < deadline
            await asyncio.sleep(0)

    before = redis_server.ask("CLIENT", "LIST").count(b"laddr=")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(main())
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_closed_while_others_are_at_it(redis_server: RedisServer) -> None:
    """Whoever closes a store that others use breaks nothing: they go on, on connections that are in use or new."""
    store = RedisStore(redis_server.url, name=name())
    over = threading.Event()

    def close() -> None:
        while not over.is_set():
            store.close()

    async def some(prefix: str) -> None:
        for n in range(20):
            works = [store.aperform(hold(f"{prefix}{n}-{i}", limit=None)) for i in range(4)]
            await asyncio.gather(*works, store.aclose())

    closing = threading.Thread(target=close)
    closing.start()
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("always")
        holds = [hold(f"h{n}", limit=None) for n in range(100)]
        answers = list(pool.map(store.perform, holds))
        list(pool.map(lambda prefix: asyncio.run(some(prefix)), "ab"))
        over.set()
        closing.join()
        store.close()
        gc.collect()
    assert all(isinstance(answer, Reserved) for answer in answers)
    assert held(store) == (0, 260)
    store.close()
    assert [str(warning.message) for warning in caught] == []


def test_two_loops_at_once(redis_server: RedisServer) -> None:
    """Each loop has connections of its own; both use one store at the same time."""
    store = RedisStore(redis_server.url, name=name())
    barrier = threading.Barrier(2)

    async def some(prefix: str) -> None:
        await store.aperform(hold(f"{prefix}-", "0"))
        barrier.wait(10)
        await asyncio.gather(*(store.aperform(hold(f"{prefix}{n}")) for n in range(5)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda prefix: asyncio.run(some(prefix)), "ab"))
    assert held(store) == (0, 10)
    store.close()


def test_trio(store: RedisStore) -> None:
    """On trio an operation waits on a thread, and the loop goes on meanwhile."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for n in range(12):
                nursery.start_soon(store.aperform, hold(f"h{n}"))
        await store.aclose()

    trio.run(main)
    assert held(store) == (0, 10)


def test_cancelled_anywhere(redis_server: RedisServer) -> None:
    """After cancellations at any moment every answer is still that of its own question."""

    async def main() -> None:
        store = RedisStore(redis_server.url, name=name())
        for n in range(120):
            account = f"requests:ever:{n}"
            task = asyncio.create_task(store.aperform(hold(f"c{n}", account=account)))
            for _ in range(n % 12):
                await asyncio.sleep(0)
            task.cancel()
            answer = await store.aperform(hold(f"h{n}", account=account))
            assert answer.lines[0].account == account
            await asyncio.gather(task, return_exceptions=True)
        assert (await store.aperform(Audit())).differences == ()
        await store.aclose()

    asyncio.run(main())


_FORKING = """
import os, sys
from llmkit.stores import RedisStore
from stores_asking import held, hold
store = RedisStore(sys.argv[1], name="forked")
store.perform(hold("parent"))
children = []
for n in range(4):
    child = os.fork()
    if child == 0:
        for i in range(20):
            store.perform(hold(f"c{n}-{i}", limit=None))
        os._exit(0)
    children.append(child)
for i in range(20):
    assert store.perform(hold(f"p{i}", limit=None)).lines
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
assert held(store) == (0, 101), held(store)
"""


def test_forks(redis_server: RedisServer, tmp_path: Any) -> None:
    """A forked child has connections of its own: nobody reads the answers of others."""
    asking = os.path.join(os.path.dirname(__file__), "_redis_asking.py")  # noqa: PTH118, PTH120
    (tmp_path / "stores_asking.py").symlink_to(asking)
    source = [path for path in sys.path if path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *source])}
    done = subprocess.run(
        [sys.executable, "-c", _FORKING, redis_server.url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_an_interrupt_while_waiting(redis_server: RedisServer) -> None:
    """A thread that is interrupted while it waits leaves no answer behind for the next."""
    store = RedisStore(redis_server.url, name=name())
    store.perform(hold("a"))
    (connection,) = store._clients._sync[os.getpid()].connection_pool._connections
    asked = connection.send_packed_command

    def interrupted(*arguments: Any, **options: Any) -> None:
        asked(*arguments, **options)
        raise KeyboardInterrupt

    connection.send_packed_command = interrupted
    with pytest.raises(KeyboardInterrupt):
        store.perform(hold("b", account="requests:ever:b"))
    connection.send_packed_command = asked
    assert store.perform(hold("c")).lines[0].account == ACCOUNT
    assert held(store) == (0, 2)
    store.close()


def test_amounts_are_exact(store: RedisStore) -> None:
    """A thousand small amounts come to exactly their sum."""
    for n in range(100):
        store.perform(hold(f"h{n}", "0.000000001", limit=None))
        store.perform(settled(f"h{n}", "0.000000001"))
    assert held(store) == (Decimal("1e-7"), 0)


def test_all_connections_in_use(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has waited in vain for a connection is told so."""
    monkeypatch.setattr("llmkit._io.stores.redis._clients.MOST_CONNECTIONS", 1)
    store = RedisStore(redis_server.url, name=name(), timeout=0.5)
    store.perform(hold("a"))
    pool = store._clients._sync[os.getpid()].connection_pool
    taken = pool.pool.get()
    with pytest.raises(StoreUnavailableError, match=r"all connections to Redis at .* are in use"):
        store.perform(hold("b"))
    pool.pool.put(taken)
    assert isinstance(store.perform(hold("b")), Reserved)
    store.close()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("BusyLoadingError", "still loading"),
        ("MasterDownError", "lost its master"),
        ("TryAgainError", "moving the ledger"),
    ],
)
def test_servers_that_cannot_serve_for_now(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    """What the library has a class for is known by that, and is no failure for good."""
    from redis import exceptions

    def fails(*_: Any) -> None:
        raise getattr(exceptions, kind)("says so")

    store = RedisStore(redis_server.url, name=name())
    monkeypatch.setattr(store._clients, "execute", fails)
    with pytest.raises(StoreUnavailableError, match=words):
        store.perform(hold("a"))


def test_what_nobody_expects(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is not known is repeated in our error, which has nothing of the library's."""
    from redis.exceptions import ResponseError

    def fails(*_: Any) -> None:
        raise ResponseError("ERR what is this")

    store = RedisStore(redis_server.url, name=name())
    monkeypatch.setattr(store._clients, "execute", fails)
    with pytest.raises(StoreError, match="refused: ERR what is this") as caught:
        store.perform(hold("a"))
    assert caught.value.__cause__ is None
    # Tests that interrupt at every instruction may leave an exception being handled in their thread.
    assert caught.value.__context__ is sys.exception()


@pytest.mark.parametrize(
    ("kind", "text", "node"),
    [
        ("MovedError", "5 10.0.0.1:7000", ("10.0.0.1", 7000)),
        ("ResponseError", "MOVED 5 ::1:7000", ("::1", 7000)),
        ("ResponseError", "MOVED 5 :7000", ("", 7000)),
        ("AskError", "5 10.0.0.1:7000", None),
        ("ResponseError", "ASK 5 10.0.0.1:7000", None),
        ("ConnectionError", "MOVED 5 10.0.0.1:7000", None),
    ],
)
def test_where_a_cluster_sends_us(kind: str, text: str, node: Any) -> None:
    """It is read of what any version of the library says; a slot on its way is not followed."""
    from redis import exceptions

    from llmkit._io.stores.redis._failures import moved_to

    assert moved_to(getattr(exceptions, kind)(text)) == node
