"""Errors in the bodies that Azure and Google really send, as classes: what to do follows from the class."""

from __future__ import annotations

import json
from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit._call import ChatCall
from llmkit._http import HTTPResponse

HI: list[Any] = [{"role": "user", "content": "Hi"}]
FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
        "Please modify your prompt and retry.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
        },
    }
}


def error(model: str, status: int, body: Any, **headers: str) -> llmkit.APIError:
    """What a provider's wire makes of an error."""
    provider, _, name = model.partition("/")
    chat = providers.get(provider).family_of(name).chat
    assert chat is not None
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return chat.error(
        ChatCall("c", provider, name, messages=HI), HTTPResponse(status, headers, raw)
    )


def azure(code: str, message: str, **more: Any) -> dict[str, Any]:
    """Azure's form."""
    return {"error": {"code": code, "message": message, **more}}


def google(code: int, status: str, message: str, **more: Any) -> dict[str, Any]:
    """Google's form."""
    return {"error": {"code": code, "message": message, "status": status, **more}}


AZURE = [
    (
        400,
        azure("context_length_exceeded", "This model's maximum context length is 128000 tokens."),
        "ContextWindowExceededError",
    ),
    (
        400,
        azure("unsupported_parameter", "Unsupported parameter: 'max_tokens'.", param="max_tokens"),
        "BadRequestError",
    ),
    (400, azure("BadRequest", "API version not supported"), "BadRequestError"),
    (
        401,
        azure("401", "Access denied due to invalid subscription key or wrong API endpoint."),
        "AuthenticationError",
    ),
    (
        401,
        azure("PermissionDenied", "Principal does not have access to API/Operation."),
        "AuthenticationError",
    ),
    (
        401,
        {
            "statusCode": 401,
            "message": "Unauthorized. Access token is missing, invalid, audience is incorrect.",
        },
        "AuthenticationError",
    ),
    (
        403,
        azure("AccessDenied", "Access denied due to Virtual Network/Firewall rules."),
        "PermissionDeniedError",
    ),
    (
        404,
        azure(
            "DeploymentNotFound",
            "The API deployment for this resource does not exist.",
            type="invalid_request_error",
        ),
        "NotFoundError",
    ),
    (404, azure("404", "Resource not found"), "NotFoundError"),
    (413, azure("RequestEntityTooLarge", "Payload too large"), "RequestTooLargeError"),
    (
        422,
        azure(
            "Invalid input",
            "invalid input error",
            status=422,
            details=[{"loc": ["body"], "msg": "m"}],
        ),
        "UnprocessableEntityError",
    ),
    (
        429,
        azure(
            "429",
            "Requests to the ChatCompletions_Create Operation have exceeded token rate limit.",
        ),
        "RateLimitError",
    ),
    (
        429,
        azure("RateLimitReached", "Your requests have exceeded rate limit.", details="…"),
        "RateLimitError",
    ),
    (
        429,
        azure("NoCapacity", "The system is currently experiencing high demand."),
        "RateLimitError",
    ),
    (
        500,
        azure("InternalServerError", "Backend returned unexpected response."),
        "InternalServerError",
    ),
    (
        503,
        azure("ServiceUnavailable", "The service is temporarily unable to process your request."),
        "ServiceUnavailableError",
    ),
    (504, {"statusCode": 504, "message": "Gateway timeout"}, "GatewayTimeoutError"),
]
GOOGLE = [
    (
        400,
        google(400, "INVALID_ARGUMENT", "Please use a valid role: user, model."),
        "BadRequestError",
    ),
    (
        400,
        google(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        "ContextWindowExceededError",
    ),
    (400, google(400, "FAILED_PRECONDITION", "Precondition check failed."), "BadRequestError"),
    (
        401,
        google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        "AuthenticationError",
    ),
    (
        403,
        google(
            403,
            "PERMISSION_DENIED",
            "Permission 'aiplatform.endpoints.predict' denied on resource.",
        ),
        "PermissionDeniedError",
    ),
    (
        404,
        google(
            404,
            "NOT_FOUND",
            "Publisher Model `projects/p/locations/l/publishers/google/models/m` was not found.",
        ),
        "NotFoundError",
    ),
    (
        413,
        b"<html><title>Error 413 (Request Entity Too Large)!!1</title></html>",
        "RequestTooLargeError",
    ),
    (
        429,
        google(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."),
        "RateLimitError",
    ),
    (
        429,
        [google(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.")],
        "RateLimitError",
    ),
    (499, google(499, "CANCELLED", "The operation was cancelled."), "APIStatusError"),
    (500, google(500, "INTERNAL", "Internal error encountered."), "InternalServerError"),
    (
        503,
        google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        "ServiceUnavailableError",
    ),
    (
        504,
        google(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        "GatewayTimeoutError",
    ),
]
ANTHROPIC = [
    (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "max_tokens: Field required"},
        },
        "BadRequestError",
    ),
    (
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens > 200000 maximum",
            },
        },
        "ContextWindowExceededError",
    ),
    (
        401,
        google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        "AuthenticationError",
    ),
    (
        403,
        google(403, "PERMISSION_DENIED", "Permission denied on resource project p."),
        "PermissionDeniedError",
    ),
    (
        404,
        google(404, "NOT_FOUND", "Publisher Model `projects/p/…/claude-9` was not found."),
        "NotFoundError",
    ),
    (
        413,
        {
            "type": "error",
            "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"},
        },
        "RequestTooLargeError",
    ),
    (
        429,
        google(
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for online_prediction_input_tokens_per_minute.",
        ),
        "RateLimitError",
    ),
    (
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        "OverloadedError",
    ),
    (
        500,
        {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}},
        "InternalServerError",
    ),
    (
        503,
        google(503, "UNAVAILABLE", "The service is currently unavailable."),
        "ServiceUnavailableError",
    ),
]


