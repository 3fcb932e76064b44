"""An error's body to an error's class: by status, then by the provider's code, by its text only as a last resort.

Where a body has these, ``_described`` knows. Codes and texts are those of recorded and documented errors, 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import errors
from .._call import Call
from .._http import HTTPResponse
from .._json import NotJSON, load
from ._described import described

__all__ = ["READ", "api_error", "error_from", "incomplete", "unreadable"]

_SNIPPET = 300
READ = 4000
"""So much of an error's text is looked at: what it says, it says at its beginning, and patterns take their time."""
_ERROR = 300  # a redirect is one too: it is not followed
_LEAST, _BEYOND, _DIGITS = 400, 600, 3

# What an error without an HTTP status of its own (inside a 200) says of itself.
_STATUS_OF: dict[str, int] = {
    "invalid_request_error": 400,
    "bad_request": 400,
    "tool_use_failed": 400,
    "content_filter": 400,
    "context_length_exceeded": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "insufficient_credits": 402,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "tokens": 429,
    "requests": 429,
    "server_error": 500,
    "internal_server_error": 500,
    "internal_error": 500,
    "api_error": 500,
    "timeout_error": 504,
    "service_unavailable": 503,
    "overloaded_error": 529,
    "overloaded": 529,
    # Mistral's, Databricks', GitHub's.
    "service_tier_capacity_exceeded": 429,
    "unreachable_backend": 503,
    "request_limit_exceeded": 429,
    "resource_does_not_exist": 404,
    "invalid_parameter_value": 400,
    "temporarily_unavailable": 503,
    "unauthenticated": 401,
    "unauthorized": 401,
    "ratelimitreached": 429,
    "tokens_limit_reached": 413,
}

_CLASS_OF: dict[str, type[errors.BadRequestError]] = {
    "context_length_exceeded": errors.ContextWindowExceededError,
    "context_window_exceeded": errors.ContextWindowExceededError,
    "exceed_context_size_error": errors.ContextWindowExceededError,
    "too_many_prompt_tokens": errors.ContextWindowExceededError,
    "tokens_limit_reached": errors.ContextWindowExceededError,
    "content_filter": errors.ContentPolicyViolationError,
    "content_policy_violation": errors.ContentPolicyViolationError,
    "responsibleaipolicyviolation": errors.ContentPolicyViolationError,
}

# Text, for the providers that give no code; only ever applied to a 400, 413 or 422.
_CLASS_BY_TEXT: tuple[tuple[re.Pattern[str], type[errors.BadRequestError]], ...] = (
    (
        re.compile(
            r"maximum context length|context window|context length|prompt is too long"
            r"|exceeds? the (?:model'?s )?(?:max(?:imum)? )?(?:input|context)|input is too long"
            r"|exceeds? context limit|prompt exceeds max length|max tokens of \d+ exceeded",
            re.IGNORECASE,
        ),
        errors.ContextWindowExceededError,
    ),
    (
        re.compile(
            r"content (?:management )?policy|safety system|content filter|unsafe or sensitive content",
            re.IGNORECASE,
        ),
        errors.ContentPolicyViolationError,
    ),
)
_REFINED = frozenset({400, 413, 422})

# Refused for good, although their status says "later".
_FINAL_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "credits_exhausted"})


def api_error(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 400 and above."""
    body = _parsed(response)
    return error_from(call, response, body)


def error_from(call: Call, response: HTTPResponse, body: Any) -> errors.APIError:
    """Make an error of its parsed body; for one inside a 200, its code stands for the status."""
    found = described(body)
    status = response.status if response.status >= _ERROR else _claimed_status(found)
    kind = errors.APIError if status is None else _refine(errors.for_status(status), status, found)
    return kind(
        found["message"] or f"the provider answered {response.status} and no message",
        status_code=status,
        provider=call.provider,
        model=call.model,
        code=found["code"],
        type=found["type"],
        param=found["param"],
        request_id=response.request_id,
        body=body,
        retryable=_retryable(kind, found, response.headers),
        sent="yes",
    )


def unreadable(call: Call, response: HTTPResponse, why: str) -> errors.APIError:
    """An answer that is not what it should be: HTML, half a JSON, another API's object."""
    text = response.body[:_SNIPPET].decode("utf-8", "replace")
    hint = "; is base_url right?" if text.lstrip().startswith("<") else ""
    return errors.APIResponseValidationError(
        f"the provider's answer could not be read: {why}{hint} It begins: {text!r}",
        status_code=response.status,
        provider=call.provider,
        model=call.model,
        request_id=response.request_id,
        body=text,
        sent="yes",
    )


def incomplete(call: Call, stray: bytes = b"") -> errors.APIError:
    """A stream has ended before its answer; ``stray`` is what came where no event ever did."""
    if stray:
        return unreadable(call, HTTPResponse(200, body=stray), "it is no event stream")
    return errors.StreamInterruptedError(
        "the stream ended before its answer was complete",
        provider=call.provider,
        model=call.model,
        retryable=True,
        sent="yes",
    )


def _parsed(response: HTTPResponse) -> Any:
    try:
        return load(response.body)
    except NotJSON:
        return response.body[: 8 * _SNIPPET].decode("utf-8", "replace")


def _claimed_status(found: Mapping[str, str | None]) -> int | None:
    for word in (found["code"], found["type"], found["status"]):
        if word is None:
            continue
        if word.isdecimal() and len(word) == _DIGITS and _LEAST <= int(word) < _BEYOND:
            return int(word)
        if (status := _STATUS_OF.get(word.lower())) is not None:
            return status
    return None


def _refine(
    kind: type[errors.APIStatusError], status: int, found: Mapping[str, str | None]
) -> type[errors.APIStatusError]:
    if status not in _REFINED:
        return kind
    for word in (found["code"], found["type"]):
        if word and word.lower() in _CLASS_OF:
            return _CLASS_OF[word.lower()]
    text = (found["message"] or "")[:READ]
    by_text = (refined for pattern, refined in _CLASS_BY_TEXT if pattern.search(text))
    return next(by_text, kind) if status != 422 else kind  # noqa: PLR2004


def _retryable(
    kind: type[errors.APIError], found: Mapping[str, str | None], headers: Mapping[str, str]
) -> bool:
    """``x-should-retry`` is OpenAI's own word on it; a used-up quota does not come back by waiting."""
    told = headers.get("x-should-retry")
    if told in ("true", "false"):
        return told == "true"
    if {found["code"], found["type"]} & _FINAL_CODES:
        return False
    return kind.default_retryable
