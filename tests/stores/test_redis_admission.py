"""Redis and what routers keep there: any server does for it, it ends by itself, and it is beside the money."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import llmkit
from llmkit._operations import (
    Admit,
    Admitted,
    Audit,
    Candidate,
    Cool,
    Full,
    Health,
    Leave,
    Look,
    Quota,
)
from llmkit.errors import StoreError, StoreUnavailableError
from llmkit.stores import MemoryStore, RedisStore
from llmkit.testing.store_conformance import SettableClock

from ._proxy import Proxy, between
from ._redis import RedisServer, running
from ._redis_asking import hold, name

WIDTH = 1000
LEASE = 60_000
HOUR = 3_600_000
WORKER = Path(__file__).with_name("letting_worker.py")
SOURCE = Path(llmkit.__file__).parents[1]


def admit(ticket: str, deployment: str = "d", limit: int = 10, lease: int = LEASE) -> Admit:
    """Ask for one request and one place."""
    return Admit(ticket, (Candidate(deployment, (Quota("rpm", WIDTH, limit, 1),), 5),), lease)


LOOK = Look(("d",), (("rpm", WIDTH),))
# Each of the four, and what comes of it where a call is in already.
EACH: tuple[tuple[Any, type], ...] = (
    (admit("one more"), Admitted),
    (Leave("first"), bool),
    (Cool("e", 1000), Health),
    (LOOK, object),
)


PLAIN = {"appendonly": "no", "aof_load_truncated": "yes", "maxmemory_policy": "allkeys-lru"}


@pytest.fixture(scope="module")
def plain() -> Iterator[RedisServer]:
    """A server as it comes: it keeps next to nothing."""
    with running(**PLAIN) as server:
        server.ask("ACL", "SETUSER", "poor", "on", ">poor-word", "~llmkit:*", "+@all", "-config")
        yield server


@pytest.fixture(params=["sync", "asyncio"])
def perform(request: pytest.FixtureRequest) -> Iterator[Callable[[RedisStore, Any], Any]]:
    """Perform in each colour; nothing is closing the store."""
    if request.param == "sync":
        yield lambda store, asked: store.perform(asked) if asked else store.close()
        return
    with asyncio.Runner() as runner:
        stores: set[RedisStore] = set()

        def performed(store: RedisStore, asked: Any) -> Any:
            stores.add(store)
            return runner.run(store.aperform(asked) if asked else store.aclose())

        yield performed
        for store in stores:
            runner.run(store.aclose())


def keys(server: RedisServer, ledger: str) -> dict[str, int]:
    """Every key of a ledger without its name, and the milliseconds after which it goes, -1 for never."""
    start = f"llmkit:{{{ledger}}}"
    # Not all keys of all ledgers, which would come in several pieces.
    lines = server.ask("KEYS", f"{start}*").decode().split("\r\n")
    found = [line for line in lines if line.startswith(start)]
    return {one[len(start) :]: int(server.ask("PTTL", one)[1:]) for one in found}


def test_any_server_will_do(plain: RedisServer, perform: Callable[..., Any]) -> None:
    """A router asks a server that money is not trusted to, and that does not tell its settings; money is refused."""
    ledger = name()
    for url in (plain.url, f"unix://poor:poor-word@{plain.socket}"):
        store = RedisStore(url, name=ledger)
        for _ in range(2):
            assert isinstance(perform(store, admit("first")), Admitted)
            for operation, kind in EACH:
                assert isinstance(perform(store, operation), kind)
            with pytest.raises(StoreError, match="best_effort"):
                perform(store, hold("a"))
        # "one more" is let in once, "first" again and again.
        assert perform(store, LOOK).health[0].used == (3 if url == plain.url else 5,)
        store.close()


def test_one_pool_where_nothing_is_asked(plain: RedisServer) -> None:
    """Who takes the server as it is has one pool for money and for routers."""
    store = RedisStore(plain.url, name=name(), durability="best_effort")
    store.perform(admit("first"))
    store.perform(hold("a"))
    assert plain.ask("CLIENT", "LIST").count(b" cmd=eval") == 1
    store.close()


def test_closing_closes_both_pools(perform: Callable[..., Any]) -> None:
    """Nobody is connected any more."""
    with running() as server:
        store = RedisStore(server.url)
        for operation in (admit("first"), hold("a")):
            perform(store, operation)
        assert server.ask("CLIENT", "LIST").count(b" cmd=eval") == 2
        perform(store, None)
        until = time.monotonic() + 10
        while b" cmd=eval" in server.ask("CLIENT", "LIST"):
            assert time.monotonic() < until


def test_keys(redis_server: RedisServer) -> None:
    """All keys have the ledger's hash tag and are the router's own; what nobody asks for any more goes by itself."""
    ledger = name()
    store = RedisStore(redis_server.url, name=ledger)
    store.perform(admit("first", "a:b"))
    store.perform(Cool("a:b", 5000, "busy"))
    store.perform(Leave("nobody"))
    found = keys(redis_server, ledger)
    assert set(found) == {
        ":router:tickets",
        ":router:leases",
        ":router:in:a:b",
        ":router:about:a:b",
        ":router:quota:1000:3:a:b:rpm",
    }
    # As long as it may count, and an hour, or a day and an hour.
    assert 0 <= HOUR + 122 * WIDTH - found[":router:quota:1000:3:a:b:rpm"] < 60_000
    assert 0 <= 25 * HOUR + 5000 - found[":router:about:a:b"] < 60_000
    assert store.perform(Audit()).entries == 0
    store.close()


def test_what_is_over_leaves_nothing(redis_server: RedisServer) -> None:
    """Every key that does not go by itself is gone once nobody is in."""
    ledger, clock = name(), SettableClock()
    store = RedisStore(redis_server.url, name=ledger, clock=clock)
    for number in range(30):
        store.perform(admit(f"t{number}", "de"[number % 2], 100, LEASE + number))
    store.perform(Leave("t0"))
    store.perform(Leave("nobody"))
    clock.milliseconds += 2 * LEASE
    for _ in range(5):
        store.perform(LOOK)
    found = keys(redis_server, ledger)
    assert len(found) == 4
    assert all(milliseconds > HOUR for milliseconds in found.values())
    store.close()


def test_a_few_at_a_time(redis_server: RedisServer) -> None:
    """Of a thousand who are over each operation drops a few; none counts, and none comes back with the clock."""
    ledger, clock = name(), SettableClock()
    store = RedisStore(redis_server.url, name=ledger, clock=clock)
    for number in range(40):
        store.perform(Admit(f"t{number}", (Candidate("d"),), LEASE))
    clock.milliseconds += LEASE
    leases = f"llmkit:{{{ledger}}}:router:leases"
    for left in (32, 24):
        assert store.perform(LOOK).health[0].running == 0
        assert redis_server.ask("ZCARD", leases) == b":%d\r\n" % left
    # One of those who are over, and yet to be dropped, is let in anew.
    store.perform(admit("t39", "e"))
    clock.milliseconds -= 1
    assert store.perform(LOOK).health[0].running == 0
    assert redis_server.ask("ZCARD", leases) == b":1\r\n"
    assert store.perform(Leave("t38")) is False
    assert store.perform(Leave("t39")) is True
    store.close()


def test_old_buckets_are_forgotten(redis_server: RedisServer) -> None:
    """A quota stays small however long it is used, and so does the key."""
    ledger, clock = name(), SettableClock()
    store = RedisStore(redis_server.url, name=ledger, clock=clock)
    for number in range(400):
        store.perform(admit(f"t{number}", limit=100))
        store.perform(Leave(f"t{number}"))
        clock.milliseconds += WIDTH
    fields = redis_server.ask("HLEN", f"llmkit:{{{ledger}}}:router:quota:1000:1:d:rpm")
    assert 61 < int(fields[1:]) <= 184
    assert store.perform(LOOK).health[0].used == (60,)
    store.close()


def test_what_was_moved_is_moved_once(redis_server: RedisServer) -> None:
    """What a clock that was far ahead had counted is looked for once, and not by every call from then on."""
    ledger, clock = name(), SettableClock()
    store = RedisStore(redis_server.url, name=ledger, clock=clock)
    clock.milliseconds += YEAR
    store.perform(admit("t1"))
    clock.milliseconds -= YEAR
    store.perform(admit("t2"))
    latest = redis_server.ask("HGET", f"llmkit:{{{ledger}}}:router:quota:1000:1:d:rpm", "L")
    assert int(latest.split()[1]) == clock.milliseconds // WIDTH
    store.close()


YEAR = 365 * 24 * HOUR
SEVERAL = (Candidate("d", (Quota("rpm", WIDTH, 10, 3),)),)
ONE, OTHER, LONG = (
    Admit("t1", SEVERAL, LEASE),
    Admit("t2", SEVERAL, LEASE),
    Admit("t1", SEVERAL, YEAR),
)
WORKED = Leave("t1", (), worked=True)


def used(ticket: str, amount: int) -> Leave:
    """Leave, having used so much."""
    return Leave(ticket, (("rpm", amount),))


# What random operations meet too seldom. A number moves the clock.
SELDOM: dict[str, tuple[Any, ...]] = {
    "a correction in the oldest bucket that counts": (LONG, 60 * WIDTH, LOOK, used("t1", 5)),
    "a correction of what was moved": (YEAR, ONE, -YEAR, OTHER, used("t1", 0), LOOK, used("t2", 0)),
    "a correction too late": (LONG, 61 * WIDTH, LOOK, used("t1", 5), -9 * WIDTH),
    "once a probe": (Cool("d", 0, "odd"), 1, ONE, LOOK, WORKED, ONE),
    "who came later is moved, too": (ONE, YEAR, OTHER, -YEAR),
    "a probe of the future": (YEAR, ONE, 1, Cool("d", 500, "busy"), -YEAR, WORKED, 500, LOOK),
}


@pytest.mark.parametrize("steps", SELDOM.values(), ids=list(SELDOM))
def test_seldom(redis_server: RedisServer, steps: tuple[Any, ...]) -> None:
    """Redis does what the reference does."""
    clock = SettableClock()
    store, reference = (
        RedisStore(redis_server.url, name=name(), clock=clock),
        MemoryStore(clock=clock),
    )
    for step in (*steps, LOOK, 40 * WIDTH, LOOK, 40 * WIDTH, LOOK):
        if isinstance(step, int):
            clock.milliseconds += step
        else:
            assert store.perform(step) == reference.perform(step)
    store.close()


# --- connections -------------------------------------------------------------------------------


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    """Before the server, which knows the scripts: else what is cut off is that it does not."""
    store = RedisStore(redis_server.url, name=name())
    for operation, _ in EACH:
        store.perform(operation)
    store.close()
    with between(redis_server.socket) as proxy:
        yield proxy


def test_one_round_trip_each(proxy: Proxy, perform: Callable[..., Any]) -> None:
    """Each of the four, counted on the wire."""
    store = RedisStore(proxy.url, name=name())
    perform(store, admit("first"))
    for operation, _ in EACH:
        perform(store, operation)
    before = proxy.turns
    for number, (operation, _) in enumerate(EACH, 1):
        perform(store, operation)
        assert proxy.turns == before + number
    store.close()


@pytest.mark.parametrize("cut", ["request", "answer"])
@pytest.mark.parametrize(("operation", "kind"), EACH, ids=["admit", "leave", "cool", "look"])
def test_a_broken_connection(
    proxy: Proxy, perform: Callable[..., Any], operation: Any, kind: type, cut: Any
) -> None:
    """What was cut off is asked once more, and done once."""
    store = RedisStore(proxy.url, name=name())
    perform(store, admit("first"))
    proxy.cuts.append(cut)
    answer = perform(store, operation)
    assert isinstance(answer, kind)
    assert not proxy.cuts
    if kind is Admitted:
        assert answer.again is (cut == "answer")
    admitted, left = kind is Admitted, kind is bool
    wanted = Health("d", running=1 + admitted - left, used=(1 + admitted,))
    assert perform(store, LOOK).health == (wanted,)
    store.close()


def test_who_left_once_is_not_kept_out(proxy: Proxy, perform: Callable[..., Any]) -> None:
    """A repetition that finds nobody, because it had been done, keeps nobody out; what is asked once, does."""
    store = RedisStore(proxy.url, name=name())
    perform(store, admit("first"))
    proxy.cuts.append("answer")
    assert perform(store, Leave("first")) is False
    assert isinstance(perform(store, admit("first")), Admitted)
    assert perform(store, Leave("first")) is True
    assert perform(store, Leave("first")) is False
    assert isinstance(perform(store, admit("first")), Full)
    store.close()


# --- outages -----------------------------------------------------------------------------------


def test_a_server_that_is_gone(perform: Callable[..., Any]) -> None:
    """Each of the four says so, at once, as an error that may pass; and goes on when it is back, on what it kept."""
    with running() as server:
        store = RedisStore(server.url)
        perform(store, admit("first"))
        server.kill()
        for operation, _ in EACH:
            began = time.monotonic()
            with pytest.raises(StoreUnavailableError, match="cannot be reached"):
                perform(store, operation)
            assert time.monotonic() - began < 4
        server.start()
        assert perform(store, LOOK).health == (Health("d", running=1, used=(1,)),)
        for operation, kind in EACH:
            assert isinstance(perform(store, operation), kind)
        store.close()


def test_a_server_that_does_not_answer(perform: Callable[..., Any]) -> None:
    """Each of the four waits for as long as was said, and no longer."""
    with running() as server:
        store = RedisStore(server.url, timeout=0.2)
        perform(store, admit("first"))
        server.pause()
        for operation, _ in EACH:
            with pytest.raises(StoreUnavailableError, match=r"no answer within|cannot be reached"):
                perform(store, operation)
        server.resume()
        for operation, kind in EACH:
            assert isinstance(perform(store, operation), kind)
        store.close()


def test_a_server_that_forgot() -> None:
    """A server that keeps nothing begins anew: a router goes on with what it finds."""
    with running(**PLAIN) as server:
        store = RedisStore(server.url)
        for number in range(5):
            store.perform(admit(f"t{number}"))
        assert isinstance(store.perform(admit("one more")), Full)
        server.restart()
        assert store.perform(Leave("t0")) is False
        assert isinstance(store.perform(admit("one more")), Admitted)
        assert store.perform(LOOK).health == (Health("d", running=1, used=(1,)),)
        store.close()


def commands(log: bytes) -> list[bytes]:
    """The commands of an append-only file's only transaction, as the server takes them."""
    pieces = [b"*" + piece for piece in log.split(b"\r\n*") if piece]
    words = [piece.split(b"\r\n")[2::2] for piece in pieces]
    first, last = words.index([b"MULTI"]), words.index([b"EXEC"])
    return [piece + b"\r\n" for piece in pieces[first + 1 : last]]


