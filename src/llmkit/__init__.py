"""llmkit: one OpenAI-shaped API over every LLM provider. Names only; everything is loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import catalogue, errors, events, pricing, providers, types
    from ._api._default import default_client, validate_environment
    from ._api.chat import acompletion, completion
    from ._api.embedding import aembedding, embedding
    from ._call import Adjustment, CallInfo, MediaPolicy, Timeouts
    from ._control.dry import DryRun
    from ._control.retry import RetryPolicy
    from ._control.structured import function_tool
    from ._cost import Cost
    from ._fold import fold
    from ._io._clock import Clock
    from ._io.aio_stream import AsyncStream
    from ._io.sync_stream import Stream
    from ._operations import Settlement
    from .client import Client
    from .errors import (
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadGatewayError,
        BadRequestError,
        CassetteError,
        ConfigurationError,
        ConflictError,
        ContentPolicyViolationError,
        ContextWindowExceededError,
        GatewayTimeoutError,
        InternalServerError,
        InvalidRequestError,
        JSONSchemaValidationError,
        LLMKitError,
        MissingKeyError,
        NotFoundError,
        OverloadedError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitError,
        ReplayMissError,
        RequestTooLargeError,
        ServiceUnavailableError,
        StreamConsumedError,
        StreamInterruptedError,
        Timeout,
        UnknownProviderError,
        UnprocessableEntityError,
        UnsupportedParamsError,
    )
    from .ledger import MemoryLedger
    from .providers import Provider, openai_compatible, register_provider
    from .types import ChatCompletion, ChatCompletionChunk, ChatParams, Message, Usage
    from .types.embedding import EmbeddingResponse

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "Adjustment",
    "AsyncStream",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "CallInfo",
    "CassetteError",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatParams",
    "Client",
    "Clock",
    "ConfigurationError",
    "ConflictError",
    "ContentPolicyViolationError",
    "ContextWindowExceededError",
    "Cost",
    "DryRun",
    "EmbeddingResponse",
    "GatewayTimeoutError",
    "InternalServerError",
    "InvalidRequestError",
    "JSONSchemaValidationError",
    "LLMKitError",
    "MediaPolicy",
    "MemoryLedger",
    "Message",
    "MissingKeyError",
    "NotFoundError",
    "OverloadedError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "Provider",
    "RateLimitError",
    "ReplayMissError",
    "RequestTooLargeError",
    "RetryPolicy",
    "ServiceUnavailableError",
    "Settlement",
    "Stream",
    "StreamConsumedError",
    "StreamInterruptedError",
    "Timeout",
    "Timeouts",
    "UnknownProviderError",
    "UnprocessableEntityError",
    "UnsupportedParamsError",
    "Usage",
    "acompletion",
    "aembedding",
    "catalogue",
    "completion",
    "default_client",
    "embedding",
    "errors",
    "events",
    "fold",
    "function_tool",
    "openai_compatible",
    "pricing",
    "providers",
    "register_provider",
    "types",
    "validate_environment",
]

# Where each public name lives; an error lives in ``errors``, a module in itself.
_HOMES: dict[str, str] = {
    **dict.fromkeys(("default_client", "validate_environment"), "_api._default"),
    **dict.fromkeys(("acompletion", "completion"), "_api.chat"),
    **dict.fromkeys(("aembedding", "embedding"), "_api.embedding"),
    "EmbeddingResponse": "types.embedding",
    **dict.fromkeys(("Adjustment", "CallInfo", "MediaPolicy", "Timeouts"), "_call"),
    **dict.fromkeys(
        ("ChatCompletion", "ChatCompletionChunk", "ChatParams", "Message", "Usage"), "types"
    ),
    **dict.fromkeys(("Provider", "openai_compatible", "register_provider"), "providers"),
    "AsyncStream": "_io.aio_stream",
    "Client": "client",
    "Clock": "_io._clock",
    "Cost": "_cost",
    "DryRun": "_control.dry",
    "MemoryLedger": "ledger",
    "RetryPolicy": "_control.retry",
    "Settlement": "_operations",
    "Stream": "_io.sync_stream",
    "fold": "_fold",
    "function_tool": "_control.structured",
}
_MODULES = frozenset({"catalogue", "errors", "events", "pricing", "providers", "types"})


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - reads a file, so only when asked

        return version("llmkit")
    if name not in __all__:
        raise AttributeError(f"module 'llmkit' has no attribute {name!r}")
    if name in _MODULES:
        value: Any = importlib.import_module(f".{name}", __name__)
    else:
        value = getattr(importlib.import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
