"""Errors of the compatible hosts in their own forms: class, code, words and whether to try again.

The bodies are made after recorded traffic, the hosts' documentation and users' reports; addresses stand beside them.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from llmkit import errors, providers
from llmkit._call import ChatCall
from llmkit._http import HTTPResponse


class Case(NamedTuple):
    """One error of one host."""

    host: str
    status: int
    body: Any
    kind: type[errors.APIError]
    said: str
    code: str | None = None
    retryable: bool = False


def mistral(status: int, kind: str, message: Any, code: str | None) -> dict[str, Any]:
    """Mistral's form: recorded, and https://docs.mistral.ai/resources/known-errors."""
    named = {"object": "error", "message": message, "type": kind, "param": None}
    return {**named, "code": code, "raw_status_code": status}


def openrouter(code: int, message: str, **metadata: Any) -> dict[str, Any]:
    """OpenRouter's form: recorded."""
    inner = {"code": code, "message": message} | ({"metadata": metadata} if metadata else {})
    return {"error": inner, "user_id": "user_1"}


def databricks(code: str, message: str) -> dict[str, str]:
    """Databricks' form: https://github.com/databricks-demos/dbdemos/issues/220."""
    return {"error_code": code, "message": message}


def cloudflare(code: int, message: str) -> dict[str, Any]:
    """Cloudflare's form: https://github.com/anomalyco/opencode/issues/23773."""
    return {
        "result": None,
        "success": False,
        "errors": [{"code": code, "message": message}],
        "messages": [],
    }


def snowflake(code: str, message: str) -> dict[str, str]:
    """Snowflake's form: https://github.com/vllm-project/semantic-router/issues/3608."""
    return {"code": code, "message": message, "request_id": "r-1", "error_code": code}


def github(code: str, message: str) -> dict[str, Any]:
    """GitHub Models' form: https://github.com/github/gh-models/issues/65."""
    return {"error": {"code": code, "message": message, "details": message}}


