"""A refusal: what the simulated service answers instead of a message, as an exception; its names by status.

The names and their statuses are those of the service model of bedrock-runtime in botocore 1.44.5, read 2026-11-22.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ...._eventstream import encoded
from .._wire import Reply

__all__ = ["Refusal", "exception_frame", "invalid", "refused"]

_NAMES: Final[Mapping[int, str]] = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_MEMBERS: Final = frozenset(
    {
        "validationException",
        "throttlingException",
        "serviceUnavailableException",
        "internalServerException",
    }
)
_SERVER_ERROR: Final = 500
_INTERNAL: Final = "InternalServerException"
_SPACE: Final = "http://internal.amazon.com/coral/com.amazon.bedrock/"


class Refusal(Exception):
    """An error answer: its HTTP *status*, its message, and the exception's name where the status does not say it."""

    def __init__(self, status: int, message: str, name: str | None = None) -> None:
        super().__init__(message)
        self.status, self.name = status, name or _named(status)


def _named(status: int) -> str:
    fallback = _INTERNAL if status >= _SERVER_ERROR else "ValidationException"
    return _NAMES.get(status, fallback)


def invalid(message: str) -> Refusal:
    """A 400."""
    return Refusal(400, message)


def refused(refusal: Refusal) -> Reply:
    """The answer: the name is in a header, the message in the body."""
    headers = {"x-amzn-errortype": f"{refusal.name}:{_SPACE}"}
    return Reply(refusal.status, json.dumps({"message": str(refusal)}).encode(), headers=headers)


def exception_frame(status: int, message: str) -> bytes:
    """The same in the middle of a stream: a frame that is an exception."""
    name = _named(status)
    member = name[:1].lower() + name[1:]
    headers = {
        ":exception-type": member if member in _MEMBERS else "internalServerException",
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return encoded(headers, json.dumps({"message": message}).encode())
