"""Clients that people have, over a real socket: LangChain, curl; LiteLLM's SDK where it is installed beside."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openai
import pytest
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from llmkit._settlements import Settlements

from ._kit import MASTER, Served, gateway

LITELLM = os.environ.get("LLMKIT_LITELLM_PYTHON", "")
"""An interpreter that has LiteLLM: it is not installed with the other test clients."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One gateway for all."""
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def chat(served: Served, **said: Any) -> ChatOpenAI:
    """LangChain's model over the gateway."""
    base, key = f"{served.origin}/v1", MASTER
    return ChatOpenAI(model="fast", base_url=base, api_key=SecretStr(key), max_retries=0, **said)


def test_langchain_asks_and_streams(served: Served) -> None:
    """An answer with its usage, and the same in pieces."""
    model = chat(served, stream_usage=True)
    answer = model.invoke("Say hello.")
    assert answer.text
    assert answer.usage_metadata is not None
    pieces = list(model.stream("Say hello."))
    assert "".join(piece.text for piece in pieces)
    told = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
    assert told[-1]["output_tokens"] > 0


def test_langchain_binds_tools(served: Served) -> None:
    """A call of a tool, whole and streamed."""

    def weather(city: str) -> str:
        """How the weather is."""
        return city

    model = chat(served).bind_tools([weather], tool_choice="weather")
    assert model.invoke("Paris?").tool_calls[0]["name"] == "weather"
    pieces = [piece for piece in model.stream("Paris?") if piece.tool_call_chunks]  # type: ignore[attr-defined]
    assert pieces


def test_langchain_embeds(served: Served) -> None:
    """Texts as numbers; LangChain sends tokens unless told otherwise."""
    base, key = f"{served.origin}/v1", MASTER
    embeddings = OpenAIEmbeddings(
        model="openai/text-embedding-3-small",
        base_url=base,
        api_key=SecretStr(key),
        max_retries=0,
        check_embedding_ctx_length=False,
    )
    assert len(embeddings.embed_documents(["a", "b"])) == 2


def test_pydantic_ai_asks_for_an_object(served: Served) -> None:
    """An agent whose answer is a class; where pydantic-ai is installed."""
    pydantic_ai = pytest.importorskip("pydantic_ai")
    models = pytest.importorskip("pydantic_ai.models.openai")
    providers = pytest.importorskip("pydantic_ai.providers.openai")

    class City(BaseModel):
        name: str

    async def main() -> Any:
        async with openai.DefaultAsyncHttpxClient() as http:
            openais = openai.AsyncOpenAI(
                base_url=f"{served.origin}/v1", api_key=MASTER, http_client=http
            )
            provider = providers.OpenAIProvider(openai_client=openais)
            model = models.OpenAIChatModel("fast", provider=provider)
            return await pydantic_ai.Agent(model, output_type=City).run("The capital of France?")

    answer = asyncio.run(main())
    assert isinstance(answer.output, City)
    assert answer.usage.output_tokens > 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_asks_and_streams(served: Served) -> None:
    """As a page of documentation shows it; its settlements are all in the ledger."""
    before = len(served.gateway.store.perform(Settlements(10**6)))
    whole = json.loads(curl(served, {"model": "fast", "messages": hello()}))
    assert whole["object"] == "chat.completion"
    told = curl(served, {"model": "fast", "messages": hello(), "stream": True})
    assert told.startswith("data: {")
    assert told.endswith("data: [DONE]\n\n")
    settled = served.gateway.store.perform(Settlements(10**6))[before:]
    assert [one.outcome for one in settled] == ["completed"] * 2
    assert all(one.cost > Decimal(0) for one in settled)


def hello() -> list[dict[str, str]]:
    """A question."""
    return [{"role": "user", "content": "Say hello."}]


