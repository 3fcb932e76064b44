"""An error's answer as an ``httpx.Response``, for programs that look at one. Nothing is sent, nothing is raised."""

from __future__ import annotations

from typing import Any

import httpx

from .. import _json
from ..errors import APIError

__all__ = ["request_of", "response_of"]

_NOWHERE = "https://provider.invalid"
"""Errors keep no address: a key may stand in it."""


def request_of() -> httpx.Request:
    """A request to nowhere in particular."""
    return httpx.Request("POST", _NOWHERE)


def response_of(error: APIError) -> httpx.Response:
    """Status and body (redacted) as the error has them; its headers are not kept, but for two that people read."""
    headers: dict[str, str] = {}
    if error.request_id:
        headers["x-request-id"] = error.request_id
    if error.retry_after is not None:
        headers["retry-after"] = f"{error.retry_after:g}"
    body: Any = error.body
    content = body if isinstance(body, str | bytes) else b"" if body is None else _json.dump(body)
    status = error.status_code or 500
    return httpx.Response(status, headers=headers, content=content, request=request_of())
