"""Bedrock's runtime as it is met: paths, credentials, models, and the form of every answer.

Pure: a request's parts in, a `Reply` out. What a request may hold is for `_check`, what it gets for `_write`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ..._asked import fingerprint
from .._wire import Reply, Say
from ._check import check
from ._embed import embedded
from ._read import asked, count_tokens
from ._refusal import Refusal, exception_frame, invalid, refused
from ._write import frames, message

__all__ = ["BedrockConverse", "authenticate", "parsed"]

_MISSING_MODEL: Final = "missing-model"
_LIMITED_MODEL: Final = "rate-limited"
_PATH: Final = re.compile(
    r".*/model/([^/]+)/(converse|converse-stream|count-tokens|invoke|invoke-with-response-stream)"
)
_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/\s]+)/\d{8}/[a-z0-9-]+/[a-z0-9-]+/aws4_request, "
    r"SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}"
)
_STREAM: Final = {"Content-Type": "application/vnd.amazon.eventstream"}


class BedrockConverse:
    """The runtime's methods of a model, under any prefix."""

    name: Final = "bedrock_converse"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether the path is that of a model's method."""
        return _PATH.fullmatch(urlsplit(path).path) is not None

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        request_id = fingerprint(body.decode(errors="replace"), method, path)
        try:
            made = _routed(method, urlsplit(path).path, headers, body, say)
        except Refusal as refusal:
            made = refused(refusal)
        except RecursionError:
            made = refused(invalid("the request is nested too deeply"))
        named = {"x-amzn-requestid": request_id, **made.headers}
        return Reply(made.status, made.body, made.frames, named)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer with the name that goes with *status*."""
        return refused(Refusal(status, message))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as a frame of a stream."""
        return exception_frame(status, message)


def _routed(method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    found = _PATH.fullmatch(path)
    if found is None or method != "POST":
        raise Refusal(404, "Not Found", "UnknownOperationException")
    authenticate(headers.get("authorization", ""))
    model = unquote(found[1])
    _known(model)
    return _HANDLERS[found[2]](model, parsed(body), say)


def authenticate(given: str) -> None:
    """Let a bearer key or a signature of version 4 pass, or raise a `Refusal`."""
    signature, (scheme, _, token) = _SIGNED.fullmatch(given), given.partition(" ")
    key = signature[1] if signature else token.strip() if scheme.lower() == "bearer" else ""
    if not given:
        raise Refusal(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
    if not key:
        message = "Authorization header must be a bearer token or a signature of version 4"
        raise Refusal(403, message, "IncompleteSignatureException")
    if "invalid" in key:
        message = "The security token included in the request is invalid."
        raise Refusal(403, message, "UnrecognizedClientException")


def _known(model: str) -> None:
    bare = model.rpartition("/")[2]
    if bare == _MISSING_MODEL:
        raise invalid("The provided model identifier is invalid.")
    if bare == _LIMITED_MODEL:
        raise Refusal(429, "Too many requests, please wait before trying again.")


def parsed(body: bytes) -> dict[str, Any]:
    """The body as an object, or a `Refusal`."""
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise Refusal(400, f"{error}", "SerializationException") from error
    if not isinstance(value, dict):
        raise Refusal(400, "the body must be an object", "SerializationException")
    return value


def _converse(model: str, body: dict[str, Any], say: Say) -> Reply:
    check(body)
    return Reply(200, json.dumps(message(say(asked(model, body)))).encode())


def _converse_stream(model: str, body: dict[str, Any], say: Say) -> Reply:
    check(body)
    return Reply(200, frames=tuple(frames(say(asked(model, body)))), headers=_STREAM)


def _count(model: str, body: dict[str, Any], say: Say) -> Reply:
    given = body.get("input")
    inner = given.get("converse") if isinstance(given, dict) else None
    if not isinstance(inner, dict):
        raise invalid("input must have converse")
    check(inner)
    return Reply(200, json.dumps({"inputTokens": count_tokens(inner)}).encode())


def _invoke(model: str, body: dict[str, Any], say: Say) -> Reply:
    return Reply(200, json.dumps(embedded(model, body)).encode())


def _invoke_stream(model: str, body: dict[str, Any], say: Say) -> Reply:
    raise invalid("The model is unsupported for streaming.")


_HANDLERS: Final[Mapping[str, Callable[[str, dict[str, Any], Say], Reply]]] = {
    "converse": _converse,
    "converse-stream": _converse_stream,
    "count-tokens": _count,
    "invoke": _invoke,
    "invoke-with-response-stream": _invoke_stream,
}
