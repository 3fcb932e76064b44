"""Calls through the public client: Azure and Vertex AI as the simulator speaks them, tokens from a loopback server."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

import llmkit
from llmkit.testing import Simulator, scripted

from ._issuer import Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGES: list[Any] = [{"role": "user", "content": "Say hello."}]
DATED = "2025-01-01-preview"
CLIENT = {"tenant_id": "t", "client_id": "c", "client_secret": "the-client-" + "secret"}
KEY = "azure-" + "key-1234"


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    """One simulator for all."""
    with Simulator() as running:
        yield running


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A token server."""
    with Issuer() as running:
        yield running


def both(client: llmkit.Client, model: str, **params: Any) -> tuple[Any, Any]:
    """A whole answer in sync code, and a stream's in async code."""

    async def ask() -> Any:
        stream = await client.acompletion(model, MESSAGES, stream=True, **params)
        async for _ in stream:
            pass
        await client.aclose()
        return stream.response

    answer = client.completion(model, MESSAGES, **params)
    return answer, asyncio.run(ask())


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"api_version": DATED}, f"/openai/deployments/gpt-4o/chat/completions?api-version={DATED}"),
        ({}, "/openai/v1/chat/completions"),
        ({"api_version": "preview"}, "/openai/v1/chat/completions?api-version=preview"),
    ],
)  # fmt: skip
def test_azure(sim: Simulator, options: dict[str, str], path: str) -> None:
    """Both forms of Azure's API answer, with what its filter saw, in whole answers and in streams."""
    client = llmkit.Client(environ={}, base_url=sim.base_url_for("azure"), api_key=KEY, **options)
    answer, streamed = both(client, "azure/gpt-4o")
    assert [r.path for r in sim.requests[-2:]] == [path, path]
    assert sim.requests[-1].headers["api-key"] == KEY
    assert answer.text == streamed.text
    assert "Say hello." in answer.text
    for made in (answer, streamed):
        assert made["prompt_filter_results"][0]["prompt_index"] == 0
        assert made.choices[0]["content_filter_results"]["hate"] == {
            "filtered": False,
            "severity": "safe",
        }


def test_azure_from_environment(sim: Simulator) -> None:
    """The environment's names of Azure's own tools are enough."""
    environ = {
        "AZURE_OPENAI_ENDPOINT": sim.base_url_for("azure"),
        "AZURE_OPENAI_API_KEY": KEY,
        "OPENAI_API_VERSION": DATED,
    }
    answer = llmkit.Client(environ=environ).completion("azure/gpt-4o", MESSAGES)
    assert answer.call.key_source == "AZURE_OPENAI_API_KEY"
    assert f"api-version={DATED}" in sim.requests[-1].path


def test_no_address(sim: Simulator) -> None:
    """What the environment has for an address has to be one."""
    client = llmkit.Client(environ={"AZURE_API_BASE": "acme.openai.azure.com"}, api_key=KEY)
    with pytest.raises(llmkit.ConfigurationError, match="http"):
        client.completion("azure/gpt-4o", MESSAGES)


def test_azure_ai(sim: Simulator) -> None:
    """Model inference and Claude have their own paths at one resource."""
    client = llmkit.Client(environ={}, base_url=sim.base_url_for("azure_ai"), api_key=KEY)
    both(client, "azure_ai/grok-4")
    assert sim.requests[-1].path == "/models/chat/completions?api-version=2024-05-01-preview"
    both(client, "azure_ai/claude-sonnet-4-5")
    assert sim.requests[-1].path == "/anthropic/v1/messages"
    assert sim.requests[-1].headers["x-api-key"] == KEY


def test_claude_at_azure(sim: Simulator) -> None:
    """Messages go to Claude's own API as they are, and prompts are counted beside it."""
    client = llmkit.Client(environ={}, base_url=sim.base_url_for("azure_ai"), api_key=KEY)
    made = client.messages("azure_ai/claude-sonnet-4-5", MESSAGES, max_tokens=50)
    assert made.type == "message"
    assert sim.requests[-1].path == "/anthropic/v1/messages"
    assert client.count_tokens("azure_ai/claude-sonnet-4-5", MESSAGES).input_tokens > 0
    assert sim.requests[-1].path == "/anthropic/v1/messages/count_tokens"


