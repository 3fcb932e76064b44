"""A refusal: what the simulated API answers instead of a message, as an exception.

The types that go with each status are here: https://platform.claude.com/docs/en/api/errors, read 2026-11-22.
When to refuse is for the `_check` modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["Refusal", "error_body", "invalid"]

_SERVER_ERROR: Final = 500
_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Refusal(Exception):
    """An error answer: its HTTP *status*, its message and the headers that come with it."""

    def __init__(
        self, status: int, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def invalid(where: str, message: str) -> Refusal:
    """A 400 about the place *where*, a path with dots such as ``messages.0.content``."""
    return Refusal(400, f"{where}: {message}")


def error_body(status: int, message: str, request_id: str) -> dict[str, Any]:
    """The body of an error answer, with the type that goes with *status*."""
    fallback = "api_error" if status >= _SERVER_ERROR else "invalid_request_error"
    error = {"type": _TYPES.get(status, fallback), "message": message}
    return {"type": "error", "error": error, "request_id": request_id}
