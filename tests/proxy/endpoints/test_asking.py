"""Whose calls are, what they may ask for, and what is noted of them: through the whole gateway, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from llmkit._settlements import Settlement, Settlements
from llmkit.budget import RateLimit
from llmkit.proxy.auth.keys import token_of
from llmkit.proxy.data.contents import contents_of

from .._kit import Called, called, shown
from ..auth._kit import new_key

ASK: dict[str, Any] = {
    "model": "fast",
    "messages": [{"role": "user", "content": "Say hello."}],
    "max_tokens": 20,
}
CHAT = "/v1/chat/completions"


def within(path: Path, work: Callable[[Called], Awaitable[None]], **said: Any) -> None:
    """Do this with a gateway."""

    async def body() -> None:
        async with called(path, **said) as gateway:
            await work(gateway)

    asyncio.run(body())


async def ask(one: Called, key: str, path: str = CHAT, **more: Any) -> httpx.Response:
    """Ask with a key."""
    headers = {**shown(key), **more.pop("headers", {})}
    return await one.http.post(path, json={**ASK, **more}, headers=headers)


def latest(one: Called) -> Settlement:
    """The last settlement."""
    found: tuple[Settlement, ...] = one.gateway.store.perform(Settlements(1))
    return found[-1]


def test_whose_a_call_is(tmp_path: Path) -> None:
    """The key's, whatever the body says; what it says besides is noted, and not sent to the provider."""
    forged = {"user_api_key_hash": "f", "team_id": "red", "proxy": {"key": "f"}, "job": 7}

    async def work(one: Called) -> None:
        key = new_key(one.gateway.database, user_id="ann", tags=["k"], key_alias="mine")
        answer = await ask(
            one,
            key,
            user="eve",
            metadata=forged,
            headers={"x-litellm-tags": "t", "x-request-id": "r1"},
        )
        assert answer.status_code == 200
        noted = latest(one).metadata
        assert list(noted) == ["proxy"]
        assert noted["proxy"] == {
            "http_id": "r1",
            "key": token_of(key),
            "key_alias": "mine",
            "user": "ann",
            "team": "",
            "organisation": "",
            "end_user": "eve",
            "session": None,
            "tags": ["k", "t"],
            "ip": "127.0.0.1",
            "group": "fast",
            "call_type": "acompletion",
            "metadata": forged,
        }
        sent = one.simulator.requests[-1].json()
        assert "metadata" not in sent
        assert sent["user"] == "eve"
        await ask(one, key, metadata={"job": "7"}, store=True)
        assert one.simulator.requests[-1].json()["metadata"] == {"job": "7"}

    within(tmp_path, work)


def test_limits_are_the_keys(tmp_path: Path) -> None:
    """A key's limit holds for it alone, also where the body names somebody else."""

    async def work(one: Called) -> None:
        key, other = (new_key(one.gateway.database) for _ in range(2))
        await one.gateway.budget.aset_budget(RateLimit(requests=1, scope={"key": token_of(key)}))
        assert (await ask(one, key)).status_code == 200
        refused = await ask(one, key, metadata={"user_api_key_hash": token_of(other)})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        assert (await ask(one, key, "/v1/messages")).json()["error"]["type"] == "rate_limit_error"
        assert (await ask(one, other)).status_code == 200

    within(tmp_path, work)


def test_models_that_are_not_the_keys(tmp_path: Path) -> None:
    """By whatever way they are named: the body, the address, a fallback, a front."""

    async def work(one: Called) -> None:
        key = new_key(one.gateway.database, models=["fast"])
        refused = [
            await ask(one, key, model="careful"),
            await ask(one, key, "/engines/careful/chat/completions"),
            await ask(one, key, "/openai/deployments/careful/chat/completions"),
            await ask(one, key, fallbacks=["careful"]),
            await ask(one, key, "/v1/messages", model="careful"),
            await ask(one, key, "/v1/responses", model="careful"),
            await ask(one, key, "/v1beta/models/careful:generateContent"),
            await ask(one, key, "/v1/messages/count_tokens", model="careful"),
        ]
        assert [one.status_code for one in refused] == [403] * len(refused)
        assert refused[0].json()["error"]["type"] == "key_model_access_denied"
        assert not one.simulator.requests
        assert (await ask(one, key)).status_code == 200

    within(tmp_path, work)


def test_somebody_elses_file(tmp_path: Path) -> None:
    """A model would tell what is in it; escaping a letter of the field's name does not help."""

    async def work(one: Called) -> None:
        key = new_key(one.gateway.database)
        part = {"type": "file", "file": {"file_id": "file-of-another"}}
        answer = await ask(one, key, messages=[{"role": "user", "content": [part]}])
        assert answer.status_code == 404
        body = answer.request.content.replace(b"file_id", b"file\\u005fid")
        again = await one.http.post(CHAT, content=body, headers=shown(key))
        assert again.status_code == 404
        assert not one.simulator.requests

    within(tmp_path, work)


def test_what_a_caller_may_set(tmp_path: Path) -> None:
    """Nobody is asked at an address that a caller chose, and no header of theirs goes along."""

    async def work(one: Called) -> None:
        key = new_key(one.gateway.database)
        for path in (CHAT, "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/completions"):
            answer = await ask(one, key, path, base_url="http://127.0.0.1:1")
            assert answer.status_code == 400
            assert "base_url" in answer.json()["error"]["message"]
        await ask(one, key, headers={"x-evil": "1", "cookie": "a=b"})
        sent = one.simulator.requests[-1].headers
        assert "x-evil" not in sent
        assert "cookie" not in sent
        assert key not in str(sent)
        unknown = await ask(one, key, a_field_of_one_provider=True)
        assert unknown.status_code == 400  # the simulator's word, as OpenAI's
        got = await one.http.get(CHAT, headers=shown(key))
        assert (got.status_code, got.headers["allow"]) == (405, "POST")
        assert got.json()["error"]["code"] == "405"

    within(tmp_path, work)


def test_headers_and_contents(tmp_path: Path) -> None:
    """LiteLLM's headers and what was said, both where the operator asked for that."""

    async def work(one: Called) -> None:
        key = new_key(one.gateway.database)
        for stream in (False, True):
            answer = await ask(one, key, stream=stream)
            call_id = answer.headers["x-litellm-call-id"]
            assert answer.headers["x-litellm-model-group"] == "fast"
            assert latest(one).call_id == call_id
            kept = one.gateway.database.run_sync(partial(contents_of, ids=[call_id]))
            assert kept[call_id]["messages"] == ASK["messages"]
            assert kept[call_id]["response"]["choices"][0]["message"]["content"]

    within(tmp_path, work, litellm_headers=True, log_content=True)
