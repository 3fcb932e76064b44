"""Anthropic's Messages as a front: requests in that form to the internal one, answers and streams back.

Source: https://platform.claude.com/docs/en/api/messages and …/api/errors, read 2026-11-22. docs/fronts.md tells what
becomes of what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import APIError
from .. import Asked
from .._checks import status_of
from .._sse import named
from ._events import MessageEvents
from ._read import read
from ._write import write

__all__ = ["MessageEvents", "error", "events", "frame", "read", "write"]

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_REFUSED = 500


def events(asked: Asked | None = None) -> MessageEvents:
    """A teller of one stream."""
    return MessageEvents(asked)


def error(failure: APIError) -> tuple[int, dict[str, Any]]:
    """A failure as its status and body; in a stream the body is the event."""
    status = status_of(failure)
    default = "api_error" if status >= _REFUSED else "invalid_request_error"
    told = {"type": _TYPES.get(status, default), "message": failure.message}
    return status, {"type": "error", "error": told, "request_id": failure.request_id}


def frame(event: Mapping[str, Any]) -> bytes:
    """An event as it is sent."""
    return named(event)
