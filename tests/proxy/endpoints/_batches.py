"""Two workers over one database, with OpenAI's files and batches behind them, whose end a test says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from llmkit._secret import Secret
from llmkit._settlements import SettlementsAfter
from llmkit.budget import Budget
from llmkit.proxy.app import Proxy, create_app
from llmkit.proxy.auth.keys import token_of
from llmkit.proxy.data.models import Kept, Team
from llmkit.proxy.settings import Settings
from llmkit.testing import Raw, scripted

from .._kit import MASTER, shown
from ._keys import new_key

__all__ = ["PRICE", "World", "a_world", "calls", "cost", "result"]

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
        rows = self.gateway.store.perform(SettlementsAfter(0, 1000)).rows
        return [settlement for _, settlement in rows if settlement.kind == "batch"]

    def kept(self, batch: str) -> Mapping[str, Any]:
        """What is noted of its money."""

        def work(session: Any) -> Any:
            return session.scalar(select(Kept.money).where(Kept.kept_id == batch))

        found: Mapping[str, Any] = self.gateway.database.read_sync(work)
        return found


@asynccontextmanager
async def a_world(tmp_path: Path, **said: Any) -> AsyncIterator[World]:
    """Two workers, and somebody's key; ``said``: settings."""
    provider = Provider()
    settings = _settings(tmp_path, said)
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


def _settings(tmp_path: Path, said: Mapping[str, Any]) -> Settings:
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
    usual: dict[str, Any] = {
        "database_url": f"sqlite:///{tmp_path / 'proxy.db'}",
        "master_key": Secret(MASTER),
        "transport": "httpx",
        "config": tmp_path / "config.json",
    }
    return Settings(**{**usual, **said})


def cost(*used: tuple[int, int]) -> Decimal:
    """What calls cost at a batch's prices."""
    return sum((p * PRICE[0] + a * PRICE[1] for p, a in used), Decimal(0))
