"""A refusal: what the simulated provider answers instead of a completion, as an exception.

The wording of OpenAI's common refusals lives here. When to refuse is `_check`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Refusal", "bad_request", "missing", "wrong_type"]


class Refusal(Exception):
    """An error answer: its HTTP *status* and the members of OpenAI's error object."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.error: dict[str, Any] = {
            "message": message,
            "type": kind,
            "param": param,
            "code": code,
        }


def bad_request(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """A 400 with *message*."""
    return Refusal(400, message, param=param, code=code)


def missing(param: str) -> Refusal:
    """A 400: a required parameter is absent."""
    message = f"Missing required parameter: '{param}'."
    return bad_request(message, param, "missing_required_parameter")


def wrong_type(param: str, expected: str, value: Any) -> Refusal:
    """A 400: *param* holds something that is not *expected* (a phrase with its article)."""
    message = f"Invalid type for '{param}': expected {expected}, but got {_phrase(value)} instead."
    return bad_request(message, param, "invalid_type")


def _phrase(value: Any) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string"}
    names |= {list: "an array", dict: "an object"}
    return names.get(type(value), "null")
