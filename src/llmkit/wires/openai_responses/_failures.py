"""What went wrong, in this API's words: an error for an answer, an error inside a 200, an answer that failed.

Source of the codes: ``ResponseError`` of the official Python SDK's types, 3.54.0, read 2026-11-22. A code inside a 200
stands for the status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import errors
from ..._call import Call
from ..._http import HTTPResponse
from .._errors import error_from

__all__ = ["failed", "failure", "is_error"]

_STATUS: dict[str, int] = {
    "server_error": 500,
    "rate_limit_exceeded": 429,
    "vector_store_timeout": 504,
    "invalid_prompt": 400,
    "bio_policy": 400,
    "image_content_policy_violation": 400,
    **dict.fromkeys(
        (
            "invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url", "image_too_large",
            "image_too_small", "image_parse_error", "invalid_image_mode", "image_file_too_large",
            "unsupported_image_media_type", "empty_image_file", "failed_to_download_image", "image_file_not_found",
        ),
        400,
    ),
}  # fmt: skip
_POLICY = frozenset({"bio_policy", "image_content_policy_violation"})


def is_error(data: Mapping[str, Any]) -> bool:
    """Whether a body or an event is an error and nothing else: an answer has its outputs."""
    if data.get("type") == "error":
        return True
    return bool(data.get("error")) and "output" not in data


def failure(call: Call, data: Mapping[str, Any], response: HTTPResponse) -> errors.APIError:
    """An error that came inside a 200. Its fields may be beside its type, and not in an object of their own."""
    inner = data.get("error")
    body = data if isinstance(inner, Mapping | str) else {"error": _beside(data)}
    return _made(call, body, response)


def failed(call: Call, answer: Mapping[str, Any], response: HTTPResponse) -> errors.APIError:
    """An answer whose status is ``failed``; what it says beside its error stays in the error's body."""
    told = answer.get("error")
    body = {**answer, "error": told or {"message": "the response failed, and no reason was given"}}
    return _made(call, body, response)


def _beside(data: Mapping[str, Any]) -> dict[str, Any]:
    # Its own "type" says only that it is an error.
    return {name: value for name, value in data.items() if name != "type"}


def _made(call: Call, body: Mapping[str, Any], response: HTTPResponse) -> errors.APIError:
    inner = body.get("error")
    code = inner.get("code") if isinstance(inner, Mapping) else None
    status = _STATUS.get(code, response.status) if isinstance(code, str) else response.status
    made = error_from(call, HTTPResponse(status, response.headers), body)
    if not isinstance(code, str) or code not in _POLICY:
        return made
    return errors.ContentPolicyViolationError(
        made.message,
        status_code=made.status_code,
        provider=made.provider,
        model=made.model,
        code=made.code,
        type=made.type,
        param=made.param,
        request_id=made.request_id,
        body=made.body,
        sent=made.sent,
    )
