"""A refusal: what the simulated Gemini answers instead of content, as an exception.

Google's error object, its status names and its common details live here (https://google.aip.dev/193, read
2026-11-22). When to refuse is the business of the modules that check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["Refusal", "bad_request", "error_info", "error_object", "violations"]

_TYPE: Final = "type.googleapis.com/google.rpc."
_SERVER_ERROR: Final = 500

# HTTP status -> the name of the canonical code that goes with it.
_STATUS: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Refusal(Exception):
    """An error answer: its HTTP *status* and the members of Google's error object."""

    def __init__(
        self, status: int, message: str, details: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.details = details


def bad_request(message: str) -> Refusal:
    """A 400 with *message*, without details, as what comes after the parsing has none."""
    return Refusal(400, message)


def violations(faults: Sequence[tuple[str, str]]) -> Refusal:
    """A 400 for what the JSON parser found: pairs of a field's path (may be empty) and a description."""
    listed = [
        {**({"field": field} if field else {}), "description": text} for field, text in faults
    ]
    details = [{"@type": f"{_TYPE}BadRequest", "fieldViolations": listed}]
    return Refusal(400, "\n".join(text for _, text in faults), details)


def error_info(reason: str, **metadata: str) -> dict[str, Any]:
    """The detail that gives a refusal's *reason* as a word."""
    return {
        "@type": f"{_TYPE}ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }


def error_object(
    status: int, message: str, details: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Google's body for an error with *status*; without details there is no member for them."""
    name = _STATUS.get(status, "INTERNAL" if status >= _SERVER_ERROR else "INVALID_ARGUMENT")
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    return {"error": error | ({"details": list(details)} if details else {})}