def test_azure_refuses(sim: Simulator) -> None:
    """Azure's own refusals have their classes."""
    client = llmkit.Client(environ={}, base_url=sim.base_url_for("azure"), num_retries=0)
    with pytest.raises(llmkit.AuthenticationError, match="invalid subscription key"):
        client.completion("azure/gpt-4o", MESSAGES, api_key="invalid-" + "key-1234")
    with pytest.raises(llmkit.NotFoundError, match="deployment") as caught:
        client.completion("azure/missing-model", MESSAGES, api_key=KEY, api_version=DATED)
    assert caught.value.code == "DeploymentNotFound"


def test_entra(sim: Simulator, issuer: Issuer) -> None:
    """A client's secret is exchanged once for many calls, in both colours; neither it nor the token shows."""
    environ = {"AZURE_AUTHORITY_HOST": issuer.origin}
    client = llmkit.Client(environ=environ, base_url=sim.base_url_for("azure"), **CLIENT)
    answer, _ = both(client, "azure/gpt-4o")
    client.completion("azure/gpt-4o", MESSAGES)
    assert [path for path, _ in issuer.asked] == ["/t/oauth2/v2.0/token"]
    assert sim.requests[-1].headers["authorization"] == "Bearer granted-1"
    assert "api-key" not in sim.requests[-1].headers
    assert "granted-1" not in repr(answer.call)
    assert CLIENT["client_secret"] not in repr(client)


def test_entra_at_once(sim: Simulator, issuer: Issuer) -> None:
    """Many calls at once wait for one exchange."""
    environ = {"AZURE_AUTHORITY_HOST": issuer.origin}
    client = llmkit.Client(environ=environ, base_url=sim.base_url_for("azure"), **CLIENT)
    threads = [
        threading.Thread(target=client.completion, args=("azure/gpt-4o", MESSAGES))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(issuer.asked) == 1


def test_entra_refuses(sim: Simulator) -> None:
    """A refused exchange is the call's error; nothing went to the model."""
    before = len(sim.requests)
    with Issuer(401) as issuer:
        environ = {"AZURE_AUTHORITY_HOST": issuer.origin}
        client = llmkit.Client(environ=environ, base_url=sim.base_url_for("azure"), **CLIENT)
        with pytest.raises(llmkit.AuthenticationError, match="AADSTS7000215") as caught:
            client.completion("azure/gpt-4o", MESSAGES)
    assert CLIENT["client_secret"] not in str(caught.value)
    assert len(sim.requests) == before


def test_token_provider(sim: Simulator) -> None:
    """A function gives tokens, in async code a coroutine function, too."""

    async def token() -> str:
        return "from-coroutine"

    client = llmkit.Client(environ={}, base_url=sim.base_url_for("azure"))
    client.completion("azure/gpt-4o", MESSAGES, azure_ad_token_provider=lambda: "from-function")
    assert sim.requests[-1].headers["authorization"] == "Bearer from-function"

    async def ask() -> None:
        await client.acompletion("azure/gpt-4o", MESSAGES, azure_ad_token_provider=token)
        await client.aclose()

    asyncio.run(ask())
    assert sim.requests[-1].headers["authorization"] == "Bearer from-coroutine"


PLACE = "/v1beta1/projects/p/locations/us-east5"
CLAUDE = "claude-haiku-4-5@20251001"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3.5-flash", f"{PLACE}/publishers/google/models/gemini-3.5-flash:{{}}"),
        (CLAUDE, f"{PLACE}/publishers/anthropic/models/{CLAUDE}:{{}}"),
        ("meta/llama-4-maverick", f"{PLACE}/endpoints/openapi/chat/completions"),
        ("mistral-medium-3", f"{PLACE}/publishers/mistralai/models/mistral-medium-3:{{}}"),
        ("mistralai/codestral-2", f"{PLACE}/publishers/mistralai/models/codestral-2:{{}}"),
    ],
)
def test_vertex(sim: Simulator, issuer: Issuer, model: str, path: str) -> None:
    """Each family of models answers in its own form, with one token for all."""
    client = llmkit.Client(
        environ={"GCE_METADATA_HOST": issuer.host},
        base_url=sim.base_url_for("vertex_ai"),
        vertex_project="p",
        vertex_location="us-east5",
    )
    answer, streamed = both(client, f"vertex_ai/{model}")
    methods = ("rawPredict", "streamRawPredict") if "gemini" not in model else (
        "generateContent", "streamGenerateContent?alt=sse"
    )  # fmt: skip
    assert [r.path for r in sim.requests[-2:]] == [path.format(method) for method in methods]
    assert answer.text == streamed.text
    assert "Say hello." in answer.text
    assert len(issuer.asked) == 1
    assert sim.requests[-1].headers["authorization"] == "Bearer granted-1"


