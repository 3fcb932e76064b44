"""What a request is refused with, by the error that it ended in.

Whose fault it is decides what is said: the caller's own mistakes and limits in full, the gateway's and its
providers' affairs (credentials, addresses, deployments, quotas) not at all. The log has those.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ..errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BillingError,
    BudgetError,
    BudgetExceededError,
    BudgetUnavailableError,
    CatalogueError,
    ConfigurationError,
    InvalidRequestError,
    JSONSchemaValidationError,
    LimitReachedError,
    MissingKeyError,
    NoDeploymentError,
    NotEntitledError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    RouterRateLimitError,
    StoreError,
    StreamConsumedError,
    UnboundedCostError,
    UnknownModelError,
    UnknownPriceError,
    UnknownProviderError,
)
from .failure import Refused

__all__ = ["refused_by"]

_MISTAKEN: Final = 400
_FAILED: Final = 500
_NO_STATUS: Final = 600
_CLOSED: Final = 499
"""What nginx logs where a client has gone before its answer; nobody receives it."""
_ADMIT: Final = "an administrator of the gateway finds more in its log, by the request's id"
_OWN: Final = re.compile(r"\bkey=[0-9a-f]{64}\b")
_WHOSE: Final = ("key", "user", "team", "organisation", "customer", "tag", "session")
"""Whose budgets are the caller's to know; those of providers, deployments and of all are the gateway's."""
_TYPES: Final[Mapping[int, str]] = {
    400: "bad_request_error",
    401: "auth_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    422: "validation_error",
    429: "rate_limit_error",
}


def refused_by(error: BaseException) -> Refused:
    """The refusal that stands for an error: never ``None``, and never with anything of what is inside."""
    if isinstance(error, Refused):
        return error
    for kinds, refuse in _RULES:
        if isinstance(error, kinds):
            found: Refused = refuse(error)
            return found
    return Refused(_FAILED, f"the gateway failed: {_ADMIT}", _type(_FAILED))


def _type(status: int) -> str:
    usual = "bad_request_error" if status < _FAILED else "internal_server_error"
    return _TYPES.get(status, usual)


def _waits(seconds: float | None, *, again: bool = True) -> dict[str, str]:
    """When to come again. OpenAI's and Anthropic's SDKs ask thrice of themselves, unless they are told not to."""
    found = {} if seconds is None else {"retry-after": str(max(1, math.ceil(seconds)))}
    return found if again else {**found, "x-should-retry": "false"}


# --- the gateway's own ------------------------------------------------------------------------


def _http(error: HTTPException) -> Refused:
    status = error.status_code
    return Refused(status, str(error.detail), _type(status), headers=error.headers or {})


def _gone(_: BaseException) -> Refused:
    return Refused(_CLOSED, "the client has closed the connection", "client_closed_request")


def _no_store(_: BaseException) -> Refused:
    what = "the gateway's database cannot be reached just now: try again"
    return Refused(503, what, "no_db_connection", headers=_waits(1))


def _inside(_: BaseException) -> Refused:
    return Refused(_FAILED, f"the gateway failed: {_ADMIT}", _type(_FAILED))


# --- the caller's ------------------------------------------------------------------------------


def _no_model(_: BaseException) -> Refused:
    # Near misses are groups that others may use.
    what = "there is no such model here: GET /v1/models lists those that you may use"
    return Refused(404, what, "not_found_error", param="model", code="model_not_found")


def _exceeded(error: BudgetExceededError) -> Refused:
    known = error.scope.partition("=")[0] in _WHOSE
    what = _shown(error.message) if known else "a budget of this gateway is used up"
    soon = _waits(error.retry_after, again=False)
    return Refused(429, what, "budget_exceeded", code="budget_exceeded", headers=soon)


def _limited(error: LimitReachedError) -> Refused:
    known = error.scope.partition("=")[0] in _WHOSE
    what = _shown(error.message) if known else "a rate limit of this gateway is reached"
    soon = _waits(error.retry_after)
    return Refused(429, what, _type(429), code="rate_limit_exceeded", headers=soon)


def _unbounded(error: UnboundedCostError) -> Refused:
    what = _shown(error.message, error.model)
    for said, instead in _KEYWORDS:
        what = what.replace(said, instead)
    return Refused(400, what, _type(400), code="unbounded_cost")


# Callers of the library can say these; here, who has configured the model can.
_KEYWORDS: Final = (
    ("give max_cost=", "ask an administrator to set max_cost for this model, or for a key without a budget"),
    ("give max_tokens=", "say max_tokens"),
)  # fmt: skip


def _not_entitled(error: NotEntitledError) -> Refused:
    what = _shown(error.message)
    return Refused(error.status_code or 402, what, "budget_exceeded", code=error.reason)


def _mistaken(error: InvalidRequestError) -> Refused:
    what = _shown(error.message, error.model)
    return Refused(400, what, _type(400), param=error.param, code=error.code)


def _unconfigured(error: ConfigurationError | UnknownPriceError) -> Refused:
    """A caller's keyword may be wrong, and so may what is configured: which of the two, only the message says."""
    if _shown(error.message) != error.message or _CONFIGURED.search(error.message):
        return Refused(
            _FAILED, f"the gateway is not set up for this call: {_ADMIT}", _type(_FAILED)
        )
    return Refused(400, error.message, _type(400))


