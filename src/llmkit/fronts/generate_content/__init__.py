"""Gemini's generateContent as a front: requests in that form to the internal one, answers and streams back.

Source: https://ai.google.dev/api/generate-content, read 2026-11-22. docs/fronts.md tells what becomes of what. ``read``
is told the model and whether to stream: both are in the request's address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import APIError
from .. import Asked
from .._checks import status_of
from .._sse import bare
from ._events import GenerateContentEvents
from ._read import read
from ._write import write

__all__ = ["GenerateContentEvents", "error", "events", "frame", "read", "write"]

# https://cloud.google.com/apis/design/errors#handling_errors, read 2026-11-22.
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_REFUSED = 500


def events(asked: Asked | None = None) -> GenerateContentEvents:
    """A teller of one stream."""
    return GenerateContentEvents(asked)


def error(failure: APIError) -> tuple[int, dict[str, Any]]:
    """A failure as its status and body."""
    status = status_of(failure)
    default = "INTERNAL" if status >= _REFUSED else "INVALID_ARGUMENT"
    told = {"code": status, "message": failure.message, "status": _STATUS.get(status, default)}
    return status, {"error": told}


def frame(event: Mapping[str, Any]) -> bytes:
    """An event as it is sent, with ``alt=sse``."""
    return bare(event)