def named(message: str, kind: str, code: Any = None) -> dict[str, Any]:
    """OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


MISSING = [
    {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}
]
PAGE = "<html><head><title>401 Authorization Required</title></head><body>openresty</body></html>"
LONG = "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens."
OVER = "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"

CASES = (
    Case(
        "mistral",
        400,
        mistral(400, "invalid_model", "Invalid model: x", "1500"),
        errors.BadRequestError,
        "Invalid model",
        "1500",
    ),
    Case(
        "mistral",
        400,
        mistral(400, "invalid_request_error", OVER, "3051"),
        errors.ContextWindowExceededError,
        "40000",
        "3051",
    ),
    Case(
        "mistral", 401, {"detail": "Invalid API Key"}, errors.AuthenticationError, "Invalid API Key"
    ),
    Case(
        "mistral",
        401,
        {"message": "Unauthorized", "request_id": "r"},
        errors.AuthenticationError,
        "Unauthorized",
    ),
    Case("mistral", 403, {"detail": "Forbidden"}, errors.PermissionDeniedError, "Forbidden"),
    Case(
        "mistral",
        404,
        {"message": "no Route matched with those values"},
        errors.NotFoundError,
        "no Route",
    ),
    Case(
        "mistral",
        413,
        {"message": "Request size limit exceeded"},
        errors.RequestTooLargeError,
        "size limit",
    ),
    Case(
        "mistral",
        422,
        mistral(422, "invalid_request_error", {"detail": MISSING}, None),
        errors.UnprocessableEntityError,
        "body.seed: Extra inputs are not permitted",
    ),
    Case(
        "mistral",
        429,
        mistral(429, "service_tier_capacity_exceeded", "Service tier capacity exceeded", "3505"),
        errors.RateLimitError,
        "capacity",
        "3505",
        True,
    ),
    Case(
        "mistral",
        429,
        {"message": "Requests rate limit exceeded"},
        errors.RateLimitError,
        "rate limit",
        None,
        True,
    ),
    Case(
        "mistral",
        500,
        mistral(500, "internal_server_error", "Service unavailable.", "3000"),
        errors.InternalServerError,
        "unavailable",
        "3000",
        True,
    ),
    Case(
        "mistral",
        503,
        mistral(503, "unreachable_backend", "Service unavailable.", "1100"),
        errors.ServiceUnavailableError,
        "unavailable",
        "1100",
        True,
    ),
    Case(
        "huggingface",
        400,
        {
            "error": {
                "message": "The requested model 'a/b' is not supported by any provider you have enabled.",
                "type": "invalid_request_error",
                "param": "model",
                "code": "model_not_supported",
            }
        },
        errors.BadRequestError,
        "not supported",
        "model_not_supported",
    ),
    Case(
        "huggingface",
        401,
        {"error": "Invalid username or password."},
        errors.AuthenticationError,
        "Invalid username",
    ),
    Case(
        "huggingface",
        402,
        {"error": "You have exceeded your monthly included credits for Inference Providers."},
        errors.PaymentRequiredError,
        "monthly",
    ),
    Case(
        "huggingface",
        403,
        {
            "error": "This authentication method does not have sufficient permissions to call Inference Providers"
        },
        errors.PermissionDeniedError,
        "sufficient",
    ),
    Case("huggingface", 404, "Not Found", errors.NotFoundError, "Not Found"),
    Case(
        "huggingface",
        413,
        {"error": "Payload reached size limit.", "error_type": "validation"},
        errors.RequestTooLargeError,
        "size limit",
    ),
    Case(
        "huggingface",
        422,
        {
            "error": "Input validation error: `temperature` must be positive",
            "error_type": "validation",
        },
        errors.UnprocessableEntityError,
        "temperature",
    ),
    Case(
        "huggingface",
        429,
        {"error": "Model is overloaded", "error_type": "overloaded"},
        errors.RateLimitError,
        "overloaded",
        None,
        True,
    ),
    Case(
        "huggingface",
        503,
        {"error": ["Service Unavailable"]},
        errors.ServiceUnavailableError,
        "Service Unavailable",
        None,
        True,
    ),
    Case(
        "databricks",
        400,
        databricks(
            "BAD_REQUEST",
            '{"message":"input length and `max_tokens` exceed context limit: 250000"}',
        ),
        errors.ContextWindowExceededError,
        "exceed context limit",
        "BAD_REQUEST",
    ),
    Case(
        "databricks",
        400,
        databricks("INVALID_PARAMETER_VALUE", "unknown field"),
        errors.BadRequestError,
        "unknown field",
        "INVALID_PARAMETER_VALUE",
    ),
    Case(
        "databricks",
        401,
        databricks("UNAUTHENTICATED", "Request doesn't have the required authentication"),
        errors.AuthenticationError,
        "required",
        "UNAUTHENTICATED",
    ),
    Case(
        "databricks",
        403,
        databricks("PERMISSION_DENIED", "Invalid access token."),
        errors.PermissionDeniedError,
        "token",
        "PERMISSION_DENIED",
    ),
    Case(
        "databricks",
        404,
        databricks("RESOURCE_DOES_NOT_EXIST", "Endpoint with name 'x' does not exist."),
        errors.NotFoundError,
        "Endpoint",
        "RESOURCE_DOES_NOT_EXIST",
    ),
    Case("databricks", 413, "Request Entity Too Large", errors.RequestTooLargeError, "Too Large"),
    Case(
        "databricks",
        429,
        databricks("REQUEST_LIMIT_EXCEEDED", "Exceeded workspace rate limit"),
        errors.RateLimitError,
        "rate limit",
        "REQUEST_LIMIT_EXCEEDED",
        True,
    ),
    Case(
        "databricks",
        503,
        databricks("TEMPORARILY_UNAVAILABLE", "The service is taking too long"),
        errors.ServiceUnavailableError,
        "too long",
        "TEMPORARILY_UNAVAILABLE",
        True,
    ),
    Case(
        "cloudflare",
        400,
        cloudflare(5006, "AiError: Bad input: Error: oneOf at '/' not met"),
        errors.BadRequestError,
        "Bad input",
        "5006",
    ),
    Case(
        "cloudflare",
        401,
        cloudflare(10000, "Authentication error"),
        errors.AuthenticationError,
        "Authentication",
        "10000",
    ),
    Case(
        "cloudflare",
        403,
        cloudflare(5016, "Model Agreement: submit the prompt 'agree'"),
        errors.PermissionDeniedError,
        "Agreement",
        "5016",
    ),
    Case(
        "cloudflare",
        404,
        cloudflare(7003, "Could not route to /client/v4/accounts/x"),
        errors.NotFoundError,
        "route",
        "7003",
    ),
    Case(
        "cloudflare",
        413,
        cloudflare(3006, "Request is too large"),
        errors.RequestTooLargeError,
        "too large",
        "3006",
    ),
    Case(
        "cloudflare",
        429,
        cloudflare(3040, "No more data centers to forward the request to"),
        errors.RateLimitError,
        "forward",
        "3040",
        True,
    ),
    Case(
        "cloudflare",
        500,
        {"errors": ["AiError: unknown"], "success": False},
        errors.InternalServerError,
        "AiError",
        None,
        True,
    ),
    Case(
        "snowflake",
        400,
        snowflake("390400", "max tokens of 32768 exceeded"),
        errors.ContextWindowExceededError,
        "32768",
        "390400",
    ),
    Case(
        "snowflake",
        401,
        {"code": "390144", "message": "JWT token is invalid."},
        errors.AuthenticationError,
        "JWT",
        "390144",
    ),
    Case(
        "snowflake",
        403,
        snowflake("003001", "This account is not allowed to access this endpoint."),
        errors.PermissionDeniedError,
        "not allowed",
        "003001",
    ),
    Case("snowflake", 404, {"message": "unknown model x"}, errors.NotFoundError, "unknown model"),
    Case("snowflake", 413, "", errors.RequestTooLargeError, "answered 413"),
    Case(
        "snowflake",
        429,
        {"message": "too many requests"},
        errors.RateLimitError,
        "too many",
        None,
        True,
    ),
    Case(
        "snowflake",
        503,
        {"message": "inference timed out"},
        errors.ServiceUnavailableError,
        "timed out",
        None,
        True,
    ),
    Case(
        "github",
        400,
        github("unknown_model", "Unknown model: a/b"),
        errors.BadRequestError,
        "Unknown model",
        "unknown_model",
    ),
    Case(
        "github",
        401,
        github("unauthorized", "Bad credentials"),
        errors.AuthenticationError,
        "Bad credentials",
        "unauthorized",
    ),
    Case(
        "github",
        403,
        github("no_access", "No access to model: openai/o1"),
        errors.PermissionDeniedError,
        "No access",
        "no_access",
    ),
    Case("github", 404, "404 page not found", errors.NotFoundError, "page not found"),
    Case(
        "github",
        413,
        github(
            "tokens_limit_reached",
            "Request body too large for gpt-4.1 model. Max size: 8000 tokens.",
        ),
        errors.ContextWindowExceededError,
        "8000",
        "tokens_limit_reached",
    ),
    Case(
        "github",
        429,
        github("RateLimitReached", "Rate limit of 10 per 60s exceeded"),
        errors.RateLimitError,
        "Rate limit",
        "RateLimitReached",
        True,
    ),
    Case("github", 503, "", errors.ServiceUnavailableError, "answered 503", None, True),
    Case(
        "perplexity",
        400,
        {
            "error": {
                "message": "The total length is too long.",
                "type": "too_many_prompt_tokens",
                "code": 400,
            }
        },
        errors.ContextWindowExceededError,
        "too long",
        "400",
    ),
    Case(
        "perplexity",
        400,
        {"error": {"message": "Invalid model 'x'", "type": "invalid_model", "code": 400}},
        errors.BadRequestError,
        "Invalid model",
        "400",
    ),
    Case("perplexity", 401, PAGE, errors.AuthenticationError, "401 Authorization Required"),
    Case(
        "perplexity",
        403,
        {"error": {"message": "no", "type": "forbidden", "code": 403}},
        errors.PermissionDeniedError,
        "no",
        "403",
    ),
    Case(
        "perplexity",
        404,
        PAGE.replace("401 Authorization Required", "404 Not Found"),
        errors.NotFoundError,
        "404 Not Found",
    ),
    Case(
        "perplexity",
        413,
        PAGE.replace("401 Authorization Required", "413 Too Large"),
        errors.RequestTooLargeError,
        "413",
    ),
    Case(
        "perplexity",
        429,
        {
            "error": {
                "message": "Request rate limit exceeded",
                "type": "request_rate_limit_exceeded",
                "code": 429,
            }
        },
        errors.RateLimitError,
        "rate",
        "429",
        True,
    ),
    Case(
        "perplexity",
        500,
        {
            "error": {
                "message": "Internal Server Error",
                "type": "internal_server_error",
                "code": 500,
            }
        },
        errors.InternalServerError,
        "Internal",
        "500",
        True,
    ),
    Case(
        "xai",
        400,
        {"code": "Client specified an invalid argument", "error": "Incorrect API key provided."},
        errors.BadRequestError,
        "Incorrect",
        "Client specified an invalid argument",
    ),
    Case(
        "xai",
        401,
        {"code": "unauthenticated", "error": "No credentials."},
        errors.AuthenticationError,
        "No credentials",
        "unauthenticated",
    ),
    Case(
        "xai",
        403,
        {
            "code": "The caller does not have permission",
            "error": "Content violates usage guidelines.",
        },
        errors.PermissionDeniedError,
        "guidelines",
        "The caller does not have permission",
    ),
    Case(
        "xai",
        404,
        {"code": "Some requested entity was not found", "error": "The model x was deprecated"},
        errors.NotFoundError,
        "deprecated",
        "Some requested entity was not found",
    ),
    Case(
        "xai",
        413,
        {"code": "too large", "error": "Body too large"},
        errors.RequestTooLargeError,
        "Body",
        "too large",
    ),
    Case(
        "xai",
        429,
        {"code": "Some resource has been exhausted", "error": "Too many requests"},
        errors.RateLimitError,
        "Too many",
        "Some resource has been exhausted",
        True,
    ),
    Case(
        "xai",
        503,
        {"code": "The service is currently unavailable", "error": "At capacity."},
        errors.ServiceUnavailableError,
        "capacity",
        "The service is currently unavailable",
        True,
    ),
    Case(
        "openrouter", 400, openrouter(400, LONG), errors.ContextWindowExceededError, "32768", "400"
    ),
    Case(
        "openrouter",
        401,
        openrouter(401, "No cookie auth credentials found"),
        errors.AuthenticationError,
        "cookie",
        "401",
    ),
    Case(
        "openrouter",
        402,
        openrouter(402, "Insufficient credits"),
        errors.PaymentRequiredError,
        "credits",
        "402",
    ),
    Case(
        "openrouter",
        403,
        openrouter(403, "Provider returned error", provider_name="x", raw='{"error":"moderated"}'),
        errors.PermissionDeniedError,
        "moderated",
        "403",
    ),
    Case(
        "openrouter",
        404,
        openrouter(404, "No endpoints found for a/b."),
        errors.NotFoundError,
        "endpoints",
        "404",
    ),
    Case(
        "openrouter",
        413,
        openrouter(413, "Payload too large"),
        errors.RequestTooLargeError,
        "Payload",
        "413",
    ),
    Case(
        "openrouter",
        429,
        openrouter(429, "Provider returned error", raw="a/b is temporarily rate-limited upstream"),
        errors.RateLimitError,
        "rate-limited",
        "429",
        True,
    ),
    Case(
        "openrouter",
        502,
        openrouter(502, "Provider returned error"),
        errors.BadGatewayError,
        "Provider",
        "502",
        True,
    ),
    Case(
        "openrouter",
        529,
        openrouter(529, "Provider overloaded"),
        errors.OverloadedError,
        "overloaded",
        "529",
        True,
    ),
    Case(
        "deepseek",
        400,
        named(LONG, "invalid_request_error", "invalid_request_error"),
        errors.ContextWindowExceededError,
        "32768",
        "invalid_request_error",
    ),
    Case(
        "deepseek",
        401,
        named("Authentication Fails", "authentication_error", "invalid_request_error"),
        errors.AuthenticationError,
        "Fails",
        "invalid_request_error",
    ),
    Case(
        "deepseek",
        402,
        named("Insufficient Balance", "unknown_error", "invalid_request_error"),
        errors.PaymentRequiredError,
        "Balance",
        "invalid_request_error",
    ),
    Case(
        "deepseek",
        422,
        named("Invalid parameter", "invalid_request_error"),
        errors.UnprocessableEntityError,
        "parameter",
    ),
    Case(
        "deepseek",
        429,
        named("Rate limit reached", "rate_limit_error"),
        errors.RateLimitError,
        "Rate",
        None,
        True,
    ),
    Case(
        "deepseek",
        503,
        named("Service is too busy", "service_unavailable_error"),
        errors.ServiceUnavailableError,
        "busy",
        None,
        True,
    ),
    Case(
        "zai",
        400,
        {"error": {"code": "1211", "message": "Unknown Model, please check the model code."}},
        errors.BadRequestError,
        "Unknown",
        "1211",
    ),
    Case(
        "zai",
        400,
        {"error": {"code": "1261", "message": "Prompt exceeds max length"}},
        errors.ContextWindowExceededError,
        "exceeds",
        "1261",
    ),
    Case(
        "zai",
        400,
        {
            "contentFilter": [{"level": 1, "role": "user"}],
            "error": {
                "code": "1301",
                "message": "System detected potentially unsafe or sensitive content in input or generation.",
            },
        },
        errors.ContentPolicyViolationError,
        "unsafe",
        "1301",
    ),
    Case(
        "zai",
        401,
        {"error": {"code": "1000", "message": "Authentication Failed"}},
        errors.AuthenticationError,
        "Failed",
        "1000",
    ),
    Case(
        "zai",
        429,
        {"error": {"code": "1302", "message": "Rate limit reached for requests"}},
        errors.RateLimitError,
        "Rate",
        "1302",
        True,
    ),
    Case(
        "zai",
        500,
        {"error": {"code": "1234", "message": "Network error"}},
        errors.InternalServerError,
        "Network",
        "1234",
        True,
    ),
    Case(
        "portkey",
        400,
        {
            "error": {
                "message": "openai error: bad",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            },
            "provider": "openai",
        },
        errors.BadRequestError,
        "bad",
    ),
    Case(
        "portkey",
        401,
        {"success": False, "data": {"message": "Invalid API Key. Error Code: 03"}},
        errors.AuthenticationError,
        "Error Code: 03",
    ),
    Case(
        "portkey",
        412,
        {"error": {"message": "budget exhausted", "type": "budget_exceeded"}},
        errors.APIStatusError,
        "budget",
    ),
    Case(
        "vercel_ai_gateway",
        400,
        named("Invalid input", "invalid_request_error"),
        errors.BadRequestError,
        "Invalid input",
    ),
    Case(
        "vercel_ai_gateway",
        401,
        named("Unauthenticated", "authentication_error"),
        errors.AuthenticationError,
        "Unauth",
    ),
    Case(
        "vercel_ai_gateway",
        402,
        named("Insufficient funds", "insufficient_funds"),
        errors.PaymentRequiredError,
        "funds",
    ),
    Case(
        "vercel_ai_gateway",
        404,
        named("Model 'x' not found", "model_not_found"),
        errors.NotFoundError,
        "not found",
    ),
    Case(
        "vercel_ai_gateway",
        429,
        named("Rate limit exceeded", "rate_limit_exceeded"),
        errors.RateLimitError,
        "Rate",
        None,
        True,
    ),
    Case(
        "vercel_ai_gateway",
        503,
        named("Unavailable", "internal_server_error"),
        errors.ServiceUnavailableError,
        "Unavail",
        None,
        True,
    ),
)


def raised(case: Case) -> errors.APIError:
    """The error that the host's wire makes of a case."""
    chat = providers.get(case.host).chat
    assert chat is not None
    raw = case.body if isinstance(case.body, str) else json.dumps(case.body)
    call = ChatCall(id="call_1", provider=case.host, model="m", messages=[])
    return chat.error(call, HTTPResponse(case.status, {}, raw.encode()))


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.host} {case.status} {case.said[:12]}"
)
def test_a_hosts_error(case: Case) -> None:
    """An error has its class, the host's words and code, and whether it may pass."""
    made = raised(case)
    assert type(made) is case.kind
    assert case.said in made.message
    assert made.code == case.code
    assert made.status_code == case.status
    assert made.retryable is case.retryable


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (cloudflare(7003, "no route"), errors.APIError),
        ({"success": False, "errors": [{"code": 429, "message": "slow"}]}, errors.RateLimitError),
        (mistral(503, "unreachable_backend", "no", "1100"), errors.ServiceUnavailableError),
        (mistral(400, "new_kind", "no", "9999"), errors.BadRequestError),
        (openrouter(502, "no"), errors.BadGatewayError),
    ],
)
def test_an_error_inside_a_success(body: dict[str, Any], kind: type[errors.APIError]) -> None:
    """An error that comes with a 200 is raised as what it says, from a body and from an event."""
    chat = providers.get("cloudflare").chat
    assert chat is not None
    call = ChatCall(id="call_1", provider="acme", model="m", messages=[], stream=True)
    raw = json.dumps(body).encode()
    with pytest.raises(kind) as whole:
        chat.parse(call, HTTPResponse(200, {}, raw))
    with pytest.raises(kind) as event:
        list(chat.decoder(call).feed(b"data: " + raw + b"\n\n"))
    assert type(whole.value) is type(event.value)
