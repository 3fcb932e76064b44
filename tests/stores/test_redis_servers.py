"""Redis as it may be found: what it promises, what it forbids, what it is; and what it has when it was killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llmkit._operations import (
    Admit,
    Admitted,
    Audit,
    Audited,
    Candidate,
    Cool,
    Leave,
    Look,
    ReadEntries,
    Reserved,
)
from llmkit.errors import StoreError, StoreUnavailableError
from llmkit.stores import RedisStore

from ._redis import RedisServer, running
from ._redis_asking import held, hold, name, settled


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A server whose settings tests change, and put back."""
    with running() as server:
        yield server


@pytest.fixture
def changed(server: RedisServer) -> Iterator[Any]:
    """Change settings for a test."""
    kept: dict[str, str] = {}

    def change(setting: str, value: str, before: str) -> None:
        kept[setting] = before
        assert server.ask("CONFIG", "SET", setting, value) == b"+OK\r\n"

    yield change
    for setting, before in kept.items():
        server.ask("CONFIG", "SET", setting, before)


def store_of(server: RedisServer, **options: Any) -> RedisStore:
    """A ledger of its own."""
    return RedisStore(server.url, name=name(), **options)


@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("appendonly", "no", "yes"),
        ("appendfsync", "everysec", "always"),
        ("appendfsync", "no", "always"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
        ("aof-load-truncated", "yes", "no"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
    ],
)
def test_a_server_that_may_lose_money(
    server: RedisServer, changed: Any, setting: str, value: str, wanted: str
) -> None:
    """It is refused before anything is counted, and the error says what to set; unless less was asked for."""
    changed(setting, value, wanted)
    store = store_of(server)
    with pytest.raises(StoreError, match=f"set {setting} {wanted}, or say .*best_effort") as caught:
        store.perform(hold("a"))
    assert f"{setting} {value}" in str(caught.value)
    with asyncio.Runner() as runner:
        # Again and again: a connection to such a server is not kept.
        for _ in range(2):
            with pytest.raises(StoreError, match=setting):
                runner.run(store.aperform(hold("a")))
            with pytest.raises(StoreError, match=setting):
                store.perform(hold("a"))
    content = store_of(server, durability="best_effort")
    assert isinstance(content.perform(hold("a")), Reserved)
    assert (store.durability, content.durability) == ("power", "best_effort")
    assert "durability='best_effort'" in repr(content)
    store.close()
    content.close()


def test_asked_again_after_the_connection_broke() -> None:
    """Another server may answer then: it is asked what it promises, too."""
    with running() as server:
        store = store_of(server)
        store.perform(hold("a"))
        server.settings["appendfsync"] = "everysec"
        server.restart()
        # The pool itself sees that the connection is dead before anything is sent, and the store sees the new one.
        with pytest.raises(StoreError, match="set appendfsync always"):
            store.perform(hold("b"))
        store.close()


def test_settings_that_may_not_be_read(server: RedisServer) -> None:
    """Where CONFIG is forbidden, what the server tells of itself is believed, and what it does not tell is not."""
    server.ask("ACL", "SETUSER", "poor", "on", ">poor-word", "~*", "+@all", "-config")
    store = RedisStore(f"unix://poor:poor-word@{server.socket}", name=name())
    with pytest.raises(StoreError, match=r"read its setting appendfsync .*best_effort") as caught:
        store.perform(hold("a"))
    assert "poor" not in str(caught.value)
    server.ask("CONFIG", "SET", "appendonly", "no")
    with pytest.raises(StoreError, match="has appendonly no"):
        store.perform(hold("a"))
    server.ask("CONFIG", "SET", "appendonly", "yes")
    store.close()


def test_what_a_ledger_needs(server: RedisServer) -> None:
    """A user who may touch the ledger's keys alone can use it, and no other."""
    mine = name()
    server.ask(
        "ACL", "SETUSER", "ledger", "on", ">word", f"~llmkit:{{{mine}}}*", "+@all", "-@dangerous",
        "+config|get",
    )  # fmt: skip
    url = f"unix://ledger:word@{server.socket}"
    store = RedisStore(url, name=mine)
    store.perform(hold("a"))
    assert held(store) == (0, 1)
    other = RedisStore(url, name="other")
    with pytest.raises(StoreError, match="does not permit"):
        other.perform(hold("a"))
    store.close()
    other.close()


