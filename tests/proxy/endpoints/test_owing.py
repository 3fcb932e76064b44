"""What batches cost: held before they are made, settled once when it is known, for their maker, whoever looks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from llmkit._secret import Secret
from llmkit.budget import Budget
from llmkit.proxy.app import Proxy, create_app
from llmkit.proxy.auth.keys import token_of
from llmkit.proxy.data.models import Kept, Request, Team
from llmkit.proxy.data.requests import RequestLog
from llmkit.proxy.settings import Settings
from llmkit.testing import Raw, scripted

from .._kit import MASTER, shown
from ._keys import new_key

ASKED = [{"role": "user", "content": "Hi"}]
PRICE = Decimal("0.075") / 10**6, Decimal("0.3") / 10**6
"""Of gpt-4o-mini, for a token of a batch's prompts and answers: half of 0.15 and 0.6."""


@dataclass
class Provider:
    """OpenAI's files and batches, whose end the test says."""

    status: str = "in_progress"
    results: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refuses: int = 0
    made: int = 0

    def __call__(self, request: Any) -> Any:
        path = request.path.partition("/v1")[2]
        self.asked.append(f"{request.method} {path}")
        if path == "/files":
            self.made += 1
            told = {"id": f"file-{self.made}", "object": "file", "purpose": "batch", "bytes": 1}
            return Raw({**told, "created_at": 1, "filename": "calls.jsonl"})
        if path.endswith("/content"):
            return Raw("\n".join(map(json.dumps, self.results)))
        if path == "/batches" and self.refuses:
            return Raw({"error": {"message": "no"}}, status=self.refuses)
        if path == "/batches":
            self.made += 1
            return Raw(self._batch(f"batch_{self.made}", "validating"))
        return Raw(self._batch(path.split("/")[2], self.status))

    def _batch(self, name: str, status: str) -> dict[str, Any]:
        output = "file-output" if self.results and status != "in_progress" else None
        counts = {"total": 2, "completed": len(self.results), "failed": 0}
        told = {"id": name, "object": "batch", "endpoint": "/v1/chat/completions", "created_at": 1}
        ids = {"input_file_id": "file-1", "output_file_id": output, "error_file_id": None}
        return {**told, **ids, "status": status, "request_counts": counts}


def result(place: int, prompt: int, answer: int, model: str = "gpt-4o-mini-2024-07-18") -> Any:
    """A line of results."""
    usage = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    body = {"id": "x", "object": "chat.completion", "model": model, "usage": usage}
    said = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    response = {"status_code": 200, "body": {**body, "choices": [said]}}
    return {"custom_id": str(place), "response": response, "error": None}


def calls(*models: str, url: str = "/v1/chat/completions", **body: Any) -> bytes:
    """A file of calls, one for each model."""
    lines = [
        {"custom_id": str(n), "url": url, "body": {"model": m, "messages": ASKED, **body}}
        for n, m in enumerate(models)
    ]
    return "\n".join(map(json.dumps, lines)).encode()


@dataclass
class World:
    """Two workers over one database, with a provider behind them."""

    apps: list[Proxy]
    https: list[httpx.AsyncClient]
    provider: Provider
    key: str

    @property
    def gateway(self) -> Any:
        return self.apps[0].gateway

    async def file(self, content: bytes) -> str:
        answer = await self.https[0].post(
            "/v1/files", data={"purpose": "batch"}, files={"file": ("calls.jsonl", content)}
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def create(self, file: str, endpoint: str = "/v1/chat/completions") -> httpx.Response:
        said = {"input_file_id": file, "endpoint": endpoint, "completion_window": "24h"}
        return await self.https[0].post("/v1/batches", json=said)

    async def batch(self, content: bytes) -> str:
        answer = await self.create(await self.file(content))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def look(self, batch: str, worker: int = 0) -> httpx.Response:
        return await self.https[worker].get(f"/v1/batches/{batch}")

    def limits(self, usd: Any, **scope: str) -> None:
        """Set the key's budget."""
        found = scope or {"key": token_of(self.key)}
        self.gateway.budget.set_budget(Budget(usd, scope=found))

    def standing(self, **scope: str) -> tuple[Any, Any]:
        """(spent, held) of the key."""
        whose: Any = scope or {"key": token_of(self.key)}
        (one,) = [x for x in self.gateway.budget.check_budget(**whose).limits if x.measure == "usd"]
        return one.spent, one.held

    def logged(self) -> list[Any]:
        """What the ledger has of batches."""
        from llmkit._operations import SettlementsAfter

        rows = self.gateway.store.perform(SettlementsAfter(0, 1000)).rows
        return [settlement for _, settlement in rows if settlement.kind == "batch"]

    def kept(self, batch: str) -> Mapping[str, Any]:
        """What is noted of its money."""

        def work(session: Any) -> Any:
            return session.scalar(select(Kept.money).where(Kept.kept_id == batch))

        found: Mapping[str, Any] = self.gateway.database.read_sync(work)
        return found


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two workers, and somebody's key."""
    async with _world(tmp_path) as made:
        yield made


@asynccontextmanager
async def _world(tmp_path: Path) -> AsyncIterator[World]:
    provider = Provider()
    settings = _settings(tmp_path)
    with scripted(otherwise=provider):
        async with create_app(settings) as one, create_app(settings) as two:
            now = datetime.now(UTC).replace(tzinfo=None)
            times = {"created_at": now, "updated_at": now}
            one.gateway.database.run_sync(lambda s: s.add(Team(team_id="red", **times)))
            key = new_key(one, user_id="ann", team_id="red")  # type: ignore[arg-type]
            clients = [_client(app, key) for app in (one, two)]
            async with clients[0], clients[1]:
                yield World([one, two], clients, provider, key)


def _client(app: Proxy, key: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=shown(key))


def _settings(tmp_path: Path) -> Settings:
    key = {"api_key": "sk-" + "upstream"}
    own = {"input_cost_per_token_batches": 1e-3, "output_cost_per_token_batches": 2e-3}
    models = {
        "fast": {"model": "openai/gpt-4o-mini", **key},
        "careful": {"model": "openai/gpt-4o", **key},
        "contract": {"model": "openai/gpt-4.1-nano", **key, **own},
        "strange": {"model": "openai/nobody-knows", **key},
    }
    listed = [{"model_name": name, "litellm_params": params} for name, params in models.items()]
    (tmp_path / "config.json").write_text(json.dumps({"model_list": listed}))
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'proxy.db'}",
        master_key=Secret(MASTER),
        transport="httpx",
        config=tmp_path / "config.json",
    )


