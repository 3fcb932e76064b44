"""LiteLLM's exceptions: its names, arguments and attributes, each also llmkit's error of the same meaning.

``adopted`` makes one of what llmkit raised. They inherit from openai's only where that was asked for; see
``llmkit.compat.openai_errors``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from typing_extensions import override

from ... import errors
from ...errors import LLMKitError

__all__ = [
    "LITELLM_EXCEPTION_TYPES",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "BlockedPiiEntityError",
    "BudgetExceededError",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "GuardrailRaisedException",
    "ImageFetchError",
    "InternalServerError",
    "InvalidRequestError",
    "JSONSchemaValidationError",
    "LiteLLMUnknownProvider",
    "MidStreamFallbackError",
    "MockException",
    "ModelNotMappedError",
    "NotFoundError",
    "OpenAIError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RejectedRequestError",
    "RouterRateLimitError",
    "ServiceUnavailableError",
    "Timeout",
    "UnprocessableEntityError",
    "UnsupportedEndpointError",
    "UnsupportedParamsError",
]  # fmt: skip

_REST: Final = ("response", "litellm_debug_info", "max_retries", "num_retries", "body")
_PROVIDER_FIRST: Final = ("message", "llm_provider", "model")
_MODEL_FIRST: Final = ("message", "model", "llm_provider")
_BESIDE: Final = ("litellm_debug_info", "max_retries", "num_retries")


class _Shape(errors.APIError):
    """LiteLLM's arguments, in its order, and its attributes."""

    _order: ClassVar[tuple[str, ...]] = _PROVIDER_FIRST
    _status: ClassVar[int | None] = None
    _made_of: ClassVar[type[LLMKitError] | None] = None
    """Of a class that was made here: llmkit's, whose errors it is for."""
    litellm_debug_info: str | None = None
    max_retries: int | None = None
    num_retries: int | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        order = (*self._order, *(name for name in _REST if name not in self._order))
        if len(given) > len(order):
            raise TypeError(f"{type(self).__name__} takes {len(order)} arguments at most")
        told = {**dict(zip(order, given, strict=False)), **named}
        super().__init__(
            str(told.pop("message", "")),
            status_code=told.pop("status_code", self._status),
            provider=told.pop("llm_provider", None),
            model=told.pop("model", None),
            body=told.pop("body", None),
        )
        self.__dict__["_response"] = told.pop("response", None)
        self.__dict__.update(told)

    @property
    def response(self) -> Any:
        """The answer as an ``httpx.Response``; where none was given, one of status and body alone."""
        if self.__dict__.get("_response") is None:
            from .._answered import response_of  # noqa: PLC0415 - few look at it, and httpx comes with it

            self.__dict__["_response"] = response_of(self)
        return self.__dict__["_response"]

    @response.setter
    def response(self, response: Any) -> None:
        self.__dict__["_response"] = response

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: value for name, value in self.__dict__.items() if name != "_response"}
        if self._made_of is None:
            return (errors._restore, (type(self), self.args, state))  # noqa: SLF001 - of one package
        return (_again, (self._made_of, self.args, state))


class AuthenticationError(_Shape, errors.AuthenticationError):
    """401: the key is missing, wrong or expired."""


class PermissionDeniedError(_Shape, errors.PermissionDeniedError):
    """403: the key may not do this."""


class NotFoundError(_Shape, errors.NotFoundError):
    """404: no such model, deployment or path."""

    _order: ClassVar[tuple[str, ...]] = _MODEL_FIRST


class BadRequestError(_Shape, errors.BadRequestError):
    """400: the request is wrong."""

    _order: ClassVar[tuple[str, ...]] = _MODEL_FIRST


class InvalidRequestError(BadRequestError, errors.InvalidRequestError):
    """llmkit found the request wrong; LiteLLM keeps the name for older programs."""


class UnsupportedParamsError(BadRequestError, errors.UnsupportedParamsError):
    """A parameter that this provider or model does not take."""

    _order: ClassVar[tuple[str, ...]] = _PROVIDER_FIRST


class ContextWindowExceededError(BadRequestError, errors.ContextWindowExceededError):
    """The prompt is longer than the model's context."""


class ContentPolicyViolationError(BadRequestError, errors.ContentPolicyViolationError):
    """The provider's safety rules refused the prompt."""


class ImageFetchError(BadRequestError):
    """A picture could not be fetched; for programs that raise it."""


