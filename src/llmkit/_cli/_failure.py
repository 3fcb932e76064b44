"""A failed command as one line for people: what happened, and what to change.

No traceback and no key ever gets through here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .. import errors
from .._secret import redact
from ._usage import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["exit_code", "line"]

# Error class -> what to change; the first row that fits counts, so subclasses stand first.
_HINTS: Final[Mapping[type[Exception], str]] = {
    errors.MissingKeyError: "`llmkit providers` lists the variables; -m offline needs no key",
    errors.UnknownProviderError: "`llmkit providers` lists them",
    errors.ContextWindowExceededError: "send less, or choose a model with more context",
    errors.ContentPolicyViolationError: "rephrase the question",
    errors.AuthenticationError: "check the key (`llmkit providers` says which variable it is in)",
    errors.PaymentRequiredError: "the account needs credit",
    errors.PermissionDeniedError: "this key may not use this model",
    errors.NotFoundError: "check the model's name (`llmkit models` lists some) and --base-url",
    errors.RequestTooLargeError: "send less",
    errors.RateLimitError: "wait, or choose another model",
    errors.APITimeoutError: "raise --timeout, or try again",
    errors.APIConnectionError: "check the network and --base-url",
    errors.StreamInterruptedError: "the answer above is not complete; try again",
    errors.InternalServerError: "the provider has a problem; try again later",
    errors.JSONSchemaValidationError: "try again, or loosen the schema",
    errors.APIResponseValidationError: "does --base-url speak OpenAI's API?",
}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")
_LONGEST: Final = 1000


def line(error: Exception) -> str:
    """What to print of *error*: one line, without control characters or secrets."""
    known = isinstance(error, UsageError | errors.LLMKitError)
    text = str(error) if known else f"internal error: {type(error).__name__}: {error}"
    text = _CONTROL.sub(" ", redact(text)).strip()[:_LONGEST]
    hint = _hint(error)
    return f"llmkit: {text}{f' - {hint}' if hint else ''}"


def exit_code(error: Exception) -> int:
    """2 if what was written cannot be sent, 1 if the call failed or lacks a key."""
    if isinstance(error, errors.MissingKeyError):
        return 1
    wrong = UsageError | errors.ConfigurationError | errors.InvalidRequestError
    return 2 if isinstance(error, wrong) else 1


def _hint(error: Exception) -> str | None:
    after = getattr(error, "retry_after", None)
    if isinstance(error, errors.RateLimitError) and after:
        return f"try again in {after:g} s, or choose another model"
    return next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), None)
