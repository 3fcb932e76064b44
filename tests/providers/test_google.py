"""Google's credentials: where they are looked for, what is asked of whom for a token, how long it is kept."""

from __future__ import annotations

import base64
import json
import sys
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
from llmkit.providers._google import Google, Source, express, source_of

from ._flows import NOW, World, form, query

USER = {
    "type": "authorized_user",
    "client_id": "c",
    "client_secret": "sec" + "ret",
    "refresh_token": "re" + "fresh",
    "quota_project_id": "q-1",
}
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
STS = "https://sts.googleapis.com/v1/token"
IMPERSONATE = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.test:generateAccessToken"


def granting(**fields: Any) -> World:
    """A world whose token servers give a token."""
    told = {"access_token": "granted", "expires_in": 3599, "token_type": "Bearer", **fields}
    return World(lambda request: HTTPResponse(200, body=json.dumps(told).encode()))


def shown(world: World, **who: Any) -> dict[str, str]:
    """The headers that a request gets."""
    flow = Google().authorize(HTTPRequest("POST", "https://a.test"), world.identity(**who))
    return dict(world.run(flow).headers)


def with_info(info: dict[str, Any]) -> dict[str, Any]:
    """A caller with these credentials."""
    return {"options": {"vertex_credentials": info}}


@pytest.mark.parametrize(
    ("options", "environ", "wanted"),
    [
        ({"api_key": "k"}, {}, True),
        ({"api_key": "k"}, {"GOOGLE_CLOUD_PROJECT": "p"}, True),
        ({}, {}, True),
        ({}, {"GOOGLE_CLOUD_PROJECT": "p"}, False),
        ({"vertex_project": "p"}, {}, False),
        ({"vertex_credentials": {}, "vertex_project": ""}, {}, True),
        ({"vertex_credentials": "x.json"}, {}, False),
    ],
)
def test_express(options: dict[str, Any], environ: dict[str, str], *, wanted: bool) -> None:
    """A key that the call gives is meant; the environment's only where nothing names a project."""
    assert express(options, environ) is wanted


def test_keys_and_tokens() -> None:
    """A key has a header of its own; what begins as an access token is one."""
    assert shown(World(), secret="k") == {"x-goog-api-key": "k"}
    assert shown(World(), secret="ya29." + "abc") == {"authorization": "Bearer ya29.abc"}


def test_callers_own_header() -> None:
    """A credential that the caller put on stays, and nothing is asked."""
    world = granting()
    request = HTTPRequest("POST", "https://a.test", {"Authorization": "mine"})
    made = world.run(Google().authorize(request, world.identity(**with_info(USER))))
    assert made.headers == {"Authorization": "mine"}
    assert not world.sent


ADC = "GOOGLE_APPLICATION_CREDENTIALS"


def known(path: str) -> Source:
    """A file that nobody named."""
    return Source(path=path, sure=False, said=path)


@pytest.mark.parametrize(
    ("options", "environ", "wanted"),
    [
        ({"vertex_credentials": {"type": "x"}}, {}, Source(text=Secret('{"type":"x"}'))),
        ({"vertex_credentials": Secret(' {"type":"x"}')}, {}, Source(text=Secret(' {"type":"x"}'))),
        ({"vertex_credentials": "a.json"}, {}, Source(path="a.json")),
        ({}, {ADC: "b.json"}, Source(path="b.json", said=ADC)),
        ({}, {ADC: '{"a":1}'}, Source(text=Secret('{"a":1}'), said=ADC)),
        (
            {},
            {"CLOUDSDK_CONFIG": "/c"},
            known("/c/application_default_credentials.json"),
        ),
        (
            {},
            {"HOME": "/h"},
            known("/h/.config/gcloud/application_default_credentials.json"),
        ),
        (
            {},
            {"APPDATA": "C:", "HOME": "/h"},
            known("C:/gcloud/application_default_credentials.json"),
        ),
        ({}, {}, None),
    ],
)
def test_sources(options: dict[str, Any], environ: dict[str, str], wanted: Source | None) -> None:
    """Credentials are the call's, the environment's, or those of Google's own tools."""
    assert source_of(options, environ) == wanted


def test_person() -> None:
    """A person's refresh token is exchanged; whose quota is used, is said."""
    world = granting()
    world.files = {"/adc.json": json.dumps(USER).encode()}
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": "/adc.json"}
    assert shown(world, environ=environ) == {
        "authorization": "Bearer granted",
        "x-goog-user-project": "q-1",
    }
    (request,) = world.sent
    assert request.url == "https://oauth2.googleapis.com/token"
    assert form(request) == {
        "grant_type": "refresh_token",
        "client_id": "c",
        "client_secret": "sec" + "ret",
        "refresh_token": "re" + "fresh",
    }
    assert "granted" in {secret.reveal() for secret in world.shown}


