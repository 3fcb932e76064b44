"""What follows from an error, class by class."""

from __future__ import annotations

import pytest

from llmkit import errors
from llmkit._control.routing.failing import may_be_done, rule_of

PASSES = (True, "all", "plain", "counted", 1, True)
KEY = (False, "all", "plain", "at once", 12, False)
FINAL = (False, "none", "none", "never", 1, False)
NOT_HERE = (False, "elsewhere", "plain", "never", 1, False)


def ruled(error: Exception, **said: bool) -> tuple[object, ...]:
    """What follows, but for whether it heals."""
    return tuple(rule_of(error, **said))[:-1]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.APIConnectionError("x"), PASSES),
        (errors.APITimeoutError("x", sent="maybe"), PASSES),
        (errors.InternalServerError("x"), PASSES),
        (errors.InternalServerError("x", status_code=408), PASSES),
        (errors.OverloadedError("x"), PASSES),
        (errors.ConflictError("x"), PASSES),
        (errors.APIResponseValidationError("x", sent="yes"), PASSES),
        (errors.RateLimitError("x"), (True, "all", "plain", "at once", 1, False)),
        (errors.RateLimitError("x", retryable=False), KEY),
        (errors.AuthenticationError("x"), KEY),
        (errors.MissingKeyError("x"), KEY),
        (errors.PaymentRequiredError("x"), KEY),
        (errors.PermissionDeniedError("x"), KEY),
        (errors.NotFoundError("x"), (*KEY[:-1], True)),
        (errors.ContextWindowExceededError("x"), (False, "larger", "context", "never", 1, False)),
        (
            errors.ContentPolicyViolationError("x"),
            (False, "elsewhere", "content", "never", 1, False),
        ),
        (errors.BadRequestError("x"), NOT_HERE),
        (errors.UnprocessableEntityError("x"), NOT_HERE),
        (errors.RequestTooLargeError("x"), NOT_HERE),
        (errors.APIStatusError("x", status_code=418), NOT_HERE),
        (errors.APIStatusError("x", status_code=425, retryable=True), PASSES),
        (errors.InternalServerError("x", status_code=501, retryable=False), (False, *PASSES[1:])),
        (errors.InvalidRequestError("x"), (False, "elsewhere", "none", "never", 1, False)),
        (errors.UnsupportedParamsError("x"), (False, "elsewhere", "none", "never", 1, False)),
        (errors.ConfigurationError("x"), (False, "all", "plain", "never", 1, False)),
        (errors.UnboundedCostError("x"), NOT_HERE),
        (errors.BudgetUnavailableError("x"), FINAL),
        (errors.StreamInterruptedError("x"), (*FINAL[:3], "counted", 1, True)),
        (errors.JSONSchemaValidationError("x"), FINAL),
        (RuntimeError("x"), FINAL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_has_its_rule(error: Exception, expected: tuple[object, ...]) -> None:
    """The nearest of an error's classes says what follows."""
    assert ruled(error) == expected


@pytest.mark.parametrize(
    ("scope", "moves_on"),
    [
        ("deployment=a", True),
        ("provider=openai", True),
        ("model=openai%2Fgpt", True),
        ("provider=openai&user=ann", True),
        ("max_cost", True),
        ("user=ann", False),
        ("global", False),
        ("user=provider%3Dopenai", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("kind", [errors.BudgetExceededError, errors.LimitReachedError])
def test_a_budget_of_one_provider_lets_others_be_asked(
    *, kind: type[errors.APIError], scope: str, moves_on: bool
) -> None:
    """Only a budget that is about where the call goes leaves anybody else to ask."""
    error = kind("x")
    error.scope = scope  # type: ignore[attr-defined]
    assert (rule_of(error).others == "all") is moves_on
    assert rule_of(error).cools == "never"


def test_one_wider_budget_among_others_is_final() -> None:
    """Where the user's budget has not room either, no other deployment has."""
    error = errors.BudgetExceededError("x")
    error.scope = "provider=openai"

    class Short:
        def __init__(self, scope: str) -> None:
            self.scope = scope

    error.shortfalls = (Short("provider=openai"), Short("user=ann"))
    assert ruled(error) == FINAL


def test_a_broken_stream_goes_on_only_where_that_is_wanted() -> None:
    """After its first chunk nothing fails over, unless streams are continued."""
    broken = errors.StreamInterruptedError("x", sent="yes")
    assert rule_of(broken).others == "none"
    assert ruled(broken, continuing=True) == PASSES


def test_what_may_be_done_is_what_nobody_refused() -> None:
    """An answer that refuses says that nothing was done; silence does not."""
    assert may_be_done(errors.APITimeoutError("x", sent="maybe"))
    assert may_be_done(errors.BadGatewayError("x", sent="yes"))
    assert not may_be_done(errors.RateLimitError("x", sent="yes"))
    assert not may_be_done(errors.APIConnectionError("x", sent="no"))
    assert not may_be_done(errors.ConfigurationError("x"))
