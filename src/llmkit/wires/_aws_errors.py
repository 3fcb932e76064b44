"""Errors as AWS's JSON services write them: named in a header or in ``__type``, and in the frames of a stream.

Source: the service models of bedrock-runtime and sagemaker-runtime in botocore 1.44.5 (each exception and its status),
https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html (where the name stands), and recorded traffic; read
2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import errors
from .._call import Call
from .._eventstream import Frame
from .._http import HTTPResponse
from .._json import NotJSON, load
from ._errors import READ, api_error, error_from

__all__ = ["failed", "failure", "frame_error"]

_NAMED = "x-amzn-errortype"
_ERROR = 300
# In a stream an exception has no status of its own: it has its name.
_STATUS: dict[str, int] = {
    "validationexception": 400,
    "badrequestexception": 400,
    "servicequotaexceededexception": 400,
    "conflictexception": 400,
    "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
    "modeltimeoutexception": 408,
    "modelerrorexception": 424,
    "modelstreamerrorexception": 424,
    "modelnotreadyexception": 429,
    "throttlingexception": 429,
    "toomanyrequestsexception": 429,
    "internalserverexception": 500,
    "internalfailure": 500,
    "internalerror": 500,
    "internalservererror": 500,
    "internaldependencyexception": 530,
    "serviceunavailableexception": 503,
}
# 403 says all of these: here the keys are wrong, not what they may do.
_KEYS = frozenset(
    {
        "unrecognizedclientexception",
        "invalidsignatureexception",
        "incompletesignatureexception",
        "missingauthenticationtokenexception",
        "expiredtokenexception",
        "invalidclienttokenidexception",
        "invalidclienttokenid",
        "signaturedoesnotmatch",
    }
)
_CLASS_OF: dict[str, type[errors.APIStatusError]] = {
    **dict.fromkeys(_KEYS, errors.AuthenticationError),
    "servicequotaexceededexception": errors.RateLimitError,
}
# A key that is no longer one is refused without a name: ``{"Message": "Bearer Token has expired"}``.
_NO_KEY = re.compile(r"^(the )?(bearer|security) token\b", re.IGNORECASE)
# A day's tokens are used up: waiting for as long as a retry does brings none back.
_DAY = re.compile(r"tokens per day", re.IGNORECASE)
# Statuses that have no class of their own, and pass.
_PASSING = frozenset(
    {"modeltimeoutexception", "modelstreamerrorexception", "internaldependencyexception"}
)
_BY_TEXT: tuple[tuple[re.Pattern[str], type[errors.APIStatusError]], ...] = (
    (
        re.compile(
            r"(input|prompt)( tokens?)? (is|are|was) too (long|large)|input tokens exceeded|too many (input )?tokens"
            r"|number of (input )?tokens .{0,40}exceed|exceeds? (the )?(model's |maximum )*context"
            r"|(input|prompt|context|length|tokens?) exceeds? (the )?(maximum|model's)"
            r"|maximum context length",
            re.IGNORECASE,
        ),
        errors.ContextWindowExceededError,
    ),
    (
        re.compile(r"blocked by our content filters|content filter", re.IGNORECASE),
        errors.ContentPolicyViolationError,
    ),
)


def failed(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 300 and above."""
    try:
        body = load(response.body)
    except NotJSON:
        return api_error(call, response)
    return failure(call, response, body)


def failure(call: Call, response: HTTPResponse, body: Any, name: str = "") -> errors.APIError:
    """Make an error of its parsed body; ``name`` is what the frame around it said, if one did."""
    if not isinstance(body, Mapping):
        return error_from(call, response, body)
    name = name or _name(response, body)
    message = body.get("message") or body.get("Message")
    if not name and not isinstance(message, str):
        return error_from(call, response, body)
    word = name.lower()
    status = response.status if response.status >= _ERROR else _STATUS.get(word)
    kind = _kind(word, status, str(message or ""))
    return kind(
        str(message)
        if message
        else f"the provider answered {name or response.status} and no message",
        status_code=status,
        provider=call.provider,
        model=call.model,
        code=name or None,
        request_id=response.request_id,
        body=body,
        retryable=_retryable(word, kind, str(message or "")),
        sent="yes",
    )


def _retryable(name: str, kind: type[errors.APIError], message: str) -> bool | None:
    """Whether a retry may help; ``None``: as the class has it."""
    if kind is errors.RateLimitError and _DAY.search(message[:READ]):
        return False
    return True if name in _PASSING else None


def _name(response: HTTPResponse, body: Mapping[str, Any]) -> str:
    """``Name:http://…`` in the header, ``namespace#Name`` in the body."""
    given = response.headers.get(_NAMED) or body.get("__type") or body.get("code") or ""
    return str(given).partition(":")[0].rpartition("#")[2].strip()


def _kind(name: str, status: int | None, message: str) -> type[errors.APIError]:
    if name in _CLASS_OF:
        return _CLASS_OF[name]
    if status is None:
        return errors.APIError
    family = errors.for_status(status)
    if family is errors.PermissionDeniedError and _NO_KEY.search(message[:READ]):
        return errors.AuthenticationError
    if family is not errors.BadRequestError:
        return family
    by_text = (kind for pattern, kind in _BY_TEXT if pattern.search(message[:READ]))
    return next(by_text, family)


def frame_error(call: Call, frame: Frame) -> errors.APIError | None:
    """The error that a frame is; ``None`` for an event."""
    kind = frame.text(":message-type")
    if kind == "error":
        body = {"message": frame.text(":error-message")}
        return failure(call, HTTPResponse(200), body, _capital(frame.text(":error-code")))
    if kind != "exception":
        return None
    try:
        body = load(frame.payload)
    except NotJSON:
        body = {"message": frame.payload[:READ].decode("utf-8", "replace")}
    name = _capital(frame.text(":exception-type")) or "InternalServerException"
    return failure(call, HTTPResponse(200), body, name)


def _capital(name: str) -> str:
    """Members of a stream are named in lower camel case, the exceptions in upper."""
    return name[:1].upper() + name[1:]