@pytest.mark.parametrize(
    "operation", [admit("second"), Leave("first", (("rpm", 3),), True)], ids=["admit", "leave"]
)
def test_half_an_operation(operation: Any) -> None:
    """Wherever a torn log has broken one off, what is left ends with its lease; no more is let in than may."""
    clock = SettableClock()
    with running() as server:
        store = RedisStore(server.url, name="0000", clock=clock)
        store.perform(admit("first"))
        begun = len(server.log.read_bytes())
        store.perform(operation)
        done = commands(server.log.read_bytes()[begun:])
        store.close()
        assert len(done) > 3
        for number in range(len(done)):
            _half(server, clock, f"{number + 1:04}", done[:number])
            clock.milliseconds += 200 * WIDTH


def _half(server: RedisServer, clock: SettableClock, ledger: str, done: list[bytes]) -> None:
    store = RedisStore(server.url, name=ledger, clock=clock)
    store.perform(admit("first"))
    for command in done:
        server.tell(command.replace(b"{0000}", b"{%s}" % ledger.encode()))
    for number in range(10):
        store.perform(admit(f"t{number}"))
        store.perform(Leave(f"t{number}"))
    assert isinstance(store.perform(admit("one more")), Full)
    clock.milliseconds += 61 * WIDTH
    store.perform(LOOK)
    assert store.perform(LOOK).health == (Health("d", used=(0,)),)
    assert all(one > 0 for one in keys(server, ledger).values())
    assert isinstance(store.perform(admit("second")), Admitted)
    store.close()


