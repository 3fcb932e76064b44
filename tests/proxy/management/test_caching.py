"""``/cache/…``: what an administrator asks of the gateway's cache, which a configuration in LiteLLM's words makes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from llmkit.cache import Cache
from llmkit.proxy.app import create_app
from llmkit.proxy.settings import Settings
from llmkit.testing import Simulator

from .._kit import MASTER, Called, config_of, settings_of, shown
from ._asks import get, post, refused, user

CHAT: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}


@asynccontextmanager
async def cached(directory: Path, params: Any, **said: Any) -> AsyncIterator[Called]:
    """A gateway whose configuration says this of its cache; ``None``: nothing."""
    with Simulator() as simulator:
        path = config_of(simulator, directory)
        if params is not None:
            told = json.loads(path.read_text())
            told["litellm_settings"] = {"cache": True, "cache_params": params}
            path.write_text(json.dumps(told))
        async with create_app(settings_of(simulator, directory, config=path, **said)) as app:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            how: Any = {"base_url": "http://gateway", "headers": shown(MASTER)}
            async with httpx.AsyncClient(transport=transport, **how) as http:
                yield Called(http, app, simulator)


@pytest_asyncio.fixture
async def app(tmp_path: Path) -> AsyncIterator[Called]:
    """One with a cache on disk."""
    params = {"type": "disk", "disk_cache_dir": str(tmp_path), "ttl": 60, "namespace": "mine"}
    said = {**params, "supported_call_types": ["acompletion", "aembedding"], "redis_flush_size": 9}
    async with cached(tmp_path, said, litellm_headers=True) as made:
        yield made


async def asked(app: Called, text: str) -> tuple[str, int]:
    """The key of a chat's answer, and how often the provider was asked for it."""
    before = len(app.simulator.requests)
    body = {**CHAT, "messages": [{"role": "user", "content": text}]}
    answer = await app.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-litellm-cache-key"], len(app.simulator.requests) - before


@pytest.mark.asyncio
async def test_a_configurations_cache_is_the_gateways(app: Called) -> None:
    """As it says; and what it cannot have is reported."""
    said = await get(app, "/cache/ping")
    assert (said["status"], said["cache_type"]) == ("healthy", "disk")
    assert said["litellm_cache_params"] == {
        "namespace": "mine",
        "ttl": 60.0,
        "mode": "default_on",
        "supported_call_types": ["chat", "embedding"],
    }
    assert [key for key, _ in app.gateway.calls.report] == [
        "litellm_settings.cache_params.redis_flush_size"
    ]
    assert (await asked(app, "a"))[1] == 1
    assert (await asked(app, "a"))[1] == 0
    assert (await get(app, "/cache/ping"))["stats"]["hits"] == 1


@pytest.mark.asyncio
async def test_answers_are_thrown_out(app: Called) -> None:
    """One by its key, as its answer's header says it; or all, and what the ping has kept is none of them."""
    one, _ = await asked(app, "a")
    await asked(app, "b")
    await get(app, "/cache/ping")
    assert await post(app, "/cache/delete", keys=[one, one]) == {"status": "success", "deleted": 1}
    assert (await post(app, "/cache/delete", keys=[one]))["deleted"] == 0
    assert ((await asked(app, "a"))[1], (await asked(app, "b"))[1]) == (1, 0)
    assert await post(app, "/cache/flushall") == {"status": "success", "deleted": 2}
    assert (await asked(app, "b"))[1] == 1


WRONG: tuple[tuple[dict[str, Any], int, str], ...] = (
    ({"keys": ["*"]}, 400, "x-litellm-cache-key"),
    ({"keys": []}, 422, "keys"),
    ({}, 422, "keys"),
    ({"keys": "x"}, 422, "keys"),
)


@pytest.mark.asyncio
async def test_only_an_administrator_may_and_says_which(app: Called) -> None:
    """Who sees all may look at much, but not at this; and what is no key throws nothing out."""
    await asked(app, "a")
    for role in ("internal_user", "proxy_admin_viewer"):
        key = await user(app, role, user_role=role)
        await refused(app, "/cache/ping", key, 403, method="GET")
        await refused(app, "/cache/delete", key, 403, keys=["x"])
        await refused(app, "/cache/flushall", key, 403)
    for body, status, said in WRONG:
        assert said in await refused(app, "/cache/delete", None, status, **body)
    assert (await asked(app, "a"))[1] == 0


@pytest.mark.asyncio
async def test_without_a_cache_it_says_how_to_have_one(tmp_path: Path) -> None:
    """Of what is not there, 404: nothing has failed."""
    async with cached(tmp_path, None) as app:
        assert "cache: true" in await refused(app, "/cache/ping", None, 404, method="GET")
        assert "cache: true" in await refused(app, "/cache/delete", None, 404, keys=["x"])
        assert "cache: true" in await refused(app, "/cache/flushall", None, 404)
        # One whose store is away is 503, with nothing of where it is.
        app.gateway.calls.cache = Cache("redis://:hidden@127.0.0.1:1/0")
        for path, method in (("/cache/ping", "GET"), ("/cache/flushall", "POST")):
            said = await refused(app, path, None, 503, method=method)
            assert "hidden" not in said
            assert "127.0.0.1" not in said


@pytest.mark.asyncio
async def test_of_several_workers_memories_one_is_not_said_to_be_all(tmp_path: Path) -> None:
    """Each has its own, and this one cannot reach the others."""
    async with cached(tmp_path, {"type": "local"}, workers=2) as app:
        assert (await get(app, "/cache/ping"))["cache_type"] == "local"
        assert "each worker" in await refused(app, "/cache/flushall", None, 409)


@pytest.mark.asyncio
async def test_the_request_log_says_what_a_hit_saved(app: Called) -> None:
    """And that it was one: it is spent by nobody."""
    for _ in range(2):
        await asked(app, "a")
    rows: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        # The log follows the ledger.
        while len(rows) < 2:
            rows = (await app.http.get("/spend/logs")).json()
    hit, first = sorted(rows, key=lambda row: row["startTime"], reverse=True)
    assert (first["cache_hit"], hit["cache_hit"]) == (False, True)
    assert "saved_cache_cost" not in first["metadata"]
    assert float(hit["metadata"]["saved_cache_cost"]) == first["spend"] > hit["spend"] == 0


@pytest.mark.parametrize(
    ("library", "there"),
    [
        ({"cache": True}, "gateways"),
        ({"cache": True, "cache_params": {"type": "redis", "ttl": 9}}, "gateways"),
        ({"cache": True, "cache_params": {"host": "mine"}}, "mine"),
        ({"cache": True, "cache_params": {"type": "local"}}, "MemoryEntries"),
        ({"cache": False}, None),
        ({}, None),
    ],
)
def test_a_cache_in_redis_is_in_the_gateways(
    library: Any, there: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing else says where; nobody is asked yet."""
    for name in ("REDIS_URL", "REDIS_HOST", "REDIS_CLUSTER_NODES"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "c.json").write_text(json.dumps({"model_list": [], "litellm_settings": library}))
    url = f"sqlite:///{tmp_path / 'proxy.db'}"
    settings = Settings(config=tmp_path / "c.json", database_url=url, redis_url="redis://gateways:1/0")  # fmt: skip
    cache = create_app(settings).gateway.calls.cache
    assert (cache is None) is (there is None)
    assert there is None or there in repr(cache.store)
