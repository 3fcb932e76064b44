"""Answers that are not what they should be, and errors by status, for every wire of a call beside chat."""

from __future__ import annotations

from typing import Any

import pytest

import llmkit
from llmkit.types.answer import Answer

from ._calls import ANTHROPIC, CASES, GOOGLE, OTHERS, said

EVERY = sorted(CASES)


@pytest.mark.parametrize("name", EVERY)
def test_the_least_answer_is_read(name: str) -> None:
    """An answer with nothing but what it must have is read, and can be dumped."""
    wire, call, least = CASES[name]
    answer = wire.parse(call, said(least))
    assert isinstance(answer, Answer)
    assert answer.model_dump_json()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    "body",
    [b"<html>login</html>", b'{"da', b"", b"null", b"[1, 2]", b'"text"', b"3"],
    ids=["html", "half", "empty", "null", "list", "text", "number"],
)
def test_what_is_no_answer(name: str, body: bytes) -> None:
    """HTML, half a JSON and another API's JSON are told as what they are, never a ``KeyError``."""
    wire, call, _ = CASES[name]
    with pytest.raises(llmkit.APIResponseValidationError) as raised:
        wire.parse(call, said(body))
    assert raised.value.provider == "acme"


@pytest.mark.parametrize("name", EVERY)
def test_another_object(name: str) -> None:
    """An object of another API is not taken for an empty answer, unless an empty one is an answer."""
    wire, call, _ = CASES[name]
    empty = {"gemini-files", "gemini-caches", "gemini-batches", "gemini-models"}
    if name in empty:
        assert wire.parse(call, said({})).data == []
        return
    with pytest.raises(llmkit.APIError):
        wire.parse(call, said({"weather": "fine"}))


@pytest.mark.parametrize("name", EVERY)
def test_fields_of_wrong_types(name: str) -> None:
    """Wrong types where the shape is right never raise anything but what is typed."""
    wire, call, least = CASES[name]
    for wrong in (None, 3, "x", [None], {"a": []}, [[]], [{"id": 4, "created_at": {}}]):
        try:
            wire.parse(call, said(dict.fromkeys(least, wrong)))
        except llmkit.LLMKitError as error:
            assert error.message  # noqa: PT017 - any of several, or none


@pytest.mark.parametrize("name", OTHERS)
def test_an_error_inside_a_200(name: str) -> None:
    """An error in an answer of 200 is raised as what its code says."""
    wire, call, _ = CASES[name]
    error = {"message": "too fast", "type": "requests", "code": "rate_limit_exceeded"}
    with pytest.raises(llmkit.RateLimitError, match="too fast"):
        wire.parse(call, said({"error": error}))


@pytest.mark.parametrize("name", GOOGLE)
def test_googles_error_inside_a_200(name: str) -> None:
    """The same in Google's form."""
    wire, call, _ = CASES[name]
    error = {"code": 429, "message": "too fast", "status": "RESOURCE_EXHAUSTED"}
    for body in ({"error": error}, [{"error": error}]):
        with pytest.raises(llmkit.RateLimitError, match="too fast"):
            wire.parse(call, said(body))