class RejectedRequestError(BadRequestError):
    """A rule refused the request; for programs that raise it."""

    _order: ClassVar[tuple[str, ...]] = ("message", "model", "llm_provider", "request_data")


class LiteLLMUnknownProvider(BadRequestError, errors.UnknownProviderError):
    """No provider is named, or it is not known."""

    _order: ClassVar[tuple[str, ...]] = ("model", "custom_llm_provider")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if not self.message:
            self.message = f"no provider is known for the model {self.model!r}"
            self.args = (self.message,)


class PaymentRequiredError(BadRequestError, errors.PaymentRequiredError):
    """402: the account has no credit left."""

    _status = 402


class UnsupportedEndpointError(BadRequestError):
    """The provider has no such call; for programs that raise it."""


class UnprocessableEntityError(_Shape, errors.UnprocessableEntityError):
    """422: well-formed, but wrong."""

    _order: ClassVar[tuple[str, ...]] = _MODEL_FIRST


class RateLimitError(_Shape, errors.RateLimitError):
    """429: too many requests or tokens, or a quota is used up.

    ``category``: ``vendor_rate_limit``, or ``litellm_rate_limit`` for a limit of one's own.
    """

    category: str = "vendor_rate_limit"
    rate_limit_type: str | None = None
    headers: Mapping[str, str] | None = None
    detail: Any = None


class RouterRateLimitError(RateLimitError, errors.RouterRateLimitError):
    """All deployments that could answer cool down. A ``RateLimitError`` and, as in LiteLLM, a ``ValueError``."""

    category = "litellm_rate_limit"
    _order: ClassVar[tuple[str, ...]] = _MODEL_FIRST


class InternalServerError(_Shape, errors.InternalServerError):
    """5xx: the provider failed."""


class BadGatewayError(_Shape, errors.BadGatewayError):
    """502: the provider's upstream failed."""


class ServiceUnavailableError(_Shape, errors.ServiceUnavailableError):
    """503: not available for now."""


class MidStreamFallbackError(ServiceUnavailableError, errors.StreamInterruptedError):
    """A stream broke after its first chunk; ``generated_content`` is its text as far as it came."""

    _order: ClassVar[tuple[str, ...]] = ("message", "model", "llm_provider", "original_exception")
    original_exception: BaseException | None = None
    is_pre_first_chunk: bool = False

    @property
    def generated_content(self) -> str:
        """The text as far as it came."""
        told: str = self.__dict__.get("generated_content", "")
        return told or getattr(self.partial, "text", "") or ""


class APIConnectionError(_Shape, errors.APIConnectionError):
    """No answer came. Nothing else is one: LiteLLM raises it for whatever it has no name for."""

    _status = 500


class Timeout(_Shape, errors.APITimeoutError):
    """A timeout ran out."""

    _order: ClassVar[tuple[str, ...]] = _MODEL_FIRST
    _status = 408


class APIError(_Shape):
    """A failure that has no class of its own. As in LiteLLM, the others are none."""

    _order: ClassVar[tuple[str, ...]] = ("status_code", "message", "llm_provider", "model")


class MockException(APIError):
    """What ``mock_response`` raises for an exception that is none of these."""


class APIResponseValidationError(_Shape, errors.APIResponseValidationError):
    """An answer came, but not in the form it should have."""


class JSONSchemaValidationError(APIResponseValidationError, errors.JSONSchemaValidationError):
    """The answer does not fit the ``response_format``; ``raw_response`` is its text."""

    _order: ClassVar[tuple[str, ...]] = ("model", "llm_provider", "raw_response", "schema")
    schema: str = ""

    @property
    def raw_response(self) -> str:
        """The answer's text."""
        told: str = self.__dict__.get("raw_response", "")
        return told or getattr(self.completion, "text", "") or ""


class BudgetExceededError(_Shape, errors.BudgetExceededError):
    """A budget would be exceeded: ``current_cost`` and ``max_budget`` in USD. Its ``status_code`` is 429."""

    category: str = "litellm_rate_limit"
    rate_limit_type: str = "budget"
    entity_type: str | None = None
    entity_id: str | None = None

    def __init__(
        self,
        current_cost: float = 0.0,
        max_budget: float = 0.0,
        message: str | None = None,
        **named: Any,
    ) -> None:
        why = f"Budget has been exceeded! Current cost: {current_cost}, Max budget: {max_budget}"
        super().__init__(message or why, **named)
        self.spent, self.limit = Decimal(repr(current_cost)), Decimal(repr(max_budget))


