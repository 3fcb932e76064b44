"""Vertex AI's addresses: which host, which version, whose project, which publisher."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit import providers
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
