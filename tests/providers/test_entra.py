"""Azure's credentials: which one is shown, what is asked of whom for a token, how long it is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmkit._http import HTTPRequest, HTTPResponse
from llmkit._secret import Secret
from llmkit.errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    MissingKeyError,
)
from llmkit.providers._entra import Entra

from ._flows import World, form, query

CLIENT = {"tenant_id": "t-1", "client_id": "c-1", "client_secret": Secret("shh" + "-secret")}
CLIENT_ENV = {f"AZURE_{name.upper()}": "from-environment" for name in CLIENT}
SCOPE = "https://cognitiveservices.azure.com/.default"


def granting(**fields: Any) -> World:
    """A world whose token servers give this."""
    told = {"token_type": "Bearer", "access_token": "granted", "expires_in": 3600, **fields}
    return World(lambda request: HTTPResponse(200, body=json.dumps(told).encode()))


def shown(world: World, entra: Entra | None = None, **who: Any) -> dict[str, str]:
    """The headers that a request gets."""
    flow = (entra or Entra()).authorize(
        HTTPRequest("POST", "https://a.test"), world.identity(**who)
    )
    return dict(world.run(flow).headers)


@pytest.mark.parametrize(
    ("who", "wanted"),
    [
        ({"secret": "k"}, {"api-key": "k"}),
        ({"secret": "k", "options": {"azure_ad_token": Secret("t")}}, {"authorization": "Bearer t"}),
        ({"secret": "k", "options": {"azure_ad_token_provider": lambda: "p"}}, {"authorization": "Bearer p"}),
        ({"secret": "k", "options": {"api_key": "k", **CLIENT}}, {"api-key": "k"}),
        ({"secret": "k", "options": CLIENT}, {"authorization": "Bearer granted"}),
        ({"secret": "k", "environ": {"AZURE_AD_TOKEN": "e", **CLIENT_ENV}}, {"api-key": "k"}),
        ({"environ": {"AZURE_AD_TOKEN": "e", **CLIENT_ENV}}, {"authorization": "Bearer e"}),
        ({"environ": CLIENT_ENV}, {"authorization": "Bearer granted"}),
    ],
)  # fmt: skip
def test_order(who: dict[str, Any], wanted: dict[str, str]) -> None:
    """What the call says goes before the environment; a token before a key, a key before an exchange."""
    assert shown(granting(), **who) == wanted


@pytest.mark.parametrize("name", ["Authorization", "api-key"])
def test_callers_own_header(name: str) -> None:
    """A credential that the caller put on stays, and nothing is asked."""
    world = granting()
    request = HTTPRequest("POST", "https://a.test", {name: "mine"})
    made = world.run(Entra().authorize(request, world.identity(options=CLIENT)))
    assert made.headers == {name: "mine"}
    assert not world.sent


def test_claude_has_two_headers() -> None:
    """A key may have to be in several headers."""
    assert shown(World(), Entra(keys=("x-api-key", "api-key")), secret="k") == {
        "x-api-key": "k",
        "api-key": "k",
    }


def test_client_credentials() -> None:
    """A client's secret is exchanged at its tenant's address, for the service's scope."""
    world = granting()
    shown(world, options=CLIENT)
    (request,) = world.sent
    assert request.method == "POST"
    assert request.url == "https://login.microsoftonline.com/t-1/oauth2/v2.0/token"
    assert form(request) == {
        "grant_type": "client_credentials",
        "client_id": "c-1",
        "client_secret": "shh" + "-secret",
        "scope": SCOPE,
    }
    assert {secret.reveal() for secret in world.shown} == {"shh" + "-secret", "granted"}


def test_scope_and_authority() -> None:
    """Another cloud has its own authority, and a service its own scope."""
    world = granting()
    environ = {"AZURE_AUTHORITY_HOST": "login.microsoftonline.us/"}
    shown(world, options={**CLIENT, "azure_scope": "https://s.test/.default"}, environ=environ)
    (request,) = world.sent
    assert request.url.startswith("https://login.microsoftonline.us/t-1/")
    assert form(request)["scope"] == "https://s.test/.default"


def test_token_is_kept() -> None:
    """A token is asked for once, and again when its time is over."""
    world = granting()
    for _ in range(3):
        shown(world, options=CLIENT)
    assert len(world.sent) == 1
    world.now += 3601
    shown(world, options=CLIENT)
    assert len(world.sent) == 2


def test_tokens_are_kept_apart() -> None:
    """Another secret, tenant or scope has a token of its own."""
    world = granting()
    for other in (
        {},
        {"client_secret": Secret("other")},
        {"tenant_id": "t-2"},
        {"azure_scope": "s"},
    ):
        shown(world, options={**CLIENT, **other})
    assert len(world.sent) == 4


