"""Google Cloud's credentials as access tokens, by flows. No vendor's SDK; keys are signed with by ``cryptography``.

Source: google-auth 2.62.2 (https://pypi.org/project/google-auth/), whose code has where they are looked for, in which
order, and every request; google-genai 3.4.0 for keys. Both read 2026-11-22.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from .._flow import Flow, consult, read
from .._http import HTTPRequest, HTTPResponse
from .._json import NotJSON, NotSerializable, dump, dump_text, load
from .._secret import Secret
from ..errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    MissingKeyError,
)
from ._auth import Identity
from ._tokens import Grant, asked, granted

__all__ = [
    "CREDENTIALS_ENV",
    "PROJECT_ENV",
    "PROJECT_OPTIONS",
    "Google",
    "Source",
    "express",
    "opened",
    "source_of",
]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PROJECT_OPTIONS = ("vertex_project",)
PROJECT_ENV = (
    "VERTEXAI_PROJECT", "VERTEX_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID",
)  # fmt: skip
CREDENTIALS_ENV = ("VERTEXAI_CREDENTIALS", "VERTEX_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS")
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_METADATA = "metadata.google.internal"
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_JSON = {"content-type": "application/json", "accept": "application/json"}
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
_SHOWN = frozenset({"authorization", "x-goog-api-key"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TOKEN_START = "ya29."  # noqa: S105 - how Google's access tokens begin
_LIFE = 3600
# Elsewhere nobody is at the metadata server's address, and nobody wants to wait to learn it.
_PATIENCE = 2.0

Info = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Where credentials are: their text, or a path of a file."""

    text: Secret | None = None
    path: str | None = None
    sure: bool = True
    """Whether somebody named it; otherwise the file may as well not be there."""
    said: str = "vertex_credentials"
    """Who named it. What the call says itself is not shown: it may be a secret in the wrong place."""


@dataclass(frozen=True, slots=True)
class Google:
    """A key in its own header, or a token of whatever credentials there are as a bearer's."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Put the credential on, unless the caller did.

        Raises:
            MissingKeyError: there is none.
            AuthenticationError: a token server refused, or its answer has no token.
            ConfigurationError: the credentials are malformed, or of a kind that is not supported.
        """
        yield from ()
        if _SHOWN & {name.lower() for name in request.headers}:
            return request
        secret = identity.secret
        if secret and express(identity.options, identity.environ):
            text = secret.reveal()
            if text.startswith(_TOKEN_START):
                return request.with_headers({"authorization": f"Bearer {text}"})
            return request.with_headers({"x-goog-api-key": text})
        token = yield from _token(identity)
        identity.show(token.secret)
        headers = {"authorization": f"Bearer {token.secret.reveal()}"}
        quota = identity.environ.get("GOOGLE_CLOUD_QUOTA_PROJECT") or token.quota
        return request.with_headers(headers | ({"x-goog-user-project": quota} if quota else {}))


@dataclass(frozen=True, slots=True)
class _Token:
    secret: Secret
    quota: str | None = None
    """The project whose quota a person's token uses."""


