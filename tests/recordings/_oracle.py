"""What a recorded answer says, read from its raw bytes with plain dicts: the other opinion.

It shares nothing with llmkit, on purpose, and is written for clearness, not speed. It knows
OpenAI's chat form and the spellings that compatible hosts have for its fields.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._reader import Row

Json = dict[str, Any]

FINISH_REASONS: dict[str, str | None] = {"tool_call": "tool_calls", "eos": "stop", "": None}
"""Spellings that are mapped; every other reason is kept as it came."""

CACHED = (
    "prompt_cache_hit_tokens",
    "cached_tokens",
    "num_cached_tokens",
    "cache_read_input_tokens",
)
"""Where hosts put the count of cached tokens that do not put it where OpenAI does."""

_STATUS_CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    402: "PaymentRequiredError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
    500: "InternalServerError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
}


@dataclass(slots=True)
class Reading:
    """What an answer says. Fields of choices are dicts by the choice's index.

    An absent text and an empty one are not told apart here; ``absent`` does that.
    """

    id: str | None = None
    model: str | None = None
    text: dict[int, str] = field(default_factory=dict)
    reasoning: dict[int, str] = field(default_factory=dict)
    refusal: dict[int, str] = field(default_factory=dict)
    tool_calls: dict[int, list[Json]] = field(default_factory=dict)
    function_call: dict[int, Json] = field(default_factory=dict)
    annotations: dict[int, list[Json]] = field(default_factory=dict)
    logprobs: dict[int, list[tuple[str, float]]] = field(default_factory=dict)
    finish_reason: dict[int, str | None] = field(default_factory=dict)
    usage: dict[str, int | None] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """What kind of error an answer is: the class's name, status, the provider's words and id."""

    kind: str
    status: int | None
    message: str
    request_id: str | None


def failure(row: Row) -> Failure | None:
    """The error that a row is, or ``None``."""
    request_id = row.headers.get("x-request-id") or row.headers.get("request-id")
    if row.status != 200:
        kind = _STATUS_CLASSES[row.status]
        return Failure(kind, row.status, _message(_parsed(row.body)), request_id)
    answers = _answers(row)
    problem = next((p for event in answers if (p := _problem(event)) is not None), None)
    if problem is None:
        whole = not row.is_event_stream or b"[DONE]" in row.body or any(map(_finished, answers))
        kind = "StreamInterruptedError" if answers else "APIConnectionError"
        return None if whole else Failure(kind, None, "", request_id)
    status = _claimed_status(problem)
    kind = "APIError" if status is None else _STATUS_CLASSES[status]
    return Failure(kind, status, _message({"error": problem}), request_id)


def read(row: Row) -> Reading:
    """What a row that is no error says."""
    reading = Reading()
    answers = _answers(row)
    for event in answers:
        _read_head(reading, event)
        for choice in event.get("choices") or []:
            part = "delta" if row.is_event_stream else "message"
            _read_choice(reading, choice, choice.get(part) or {})
    calls = _streamed_tool_calls if row.is_event_stream else _tool_calls
    reading.tool_calls = calls(answers)
    return reading


def absent(row: Row) -> list[bool]:
    """Whether the content of each choice is null, as it is beside tool calls; not of a stream."""
    choices = json.loads(row.body)["choices"]
    return [(choice.get("message") or {}).get("content") is None for choice in choices]


def events(body: bytes) -> list[Json]:
    """The JSON of every event of a stream, up to ``[DONE]``."""
    data = [
        line.removeprefix("data:").strip()
        for line in body.decode().replace("\r\n", "\n").split("\n")
        if line.startswith("data:")
    ]
    end = data.index("[DONE]") if "[DONE]" in data else len(data)
    return [json.loads(item) for item in data[:end] if item]


def _answers(row: Row) -> list[Json]:
    return events(row.body) if row.is_event_stream else [json.loads(row.body)]


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def _problem(event: Json) -> Any:
    if event.get("error"):
        return event["error"]
    return next((c["error"] for c in event.get("choices") or [] if c.get("error")), None)


def _finished(event: Json) -> bool:
    return any(choice.get("finish_reason") for choice in event.get("choices") or [])


def _claimed_status(problem: Any) -> int | None:
    if not isinstance(problem, dict):
        return None
    claims = (str(problem.get(name)) for name in ("code", "status_code", "status"))
    statuses = (int(claim) for claim in claims if claim.isdigit())
    return next((status for status in statuses if status in _STATUS_CLASSES), None)


def _message(body: Any) -> str:
    if not isinstance(body, dict):
        return str(body)
    problem = body.get("error", body)
    if isinstance(problem, str):
        return problem
    return str(problem.get("message") or problem.get("detail") or "")


def _read_head(reading: Reading, event: Json) -> None:
    reading.id = reading.id or event.get("id") or None
    reading.model = reading.model or event.get("model") or None
    usage = event.get("usage") or (event.get("x_groq") or {}).get("usage")
    if usage:
        reading.usage = _usage(usage)


def _usage(usage: Json) -> dict[str, int | None]:
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    return {
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "cached_tokens": _first([prompt.get("cached_tokens"), *map(usage.get, CACHED)]),
        "reasoning_tokens": _first(
            [completion.get("reasoning_tokens"), usage.get("reasoning_tokens")]
        ),
    }


def _first(values: Iterable[int | None]) -> int | None:
    return next((value for value in values if value is not None), None)


def _read_choice(reading: Reading, choice: Json, message: Json) -> None:
    index = choice.get("index") or 0
    _read_texts(reading, index, message)
    # One host fills in every field of the form; a call of nothing is none.
    if any((message.get("function_call") or {}).values()):
        call = reading.function_call.setdefault(index, {"name": "", "arguments": ""})
        for name in call:
            call[name] += message["function_call"].get(name) or ""
    if message.get("annotations"):
        reading.annotations.setdefault(index, []).extend(message["annotations"])
    tokens = (choice.get("logprobs") or {}).get("content") or []
    pairs = [(token["token"], token["logprob"]) for token in tokens]
    reading.logprobs.setdefault(index, []).extend(pairs)
    given = str(choice.get("finish_reason") or "")
    reason = FINISH_REASONS.get(given, given)
    reading.finish_reason[index] = reason or reading.finish_reason.get(index)


def _tool_calls(answers: list[Json]) -> dict[int, list[Json]]:
    found: dict[int, list[Json]] = {}
    for choice in (choice for event in answers for choice in event.get("choices") or []):
        message = choice.get("message") or {}
        for piece in message.get("tool_calls") or []:
            found.setdefault(choice.get("index") or 0, []).append(_add_piece(_no_call(), piece))
    return found


def _streamed_tool_calls(answers: list[Json]) -> dict[int, list[Json]]:
    found: dict[int, list[Json]] = {}
    growing: dict[tuple[int, int], Json] = {}
    for choice in (choice for event in answers for choice in event.get("choices") or []):
        number = choice.get("index") or 0
        for piece in (choice.get("delta") or {}).get("tool_calls") or []:
            place = (number, piece.get("index") or 0)
            if place not in growing or _is_another(growing[place], piece):
                growing[place] = _no_call()
                found.setdefault(number, []).append(growing[place])
            _add_piece(growing[place], piece)
    return found


def _is_another(call: Json, piece: Json) -> bool:
    """Whether a piece starts a call of its own, although its index is an earlier one's, or none."""
    named = (piece.get("function") or {}).get("name")
    return bool(named and piece.get("id") and call["id"] and piece["id"] != call["id"])


