"""Temporary AWS keys: a role's (STS), a container's, an instance's. Each is asked for once and kept while it lasts.

Sources are named in ``_aws_keys``; the shapes of the answers are those of the pages there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from .._flow import Deadlines, Flow, read
from .._http import HTTPRequest, HTTPResponse
from .._json import NotJSON, load
from .._secret import Secret
from .._sigv4 import Credentials, signed
from ..errors import APIError, AuthenticationError, ConfigurationError
from ._auth import Identity
from ._tokens import Grant, asked, granted

__all__ = ["assumed", "from_container", "from_instance", "from_web_identity"]

_STS_VERSION = "2011-06-15"
_SESSION = "llmkit"
_FORM = {
    "content-type": "application/x-www-form-urlencoded; charset=utf-8",
    "accept": "application/xml",
}
_CONTAINER = "http://169.254.170.2"
_CONTAINER_HOSTS = frozenset(
    {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost", "127.0.0.1", "::1"}
)
_INSTANCE = "http://169.254.169.254"
_ROLES = "/latest/meta-data/iam/security-credentials/"
_SOON = 2.0
_TTL = "21600"


def assumed(
    identity: Identity,
    region: str,
    source: Credentials,
    role: str,
    session: str | None,
    external: str | None,
) -> Flow[Credentials]:
    """Keys of a role that these keys may take on."""
    fields = {"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": session or _SESSION}
    fields |= {"ExternalId": external} if external else {}

    def make() -> Flow[Grant]:
        request = _sts(identity, region, fields)
        made = signed(
            "POST",
            request.url,
            request.headers,
            request.body,
            keys=source,
            region=region,
            service="sts",
            now=identity.wall(),
        )
        answer = yield from asked(identity, request.with_headers(made), f"STS, for {role}")
        return _granted(identity, _of_xml(answer))

    key = ("aws role", region, role, session, external, source.access_key, _fingerprint(source))
    keys: Credentials = yield from granted(identity, key, make)
    return keys


def _fingerprint(source: Credentials) -> int:
    return hash((source.secret_key, source.token))


def from_web_identity(
    identity: Identity, region: str, role: str, token: Any, session: str | None
) -> Flow[Credentials]:
    """Keys of a role for a token of another identity provider; ``token`` is it, or the path of a file with it."""
    given = token.reveal() if isinstance(token, Secret) else str(token)

    def make() -> Flow[Grant]:
        # A file is read each time: whoever runs the container renews it.
        data = (yield from read(given)) if _is_path(given) else given.encode()
        if data is None:
            raise ConfigurationError("the file of the AWS web identity token cannot be read")
        fields = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": role}
        fields |= {
            "RoleSessionName": session or _SESSION,
            "WebIdentityToken": data.decode().strip(),
        }
        identity.show(Secret(fields["WebIdentityToken"]))
        request = _sts(identity, region, fields)
        return _granted(
            identity, _of_xml((yield from asked(identity, request, f"STS, for {role}")))
        )

    keys: Credentials = yield from granted(
        identity, ("aws web identity", region, role, session, Secret(given)), make
    )
    return keys


def _is_path(given: str) -> bool:
    """A token has three parts with dots between them and no slash."""
    return "/" in given or "\\" in given or given.count(".") < 2  # noqa: PLR2004 - as said


def _sts(identity: Identity, region: str, fields: Mapping[str, str]) -> HTTPRequest:
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    given = identity.options.get("aws_sts_endpoint") or identity.environ.get("AWS_ENDPOINT_URL_STS")
    url = str(given or f"https://sts.{region}.{domain}").rstrip("/") + "/"
    body = urlencode({**fields, "Version": _STS_VERSION}).encode()
    return HTTPRequest("POST", url, _FORM, body)


def _of_xml(answer: HTTPResponse) -> dict[str, str]:
    text = answer.body.decode("utf-8", "replace")
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    found = {name: re.search(f"<{name}>([^<]*)</{name}>", text) for name in names}
    return {name: html.unescape(match.group(1)) for name, match in found.items() if match}


def from_container(identity: Identity) -> Flow[Credentials | None]:
    """Keys of the role that a container runs under; ``None`` where there is none."""
    environ = identity.environ
    relative = environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = _CONTAINER + relative if relative else environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if not url:
        return None
    _check_container(url)

    def make() -> Flow[Grant]:
        headers = yield from _container_headers(environ)
        request = HTTPRequest("GET", url, {"accept": "application/json", **headers})
        return _granted(
            identity, _of_json((yield from asked(identity, request, "the container's role")))
        )

    keys: Credentials = yield from granted(identity, ("aws container", url), make)
    return keys


def _check_container(url: str) -> None:
    """A token is sent there in the open: without TLS only to addresses of this machine's own network."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _CONTAINER_HOSTS:
        raise ConfigurationError(
            f"AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or of this machine, not {parts.hostname!r:.80}"
        )


def _container_headers(environ: Mapping[str, str]) -> Flow[dict[str, str]]:
    token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if path := environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        data = yield from read(path)
        if data is None:
            raise ConfigurationError("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read")
        token = data.decode().strip()
    return {"authorization": token} if token else {}


def from_instance(identity: Identity) -> Flow[Credentials | None]:
    """Keys of the role that an instance runs under (IMDSv2); ``None`` where this is no instance, or it has none."""
    environ = identity.environ
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    base = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _INSTANCE
    soon = replace(identity, deadlines=_short(identity.deadlines))
    try:
        keys: Credentials = yield from granted(
            identity, ("aws instance", base), lambda: _of_instance(soon, base.rstrip("/"))
        )
    except APIError:
        # Nobody is there, which is what most machines say.
        return None
    return keys


def _short(limits: Deadlines) -> Deadlines:
    return Deadlines(limits.total, min(limits.connect, 1.0), _SOON, _SOON)


def _of_instance(identity: Identity, base: str) -> Flow[Grant]:
    wanted = {"x-aws-ec2-metadata-token-ttl-seconds": _TTL}
    ask: Callable[[HTTPRequest], Flow[HTTPResponse]] = lambda request: asked(  # noqa: E731 - said three times
        identity, request, "the instance's metadata"
    )
    token = yield from ask(HTTPRequest("PUT", f"{base}/latest/api/token", wanted))
    shown = {"x-aws-ec2-metadata-token": token.body.decode("ascii", "replace").strip()}
    roles = yield from ask(HTTPRequest("GET", base + _ROLES, shown))
    role = roles.body.decode("utf-8", "replace").strip().partition("\n")[0]
    answer = yield from ask(HTTPRequest("GET", f"{base}{_ROLES}{role}", shown))
    return _granted(identity, _of_json(answer))


def _of_json(answer: HTTPResponse) -> dict[str, str]:
    try:
        data = load(answer.body)
    except NotJSON:
        data = None
    found = data if isinstance(data, Mapping) else {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _granted(identity: Identity, found: Mapping[str, str]) -> Grant:
    """What an answer grants, whichever of the three services it came from."""
    key, secret = found.get("AccessKeyId"), found.get("SecretAccessKey")
    if not key or not secret:
        raise AuthenticationError("the answer of AWS has no keys in it", sent="no")
    token = found.get("SessionToken") or found.get("Token")
    now, expires = identity.wall(), _unix(found.get("Expiration"))
    keys = Credentials(key, Secret(secret), Secret(token) if token else None, expires)
    return Grant(keys, float("inf") if expires is None else expires, now)


def _unix(moment: str | None) -> float | None:
    try:
        return datetime.fromisoformat(moment).timestamp() if moment else None
    except ValueError:
        return None
