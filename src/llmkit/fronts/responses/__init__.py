"""OpenAI's Responses as a front: requests in that form to the internal one, answers and streams back.

Source: https://platform.openai.com/docs/api-reference/responses, read 2026-11-22. docs/fronts.md tells what becomes of
what. Nothing is kept between two requests: what must come back rides in ``encrypted_content``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import APIError
from .. import Asked
from .._checks import status_of
from .._sse import named
from ._events import ResponseEvents
from ._read import read
from ._write import write

__all__ = ["ResponseEvents", "error", "events", "failed", "frame", "read", "write"]

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_REFUSED = 500
_LIMITED = 429


def events(asked: Asked | None = None) -> ResponseEvents:
    """A teller of one stream."""
    return ResponseEvents(asked)


def error(failure: APIError) -> tuple[int, dict[str, Any]]:
    """A failure as its status and body."""
    status = status_of(failure)
    default = "server_error" if status >= _REFUSED else "invalid_request_error"
    told = {"message": failure.message, "type": failure.type or _TYPES.get(status, default)}
    return status, {"error": told | {"param": failure.param, "code": failure.code}}


def failed(failure: APIError, answer: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The event that ends a stream which broke off; ``answer`` is how far it had come."""
    limited = status_of(failure) == _LIMITED
    told = {"code": "rate_limit_exceeded" if limited else "server_error"}
    broken = {**answer, "status": "failed", "error": told | {"message": failure.message}}
    return {"type": "response.failed", "sequence_number": number, "response": broken}


def frame(event: Mapping[str, Any]) -> bytes:
    """An event as it is sent."""
    return named(event)