@pytest.mark.parametrize(
    ("model", "status", "body", "kind"),
    [
        *(("azure/gpt-4o", *row) for row in AZURE),
        *(("azure_ai/grok-4", *row) for row in AZURE),
        *(("vertex_ai/gemini-3-flash", *row) for row in GOOGLE),
        *(("vertex_ai/meta/llama-4", *row) for row in (GOOGLE[0], *GOOGLE[2:])),
        *(("vertex_ai/mistral-medium-3", *row) for row in (GOOGLE[0], *GOOGLE[2:])),
        *(("vertex_ai/claude-sonnet-4-5", *row) for row in ANTHROPIC),
        *(("azure_ai/claude-sonnet-4-5", *row) for row in (*AZURE[3:6], *ANTHROPIC)),
    ],
)
def test_classes(model: str, status: int, body: Any, kind: str) -> None:
    """Each body has its class, its status and its own words, and says whether to try again."""
    made = error(model, status, body)
    assert type(made).__name__ == kind
    assert made.status_code == status
    assert made.retryable is (status in {408, 429, 499, 500, 503, 504, 529} and status != 499)
    inner = body[0] if isinstance(body, list) else body
    if isinstance(inner, dict):
        told = inner.get("error", inner)["message"]
        assert told in made.message


def test_content_filter() -> None:
    """What the filter refused, and why, is on the error."""
    for model in ("azure/gpt-4o", "azure/gpt-5-mini"):
        made = error(model, 400, FILTERED, **{"apim-request-id": "r-1"})
        assert type(made) is llmkit.ContentPolicyViolationError
        assert (made.code, made.param, made.retryable) == ("content_filter", "prompt", False)
        assert made.body == FILTERED
        assert made.request_id == "r-1"
    other = azure("ResponsibleAIPolicyViolation", "The request was refused.")
    assert type(error("azure/gpt-4o", 400, other)) is llmkit.ContentPolicyViolationError
