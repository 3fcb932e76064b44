"""Errors in the server's spelling: ``{"error": "text"}``. The text must say what the status does not.

Source: ``server/routes.go`` (named in the package), read 2026-11-22: an error before the first line has its status,
one that comes later is a line of the stream, and stands for 500 unless it says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ... import errors
from ..._call import Call
from ..._http import HTTPResponse
from .._errors import READ, api_error, error_from

__all__ = ["error", "is_error", "stream_error"]

_SERVER = 500
_LEAST, _BEYOND = 400, 600
# The texts are the runner's and the server's own; a prompt that is too long comes as 400 or as 500.
_BY_TEXT: tuple[tuple[re.Pattern[str], int], ...] = (
    (
        re.compile(
            r"exceeds? (the |maximum )?(available )?context|context (size|length) exceeded",
            re.IGNORECASE,
        ),
        400,
    ),
    (re.compile(r"^model ['\"].{0,300}['\"] not found", re.IGNORECASE), 404),
    (re.compile(r"server busy|maximum pending requests", re.IGNORECASE), 503),
    (re.compile(r"^rate limit exceeded|usage limit", re.IGNORECASE), 429),
)


def is_error(data: Any) -> bool:
    """Whether a line or a body is an error."""
    return isinstance(data, Mapping) and bool(data.get("error"))


def error(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 400 and above."""
    made = api_error(call, response)
    return _refined(call, response, made)


def stream_error(call: Call, response: HTTPResponse, body: Mapping[str, Any]) -> errors.APIError:
    """Read an error that came inside a 200."""
    status = body.get("status")
    if not isinstance(status, int) or not _LEAST <= status < _BEYOND:
        status = _SERVER
    stands_for = replace(response, status=status)
    return _refined(call, stands_for, error_from(call, stands_for, dict(body)))


def _refined(call: Call, response: HTTPResponse, made: errors.APIError) -> errors.APIError:
    """The class that the text asks for, where the status says only that something failed."""
    if made.status_code not in (400, 500):
        return made
    text = made.message[:READ]
    status = next((status for pattern, status in _BY_TEXT if pattern.search(text)), None)
    if status is None:
        return made
    kind = errors.ContextWindowExceededError if status == 400 else errors.for_status(status)  # noqa: PLR2004
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
        retryable=kind.default_retryable,
        sent=made.sent,
    )