def curl(served: Served, fields: dict[str, Any]) -> str:
    """What curl prints; it fails where the status is no success."""
    done = subprocess.run(
        [
            *("curl", "-sSN", "--fail-with-body", f"{served.origin}/v1/chat/completions"),
            *("-H", f"Authorization: Bearer {MASTER}", "-H", "Content-Type: application/json"),
            *("-d", json.dumps(fields), "--max-time", "20"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


_OF_LITELLM = """
import sys, litellm
base, key = sys.argv[1:]
how = dict(model="litellm_proxy/fast", api_base=base, api_key=key, num_retries=0)
messages = [{"role": "user", "content": "Say hello."}]
answer = litellm.completion(messages=messages, metadata={"tags": ["x"]}, **how)
assert answer.choices[0].message.content and answer.usage.total_tokens
parts = [c.choices[0].delta.content or "" for c in litellm.completion(messages=messages, stream=True, **how)]
assert "".join(parts), parts
try:
    litellm.completion(messages=messages, **{**how, "api_key": "sk-" + "nobodys"})
except litellm.AuthenticationError:
    print("well")
"""


_OF_ITS_MANAGEMENT = """
import sys
from litellm.proxy.client import Client, UnauthorizedError
from litellm.proxy.client.health import HealthManagementClient
from litellm.proxy.client.teams import TeamsManagementClient
from litellm.proxy.client.users import NotFoundError, UsersManagementClient
base, master = sys.argv[1:]
client, users = Client(base, master), UsersManagementClient(base, master)
said = {"user_email": "ann@example.com", "user_role": "internal_user", "auto_create_key": False}
ann = users.create_user(said)["user_id"]
assert ann in [user["user_id"] for user in users.list_users({"page": 1})]
made = client.keys.generate(models=["fast"], duration="24h", key_alias="its own", user_id=ann)
key, token = made["key"], made["token"]
assert users.get_user(ann)["keys"][0]["token"] == token
assert users.get_user_v2(ann)["user_email"] == "ann@example.com"
assert client.keys.info(key)["info"]["models"] == ["fast"]
client.keys.update(key, models=["fast", "careful"])
listed = client.keys.list(page=1, size=5, user_id=ann, return_full_object=True, include_team_keys=True)
assert [(one["token"], one["models"]) for one in listed["keys"]] == [(token, ["fast", "careful"])]
chat, hello = Client(base, key).chat, [{"role": "user", "content": "Say hello."}]
assert chat.completions("fast", hello, temperature=0.5)["choices"][0]["message"]["content"]
assert [*chat.completions_stream("fast", hello)][-1]["choices"][0]["finish_reason"] == "stop"
assert client.http.request("GET", "/user/info", params={"user_id": ann})["user_info"]["spend"] > 0
client.models.new("extra", {"model": "openai/gpt-4o-mini", "api_key": "k"}, {"description": "one more"})
extra = client.models.get(model_name="extra")["model_info"]["id"]
client.models.update(extra, {"model": "openai/gpt-4o"})
assert client.models.get(model_id=extra)["litellm_params"]["model"] == "openai/gpt-4o"
assert "extra" in [group["model_group"] for group in client.model_groups.info()]
assert "extra" in [model["id"] for model in client.models.list()]
client.models.delete(extra)
red = client.http.request("POST", "/team/new", json={"team_alias": "red"})["team_id"]
teams = TeamsManagementClient(base, master)
assert red in [team["team_id"] for team in teams.list()]
assert red in [team["team_id"] for team in teams.list_v2()["teams"]]
assert HealthManagementClient(base).get_readiness()["status"] == "healthy"
assert client.keys.delete(key_aliases=["its own"])["deleted_keys"] == [token]
users.delete_user([ann])
try:
    Client(base, key).keys.list()
except UnauthorizedError:
    try:
        users.get_user(ann)
    except NotFoundError:
        print("well")
"""


@pytest.mark.skipif(not LITELLM, reason="LLMKIT_LITELLM_PYTHON names no interpreter")
@pytest.mark.parametrize("program", [_OF_LITELLM, _OF_ITS_MANAGEMENT], ids=["calls", "management"])
def test_litellm_is_served(served: Served, program: str) -> None:
    """LiteLLM's SDK, told that it is LiteLLM's proxy, and its client of the proxy's management; errors are its own."""
    done = subprocess.run(
        [LITELLM, "-c", program, served.origin, MASTER],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        # Its prices come with it: it need not ask for them.
        env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    assert done.stdout.strip().endswith("well"), done.stderr[-2000:]
