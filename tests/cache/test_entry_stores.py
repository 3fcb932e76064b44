"""What every store of entries does, and does alike."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from llmkit._entries import (
    Claim,
    Claimed,
    Clear,
    Founding,
    Keep,
    Look,
    Release,
    Weigh,
    Weighed,
)
from llmkit._operations import ReadRules
from llmkit.cache import MemoryEntries, RedisEntries, SQLiteEntries
from llmkit.errors import ConfigurationError, StoreError, StoreUnavailableError

if TYPE_CHECKING:
    from ..stores._redis import RedisServer

ANY = bytes(range(256))


def test_what_is_kept_is_found(store: Any) -> None:
    """Byte for byte, the first of several keys that has any; another takes its place."""
    assert store.perform(Look(("a", "b"))) is None
    assert store.perform(Keep("b", ANY, None))
    assert store.perform(Look(("a", "b"))) == ANY
    assert store.perform(Look(("b",))) == ANY
    store.perform(Keep("b", b"other", 60))
    assert store.perform(Look(("b", "a"))) == b"other"


def test_it_ends_with_its_time(store: Any) -> None:
    """An entry of no time is over at once."""
    store.perform(Keep("a", b"1", 0.001))
    threading.Event().wait(0.01)
    assert store.perform(Look(("a",))) is None


def test_the_first_salt_holds(store: Any) -> None:
    """For all who share the store."""
    assert store.perform(Founding(ANY[:32])) == ANY[:32]
    assert store.perform(Founding(b"x" * 32)) == ANY[:32]


def test_one_asks_and_others_wait(store: Any) -> None:
    """Until it has kept what they want, has given up, or its lease is over."""
    claim = Claim(("a", "b"), "one", 30.0)
    assert store.perform(claim) == Claimed()
    assert store.perform(claim) == Claimed()
    other = store.perform(Claim(("a",), "two", 30.0))
    assert other.entry is None
    assert 0 < other.taken <= 30.0
    assert not store.perform(Release("a", "two"))
    assert store.perform(Release("a", "one"))
    assert store.perform(Claim(("a",), "two", 0.001)) == Claimed()
    threading.Event().wait(0.01)
    assert store.perform(claim) == Claimed()
    store.perform(Keep("b", b"1", None, "a", "one"))
    assert store.perform(Claim(("a", "b"), "two", 30.0)) == Claimed(b"1")
    assert store.perform(Claim(("a",), "two", 0.0)) == Claimed()
    assert store.perform(Claim(("a",), "three", 30.0)) == Claimed()


def test_what_begins_alike_is_cleared_together(store: Any) -> None:
    """A namespace's entries, or all."""
    for key in ("aa.1", "aa.2", "ab.1"):
        store.perform(Keep(key, b"1", None))
    assert store.perform(Weigh()).entries == 3
    assert store.perform(Clear("aa.")) == 2
    assert store.perform(Look(("ab.1",))) == b"1"
    assert store.perform(Clear()) == 1
    assert store.perform(Weigh()) in (Weighed(0, 0), Weighed(0, None))


def test_it_is_no_ledger(store: Any) -> None:
    """What is no operation of a cache is refused in words."""
    with pytest.raises(StoreError, match="performs ReadRules"):
        store.perform(ReadRules())


@pytest.mark.parametrize("run", [asyncio.run, trio.run])
def test_it_can_be_awaited(store: Any, run: Any) -> None:
    """On asyncio and trio."""

    async def main() -> None:
        if isinstance(store, MemoryEntries):
            return
        assert await store.aperform(Keep("a", ANY, None))
        assert await store.aperform(Look(("a",))) == ANY
        if isinstance(store, RedisEntries):
            await store.aclose()

    if run is trio.run:
        trio.run(main)
    else:
        asyncio.run(main())


def test_threads_share_it(store: Any) -> None:
    """Each finds what it has kept."""
    found = []

    def work(name: str) -> None:
        for number in range(20):
            store.perform(Keep(f"{name}{number}", name.encode(), None))
            found.append(store.perform(Look((f"{name}{number}",))) == name.encode())

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 80


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_was_used_longest_ago_goes_first(kind: str, tmp_path: Path) -> None:
    """Where there is no more room; what is larger than all there is is not kept at all."""
    now = [1000.0]

    def clock() -> float:
        now[0] += 100
        return now[0]

    store: Any = (
        MemoryEntries(5000, clock=clock)
        if kind == "memory"
        else SQLiteEntries(tmp_path / "e.db", 5000, clock=clock)
    )
    for key in "abc":
        store.perform(Keep(key, b"x" * 1000, None))
    assert store.perform(Look(("a",)))
    store.perform(Keep("d", b"x" * 2500, None))
    left = [key for key in "abcd" if store.perform(Look((key,)))]
    assert "a" in left
    assert "d" in left
    assert "b" not in left
    assert not store.perform(Keep("e", b"x" * 6000, None))
    assert store.perform(Weigh()).size <= 5000
    store.close()


def test_what_is_over_goes_before_what_is_used(tmp_path: Path) -> None:
    """SQLite: room is made of it first."""
    store = SQLiteEntries(tmp_path / "e.db", 3000)
    store.perform(Keep("old", b"x" * 1000, None))
    store.perform(Keep("over", b"x" * 1500, 0.001))
    threading.Event().wait(0.01)
    store.perform(Keep("new", b"x" * 1000, None))
    assert store.perform(Look(("old",)))
    store.close()


def test_a_file_is_its_owners(tmp_path: Path) -> None:
    """Nobody else on the machine may read it."""
    store = SQLiteEntries(tmp_path / "e.db")
    store.perform(Keep("a", b"1", None))
    assert {f"{p.stat().st_mode & 0o777:o}" for p in tmp_path.iterdir()} == {"600"}
    store.close()


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """And a file that is none is said to be none."""
    import sqlite3

    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE t (a)")
    theirs.commit()
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's database"):
        SQLiteEntries(path).perform(Keep("a", b"1", None))
    assert path.read_bytes() == before
    (tmp_path / "text").write_text(
        "no database, but a text that is long enough to be looked at" * 9
    )
    with pytest.raises(StoreError, match="is no SQLite database"):
        SQLiteEntries(tmp_path / "text").perform(Look(("a",)))
    with pytest.raises(StoreUnavailableError, match="its directory does not exist"):
        SQLiteEntries(tmp_path / "nowhere" / "e.db").perform(Look(("a",)))


@pytest.mark.parametrize("path", ["", ":memory:", "file:a?mode=memory", "a\0b", 7])
def test_what_is_no_path_is_refused(path: Any) -> None:
    """When the store is made."""
    with pytest.raises(ConfigurationError, match="path"):
        SQLiteEntries(path)


def test_a_file_that_was_taken_away_is_made_anew(tmp_path: Path) -> None:
    """A notebook's user deletes it: what follows is kept in a new one."""
    store = SQLiteEntries(tmp_path / "e.db")
    store.perform(Keep("a", b"1", None))
    store.close()
    for path in tmp_path.iterdir():
        path.unlink()
    assert store.perform(Look(("a",))) is None
    store.close()


def test_redis_that_is_away_is_said_to_be(tmp_path: Path) -> None:
    """In our words, and soon."""
    store = RedisEntries(f"unix://{tmp_path}/no.sock")
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        store.perform(Look(("a",)))


def test_redis_comes_back(redis_server: RedisServer) -> None:
    """A connection that broke is replaced."""
    store = RedisEntries(redis_server.url, name="back")
    store.perform(Keep("a", b"1", None))
    redis_server.restart()
    assert store.perform(Look(("a",))) in (None, b"1")
    store.close()