def express(options: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Whether a key is meant: one that the call gives, or the environment's where nothing names a project.

    Google's own client decides in the same way, google-genai 3.4.0, read 2026-11-22.
    """
    if options.get("api_key"):
        return True
    said = [options.get(name) for name in (*PROJECT_OPTIONS, "vertex_credentials")]
    return not any(said) and not any(environ.get(name) for name in PROJECT_ENV)


def source_of(options: Mapping[str, Any], environ: Mapping[str, str]) -> Source | None:
    """Where the credentials are, if anywhere: the call's, the environment's, or those of Google's own tools."""
    given = options.get("vertex_credentials")
    if isinstance(given, Mapping):
        return Source(text=Secret(_dumped(given)))
    if given:
        return _named(given.reveal() if isinstance(given, Secret) else str(given), Source().said)
    variable = next((name for name in CREDENTIALS_ENV if environ.get(name)), None)
    if variable is not None:
        return _named(environ[variable], variable)
    folder = environ.get("CLOUDSDK_CONFIG") or _folder(environ)
    known = folder and f"{folder}/application_default_credentials.json"
    return Source(path=known, sure=False, said=known) if known else None


def _named(text: str, said: str) -> Source:
    is_json = text.lstrip().startswith("{")
    return Source(text=Secret(text), said=said) if is_json else Source(path=text, said=said)


def _folder(environ: Mapping[str, str]) -> str | None:
    if environ.get("APPDATA"):
        return f"{environ['APPDATA']}/gcloud"
    return f"{environ['HOME']}/.config/gcloud" if environ.get("HOME") else None


def _dumped(given: Mapping[str, Any]) -> str:
    try:
        return dump_text(given)
    except NotSerializable:
        raise ConfigurationError("vertex_credentials cannot be written as JSON") from None


def opened(source: Source) -> Flow[Info | None]:
    """Read credentials; ``None`` where nobody named them and there are none.

    Raises:
        ConfigurationError: they cannot be read, or are not Google's.
    """
    body = source.text.reveal().encode() if source.text is not None else None
    if source.path is not None:
        body = yield from read(source.path)
    if body is None and not source.sure:
        return None
    if body is None:
        raise ConfigurationError(f"{source.said} names no file that can be read")
    try:
        info = load(body)
    except NotJSON:
        info = None
    if not isinstance(info, Mapping) or not isinstance(info.get("type"), str):
        raise ConfigurationError(
            f"{source.said} holds no credentials of Google, which are a JSON with a type"
        )
    return info


def _token(identity: Identity) -> Flow[_Token]:
    given = identity.options.get("vertex_credentials")
    if callable(given):
        told = yield from consult(given)
        text = told.reveal() if isinstance(told, Secret) else told
        if not isinstance(text, str) or not text:
            raise AuthenticationError("vertex_credentials gave no token", sent="no")
        return _Token(Secret(text))
    source = source_of(identity.options, identity.environ)
    key: Hashable = ("google", source)

    def make() -> Flow[Grant]:
        info = None if source is None else (yield from opened(source))
        if info is None:
            return (yield from _from_metadata(identity))
        return (yield from _from_info(identity, info))

    return (yield from granted(identity, key, make))  # type: ignore[no-any-return]


def _from_info(identity: Identity, info: Info) -> Flow[Grant]:
    maker = _KINDS.get(info["type"])
    if maker is None:
        raise ConfigurationError(
            f"Google's credentials of type {info['type']!r:.60} are not supported; there are {', '.join(_KINDS)}"
        )
    try:
        return (yield from maker(identity, info))
    except KeyError as error:
        raise ConfigurationError(
            f"Google's credentials of type {info['type']!r} lack {error}"
        ) from None


def _service_account(identity: Identity, info: Info) -> Flow[Grant]:
    """A service account's key: a JWT that it signs, for a token."""
    uri = _checked(info.get("token_uri") or _TOKEN_URI, "token_uri")
    assertion = jwt(info, uri, int(identity.wall()))
    form = {"grant_type": _JWT_GRANT, "assertion": assertion}
    return (yield from _asked(identity, _post(uri, form)))


def jwt(info: Info, audience: str, now: int) -> str:
    """What a service account's key signs to be given a token.

    Raises:
        ConfigurationError: the package that signs is missing, or the key is none.
    """
    header = {"alg": "RS256", "typ": "JWT", "kid": info.get("private_key_id")}
    claims = {
        "iss": info["client_email"],
        "scope": SCOPE,
        "aud": audience,
        "iat": now,
        "exp": now + _LIFE,
    }
    message = b".".join(_encoded(dump(part)) for part in (header, claims))
    return (message + b"." + _encoded(_signed(info["private_key"], message))).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _signed(key: str, message: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3)."""
    try:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )
    except ImportError:
        raise ConfigurationError(
            "a service account's key signs with the package 'cryptography': pip install 'llmkit[vertex]'"
        ) from None
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, RSAPrivateKey):
        # What it is instead is not shown: it may be a key all the same.
        raise ConfigurationError("private_key in Google's credentials is no RSA key in PEM")
    signature: bytes = private.sign(message, PKCS1v15(), SHA256())
    return signature


def _authorized_user(identity: Identity, info: Info) -> Flow[Grant]:
    """A person's, as ``gcloud auth application-default login`` writes them."""
    uri = _checked(info.get("token_uri") or _TOKEN_URI, "token_uri")
    names = ("client_id", "client_secret", "refresh_token")
    form = {"grant_type": "refresh_token", **{name: info[name] for name in names}}
    grant = yield from _asked(identity, _post(uri, form))
    return _with_quota(grant, info)


def _with_quota(grant: Grant, info: Info) -> Grant:
    quota = info.get("quota_project_id")
    return replace(grant, value=replace(grant.value, quota=quota)) if quota else grant


def _external_account(identity: Identity, info: Info) -> Flow[Grant]:
    """Another identity provider's token, for one of Google's."""
    subject = yield from _subject(identity, info["credential_source"])
    identity.show(Secret(subject))
    form = {
        "grant_type": _EXCHANGE,
        "audience": info["audience"],
        "scope": SCOPE,
        "requested_token_type": _ACCESS,
        "subject_token": subject,
        "subject_token_type": info["subject_token_type"],
    }
    grant = yield from _asked(identity, _post(_checked(info["token_url"], "token_url"), form))
    if info.get("service_account_impersonation_url"):
        grant = yield from _impersonated(identity, info, grant.value)
    return _with_quota(grant, info)


def _subject(identity: Identity, source: Any) -> Flow[str]:
    """The other provider's token: in a file, or behind an address."""
    if isinstance(source, Mapping) and source.get("file"):
        body = yield from read(str(source["file"]))
        if body is None:
            raise ConfigurationError(f"Google's credentials: {source['file']} cannot be read")
    elif isinstance(source, Mapping) and source.get("url"):
        request = HTTPRequest("GET", str(source["url"]), source.get("headers") or {})
        response = yield from asked(
            identity, request, "the identity provider of Google's credentials"
        )
        body = response.body
    else:
        raise ConfigurationError(
            "Google's external credentials are supported where their source is a file or a url, "
            "not a program or AWS"
        )
    return _subject_in(body, source.get("format"))


def _subject_in(body: bytes, form: Any) -> str:
    text = body.decode("utf-8", "replace").strip()
    if not isinstance(form, Mapping) or form.get("type", "text") == "text":
        return text
    try:
        told = load(body)
    except NotJSON:
        told = None
    token = told.get(form.get("subject_token_field_name")) if isinstance(told, Mapping) else None
    if not isinstance(token, str):
        raise ConfigurationError("Google's credentials: their source has no subject token")
    return token


def _impersonated_account(identity: Identity, info: Info) -> Flow[Grant]:
    """A service account in whose place one may act, with credentials of one's own."""
    own = yield from _from_info(identity, info["source_credentials"])
    return _with_quota((yield from _impersonated(identity, info, own.value)), info)


def _impersonated(identity: Identity, info: Info, own: _Token) -> Flow[Grant]:
    url = _checked(info["service_account_impersonation_url"], "service_account_impersonation_url")
    identity.show(own.secret)
    headers = {**_JSON, "authorization": f"Bearer {own.secret.reveal()}"}
    body = dump({"scope": [SCOPE], "delegates": info.get("delegates") or []})
    begun = identity.wall()
    response = yield from asked(identity, HTTPRequest("POST", url, headers, body), _WHAT)
    told = _told(response)
    until = _moment(told.get("expireTime"))
    return _grant(told.get("accessToken"), begun + _LIFE if until is None else until, begun)


def _moment(value: Any) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return None


def _from_metadata(identity: Identity) -> Flow[Grant]:
    """The machine's own account, where Google runs the machine."""
    environ = identity.environ
    if environ.get("NO_GCE_CHECK", "").lower() == "true":
        raise _missing()
    host = environ.get("GCE_METADATA_HOST") or environ.get("GCE_METADATA_ROOT") or _METADATA
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    url = f"http://{host}{path}?{urlencode({'scopes': SCOPE})}"
    patience = min(identity.deadlines.connect, _PATIENCE)
    quick = replace(identity, deadlines=replace(identity.deadlines, connect=patience))
    try:
        return (yield from _asked(quick, HTTPRequest("GET", url, {"metadata-flavor": "Google"})))
    except APIConnectionError:
        raise _missing() from None


def _missing() -> MissingKeyError:
    return MissingKeyError(
        "no credentials for Google Cloud: pass vertex_credentials=… (a service account's JSON, or its path) or "
        "api_key=…; set GOOGLE_APPLICATION_CREDENTIALS or VERTEX_API_KEY; or run "
        "'gcloud auth application-default login'"
    )


_WHAT = "Google's token server"


def _post(url: str, form: Mapping[str, Any]) -> HTTPRequest:
    return HTTPRequest("POST", url, _FORM, urlencode(form).encode())


def _asked(identity: Identity, request: HTTPRequest) -> Flow[Grant]:
    begun = identity.wall()
    told = _told((yield from asked(identity, request, _WHAT)))
    life = told.get("expires_in")
    number = life if isinstance(life, int | float) else _LIFE
    return _grant(told.get("access_token"), begun + number, begun)


def _told(response: HTTPResponse) -> Info:
    try:
        told = load(response.body)
    except NotJSON:
        told = None
    return told if isinstance(told, Mapping) else {}


def _grant(token: Any, until: float, begun: float) -> Grant:
    if not isinstance(token, str) or not token:
        raise AuthenticationError(f"{_WHAT} answered without an access token", sent="no")
    return Grant(_Token(Secret(token)), until, begun)


def _checked(url: Any, name: str) -> str:
    """An address that secrets are sent to has to be encrypted, and the credentials name it."""
    parts = urlsplit(url) if isinstance(url, str) else None
    local = parts is not None and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts is None or not parts.hostname or not (parts.scheme == "https" or local):
        raise ConfigurationError(f"{name} in Google's credentials must be an https address")
    return str(url)


_KINDS: Mapping[str, Callable[[Identity, Info], Flow[Grant]]] = {
    "service_account": _service_account,
    "authorized_user": _authorized_user,
    "external_account": _external_account,
    "impersonated_service_account": _impersonated_account,
}
