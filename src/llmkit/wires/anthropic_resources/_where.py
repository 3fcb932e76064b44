"""The address, and the betas of what is not released to all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._http import Endpoint, HTTPRequest
from .._objects import asked, segment
from .._params import Ledger

__all__ = ["BETA", "cursor", "get", "one", "rooted", "with_beta"]

BETA = "anthropic-beta"
_ROOT = "/v1"


def rooted(to: Endpoint) -> Endpoint:
    """The endpoint with its version: people give the address with it and without."""
    base, mark, query = to.base_url.partition("?")
    base = base.rstrip("/").removesuffix(_ROOT)
    return Endpoint(f"{base}{_ROOT}{mark}{query}", to.headers, to.query)


def with_beta(request: HTTPRequest, name: str) -> HTTPRequest:
    """The request with one more beta; those that the caller names are added to it."""
    request.lists = frozenset({BETA})
    return request.with_headers({BETA: name})


def get(
    ledger: Ledger, to: Endpoint, path: str, query: Mapping[str, Any] | None = None, **told: Any
) -> HTTPRequest:
    """A request without a body, below the version."""
    return asked(ledger, rooted(to), path, query, **told)


def one(ledger: Ledger, name: str, value: str | None) -> str:
    """An id as part of a path."""
    return segment(ledger, name, value)


def cursor(data: dict[str, Any]) -> dict[str, Any]:
    """A page with the next one's cursor: by id, or as a word of its own."""
    more = bool(data.get("has_more"))
    data["next_cursor"] = data.get("next_page") or (data.get("last_id") if more else None)
    data["has_more"] = data["next_cursor"] is not None
    return data