def test_vertex_express(sim: Simulator) -> None:
    """A key needs no project."""
    client = llmkit.Client(environ={}, base_url=sim.base_url_for("vertex_ai"), api_key=KEY)
    both(client, "vertex/gemini-3.5-flash")
    request = sim.requests[-1]
    assert request.path.startswith("/v1beta1/publishers/google/models/gemini-3.5-flash:")
    assert request.headers["x-goog-api-key"] == KEY


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-3.5-flash", "publishers/google/models/gemini-3.5-flash:countTokens"),
        ("claude-haiku-4-5", "publishers/anthropic/models/count-tokens:rawPredict"),
    ],
)
def test_counting_on_vertex(sim: Simulator, model: str, path: str) -> None:
    """Prompts are counted where the model's publisher has it, in both colours."""
    client = llmkit.Client(environ={}, base_url=sim.base_url_for("vertex_ai"), api_key=KEY)
    made = client.count_tokens(f"vertex_ai/{model}", MESSAGES)

    async def ask() -> Any:
        again = await client.acount_tokens(f"vertex_ai/{model}", MESSAGES)
        await client.aclose()
        return again

    assert made.input_tokens == asyncio.run(ask()).input_tokens > 0
    assert sim.requests[-1].path == f"/v1beta1/{path}"


def test_claude_on_vertex_is_written_there(sim: Simulator) -> None:
    """Version and betas are in the body, the model is not."""
    client = llmkit.Client(environ={}, base_url=sim.base_url_for("vertex_ai"), api_key=KEY)
    extra = {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}
    client.completion("vertex_ai/claude-sonnet-4-5", MESSAGES, extra_body=extra)
    sent = sim.requests[-1].json()
    assert sent["anthropic_version"] == "vertex-2023-10-16"
    assert sent["anthropic_beta"] == ["context-management-2025-06-27"]
    assert "model" not in sent
    assert "anthropic-beta" not in sim.requests[-1].headers
    assert "anthropic-version" not in sim.requests[-1].headers


def test_service_account(sim: Simulator, issuer: Issuer, tmp_path: Any) -> None:
    """A service account's file is read, its key signs, and its project is the call's."""
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    info = {
        "type": "service_account",
        "project_id": "of-the-key",
        "private_key": pem.decode(),
        "client_email": "a@b.test",
        "token_uri": f"{issuer.origin}/token",
    }
    path = tmp_path / "key.json"
    path.write_text(json.dumps(info))
    client = llmkit.Client(
        environ={"GOOGLE_APPLICATION_CREDENTIALS": str(path)},
        base_url=sim.base_url_for("vertex_ai"),
    )
    both(client, "vertex_ai/gemini-3.5-flash")
    assert "/projects/of-the-key/locations/global/" in sim.requests[-1].path
    assert [path for path, _ in issuer.asked] == ["/token"]
    assert pem.decode() not in repr(client)


def test_scripted() -> None:
    """A script answers every form, without a credential."""
    client = llmkit.Client(environ={"VERTEXAI_PROJECT": "p"}, base_url="https://somewhere.example")
    for model in (
        "azure/gpt-4o",
        "azure_ai/claude-sonnet-4-5",
        "vertex_ai/gemini-3.5-flash",
        f"vertex_ai/{CLAUDE}",
    ):
        with scripted("Hello", "Hello"):
            answer, streamed = both(client, model)
        assert (answer.text, streamed.text) == ("Hello", "Hello")


# --- prices ----------------------------------------------------------------------------------------


def test_prices_go_by_the_model(sim: Simulator) -> None:
    """A deployment's name has no price: the model that the call names has one."""
    client = llmkit.Client(environ={}, base_url=sim.base_url_for("azure"), api_key=KEY)
    own = client.completion("azure/my-own-name", MESSAGES)
    assert own.cost.total is None
    assert own.cost.reason is not None
    assert "azure/my-own-name" in own.cost.reason
    named = client.completion("azure/my-own-name", MESSAGES, base_model="openai/gpt-4o")
    assert named.cost.total is not None
    assert named.cost.total > 0
    assert named.call.model == "my-own-name"
    dry = client.completion(
        "azure/my-own-name", MESSAGES, base_model="openai/gpt-4o", max_tokens=5, dry_run=True
    )
    assert dry.bound.total is not None
