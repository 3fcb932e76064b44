"""What a request shows: a key or token in one of the headers that clients use, or a session's cookie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

__all__ = ["COOKIE", "COOKIE_HTTPS", "looks_like_a_token", "own", "shown_by"]

COOKIE: Final = "llmkit_session"
COOKIE_HTTPS: Final = "__Host-llmkit_session"
"""Over https: no other host, and no page that came unencrypted, can set a cookie of such a name (RFC 6265bis 4.1.3)."""
_HEADERS: Final = (
    "x-litellm-api-key",
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
)
"""LiteLLM's, everybody's, Anthropic's, Google's and Azure's, in the order in which they win."""
_RAW: Final = frozenset(name.encode() for name in _HEADERS)
_BEARER: Final = "bearer "
_DOTS: Final = 2


def shown_by(headers: Mapping[str, str]) -> str:
    """The key that the headers show, or an empty text.

    LiteLLM's own header goes before all others: it is for clients whose ``Authorization`` is for somebody else.
    """
    said = _said(headers) if isinstance(headers, Headers) else headers
    for name in _HEADERS:
        if shown := said.get(name):
            return _without_scheme(shown)
    return ""


def _said(headers: Headers) -> Mapping[str, str]:
    """Starlette's headers are a list, which each look-up goes through: it is gone through once."""
    found: dict[str, str] = {}
    for name, value in headers.raw:
        if name in _RAW:
            found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found


def _without_scheme(said: str) -> str:
    said = said.strip()
    return said[len(_BEARER) :].strip() if said[: len(_BEARER)].lower() == _BEARER else said


def looks_like_a_token(shown: str) -> bool:
    """Whether this is no key of ours, and has the form of an identity provider's token (JWT)."""
    return shown.startswith("ey") and shown.count(".") == _DOTS


def own(headers: Mapping[str, str], origins: tuple[str, ...]) -> bool:
    """Whether a request that a browser added its cookie to came from a page of ours, or of these origins.

    A browser says so itself (``Sec-Fetch-Site``, which no page can set); one that does not says the page's origin
    where it is another's. ``SameSite=Strict`` is the first lock, and lets pages of sibling domains through.
    """
    origin = headers.get("origin", "")
    if origin and origin in origins:
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    return not origin or _host(origin) == headers.get("host", "").lower()


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
