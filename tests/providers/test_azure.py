"""Azure's addresses: which form, which path, which version."""

from __future__ import annotations

from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit.errors import ConfigurationError
from llmkit.providers import Where
from llmkit.providers.azure import place

from ._flows import World

ROOT = "https://acme.openai.azure.com"
DATED = "2025-01-01-preview"


def located(name: str, model: str, base: str | None, **given: Any) -> tuple[str, dict[str, str]]:
    """Base URL and query of a call."""
    provider = providers.get(name).family_of(model)
    where = Where(
        provider,
        model,
        given.get("kind", "chat"),
        base,
        True,
        given.get("options", {}),
        given.get("environ", {}),
        {},
        given.get("query", {}),
    )
    assert provider.locate is not None
    found = World().run(provider.locate(where))
    return found.base_url, dict(found.query)


@pytest.mark.parametrize(
    ("base", "kind", "version", "wanted"),
    [
        (ROOT, "chat", DATED, (f"{ROOT}/openai/deployments/d", DATED)),
        (f"{ROOT}/", "chat", DATED, (f"{ROOT}/openai/deployments/d", DATED)),
        (f"{ROOT}/openai", "embedding", DATED, (f"{ROOT}/openai/deployments/d", DATED)),
        (f"{ROOT}//openai/", "chat", DATED, (f"{ROOT}/openai/deployments/d", DATED)),
        (f"{ROOT}/openai/deployments/x", "chat", DATED, (f"{ROOT}/openai/deployments/x", DATED)),
        (f"{ROOT}/openai/deployments/x", "chat", None, (f"{ROOT}/openai/deployments/x", "2024-10-21")),
        (f"{ROOT}/openai/deployments/x", "files", DATED, (f"{ROOT}/openai", DATED)),
        (ROOT, "responses", DATED, (f"{ROOT}/openai", DATED)),
        (ROOT, "batches", DATED, (f"{ROOT}/openai", DATED)),
        (ROOT, "speech", DATED, (f"{ROOT}/openai/deployments/d", DATED)),
        (ROOT, "chat", None, (f"{ROOT}/openai/v1", None)),
        (ROOT, "responses", "v1", (f"{ROOT}/openai/v1", None)),
        (ROOT, "chat", "preview", (f"{ROOT}/openai/v1", "preview")),
        (ROOT, "chat", "latest", (f"{ROOT}/openai/v1", "preview")),
        (f"{ROOT}/openai/v1/", "chat", None, (f"{ROOT}/openai/v1", None)),
        (f"{ROOT}/openai/v1", "chat", DATED, (f"{ROOT}/openai/v1", None)),
        ("https://gate.test/ai", "chat", DATED, ("https://gate.test/ai/openai/deployments/d", DATED)),
    ],
)  # fmt: skip
def test_place(base: str, kind: str, version: str | None, wanted: tuple[str, str | None]) -> None:
    """Each form of a resource's address leads to the path and the version that its API has."""
    found = place(base, kind, "d", version)
    assert (found.base_url, found.version) == wanted


def test_deployment_is_one_segment() -> None:
    """A deployment's name cannot leave its place in the path."""
    found = place(ROOT, "chat", "../x y/z", DATED)
    assert found.base_url == f"{ROOT}/openai/deployments/..%2Fx%20y%2Fz"


def test_environment_has_versions() -> None:
    """The environment's version holds where the call has none, but not at an address that is v1."""
    environ = {"OPENAI_API_VERSION": DATED}
    dated = located("azure", "d", ROOT, environ=environ)
    assert dated == (f"{ROOT}/openai/deployments/d", {"api-version": DATED})
    undated = located("azure", "d", f"{ROOT}/openai/v1", environ=environ)
    assert undated == (f"{ROOT}/openai/v1", {})


def test_call_goes_before_environment() -> None:
    """The call's version goes before the environment's."""
    found = located(
        "azure", "d", ROOT, environ={"AZURE_API_VERSION": DATED}, query={"api-version": "v1"}
    )
    assert found == (f"{ROOT}/openai/v1", {})


