"""Vertex AI's addresses: which host, which version, whose project, which publisher."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit._calls import ResourceCall
from llmkit._http import Endpoint
from llmkit.errors import ConfigurationError
from llmkit.providers import Where
from llmkit.providers.vertex_ai import host

from ._flows import World

PROJECT = {"vertex_project": "p"}
GLOBAL = "https://aiplatform.googleapis.com"
SIM = "http://127.0.0.1:1"


def located(model: str, base: str | None = None, world: World | None = None, **given: Any) -> str:
    """The base URL of a call."""
    provider = providers.get("vertex_ai").family_of(model)
    where = Where(
        provider,
        model,
        "chat",
        base or provider.base_url,
        base is not None,
        given.get("options", PROJECT),
        given.get("environ", {}),
        {},
        given.get("query", {}),
    )
    assert provider.locate is not None
    return str((world or World()).run(provider.locate(where)).base_url)


@pytest.mark.parametrize(
    ("location", "wanted"),
    [
        ("global", GLOBAL),
        ("us-central1", "https://us-central1-aiplatform.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
    ],
)
def test_hosts(location: str, wanted: str) -> None:
    """A location has its host, the world and the two continents have theirs."""
    assert host(location) == wanted
    found = located("gemini-3-flash", options={**PROJECT, "vertex_location": location})
    assert found == f"{wanted}/v1beta1/projects/p/locations/{location}"


@pytest.mark.parametrize("location", ["evil.test/", "US", "", "-a", "a b"])
def test_no_location(location: str) -> None:
    """What is no location never becomes a host's name."""
    with pytest.raises(ConfigurationError, match="vertex_location"):
        host(location)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("gemini-3-flash", f"{GLOBAL}/v1beta1/projects/p/locations/global"),
        ("claude-sonnet-4-5@20250929", f"{GLOBAL}/v1/projects/p/locations/global"),
        ("meta/llama-4-maverick-17b-128e-instruct-maas", f"{GLOBAL}/v1/projects/p/locations/global/endpoints/openapi"),
        ("endpoints/123", f"{GLOBAL}/v1beta1/projects/p/locations/global"),
        ("projects/q/locations/us-east1/endpoints/1", "https://us-east1-aiplatform.googleapis.com/v1beta1"),
        ("123", f"{GLOBAL}/v1beta1/projects/p/locations/global"),
    ],
)  # fmt: skip
def test_models(model: str, wanted: str) -> None:
    """Each family of models is below its own place; a full name says project and location itself."""
    assert located(model) == wanted


@pytest.mark.parametrize(
    ("base", "options", "wanted"),
    [
        (SIM, PROJECT, f"{SIM}/v1beta1/projects/p/locations/global"),
        (f"{SIM}/v1/", PROJECT, f"{SIM}/v1/projects/p/locations/global"),
        (f"{SIM}/v1beta1", {"api_key": "k"}, f"{SIM}/v1beta1"),
        (f"{SIM}/v1/projects/x/locations/y", PROJECT, f"{SIM}/v1/projects/x/locations/y"),
        (SIM, {}, f"{SIM}/v1beta1"),
        (None, {"api_key": "k"}, f"{GLOBAL}/v1beta1"),
        (None, {"api_key": "k", **PROJECT}, f"{GLOBAL}/v1beta1/projects/p/locations/global"),
        (None, {**PROJECT, "api_version": "v1"}, f"{GLOBAL}/v1/projects/p/locations/global"),
    ],
)
def test_bases(base: str | None, options: dict[str, Any], wanted: str) -> None:
    """An address may end anywhere before the model; a key needs no project."""
    assert located("gemini-3-flash", base, options=options) == wanted


def test_environment() -> None:
    """Project and location are found under every name that Google's and LiteLLM's tools have for them."""
    environ = {"GOOGLE_CLOUD_PROJECT": "e", "GOOGLE_CLOUD_LOCATION": "us-east5"}
    found = located("claude-sonnet-4-5", options={}, environ=environ)
    assert found == "https://us-east5-aiplatform.googleapis.com/v1/projects/e/locations/us-east5"
    found = located("gemini-3-flash", options={}, environ={"VERTEX_API_KEY": "k"})
    assert found == f"{GLOBAL}/v1beta1"
    found = located("gemini-3-flash", options={}, environ={"GOOGLE_API_KEY": "k", **environ})
    assert found.endswith("/projects/e/locations/us-east5")


