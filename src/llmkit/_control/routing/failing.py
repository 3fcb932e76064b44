"""What follows from a failure: who else may answer, who else may be asked, and who is let be. A table by error class.

The nearest of an error's classes holds. Nothing here knows deployments or times.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from ...errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    BudgetError,
    ConfigurationError,
    ConflictError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    InvalidRequestError,
    JSONSchemaValidationError,
    LimitReachedError,
    MissingKeyError,
    NotFoundError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    StoreError,
    StreamInterruptedError,
    UnboundedCostError,
)
from ..retry import refused

__all__ = ["FINAL", "PassedOver", "Rule", "may_be_done", "rule_of"]

Others = Literal["all", "larger", "elsewhere", "none"]
"""Which others of the group may still answer: those with a larger window, or of another provider or model."""
Instead = Literal["plain", "context", "content", "none"]
"""Whose fallbacks are for it."""
Cools = Literal["never", "counted", "at once"]


class PassedOver(ConfigurationError):
    """Somebody else does not let a deployment be asked: no failure of its own, and none that hides another's."""


class Rule(NamedTuple):
    """What follows from an error."""

    again: bool
    """Whether the same deployment may be asked again, after a while."""
    others: Others
    instead: Instead
    cools: Cools = "never"
    factor: int = 1
    """How many cooldown times it is let be."""
    whole: bool = False
    """Whether it is the host's failure, and all its keys', rather than one key's."""
    heals: bool = True
    """Whether it may pass by itself, so that it is worth waiting for."""


FINAL: Final = Rule(again=False, others="none", instead="none")
_PASSES: Final = Rule(again=True, others="all", instead="plain", cools="counted", whole=True)
_BUSY: Final = Rule(again=True, others="all", instead="plain", cools="at once")
_KEY: Final = Rule(
    again=False, others="all", instead="plain", cools="at once", factor=12, heals=False
)
_NOT_HERE: Final = Rule(again=False, others="elsewhere", instead="plain")
_ELSEWHERE: Final = Rule(again=False, others="all", instead="plain")

_RULES: Final[dict[type[BaseException], Rule]] = {
    BaseException: FINAL,
    StoreError: FINAL,
    StreamInterruptedError: FINAL._replace(cools="counted", whole=True),
    JSONSchemaValidationError: FINAL,
    APIConnectionError: _PASSES,
    InternalServerError: _PASSES,
    ConflictError: _PASSES,
    APIResponseValidationError: _PASSES,
    RateLimitError: _BUSY,
    AuthenticationError: _KEY,
    MissingKeyError: _KEY,
    PaymentRequiredError: _KEY,
    PermissionDeniedError: _KEY,
    NotFoundError: _KEY._replace(whole=True),
    ContextWindowExceededError: Rule(again=False, others="larger", instead="context"),
    ContentPolicyViolationError: Rule(again=False, others="elsewhere", instead="content"),
    # Another deployment has other options; what is wrong with this one's is no sign of how it does.
    ConfigurationError: _ELSEWHERE,
    InvalidRequestError: Rule(again=False, others="elsewhere", instead="none"),
    APIStatusError: _NOT_HERE,
    APIError: _NOT_HERE,
    BudgetError: _ELSEWHERE,
    LimitReachedError: _ELSEWHERE,
    UnboundedCostError: _NOT_HERE,
}
# What a 404 is about that speaks of the model, or of nothing.
_MODEL: Final = frozenset({None, "", "model"})
# Scopes are ``kind=value``, joined by ``&``; in a value that is escaped. ``max_cost`` is of one attempt.
_NARROW: Final = re.compile(r"^max_cost$|(?:^|&)(?:deployment|model|provider)=")


def rule_of(error: BaseException, *, continuing: bool = False) -> Rule:
    """What follows from this error. ``continuing``: whether a stream that broke may go on elsewhere."""
    found = next(_RULES[kind] for kind in type(error).__mro__ if kind in _RULES)
    if isinstance(error, BudgetError | LimitReachedError):
        return found if _narrow(error) else FINAL
    if continuing and isinstance(error, StreamInterruptedError):
        return _PASSES
    if isinstance(error, RateLimitError) and not error.retryable:
        # A quota that is used up comes as 429, too; it does not pass by itself.
        return _KEY
    if not isinstance(error, APIStatusError):
        return found
    if isinstance(error, NotFoundError) and error.param not in _MODEL:
        # What the caller named is not there, such as a file that has expired: no sign of how the deployment does.
        found = _NOT_HERE
    if found is _PASSES and not error.retryable:
        return found._replace(again=False)
    return _PASSES if found is _NOT_HERE and error.retryable else found


def _narrow(error: BudgetError | LimitReachedError) -> bool:
    """Whether all that refused is of one provider, model or deployment: another may still have room."""
    if isinstance(error, StoreError):
        return False
    if isinstance(error, UnboundedCostError):
        return True
    refusing = [each.scope for each in getattr(error, "shortfalls", ())] or [
        getattr(error, "scope", "")
    ]
    return all(_NARROW.search(scope) for scope in refusing)


def may_be_done(error: BaseException) -> bool:
    """Whether nobody can say that what was asked for was not done."""
    return getattr(error, "sent", "no") != "no" and not refused(error)
