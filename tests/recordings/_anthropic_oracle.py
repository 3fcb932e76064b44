"""What a recorded answer of the Messages dialect says, read from its raw bytes with plain dicts: the other opinion.

It shares nothing with llmkit, on purpose, and is written for clearness, not speed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._reader import Row

Json = dict[str, Any]

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_STATUS_CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "PaymentRequiredError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    413: "RequestTooLargeError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
    504: "GatewayTimeoutError",
    529: "OverloadedError",
}
_TYPES = {"overloaded_error": 529, "rate_limit_error": 429, "api_error": 500}
_TEXTS = {
    "prompt is too long": "ContextWindowExceededError",
    "exceed context limit": "ContextWindowExceededError",
    "credit balance is too low": "PaymentRequiredError",
    "API usage limits": "RateLimitError",
}
"""What is told apart by its text, where the type says only that the request is wrong."""


@dataclass(slots=True)
class Told:
    """What an answer says. An empty text and an absent one are not told apart."""

    id: str | None = None
    model: str | None = None
    text: str = ""
    reasoning: str = ""
    thinking_blocks: list[Json] = field(default_factory=list)
    tool_calls: list[tuple[str, str, Any]] = field(default_factory=list)
    citations: list[tuple[int, int, str]] = field(default_factory=list)
    """Where in the text, and what is quoted."""
    finish_reason: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    refused: bool = False
    service_tier: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """What kind of error an answer is: the class's name, status, the provider's words and id."""

    kind: str
    status: int | None
    message: str
    request_id: str | None


def events(row: Row) -> list[Json]:
    """The JSON of a stream's events; other dialects' ``[DONE]`` is none."""
    data = [line[5:].strip() for line in row.body.decode().split("\n") if line[:5] == "data:"]
    return [json.loads(item) for item in data if item not in ("", "[DONE]")]


def failure(row: Row) -> Failure | None:
    """The error that a row is, or ``None``."""
    if row.status != 200:
        return _failure(row, json.loads(row.body), row.status)
    if not row.is_event_stream:
        body = json.loads(row.body)
        return _failure(row, body, None) if body.get("type") == "error" else None
    broken = [event for event in events(row) if event["type"] == "error"]
    if broken:
        return _failure(row, broken[0], None)
    whole = any(event["type"] == "message_stop" for event in events(row))
    return None if whole else Failure("StreamInterruptedError", None, "", None)


def _failure(row: Row, body: Any, status: int | None) -> Failure:
    # Google's hosts put the object into a list.
    body = body[0] if isinstance(body, list) else body
    problem = body["error"]
    status = status or _TYPES.get(problem["type"], 400)
    kind = _STATUS_CLASSES[status]
    if status == 400:
        texts = (kind for text, kind in _TEXTS.items() if text in problem["message"])
        kind = next(texts, kind)
    request_id = row.headers.get("request-id") or body.get("request_id")
    return Failure(kind, status, problem["message"], request_id)


def message(row: Row) -> Json:
    """The native message of a row that is no error: as it came, or put together from its events."""
    if not row.is_event_stream:
        whole: Json = json.loads(row.body)
        return whole
    made: Json = {}
    partial: dict[int, str] = {}
    for event in events(row):
        _take(made, partial, event)
    for index, text in partial.items():
        if text:
            made["content"][index]["input"] = arguments(text)
    return made


def arguments(text: str) -> Any:
    """A call's arguments; as text where the answer was cut off within them."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _take(made: Json, partial: dict[int, str], event: Json) -> None:
    if event["type"] == "message_start":
        made |= {**event["message"], "content": []}
    elif event["type"] == "content_block_start":
        made["content"].append(dict(event["content_block"]))
        if event["content_block"]["type"] == "fallback":
            made["model"] = event["content_block"]["to"]["model"]
    elif event["type"] == "content_block_delta":
        _grow(made["content"][event["index"]], partial, event["index"], event["delta"])
    elif event["type"] == "message_delta":
        made |= {k: v for k, v in event["delta"].items() if v is not None}
        told = {k: v for k, v in event["usage"].items() if v is not None}
        made["usage"] = {**made["usage"], **told}


def _grow(block: Json, partial: dict[int, str], index: int, delta: Json) -> None:
    if delta["type"] == "text_delta":
        block["text"] += delta["text"]
    elif delta["type"] == "thinking_delta":
        block["thinking"] += delta["thinking"]
    elif delta["type"] == "signature_delta":
        block["signature"] = delta["signature"]
    elif delta["type"] == "input_json_delta":
        partial[index] = partial.get(index, "") + delta["partial_json"]
    elif delta["type"] == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]


def read(row: Row) -> Told:
    """What a row that is no error says."""
    native = message(row)
    told = Told(id=native["id"], model=native["model"])
    told.stop_reason, told.stop_sequence = native["stop_reason"], native.get("stop_sequence")
    told.finish_reason = FINISH_REASONS.get(str(told.stop_reason), told.stop_reason)
    told.refused = told.stop_reason == "refusal"
    for block in native["content"]:
        _add(told, block)
    told.service_tier = native["usage"].get("service_tier")
    told.usage = _usage(native["usage"])
    return told


def _add(told: Told, block: Json) -> None:
    if block["type"] == "text":
        start, told.text = len(told.text), told.text + block["text"]
        quoted = [citation["cited_text"] for citation in block.get("citations") or []]
        told.citations += [(start, len(told.text), quote) for quote in quoted]
    elif block["type"] in ("thinking", "redacted_thinking"):
        told.reasoning += block.get("thinking", "")
        told.thinking_blocks.append(block)
    elif block["type"] == "tool_use":
        told.tool_calls.append((block["id"], block["name"], block["input"]))


def _usage(native: Json) -> dict[str, Any]:
    read, written = native.get("cache_read_input_tokens"), native.get("cache_creation_input_tokens")
    prompt = native["input_tokens"] + (read or 0) + (written or 0)
    by_age = native.get("cache_creation") or {}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": native["output_tokens"],
        "total_tokens": prompt + native["output_tokens"],
        "cached_tokens": read,
        "cache_write_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "5m": by_age.get("ephemeral_5m_input_tokens"),
        "1h": by_age.get("ephemeral_1h_input_tokens"),
        "reasoning_tokens": (native.get("output_tokens_details") or {}).get("thinking_tokens"),
        "web_search_requests": (native.get("server_tool_use") or {}).get("web_search_requests"),
        "inference_geo": native.get("inference_geo"),
        "speed": native.get("speed"),
    }


def sent_back(content: list[Json]) -> list[Json]:
    """An answer's blocks as a request has them: without nulls, defaults, and texts that are blank."""
    kept = (_without_defaults(block) for block in content)
    return [b for b in kept if b["type"] != "text" or b["text"].strip()]


def _without_defaults(block: Json) -> Json:
    defaults = {"text": ("citations", []), "tool_use": ("caller", {"type": "direct"})}
    default = defaults.get(block["type"])
    return {k: v for k, v in block.items() if v is not None and (k, v) != default}
