"""What a request is refused with: a status, and a body of OpenAI's form that says nothing of what is inside."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["Refused"]

_NONE: Mapping[str, str] = MappingProxyType({})


class Refused(Exception):
    """Ends a request.

    Args:
        status: HTTP's.
        message: for the caller to read: what is wrong, and what to change.
        type: one of LiteLLM's, which clients tell apart: ``auth_error``, ``expired_key``, ``budget_exceeded``,
            ``key_model_access_denied``, ``bad_request_error``, ``not_found_error``, ``validation_error``,
            ``internal_server_error``, …
        param: the field that it is about.
        code: the provider's, or the status.
        headers: such as ``retry-after``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        type: str,  # noqa: A002 - the field's name
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] = _NONE,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.type = status, message, type
        self.param, self.code = param, code or str(status)
        self.headers = headers

    def body(self) -> dict[str, Any]:
        """``{"error": {"message", "type", "param", "code"}}``."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": error}
