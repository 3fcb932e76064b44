"""What each error is to a caller: a status and a body, and nothing of what is inside."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from llmkit import errors
from llmkit.proxy.errors_of import refused_by
from llmkit.proxy.failure import Refused

HASH = "ab" * 32
INSIDE = "http://10.0.0.7:8443/secret"


def every_error() -> list[type[BaseException]]:
    """All classes of ``llmkit.errors``."""
    found = [one for one in vars(errors).values() if isinstance(one, type)]
    return [one for one in found if issubclass(one, errors.LLMKitError)]


def exceeded(scope: str) -> errors.BudgetExceededError:
    """A budget of this scope refuses."""
    error = errors.BudgetExceededError(f"the budget of {scope} is $1")
    error.scope, error.retry_after, error.limit = scope, 61.2, Decimal(1)
    return error


def not_for(group: str) -> errors.NoDeploymentError:
    """Two deployments refuse for one reason."""
    error = errors.NoDeploymentError(f"no deployment of {group}: internal-7: it is too long")
    error.reasons = {"internal-7": "it is too long", "internal-8": "it is too long"}
    return error


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: str(kind.__name__))
def test_every_error_has_a_refusal(kind: type[errors.LLMKitError]) -> None:
    """None is left out, and each has a body of OpenAI's form."""
    refused = refused_by(kind("it went wrong"))
    assert 400 <= refused.status < 600
    assert set(refused.body()["error"]) == {"message", "type", "param", "code"}
    assert refused.body()["error"]["message"]


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (exceeded(f"key={HASH}"), 429, "budget_exceeded"),
        (errors.LimitReachedError("x"), 429, "rate_limit_error"),
        (errors.UnboundedCostError("x"), 400, "bad_request_error"),
        (errors.BudgetUnavailableError("x"), 503, "no_db_connection"),
        (errors.NotEntitledError("x"), 402, "budget_exceeded"),
        (errors.UnknownModelError("x"), 404, "not_found_error"),
        (errors.UnknownProviderError("x"), 404, "not_found_error"),
        (errors.UnsupportedParamsError("x"), 400, "bad_request_error"),
        (errors.MissingKeyError("x"), 502, "provider_auth_error"),
        (errors.AuthenticationError("x"), 502, "provider_auth_error"),
        (errors.PermissionDeniedError("x"), 502, "provider_auth_error"),
        (errors.NotFoundError("x"), 404, "not_found_error"),
        (errors.RateLimitError("x"), 429, "rate_limit_error"),
        (errors.RouterRateLimitError("x"), 429, "rate_limit_error"),
        (errors.RouterUnavailableError("x"), 503, "no_db_connection"),
        (errors.OverloadedError("x"), 529, "internal_server_error"),
        (errors.APITimeoutError("x"), 504, "timeout_error"),
        (errors.APIConnectionError("x"), 502, "api_connection_error"),
        (errors.StreamInterruptedError("x"), 502, "api_error"),
        (errors.StoreUnavailableError("x"), 503, "no_db_connection"),
        (OperationalError("select 1", {}, Exception(INSIDE)), 503, "no_db_connection"),
        (HTTPException(405, "Method Not Allowed"), 405, "bad_request_error"),
        (KeyError(INSIDE), 500, "internal_server_error"),
        (Refused(418, "tea", "teapot"), 418, "teapot"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_status_and_type(error: Exception, status: int, type_: str) -> None:
    """Statuses tell whose fault it is, types what it is, in words that clients know."""
    refused = refused_by(error)
    assert (refused.status, refused.type) == (status, type_)


@pytest.mark.parametrize(
    "error",
    [
        KeyError(INSIDE),
        errors.APIConnectionError(f"no answer of {INSIDE}"),
        errors.AuthenticationError(f"Incorrect API key provided to {INSIDE}"),
        errors.MissingKeyError(f"set {INSIDE}"),
        errors.RateLimitError(f"limit of organization org-7 at {INSIDE}"),
        errors.RouterRateLimitError(f"no deployment is free: {INSIDE}"),
        errors.StoreUnavailableError(f"cannot reach {INSIDE}"),
        errors.UnknownModelError(f"did you mean {INSIDE}"),
        errors.BillingError(INSIDE),
        errors.BadGatewayError(f"upstream {INSIDE} failed"),
        OperationalError(INSIDE, {}, Exception(INSIDE)),
        exceeded(f"deployment={INSIDE}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nothing_inside_is_told(error: Exception) -> None:
    """Addresses, accounts, deployments and credentials stay inside."""
    refused = refused_by(error)
    assert INSIDE not in f"{refused.body()} {refused.headers}"


def test_what_is_the_callers_is_told() -> None:
    """Whoever is out of money learns whose, and when there will be more; his SDK does not ask thrice."""
    refused = refused_by(exceeded(f"key={HASH}"))
    assert refused.message == "the budget of this key is $1"
    assert refused.headers == {"retry-after": "62", "x-should-retry": "false"}


def test_reasons_without_names() -> None:
    """Why nobody takes a call is said once, and of nobody by name."""
    refused = refused_by(not_for("fast"))
    assert refused.message.count("it is too long") == 1
    assert "internal" not in refused.message


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1"), (3.0, "3"), (3.1, "4")])
def test_waits_are_whole_seconds(seconds: float, said: str) -> None:
    """Whoever waits so long does not come too early."""
    error: Any = errors.RateLimitError("x", retry_after=seconds)
    assert refused_by(error).headers["retry-after"] == said


LEAKS = (
    "http://10.0.0.7:8443/v1",
    "llm-7.corp.internal:8080",
    "OPENAI_API_KEY",
    "AZURE_TENANT_ID",
    "org-a1b2c3d4e5f6",
    "gpt-4o-mini-of-accounting",
    HASH,
    "max_cost=",
    "max_tokens=",
)
"""What messages of the library may hold, and no caller of the gateway may read."""


def leaking(kind: type[errors.LLMKitError]) -> errors.LLMKitError:
    """One of this kind, whose message says all of that."""
    said = f"key={HASH} of org-a1b2c3d4e5f6: set OPENAI_API_KEY or AZURE_TENANT_ID for {LEAKS[0]} and {LEAKS[1]}"
    error = kind(f"the model {LEAKS[5]} failed: {said}; give max_cost=")
    if isinstance(error, errors.APIError):
        error.model = LEAKS[5]
    if isinstance(error, errors.NoDeploymentError):
        error.reasons = {LEAKS[5]: f"it is not at {LEAKS[0]}"}
    return error


TOLD = {
    # Whose message is for the caller; it comes from a provider's answer, and names no variables of ours.
    errors.JSONSchemaValidationError,
    errors.InvalidRequestError,
    errors.UnsupportedParamsError,
    errors.BudgetExceededError,
    errors.LimitReachedError,
    errors.UnboundedCostError,
    errors.NotEntitledError,
    errors.APIStatusError,
    errors.BadRequestError,
    errors.ContextWindowExceededError,
    errors.ContentPolicyViolationError,
    errors.NotFoundError,
    errors.ConflictError,
    errors.RequestTooLargeError,
    errors.UnprocessableEntityError,
}


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: str(kind.__name__))
def test_no_error_tells_what_is_inside(kind: type[errors.LLMKitError]) -> None:
    """Each class of the library's errors, with all that its message might hold."""
    body = str(refused_by(leaking(kind)).body())
    named = {"OPENAI_API_KEY", "AZURE_TENANT_ID", "max_cost=", "max_tokens="}
    kept = named if kind in TOLD - {errors.UnboundedCostError} else set()
    # The deployment's model is known of what a call ended with, and no message of a budget names it.
    budgets = (errors.BudgetError, errors.LimitReachedError)
    kept |= {LEAKS[5]} if issubclass(kind, budgets) else set()
    kept |= named - {"max_cost="} if kind is errors.UnboundedCostError else set()
    assert [leak for leak in LEAKS if leak in body and leak not in kept] == []


@pytest.mark.parametrize(
    ("message", "status", "said"),
    [
        ("timeout is in seconds, from 0 to 1, not 'x'", 400, "timeout is in seconds"),
        ("set OPENAI_API_KEY", 500, "not set up"),
        ("the address https://llm.corp.example/v1 is none", 500, "not set up"),
        ("no such file: /etc/llm/key.json", 500, "not set up"),
    ],
)
def test_whose_configuration_is_wrong(message: str, status: int, said: str) -> None:
    """A caller's keyword is told, what he cannot set right is not."""
    refused = refused_by(errors.ConfigurationError(message))
    assert refused.status == status
    assert said in refused.message


def test_where_vendors_explain_is_told() -> None:
    """Their public pages are no addresses of ours."""
    page = "https://platform.openai.com/docs/guides/error-codes"
    assert page in refused_by(errors.BadRequestError(f"see {page}")).message


def test_what_a_caller_can_do_without_keywords() -> None:
    """Who has no keyword arguments is told of none."""
    error = errors.UnboundedCostError("nobody can say what this call costs at most; give max_cost=")
    assert "administrator" in refused_by(error).message
    missing = refused_by(errors.MissingKeyError("no key for groq: set GROQ_API_KEY"))
    assert "has no credentials" in missing.message
