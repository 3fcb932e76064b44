"""Every error of llmkit. OpenAI's names where OpenAI has one; no transport's types, no secrets, picklable.

* LLMKitError
    * ConfigurationError            something to set right before any call can be made
        * UnknownProviderError
        * UnknownModelError         the catalogue has no such model
        * CatalogueError            a catalogue's file or bundle is not what it should be; nothing was changed
        * MissingKeyError           (also an AuthenticationError)
        * CassetteError             a recording cannot be read, or must not be written
            * ReplayMissError       a replay was asked for what was not recorded; nothing was sent
    * UnknownPriceError             an amount was asked for that cannot be told
    * StoreError                    a store cannot do what it was asked to
        * StoreUnavailableError     not just now: unreachable, locked, full; perhaps it was done
    * OutcomeUnknownError           a row of a map was begun by a run that was stopped, and may have been paid
    * StreamConsumedError           a stream was used after its end, or its response asked for too early
    * BillingError                  usage cannot be reported, or billing not be asked: the message says what to do
        * LagoError                 Lago refused, or could not be understood
    * APIError                      a call failed
        * BudgetError                           a budget refused; nothing was sent
            * BudgetExceededError
            * UnboundedCostError                nobody can say what the call may cost: give ``max_cost=``
            * BudgetUnavailableError            its store cannot be reached (also a StoreUnavailableError)
            * NotEntitledError                  whoever bills says no, or cannot be asked; ``reason`` says which
        * APIConnectionError        no answer; ``sent`` says whether the request left
            * APITimeoutError
        * APIStatusError            the provider refused or failed
            * BadRequestError 400
                * InvalidRequestError           found by llmkit, nothing was sent
                    * UnsupportedParamsError
                    * NoDeploymentError         no deployment of a router can take the call
                * ContextWindowExceededError
                * ContentPolicyViolationError
            * AuthenticationError 401
            * PaymentRequiredError 402
            * PermissionDeniedError 403
            * NotFoundError 404
            * ConflictError 409
            * RequestTooLargeError 413
            * UnprocessableEntityError 422
            * RateLimitError 429
                * LimitReachedError             a rate limit of one's own; nothing was sent
                * RouterRateLimitError          no deployment of a router is free (also a ValueError)
                    * RouterUnavailableError    its store cannot be reached (also a StoreUnavailableError)
            * InternalServerError 5xx
                * BadGatewayError 502
                * ServiceUnavailableError 503
                * GatewayTimeoutError 504
                * OverloadedError 529
        * APIResponseValidationError            an answer came that could not be read
            * JSONSchemaValidationError         it does not fit the ``response_format``
        * StreamInterruptedError                a stream broke after its first chunk; ``partial`` has what came
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from ._secret import Secret, redact

if TYPE_CHECKING:
    from ._call import Attempt, Sent

# Not the caller's context, which may round.
_EXACT = Context(prec=60)


class LLMKitError(Exception):
    """Root of all errors that llmkit raises on purpose. ``message`` is the text."""

    def __init__(self, message: str) -> None:
        # Arguments get mixed up: what is shaped like a key may stand where a model or an address should.
        message = redact(message)
        super().__init__(message)
        self.message = message

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only constructors defeat the default pickling; state is all that matters.
        return (_restore, (type(self), self.args, self.__dict__))


def _restore(kind: type[LLMKitError], args: tuple[Any, ...], state: dict[str, Any]) -> LLMKitError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(LLMKitError):
    """Something must be set right before the call can be made; the message says what. Nothing was sent."""

    sent: Sent = "no"


class UnknownProviderError(ConfigurationError):
    """No provider has this name, or none could be derived from the model's name."""


class UnknownModelError(ConfigurationError):
    """The catalogue does not list this model, or several of that name; the message names near misses."""


class CatalogueError(ConfigurationError):
    """A catalogue's file or bundle is not what it should be; the message says what and where. Nothing was changed."""


class CassetteError(ConfigurationError):
    """A recording of ``llmkit.testing`` cannot be read, or must not be written; the message says why."""


