"""Two gateways as of two machines: over one PostgreSQL and one Redis, which are killed and come back under load."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple, Self

import httpx
import pytest
from sqlalchemy import func, select

from llmkit._settlements import SettlementsAfter
from llmkit.proxy.data.database import Database
from llmkit.proxy.data.models import Request
from llmkit.proxy.made import made
from llmkit.proxy.settings import Settings
from llmkit.testing import Simulator

from ._kit import MASTER, settings_of, shown
from .data._gateways import Process
from .data.conftest import new_database, rows

ASKED = {"model": "fast", "messages": [{"role": "user", "content": "Say hello."}]}


class World(NamedTuple):
    """All that there is."""

    settings: Settings
    postgres: Any
    redis: Any
    gateways: list[Process]

    def client(self, number: int, key: str = MASTER) -> httpx.Client:
        """Of one of the gateways."""
        origin = f"http://127.0.0.1:{self.gateways[number % 2].port}"
        return httpx.Client(base_url=origin, headers=shown(key), timeout=60)


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: Any, redis_server: Any
) -> Iterator[World]:
    """Started together; each gateway has a directory of its own."""
    with contextlib.ExitStack() as stack:
        simulator = stack.enter_context(Simulator())
        url, gateways = new_database(postgres_server), []
        for name in ("one", "two"):
            settings = settings_of(simulator, tmp_path_factory.mktemp(name), database_url=url)
            process = Process(settings, "--redis-url", redis_server.url)
            stack.callback(process.kill)
            gateways.append(process)
        yield World(settings, postgres_server, redis_server, gateways)


def new_key(world: World, **said: object) -> str:
    """A key, made at the first."""
    with world.client(0) as client:
        answer = client.post("/key/generate", json=said)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["key"])


def asked_at_both(world: World, key: str, each: int) -> list[httpx.Response]:
    """What eight callers are told, half of them at each gateway."""
    answers: list[httpx.Response] = []

    def ask(number: int) -> None:
        with world.client(number, key) as client:
            answers.extend(client.post("/v1/chat/completions", json=ASKED) for _ in range(each))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_limits_and_blocks_are_those_of_all(world: World) -> None:
    """Ten requests of a key's are let in wherever they come; once it is blocked, none, at the other either."""
    key = new_key(world, rpm_limit=10)
    assert Counter(one.status_code for one in asked_at_both(world, key, 3)) == {200: 10, 429: 14}
    other = new_key(world)
    assert {one.status_code for one in asked_at_both(world, other, 1)} == {200}
    with world.client(0) as one, world.client(1, other) as two:
        assert one.post("/key/block", json={"key": other}).status_code == 200
        assert two.post("/v1/chat/completions", json=ASKED).status_code == 401
    for number in (0, 1):
        with world.client(number) as client:
            page = client.get("/metrics").text
            assert 'llmkit_requests_total{method="POST",route="/v1/chat/completions"' in page


class Load:
    """Callers at both, who go on whatever they are told, and note it."""

    def __init__(self, world: World, key: str) -> None:
        self._world, self._key = world, key
        self._over = threading.Event()
        self.answered: list[str] = []
        self.refused: list[tuple[int, Any]] = []
        self._threads = [threading.Thread(target=self._go_on, args=(n,)) for n in range(4)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def until_more(self, more: int = 12) -> None:
        """Wait until so many more were answered."""
        goal, end = len(self.answered) + more, time.monotonic() + 60
        while len(self.answered) < goal:
            assert time.monotonic() < end, self.refused[-3:]
            time.sleep(0.01)

    def _go_on(self, number: int) -> None:
        asked = 0
        with self._world.client(number, self._key) as client:
            while not self._over.is_set():
                asked += 1
                told = {"x-request-id": f"{number}-{asked}-{self._key[-8:]}"}
                stream = {"stream": asked % 2 == 0}
                answer = client.post("/v1/chat/completions", json=ASKED | stream, headers=told)
                whole = not stream["stream"] or answer.text.rstrip().endswith("[DONE]")
                if answer.status_code == 200 and whole:
                    self.answered.append(told["x-request-id"])
                else:
                    self.refused.append((answer.status_code, answer.text))


@pytest.mark.parametrize("which", ["postgres", "redis"])
def test_a_server_that_comes_back(world: World, which: str) -> None:
    """While it is away callers get errors that say what they are; nothing that was answered is lost."""
    server: Any = getattr(world, which)
    restart: list[Callable[[], None]] = [server.kill, server.start]
    with Load(world, new_key(world, rpm_limit=10**6)) as load:
        for step in restart:
            load.until_more() if step == server.kill else time.sleep(0.5)
            step()
        load.until_more()
    assert load.refused
    for status, text in load.refused:
        # A stream that was under way has its status already: its last event says what became of it.
        assert status in {200, 503}, text
        said = json.loads(text.rstrip().rpartition("\n")[2].removeprefix("data: "))["error"]
        assert said["type"] == "no_db_connection", said
        assert "psycopg" not in text, text
        assert "127.0.0.1" not in text, text
    _everything_is_there(world, load.answered)


def _everything_is_there(world: World, answered: list[str]) -> None:
    """In the ledger, and in the log, once, at its price."""
    store, database = made(world.settings).store, Database(world.settings.database_url)
    try:
        end = time.monotonic() + 30
        while True:
            settled = [one for _, one in store.perform(SettlementsAfter(0, 10**6)).rows]
            logged = Counter(row[0] for row in rows(database, select(Request.http_id)))
            if sum(logged.values()) >= len(settled):
                break
            assert time.monotonic() < end, "the log does not catch up"
            time.sleep(0.05)
        assert {one: logged[one] for one in answered} == dict.fromkeys(answered, 1)
        spent = rows(database, select(func.sum(Request.spend)))[0][0]
        assert spent == sum((one.cost for one in settled if one.cost is not None), Decimal(0)) > 0
    finally:
        store.close()
        database.close()
