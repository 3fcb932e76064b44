"""Whether a webhook's body is what Lago signed: HMAC-SHA256 with the organisation's key, or RS256 with the server's.

Pure. Source: https://getlago.com/docs/api-reference/webhooks/format---signature and ``Webhooks::SendHttpService`` of
https://github.com/getlago/lago-api, read 2026-11-22: ``hmac`` is strict base64 over the bytes that are sent; ``jwt``
has the claims ``data``, which is the body as a text, and ``iss``, the server's ``LAGO_API_URL``; none that ends.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from ..._json import NotJSON, load
from ...errors import BillingError, ConfigurationError

__all__ = ["check_hmac", "check_jwt", "is_public_key"]

_PARTS: Final = 3
_PEM: Final = "-----BEGIN"
_LONGEST: Final = 10_000_000


def is_public_key(text: str) -> bool:
    """Whether this is a key in PEM, and none to make an HMAC with: everybody may know it."""
    return _PEM in text


def check_hmac(key: str, body: bytes, signature: str) -> None:
    """Raise BillingError unless ``signature`` is this body's; it takes as long for each that is not."""
    expected = base64.b64encode(hmac.digest(key.encode(), body, "sha256"))
    if not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
        raise BillingError("a webhook was refused: its signature is not that of its body")


def check_jwt(pem: bytes, body: bytes, token: str, issuer: str) -> None:
    """Raise BillingError unless ``token`` is signed with this key by RS256, and says this body and issuer."""
    parts = token.split(".") if len(token) < _LONGEST else []
    if len(parts) != _PARTS:
        raise _refused("its signature is no JWT")
    head, claims = (_object(part) for part in parts[:2])
    # The head is the sender's word: whoever could choose there, would choose "none", or HMAC with the public key.
    if head.get("alg") != "RS256" or "crit" in head:
        raise _refused("its signature is not by RS256")
    _verify(pem, f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2]))
    if not _same_text(claims.get("data"), body):
        raise _refused("its signature is another body's")
    if _origin(claims.get("iss")) != _origin(issuer):
        raise _refused(f"its issuer is not {_origin(issuer)}")


def _refused(why: str) -> BillingError:
    return BillingError(f"a webhook was refused: {why}")


def _decoded(part: str) -> bytes:
    try:
        # Its characters first: what base64 does not know, Python's decoder skips.
        return base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _refused("its signature cannot be read") from None


def _object(part: str) -> Mapping[str, Any]:
    try:
        value = load(_decoded(part))
    except NotJSON:
        value = None
    if not isinstance(value, Mapping):
        raise _refused("its signature cannot be read")
    return value


def _same_text(data: Any, body: bytes) -> bool:
    text = data.encode("utf-8", "replace") if isinstance(data, str) else b""
    return hmac.compare_digest(text, body)


def _origin(url: Any) -> str:
    """Scheme and host: with or without ``/api/v1``, or a slash, it is one Lago."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        return f"{parts.scheme}://{parts.netloc}".lower()
    except ValueError:
        return ""


def _verify(pem: bytes, message: bytes, signature: bytes) -> None:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_public_key,
        )
    except ImportError:
        raise ConfigurationError(
            "webhooks that are signed as JWTs are checked with the package 'cryptography': pip install 'llmkit[lago]'"
        ) from None
    try:
        key = load_pem_public_key(pem)
    except Exception:  # noqa: BLE001 - it raises several kinds, for what is no key
        key = None
    if not isinstance(key, RSAPublicKey):
        raise ConfigurationError(
            "what Lago's webhooks are to be checked with is no RSA public key in PEM"
        )
    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise _refused("its signature is not that of its body") from None
