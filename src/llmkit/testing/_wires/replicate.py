"""Replicate's API as its server speaks it: predictions made, asked for, and streamed.

Pure, so a prediction's id says what was asked: who comes back with it gets the same answer. Fields and error bodies
are those of replicate-python 1.0.7 and https://replicate.com/docs/reference/http, read 2026-11-22.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .._answer import Answer
from .._asked import Asked, fingerprint
from .._tokens import count_prompt, split
from ._wire import Reply, Say

__all__ = ["Replicate"]

_PLACES: Final = re.compile(
    r"(?P<base>[^?]*?)/(?:(?:models|deployments)/(?P<model>[^/]+/[^/]+)/)?predictions(?:/(?P<id>[\w-]+))?"
)
_STREAMS: Final = re.compile(r"[^?]*?/streams/(?P<id>[\w-]+)")
_CREATED: Final = "2025-01-01T00:00:00.000Z"
_TITLES: Final[Mapping[int, str]] = {
    400: "Bad request",
    401: "Unauthenticated",
    402: "Insufficient credit",
    403: "Forbidden",
    404: "Not found",
    422: "Input validation failed",
    429: "Request was throttled",
}


class _Refused(Exception):
    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more = status, detail, more


class Replicate:
    """The service, under any prefix."""

    name: Final = "replicate"

    def serves(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether a path is one of its own."""
        bare = _bare(path)
        return bool(_PLACES.fullmatch(bare) or _STREAMS.fullmatch(bare))

    def reply(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say
    ) -> Reply:
        """The answer to one request."""
        try:
            return _routed(method, _bare(path), headers, body, say)
        except _Refused as refused:
            return Reply(
                refused.status, _json(_problem(refused.status, refused.detail) | refused.more)
            )
        except RecursionError:
            return self.failure(400, "The request body is nested too deeply.")

    def failure(self, status: int, message: str) -> Reply:
        """An error answer with the title that goes with *status*."""
        return Reply(status, _json(_problem(status, message)))

    def failure_frame(self, status: int, message: str) -> bytes:
        """The same error as an event of a stream: a text."""
        return _event("error", message, "0:0")


def _bare(path: str) -> str:
    return path.partition("?")[0].rstrip("/")


def _problem(status: int, detail: str) -> dict[str, Any]:
    return {
        "title": _TITLES.get(status, "Internal server error"),
        "detail": detail,
        "status": status,
    }


def _routed(method: str, path: str, headers: Mapping[str, str], body: bytes, say: Say) -> Reply:
    stream = _STREAMS.fullmatch(path)
    if stream is not None:
        return _streamed(_remembered(stream["id"]), say)
    place = _PLACES.fullmatch(path)
    _authenticate(headers.get("authorization", ""))
    if place is None or method != ("GET" if place["id"] else "POST"):
        raise _Refused(405, f"{method} is not allowed here.")
    origin = f"http://{headers.get('host', 'localhost')}{place['base']}"
    if place["id"]:
        return Reply(200, _json(_ended(_remembered(place["id"]), say, origin)))
    asked = _checked(place["model"], body)
    waits = headers.get("prefer", "").startswith("wait")
    made = _ended(asked, say, origin) if waits else _started(asked, origin)
    return Reply(201, _json(made))


def _authenticate(authorization: str) -> None:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() not in ("bearer", "token") or not token.strip() or "invalid" in token:
        raise _Refused(401, "You did not pass a valid authentication token")


def _checked(model: str | None, body: bytes) -> dict[str, Any]:
    """What is asked, as a prediction remembers it."""
    try:
        given = json.loads(body)
    except ValueError:
        raise _Refused(400, "The request body is no valid JSON.") from None
    if not isinstance(given, dict) or not isinstance(given.get("input"), dict):
        fields = [{"type": "required", "field": "", "description": "input is required"}]
        raise _Refused(422, "- input is required\n", invalid_fields=fields)
    name = model or given.get("version")
    if not isinstance(name, str):
        raise _Refused(422, "- version is required\n")
    if "missing-model" in name:
        raise _Refused(404, "The requested resource could not be found.")
    if "rate-limited" in name:
        raise _Refused(429, "Request was throttled. Your rate limit resets in ~1s.", retry_after=1)
    if not isinstance(given["input"].get("prompt"), str):
        raise _Refused(422, "- input.prompt is required\n")
    return {"model": name, "input": given["input"], "stream": bool(given.get("stream"))}


def _id_of(asked: Mapping[str, Any]) -> str:
    packed = zlib.compress(json.dumps(asked, sort_keys=True).encode())
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _remembered(prediction_id: str) -> dict[str, Any]:
    padded = prediction_id + "=" * (-len(prediction_id) % 4)
    try:
        asked = json.loads(zlib.decompress(base64.urlsafe_b64decode(padded)))
    except (ValueError, zlib.error):
        raise _Refused(404, "The requested resource could not be found.") from None
    return dict(asked)


def _said(asked: Mapping[str, Any], say: Say) -> Answer:
    given = asked["input"]
    stops, limit = given.get("stop_sequences"), given.get("max_tokens", given.get("max_new_tokens"))
    texts = [{"content": given.get(name, "")} for name in ("system_prompt", "prompt")]
    return say(
        Asked(
            model=asked["model"],
            digest=fingerprint(asked),
            prompt_tokens=count_prompt({"messages": texts}),
            text=given["prompt"],
            stops=tuple(stops.split(",")) if isinstance(stops, str) else (),
            limit=limit if isinstance(limit, int) and limit > 0 else None,
        )
    )


def _started(asked: Mapping[str, Any], origin: str) -> dict[str, Any]:
    prediction_id = _id_of(asked)
    here = f"{origin}/predictions/{prediction_id}"
    urls = {"get": here, "cancel": f"{here}/cancel"}
    if asked["stream"]:
        urls["stream"] = f"{origin}/streams/{prediction_id}"
    return {
        "id": prediction_id,
        "model": asked["model"],
        "version": "simulated",
        "input": asked["input"],
        "logs": "",
        "output": None,
        "error": None,
        "status": "starting",
        "created_at": _CREATED,
        "urls": urls,
    }


def _ended(asked: Mapping[str, Any], say: Say, origin: str) -> dict[str, Any]:
    said = _said(asked, say)
    output: Any = split(said.choices[0].content or "")
    metrics: dict[str, Any] = {"predict_time": 0.001}
    if "paint" in asked["model"]:
        output = list(_pictures(asked, origin))
    else:
        counts = {"input_token_count": said.prompt_tokens}
        metrics |= counts | {"output_token_count": said.completion_tokens}
    told = {"output": output, "status": "succeeded", "metrics": metrics}
    return {**_started(asked, origin), **told}


def _pictures(asked: Mapping[str, Any], origin: str) -> Iterator[str]:
    """Addresses, at which nothing is: a model whose name has "paint" in it answers with these."""
    count = asked["input"].get("num_outputs")
    for number in range(count if isinstance(count, int) else 1):
        yield f"{origin}/files/{fingerprint(asked, number)}.webp"


def _streamed(asked: Mapping[str, Any], say: Say) -> Reply:
    return Reply(200, frames=tuple(_events(_said(asked, say))))


def _events(said: Answer) -> Iterator[bytes]:
    for number, token in enumerate(split(said.choices[0].content or "")):
        yield _event("output", token, f"1735689600:{number}")
    yield _event("done", "{}", "1735689601:0")


def _event(name: str, text: str, number: str) -> bytes:
    lines = "\n".join(f"data: {line}" for line in text.split("\n"))
    return f"event: {name}\nid: {number}\n{lines}\n\n".encode(errors="replace")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
