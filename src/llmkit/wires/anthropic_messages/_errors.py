"""Errors in Anthropic's spelling: by type first, and by text where one type stands for several things.

Source of the types: https://platform.claude.com/docs/en/api/errors, read 2026-11-22. Errors in a stream come inside a
200, so their type stands for the status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ... import errors
from ..._call import Call
from ..._http import HTTPResponse
from .._errors import READ, api_error, error_from

__all__ = ["error", "stream_error"]

_STATUS: dict[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}

# ``invalid_request_error`` says all of these. A used-up limit does not come back within a retry's time, a
# credit not at all by waiting; other deployments may still answer.
_BY_TEXT: tuple[tuple[re.Pattern[str], type[errors.APIStatusError]], ...] = (
    (
        re.compile(
            r"(reached|exceeded) (your|its|the) [\w ]*usage limit|usage limits? (was |were )?(reached|exceeded)",
            re.IGNORECASE,
        ),
        errors.RateLimitError,
    ),
    (re.compile(r"credit balance is too low", re.IGNORECASE), errors.PaymentRequiredError),
    (
        re.compile(r"exceed(s|ed)? (the |your )?context|prompt is too long", re.IGNORECASE),
        errors.ContextWindowExceededError,
    ),
)


def error(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 400 and above."""
    return _refined(api_error(call, response))


def stream_error(
    call: Call, body: Any, headers: Mapping[str, str] | None = None
) -> errors.APIError:
    """Read an error that came inside a 200."""
    inner = body.get("error") if isinstance(body, Mapping) else None
    kind = inner.get("type") if isinstance(inner, Mapping) else None
    status = _STATUS.get(kind, 200) if isinstance(kind, str) else 200
    return _refined(error_from(call, HTTPResponse(status, headers or {}), body))


def _refined(made: errors.APIError) -> errors.APIError:
    body = made.body if isinstance(made.body, Mapping) else {}
    made.request_id = made.request_id or _text(body.get("request_id"))
    if type(made) is not errors.BadRequestError:
        return made
    fitting = (kind for pattern, kind in _BY_TEXT if pattern.search(made.message[:READ]))
    kind = next(fitting, None)
    if kind is None:
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
        retryable=False,
        sent=made.sent,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