def test_query_of_the_base_is_kept() -> None:
    """An address that was copied with its version says the version; what else it has is kept."""
    found = located("azure", "d", f"{ROOT}/openai?api-version={DATED}&team=a", query={"b": "c"})
    wanted = {"api-version": DATED, "team": "a", "b": "c"}
    assert found == (f"{ROOT}/openai/deployments/d", wanted)


def test_no_resource() -> None:
    """Without an address, the error says what to give."""
    with pytest.raises(ConfigurationError, match="AZURE_OPENAI_ENDPOINT"):
        located("azure", "d", None)
    with pytest.raises(ConfigurationError, match="AZURE_AI_API_BASE"):
        located("azure_ai", "d", None)


INFERENCE = "https://acme.services.ai.azure.com"


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        (INFERENCE, f"{INFERENCE}/models"),
        (f"{INFERENCE}/models/", f"{INFERENCE}/models"),
        ("https://phi.eastus.models.ai.azure.com", "https://phi.eastus.models.ai.azure.com"),
        ("https://phi.eastus.models.ai.azure.com/v1", "https://phi.eastus.models.ai.azure.com/v1"),
    ],
)
def test_model_inference(base: str, wanted: str) -> None:
    """A resource's models are below /models; a model deployed alone has a host of its own."""
    assert located("azure_ai", "phi-4", base) == (wanted, {"api-version": "2024-05-01-preview"})


def test_model_inference_versions() -> None:
    """The call's version holds; the undated form has none."""
    query = {"api-version": DATED}
    assert located("azure_ai", "phi-4", INFERENCE, query=query)[1] == query
    undated = located("azure_ai", "phi-4", f"{INFERENCE}/openai/v1")
    assert undated == (f"{INFERENCE}/openai/v1", {})


@pytest.mark.parametrize("base", [INFERENCE, f"{INFERENCE}/models", f"{INFERENCE}/anthropic"])
def test_claude(base: str) -> None:
    """Claude has a path of its own, and no version in the query."""
    found = located("azure_ai", "claude-sonnet-4-5", base, query={"api-version": DATED})
    assert found == (f"{INFERENCE}/anthropic", {})


def test_claude_by_resource() -> None:
    """A resource that is only named is an address, too."""
    environ = {"ANTHROPIC_FOUNDRY_RESOURCE": "acme"}
    found = located("azure_ai", "claude-sonnet-4-5", None, environ=environ)
    assert found == (f"{INFERENCE}/anthropic", {})


@pytest.mark.parametrize(
    ("deployment", "renamed"),
    [
        ("gpt-5-mini", True),
        ("my-o4-mini", True),
        ("gpt5", True),
        ("gpt-4o", False),
        ("foo1", False),
    ],
)
def test_reasoning_deployments(deployment: str, *, renamed: bool) -> None:
    """What is called as a reasoning model gets the newer name of the limit, which those demand."""
    chat: Any = providers.get("azure").family_of(deployment).chat
    assert ("max_tokens" in chat.renamed) is renamed


def test_offers() -> None:
    """What is OpenAI's is offered, but for moderation, which the content filter does by itself."""
    offered = set(providers.get("azure").calls)
    assert {"embedding", "files"} <= offered
    assert not offered & {"moderation", "rerank"}


def test_embeddings_of_other_makers_models() -> None:
    """The model inference API has them, with what the texts are."""
    with llmkit.Client(environ={}, api_key="made-up-key", base_url=INFERENCE) as client:
        made = client.dry_run(
            "embedding", model="azure_ai/embed-v-4-0", input=["a"], input_type="query"
        )
    assert made.url == f"{INFERENCE}/models/embeddings?api-version=2024-05-01-preview"
    assert made.body == {"model": "embed-v-4-0", "input": ["a"], "input_type": "query"}


def test_openai_ranks_nothing() -> None:
    """A form that only other hosts have is not offered by OpenAI."""
    assert "rerank" not in providers.get("openai").calls
    assert "rerank" in providers.get("openai_like").calls