def test_token_is_kept() -> None:
    """A token is asked for once, and again when its time is over; the file is read only then."""
    world = granting()
    world.files = {"/adc.json": json.dumps(USER).encode()}
    environ = {"GOOGLE_APPLICATION_CREDENTIALS": "/adc.json"}
    for _ in range(3):
        shown(world, environ=environ)
    assert len(world.sent) == len(world.read) == 1
    world.now += 3600
    shown(world, environ=environ)
    assert len(world.sent) == len(world.read) == 2


def test_tokens_are_kept_apart() -> None:
    """Other credentials have a token of their own."""
    world = granting()
    for client in ("c", "d", "c"):
        shown(world, **with_info({**USER, "client_id": client}))
    assert len(world.sent) == 2


def test_function() -> None:
    """A caller's function is asked each time."""
    tokens = iter(["one", Secret("two")])
    for wanted in ("Bearer one", "Bearer two"):
        options = {"vertex_credentials": lambda: next(tokens)}
        assert shown(World(), options=options) == {"authorization": wanted}
    with pytest.raises(AuthenticationError, match="no token"):
        shown(World(), options={"vertex_credentials": lambda: None})


def test_machine() -> None:
    """Where nothing else is, the metadata server is asked, and not for long."""
    world = granting()
    world.files = {}
    environ = {"HOME": "/h", "GCE_METADATA_HOST": "127.0.0.1:1"}
    assert shown(world, environ=environ) == {"authorization": "Bearer granted"}
    (request,) = world.sent
    path = "http://127.0.0.1:1/computeMetadata/v1/instance/service-accounts/default/token?"
    assert request.url.startswith(path)
    assert request.headers == {"metadata-flavor": "Google"}
    assert query(request) == {"scopes": CLOUD}
    assert world.deadlines[0].connect == 2.0


def nobody(request: HTTPRequest) -> HTTPResponse:
    """No server at all."""
    raise APIConnectionError("no route", sent="no")


def test_no_machine() -> None:
    """Where no metadata server is, the error names the ways to give credentials."""
    with pytest.raises(MissingKeyError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        shown(World(nobody))
    world = World(nobody)
    with pytest.raises(MissingKeyError):
        shown(world, environ={"NO_GCE_CHECK": "True"})
    assert not world.sent


FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": STS,
    "credential_source": {"file": "/var/token"},
}


def test_federated_file() -> None:
    """Another identity provider's token is exchanged at the token service."""
    world = granting()
    world.files = {"/var/token": b"subject\n"}
    assert shown(world, **with_info(FEDERATED)) == {"authorization": "Bearer granted"}
    (request,) = world.sent
    assert request.url == STS
    assert form(request) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": FEDERATED["audience"],
        "scope": CLOUD,
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token": "subject",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    }


def test_federated_url_and_impersonation() -> None:
    """The token may be behind an address, as a field of a JSON, and stand for a service account."""
    source = {
        "url": "http://127.0.0.1:1/token",
        "headers": {"x": "y"},
        "format": {"type": "json", "subject_token_field_name": "value"},
    }
    info = {
        **FEDERATED,
        "credential_source": source,
        "service_account_impersonation_url": IMPERSONATE,
    }
    answers = iter([
        {"value": "subject"},
        {"access_token": "federated", "expires_in": 3600},
        {"accessToken": "granted", "expireTime": "2026-09-21T14:43:20Z"},
    ])  # fmt: skip
    world = World(lambda request: HTTPResponse(200, body=json.dumps(next(answers)).encode()))
    assert shown(world, **with_info(info)) == {"authorization": "Bearer granted"}
    subject, exchange, last = world.sent
    assert (subject.url, subject.headers) == ("http://127.0.0.1:1/token", {"x": "y"})
    assert form(exchange)["subject_token"] == "subject"
    assert last.url == IMPERSONATE
    assert last.headers["authorization"] == "Bearer federated"
    assert json.loads(last.body) == {"scope": [CLOUD], "delegates": []}


