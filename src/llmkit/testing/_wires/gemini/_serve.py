"""Which requests are Gemini's, whose key they need, and what each of its methods answers.

Pure: a request's parts in, a `Reply` out. Two hosts speak this wire: AI Studio (a key) and Vertex AI (a token).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .._wire import Reply, Say
from ._check import check, check_count
from ._embed import METHODS, embedded
from ._parse import parsed
from ._read import asked
from ._refusal import Refusal, error_info, error_object, violations
from ._write import Envelope, chunks, counted, model_card, models, whole

__all__ = ["Gemini", "admitted"]

_MISSING_MODEL: Final = "missing-model"
_LIMITED_MODEL: Final = "rate-limited"
_METHODS: Final = ("generateContent", "streamGenerateContent", "countTokens")
_STUDIO: Final = re.compile(
    r"/(?P<version>v1(?:alpha|beta)?)/(?:models|tunedModels)/(?P<model>[^/]+)"
)
_VERTEX: Final = re.compile(
    r"/(?P<version>v1(?:beta1)?)/(?P<name>(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/"
    r"(?P<model>[^/]+))"
)
_LIST: Final = re.compile(r"/v1(?:alpha|beta)?/models")
# AI Studio's own versions; what stands under them is Gemini's, but for the OpenAI-compatible part.
_OWN: Final = re.compile(r"/v1(?:alpha|beta)/(?!openai/)")
# Everywhere: https://cloud.google.com/apis/docs/system-parameters, read 2026-11-22.
_QUERY: Final = frozenset({
    "$alt", "$fields", "$prettyPrint", "$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token",
    "pageSize", "pageToken", "prettyPrint", "quotaUser", "uploadType", "upload_protocol",
})  # fmt: skip
_CREDENTIALS: Final = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)


@dataclass(frozen=True, slots=True)
class _Target:
    """What a path asks for; *method* is empty where a model itself is asked for, *model* for the list."""

    vertex: bool
    version: str
    name: str
    model: str
    method: str
    query: Mapping[str, str]

    @property
    def package(self) -> str:
        """Where the host's messages live."""
        if self.vertex:
            return f"google.cloud.aiplatform.{self.version}"
        return f"google.ai.generativelanguage.{self.version}"