class ReplayMissError(CassetteError):
    """A replay was asked for what its cassette does not have. Nothing was sent, nothing is tried again.

    Attributes:
        differences: what the nearest recorded request differs in, one line each.
        sent: always "no".
    """

    def __init__(self, message: str, differences: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.differences = tuple(differences)


class UnknownPriceError(LLMKitError):
    """An amount of money was asked for that cannot be told; the message says why."""


class StoreError(LLMKitError):
    """A store cannot do what it was asked to, now or later: a newer schema, a damaged file, a value it cannot hold."""


class StoreUnavailableError(StoreError):
    """A store cannot be reached or written just now: no answer in time, a lock, a full disk.

    Whether anything was done is not known, unless the message says so; by its id, each operation can be repeated.
    """


class OutcomeUnknownError(LLMKitError):
    """An earlier run of a ``map`` began this row and was stopped: it may have been paid, and no answer is kept."""


class StreamConsumedError(LLMKitError, AttributeError):
    """A stream was iterated again after its end, or its response was asked for before it.

    An ``AttributeError``, too: libraries look with ``hasattr`` whether there is a usage yet.
    """


class BillingError(LLMKitError):
    """Usage cannot be reported, or billing cannot be asked. Nothing that was reported before is lost."""


class LagoError(BillingError):
    """Lago refused a request, or its answer could not be understood.

    Attributes:
        status_code: HTTP status; ``None`` without an answer.
        code: Lago's word for it, such as ``subscription_not_found``.
        details: its ``error_details``, redacted.
        retryable: whether the same request may succeed later.
    """

    status_code: int | None = None
    code: str = ""
    details: Any = None
    retryable: bool = False


class APIError(LLMKitError):
    """A call failed.

    Attributes:
        status_code: HTTP status, or the status an error inside a 200 claims; ``None`` without an answer.
        provider, model: who was asked.
        code, type, param: the provider's own words for the error.
        request_id: the provider's id of the exchange.
        body: the error's body, parsed where it is JSON, redacted.
        retryable: whether the same call may succeed later.
        retry_after: seconds to wait, where the provider said so.
        attempts: the tries made, in order.
        sent: whether the request left ("no", "maybe", "yes"): what was sent may be billed.
        partial: the answer as far as it came (a ``ChatCompletion``), where a stream had begun.
    """

    default_status: ClassVar[int | None] = None
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        provider: str | None = None,
        model: str | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - OpenAI's name for it
        param: str | None = None,
        request_id: str | None = None,
        body: Any = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        sent: Sent = "no",
    ) -> None:
        super().__init__(message)
        self.status_code = self.default_status if status_code is None else status_code
        self.provider, self.model = provider, model
        self.code, self.type, self.param = code, type, param
        self.request_id, self.body = request_id, body
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after = retry_after
        self.sent: Sent = sent
        self.attempts: tuple[Attempt, ...] = ()
        self.partial: Any = None

    @property
    def llm_provider(self) -> str | None:
        """LiteLLM's name for ``provider``."""
        return self.provider

    @override
    def __str__(self) -> str:
        where = "/".join(part for part in (self.provider, self.model) if part)
        # Where nothing was sent, nobody has answered with the status.
        status = str(self.status_code or "") if self.sent != "no" else ""
        inside = " ".join(part for part in (where, status) if part)
        prefix = f"[{inside}] " if inside else ""
        suffix = f" (request {self.request_id})" if self.request_id else ""
        return f"{prefix}{self.message}{suffix}"

    def scrub(self, secrets: Iterable[Secret]) -> None:
        """Remove these secrets wherever a provider may have echoed them."""
        known = tuple(secrets)
        self.message = redact(self.message, known)
        self.args = (self.message,)
        self.body = _scrubbed(self.body, known)
        for name in ("code", "type", "param", "request_id"):
            value = getattr(self, name)
            setattr(self, name, redact(value, known) if isinstance(value, str) else value)


def _scrubbed(value: Any, secrets: tuple[Secret, ...]) -> Any:
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {redact(str(k), secrets): _scrubbed(v, secrets) for k, v in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item, secrets) for item in value]
    return value


class BudgetError(APIError):
    """A budget does not let the call out. Nothing was sent."""


class BudgetExceededError(BudgetError):
    """A limit would be exceeded; whoever reads an HTTP status finds 429 and ``type`` "budget_exceeded".

    Attributes:
        scope: whose budget, such as ``user=ann`` or ``global``.
        window: of what time, such as ``30d`` or ``month``; ``total`` for ever.
        limit, spent, held, asked: in USD; ``held`` is what calls on their way may still cost.
        shortfalls: the same of each budget that has not room enough, this one first.
        retry_after: seconds until there is room, where that is known.
    """

    default_status = 429
    scope: str = ""
    window: str = ""
    limit: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    asked: Decimal = Decimal(0)
    shortfalls: tuple[Any, ...] = ()

    @property
    def max_budget(self) -> float:
        """LiteLLM's name for ``limit``."""
        return float(self.limit)

    @property
    def current_cost(self) -> float:
        """LiteLLM's name for what is spent and held."""
        return float(_EXACT.add(self.spent, self.held))


class UnboundedCostError(BudgetError):
    """Nobody can say what the call costs at most, so no budget can hold it: give ``max_cost=``."""

    default_status = 400


class BudgetUnavailableError(BudgetError, StoreUnavailableError):
    """The budget's store cannot be reached, and the budget is closed then. Nothing was sent."""

    default_status = 503
    default_retryable = True


class NotEntitledError(BudgetError):
    """Whoever bills does not let this customer's call out. Nothing was sent.

    Attributes:
        reason: ``no_active_subscription``, ``several_subscriptions`` (the message names them), ``unknown_customer``,
            ``insufficient_balance``, ``unbounded_cost`` (nobody can say what the call may cost, and a wallet limits),
            ``feature_denied``, ``not_authorized`` (an authorize service's no) or ``billing_unavailable``.
        customer, subscription: who was asked for, as far as it is known.
        entitlement: the whole ``Entitlement`` that was found.
    """

    default_status = 402
    reason: str = ""
    customer: str = ""
    subscription: str = ""
    entitlement: Any = None


