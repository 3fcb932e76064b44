"""Azure's two credentials: a resource's key, and Microsoft Entra's tokens, however they are come by. No vendor's SDK.

Source: azure-identity 1.27.0 (https://pypi.org/project/azure-identity/), whose code has every request and variable;
openai 3.54 (``lib/azure.py``) for what goes before what. Both read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from .._flow import Flow, consult, read
from .._http import HTTPRequest, HTTPResponse
from .._json import NotJSON, load
from .._secret import Secret
from ..errors import AuthenticationError, ConfigurationError, MissingKeyError
from ._auth import Identity
from ._tokens import Grant, asked, granted

__all__ = ["COGNITIVE", "WAYS", "Entra"]

WAYS = (
    "AZURE_AD_TOKEN",
    "AZURE_OPENAI_AD_TOKEN",
    "AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE AZURE_TENANT_ID AZURE_CLIENT_ID",
    "IDENTITY_ENDPOINT IDENTITY_HEADER",
    "AZURE_TOKEN_CREDENTIALS",
)
"""The variables that a token may come from, where there is no key."""

COGNITIVE = "https://cognitiveservices.azure.com/.default"
"""The scope that the data planes of all Azure AI services take."""

_AUTHORITY = "https://login.microsoftonline.com"
_METADATA = "http://169.254.169.254"
_SHOWN = frozenset({"authorization", "api-key", "x-api-key"})
_TENANT = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]*")
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_LIFE = 3600.0
# What says in Microsoft's own libraries that the machine has an identity: only then is an address asked that
# elsewhere may belong to anybody.
_MANAGED = frozenset({"managedidentitycredential", "prod"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_Headers = Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Entra:
    """A key in headers of its own, or a token as a bearer's; what the call says goes before the environment.

    ``keys``: the headers that carry a key. ``scope``: what a token is asked for, unless ``azure_scope`` says.
    """

    keys: tuple[str, ...] = ("api-key",)
    scope: str = COGNITIVE

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Put the credential on, unless the caller did.

        Raises:
            MissingKeyError: there is none.
            AuthenticationError: a token server refused, or its answer has no token.
            ConfigurationError: what is said of the identity cannot be.
        """
        if _SHOWN & {name.lower() for name in request.headers}:
            return request
        for source in _SOURCES:
            headers = yield from source(self, identity)
            if headers:
                return request.with_headers(headers)
        raise MissingKeyError(
            "no credential for Azure: pass api_key=…, azure_ad_token=…, azure_ad_token_provider=…, or tenant_id=…, "
            "client_id=… and client_secret=…; or set AZURE_API_KEY, AZURE_AD_TOKEN, or AZURE_TENANT_ID, "
            "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
        )

    def scope_of(self, identity: Identity) -> str:
        """What a token is asked for."""
        said = identity.options.get("azure_scope") or identity.environ.get("AZURE_SCOPE")
        return str(said or self.scope)


def _bearer(identity: Identity, token: Any) -> _Headers:
    """The header of a token, which is hidden everywhere from now on."""
    text = token.reveal() if isinstance(token, Secret) else token
    if not isinstance(text, str) or not text.strip() or not text.strip().isprintable():
        raise AuthenticationError("what should be Azure's token is no text", sent="no")
    identity.show(Secret(text.strip()))
    return {"authorization": f"Bearer {text.strip()}"}


def _given_token(entra: Entra, identity: Identity) -> Flow[_Headers]:
    yield from ()
    token = identity.options.get("azure_ad_token")
    return _bearer(identity, token) if token else None


def _provided(entra: Entra, identity: Identity) -> Flow[_Headers]:
    """The caller's own function is asked each time: such functions keep their tokens themselves."""
    provider = identity.options.get("azure_ad_token_provider")
    if provider is None:
        return None
    if not callable(provider):
        raise ConfigurationError("azure_ad_token_provider must be a function that gives a token")
    return _bearer(identity, (yield from consult(provider)))


def _given_key(entra: Entra, identity: Identity) -> Flow[_Headers]:
    return (yield from _key(entra, identity)) if identity.options.get("api_key") else None


def _key(entra: Entra, identity: Identity) -> Flow[_Headers]:
    yield from ()
    return dict.fromkeys(entra.keys, identity.secret.reveal()) if identity.secret else None


def _given_client(entra: Entra, identity: Identity) -> Flow[_Headers]:
    options = identity.options
    if not any(options.get(name) for name in ("tenant_id", "client_id", "client_secret")):
        return None
    missing = [name for name in _CLIENT if not _said(identity, name)]
    if missing:
        raise ConfigurationError(f"Entra's exchange needs {', '.join(missing)}, too")
    return (yield from _client(entra, identity))


def _client(entra: Entra, identity: Identity) -> Flow[_Headers]:
    """A client's secret for a token."""
    tenant, client, secret = (_said(identity, name) for name in _CLIENT)
    if not (tenant and client and secret):
        return None
    identity.show(Secret(secret))
    form = {"client_id": client, "client_secret": secret}
    key = ("entra", tenant, client, Secret(secret))
    return (yield from _exchanged(entra, identity, tenant, key, form))


def _environment_token(entra: Entra, identity: Identity) -> Flow[_Headers]:
    yield from ()
    token = identity.environ.get("AZURE_AD_TOKEN") or identity.environ.get("AZURE_OPENAI_AD_TOKEN")
    return _bearer(identity, token) if token else None