class Gemini:
    """Generating, streaming, counting and the list of models, as AI Studio and Vertex AI have them."""

    name: Final = "gemini"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """By the path; ``/v1/models`` is OpenAI's, too, and goes to whom the key is for."""
        bare = urlsplit(path).path
        if bare == "/v1/models" or bare.startswith("/v1/models/"):
            keyed = "x-goog-api-key" in headers or "key" in _query(path)
            return keyed or bare.rpartition(":")[2] in _METHODS
        return any(pattern.match(bare) for pattern in (_OWN, _STUDIO, _VERTEX))

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            return _routed(method, path, headers, body, say)
        except Refusal as refusal:
            return _refused(refusal, path)

    def failure(self, status: int, message: str) -> Reply:
        """An error answer with the name that Google gives *status*."""
        return Reply(status, _json(error_object(status, message)))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream."""
        return _event(error_object(status, message))


def _refused(refusal: Refusal, path: str) -> Reply:
    """*refusal* in the form of what was asked for: a stream that is an array has its error as an item."""
    error = error_object(refusal.status, str(refusal), refusal.details)
    if not urlsplit(path).path.endswith(":streamGenerateContent"):
        return Reply(refusal.status, _json(error))
    if _query(path).get("alt") != "sse":
        return Reply(refusal.status, _json([error]))
    # Recorded so: the type of a stream of events, and a body that is none.
    return Reply(refusal.status, _json(error), headers={"Content-Type": "text/event-stream"})


def _query(path: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))


def _routed(method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    target = _target(path)
    if target is None or method != ("POST" if target.method else "GET"):
        raise Refusal(404, f"Not Found: {method} {urlsplit(path).path}")
    (_check_token if target.vertex else _check_key)(headers, target)
    _check_query(target.query)
    if not target.method:
        return Reply(200, _json(_card(target) if target.model else models()))
    if target.vertex and target.method in METHODS:
        _known(target)
        return Reply(200, _json(embedded(target.method, target.model, body)))
    if target.method not in _METHODS:
        raise _not_found(target)
    if target.method == "countTokens":
        return _count(target, body)
    return _generate(target, body, say)


def _target(path: str) -> _Target | None:
    bare, query = urlsplit(path).path, _query(path)
    if _LIST.fullmatch(bare):
        return _Target(vertex=False, version="", name="", model="", method="", query=query)
    for pattern in (_STUDIO, _VERTEX):
        if found := pattern.fullmatch(bare):
            model, _, method = unquote(found["model"]).rpartition(":")
            model, method = (model, method) if model else (method, "")
            name = found.groupdict().get("name", "").rpartition(":")[0]
            return _Target(pattern is _VERTEX, found["version"], name, model, method, query)
    return None


def admitted(headers: Mapping[str, str], path: str) -> None:
    """Let a request of AI Studio in by its key. Raises `Refusal`."""
    query = _query(path)
    _check_key(headers, _Target(False, "v1beta", "", "", "", query))


def _check_key(headers: Mapping[str, str], target: _Target) -> None:
    """AI Studio wants a key, in a header or in the address; it takes an OAuth token as well."""
    key = headers.get("x-goog-api-key") or target.query.get("key")
    if not key and _bearer(headers):
        return _check_bearer(_bearer(headers), target)
    if not key:
        raise Refusal(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
        )
    if "invalid" in key:
        raise _bad_key()
    return None


def _bad_key() -> Refusal:
    message = "API key not valid. Please pass a valid API key."
    localized = {
        "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
        "locale": "en-US",
        "message": message,
    }
    info = error_info("API_KEY_INVALID", service="generativelanguage.googleapis.com")
    return Refusal(400, message, [info, localized])


def _check_token(headers: Mapping[str, str], target: _Target) -> None:
    """Vertex AI wants a token; a key goes only with a path that names no project."""
    key, token = headers.get("x-goog-api-key") or target.query.get("key"), _bearer(headers)
    if key and not token and not target.name.startswith("projects/"):
        return _check_key(headers, target)
    if key and not token:
        text = (
            "API keys are not supported by this API. Expected OAuth2 access token or other "
            "authentication credentials that assert a principal. See "
            "https://cloud.google.com/docs/authentication"
        )
        raise _unauthenticated(text, "CREDENTIALS_MISSING", target)
    return _check_bearer(token, target)


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _check_bearer(token: str, target: _Target) -> None:
    if not token:
        text = f"Request is missing required authentication credential. {_CREDENTIALS}"
        raise _unauthenticated(text, "CREDENTIALS_MISSING", target)
    if "invalid" in token:
        text = f"Request had invalid authentication credentials. {_CREDENTIALS}"
        raise _unauthenticated(text, "ACCESS_TOKEN_TYPE_UNSUPPORTED", target)


def _unauthenticated(message: str, reason: str, target: _Target) -> Refusal:
    host = "aiplatform" if target.vertex else "generativelanguage"
    return Refusal(401, message, [error_info(reason, service=f"{host}.googleapis.com")])


def _check_query(query: Mapping[str, str]) -> None:
    unknown = [
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. Field '
        f"'{name}' could not be found in request message."
        for name in query
        if name not in _QUERY
    ]
    if unknown:
        raise violations([("", text) for text in unknown])


def _known(target: _Target) -> None:
    if target.model == _MISSING_MODEL:
        raise _not_found(target)
    if target.model == _LIMITED_MODEL:
        raise _busy() if target.vertex else _exhausted(target.model)


def _not_found(target: _Target) -> Refusal:
    if target.vertex:
        return Refusal(404, f"Publisher Model `{target.name}` not found.")
    return Refusal(
        404,
        f"models/{target.model} is not found for API version {target.version}, or is not supported "
        f"for {target.method or 'generateContent'}. Call ListModels to see the list of available "
        "models and their supported methods.",
    )


def _busy() -> Refusal:
    """Vertex AI shares what it has and names no quota."""
    return Refusal(
        429,
        "Resource exhausted. Please try again later. Please refer to "
        "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.",
    )


def _exhausted(model: str) -> Refusal:
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    violation = {
        "quotaMetric": metric,
        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": "1",
    }
    rpc = "type.googleapis.com/google.rpc."
    return Refusal(
        429,
        "You exceeded your current quota, please check your plan and billing details.\n"
        f"* Quota exceeded for metric: {metric}, limit: 1, model: {model}\nPlease retry in 1s.",
        [
            {"@type": f"{rpc}QuotaFailure", "violations": [violation]},
            {"@type": f"{rpc}RetryInfo", "retryDelay": "1s"},
        ],
    )


def _card(target: _Target) -> dict[str, Any]:
    if target.vertex:
        raise _not_found(target)
    _known(target)
    return model_card(target.model)


def _count(target: _Target, body: bytes) -> Reply:
    request = parsed(body, "CountTokensRequest", target.package)
    check_count(request)
    _known(target)
    return Reply(200, _json(counted(request)))


def _generate(target: _Target, body: bytes, say: Say) -> Reply:
    request = parsed(body, "GenerateContentRequest", target.package)
    check(request, target.model, vertex=target.vertex)
    _known(target)
    said = say(asked(request, target.model))
    envelope = Envelope(request, target.model, target.vertex)
    if target.method == "generateContent":
        return Reply(200, _json(whole(envelope, said)))
    pieces = chunks(envelope, said)
    if target.query.get("alt") == "sse":
        return Reply(200, frames=tuple(map(_event, pieces)))
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    return Reply(200, frames=tuple(_array(pieces)), headers=headers)


def _array(pieces: Iterable[Mapping[str, Any]]) -> Iterable[bytes]:
    """A JSON array, item by item."""
    opening = b"["
    for piece in pieces:
        yield opening + _json(piece)
        opening = b",\r\n"
    yield b"]\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _event(value: Any) -> bytes:
    return b"data: %b\r\n\r\n" % _json(value)
