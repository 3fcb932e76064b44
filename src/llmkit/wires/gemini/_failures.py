"""Google's error object to an error's class: by status, by its reason, by its text only where it gives neither.

Source: recorded errors, read 2026-11-22: ``{"error": {"code", "message", "status", "details": [{"@type": …ErrorInfo |
RetryInfo | QuotaFailure …}]}}``. A list of such an object is read, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ... import errors
from ..._call import Call
from ..._http import HTTPResponse
from ..._json import NotJSON, load
from .._errors import READ, api_error, error_from

__all__ = ["blocked", "failed", "failure", "is_error"]

_REDIRECT, _ERROR = 300, 400  # a redirect is an error too: it is not followed
# google.rpc.Code by name, for an error inside a 200 that has no number.
_STATUS = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499, "UNKNOWN": 500, "INTERNAL": 500, "DATA_LOSS": 500, "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
# A wrong key is answered with 400 here; the reason says what it is.
_CLASS_OF: dict[str, type[errors.APIStatusError]] = {
    "API_KEY_INVALID": errors.AuthenticationError,
    "API_KEY_EXPIRED": errors.AuthenticationError,
}
_CLASS_BY_TEXT: tuple[tuple[re.Pattern[str], type[errors.APIStatusError]], ...] = (
    (re.compile(r"api key (?:not valid|expired)", re.IGNORECASE), errors.AuthenticationError),
    (
        re.compile(
            r"token count.*exceeds the maximum|exceeds the maximum number of tokens",
            re.IGNORECASE | re.DOTALL,
        ),
        errors.ContextWindowExceededError,
    ),
    (
        re.compile(r"prohibited[ _]content|safety (?:policy|polic)", re.IGNORECASE),
        errors.ContentPolicyViolationError,
    ),
)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


def failed(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 400 and above."""
    try:
        body = load(response.body)
    except NotJSON:
        return api_error(call, response)
    return failure(call, response, body)


def is_error(body: Any) -> bool:
    """Whether a JSON is an error, bare or in a list."""
    return isinstance(_first(body), Mapping) and bool(_first(body).get("error"))


def failure(call: Call, response: HTTPResponse, body: Any) -> errors.APIError:
    """Make an error of its parsed body; for one inside a 200, its code stands for the status."""
    found = _first(body)
    inner = found.get("error") if isinstance(found, Mapping) else None
    if not isinstance(inner, Mapping) or not ("status" in inner or "details" in inner):
        # Not Google's: a proxy's, another API's.
        return error_from(call, response, body)
    message = str(inner.get("message") or "the provider gave no message")
    reason, delay, final = _details(inner)
    word = None if inner.get("status") is None else str(inner["status"])
    status = _status(response, inner, word)
    kind = _kind(status, reason, message)
    return kind(
        message,
        status_code=status,
        provider=call.provider,
        model=call.model,
        code=reason or word,
        type=word,
        request_id=response.request_id,
        body=body,
        retryable=False if final else None,
        retry_after=delay,
        sent="yes",
    )


def blocked(call: Call, response: HTTPResponse, body: Mapping[str, Any]) -> errors.APIError:
    """A prompt that the provider's rules refused: nothing was answered."""
    feedback = body["promptFeedback"]
    reason = str(feedback.get("blockReason"))
    message = feedback.get("blockReasonMessage") or f"the prompt was blocked: {reason}"
    return errors.ContentPolicyViolationError(
        str(message),
        provider=call.provider,
        model=call.model,
        code=reason,
        request_id=response.request_id,
        body=body,
        sent="yes",
    )


def _first(body: Any) -> Any:
    return body[0] if isinstance(body, list) and body else body


def _status(response: HTTPResponse, inner: Mapping[str, Any], word: str | None) -> int | None:
    if response.status >= _REDIRECT:
        return response.status
    code = inner.get("code")
    if isinstance(code, int) and _ERROR <= code < 600:  # noqa: PLR2004 - the range of HTTP errors
        return code
    return _STATUS.get(word or "")


def _kind(status: int | None, reason: str | None, message: str) -> type[errors.APIError]:
    if status is None:
        return errors.APIError
    if reason in _CLASS_OF:
        return _CLASS_OF[reason]
    by_text = (kind for pattern, kind in _CLASS_BY_TEXT if pattern.search(message[:READ]))
    family = errors.for_status(status)
    return next(by_text, family) if status == _ERROR else family


def _details(inner: Mapping[str, Any]) -> tuple[str | None, float | None, bool]:
    """The reason, the seconds to wait, and whether waiting will not help: a day's quota is used up."""
    reason, delay, final = None, None, False
    for kind, detail in _typed(inner.get("details")):
        if kind == "ErrorInfo" and detail.get("reason") is not None:
            reason = str(detail["reason"])
        elif kind == "RetryInfo":
            match = _SECONDS.fullmatch(str(detail.get("retryDelay") or ""))
            delay = float(match.group(1)) if match else None
            delay = None if delay == math.inf else delay
        elif kind == "QuotaFailure":
            final = "PerDay" in str(detail.get("violations"))
    return reason, delay, final


def _typed(details: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping):
            yield str(detail.get("@type") or "").rpartition(".")[2], detail
