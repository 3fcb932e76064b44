"""What the wires of one family (chat, embed, rerank) share: addresses, errors, the count of billed units.

Sources: the family's OpenAPI description (v1 and v2, 2026-08-20), https://docs.cohere.com/errors-reference and
https://docs.cohere.com/docs/rate-limits, read 2026-11-22. An error is ``{"message", "id"}`` and says nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import errors
from .._call import Call
from .._http import Endpoint, HTTPResponse, join_url
from ._errors import READ, api_error, error_from
from ._reclassed import reclassed

__all__ = ["address", "beside", "besides", "count", "error", "error_in", "named_error"]

_VERSION = re.compile(r"/v[12]$")
_PATHS = ("/chat", "/embed", "/rerank", "/generate")

_DENIED = 498
"""A request or an answer has a token that is on a list of those denied; it is nobody's registered status."""

_CANCELLED = 499
"""Somebody (also the stream, on their side) gave the request up: the page of errors says to try again."""

# Only the message says what a 400 or 422 is about.
_BY_TEXT: tuple[tuple[re.Pattern[str], type[errors.APIStatusError]], ...] = (
    (
        # The other "too many tokens" is about max_tokens.
        re.compile(r"too many tokens(?!: max tokens)|total number of tokens", re.IGNORECASE),
        errors.ContextWindowExceededError,
    ),
    (
        re.compile(r"blocked (?:input|output|prompt)", re.IGNORECASE),
        errors.ContentPolicyViolationError,
    ),
    (
        re.compile(r"invalid api token|no api key supplied", re.IGNORECASE),
        errors.AuthenticationError,
    ),
)
_REFINED = frozenset({400, 422})
_MONTH = re.compile(r"calls? ?(?:/|per) ?month", re.IGNORECASE)

# How a generation failed that had been answered with 200.
_FAILED = 500
_STATUS_OF = {"ERROR": _FAILED, "TIMEOUT": 504, "ERROR_TOXIC": 400}


def address(to: Endpoint, version: str, path: str) -> str:
    """``…/v2/chat``: people give the address with its version and without; a whole one is taken, too."""
    base, mark, query = to.base_url.partition("?")
    base = base.rstrip("/")
    for known in _PATHS:
        base = base.removesuffix(known)
    return join_url(_VERSION.sub("", base) + mark + query, f"/{version}{path}", to.query)


def error(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 400 and above."""
    return _refined(api_error(call, response))


def error_in(call: Call, body: Any, headers: Mapping[str, str] | None = None) -> errors.APIError:
    """Read an error that came inside a 200.

    It has no status, and no code: where its text tells of no mistake in the request, the generation has failed.
    """
    told = headers or {}
    made = error_from(call, HTTPResponse(200, told), body)
    if made.status_code is None:
        known = any(pattern.search(made.message[:READ]) for pattern, _ in _BY_TEXT)
        made = error_from(call, HTTPResponse(400 if known else _FAILED, told), body)
    return _refined(made)


def named_error(call: Call, reason: str, told: Mapping[str, Any]) -> errors.APIError | None:
    """The error that a reason for finishing stands for; ``None`` where it is no failure."""
    status = _STATUS_OF.get(reason)
    if status is None:
        return None
    kind = errors.for_status(status)
    if reason == "ERROR_TOXIC":
        kind = errors.ContentPolicyViolationError
    text = told.get("error") or told.get("text")
    return kind(
        text if isinstance(text, str) and text else f"the generation ended with {reason}",
        status_code=status,
        provider=call.provider,
        model=call.model,
        code=reason,
        body=dict(told),
        sent="yes",
    )


def count(source: Any, name: str) -> int | None:
    """A count where one is told: they are declared as numbers, so ``3.0`` is 3."""
    value = source.get(name) if isinstance(source, Mapping) else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def beside(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What an answer says of itself beside its subject: ``billed_units``, ``tokens`` …; empty where it does not."""
    found = besides(body).get(name)
    return found if isinstance(found, Mapping) else {}


def besides(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """All that an answer says of itself."""
    told = body.get("meta")
    return told if isinstance(told, Mapping) else {}


def _refined(made: errors.APIError) -> errors.APIError:
    body = made.body if isinstance(made.body, Mapping) else {}
    if isinstance(body.get("id"), str):
        made.request_id = made.request_id or body["id"]
    if isinstance(made, errors.RateLimitError) and _MONTH.search(made.message[:READ]):
        # A month's calls are used up: waiting for as long as a retry does brings none back.
        made.retryable = False
    if made.status_code == _CANCELLED:
        made.retryable = True
    return reclassed(_kind(made), made)


def _kind(made: errors.APIError) -> type[errors.APIError]:
    if made.status_code == _DENIED:
        return errors.ContentPolicyViolationError
    plain = type(made) in (errors.BadRequestError, errors.UnprocessableEntityError)
    if not plain or made.status_code not in _REFINED:
        return type(made)
    fitting = (kind for pattern, kind in _BY_TEXT if pattern.search(made.message[:READ]))
    return next(fitting, type(made))
