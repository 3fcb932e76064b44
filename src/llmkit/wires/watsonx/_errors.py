"""Errors in the service's spelling: ``{"errors": [{"code", "message"}], "trace", "status_code"}``.

Source of the codes: ``WatsonxError`` of IBM's Java SDK (named in the package), read 2026-11-22; ``errorCode`` and
``errorMessage`` are those of IBM Cloud's identity service. One status stands for several things, so codes come first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ... import errors
from ..._call import Call
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from .._errors import READ, api_error, error_from

__all__ = ["failed", "is_error", "stream_error"]

_LEAST, _BEYOND = 400, 600
# A quota that is used up comes as 403, and does not come back by waiting.
_CLASS_OF: dict[str, type[errors.APIStatusError]] = {
    "authentication_token_expired": errors.AuthenticationError,
    "authentication_token_not_valid": errors.AuthenticationError,
    "authorization_rejected": errors.PermissionDeniedError,
    "user_authorization_failed": errors.PermissionDeniedError,
    "model_not_supported": errors.NotFoundError,
    "token_quota_reached": errors.RateLimitError,
    "consumption_limit_reached": errors.RateLimitError,
}
_FINAL = frozenset({"token_quota_reached"})
_TOO_LONG = re.compile(
    r"number of input tokens .{0,80}cannot exceed|exceeds? the (maximum|total) (sequence|tokens?)"
    r"|maximum context length",
    re.IGNORECASE | re.DOTALL,
)


def is_error(data: Any) -> bool:
    """Whether a body or an event is an error."""
    return isinstance(data, Mapping) and bool(data.get("errors") or data.get("error"))


def failed(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 300 and above."""
    try:
        body = load(response.body)
    except NotJSON:
        return api_error(call, response)
    return _made(call, response, body)


def stream_error(call: Call, response: HTTPResponse, body: Any) -> errors.APIError:
    """Read an error that came inside a 200: the status that it names stands for it."""
    status = body.get("status_code") if isinstance(body, Mapping) else None
    if not isinstance(status, int) or not _LEAST <= status < _BEYOND:
        status = response.status
    return _made(call, HTTPResponse(status, response.headers), body)


def _made(call: Call, response: HTTPResponse, body: Any) -> errors.APIError:
    found = _first(body)
    made = error_from(call, response, body if found is None else {"error": found})
    made.body = body
    if isinstance(body, Mapping) and made.request_id is None:
        made.request_id = _text(body.get("trace"))
    return _refined(made)


def _first(body: Any) -> dict[str, Any] | None:
    """The error that the others follow from."""
    if not isinstance(body, Mapping):
        return None
    listed = body.get("errors")
    if isinstance(listed, list) and listed and isinstance(listed[0], Mapping):
        return dict(listed[0])
    if isinstance(body.get("errorMessage"), str):
        return {"message": body["errorMessage"], "code": body.get("errorCode")}
    return None


def _refined(made: errors.APIError) -> errors.APIError:
    kind = _CLASS_OF.get(made.code or "")
    if made.status_code in (400, 413) and _TOO_LONG.search(made.message[:READ]):
        kind = errors.ContextWindowExceededError
    if kind is None or isinstance(made, kind):
        return made
    return kind(
        made.message,
        status_code=made.status_code,
        provider=made.provider,
        model=made.model,
        code=made.code,
        type=made.type,
        param=made.param,
        request_id=made.request_id,
        body=made.body,
        retryable=kind.default_retryable and made.code not in _FINAL,
        sent=made.sent,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