def test_passwords() -> None:
    """A wrong password is an error of ours that does not repeat it; the right one is in no repr."""
    with running(requirepass="right-word") as server:
        for url in (server.url, f"unix://:wrong-word@{server.socket}"):
            store = RedisStore(url)
            with pytest.raises(StoreError, match="password") as caught:
                store.perform(hold("a"))
            assert not isinstance(caught.value, StoreUnavailableError)
            assert "wrong-word" not in str(caught.value)
            store.close()
        store = RedisStore(f"unix://:right-word@{server.socket}")
        store.perform(hold("a"))
        assert "right-word" not in repr(store)
        assert "right-word" not in repr(vars(store))
        store.close()


def test_no_memory_left(server: RedisServer, changed: Any) -> None:
    """A server that is full refuses as unavailable, before anything of the operation is done."""
    store = store_of(server)
    store.perform(hold("a"))
    changed("maxmemory", "1", "0")
    with pytest.raises(StoreUnavailableError, match="has no memory left"):
        store.perform(hold("b"))
    changed("maxmemory", "0", "0")
    assert held(store) == (0, 1)
    assert store.perform(Audit()).differences == ()
    store.close()


def test_a_replica(server: RedisServer) -> None:
    """A replica takes no writes, which is said."""
    store = store_of(server)
    store.perform(hold("a"))
    server.ask("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailableError, match="replica"):
            store.perform(hold("b"))
    finally:
        server.ask("REPLICAOF", "NO", "ONE")
    store.close()


def test_somebody_elses_script(server: RedisServer, changed: Any) -> None:
    """A server that is busy with a script of somebody else is unavailable for now."""
    store = store_of(server)
    store.perform(hold("a"))
    changed("lua-time-limit", "10", "5000")
    busy = threading.Thread(target=server.ask, args=("EVAL", "while true do end", "0"))
    busy.start()
    until = time.monotonic() + 30
    while not server.ask("PING").startswith(b"-BUSY"):
        assert time.monotonic() < until
    with pytest.raises(StoreUnavailableError, match="busy"):
        store.perform(hold("b"))
    server.ask("SCRIPT", "KILL")
    busy.join()
    assert isinstance(store.perform(hold("b")), Reserved)
    store.close()


def test_scripts_replicated_whole() -> None:
    """Also where scripts would be kept as scripts, what they did is kept: the clock is read once."""
    with running(lua_replicate_commands="no") as server:
        store = RedisStore(server.url)
        store.perform(hold("a"))
        server.restart()
        assert held(store) == (0, 1)
        assert store.perform(settled("a")).status == "settled"
        store.close()


def test_keys_of_something_else(server: RedisServer) -> None:
    """Where the ledger's name is taken by something else, that is said and left alone."""
    taken = name()
    server.ask("SET", f"llmkit:{{{taken}}}", "mine")
    store = RedisStore(server.url, name=taken)
    with pytest.raises(StoreError, match="something else under the ledger's name"):
        store.perform(hold("a"))
    assert server.ask("GET", f"llmkit:{{{taken}}}") == b"$4\r\nmine\r\n"
    store.close()


def test_a_newer_schema(server: RedisServer) -> None:
    """A ledger that a newer version wrote is refused, and not touched."""
    newer = name()
    store = RedisStore(server.url, name=newer)
    store.perform(hold("a"))
    server.ask("HSET", f"llmkit:{{{newer}}}", "schema", "2")
    with pytest.raises(StoreError, match="written by a newer llmkit: its schema is 2"):
        store.perform(settled("a"))
    server.ask("HSET", f"llmkit:{{{newer}}}", "schema", "1")
    assert held(store) == (0, 1)
    store.close()


def free_port() -> int:
    """A port that is free, as is the one of the cluster's bus ten thousand above."""
    while True:
        port = random.randrange(20_000, 50_000)
        with socket.socket() as probe, socket.socket() as bus, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            bus.bind(("127.0.0.1", port + 10_000))
            return port


CLUSTER = {
    "cluster-enabled": "yes",
    "cluster-require-full-coverage": "no",
    "cluster-node-timeout": "2000",
    "bind": "127.0.0.1",
}


def wait_for(server: RedisServer, state: bytes, urge: Callable[[], object] = bool) -> None:
    """Until the cluster is as it should be."""
    began = time.monotonic()
    urged = 0.0
    while state not in server.ask("CLUSTER", "INFO"):
        passed = time.monotonic() - began
        assert passed < 30
        if passed >= urged:
            urge()
            urged += 2
        time.sleep(0.01)


def slot_of(server: RedisServer, ledger: str) -> str:
    """Where a ledger belongs."""
    return server.ask("CLUSTER", "KEYSLOT", f"{{{ledger}}}")[1:].strip().decode()


def test_a_cluster() -> None:
    """A node serves the ledger of its slot, and says where another is, which is followed, there and back again."""
    with running(free_port(), **CLUSTER) as one, running(free_port(), **CLUSTER) as other:
        # One slot each: what they wrote under a key of any other slot would be refused.
        one.ask("CLUSTER", "ADDSLOTS", slot_of(one, "here"))
        other.ask("CLUSTER", "ADDSLOTS", slot_of(other, "there"))
        meet = ("CLUSTER", "MEET", "127.0.0.1", str(other.port))
        for node in (one, other):
            # A handshake that a busy machine was too slow for is begun again.
            wait_for(node, b"cluster_slots_assigned:2", lambda: one.ask(*meet))
            wait_for(node, b"cluster_state:ok")
        _use_a_cluster(one, other)


def _use_a_cluster(one: RedisServer, other: RedisServer) -> None:
    here, there, nowhere = (RedisStore(one.tcp, name=n) for n in ("here", "there", "nowhere"))
    for store in (here, there):
        store.perform(hold("a"))
        store.perform(settled("a"))
        assert held(store) == (1, 0)
        assert asyncio.run(store.aperform(Audit())).differences == ()
        assert isinstance(store.perform(Admit("t", (Candidate("d"),), 60_000)), Admitted)
        assert asyncio.run(store.aperform(Look(("d",)))).health[0].running == 1
        assert store.perform(Cool("d", 1000)).running == 1
        assert store.perform(Leave("t")) is True
    assert b"there" in other.ask("KEYS", "*")
    with pytest.raises(StoreUnavailableError, match="cluster that is down"):
        nowhere.perform(hold("a"))
    other.kill()
    with pytest.raises(StoreUnavailableError):
        there.perform(hold("b"))
    other.start()
    wait_for(other, b"cluster_state:ok")
    there.perform(hold("b"))
    assert held(there) == (1, 1)
    other.kill()
    myself = one.ask("CLUSTER", "MYID").split()[1].decode()
    one.ask("CLUSTER", "SETSLOT", slot_of(one, "there"), "NODE", myself)
    # From a node that has gone, the way back to the url is found within one operation.
    assert isinstance(there.perform(hold("c")), Reserved)
    assert held(there) == (0, 1)
    for store in (here, there, nowhere):
        store.close()


@pytest.mark.parametrize("torn", [b"MULTI", b"HINCRBY", b"HSET", b"ZADD", b"EXEC"])
def test_a_torn_log(torn: bytes) -> None:
    """What a kill tore in the log is gone as a whole, and what follows is neither lost nor joined to it."""
    with running() as server:
        store = RedisStore(server.url)
        store.perform(hold("a"))
        store.perform(settled("a"))
        acknowledged = server.log.read_bytes()
        store.perform(hold("b"))
        server.kill()
        # As a kill tears a write: within any command of the transaction that a script is logged as.
        os.truncate(server.log, server.log.read_bytes().index(torn, len(acknowledged)) + 2)
        refused = subprocess.run(
            server.command(), stdout=subprocess.DEVNULL, timeout=20, check=False
        )
        assert refused.returncode == 1
        server.mend()
        assert server.log.read_bytes() == acknowledged
        server.start()
        store.perform(hold("c"))
        store.perform(settled("c"))
        store.perform(hold("d"))
        server.restart()
        assert held(store) == (2, 1)
        audit = store.perform(Audit())
        assert (audit.entries, audit.holds, audit.differences) == (2, 1, ())
        store.close()


def test_killed_under_load() -> None:
    """A server is killed again and again while threads settle: what was acknowledged is there, and all balances."""
    with running() as server:
        store = RedisStore(server.url, timeout=5)
        acknowledged: list[str] = []
        over = threading.Event()

        def work(worker: int) -> None:
            n = 0
            while not over.is_set():
                n += 1
                try:
                    store.perform(hold(f"{worker}-{n}", limit=None))
                    if store.perform(settled(f"{worker}-{n}")).status in {"settled", "again"}:
                        acknowledged.append(f"{worker}-{n}")
                except StoreUnavailableError:
                    time.sleep(0.001)

        workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        for _ in range(6):
            time.sleep(0.08)
            server.restart()
        until = time.monotonic() + 30
        while len(acknowledged) <= 50 and time.monotonic() < until:
            time.sleep(0.01)
        over.set()
        for worker in workers:
            worker.join()
        entries = {entry.id for entry in store.perform(ReadEntries(limit=10**6))}
        assert len(acknowledged) > 50
        assert set(acknowledged) <= entries
        audit = store.perform(Audit())
        assert isinstance(audit, Audited)
        assert audit.differences == ()
        assert held(store) == (len(entries), audit.holds)
        store.close()
