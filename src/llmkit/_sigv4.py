"""AWS Signature Version 4: a request's values in, the headers that sign it out. Pure: the time is given.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, read 2026-11-22;
botocore's signatures of the same requests are equal (tests/test_sigv4.py). No environment, no provider's knowledge.
Rule: signed are the host, the content type, and what begins with ``x-amz``; a proxy may touch the rest.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from ._secret import Secret

__all__ = ["Credentials", "signed"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Credentials:
    """AWS keys. ``token`` is there for temporary ones, which end at ``expires`` (Unix time, seconds)."""

    access_key: str
    secret_key: Secret
    token: Secret | None = None
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a signature holds for: a day, a region, a service."""

    stamp: str
    region: str
    service: str

    @property
    def text(self) -> str:
        return f"{self.stamp[:8]}/{self.region}/{self.service}/aws4_request"

    def key(self, secret: Secret) -> bytes:
        key = b"AWS4" + secret.reveal().encode()
        for part in self.text.split("/"):
            key = _mac(key, part)
        return key


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: Credentials,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """Return the headers that sign this request, to be set beside its own.

    ``now`` is Unix time in seconds; AWS takes what is at most five minutes off. The path of ``url`` must be
    the escaped one that is sent.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    made = {"x-amz-date": stamp}
    if keys.token:
        made["x-amz-security-token"] = keys.token.reveal()
    said = _signable(url, {**headers, **made})
    names = ";".join(said)
    lines = [method.upper(), _path(url), _query(url)]
    lines += [*(f"{name}:{value}" for name, value in said.items()), "", names]
    request = "\n".join([*lines, hashlib.sha256(body).hexdigest()])
    scope = _Scope(stamp, region, service)
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{stamp}\n{scope.text}\n{digest}"
    signature = _mac(scope.key(keys.secret_key), to_sign).hex()
    credential = f"{keys.access_key}/{scope.text}"
    made["authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    return made


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _signable(url: str, headers: Mapping[str, str]) -> dict[str, str]:
    given = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    kept = {n: v for n, v in given.items() if n == "content-type" or n.startswith("x-amz")}
    return dict(sorted({**kept, "host": given.get("host") or _host(url)}.items()))


def _host(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    default = _PORTS.get(parts.scheme)
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def _path(url: str) -> str:
    """The path without dots in it, escaped once more than it is sent: all services but S3 want that."""
    return quote(_normalized(urlsplit(url).path), safe="/~")


def _normalized(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    if not kept:
        return "/"
    return f"/{'/'.join(kept)}{'/' if path.endswith('/') else ''}"


def _query(url: str) -> str:
    pairs = (pair.partition("=") for pair in urlsplit(url).query.split("&") if pair)
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs))