_CONFIGURED: Final = re.compile(
    r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\b(?:api_base|base_url|api_key)\b|(?:^|[\s'\"(])[~.]?/\w"
)
"""A variable of the environment, an address, a key or a file: nothing that a caller can set right."""
_ADDRESS: Final = re.compile(
    r"\b(?:https?|wss?|unix|postgres\w*|rediss?)://[^\s'\"<>)\]]*", re.IGNORECASE
)
_PUBLIC: Final = re.compile(
    r"https://(?:[\w-]+\.)*(?:openai\.com|anthropic\.com|claude\.com|google\.dev|cohere\.com|mistral\.ai|aka\.ms"
    r"|microsoft\.com)(?:/|$)",
    re.IGNORECASE,
)
"""Where vendors explain what they refuse."""
_HOST: Final = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\b(?:[\w-]+\.)+(?:internal|local|svc|lan|corp|intra)\b(?::\d+)?",
    re.IGNORECASE,
)
_ACCOUNT: Final = re.compile(r"\b(?:org|proj|project|acct|asst)[-_](?=\w*\d)[\w-]{6,}")
_SHORTEST: Final = 3


def _shown(message: str, model: str | None = None) -> str:
    """A message without addresses, accounts, hashes of keys, and the deployment's own name for its model."""
    what = _OWN.sub("this key", message)
    what = _ADDRESS.sub(lambda found: found[0] if _PUBLIC.match(found[0]) else "(an address)", what)
    what = _ACCOUNT.sub("(an account)", _HOST.sub("(an address)", what))
    if model and len(model) >= _SHORTEST:
        what = re.sub(rf"(?<![\w.-]){re.escape(model)}(?![\w-])", "(this model)", what)
    return what


# --- the providers' ----------------------------------------------------------------------------


def _busy(error: RouterRateLimitError) -> Refused:
    if isinstance(error, StoreError):
        return _no_store(error)
    what = "all who could answer for this model are busy, or let be after failures"
    return Refused(429, what, _type(429), headers=_waits(error.retry_after))


def _nobody(error: NoDeploymentError) -> Refused:
    # By their reasons: who they are is nobody's affair.
    why = "; ".join(dict.fromkeys(_shown(one) for one in error.reasons.values()))
    what = f"nobody who answers for this model can take this call: {why}"
    return Refused(400, what, _type(400), param=error.param)


def _not_let_in(_: BaseException) -> Refused:
    """It is the gateway's credentials that were refused: the caller's are right."""
    what = f"the provider does not accept this gateway's credentials: {_ADMIT}"
    return Refused(502, what, "provider_auth_error", headers=_waits(None, again=False))


def _no_credentials(_: BaseException) -> Refused:
    """Nobody who calls can set a variable of the server's."""
    what = f"this gateway has no credentials for this model's provider: {_ADMIT}"
    return Refused(502, what, "provider_auth_error", headers=_waits(None, again=False))


def _throttled(error: RateLimitError) -> Refused:
    # Providers say here whose account it is.
    soon = _waits(error.retry_after, again=error.retryable)
    return Refused(429, "the provider's rate limit is reached", _type(429), headers=soon)


def _status(error: APIStatusError) -> Refused:
    status, soon = error.status_code or _FAILED, _waits(error.retry_after)
    if not _MISTAKEN <= status < _FAILED:
        status = status if _FAILED <= status < _NO_STATUS else 502
        return Refused(status, f"the provider failed ({status})", _type(status), headers=soon)
    told = {"param": error.param, "code": error.code}
    return Refused(status, _shown(error.message, error.model), _type(status), **told, headers=soon)


def _late(_: BaseException) -> Refused:
    return Refused(504, "the provider did not answer in time", "timeout_error")


def _silent(_: BaseException) -> Refused:
    return Refused(502, "the provider cannot be reached", "api_connection_error")


def _unfit(error: JSONSchemaValidationError) -> Refused:
    return Refused(502, _shown(error.message, error.model), "api_error")


def _unreadable(_: BaseException) -> Refused:
    return Refused(502, "the provider's answer broke off, or cannot be read", "api_error")


_RULES: Final[tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Callable[..., Refused]], ...]] = (
    (HTTPException, _http),
    (ClientDisconnect, _gone),
    (RouterRateLimitError, _busy),
    (BudgetUnavailableError, _no_store),
    ((StoreError, SQLAlchemyError), _no_store),
    (BudgetExceededError, _exceeded),
    (LimitReachedError, _limited),
    (UnboundedCostError, _unbounded),
    (NotEntitledError, _not_entitled),
    (BudgetError, _no_store),
    (NoDeploymentError, _nobody),
    (InvalidRequestError, _mistaken),
    (MissingKeyError, _no_credentials),
    ((UnknownModelError, UnknownProviderError), _no_model),
    (CatalogueError, _inside),
    (ConfigurationError, _unconfigured),
    ((AuthenticationError, PaymentRequiredError, PermissionDeniedError), _not_let_in),
    (RateLimitError, _throttled),
    (APIStatusError, _status),
    (APITimeoutError, _late),
    (APIConnectionError, _silent),
    (JSONSchemaValidationError, _unfit),
    (APIError, _unreadable),
    (UnknownPriceError, _unconfigured),
    (BillingError, _no_store),
    (StreamConsumedError, _inside),
)  # fmt: skip
"""The first that fits: narrower ones stand before wider ones."""
