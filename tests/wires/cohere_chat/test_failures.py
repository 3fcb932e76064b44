"""Errors become the class that they are, by status, by their text, and inside a 200."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit._http import HTTPResponse

from ._made import WIRE, answer, call, decoded, events, framed, parsed, text


def failed(status: int, message: str, **headers: str) -> llmkit.APIError:
    """The error that an answer of this status and text is."""
    body = json.dumps({"id": "err_1", "message": message}).encode()
    return WIRE.error(call(), HTTPResponse(status, headers, body))


@pytest.mark.parametrize(
    ("status", "message", "expected", "retryable"),
    [
        (400, "invalid request: valid 'role' is required", llmkit.BadRequestError, False),
        (
            400,
            "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
            llmkit.ContextWindowExceededError,
            False,
        ),
        (
            400,
            "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs.",
            llmkit.ContextWindowExceededError,
            False,
        ),
        (
            400,
            "too many tokens: max tokens must be less than or equal to 4096, the maximum output for this model",
            llmkit.BadRequestError,
            False,
        ),
        (400, "blocked input: please adjust your prompt", llmkit.ContentPolicyViolationError, False),
        (401, "invalid api token", llmkit.AuthenticationError, False),
        (402, "Please add or update your payment method to continue", llmkit.PaymentRequiredError, False),
        (403, "Forbidden", llmkit.PermissionDeniedError, False),
        (404, "model 'x' not found, make sure the correct model ID was used", llmkit.NotFoundError, False),
        (413, "request too large", llmkit.RequestTooLargeError, False),
        (422, "no texts given", llmkit.UnprocessableEntityError, False),
        (422, "too many tokens: total number of tokens", llmkit.ContextWindowExceededError, False),
        (
            429,
            "You are using a Trial key, which is limited to 20 API calls / minute.",
            llmkit.RateLimitError,
            True,
        ),
        (
            429,
            "You are using a Trial key, which is limited to 1000 API calls / month.",
            llmkit.RateLimitError,
            False,
        ),
        (498, "a token is on the deny list", llmkit.ContentPolicyViolationError, False),
        (499, "request cancelled", llmkit.APIStatusError, True),
        (500, "internal server error, this has been reported", llmkit.InternalServerError, True),
        (501, "not implemented", llmkit.InternalServerError, True),
        (503, "the service is overloaded", llmkit.ServiceUnavailableError, True),
        (504, "gateway timeout", llmkit.GatewayTimeoutError, True),
    ],
)  # fmt: skip
def test_each_status(status: int, message: str, expected: type, *, retryable: bool) -> None:
    """A status and a text are all that an error says."""
    error = failed(status, message)
    assert type(error) is expected
    assert (error.status_code, error.request_id, error.sent) == (status, "err_1", "yes")
    assert message in error.message
    assert error.retryable is retryable
    assert error.body == {"id": "err_1", "message": message}


def test_the_header_s_id_comes_first() -> None:
    """The id of the exchange is the header's where there is one."""
    assert failed(400, "no", **{"x-request-id": "req_h"}).request_id == "req_h"


@pytest.mark.parametrize("raw", [b"<html><h1>502</h1></html>", b"", b"[]", b'{"data":3}', b"{"])
def test_errors_that_are_not_the_provider_s(raw: bytes) -> None:
    """A proxy's error is read as any host's."""
    error = WIRE.error(call(), HTTPResponse(502, {}, raw))
    assert type(error) is llmkit.BadGatewayError


@pytest.mark.parametrize(
    ("reason", "expected", "status", "retryable"),
    [
        ("ERROR", llmkit.InternalServerError, 500, True),
        ("TIMEOUT", llmkit.GatewayTimeoutError, 504, True),
        ("ERROR_TOXIC", llmkit.ContentPolicyViolationError, 400, False),
    ],
)
def test_a_generation_that_failed(
    reason: str, expected: type, status: int, *, retryable: bool
) -> None:
    """A reason that is a failure is raised as one: whole or streamed, with the provider's words."""
    native = answer(text("Hi"), finish=reason) | {"error": "out of luck"}
    with pytest.raises(llmkit.APIError) as inside:
        parsed({k: v for k, v in native.items() if k != "error"})
    with pytest.raises(llmkit.APIError) as streamed:
        decoded(framed(events(native)))
    assert "out of luck" in streamed.value.message
    assert reason in inside.value.message
    for caught in (inside.value, streamed.value):
        assert type(caught) is expected
        assert (caught.status_code, caught.code) == (status, reason)
        assert (caught.sent, caught.retryable) == ("yes", retryable)


@pytest.mark.parametrize(
    "event",
    [
        {"id": "e", "message": "out of luck"},
        {"type": "error", "message": "out of luck"},
        {"error": {"message": "out of luck"}},
        {"type": "message-end", "delta": {"error": "out of luck"}},
    ],
)
def test_errors_among_the_events(event: Any) -> None:
    """An error that comes as an event is raised, in whichever form."""
    lines = framed(events(answer(text("Hi")))[:-1]).removesuffix(b"data: [DONE]\n\n")
    with pytest.raises(llmkit.InternalServerError, match="out of luck") as caught:
        decoded(lines + f"data: {json.dumps(event)}\n\n".encode())
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "not JSON"),
        (b"<html>", "base_url"),
        (b"[]", "no object"),
        (b'{"choices":[]}', "no message"),
        (b'{"message":[]}', "no message"),
    ],
)
def test_answers_that_are_none(data: bytes, match: str) -> None:
    """HTML, half a JSON, another API's object: said to be unreadable, never a KeyError."""
    with pytest.raises(llmkit.APIResponseValidationError, match=match):
        parsed(data)


@pytest.mark.parametrize(
    "body", [{"message": "no such model", "id": "e"}, {"error": "no such model"}]
)
def test_an_error_inside_a_200(body: Any) -> None:
    """An error under a 200 is one of the provider's own, as it is in a stream."""
    with pytest.raises(llmkit.InternalServerError, match="no such model") as caught:
        parsed(body)
    assert (caught.value.status_code, caught.value.retryable) == (500, True)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("too many tokens: total number of tokens", llmkit.ContextWindowExceededError),
        ("invalid api token", llmkit.AuthenticationError),
        ("blocked input", llmkit.ContentPolicyViolationError),
    ],
)
def test_a_mistake_inside_a_200(text: str, kind: type[llmkit.APIError]) -> None:
    """Where the text tells what is wrong with the request, it is that."""
    with pytest.raises(kind, match=text) as caught:
        parsed({"message": text})
    assert not caught.value.retryable