_OPENAI = {
    400: ("invalid_request_error", "invalid_value", llmkit.BadRequestError),
    401: ("invalid_request_error", "invalid_api_key", llmkit.AuthenticationError),
    403: ("invalid_request_error", None, llmkit.PermissionDeniedError),
    404: ("invalid_request_error", None, llmkit.NotFoundError),
    413: ("invalid_request_error", None, llmkit.RequestTooLargeError),
    429: ("requests", "rate_limit_exceeded", llmkit.RateLimitError),
    500: ("server_error", None, llmkit.InternalServerError),
    503: ("server_error", "overloaded", llmkit.ServiceUnavailableError),
}
_ANTHROPIC = {
    400: ("invalid_request_error", llmkit.BadRequestError),
    401: ("authentication_error", llmkit.AuthenticationError),
    403: ("permission_error", llmkit.PermissionDeniedError),
    404: ("not_found_error", llmkit.NotFoundError),
    413: ("request_too_large", llmkit.RequestTooLargeError),
    429: ("rate_limit_error", llmkit.RateLimitError),
    500: ("api_error", llmkit.InternalServerError),
    529: ("overloaded_error", llmkit.OverloadedError),
}
_GOOGLE = {
    400: ("INVALID_ARGUMENT", llmkit.BadRequestError),
    401: ("UNAUTHENTICATED", llmkit.AuthenticationError),
    403: ("PERMISSION_DENIED", llmkit.PermissionDeniedError),
    404: ("NOT_FOUND", llmkit.NotFoundError),
    413: ("INVALID_ARGUMENT", llmkit.RequestTooLargeError),
    429: ("RESOURCE_EXHAUSTED", llmkit.RateLimitError),
    500: ("INTERNAL", llmkit.InternalServerError),
    503: ("UNAVAILABLE", llmkit.ServiceUnavailableError),
}


def failed(name: str, status: int, body: Any) -> llmkit.APIError:
    """The error that a wire makes of an answer."""
    wire, call, _ = CASES[name]
    error = wire.error(call, said(body, status))
    assert isinstance(error, llmkit.APIError)
    assert (error.status_code, error.provider, error.body) == (status, "acme", body)
    return error


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("status", _OPENAI)
def test_errors(name: str, status: int) -> None:
    """OpenAI's errors become their classes, with code and message."""
    kind, code, wanted = _OPENAI[status]
    body = {"error": {"message": "No.", "type": kind, "param": None, "code": code}}
    error = failed(name, status, body)
    assert type(error) is wanted
    assert (error.message, error.code) == ("No.", code)


@pytest.mark.parametrize("name", ANTHROPIC)
@pytest.mark.parametrize("status", _ANTHROPIC)
def test_errors_of_anthropic(name: str, status: int) -> None:
    """Anthropic's errors become their classes, with the id of the request."""
    kind, wanted = _ANTHROPIC[status]
    body = {"type": "error", "error": {"type": kind, "message": "No."}, "request_id": "req_1"}
    error = failed(name, status, body)
    assert type(error) is wanted
    assert (error.message, error.type, error.request_id) == ("No.", kind, "req_1")


@pytest.mark.parametrize("name", GOOGLE)
@pytest.mark.parametrize("status", _GOOGLE)
def test_errors_of_google(name: str, status: int) -> None:
    """Google's errors become their classes, with the name of the status."""
    word, wanted = _GOOGLE[status]
    body = {"error": {"code": status, "message": "No.", "status": word}}
    error = failed(name, status, body)
    assert type(error) is wanted
    assert (error.message, error.type) == ("No.", word)


def test_what_writes_an_svg_is_another_model() -> None:
    """The tokens of the model that wrote an ``svg`` are kept apart, and make the cost unknown."""
    from llmkit import catalogue, pricing

    wire, call, _ = CASES["image"]
    wrote = {"model": "m2", "input_tokens": 5, "output_tokens": 7, "reasoning_tokens": 2}
    used = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    answer = wire.parse(call, said({"data": [], "usage": used, "svg_usage": wrote}))
    counts = answer.counted()
    assert (counts.prompt_tokens, counts.completion_tokens) == (3, 4)
    assert (counts.beside[0].model, counts.beside[0].completion_tokens) == ("m2", 7)
    assert pricing.cost(counts, catalogue.find("openai", "gpt-image-1")).total is None


def test_an_answer_without_pictures() -> None:
    """An answer with a time and no pictures is an answer; an error with a time is an error."""
    wire, call, _ = CASES["image"]
    assert wire.parse(call, said({"created": 1})).data == []
    with pytest.raises(llmkit.APIError, match="sorry"):
        wire.parse(call, said({"created": 1, "error": {"message": "sorry"}}))
