"""Anthropic's API as it is met: paths, keys, versions, models, and the form of every answer.

Pure: a request's parts in, a `Reply` out. What a request may hold is for `_check`, what it gets for `_write`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import unquote

from ..._asked import fingerprint
from .._wire import Reply, Say
from ._check import check, check_length
from ._read import asked, count_tokens
from ._refusal import Refusal, error_body, invalid
from ._terms import VERSIONS, terms
from ._vertex import is_vertex, plain
from ._write import encoded, event, events, message

__all__ = ["AnthropicMessages", "admitted"]

_MISSING_MODEL: Final = "missing-model"
_LIMITED_MODEL: Final = "rate-limited"
_MODELS: Final = ("offline",)
# A fixed time, so that equal requests get equal bodies.
_CREATED: Final = "2025-01-01T00:00:00Z"
# Whatever stands before the version is a proxy's.
_PATH: Final = re.compile(r".*/v1/(messages(?:/count_tokens)?|models)(?:/([^/]+))?")
_VERSION: Final = "anthropic-version"
_RETRYABLE: Final = frozenset({408, 409, 429})
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that was let in."""

    headers: Mapping[str, str]
    body: bytes
    argument: str
    """What the path names in its last part, such as a model."""
    say: Say


class AnthropicMessages:
    """The Messages API, counting of tokens and the list of models, under ``/v1`` and any prefix of it."""

    name: Final = "anthropic_messages"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether the path is that of messages, or the request says the API's version."""
        bare = _bare(path)
        if bare.endswith("/chat/completions"):
            return False
        if is_vertex(bare):
            return True
        found = _PATH.fullmatch(bare)
        return _VERSION in headers or (found is not None and found[1] != "models")

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        request_id = f"req_{fingerprint(body.decode(errors='replace'), method, path)}"
        try:
            bare = _bare(path)
            if is_vertex(bare):
                bare, headers, body = plain(bare, headers, body)
            answer = _routed(method, bare, headers, body, say)
        except Refusal as refusal:
            answer = _refused(refusal, request_id)
        except RecursionError:
            answer = _refused(_not_json("recursion limit exceeded"), request_id)
        named = {"request-id": request_id, **answer.headers}
        return Reply(answer.status, answer.body, answer.frames, named)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer with the type that goes with *status*."""
        return _refused(Refusal(status, message), f"req_{fingerprint(message, status)}")

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream."""
        body = error_body(status, message, f"req_{fingerprint(message, status)}")
        return event(body.pop("type"), **body)


def _bare(path: str) -> str:
    return path.partition("?")[0].rstrip("/")


def _refused(refusal: Refusal, request_id: str) -> Reply:
    status = refusal.status
    final = status < _SERVER_ERROR and status not in _RETRYABLE
    headers = {"request-id": request_id, **refusal.headers}
    # The real API tells its SDKs so where the status alone would say it as well.
    headers |= {"x-should-retry": "false"} if final else {}
    return Reply(status, encoded(error_body(status, str(refusal), request_id)), headers=headers)


def _routed(method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    found = _PATH.fullmatch(path)
    expected, handle = _HANDLERS.get(_kind(found), (None, None))
    if found is None or handle is None:
        raise Refusal(404, "Not Found")
    if method != expected:
        raise Refusal(405, "Method Not Allowed")
    admitted(headers)
    return handle(_Request(headers, body, unquote(found[2] or ""), say))


def _kind(found: re.Match[str] | None) -> str:
    """What a path is the path of; a model's own differs from that of the list."""
    return "" if found is None else f"{found[1]}/…" if found[2] else found[1]


def admitted(headers: Mapping[str, str]) -> None:
    """Let a request in by its key and version. Raises `Refusal`."""
    _authenticate(headers)
    _check_version(headers)


def _authenticate(headers: Mapping[str, str]) -> None:
    key = headers.get("x-api-key", "").strip()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if not key and not bearer:
        raise Refusal(401, "x-api-key header is required")
    if "invalid" in key:
        raise Refusal(401, "invalid x-api-key")
    if "invalid" in bearer:
        raise Refusal(401, "Invalid bearer token")


def _check_version(headers: Mapping[str, str]) -> None:
    version = headers.get(_VERSION, "")
    if not version:
        raise invalid(_VERSION, "header is required")
    if version not in VERSIONS:
        raise invalid(_VERSION, f'"{version}" is not a valid version')


def _message(request: _Request) -> Reply:
    body = _parsed(request.body)
    check(body, terms(request.headers))
    _known(body["model"])
    question = asked(body)
    check_length(question.model, question.prompt_tokens)
    said = request.say(question)
    if body.get("stream"):
        return Reply(200, frames=tuple(events(body, said)))
    return Reply(200, encoded(message(body, said)))


def _count(request: _Request) -> Reply:
    body = _parsed(request.body)
    check(body, terms(request.headers), counting=True)
    _known(body["model"])
    return Reply(200, encoded({"input_tokens": count_tokens(body)}))


def _list(request: _Request) -> Reply:
    page = {"data": [*map(_model, _MODELS)], "has_more": False}
    return Reply(200, encoded({**page, "first_id": _MODELS[0], "last_id": _MODELS[-1]}))


def _one(request: _Request) -> Reply:
    return Reply(200, encoded(_model(request.argument)))


def _model(name: str) -> dict[str, Any]:
    _known(name)
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": _CREATED,
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }


_HANDLERS: Final[Mapping[str, tuple[str, Callable[[_Request], Reply]]]] = {
    "messages": ("POST", _message),
    "messages/count_tokens": ("POST", _count),
    "models": ("GET", _list),
    "models/…": ("GET", _one),
}


def _parsed(body: bytes) -> Any:
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
        # Half a surrogate pair is JSON to Python, and not to the API.
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError as error:
        raise _not_json(str(error)) from error
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"unexpected {name}")


def _finite(written: str) -> float:
    number = float(written)
    return number if math.isfinite(number) else _no_constant(written)


def _not_json(reason: str) -> Refusal:
    return Refusal(400, f"The request body is not valid JSON: {reason}")


def _known(model: str) -> None:
    if model == _MISSING_MODEL:
        raise Refusal(404, f"model: {model}")
    if model == _LIMITED_MODEL:
        raise Refusal(429, _limited(model), headers=_LIMITS)


def _limited(model: str) -> str:
    return (
        "This request would exceed your organization's rate limit of 1 requests per minute "
        f"(org: simulator, model: {model}). For details, refer to: "
        "https://docs.claude.com/en/api/rate-limits."
    )


_LIMITS: Final[Mapping[str, str]] = {
    "retry-after": "1",
    "anthropic-ratelimit-requests-limit": "1",
    "anthropic-ratelimit-requests-remaining": "0",
    # Fixed like all else that is said here; `retry-after` is what counts.
    "anthropic-ratelimit-requests-reset": "2025-01-01T00:00:01Z",
    "anthropic-ratelimit-tokens-limit": "100000",
    "anthropic-ratelimit-tokens-remaining": "100000",
    "anthropic-ratelimit-tokens-reset": "2025-01-01T00:00:00Z",
}
