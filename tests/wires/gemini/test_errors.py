"""Google's errors, by status and inside a 200, and blocked prompts."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._http import HTTPResponse
from llmkit.wires.gemini import Gemini

from ._wire import calling, decode, event, parse, sse

TYPES = "type.googleapis.com/google.rpc."


def google(code: Any, status: str | None, message: str = "no", *details: Any) -> dict[str, Any]:
    """An error as Google words it."""
    made = {"code": code, "message": message, "details": [*details]}
    return {"error": made | ({"status": status} if status else {})}


def raised(body: Any, status: int) -> llmkit.APIError:
    """The error that an answer of 400 and above is."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Gemini().error(calling(), HTTPResponse(status, {"x-request-id": "q"}, raw))


def info(reason: Any) -> dict[str, Any]:
    """Why, in a word."""
    return {"@type": f"{TYPES}ErrorInfo", "reason": reason}


KINDS: list[tuple[int, str, str, list[Any], str]] = [
    (400, "INVALID_ARGUMENT", "no", [], "BadRequestError"),
    (400, "INVALID_ARGUMENT", "no", [info("API_KEY_INVALID")], "AuthenticationError"),
    (400, "INVALID_ARGUMENT", "API key expired. Renew it.", [], "AuthenticationError"),
    (
        400,
        "INVALID_ARGUMENT",
        "The input token count (9) exceeds the maximum number of tokens allowed (8).",
        [],
        "ContextWindowExceededError",
    ),
    (400, "INVALID_ARGUMENT", "It is prohibited content.", [], "ContentPolicyViolationError"),
    (401, "UNAUTHENTICATED", "no", [], "AuthenticationError"),
    (403, "PERMISSION_DENIED", "no", [], "PermissionDeniedError"),
    (404, "NOT_FOUND", "no", [], "NotFoundError"),
    (429, "RESOURCE_EXHAUSTED", "no", [], "RateLimitError"),
    (500, "INTERNAL", "no", [], "InternalServerError"),
    (503, "UNAVAILABLE", "no", [], "ServiceUnavailableError"),
    (504, "DEADLINE_EXCEEDED", "no", [], "GatewayTimeoutError"),
]


@pytest.mark.parametrize(("status", "word", "message", "details", "kind"), KINDS)
def test_by_status(status: int, word: str, message: str, details: list[Any], kind: str) -> None:
    """Each error has its class, plain, in a list, and inside a 200 of either form."""
    body = google(status, word, message, *details)
    for error in (raised(body, status), raised([body], status)):
        assert type(error) is getattr(llmkit, kind)
        assert (error.status_code, error.type, error.request_id) == (status, word, "q")
        assert error.message == message
    for inside in (
        lambda: parse(body),
        lambda: parse([body]),
        lambda: decode(sse(event({"text": "A"}, finish=None), body)),
        lambda: decode(json.dumps([event({"text": "A"}, finish=None), body]).encode()),
    ):
        with pytest.raises(getattr(llmkit, kind)) as caught:
            inside()
        assert caught.value.status_code == status


def test_retry_delay() -> None:
    """How long to wait is in the details, and the reason is the code."""
    wait = {"@type": f"{TYPES}RetryInfo", "retryDelay": "48.9s"}
    error = raised(
        google(429, "RESOURCE_EXHAUSTED", "no", info("RATE"), wait, "odd", {"@type": 3}), 429
    )
    assert (error.retry_after, error.code, error.retryable) == (48.9, "RATE", True)
    odd = raised(google(429, "RESOURCE_EXHAUSTED", "no", {**wait, "retryDelay": "soon"}), 429)
    assert (odd.retry_after, odd.code) == (None, "RESOURCE_EXHAUSTED")


def test_a_days_quota() -> None:
    """A day's quota does not come back by waiting a minute."""
    for quota, wanted in (("RequestsPerDayPerModel", False), ("RequestsPerMinute", True)):
        failure = {"@type": f"{TYPES}QuotaFailure", "violations": [{"quotaId": quota}]}
        error = raised(google(429, "RESOURCE_EXHAUSTED", "no", failure), 429)
        assert error.retryable is wanted


def test_not_googles() -> None:
    """Proxies have errors of their own: pages, texts, OpenAI's form."""
    assert "HTML" in raised(b"<html>Bad gateway</html>", 502).message
    assert isinstance(raised(b"<html></html>", 502), llmkit.BadGatewayError)
    assert raised({"error": {"message": "no", "code": "x"}}, 400).code == "x"
    assert raised({"error": "plain"}, 429).message == "plain"
    assert raised([], 500).status_code == 500


def test_errors_without_numbers() -> None:
    """Inside a 200 the word stands for the number; where there is neither, it is still an error."""
    with pytest.raises(llmkit.ServiceUnavailableError):
        parse(google(None, "UNAVAILABLE"))
    with pytest.raises(llmkit.APIError) as caught:
        parse(google(1, "CONFUSED"))
    assert caught.value.status_code is None


BLOCKED = {
    "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "It is not safe."},
    "usageMetadata": {"promptTokenCount": 4},
    "responseId": "r",
}


def test_blocked_prompts() -> None:
    """A blocked prompt is a typed error in both forms, with the provider's words and the whole body."""
    for refused in (lambda: parse(BLOCKED), lambda: decode(sse(BLOCKED))):
        with pytest.raises(llmkit.ContentPolicyViolationError, match="It is not safe") as caught:
            refused()
        assert (caught.value.code, caught.value.status_code) == ("SAFETY", 400)
        assert caught.value.body == BLOCKED
        assert not caught.value.retryable
    with pytest.raises(llmkit.ContentPolicyViolationError, match="OTHER"):
        parse({"promptFeedback": {"blockReason": "OTHER"}})


def test_bare_errors_between_events() -> None:
    """An error that comes without a frame in the middle of a stream is that error."""
    raw = (
        sse(event({"text": "A"}, finish=None))
        + json.dumps(google(503, "UNAVAILABLE"), indent=2).encode()
    )
    for size in (1, 7, len(raw)):
        with pytest.raises(llmkit.ServiceUnavailableError):
            decode(raw, size=size)
