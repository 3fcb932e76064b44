from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmkit.testing import faults

from .._kit import called
from ._known import Known


@pytest.mark.asyncio
async def test_probes_ask_for_no_key(tmp_path: Path) -> None:
    """An orchestrator has none."""
    async with called(tmp_path, None) as app:
        for path in ("/health/liveliness", "/health/liveness", "/health/readiness", "/"):
            assert (await app.http.get(path)).status_code == 200, path


@pytest.mark.asyncio
async def test_not_ready_without_a_database(tmp_path: Path) -> None:
    """Who cannot reach its database gets no requests; why is not said to strangers."""
    async with called(tmp_path, None) as app:

        class Gone:
            def connect(self) -> Any:
                raise ConnectionError("postgresql://user:secret@inside")

        ready = (await app.http.get("/health/readiness")).json()
        engine, app.gateway.database.engine = app.gateway.database.engine, Gone()  # type: ignore[assignment]
        answer = await app.http.get("/health/readiness")
        app.gateway.database.engine = engine
    assert (ready["status"], ready["db"], ready["ledger"]) == ("healthy", "connected", "connected")
    assert answer.status_code == 503
    assert answer.json()["db"] == "unreachable"
    assert "secret" not in answer.text


@pytest.mark.asyncio
async def test_health_asks_deployments_once(tmp_path: Path) -> None:
    """It costs something: administrators see it, and not anew each second."""
    async with called(tmp_path, "root") as app:
        app.gateway.bearers = Known()
        refused = await app.http.get("/health", headers={"authorization": "Bearer ann"})
        first = (await app.http.get("/health", params={"model": "fast"})).json()
        again = (await app.http.get("/health", params={"model": "fast"})).json()
        named = first["healthy_endpoints"][0]["model_id"]
        chosen = (await app.http.get("/health", params={"model_id": named})).json()
        unknown = await app.http.get("/health", params={"model_id": "nobody's"})
        asked = len(app.simulator.requests)
        nowhere = await app.http.get("/health", params={"model": "nobody's"})
    assert refused.status_code == 403
    assert (first["healthy_count"], first["unhealthy_count"]) == (1, 0)
    assert first["healthy_endpoints"][0]["model_name"] == "fast"
    assert again == chosen == first
    assert unknown.status_code == 404
    assert asked == 1
    assert nowhere.status_code == 404


@pytest.mark.asyncio
async def test_an_ill_deployment_is_named(tmp_path: Path) -> None:
    """What it failed with is there, and no key is."""
    async with called(tmp_path, "vera") as app:
        app.gateway.bearers = Known()
        app.simulator.fail_always(faults.Status(401))
        answer = await app.http.get("/health", params={"model": "careful"})
    [ill] = answer.json()["unhealthy_endpoints"]
    assert ill["error"]
    assert "sk-" not in answer.text


@pytest.mark.asyncio
async def test_routes(tmp_path: Path) -> None:
    """Every path is listed to whoever has a key."""
    async with called(tmp_path, "ann") as app:
        app.gateway.bearers = Known()
        answer = await app.http.get("/routes")
        refused = await app.http.get("/routes", headers={"authorization": ""})
    paths = {one["path"]: one["methods"] for one in answer.json()["routes"]}
    assert "GET" in paths["/health/readiness"]
    assert {"/metrics", "/key/generate", "/v1/chat/completions", "/global/spend"} <= paths.keys()
    assert refused.status_code == 401