def cost(*used: tuple[int, int]) -> Decimal:
    """What calls cost at a batch's prices."""
    return sum((p * PRICE[0] + a * PRICE[1] for p, a in used), Decimal(0))


@pytest.mark.asyncio
async def test_a_batch_is_held_then_settled_once(world: World) -> None:
    """Whoever looks, and however often; it stands under key, user and team, and in the request log."""
    world.limits("0.01")
    for whose in ({"user": "ann"}, {"team": "red"}):
        world.limits(1, **whose)
    batch = await world.batch(calls("fast", "fast", max_tokens=100))
    spent, held = world.standing()
    assert spent == 0
    assert 2 * 100 * 2 * PRICE[1] < held < Decimal("0.001")
    assert (await world.look(batch)).json()["status"] == "in_progress"
    assert world.standing() == (0, held)
    world.provider.status = "completed"
    world.provider.results = [result(0, 10, 20), result(1, 30, 40)]
    looks = await asyncio.gather(*(world.look(batch, worker) for worker in (0, 1, 0, 1)))
    assert {look.json()["status"] for look in looks} == {"completed"}
    known = cost((10, 20), (30, 40))
    assert world.standing() == (known, 0)
    assert world.standing(user="ann") == world.standing(team="red") == (known, 0)
    (settlement,) = world.logged()
    assert settlement.cost == known
    assert (settlement.prompt_tokens, settlement.completion_tokens) == (40, 60)
    asked = len(world.provider.asked)
    await world.look(batch, 1)
    assert len(world.provider.asked) == asked + 1, "its results are read once"
    log = RequestLog(world.gateway.store, world.gateway.database)
    while log.step():
        pass
    rows = world.gateway.database.read_sync(
        lambda s: s.scalars(select(Request).where(Request.call_type == "batch")).all()
    )
    assert [(r.spend, r.user, r.team_id, r.model_group) for r in rows] == [
        (known, "ann", "red", "fast")
    ]
    usage = world.gateway.budget.get_usage({"team": "red"}, group_by="model")
    assert usage.usd == known


@pytest.mark.asyncio
async def test_what_does_not_fit_is_not_made(world: World) -> None:
    """A batch that could cost more than is left, or of which nobody knows what it can cost."""
    world.limits("0.0001")
    large = await world.file(calls("fast", max_tokens=10_000))
    unknown = await world.file(calls("strange", max_tokens=1))
    searching = await world.file(calls("fast", max_tokens=1, future_field=1))
    for file, status, code in (
        (large, 429, "budget_exceeded"),
        (unknown, 400, "unbounded_cost"),
        (searching, 400, "unbounded_cost"),
    ):
        refused = await world.create(file)
        assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert world.standing() == (0, 0)
    assert "POST /batches" not in world.provider.asked
    assert (await world.create(await world.file(calls("fast", max_tokens=10)))).status_code == 200


@pytest.mark.asyncio
async def test_several_together_never_pass_the_limit(world: World) -> None:
    """What is held counts."""
    world.limits("0.0001")
    file = await world.file(calls("fast", max_tokens=50))
    answers = await asyncio.gather(*(world.create(file) for _ in range(8)))
    made = [answer.status_code for answer in answers].count(200)
    assert {answer.status_code for answer in answers} == {200, 429}
    _, held = world.standing()
    assert held <= Decimal("0.0001")
    assert made == world.provider.asked.count("POST /batches")