def test_impersonated_service_account() -> None:
    """A person may stand for a service account."""
    info = {
        "type": "impersonated_service_account",
        "source_credentials": USER,
        "service_account_impersonation_url": IMPERSONATE,
        "delegates": ["d"],
    }
    answers = iter([{"access_token": "own", "expires_in": 9}, {"accessToken": "granted"}])
    world = World(lambda request: HTTPResponse(200, body=json.dumps(next(answers)).encode()))
    assert shown(world, **with_info(info)) == {"authorization": "Bearer granted"}
    assert json.loads(world.sent[1].body)["delegates"] == ["d"]


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"type": "gdch_service_account"}, "not supported"),
        ({"kind": "x"}, "holds no credentials"),
        ({"type": "authorized_user"}, "lack 'client_id'"),
        ({**USER, "token_uri": "http://evil.test/token"}, "https"),
        ({**USER, "token_uri": 7}, "https"),
        ({**FEDERATED, "credential_source": {"environment_id": "aws1"}}, "AWS"),
        ({**FEDERATED, "credential_source": {"file": "/gone"}}, "cannot be read"),
        ({**FEDERATED, "credential_source": {"file": "/var/token", "format": {"type": "json"}}}, "no subject token"),
    ],
)  # fmt: skip
def test_impossible(info: dict[str, Any], message: str) -> None:
    """Credentials that cannot be are refused before a secret leaves."""
    world = granting()
    world.files = {"/var/token": b"not json"}
    with pytest.raises(ConfigurationError, match=message):
        shown(world, **with_info(info))
    assert not world.sent


def test_no_json() -> None:
    """Credentials that are no JSON are told as such."""
    with pytest.raises(ConfigurationError, match="written as JSON"):
        shown(granting(), options={"vertex_credentials": {"type": object()}})


def test_unreadable() -> None:
    """A file that somebody named has to be there, and to be a JSON."""
    world = granting()
    world.files = {"/bad": b"<html>"}
    with pytest.raises(ConfigurationError, match=f"{ADC} names no file"):
        shown(world, environ={"GOOGLE_APPLICATION_CREDENTIALS": "/gone"})
    with pytest.raises(ConfigurationError, match=f"{ADC} holds no credentials"):
        shown(world, environ={"GOOGLE_APPLICATION_CREDENTIALS": "/bad"})


def test_secret_in_the_wrong_place() -> None:
    """What is given for a file's name may be a secret: it is not shown."""
    with pytest.raises(ConfigurationError, match="vertex_credentials names no file") as caught:
        shown(granting(), options={"vertex_credentials": Secret("to" + "ken")})
    assert "token" not in str(caught.value)


def test_refused() -> None:
    """A withdrawn grant is an authentication error with Google's own words."""
    told = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    world = World(lambda request: HTTPResponse(400, body=json.dumps(told).encode()))
    with pytest.raises(AuthenticationError, match="revoked"):
        shown(world, **with_info(USER))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"access_token": 7}'])
def test_no_token(body: bytes) -> None:
    """An answer without a token is an error of its own, not a KeyError."""
    with pytest.raises(AuthenticationError, match="without an access token"):
        shown(World(lambda request: HTTPResponse(200, body=body)), **with_info(USER))


# --- a service account's key ---------------------------------------------------------------------


def account(key: str = "", **fields: Any) -> dict[str, Any]:
    """A service account's credentials."""
    return {
        "type": "service_account",
        "project_id": "p-1",
        "private_key_id": "id-1",
        "private_key": key,
        "client_email": "a@p-1.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        **fields,
    }


def decoded(part: str) -> bytes:
    """A part of a JWT."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_service_account() -> None:
    """A key signs what it asks for, and the signature is good."""
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    world = granting()
    assert shown(world, **with_info(account(pem))) == {"authorization": "Bearer granted"}
    (request,) = world.sent
    sent = form(request)
    assert sent["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, signature = sent["assertion"].split(".")
    assert json.loads(decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "id-1"}
    assert json.loads(decoded(claims)) == {
        "iss": "a@p-1.iam.gserviceaccount.com",
        "scope": CLOUD,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": int(NOW),
        "exp": int(NOW) + 3600,
    }
    message = f"{head}.{claims}".encode()
    private.public_key().verify(decoded(signature), message, padding.PKCS1v15(), hashes.SHA256())


def test_bad_key() -> None:
    """A key that is none is not shown in the error."""
    pytest.importorskip("cryptography")
    with pytest.raises(ConfigurationError, match="no RSA key") as caught:
        shown(granting(), **with_info(account("not-a-" + "key")))
    assert "not-a-key" not in str(caught.value)


def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that signs, the error names what to install."""
    for name in [*sys.modules]:
        if name.partition(".")[0] == "cryptography":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigurationError, match=r"llmkit\[vertex\]"):
        shown(granting(), **with_info(account("key")))
