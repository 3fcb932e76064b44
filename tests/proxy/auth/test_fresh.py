"""What processes that share a database know of each other's changes, and what they trust where they cannot know."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select

from llmkit._secret import Secret
from llmkit.proxy.auth.bearers import Bearers
from llmkit.proxy.auth.fresh import Alone, Deaf, Heard, Mapped, fresh_by
from llmkit.proxy.auth.keys import token_of
from llmkit.proxy.auth.master import announce, ensure
from llmkit.proxy.data.database import Database
from llmkit.proxy.data.models import Setting
from llmkit.proxy.failure import Refused

from ..data.conftest import new_database
from ._kit import bearers_of, change, delete, new_key, refusal, settings_of, shown

ASKER = Path(__file__).with_name("asker.py")


class Asker:
    """A process that asks."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, ASKER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said = ""

    def begun(self) -> str:
        """What it says at first: that it is ready, or the master key that it made."""
        assert self._process.stdout is not None
        self.said = self._process.stdout.readline().strip()
        return self.said

    def __call__(self, key: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(key + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def end(self) -> int:
        self._process.communicate("\n", timeout=30)
        return self._process.returncode


@contextmanager
def askers(url: str, number: int) -> Iterator[list[Asker]]:
    """So many processes over one database."""
    made = [Asker(url) for _ in range(number)]
    try:
        for one in made:
            one.begun()
        yield made
    finally:
        ended = [one.end() for one in made]
    assert ended == [0] * number


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """A database, closed at the end."""
    database = Database(url)
    yield database
    database.close()


def until(condition: Any, seconds: float = 30.0) -> float:
    """Wait for it; how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, "it did not come"
        time.sleep(0.002)
    return time.monotonic() - began


@pytest.mark.asyncio
async def test_processes_of_one_database(url: str) -> None:
    """Of two that begin at once one makes the master key. What changes reaches both: in SQLite with the next request.

    Over PostgreSQL it does as soon as they have heard of it.
    """
    with opened(url) as database, askers(url, 2) as others, bearers_of(database) as bearers:
        made = [one.said for one in others if one.said != "ready"]
        assert len(made) == 1, "it is printed by one alone"
        assert {ask(made[0][:-1])[:3] for ask in others} == {"401"}
        blocked, deleted = (new_key(database, key_alias=name) for name in ("one", "two"))
        for ask in others:
            assert [ask(blocked), ask(deleted)] == ["team one", "team two"]
        at_once = url.startswith("sqlite")

        def hears(ask: Asker, key: str, words: str) -> bool:
            return words in ask(key) if at_once else until(lambda: words in ask(key)) >= 0

        change(database, blocked, blocked=True)
        await bearers.forget(token_of(blocked))
        assert all([hears(ask, blocked, "key is blocked") for ask in others])  # noqa: C419 - each
        assert {ask(deleted) for ask in others} == {"team two"}
        delete(database, deleted)
        await bearers.forget()
        assert all([hears(ask, deleted, "no valid key") for ask in others])  # noqa: C419 - each
        change(database, blocked, blocked=False)
        await bearers.forget(token_of(blocked))
        assert all([hears(ask, blocked, "team one") for ask in others])  # noqa: C419 - each


@pytest.mark.asyncio
async def test_the_master_key_that_was_made_is_taken(database: Database) -> None:
    """By whoever starts later, too; the database does not have it."""
    made = ensure(database, None)
    assert made is not None
    with bearers_of(database, master_key=None) as bearers:
        assert (await bearers.subject(shown(made), {})).reserved
        assert (await refusal(bearers, shown(made[:-1]))).status == 401
        said = database.read_sync(lambda it: it.scalar(select(Setting.value)))
    assert said == token_of(made)


def test_a_master_key_that_is_given_ends_the_one_that_was_made(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has the old one has nothing."""
    made = ensure(database, None)
    assert made is not None
    announce(made)
    assert capsys.readouterr().err.count(made) == 1
    assert ensure(database, "given") is None
    again = ensure(database, None)
    assert again not in {None, made}


@pytest.mark.asyncio
async def test_a_change_while_a_key_is_looked_up(database: Database) -> None:
    """What was read before a change is not remembered after it, nor told to who asks after it."""
    key = new_key(database)
    with bearers_of(database) as bearers:
        read = bearers._known

        async def slow(*which: str) -> Any:
            known = await read(*which)
            change(database, key, blocked=True)
            await bearers.forget(token_of(key))
            bearers._known = read  # type: ignore[method-assign]
            assert (await refusal(bearers, shown(key))).status == 401
            return known

        bearers._known = slow  # type: ignore[method-assign, assignment]
        assert (await bearers.subject(shown(key), {})).key == token_of(key), "it began before"
        assert (await refusal(bearers, shown(key))).status == 401


@pytest.mark.asyncio
async def test_who_asks_at_once_is_looked_up_once(database: Database) -> None:
    """Also where the first of them goes away meanwhile."""
    key = new_key(database)
    looks = 0
    with bearers_of(database) as bearers:
        read = bearers._known

        async def counted(*which: str) -> Any:
            nonlocal looks
            looks += 1
            await asyncio.sleep(0.02)
            return await read(*which)

        bearers._known = counted  # type: ignore[method-assign, assignment]
        asking = [asyncio.create_task(bearers.subject(shown(key), {})) for _ in range(20)]
        await asyncio.sleep(0.005)
        asking[0].cancel()
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert {one.key for one in found[1:]} == {token_of(key)}  # type: ignore[union-attr]
        assert looks == 1
        assert not bearers._looking


@pytest.mark.asyncio
async def test_what_is_remembered_has_an_end(database: Database, monkeypatch: Any) -> None:
    """In time, for who edits the table; and in number."""
    monkeypatch.setattr("llmkit.proxy.auth.bearers._MOST", 3)
    keys = [new_key(database) for _ in range(5)]
    with bearers_of(database) as bearers:
        for key in keys:
            await bearers.subject(shown(key), {})
        assert list(bearers._entries) == [token_of(key) for key in keys[2:]]
        change(database, keys[4], blocked=True)
        later = time.monotonic() + 31
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert (await refusal(bearers, shown(keys[4]))).status == 401


def test_the_file_beside_the_database(tmp_path: Path) -> None:
    """Its owner's alone; whoever maps it sees what others write; a link in its place is not followed."""
    path = tmp_path / "proxy.db-keys"
    one, other = Mapped(path), Mapped(path)
    assert path.stat().st_mode & 0o077 == 0
    assert one.number() == other.number() == 0
    seen = {one.number()}
    for who in (one, other) * 5:
        who.change()
        assert one.number() == other.number()
        assert one.number() not in seen
        seen.add(one.number())
    one.close()
    other.close()
    (tmp_path / "target").write_bytes(b"not ours, and longer than eight bytes")
    (tmp_path / "linked.db-keys").symlink_to(tmp_path / "target")
    engine = create_engine(f"sqlite:///{tmp_path / 'linked.db'}")
    assert type(fresh_by(engine)) is Deaf
    assert (tmp_path / "target").read_bytes().startswith(b"not ours")


@pytest.mark.asyncio
async def test_where_nothing_can_be_shared_nothing_is_remembered(tmp_path: Path) -> None:
    """Each request is looked up."""
    (tmp_path / "proxy.db-keys").mkdir()
    with opened(f"sqlite:///{tmp_path / 'proxy.db'}") as database:
        database.migrate()
        key = new_key(database)
        with bearers_of(database) as bearers:
            await bearers.subject(shown(key), {})
            change(database, key, blocked=True)
            assert (await refusal(bearers, shown(key))).status == 401
            assert not bearers._entries
            await bearers.forget()


def test_a_database_in_memory_is_nobody_else_s() -> None:
    """Its number changes in the process."""
    fresh = fresh_by(create_engine("sqlite://"))
    assert type(fresh) is Alone
    before = fresh.number()
    fresh.change()
    assert before != fresh.number()
    fresh.close()


@pytest.mark.asyncio
async def test_postgresql_that_goes_and_comes(postgres_server: Any, caplog: Any) -> None:
    """While it cannot be listened to nothing is trusted; what was changed meanwhile is seen after."""
    url = new_database(postgres_server)
    with opened(url) as database:
        database.migrate()
        key = new_key(database)
        bearers = Bearers(settings_of(url), database)
        bearers.open()
        try:
            fresh = bearers._fresh
            assert isinstance(fresh, Heard)
            until(lambda: fresh.number() is not None)
            await bearers.subject(shown(key), {})
            before = fresh.number()
            postgres_server.kill()
            until(lambda: fresh.number() is None)
            with pytest.raises(Refused, match="cannot reach its database"):
                await bearers.subject(shown(key), {})
            postgres_server.start()
            change(database, key, blocked=True)
            until(lambda: fresh.number() is not None)
            assert fresh.number() != before
            assert (await refusal(bearers, shown(key))).status == 401
        finally:
            began = time.monotonic()
            bearers.close()
        assert time.monotonic() < began + 2
    assert "cannot be listened to" in caplog.text
    assert str(postgres_server.port) not in caplog.text


def test_a_listener_that_hears_nothing_is_not_trusted(
    postgres_server: Any, monkeypatch: Any
) -> None:
    """As behind a pooler that gives each statement another connection: its checks do not come back."""
    monkeypatch.setattr("llmkit.proxy.auth.fresh._EVERY", 0.05)
    with opened(new_database(postgres_server)) as database:
        fresh = Heard(database.engine)
        until(lambda: fresh.number() is not None)
        hear, trusted = fresh._hear, []

        def deafened(raw: Any) -> None:
            raw.execute("UNLISTEN *")
            trusted.append(fresh._until)
            fresh._until = 0.0
            hear(raw)

        monkeypatch.setattr(fresh, "_hear", deafened)
        until(lambda: len(trusted) > 1)
        assert fresh.number() is None
        fresh.close()


def test_a_short_master_key_is_told_of(database: Database, caplog: Any) -> None:
    """It is taken, since a person has chosen it; and is not in the log."""
    with bearers_of(database, master_key=Secret("sk-" + "1234")):
        pass
    assert "short" in caplog.text
    assert "1234" not in caplog.text
    caplog.clear()
    with bearers_of(database):
        pass
    assert not caplog.text


@pytest.mark.asyncio
async def test_secrets_are_in_no_repr(database: Database) -> None:
    """Neither the master key, nor a key, nor a token of one that was refused."""
    key = new_key(database)
    master = Secret("sk-" + "never to be seen")
    with bearers_of(database, master_key=master) as bearers:
        subject = await bearers.subject(shown(key), {})
        refused = await refusal(bearers, shown(key + "x"))
        said = f"{bearers!r} {subject!r} {refused!r} {refused.body()} {vars(bearers)}"
    assert key not in said
    assert master.reveal() not in said
