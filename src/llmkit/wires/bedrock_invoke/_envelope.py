"""A maker's request as InvokeModel takes it: what its headers and its path said is moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._call import ChatCall
from ..._http import Endpoint, HTTPRequest
from ..._json import dump, load
from .._aws_paths import bare, model_url

__all__ = ["HEADERS", "method_of", "wrapped"]

HEADERS = {"content-type": "application/json", "accept": "application/json"}
_STREAM = {**HEADERS, "accept": "application/vnd.amazon.eventstream"}
_BETA = "anthropic-beta"
_VERSION = "anthropic-version"
_OURS = frozenset({"content-type", "accept", _BETA, _VERSION})


def method_of(call: ChatCall) -> str:
    """Which of the two methods a call takes."""
    return "invoke-with-response-stream" if call.stream else "invoke"


def wrapped(
    request: HTTPRequest, call: ChatCall, to: Endpoint, version: str | None, *, named: bool
) -> HTTPRequest:
    """The request in the envelope."""
    body: dict[str, Any] = load(request.body)
    if not named:
        body = {k: v for k, v in body.items() if k not in ("model", "stream")}
    elif "model" in body:
        body["model"] = bare(call.model)
    if version is not None:
        body = _versioned(body, request.headers, version)
    beside = {k: v for k, v in request.headers.items() if k.lower() not in _OURS}
    return HTTPRequest(
        method="POST",
        url=model_url(to, call.model, method_of(call)),
        headers={**(_STREAM if call.stream else HEADERS), **beside},
        body=dump(body),
        adjustments=request.adjustments,
    )


def _versioned(body: Mapping[str, Any], headers: Mapping[str, str], version: str) -> dict[str, Any]:
    """The dialect's version and betas stand in the body here."""
    made = {"anthropic_version": version, **body}
    given = next((v for k, v in headers.items() if k.lower() == _BETA), "")
    betas = [beta.strip() for beta in given.split(",") if beta.strip()]
    if betas:
        made["anthropic_beta"] = [*dict.fromkeys([*made.get("anthropic_beta", ()), *betas])]
    return made
