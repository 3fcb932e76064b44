"""The app as a whole: it begins, answers, ends."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from llmkit.proxy.app import create_app
from llmkit.testing import Simulator

from ._kit import MASTER, called, gateway, settings_of, shown


def test_over_a_socket(tmp_path: Path) -> None:
    """What is nowhere is said to be so, with the request's id."""
    with gateway(tmp_path) as served, served.client() as client:
        found = client.get("/nowhere", headers={"x-request-id": "mine"})
    assert found.status_code == 404
    assert found.headers["x-request-id"] == "mine"
    assert set(found.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.asyncio
async def test_called(tmp_path: Path) -> None:
    """The app is one of another server's, too."""
    async with called(tmp_path) as app:
        found = await app.http.get("/nowhere")
    assert found.status_code == 404
    assert len(found.headers["x-request-id"]) == 32


@pytest.mark.asyncio
async def test_calls_reach_the_simulator(tmp_path: Path) -> None:
    """The router's calls are held and settled in the store."""
    async with called(tmp_path) as app:
        answer = await app.gateway.calls.acompletion("fast", [{"role": "user", "content": "Hi"}])
        usage = await app.gateway.budget.aget_usage("global")
    assert answer.choices[0].message.content
    assert app.simulator.requests[0].path == "/v1/chat/completions"
    assert usage is not None


@pytest.mark.asyncio
async def test_the_usual_limit_is_not_the_master_keys(tmp_path: Path) -> None:
    """A key has so many requests a minute; the master key has no such limit, and is no key of a provider's."""
    ask = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
    async with called(tmp_path, requests_a_minute=1) as app:
        made = (await app.http.post("/key/generate", json={})).json()["key"]
        mine = [await app.http.post("/v1/chat/completions", json=ask) for _ in range(3)]
        theirs = [
            await app.http.post("/v1/chat/completions", json=ask, headers=shown(made))
            for _ in range(2)
        ]
    assert [answer.status_code for answer in mine] == [200, 200, 200]
    assert [answer.status_code for answer in theirs] == [200, 429]


@pytest.mark.asyncio
async def test_it_begins_with_the_first_request(tmp_path: Path) -> None:
    """Mounted where nobody tells it of a start, it opens by itself."""
    async with called(tmp_path) as app:
        transport = httpx.ASGITransport(app.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://g") as http:
            assert (await http.get("/nowhere")).status_code == 404


@pytest.mark.asyncio
async def test_mounted_below_a_path(tmp_path: Path) -> None:
    """Whoever has an app of their own gives the gateway a corner of it: models, keys and management answer there."""
    with Simulator() as simulator:
        proxy = create_app(settings_of(simulator, tmp_path))
        async with proxy:
            transport = httpx.ASGITransport(Starlette(routes=[Mount("/llm", proxy)]))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://g/llm", headers=shown(MASTER)
            ) as http:
                asked = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}]}
                chat = await http.post("/v1/chat/completions", json=asked)
                keys = await http.get("/key/list")
                nobody = await http.get("/key/list", headers=shown("sk-" + "unknown"))
    assert (chat.status_code, keys.status_code, nobody.status_code) == (200, 200, 401), chat.text
