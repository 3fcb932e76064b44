"""Errors: problem details (RFC 9457) with a status, and predictions that have failed.

Bodies as they were seen in recorded traffic and public reports, 2026-11-22: ``{"title", "detail", "status"}``, with
``invalid_fields`` beside a 422 and ``retry_after`` beside a 429.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ... import errors
from ..._call import Call
from ..._http import HTTPResponse
from .._errors import READ, api_error

__all__ = ["ended", "failed"]

_SNIPPET = 2000
_FOREVER = 1e9
# https://replicate.com/docs/topics/predictions/rate-limits, read 2026-11-22.
_RESETS = re.compile(r"resets in ~(\d{1,6})s")
# A model's own words, as far as they are the same for many.
_BY_TEXT: tuple[tuple[re.Pattern[str], type[errors.APIStatusError]], ...] = (
    (
        re.compile(r"nsfw|flagged as sensitive|content policy|safety", re.IGNORECASE),
        errors.ContentPolicyViolationError,
    ),
    (
        re.compile(
            r"context (length|window)|prompt (length|is too long)|exceeds? .{0,40}tokens",
            re.IGNORECASE,
        ),
        errors.ContextWindowExceededError,
    ),
)


def failed(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 300 and above."""
    made = api_error(call, response)
    body = made.body
    if not isinstance(body, Mapping):
        return made
    title = body.get("title")
    made.type = title if isinstance(title, str) else made.type
    made.retry_after = _after(body, made)
    return made


def _after(body: Mapping[str, Any], made: errors.APIError) -> float | None:
    """When to come again: a field of some answers, and of all only in words."""
    told = body.get("retry_after")
    if isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < _FOREVER:
        return float(told)
    found = _RESETS.search(made.message[:READ])
    return made.retry_after if found is None else float(found.group(1))


def ended(call: Call, status: str, body: Any, text: Any = None) -> errors.APIError:
    """The error that a prediction is which did not succeed: a model's failure, or somebody's end to it."""
    said = str(text)[:_SNIPPET] if text else f"the prediction was {status}"
    fitting = (kind for pattern, kind in _BY_TEXT if pattern.search(said[:READ]))
    kind = next(fitting, None) if status == "failed" else None
    return (kind or errors.APIError)(
        said,
        provider=call.provider,
        model=call.model,
        code=status,
        body=body,
        # Who starts it again pays again; one that never started may be.
        retryable=status == "aborted",
        sent="yes",
    )