def _workload(entra: Entra, identity: Identity) -> Flow[_Headers]:
    """A cluster's token (a file that changes) for one of Entra."""
    path, tenant = identity.environ.get("AZURE_FEDERATED_TOKEN_FILE"), _said(identity, "tenant_id")
    client = _said(identity, "client_id")
    if not (path and tenant and client):
        return None

    def make() -> Flow[Grant]:
        assertion = yield from read(path)
        if assertion is None:
            raise ConfigurationError(f"AZURE_FEDERATED_TOKEN_FILE: {path} cannot be read")
        text = assertion.decode("ascii", "replace").strip()
        identity.show(Secret(text))
        form = {"client_id": client, "client_assertion_type": _ASSERTION, "client_assertion": text}
        return (yield from _asked_entra(entra, identity, tenant, form))

    key = ("entra", tenant, client, path, _authority(identity), entra.scope_of(identity))
    return _bearer(identity, (yield from granted(identity, key, make)))


def _exchanged(
    entra: Entra, identity: Identity, tenant: str, key: tuple[Any, ...], form: Mapping[str, str]
) -> Flow[_Headers]:
    def make() -> Flow[Grant]:
        return (yield from _asked_entra(entra, identity, tenant, form))

    key = (*key, _authority(identity), entra.scope_of(identity))
    return _bearer(identity, (yield from granted(identity, key, make)))


def _asked_entra(
    entra: Entra, identity: Identity, tenant: str, form: Mapping[str, str]
) -> Flow[Grant]:
    if not _TENANT.fullmatch(tenant):
        raise ConfigurationError(f"tenant_id {tenant!r:.80} is no tenant's id or domain")
    scope = {"grant_type": "client_credentials", "scope": entra.scope_of(identity)}
    request = HTTPRequest(
        "POST",
        f"{_authority(identity)}/{tenant}/oauth2/v2.0/token",
        _FORM,
        urlencode({**scope, **form}).encode(),
    )
    return (yield from _answered(identity, request, "Microsoft Entra"))


def _managed(entra: Entra, identity: Identity) -> Flow[_Headers]:
    """The identity of the machine or the app that this runs on."""
    environ = identity.environ
    app = environ.get("IDENTITY_ENDPOINT") and environ.get("IDENTITY_HEADER")
    if not app and environ.get("AZURE_TOKEN_CREDENTIALS", "").lower() not in _MANAGED:
        return None

    def make() -> Flow[Grant]:
        request = _app_request(entra, identity) if app else _machine_request(entra, identity)
        return (yield from _answered(identity, request, "Azure's managed identity"))

    key = ("entra-managed", _said(identity, "client_id"), entra.scope_of(identity))
    return _bearer(identity, (yield from granted(identity, key, make)))


def _app_request(entra: Entra, identity: Identity) -> HTTPRequest:
    header = identity.environ["IDENTITY_HEADER"]
    identity.show(Secret(header))
    query = _resource(entra, identity, "2019-08-01")
    url = f"{identity.environ['IDENTITY_ENDPOINT']}?{query}"
    return HTTPRequest("GET", url, {"x-identity-header": header, "accept": "application/json"})


def _machine_request(entra: Entra, identity: Identity) -> HTTPRequest:
    host = identity.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _METADATA
    query = _resource(entra, identity, "2018-02-01")
    url = f"{host.rstrip('/')}/metadata/identity/oauth2/token?{query}"
    return HTTPRequest("GET", url, {"metadata": "true", "accept": "application/json"})


def _resource(entra: Entra, identity: Identity, version: str) -> str:
    """Here a service is named, not a scope of it."""
    resource = entra.scope_of(identity).removesuffix("/.default")
    client = _said(identity, "client_id")
    named = {"client_id": client} if client else {}
    return urlencode({"api-version": version, "resource": resource, **named})


def _answered(identity: Identity, request: HTTPRequest, what: str) -> Flow[Grant]:
    begun = identity.wall()
    response = yield from asked(identity, request, what)
    return grant_of(response, begun, what)


def grant_of(response: HTTPResponse, begun: float, what: str) -> Grant:
    """An OAuth token answer (RFC 6749, 5.1), of which some hosts write the numbers as texts.

    Raises:
        AuthenticationError: it has no token.
    """
    try:
        told = load(response.body)
    except NotJSON:
        told = None
    token = told.get("access_token") if isinstance(told, Mapping) else None
    if not isinstance(token, str) or not token:
        raise AuthenticationError(f"{what} answered without a token", sent="no")
    life = _seconds(told.get("expires_in"))
    until = _seconds(told.get("expires_on")) if life is None else begun + life
    return Grant(Secret(token), begun + _LIFE if until is None else until, begun)


def _seconds(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _authority(identity: Identity) -> str:
    """Where tokens are asked for; a secret goes there, so it has to be encrypted on its way."""
    said = identity.environ.get("AZURE_AUTHORITY_HOST") or _AUTHORITY
    base = (said if "://" in said else f"https://{said}").rstrip("/")
    parts = urlsplit(base)
    local = parts.hostname in _LOOPBACK and parts.scheme == "http"
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ConfigurationError(f"AZURE_AUTHORITY_HOST {said!r:.80} must be an https address")
    return base


_CLIENT = ("tenant_id", "client_id", "client_secret")


def _said(identity: Identity, name: str) -> str:
    """An option of the call, or what the environment has under Azure's name for it."""
    value = identity.options.get(name) or identity.environ.get(f"AZURE_{name.upper()}") or ""
    return value.reveal().strip() if isinstance(value, Secret) else str(value).strip()


_Source = Callable[[Entra, Identity], Flow[_Headers]]
_SOURCES: tuple[_Source, ...] = (
    _given_token,
    _provided,
    _given_key,
    _given_client,
    _key,
    _environment_token,
    _client,
    _workload,
    _managed,
)
"""Where a credential is looked for, in this order."""
