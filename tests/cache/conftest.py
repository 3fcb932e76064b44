"""Each store of entries, empty; and callers that count what is sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmkit.cache import MemoryEntries, RedisEntries, SQLiteEntries

from ..stores._redis import RedisServer, running

STORES = ("memory", "sqlite", "redis")
_names = itertools.count()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis. It keeps nothing on disk: what is in it are entries."""
    with running(appendonly="no") as server:
        yield server


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """An empty store of each kind."""
    if request.param == "memory":
        yield MemoryEntries()
    elif request.param == "sqlite":
        made = SQLiteEntries(tmp_path / "entries.db")
        yield made
        made.close()
    else:
        server = request.getfixturevalue("redis_server")
        redis = RedisEntries(server.url, name=f"n{next(_names)}")
        yield redis
        redis.close()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a key, made up."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "made-up-0123456789")