class OpenAIError(LLMKitError):
    """For programs that raise it; nothing here does."""

    def __init__(self, original_exception: Any = None) -> None:
        super().__init__(str(original_exception or ""))


class ModelNotMappedError(LLMKitError):
    """For programs that raise it; nothing here does."""


class GuardrailRaisedException(LLMKitError):
    """For guardrails that raise it."""

    def __init__(self, guardrail_name: str | None = None, message: str = "", **more: Any) -> None:
        super().__init__(message)
        self.guardrail_name = guardrail_name
        self.__dict__.update(more)


class BlockedPiiEntityError(LLMKitError):
    """For guardrails that raise it."""

    def __init__(self, entity_type: str, guardrail_name: str | None = None) -> None:
        super().__init__(f"Blocked entity detected: {entity_type} by Guardrail: {guardrail_name}.")
        self.entity_type, self.guardrail_name = entity_type, guardrail_name


_OF: Final[dict[type[LLMKitError], type[_Shape]]] = {
    errors.APIConnectionError: APIConnectionError,
    errors.APIError: APIError,
    errors.APIResponseValidationError: APIResponseValidationError,
    errors.APITimeoutError: Timeout,
    errors.AuthenticationError: AuthenticationError,
    errors.BadGatewayError: BadGatewayError,
    errors.BadRequestError: BadRequestError,
    errors.BudgetExceededError: BudgetExceededError,
    errors.ConfigurationError: BadRequestError,
    errors.ContentPolicyViolationError: ContentPolicyViolationError,
    errors.ContextWindowExceededError: ContextWindowExceededError,
    errors.InternalServerError: InternalServerError,
    errors.InvalidRequestError: InvalidRequestError,
    errors.JSONSchemaValidationError: JSONSchemaValidationError,
    errors.MissingKeyError: AuthenticationError,
    errors.NotFoundError: NotFoundError,
    errors.PaymentRequiredError: PaymentRequiredError,
    errors.PermissionDeniedError: PermissionDeniedError,
    errors.RateLimitError: RateLimitError,
    errors.RouterRateLimitError: RouterRateLimitError,
    errors.ServiceUnavailableError: ServiceUnavailableError,
    errors.StreamInterruptedError: MidStreamFallbackError,
    errors.UnknownProviderError: LiteLLMUnknownProvider,
    errors.UnprocessableEntityError: UnprocessableEntityError,
    errors.UnsupportedParamsError: UnsupportedParamsError,
}
LITELLM_EXCEPTION_TYPES: Final = list(dict.fromkeys(_OF.values()))
_FIRST: Final[dict[str, Any]] = {
    "status_code": None,
    "provider": None,
    "model": None,
    "code": None,
    "type": None,
    "param": None,
    "request_id": None,
    "body": None,
    "retryable": False,
    "retry_after": None,
    "sent": "no",
    "attempts": (),
    "partial": None,
}


@functools.cache
def counterpart(kind: type[LLMKitError]) -> type[LLMKitError]:
    """The class that stands for one of llmkit's here: LiteLLM's name for it, or a class of both."""
    known = next((_OF[one] for one in kind.__mro__ if one in _OF), None)
    if known is None or issubclass(kind, _Shape):
        return kind
    if issubclass(known, kind):
        return known
    return type(kind.__name__, (known, kind), {"_made_of": kind, "__module__": __name__})


def adopted(error: LLMKitError) -> LLMKitError:
    """The same error, of the class that LiteLLM's programs catch. Others than API and configuration errors stay."""
    kind = counterpart(type(error))  # type: ignore[arg-type] # as all classes, it can be hashed
    if kind is not type(error):
        error.__class__ = kind
        for name, value in _FIRST.items():
            error.__dict__.setdefault(name, value)
        if error.__dict__["status_code"] is None and issubclass(kind, _Shape):
            error.__dict__["status_code"] = kind._status or kind.default_status  # noqa: SLF001 - one's own
    return error


def _again(kind: type[LLMKitError], args: tuple[Any, ...], state: dict[str, Any]) -> LLMKitError:
    return adopted(errors._restore(kind, args, state))  # noqa: SLF001 - of one package
