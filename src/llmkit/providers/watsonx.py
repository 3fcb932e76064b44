"""IBM watsonx.ai, on IBM Cloud and in Cloud Pak for Data.

Sources, read 2026-11-22: https://cloud.ibm.com/apidocs/watsonx-ai (version 2026-10-14 is what ibm-watsonx-ai 1.8.1
asks for), https://cloud.ibm.com/apidocs/iam-identity-token-api, and ``CP4DAuthenticator`` of IBM/watsonx-ai-java-sdk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .._flow import Flow
from .._http import Endpoint, HTTPRequest, HTTPResponse
from .._json import NotJSON, load
from .._secret import Secret
from ..errors import AuthenticationError, ConfigurationError
from ..wires.watsonx import WatsonxChat
from ._auth import Bearer, HeaderKey, Identity
from ._provider import Provider, Where
from ._tokens import Grant, asked, granted

__all__ = ["PROVIDER", "IAMKey", "located"]

_VERSION = "2026-10-14"
_TOKEN_SERVER = "https://iam.cloud.ibm.com/identity/token"  # noqa: S105 - an address is no token
_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_LIFE = 3600.0
# A token is a JSON Web Token, which an API key is not: it is shown as it is.
_TOKEN_START = "eyJ"  # noqa: S105 - how a token begins is no token
_REGIONS = ("WATSONX_REGION", "WX_REGION")
_PROJECTS = ("WATSONX_PROJECT_ID", "WX_PROJECT_ID")
_SPACES = ("WATSONX_DEPLOYMENT_SPACE_ID", "WATSONX_SPACE_ID", "WX_SPACE_ID")


@dataclass(frozen=True, slots=True)
class IAMKey:
    """An API key, exchanged for a token of IBM Cloud's identity service; a token is shown as it is.

    ``WATSONX_IAM_URL`` names another server that grants tokens.
    """

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Set the header, unless the caller gave it. Raises ``AuthenticationError`` where the key is refused."""
        secret = identity.secret
        if not secret or "authorization" in (name.lower() for name in request.headers):
            return request
        if secret.reveal().startswith(_TOKEN_START):
            return (yield from Bearer().authorize(request, identity))
        server = identity.environ.get("WATSONX_IAM_URL") or _TOKEN_SERVER
        token = yield from granted(
            identity, ("iam", server, secret), lambda: _exchanged(identity, secret, server)
        )
        identity.show(token)
        return request.with_headers({"authorization": f"Bearer {token.reveal()}"})


def _exchanged(identity: Identity, secret: Secret, server: str) -> Flow[Grant]:
    begun = identity.wall()
    body = f"grant_type={quote(_GRANT, safe='')}&apikey={quote(secret.reveal(), safe='')}"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
    }
    request = HTTPRequest("POST", server, headers, body.encode())
    what = "IBM Cloud's identity service"
    response = yield from asked(identity, request, what)
    told = _told(response)
    if not isinstance(told.get("access_token"), str):
        raise AuthenticationError(
            f"{what} answered without a token", status_code=response.status, sent="no"
        )
    return Grant(Secret(told["access_token"]), _until(told, begun), begun)


def _told(response: HTTPResponse) -> Mapping[str, Any]:
    try:
        told = load(response.body)
    except NotJSON:
        return {}
    return told if isinstance(told, Mapping) else {}


def _until(told: Mapping[str, Any], begun: float) -> float:
    """By how long it lives, not by the server's clock, which may differ from ours."""
    life = told.get("expires_in")
    return begun + (float(life) if isinstance(life, int | float) else _LIFE)


def located(where: Where) -> Flow[Endpoint]:
    """The address of a region or of one's own, the API's version, and the project or space that pays."""
    yield from ()
    query = {name: value for name, value in where.query.items() if name != "api-version"}
    stated = where.options.get("api_version") or where.environ.get("WATSONX_API_VERSION")
    query.setdefault("version", str(stated or _VERSION))
    return Endpoint(_base(where), where.headers, {**query, **_scope(where)})


def _base(where: Where) -> str:
    base = str(where.base_url)
    if "{" not in base:
        return base.rstrip("/")
    region = where.options.get("region_name") or _first(where.environ, _REGIONS)
    if not region:
        raise ConfigurationError(
            "watsonx: give base_url or region_name, or set WATSONX_URL or WATSONX_REGION "
            "(us-south, eu-de, eu-gb, jp-tok, au-syd, ca-tor)"
        )
    return base.replace("{region_name}", str(region))


def _scope(where: Where) -> dict[str, str]:
    """The project or the space; a deployment has its own."""
    if where.model.startswith(("deployment/", "deployments/")):
        return {}
    for name, variables in (("project_id", _PROJECTS), ("space_id", _SPACES)):
        if found := where.options.get(name):
            return {name: str(found)}
        if (found := _first(where.environ, variables)) and not where.options.get("space_id"):
            return {name: found}
    if where.given:
        # Somebody else's address: what stands in front may know who pays.
        return {}
    raise ConfigurationError(
        "watsonx: give project_id or space_id, or set WATSONX_PROJECT_ID or WATSONX_DEPLOYMENT_SPACE_ID"
    )


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


PROVIDER = Provider(
    name="watsonx",
    base_url="https://{region_name}.ml.cloud.ibm.com",
    variables={"region_name": ("region_name", *_REGIONS)},
    chat=WatsonxChat(),
    calls={
        "embedding": "llmkit.wires.watsonx.embeddings:EMBEDDINGS",
        "text_completion": "llmkit.wires.watsonx.text:TEXTS",
    },
    locate=located,
    needs=((*_PROJECTS, *_SPACES),),
    key_env=(
        "WATSONX_API_KEY",
        "WATSONX_APIKEY",
        "WX_API_KEY",
        "WATSONX_TOKEN",
        "WX_TOKEN",
        "WATSONX_ZENAPIKEY",
    ),
    base_env=("WATSONX_URL", "WATSONX_API_BASE", "WX_URL"),
    auth=IAMKey(),
    env_auth={
        "WATSONX_TOKEN": Bearer(),
        "WX_TOKEN": Bearer(),
        # Cloud Pak for Data: base64 of "user:key".
        "WATSONX_ZENAPIKEY": HeaderKey("authorization", "ZenApiKey "),
    },
    aliases=("watsonx_text",),
    docs="https://cloud.ibm.com/apidocs/watsonx-ai",
    read="2026-11-22",
)