# --- processes ---------------------------------------------------------------------------------

LIMIT = 600


def test_processes_and_a_restart(tmp_path: Path) -> None:
    """Four processes get exactly what a deployment may take in a minute, though the server is killed twice."""
    log, clock = tmp_path / "log", time.monotonic
    log.touch()
    with running() as server:
        spec = {"url": server.url, "log": str(log), "width": WIDTH, "limit": LIMIT}
        workers = [
            _worker(spec | {"worker": n, "colour": ("sync", "async")[n % 2]}) for n in range(4)
        ]
        began = clock()
        for part in (LIMIT // 4, LIMIT // 2):
            while len(_admitted(log)) < part:
                assert clock() < began + 50
                assert all(worker.poll() is None for worker in workers)
                time.sleep(0.005)
            server.restart()
        for worker in workers:
            assert worker.wait(50) == 0
        assert clock() < began + 60, "too slow: a part has left the window"
        admitted = _admitted(log)
        assert len(admitted) == len(set(admitted)) == LIMIT
        store = RedisStore(server.url)
        assert store.perform(LOOK).health == (Health("d", used=(LIMIT,)),)
        assert store.perform(Audit()).entries == 0
        store.close()


def _worker(spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    source = os.pathsep.join([str(SOURCE), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": source}
    return subprocess.Popen([sys.executable, str(WORKER), json.dumps(spec)], env=environment)


def _admitted(log: Path) -> list[str]:
    return log.read_text().split("\n")[:-1]
