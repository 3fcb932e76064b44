"""The bytes that the server answers with, made once: an answer of OpenAI's chat API, plain and streamed.

Shapes, sizes and headers are those of real answers, because clients spend time on them.
"""

from __future__ import annotations

import json
from typing import Any

EVENTS = 203
"""Events of a stream that hold a chunk: a role, 200 of text, a finish reason, a usage."""

_WORDS = 200
_USAGE = {
    "prompt_tokens": 24,
    "completion_tokens": 200,
    "total_tokens": 224,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
_COMMON = {"created": 1763800000, "model": "gpt-4o-mini-2024-07-18", "service_tier": "default"}
_PRINT = {"system_fingerprint": "fp_560af6e559"}
_HEADERS = """\
Date: Sun, 22 Nov 2026 10:00:00 GMT
Server: cloudflare
Connection: keep-alive
openai-organization: benchmark
openai-processing-ms: 312
openai-version: 2020-10-01
x-ratelimit-limit-requests: 10000
x-ratelimit-limit-tokens: 200000
x-ratelimit-remaining-requests: 9999
x-ratelimit-remaining-tokens: 199968
x-ratelimit-reset-requests: 8.64s
x-ratelimit-reset-tokens: 9ms
x-request-id: req_5f0d7a4b3f1c4b0e9a8d7c6b5a493827
strict-transport-security: max-age=31536000; includeSubDomains; preload
cf-cache-status: DYNAMIC
"""


def _head(status: str, *own: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *own, *_HEADERS.splitlines(), "", ""]
    return "\r\n".join(lines).encode()


def _encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def whole(value: object, status: str = "200 OK") -> bytes:
    """An answer with a JSON body."""
    body = _encoded(value)
    own = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return _head(status, *own) + body


def completion() -> bytes:
    """A plain answer, of about 800 bytes behind its head."""
    text = "A quick brown fox jumps over the lazy dog, and nobody has asked the dog about it. " * 3
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text,
        "refusal": None,
        "annotations": [],
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    name = {"id": "chatcmpl-Cf0aB1cD2eF3gH4iJ5kL6mN7oP8qR", "object": "chat.completion"}
    return whole({**name, **_COMMON, "choices": [choice], "usage": _USAGE, **_PRINT})


def _chunk(choices: list[Any], usage: object = None) -> dict[str, Any]:
    name = {"id": "chatcmpl-Cf0aB1cD2eF3gH4iJ5kL6mN7oP8qR", "object": "chat.completion.chunk"}
    return {**name, **_COMMON, **_PRINT, "choices": choices, "usage": usage}


def _delta(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return _chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}])


def _chunks() -> list[dict[str, Any]]:
    words = [_delta({"content": f" word{number}"}) for number in range(_WORDS)]
    role = _delta({"role": "assistant", "content": "", "refusal": None})
    return [role, *words, _delta({}, "stop"), _chunk([], _USAGE)]


def pieces() -> list[bytes]:
    """A streamed answer: its head, then each event as an HTTP chunk of its own, then the end."""
    events = [b"data: %b\n\n" % _encoded(chunk) for chunk in _chunks()]
    chunked = [b"%x\r\n%b\r\n" % (len(event), event) for event in [*events, b"data: [DONE]\n\n"]]
    head = _head("200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
    return [head, *chunked[:-1], chunked[-1] + b"0\r\n\r\n"]
