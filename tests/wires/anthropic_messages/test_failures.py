"""Errors become the class that they are, whatever status they come under."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._http import HTTPResponse

from ._made import WIRE, call, decoded, events, framed, message, parsed


def refused(
    status: int, kind: str, text: str = "No.", headers: dict[str, str] | None = None, **fields: Any
) -> llmkit.APIError:
    """The error that an answer of this status and type is."""
    body = {"type": "error", "error": {"type": kind, "message": text}, **fields}
    return WIRE.error(call(), HTTPResponse(status, headers or {}, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("status", "kind", "expected", "retryable"),
    [
        (400, "invalid_request_error", llmkit.BadRequestError, False),
        (401, "authentication_error", llmkit.AuthenticationError, False),
        (402, "billing_error", llmkit.PaymentRequiredError, False),
        (403, "permission_error", llmkit.PermissionDeniedError, False),
        (404, "not_found_error", llmkit.NotFoundError, False),
        (413, "request_too_large", llmkit.RequestTooLargeError, False),
        (429, "rate_limit_error", llmkit.RateLimitError, True),
        (500, "api_error", llmkit.InternalServerError, True),
        (504, "timeout_error", llmkit.GatewayTimeoutError, True),
        (529, "overloaded_error", llmkit.OverloadedError, True),
    ],
)
def test_each_type(status: int, kind: str, expected: type, *, retryable: bool) -> None:
    """By status, and inside a 200 by type: the same class, either way."""
    body = {"type": "error", "error": {"type": kind, "message": "No."}}
    error = refused(status, kind)
    assert type(error) is expected
    assert (error.status_code, error.type, error.retryable) == (status, kind, retryable)
    with pytest.raises(llmkit.APIError) as inside:
        parsed(body)
    with pytest.raises(llmkit.APIError) as streamed:
        decoded(framed([*events(message())[:1], body]))
    for caught in (inside.value, streamed.value):
        assert type(caught) is expected
        assert (caught.status_code, caught.retryable) == (status, retryable)
        assert caught.sent == "yes"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
            llmkit.RateLimitError,
        ),
        (
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
            llmkit.PaymentRequiredError,
        ),
        ("prompt is too long: 210000 tokens > 200000 maximum", llmkit.ContextWindowExceededError),
        (
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
            llmkit.ContextWindowExceededError,
        ),
        ("The tools' usage limits its input.", llmkit.BadRequestError),
        ("image exceeds maximum size", llmkit.BadRequestError),
        ("temperature: range: 0..1", llmkit.BadRequestError),
        ("max_tokens: 9999999 > 64000, which is the maximum allowed", llmkit.BadRequestError),
    ],
)
def test_one_type_for_several_things(text: str, expected: type) -> None:
    """invalid_request_error is told apart by its text; none of these passes by trying again."""
    error = refused(400, "invalid_request_error", text)
    assert type(error) is expected
    assert (error.status_code, error.retryable, error.message) == (400, False, text)
    with pytest.raises(expected):
        decoded(framed([{"type": "error", "error": {"type": error.type, "message": text}}]))


def test_request_ids() -> None:
    """The id is the header's, else the body's."""
    assert (
        refused(400, "x", headers={"request-id": "req_h"}, request_id="req_b").request_id == "req_h"
    )
    assert refused(400, "x", request_id="req_b").request_id == "req_b"
    assert refused(400, "x", request_id=None).request_id is None
    limit = refused(400, "x", "Usage limit reached.", request_id="req_b")
    assert limit.request_id == "req_b"
    with pytest.raises(llmkit.APIError) as caught:
        parsed({"type": "error", "error": {"type": "api_error", "message": "x"}})
    assert caught.value.request_id == "req_h"


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[]", b'"no"'])
def test_errors_of_others(body: bytes) -> None:
    """What stands between may answer with anything."""
    error = WIRE.error(call(), HTTPResponse(502, {}, body))
    assert type(error) is llmkit.BadGatewayError


def test_asked_not_to_retry() -> None:
    """The provider's own word on trying again is taken."""
    assert not refused(529, "overloaded_error", headers={"x-should-retry": "false"}).retryable


@pytest.mark.parametrize(
    "data",
    [
        b'event: error\ndata: {"type": "error", "error": {"type": "of_tomorrow", "message": "Oh"}}\n\n',
        b'event: error\ndata: {"type": "error", "error": {"type": ["x"], "message": "Oh"}}\n\n',
        b'data: {"error": "Oh"}\n\n',
        b"event: error\ndata: Oh\n\n",
    ],
)
def test_unknown_errors_in_a_stream(data: bytes) -> None:
    """An error of no known type is an error all the same."""
    with pytest.raises(llmkit.APIError, match="Oh"):
        decoded(data)


def test_what_came_before_is_handed_over() -> None:
    """Chunks before an error are the reader's."""
    happened = events(message({"type": "text", "text": "Hello"}))[:4]
    failed = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    decoder = WIRE.decoder(call(stream=True))
    said = ""
    with pytest.raises(llmkit.OverloadedError):  # noqa: PT012 - what comes before it is the point
        for chunk in decoder.feed(framed([*happened, failed])):
            said += "".join(choice.delta.content or "" for choice in chunk.choices)
    assert said == "Hello"
