"""Databricks' serving endpoints: chat in OpenAI's form, by a personal token or as a service principal (OAuth M2M).

Sources, read 2026-11-22: https://docs.databricks.com/aws/machine-learning/foundation-model-apis/api-reference,
https://docs.databricks.com/aws/machine-learning/model-serving/query-reason-models (thinking as parts, which go back),
https://docs.databricks.com/aws/dev-tools/auth/oauth-m2m (``/oidc/v1/token``, scope ``all-apis``, an hour), and
https://github.com/anomalyco/opencode/issues/4698 (a 400 for ``stream_options``; in recorded
traffic usage comes unasked).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from .._flow import Flow
from .._http import HTTPRequest, HTTPResponse
from .._json import NotJSON, load
from .._secret import Secret
from ..errors import AuthenticationError, MissingKeyError
from ..wires.openai_chat import OpenAIChat
from ._auth import Bearer, Identity
from ._offers import offered
from ._provider import Provider
from ._tokens import Grant, asked, granted

__all__ = ["PROVIDER", "Principal"]

_TOKENS = "the token server of Databricks"
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_LIFE = 3600


@dataclass(frozen=True, slots=True)
class Principal:
    """A personal token as a bearer's; without one, a token for the service principal of ``client_id``.

    What the call says goes before the environment, where these are ``DATABRICKS_CLIENT_ID`` and
    ``DATABRICKS_CLIENT_SECRET``.
    """

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Put a token on, unless the caller did.

        Raises:
            MissingKeyError: there is neither a token nor a principal.
            AuthenticationError: the principal is refused, or the answer has no token.
        """
        if "authorization" in (name.lower() for name in request.headers):
            return request
        said = identity.options
        asks = bool(said.get("client_id") and said.get("client_secret") and not said.get("api_key"))
        if identity.secret and not asks:
            return (yield from Bearer().authorize(request, identity))
        name, secret = _principal(identity)
        parts = urlsplit(request.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        digest = hashlib.sha256(secret.reveal().encode()).hexdigest()
        key = ("databricks", origin, name, digest)
        token = yield from granted(identity, key, lambda: _grant(identity, origin, name, secret))
        identity.show(Secret(token))
        return request.with_headers({"authorization": f"Bearer {token}"})


def _principal(identity: Identity) -> tuple[str, Secret]:
    name = identity.options.get("client_id") or identity.environ.get("DATABRICKS_CLIENT_ID")
    secret = identity.options.get("client_secret")
    secret = secret or identity.environ.get("DATABRICKS_CLIENT_SECRET")
    if not (name and secret):
        raise MissingKeyError(
            "no credential for Databricks: pass api_key=…, or client_id=… and client_secret=…; or set "
            "DATABRICKS_API_KEY, DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET",
            provider="databricks",
        )
    return str(name), secret if isinstance(secret, Secret) else Secret(str(secret))


def _grant(identity: Identity, origin: str, name: str, secret: Secret) -> Flow[Grant]:
    """Ask for a token, as RFC 6749 has it in section 4.4."""
    identity.show(secret)
    pair = base64.b64encode(f"{name}:{secret.reveal()}".encode()).decode()
    identity.show(Secret(pair))
    body = urlencode({"grant_type": "client_credentials", "scope": "all-apis"}).encode()
    headers = {**_FORM, "authorization": f"Basic {pair}"}
    request = HTTPRequest("POST", f"{origin}/oidc/v1/token", headers, body)
    begun = identity.wall()
    token, life = _read((yield from asked(identity, request, _TOKENS)))
    return Grant(token, begun + life, begun)


def _read(response: HTTPResponse) -> tuple[str, float]:
    try:
        said = load(response.body)
    except NotJSON:
        said = None
    token = said.get("access_token") if isinstance(said, Mapping) else None
    if not isinstance(token, str) or not token.strip().isprintable() or not token.strip():
        raise AuthenticationError(f"{_TOKENS} gave no access_token", sent="no")
    life = said.get("expires_in") if isinstance(said, Mapping) else None
    return token.strip(), life if isinstance(life, int | float) and life > 0 else _LIFE


PROVIDER = Provider(
    name="databricks",
    # The variable holds its https://, as for the vendor's own packages.
    base_url="{host}/serving-endpoints",
    chat=OpenAIChat(
        renamed={"max_completion_tokens": "max_tokens"},
        stream_usage=False,
        history=("content_parts",),
    ),
    calls=offered("databricks"),
    key_env=("DATABRICKS_API_KEY", "DATABRICKS_TOKEN"),
    base_env=("DATABRICKS_API_BASE",),
    variables={"host": "DATABRICKS_HOST"},
    needs=(
        (
            "DATABRICKS_API_KEY",
            "DATABRICKS_TOKEN",
            "DATABRICKS_CLIENT_ID DATABRICKS_CLIENT_SECRET",
        ),
    ),
    auth=Principal(),
    key_optional=True,
    docs="https://docs.databricks.com/aws/machine-learning/foundation-model-apis/api-reference",
    read="2026-11-22",
)