@pytest.mark.asyncio
@pytest.mark.parametrize("status", ["failed", "expired", "cancelled"])
async def test_what_came_to_nothing_costs_nothing(world: World, status: str) -> None:
    """And what was answered before it ended is paid for."""
    world.limits(1)
    first, second = [await world.batch(calls("fast", max_tokens=50)) for _ in range(2)]
    world.provider.status = status
    await world.look(first)
    _, held = world.standing()
    assert held > 0
    world.provider.results = [result(0, 3, 4)] if status != "failed" else []
    await world.look(second)
    assert world.standing() == (cost((3, 4)) if world.provider.results else 0, 0)


@pytest.mark.asyncio
async def test_a_refused_batch_holds_nothing(world: World) -> None:
    """One that may have been made all the same does, until it is spend."""
    world.limits(1)
    file = await world.file(calls("fast", max_tokens=50))
    world.provider.refuses = 400
    assert (await world.create(file)).status_code == 400
    assert world.standing() == (0, 0)
    world.provider.refuses = 504
    assert (await world.create(file)).status_code == 504
    spent, held = world.standing()
    assert spent == 0
    assert held > 0


@pytest.mark.asyncio
async def test_models_have_holds_of_their_own(world: World) -> None:
    """With the prices that are declared for them."""
    world.limits(50)
    batch = await world.batch(calls("fast", "contract", max_tokens=50))
    world.provider.status = "completed"
    world.provider.results = [result(0, 10, 20), result(1, 2, 3, "gpt-4.1-nano-2025-04-14")]
    await world.look(batch)
    declared = 2 * Decimal("0.001") + 3 * Decimal("0.002")
    assert world.standing() == (cost((10, 20)) + declared, 0)
    assert {one.model: one.cost for one in world.logged()} == {
        "gpt-4o-mini": cost((10, 20)),
        "gpt-4.1-nano": declared,
    }


@pytest.mark.asyncio
async def test_an_unknown_cost_takes_all_that_is_held(world: World) -> None:
    """Nobody knows what it was; unknown is not 0."""
    world.limits(1)
    batch = await world.batch(calls("fast", max_tokens=50))
    _, held = world.standing()
    world.provider.status = "completed"
    world.provider.results = [result(0, 10, 20)]
    del world.provider.results[0]["response"]["body"]["usage"]
    await world.look(batch)
    assert world.standing() == (held, 0)
    assert [one.cost for one in world.logged()] == [None]


@pytest.mark.asyncio
async def test_results_that_cannot_be_read_leave_it_held(world: World) -> None:
    """The batch is told all the same, and the next look settles it."""
    world.limits(1)
    batch = await world.batch(calls("fast", max_tokens=50))
    _, held = world.standing()
    world.provider.status, good = "completed", [result(0, 1, 1)]
    world.provider.results = ["nonsense"]  # type: ignore[list-item]
    assert (await world.look(batch)).json()["status"] == "completed"
    assert world.standing() == (0, held)
    world.provider.results = good
    assert (await world.https[0].get("/v1/batches")).json()["data"][0]["id"] == batch
    assert world.standing() == (cost((1, 1)), 0)


@pytest.mark.asyncio
async def test_a_hold_that_became_spend_is_corrected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody looked for longer than its lease."""
    monkeypatch.setattr("llmkit.proxy.endpoints.owing._LEASE", 1)
    world.limits(1)
    batch = await world.batch(calls("fast", max_tokens=50))
    await asyncio.sleep(0.01)
    from llmkit._operations import Sweep

    world.gateway.store.perform(Sweep(8))
    spent, held = world.standing()
    assert spent > cost((10, 20))
    assert held == 0
    world.provider.status, world.provider.results = "completed", [result(0, 10, 20)]
    await world.look(batch, 1)
    assert world.standing() == (cost((10, 20)), 0)


@pytest.mark.asyncio
async def test_limits_by_the_minute_are_not_a_batchs(world: World) -> None:
    """Neither its requests nor its tokens, and it takes no place among those that run."""
    from llmkit.budget import RateLimit

    scope = {"key": token_of(world.key)}
    world.gateway.budget.set_budget(RateLimit(requests=3, tokens=1000, parallel=1, scope=scope))
    batch = await world.batch(calls("fast", "fast", "fast", "fast", max_tokens=5000))
    limits = world.gateway.budget.check_budget(**scope).limits
    used = {x.measure: x.used for x in limits if x.limit is not None}
    # The call that makes the batch counts as any.
    assert (used["requests"], used["parallel"]) == (1, 0)
    assert (before := used["tokens"]) < 200
    world.provider.status, world.provider.results = "completed", [result(0, 900, 900)]
    await world.look(batch)
    limits = world.gateway.budget.check_budget(**scope).limits
    assert {x.measure: x.used for x in limits if x.limit is not None}["tokens"] == before


@pytest.mark.asyncio
async def test_a_batch_is_what_its_lines_say(world: World) -> None:
    """A file of embeddings is no batch of chats: what it costs at most was worked out by its lines."""
    world.limits(1)
    file = await world.file(calls("fast", url="/v1/embeddings"))
    refused = await world.create(file)
    assert refused.status_code == 400
    assert "endpoint" in refused.json()["error"]["message"]
    assert "POST /batches" not in world.provider.asked