def _no_call() -> Json:
    return {"id": "", "name": "", "arguments": ""}


def _add_piece(call: Json, piece: Json) -> Json:
    custom, function = piece.get("custom") or {}, piece.get("function") or {}
    call["id"] = call["id"] or piece.get("id") or ""
    call["name"] += custom.get("name") or function.get("name") or ""
    call["arguments"] += custom.get("input") or function.get("arguments") or ""
    return call


def _read_texts(reading: Reading, index: int, message: Json) -> None:
    text, thought = _content(message.get("content"))
    thought += message.get("reasoning_content") or message.get("reasoning") or ""
    thought = thought or _details(message.get("reasoning_details") or [])
    for texts, piece in (
        (reading.text, text),
        (reading.reasoning, thought),
        (reading.refusal, message.get("refusal") or ""),
    ):
        texts[index] = texts.get(index, "") + piece


def _content(content: Any) -> tuple[str, str]:
    """Content as text and thought; Mistral has both in one list of parts."""
    if not isinstance(content, list):
        return content or "", ""
    text = "".join(part["text"] for part in content if part["type"] == "text")
    thoughts = (part["thinking"] for part in content if part["type"] == "thinking")
    return text, "".join(_content(thought)[0] for thought in thoughts)


def _details(details: list[Json]) -> str:
    return "".join(part.get("text") or part.get("summary") or "" for part in details)
