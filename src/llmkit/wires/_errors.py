"""An error's body to an error's class: by status, then by the provider's code, by its text only as a last resort.

Forms as they were seen or documented, 2026-11-22, ``E`` standing for ``{"message", "type", "param", "code"}``:
``{"error": E}``, ``E`` itself, ``{"error": "text"}`` with ``code`` or ``error_type`` beside it, ``{"error":
["text"]}``, ``{"errors": [E]}`` (Cloudflare), ``{"data": E}`` (Portkey), ``{"error_code", "message"}`` (Databricks),
``{"detail": …}`` and ``{"message": {"detail": […]}}`` (Mistral), a list of one such object, text, and pages of HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import errors
from .._call import Call
from .._http import HTTPResponse
from .._json import NotJSON, load

__all__ = ["READ", "api_error", "error_from", "incomplete", "unreadable"]

_SNIPPET = 300
_MESSAGE = (
    "message",
    "detail",
    "msg",
    "error_description",
    "error_message",
    "description",
    "title",
)
_CODE = ("code", "error_code", "errorCode")
_TYPE = ("type", "error_type", "status")
_STATUS = ("raw_status_code", "http_status_code", "status_code", "statusCode", "status")
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

# Text, for the providers that give no code; only ever applied to a 400 or 413.
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
# A 422 says which field is wrong, and quotes it: only what text-generation-inference says of a length is known.
_TOO_LONG = re.compile(
    r"`inputs` (tokens \+ `max_new_tokens` must be <=|must have less than \d+ tokens)"
)

# Refused for good, although their status says "later".
_FINAL_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "credits_exhausted"})


def api_error(call: Call, response: HTTPResponse) -> errors.APIError:
    """Read the body of an answer of 400 and above."""
    body = _parsed(response)
    return error_from(call, response, body)


def error_from(call: Call, response: HTTPResponse, body: Any) -> errors.APIError:
    """Make an error of its parsed body; for one inside a 200, its code stands for the status."""
    found = _described(body)
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


def _described(body: Any) -> dict[str, str | None]:
    """What a body says: ``message``, ``code``, ``type``, ``param``, and ``status`` where the body repeats it."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping):
        return dict.fromkeys(("code", "type", "param", "status")) | {"message": _plain(body)}
    source = _source(body)
    return {
        "message": _with_upstream(_message(source), source),
        "code": _first(source, _CODE),
        "type": _named(source),
        "param": _word(source.get("param")),
        "status": _first(source, _STATUS),
    }


def _source(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object that speaks of the error."""
    inner = body.get("error")
    if isinstance(inner, Mapping):
        return inner
    several = body.get("errors")
    if isinstance(several, list) and several:
        return several[0] if isinstance(several[0], Mapping) else {**body, "message": several[0]}
    data = body.get("data")
    if isinstance(data, Mapping) and "message" in data and "message" not in body:
        return data
    return body


def _message(source: Mapping[str, Any]) -> str | None:
    found = next((source[name] for name in _MESSAGE if source.get(name)), source.get("error"))
    return _flat(found)


def _flat(value: Any) -> str | None:
    """A message that is no text: FastAPI's list of places and what is wrong there, or an object of it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        return "; ".join(_complaint(item) for item in value[:_SNIPPET])
    if isinstance(value, Mapping) and (inner := _message(value)) is not None:
        return inner
    return str(value)


def _complaint(item: Any) -> str:
    if not isinstance(item, Mapping) or "msg" not in item:
        return str(item)
    place = item.get("loc")
    path = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{path}: {item['msg']}" if path else str(item["msg"])


def _with_upstream(message: str | None, source: Mapping[str, Any]) -> str | None:
    """Add what an aggregator quotes of the provider behind it: its own message says only that it failed."""
    metadata = source.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    upstream = str(raw)[:_SNIPPET] if raw else None
    if message is None or upstream is None or upstream in message:
        return message if message is not None else upstream
    return f"{message}: {upstream}"


def _plain(body: Any) -> str:
    text = str(body or "").strip()
    if not text.startswith("<"):
        return text[:_SNIPPET]
    words = re.sub(
        r"<(script|style).*?</\1>|<[^>]*>",
        " ",
        text[: 8 * _SNIPPET],
        flags=re.DOTALL | re.IGNORECASE,
    )
    return f"a page of HTML, not JSON (is base_url right?): {' '.join(words.split())[:_SNIPPET]}"


def _first(source: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((_word(source[name]) for name in names if source.get(name) is not None), None)


def _named(source: Mapping[str, Any]) -> str | None:
    """The kind of error; ``status`` is one with Google's services, and with others the HTTP status again."""
    found = _first(source, _TYPE)
    return None if found is not None and found.isdecimal() else found


def _word(value: Any) -> str | None:
    return None if value is None else str(value)


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
    if _TOO_LONG.search(text):
        return errors.ContextWindowExceededError
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