class APIConnectionError(APIError):
    """No answer came. ``sent`` says whether the request may have reached the provider."""

    default_retryable = True


class APITimeoutError(APIConnectionError):
    """A timeout ran out; the message names which (connect, first token, idle, total)."""


Timeout = APITimeoutError


class APIStatusError(APIError):
    """The provider answered with an error."""


class BadRequestError(APIStatusError):
    """400: the request is wrong."""

    default_status = 400


class InvalidRequestError(BadRequestError):
    """llmkit found the request wrong, and sent nothing."""


class UnsupportedParamsError(InvalidRequestError):
    """A parameter that this provider or model does not take, or that nobody knows."""


class NoDeploymentError(InvalidRequestError):
    """No deployment of a group can take the call, whenever it is asked; the message says why of each. Nothing was sent.

    Attributes:
        group: what was asked for.
        reasons: why not, by deployment.
    """

    group: str = ""
    reasons: Mapping[str, str] = MappingProxyType({})


class ContextWindowExceededError(BadRequestError):
    """The prompt is longer than the model's context."""


class ContentPolicyViolationError(BadRequestError):
    """The provider's safety rules refused the prompt."""


class AuthenticationError(APIStatusError):
    """401: the key is missing, wrong or expired."""

    default_status = 401


class MissingKeyError(ConfigurationError, AuthenticationError):
    """No key was given and none of the provider's environment variables is set."""


class PaymentRequiredError(APIStatusError):
    """402: the account has no credit left."""

    default_status = 402


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""

    default_status = 403


class NotFoundError(APIStatusError):
    """404: no such model, deployment or path."""

    default_status = 404


class ConflictError(APIStatusError):
    """409: the resource is in another state; may be tried again."""

    default_status = 409
    default_retryable = True


class RequestTooLargeError(APIStatusError):
    """413: the request has more bytes than the provider takes."""

    default_status = 413


class UnprocessableEntityError(APIStatusError):
    """422: well-formed, but wrong."""

    default_status = 422


class RateLimitError(APIStatusError):
    """429: too many requests or tokens, or a quota is used up."""

    default_status = 429
    default_retryable = True


class LimitReachedError(RateLimitError):
    """A rate limit of one's own is reached; nothing was sent. ``retry_after`` says when there is room.

    Attributes:
        scope, window, measure: whose limit, over what time, of what: ``requests``, ``tokens``, ``parallel``.
        limit, used, asked: as numbers of these.
        shortfalls: the same of each limit that has not room enough, this one first.
    """

    scope: str = ""
    window: str = ""
    measure: str = ""
    limit: Decimal = Decimal(0)
    used: Decimal = Decimal(0)
    asked: Decimal = Decimal(0)
    shortfalls: tuple[Any, ...] = ()


class RouterRateLimitError(RateLimitError, ValueError):
    """All deployments that could answer cool down, or are at their limits. Nothing was sent.

    ``retry_after``: seconds until the first of them is to be asked again, where that is known.

    Attributes:
        model: the group that was asked for.
        reasons: why not now, by deployment.
        cooldown_list: the deployments that cool down.
    """

    reasons: Mapping[str, str] = MappingProxyType({})
    cooldown_list: tuple[str, ...] = ()

    @property
    def cooldown_time(self) -> float:
        """LiteLLM's name for ``retry_after``; 0 where it is not known."""
        return self.retry_after or 0.0


class RouterUnavailableError(RouterRateLimitError, StoreUnavailableError):
    """A router's store cannot be reached, and it lets nobody in without it. Nothing was sent."""


class InternalServerError(APIStatusError):
    """5xx: the provider failed."""

    default_status = 500
    default_retryable = True


class BadGatewayError(InternalServerError):
    """502: the provider's upstream failed."""

    default_status = 502


class ServiceUnavailableError(InternalServerError):
    """503: not available for now."""

    default_status = 503


class GatewayTimeoutError(InternalServerError):
    """504: the provider's upstream did not answer in time."""

    default_status = 504


class OverloadedError(InternalServerError):
    """529: the provider has too much to do."""

    default_status = 529


class APIResponseValidationError(APIError):
    """An answer came, but not in the form it should have; it may have been billed."""


class JSONSchemaValidationError(APIResponseValidationError):
    """The answer does not fit the ``response_format``; ``completion`` has it as it came."""

    completion: Any = None


class StreamInterruptedError(APIError):
    """A stream broke after its first chunk. ``partial`` is the answer as far as it came."""


STATUS_ERRORS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: InternalServerError,
    409: ConflictError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    502: BadGatewayError,
    503: ServiceUnavailableError,
    504: GatewayTimeoutError,
    529: OverloadedError,
}


def for_status(status: int) -> type[APIStatusError]:
    """The class for an HTTP status; 4xx and 5xx without one of their own fall to their family's."""
    if status in STATUS_ERRORS:
        return STATUS_ERRORS[status]
    return InternalServerError if status >= 500 else APIStatusError  # noqa: PLR2004
