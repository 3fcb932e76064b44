"""Webhooks as Lago sends them: bodies signed with HMAC-SHA256, or with RS256. Pure; no library is needed to sign.

The RSA key is a test's: it is here for all to see, and signs nothing but what the fake Lago sends.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["jwt", "public_key", "signature"]

_P: Final = int(
    "f6c65b413eeec93e99f3d3190af04c81c9c5d695ea5489f1d426cc02a6739ca74304386ee47f6922"
    "7da2eb326b3e809574a4a5a40dbea78c425d01603a830ca11eb33e996b22ad4163f96906796dfb13"
    "316fb3ac574ef7a46bdca39e230ae9ef9c7f3407df770003cd6ae50bab01e1433a5adaa705a4b319"
    "2adf622e66809715",
    16,
)
_Q: Final = int(
    "eee1e0c5738bdd0a041102472973cb69291f17a662eace2e0ab4775ec702daaebcc922a0972235e8"
    "f47a45aa63fa0a656283b3159706f1ec807acf4fee07640d9fc350b63d7147832649f6933da0443d"
    "65bc8a334d322e0922f8ce75131ffa5ce2fbc83128e21b72143b0a0597d649ebbe2cfb58de4ad928"
    "a776467e8f80a327",
    16,
)
_E: Final = 65537
_N: Final = _P * _Q
_SIZE: Final = (_N.bit_length() + 7) // 8
_D: Final = pow(_E, -1, (_P - 1) * (_Q - 1))
# DER: of SHA-256 in a signature (RFC 8017, section 9.2), of "this is an RSA key" (RFC 3279), a long length's bit.
_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_LONG: Final = 0x80
_RSA: Final = bytes.fromhex("300d06092a864886f70d0101010500")


def signature(key: str, body: bytes) -> str:
    """What `X-Lago-Signature` is for `hmac`."""
    return base64.b64encode(hmac.digest(key.encode(), body, "sha256")).decode()


def jwt(body: bytes, issuer: str, *, algorithm: str = "RS256") -> str:
    """What `X-Lago-Signature` is for `jwt`; *algorithm* is what its head says, whatever is done."""
    head = _part(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    claims = _part(json.dumps({"data": body.decode(), "iss": issuer}).encode())
    signed = f"{head}.{claims}"
    return f"{signed}.{_part(_signed(signed.encode()))}"


def public_key() -> str:
    """The key to check with, as `GET /webhooks/json_public_key` has it: base64 of PEM."""
    numbers = _der(0x30, _der(0x02, _whole(_N)) + _der(0x02, _whole(_E)))
    info = _der(0x30, _RSA + _der(0x03, b"\x00" + numbers))
    lines = base64.encodebytes(info).decode().replace("\n", "")
    body = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    pem = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
    return base64.b64encode(pem.encode()).decode()


def _signed(message: bytes) -> bytes:
    digest = _SHA256 + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (_SIZE - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded, "big"), _D, _N).to_bytes(_SIZE, "big")


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _whole(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _der(tag: int, data: bytes) -> bytes:
    size = len(data)
    if size < _LONG:
        return bytes((tag, size)) + data
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(length))) + length + data


def body_of(kind: str, object_type: str, said: Mapping[str, Any]) -> bytes:
    """A webhook's body."""
    return json.dumps(
        {
            "webhook_type": kind,
            "object_type": object_type,
            "organization_id": "org",
            object_type: said,
        }
    ).encode()
