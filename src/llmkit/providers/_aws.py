"""AWS: requests signed with keys from wherever they are, or shown a bearer key; addresses by region and partition.

The order of places is the SDKs': https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html, read
2026-11-22; what a call says goes before all. Regions: https://docs.aws.amazon.com/general/latest/gr/bedrock.html.
Where keys come from is in ``_aws_keys`` and ``_aws_profile``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from .._flow import Flow
from .._http import Endpoint, HTTPRequest
from .._sigv4 import Credentials, signed
from ..errors import ConfigurationError
from ..wires._aws_paths import bare, region_in
from ._auth import Bearer, Identity
from ._aws_keys import REGIONS, found
from ._aws_profile import chosen, profiles
from ._provider import Where

__all__ = ["NEEDS", "SignedOrBearer", "located", "region_of"]

NEEDS = (
    (
        "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_PROFILE",
        "AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "~/.aws/credentials",
    ),
    (*REGIONS, "AWS_PROFILE", "~/.aws/config"),
)
"""Where keys and a region may be; what a machine has by its role is not looked for."""

_ARN = re.compile(r"^arn:aws[a-z-]*:[a-z-]+:([a-z0-9-]+):")
_NAME = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d+")
_DOMAINS = (("cn-", "amazonaws.com.cn"), ("us-iso-", "c2s.ic.gov"), ("us-isob-", "sc2s.sgov.gov"))
_MODELS = "/model/"


def region_of(model: str) -> str | None:
    """The region that an ARN names; ``None`` for any other name of a model."""
    match = _ARN.match(bare(model))
    return match.group(1) if match else None


def located(
    where: Where, services: Mapping[str, str], endpoints: Mapping[str, str] | None = None
) -> Flow[Endpoint]:
    """The address of a service: the one that was given, or the region's.

    ``services`` maps kinds of call to the first part of the host, ``""`` to that of all others; ``endpoints``
    maps it to the option that says another address. What the environment says is the address of the latter.
    """
    service = services.get(where.kind, services[""])
    option = where.options.get((endpoints or {}).get(service, ""))
    usual = where.base_url if where.given or service == services[""] else None
    base = usual if where.given else option or usual
    if base:
        return Endpoint(str(base).rstrip("/"), where.headers, where.query)
    region = region_of(where.model) or (yield from _region(where.options, where.environ))
    if region is None:
        raise ConfigurationError(
            f"{where.provider.name} has an address in each region: give aws_region_name, or set AWS_REGION"
        )
    return Endpoint(_url(service, region, where.environ), where.headers, where.query)


def _url(service: str, region: str, environ: Mapping[str, str]) -> str:
    if not _NAME.fullmatch(region):
        raise ConfigurationError(f"{region!r:.60} is no region's name, such as 'us-east-1'")
    domain = next((d for start, d in _DOMAINS if region.startswith(start)), "amazonaws.com")
    fips = "-fips" if environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true" else ""
    return f"https://{service}{fips}.{region}.{domain}"


def _region(options: Mapping[str, Any], environ: Mapping[str, str]) -> Flow[str | None]:
    for name in ("aws_region_name", "region_name"):
        if options.get(name):
            return str(options[name])
    for name in REGIONS:
        if environ.get(name):
            return environ[name]
    name = chosen(options, environ)
    return (yield from profiles(environ)).get(name, {}).get("region")


@dataclass(frozen=True, slots=True)
class SignedOrBearer:
    """A key that was given is a bearer's; without one, requests are signed for ``service``."""

    service: str

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """Return the request with its signature, or its key, unless the caller gave one.

        Raises:
            MissingKeyError: there are no keys in any place.
            AuthenticationError: keys were asked for and refused.
            ConfigurationError: no region can be found, or keys come in a way that is not supported.
        """
        if "authorization" in (name.lower() for name in request.headers):
            return request
        if identity.secret:
            return (yield from Bearer().authorize(request, identity))
        region = yield from self._region(request, identity)
        keys: Credentials = yield from found(identity, region)
        made = signed(
            request.method,
            request.url,
            request.headers,
            request.body,
            keys=keys,
            region=region,
            service=self.service,
            now=identity.wall(),
        )
        return request.with_headers(made)

    def _region(self, request: HTTPRequest, identity: Identity) -> Flow[str]:
        """What the host says, or the ARN in the path, or whoever knows the address of a gateway."""
        parts = urlsplit(request.url)
        if told := region_in(parts.hostname or ""):
            return told
        named = region_of(unquote(parts.path.partition(_MODELS)[2]))
        region = named or (yield from _region(identity.options, identity.environ))
        if region is None:
            raise ConfigurationError(
                "a signature is for one region: give aws_region_name, or set AWS_REGION"
            )
        return region
