"""What drivers make of a transport's answer, whichever it is: its head, and the pieces of its body, decompressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._headers import LateHeaders
from .._http import HTTPResponse
from ..errors import APIResponseValidationError
from ._inflate import Inflate, inflater

__all__ = ["MAX_BODY", "head", "raw", "too_much"]

MAX_BODY = 256 * 1024 * 1024


def raw(response: Any, decoded: Callable[[], Any]) -> tuple[Any, Inflate | None]:
    """The pieces of a body as they come, and what decompresses them.

    A coding that was not asked for is left to httpx (``decoded``), which may know it.
    """
    try:
        return response.stream, inflater(response.headers.get("content-encoding", ""))
    except LookupError:
        return decoded(), None


def head(response: Any, body: bytes = b"") -> HTTPResponse:
    """Read status and headers of a response; cookies stay behind."""
    headers: Mapping[str, str] = response.headers
    if not getattr(response, "lowered", False):
        headers = {name.lower(): value for name, value in headers.items()}
    if headers.__class__ is not LateHeaders and "set-cookie" in headers:
        headers = {name: value for name, value in headers.items() if name != "set-cookie"}
    return HTTPResponse(response.status_code, headers, body)


def too_much(answer: HTTPResponse) -> APIResponseValidationError:
    """What is raised where a body has more than ``MAX_BODY``."""
    return APIResponseValidationError(
        f"the answer has more than {MAX_BODY} bytes",
        status_code=answer.status,
        request_id=answer.request_id,
        sent="yes",
    )