def test_project_of_the_credentials() -> None:
    """Where nobody names a project, it is that of the credentials."""
    info = {"type": "service_account", "project_id": "of-key"}
    found = located("gemini-3-flash", options={"vertex_credentials": info})
    assert found.endswith("/projects/of-key/locations/global")
    files = {"/h/.config/gcloud/application_default_credentials.json": json.dumps({
        "type": "authorized_user", "quota_project_id": "of-quota",
    }).encode()}  # fmt: skip
    found = located("gemini-3-flash", world=World(files=files), options={}, environ={"HOME": "/h"})
    assert found.endswith("/projects/of-quota/locations/global")


def test_no_project() -> None:
    """Without a project, the error says what to give."""
    for options in ({}, {"vertex_credentials": lambda: "token"}):
        with pytest.raises(ConfigurationError, match="vertex_project"):
            located("gemini-3-flash", options=options)


def test_project_is_one_segment() -> None:
    """What is called a project cannot leave its place in the path."""
    found = located("gemini-3-flash", options={"vertex_project": "../x", "api_key": "k"})
    assert "/projects/..%2Fx/" in found


@pytest.mark.parametrize(
    ("model", "place", "wanted"),
    [
        ("gemini-x", "/projects/p/locations/%3Cl%3E", "projects/p/locations/<l>/publishers/google/models/gemini-x"),
        ("gemini-x", "", "publishers/google/models/gemini-x"),
        ("projects/q/locations/l/endpoints/1", "/projects/p/locations/l", "projects/q/locations/l/endpoints/1"),
    ],
)  # fmt: skip
def test_caches_name_models_in_full(model: str, place: str, wanted: str) -> None:
    """A cache's model is named from its project on, where there is one; the cache itself by its last part."""
    wire = providers.get("vertex_ai").wire("caches")
    to = Endpoint(f"{GLOBAL}/v1beta1{place}")
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    made = wire.build(ResourceCall("c", "vertex_ai", model, "caches", "create", body=body), to)
    assert json.loads(made.body)["model"] == wanted
    assert made.url == f"{to.base_url}/cachedContents"
    name = "projects/7/locations/l/cachedContents/9"
    made = wire.build(ResourceCall("c", "vertex_ai", "", "caches", "delete", target=name), to)
    assert (made.method, made.url) == ("DELETE", f"{to.base_url}/cachedContents/9")


HERE = "projects/p/locations/global"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("123", f"v1beta1/{HERE}/endpoints/123:generateContent"),
        ("endpoints/123", f"v1beta1/{HERE}/endpoints/123:generateContent"),
        ("projects/q/locations/global/endpoints/1", "v1beta1/projects/q/locations/global/endpoints/1:generateContent"),
        ("publishers/google/models/x", f"v1beta1/{HERE}/publishers/google/models/x:generateContent"),
        ("meta/llama-4", f"v1/{HERE}/endpoints/openapi/chat/completions"),
        ("mistral-medium-3", f"v1/{HERE}/publishers/mistralai/models/mistral-medium-3:rawPredict"),
        ("claude-opus-4-6", f"v1/{HERE}/publishers/anthropic/models/claude-opus-4-6:rawPredict"),
    ],
)  # fmt: skip
def test_urls(model: str, path: str) -> None:
    """The whole address of a chat, for each kind of name."""
    client = llmkit.Client(environ={}, vertex_project="p")
    hi: Any = [{"role": "user", "content": "Hi"}]
    made = client.completion(f"vertex_ai/{model}", hi, dry_run=True)
    assert made.url == f"{GLOBAL}/{path}"


def test_addresses_in_messages() -> None:
    """Gemini reads what is public and what is in Cloud Storage by itself; Mistral's models read pictures."""
    provider = providers.get("vertex_ai")
    for model, url, reads in (
        ("gemini-x", "gs://a/b", True),
        ("gemini-x", "https://a.test/b", True),
        ("gemini-x", "ftp://a.test/b", False),
        ("mistral-medium-3", "https://a.test/b", True),
    ):
        chat = provider.family_of(model).chat
        assert chat is not None
        assert chat.reads_url(url) is reads


def test_structured_outputs_of_claude() -> None:
    """What is older than 4.6 has no structured outputs there: a tool stands in for them, and is listed."""
    client = llmkit.Client(environ={}, vertex_project="p")
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    hi: Any = [{"role": "user", "content": "Hi"}]
    for model, emulated in (("claude-sonnet-4-5", True), ("claude-opus-4-6", False)):
        made = client.completion(
            f"vertex_ai/{model}", hi, response_format=wanted, max_tokens=9, dry_run=True
        )
        assert ("response_format" in {c.parameter for c in made.ledger}) is emulated
        assert ("output_config" in made.body) is not emulated