def test_expiry_as_texts() -> None:
    """App Service writes its numbers as texts, and the end as a moment."""
    world = granting(expires_in=None, expires_on=str(int(World().now) + 100))
    shown(world, options=CLIENT)
    world.now += 101
    shown(world, options=CLIENT)
    assert len(world.sent) == 2


def test_workload_identity() -> None:
    """A cluster's token, read anew each time, is the client's proof."""
    environ = {
        "AZURE_FEDERATED_TOKEN_FILE": "/var/token",
        "AZURE_TENANT_ID": "t-1",
        "AZURE_CLIENT_ID": "c-1",
    }
    world = granting()
    world.files = {"/var/token": b"cluster-token\n"}
    assert shown(world, environ=environ) == {"authorization": "Bearer granted"}
    sent = form(world.sent[0])
    assert sent["client_assertion"] == "cluster-token"
    assert sent["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in sent
    world.files = {}
    world.now += 4000
    with pytest.raises(ConfigurationError, match="AZURE_FEDERATED_TOKEN_FILE"):
        shown(world, environ=environ)


def test_app_service_identity() -> None:
    """An app's own identity is asked for where the app is told to, with the header it is told."""
    world = granting()
    environ = {
        "IDENTITY_ENDPOINT": "http://localhost:1/msi/token",
        "IDENTITY_HEADER": "head" + "er",
        "AZURE_CLIENT_ID": "c-9",
    }
    shown(world, environ=environ)
    (request,) = world.sent
    assert request.url.startswith("http://localhost:1/msi/token?")
    assert request.headers["x-identity-header"] == "header"
    assert query(request) == {
        "api-version": "2019-08-01",
        "resource": "https://cognitiveservices.azure.com",
        "client_id": "c-9",
    }


def test_machine_identity() -> None:
    """A machine's own identity is asked for only where the environment says that it has one."""
    world = granting()
    shown(world, environ={"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"})
    (request,) = world.sent
    assert request.url.startswith("http://169.254.169.254/metadata/identity/oauth2/token?")
    assert request.headers["metadata"] == "true"
    assert query(request)["api-version"] == "2018-02-01"


def test_nothing_at_all() -> None:
    """Without any credential nothing is asked, and the error names the ways."""
    world = granting()
    with pytest.raises(MissingKeyError, match="azure_ad_token_provider"):
        shown(world)
    assert not world.sent


def test_incomplete_client() -> None:
    """An exchange that lacks something says what."""
    with pytest.raises(ConfigurationError, match="tenant_id, client_secret"):
        shown(granting(), options={"client_id": "c"})


@pytest.mark.parametrize(
    ("options", "environ", "message"),
    [
        ({**CLIENT, "tenant_id": "../x"}, {}, "tenant"),
        (CLIENT, {"AZURE_AUTHORITY_HOST": "http://evil.test"}, "https"),
        ({"azure_ad_token_provider": "text"}, {}, "function"),
    ],
)
def test_impossible(options: dict[str, Any], environ: dict[str, str], message: str) -> None:
    """What cannot be is refused before a secret leaves."""
    world = granting()
    with pytest.raises(ConfigurationError, match=message):
        shown(world, options=options, environ=environ)
    assert not world.sent


def test_refused() -> None:
    """A wrong secret is an authentication error with Entra's own words, and without the secret."""
    told = {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: Invalid client secret provided.",
        "error_codes": [7000215],
    }
    world = World(lambda request: HTTPResponse(401, body=json.dumps(told).encode()))
    with pytest.raises(AuthenticationError, match="AADSTS7000215") as caught:
        shown(world, options=CLIENT)
    assert "shh" not in str(caught.value)


def test_out_of_order() -> None:
    """A token server that is out of order can be asked again; nothing of the call was sent."""
    world = World(lambda request: HTTPResponse(503, body=b"busy"))
    with pytest.raises(APIConnectionError) as caught:
        shown(world, options=CLIENT)
    assert caught.value.retryable
    assert caught.value.sent == "no"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"access_token": 7}'])
def test_no_token(body: bytes) -> None:
    """An answer without a token is an error of its own, not a KeyError."""
    with pytest.raises(AuthenticationError, match="without a token"):
        shown(World(lambda request: HTTPResponse(200, body=body)), options=CLIENT)


@pytest.mark.parametrize("token", [None, "", 7, "two\nlines"])
def test_provider_gives_no_token(token: Any) -> None:
    """What a caller's function gives must be a text that a header can carry."""
    with pytest.raises(AuthenticationError, match="no text"):
        shown(World(), options={"azure_ad_token_provider": lambda: token})
