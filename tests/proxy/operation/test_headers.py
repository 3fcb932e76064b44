from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmkit import Budget, RateLimit
from llmkit._call import Attempt, CallInfo
from llmkit.proxy.operation.headers import all_of, of_answer, of_subject
from llmkit.proxy.settings import Settings
from llmkit.proxy.subject import ADMINISTRATOR

from .._kit import called
from ._known import ANN

ASKED: Any = SimpleNamespace(settings=Settings(litellm_headers=True))


def info(**changes: Any) -> CallInfo:
    """What happened to a call."""
    return CallInfo("call_1", "openai", "gpt-4o-mini", group="fast", deployment="d1", **changes)


@pytest.mark.asyncio
async def test_nothing_where_nobody_asks(tmp_path: Path) -> None:
    """By default an answer has no headers of these, and no store is asked."""
    async with called(tmp_path) as app:
        assert await all_of(app.gateway, ANN, info()) == {}


def test_of_an_answer() -> None:
    """Who answered, what it cost, and how often it was tried, under LiteLLM's names."""
    tried = [
        Attempt(1, "openai", "gpt-4o", 0.0, 0.1, "APIStatusError 500", deployment="d0"),
        Attempt(2, "openai", "gpt-4o-mini", 0.0, 0.1, "APIStatusError 500", deployment="d1"),
        Attempt(3, "openai", "gpt-4o-mini", 0.0, 0.2, deployment="d1"),
    ]
    cost: Any = SimpleNamespace(total=Decimal("0.000012"))
    said = of_answer(ASKED, info(attempts=tried), cost)
    assert said["x-litellm-call-id"] == "call_1"
    assert said["x-litellm-model-id"] == "d1"
    assert said["x-litellm-model-group"] == "fast"
    assert said["x-litellm-response-cost"] == "0.000012"
    assert said["x-litellm-attempted-retries"] == "1"
    assert said["x-litellm-attempted-fallbacks"] == "1"


def test_an_unknown_cost_is_not_said() -> None:
    """It is not 0."""
    cost: Any = SimpleNamespace(total=None)
    assert "x-litellm-response-cost" not in of_answer(ASKED, info(), cost)


def test_names_end_no_line() -> None:
    """A model's name with a line's end in it makes no header of its own."""
    said = of_answer(ASKED, CallInfo("call_1", group="a\r\nset-cookie: b=é" + "x" * 999))
    assert said["x-litellm-model-group"].startswith("a??set-cookie: b=?x")
    assert len(said["x-litellm-model-group"]) == 256


@pytest.mark.asyncio
async def test_of_a_key(tmp_path: Path) -> None:
    """The tightest limits, what the key may spend and has spent; the master key has none."""
    async with called(tmp_path, litellm_headers=True) as app:
        budget = app.gateway.budget
        await budget.aset_budget(RateLimit(requests=5, tokens=100, scope={"key": ANN.key}))
        await budget.aset_budget(RateLimit(requests=50, scope={"team": "red"}))
        await budget.aset_budget(Budget("2.5", scope={"key": ANN.key}))
        await budget.aupdate_spend("0.5", key=ANN.key, team="red")
        said = await of_subject(app.gateway, ANN)
        assert await of_subject(app.gateway, ADMINISTRATOR) == {}
    assert said["x-ratelimit-limit-requests"] == "5"
    assert int(said["x-ratelimit-remaining-requests"]) in {4, 5}
    assert said["x-ratelimit-remaining-tokens"] == "100"
    assert said["x-litellm-key-spend"] == "0.5"
    assert said["x-litellm-key-max-budget"] == "2.5"
    assert said["x-litellm-key-rpm-limit"] == "5"


@pytest.mark.asyncio
async def test_on_answers(tmp_path: Path) -> None:
    """They stand on answers to calls, streamed ones too, and on no others; without the setting on none."""
    body = {"model": "fast", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    async with called(tmp_path, litellm_headers=True) as app:
        made = await app.http.post("/key/generate", json={"rpm_limit": 9})
        key = {"authorization": f"Bearer {made.json()['key']}"}
        answer = await app.http.post("/v1/chat/completions", json=body, headers=key)
        stream = {**body, "stream": True}
        streamed = await app.http.post("/v1/chat/completions", json=stream, headers=key)
    assert not [name for name in made.headers if name.startswith("x-litellm")]
    assert answer.headers["x-litellm-model-group"] == "fast"
    assert Decimal(answer.headers["x-litellm-response-cost"]) > 0
    assert float(answer.headers["x-litellm-response-duration-ms"]) > 0
    assert answer.headers["x-ratelimit-limit-requests"] == "9"
    assert int(streamed.headers["x-ratelimit-remaining-requests"]) < 9
    assert "x-litellm-response-cost" not in streamed.headers
