"""What a request is refused with, by the error that it ended in."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from ..errors import APIError
from .failure import Refused

__all__ = ["refused_by"]


def refused_by(error: BaseException) -> Refused:
    """The refusal that stands for an error. What is not llmkit's is a 500 that says nothing."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, HTTPException):
        return Refused(error.status_code, str(error.detail), "not_found_error")
    if isinstance(error, APIError):
        return Refused(error.status_code or 500, error.message, error.type or "api_error")
    return Refused(
        500, "the gateway failed; its log has more by the request's id", "internal_server_error"
    )
