"""llmkit: one OpenAI-shaped API over every LLM provider. Names only; everything is loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._late_names import late_names

if TYPE_CHECKING:
    from . import catalogue, errors, events, pricing, providers, stores, types
    from ._api._default import default_client, validate_environment
    from ._api.audio import (
        aspeech,
        atranscription,
        atranslation,
        speech,
        transcription,
        translation,
    )
    from ._api.batches import (
        abatch_results,
        acancel_batch,
        acreate_batch,
        adelete_batch,
        alist_batches,
        aretrieve_batch,
        batch_results,
        cancel_batch,
        create_batch,
        delete_batch,
        list_batches,
        retrieve_batch,
    )
    from ._api.bounding import cost_bound
    from ._api.caches import (
        acreate_cache,
        adelete_cache,
        alist_caches,
        aretrieve_cache,
        aupdate_cache,
        create_cache,
        delete_cache,
        list_caches,
        retrieve_cache,
        update_cache,
    )
    from ._api.catalogue import (
        arefresh_catalogue,
        get_model_info,
        refresh_catalogue,
        register_model,
        supports,
    )
    from ._api.chat import acompletion, completion
    from ._api.counting import acount_tokens, count_tokens
    from ._api.embedding import aembedding, embedding
    from ._api.files import (
        acreate_file,
        adelete_file,
        afile_content,
        alist_files,
        aretrieve_file,
        create_file,
        delete_file,
        file_content,
        list_files,
        retrieve_file,
    )
    from ._api.image import (
        aimage_edit,
        aimage_generation,
        aimage_variation,
        image_edit,
        image_generation,
        image_variation,
    )
    from ._api.mapping import amap
    from ._api.mapping import map as map  # noqa: A004 - a star would hide Python's own
    from ._api.messages import amessages, messages
    from ._api.models import (
        adelete_model,
        aget_valid_models,
        alist_models,
        aretrieve_model,
        delete_model,
        get_valid_models,
        list_models,
        retrieve_model,
    )
    from ._api.moderation import amoderation, moderation
    from ._api.money import completion_cost, cost_per_token
    from ._api.rerank import arerank, rerank
    from ._api.responses import (
        acancel_responses,
        adelete_responses,
        aget_responses,
        alist_input_items,
        aresponses,
        cancel_responses,
        delete_responses,
        get_responses,
        list_input_items,
        responses,
    )
    from ._api.several import (
        abatch_completion,
        batch_completion,
        batch_completion_models,
        batch_completion_models_all_responses,
    )
    from ._api.text import atext_completion, text_completion
    from ._api.tokens import atoken_counter, decode, encode, token_counter, trim_messages
    from ._call import Adjustment, CallInfo, MediaPolicy, Timeouts
    from ._control.attributes import context
    from ._control.budget.rules import Budget, RateLimit
    from ._control.dry import DryRun
    from ._control.mapping.results import MapPlan, MapProgress, MapResults, MapRow
    from ._control.retry import RetryPolicy
    from ._control.structured import function_tool
    from ._cost import Cost, Unbounded
    from ._fold import fold
    from ._io._clock import Clock
    from ._io.aio_stream import AsyncStream
    from ._io.speech_stream import AsyncSpeechStream, SpeechStream
    from ._io.sync_stream import Stream
    from ._settlements import Settlement
    from ._upload import Upload
    from .budget import BudgetManager
    from .cache import Cache
    from .catalogue import Catalogue, ModelInfo
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
        BillingError,
        BudgetError,
        BudgetExceededError,
        BudgetUnavailableError,
        CassetteError,
        CatalogueError,
        ConfigurationError,
        ConflictError,
        ContentPolicyViolationError,
        ContextWindowExceededError,
        GatewayTimeoutError,
        InternalServerError,
        InvalidRequestError,
        JSONSchemaValidationError,
        LagoError,
        LimitReachedError,
        LLMKitError,
        MissingKeyError,
        NoDeploymentError,
        NotEntitledError,
        NotFoundError,
        OutcomeUnknownError,
        OverloadedError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitError,
        ReplayMissError,
        RequestTooLargeError,
        RouterRateLimitError,
        RouterUnavailableError,
        ServiceUnavailableError,
        StoreError,
        StoreUnavailableError,
        StreamConsumedError,
        StreamInterruptedError,
        Timeout,
        UnboundedCostError,
        UnknownModelError,
        UnknownPriceError,
        UnknownProviderError,
        UnprocessableEntityError,
        UnsupportedParamsError,
    )
    from .ledger import MemoryLedger
    from .providers import Provider, openai_compatible, register_provider
    from .router import Deployment, Router
    from .tokens import CannotTrimError, CountedTokens, Trimmed
    from .types import ChatCompletion, ChatCompletionChunk, ChatParams, Message, Usage
    from .types.audio import Speech, Transcription, TranscriptionEvent
    from .types.batch import Batch, BatchResults
    from .types.cache import Cached
    from .types.embedding import EmbeddingResponse
    from .types.file import FileContent, FileObject
    from .types.image import ImageResponse
    from .types.listing import ModelList, TokenCount
    from .types.messages import MessageResponse
    from .types.moderation import ModerationResponse
    from .types.rerank import RerankResponse
    from .types.responses import Response
    from .types.text import TextCompletion

__all__ = [
    "APIConnectionError", "APIError", "APIResponseValidationError", "APIStatusError",
    "APITimeoutError", "Adjustment", "AsyncSpeechStream", "AsyncStream", "AuthenticationError",
    "BadGatewayError", "BadRequestError", "Batch", "BatchResults", "BillingError", "Budget",
    "BudgetError", "BudgetExceededError", "BudgetManager", "BudgetUnavailableError", "Cache", "Cached",
    "CallInfo", "CannotTrimError", "CassetteError", "Catalogue", "CatalogueError", "ChatCompletion",
    "ChatCompletionChunk", "ChatParams", "Client", "Clock", "ConfigurationError", "ConflictError",
    "ContentPolicyViolationError", "ContextWindowExceededError", "Cost", "CountedTokens",
    "Deployment", "DryRun", "EmbeddingResponse", "FileContent", "FileObject", "GatewayTimeoutError",
    "ImageResponse", "InternalServerError", "InvalidRequestError", "JSONSchemaValidationError",
    "LLMKitError", "LagoError", "LimitReachedError", "MapPlan", "MapProgress", "MapResults",
    "MapRow", "MediaPolicy", "MemoryLedger", "Message", "MessageResponse", "MissingKeyError",
    "ModelInfo", "ModelList", "ModerationResponse", "NoDeploymentError", "NotEntitledError",
    "NotFoundError", "OutcomeUnknownError", "OverloadedError", "PaymentRequiredError",
    "PermissionDeniedError", "Provider", "RateLimit", "RateLimitError", "ReplayMissError",
    "RequestTooLargeError", "RerankResponse", "Response", "RetryPolicy", "Router",
    "RouterRateLimitError", "RouterUnavailableError", "ServiceUnavailableError", "Settlement",
    "Speech", "SpeechStream", "StoreError", "StoreUnavailableError", "Stream",
    "StreamConsumedError", "StreamInterruptedError", "TextCompletion", "Timeout", "Timeouts",
    "TokenCount", "Transcription", "TranscriptionEvent", "Trimmed", "Unbounded",
    "UnboundedCostError", "UnknownModelError", "UnknownPriceError", "UnknownProviderError",
    "UnprocessableEntityError", "UnsupportedParamsError", "Upload", "Usage", "abatch_completion",
    "abatch_results", "acancel_batch", "acancel_responses", "acompletion", "acount_tokens",
    "acreate_batch", "acreate_cache", "acreate_file", "adelete_batch", "adelete_cache",
    "adelete_file", "adelete_model", "adelete_responses", "aembedding", "afile_content",
    "aget_responses", "aget_valid_models", "aimage_edit", "aimage_generation", "aimage_variation",
    "alist_batches", "alist_caches", "alist_files", "alist_input_items", "alist_models", "amap",
    "amessages", "amoderation", "arefresh_catalogue", "arerank", "aresponses", "aretrieve_batch",
    "aretrieve_cache", "aretrieve_file", "aretrieve_model", "aspeech", "atext_completion",
    "atoken_counter", "atranscription", "atranslation", "aupdate_cache", "batch_completion",
    "batch_completion_models", "batch_completion_models_all_responses", "batch_results",
    "cancel_batch", "cancel_responses", "catalogue", "completion", "completion_cost", "context",
    "cost_bound", "cost_per_token", "count_tokens", "create_batch", "create_cache", "create_file",
    "decode", "default_client", "delete_batch", "delete_cache", "delete_file", "delete_model",
    "delete_responses", "embedding", "encode", "errors", "events", "file_content", "fold",
    "function_tool", "get_model_info", "get_responses", "get_valid_models", "image_edit",
    "image_generation", "image_variation", "list_batches", "list_caches", "list_files",
    "list_input_items", "list_models", "messages", "moderation", "openai_compatible", "pricing",
    "providers", "refresh_catalogue", "register_model", "register_provider", "rerank", "responses",
    "retrieve_batch", "retrieve_cache", "retrieve_file", "retrieve_model", "speech", "stores",
    "supports", "text_completion", "token_counter", "transcription", "translation", "trim_messages",
    "types", "update_cache", "validate_environment",
]  # fmt: skip

# Where each public name lives; an error lives in ``errors``, a module in itself.
_HOMES: dict[str, str] = {
    **dict.fromkeys(("default_client", "validate_environment"), "_api._default"),
    **dict.fromkeys(("acompletion", "completion"), "_api.chat"),
    "cost_bound": "_api.bounding",
    **dict.fromkeys(("aembedding", "embedding"), "_api.embedding"),
    **dict.fromkeys(
        ("aspeech", "atranscription", "atranslation", "speech", "transcription", "translation"),
        "_api.audio",
    ),
    **dict.fromkeys(("AsyncSpeechStream", "SpeechStream"), "_io.speech_stream"),
    **dict.fromkeys(("Speech", "Transcription", "TranscriptionEvent"), "types.audio"),
    "Upload": "_upload",
    "EmbeddingResponse": "types.embedding",
    **dict.fromkeys((
        "abatch_results", "acancel_batch", "acreate_batch", "adelete_batch", "alist_batches",
        "aretrieve_batch", "batch_results", "cancel_batch", "create_batch", "delete_batch",
        "list_batches", "retrieve_batch",
    ), "_api.batches"),
    **dict.fromkeys((
        "acreate_cache", "adelete_cache", "alist_caches", "aretrieve_cache", "aupdate_cache",
        "create_cache", "delete_cache", "list_caches", "retrieve_cache", "update_cache",
    ), "_api.caches"),
    **dict.fromkeys((
        "arefresh_catalogue", "get_model_info", "refresh_catalogue", "register_model", "supports",
    ), "_api.catalogue"),
    **dict.fromkeys(("Budget", "RateLimit"), "_control.budget.rules"),
    "BudgetManager": "budget",
    "Cache": "cache",
    **dict.fromkeys(("Deployment", "Router"), "router"),
    "Catalogue": "catalogue",
    "ModelInfo": "catalogue",
    **dict.fromkeys(("acount_tokens", "count_tokens"), "_api.counting"),
    **dict.fromkeys((
        "acreate_file", "adelete_file", "afile_content", "alist_files", "aretrieve_file",
        "create_file", "delete_file", "file_content", "list_files", "retrieve_file",
    ), "_api.files"),
    **dict.fromkeys((
        "aimage_edit", "aimage_generation", "aimage_variation", "image_edit", "image_generation",
        "image_variation",
    ), "_api.image"),
    **dict.fromkeys((
        "adelete_model", "aget_valid_models", "alist_models", "aretrieve_model", "delete_model",
        "get_valid_models", "list_models", "retrieve_model",
    ), "_api.models"),
    **dict.fromkeys(("amoderation", "moderation"), "_api.moderation"),
    **dict.fromkeys(("completion_cost", "cost_per_token"), "_api.money"),
    **dict.fromkeys(("atext_completion", "text_completion"), "_api.text"),
    **dict.fromkeys(("Batch", "BatchResults"), "types.batch"),
    **dict.fromkeys(("Cached",), "types.cache"),
    **dict.fromkeys(("FileContent", "FileObject"), "types.file"),
    **dict.fromkeys(("ImageResponse",), "types.image"),
    **dict.fromkeys(("ModelList", "TokenCount"), "types.listing"),
    **dict.fromkeys(("ModerationResponse",), "types.moderation"),
    **dict.fromkeys(("TextCompletion",), "types.text"),
    **dict.fromkeys(("atoken_counter", "decode", "encode", "token_counter", "trim_messages"), "_api.tokens"),
    **dict.fromkeys(("CannotTrimError", "CountedTokens", "Trimmed"), "tokens"),
    **dict.fromkeys(("arerank", "rerank"), "_api.rerank"),
    **dict.fromkeys(("amap", "map"), "_api.mapping"),
    **dict.fromkeys(("MapPlan", "MapProgress", "MapResults", "MapRow"), "_control.mapping.results"),
    **dict.fromkeys(("amessages", "messages"), "_api.messages"),
    **dict.fromkeys((
        "acancel_responses", "adelete_responses", "aget_responses", "alist_input_items",
        "aresponses", "cancel_responses", "delete_responses", "get_responses", "list_input_items",
        "responses",
    ), "_api.responses"),
    **dict.fromkeys((
        "abatch_completion", "batch_completion", "batch_completion_models",
        "batch_completion_models_all_responses",
    ), "_api.several"),
    "MessageResponse": "types.messages",
    "Response": "types.responses",
    "RerankResponse": "types.rerank",
    **dict.fromkeys(("Adjustment", "CallInfo", "MediaPolicy", "Timeouts"), "_call"),
    **dict.fromkeys(("ChatCompletion", "ChatCompletionChunk", "ChatParams", "Message", "Usage"), "types"),
    **dict.fromkeys(("Provider", "openai_compatible", "register_provider"), "providers"),
    "AsyncStream": "_io.aio_stream",
    "context": "_control.attributes",
    "Client": "client",
    "Clock": "_io._clock",
    "Cost": "_cost",
    "DryRun": "_control.dry",
    "Unbounded": "_cost",
    "MemoryLedger": "ledger",
    "RetryPolicy": "_control.retry",
    "Settlement": "_settlements",
    "Stream": "_io.sync_stream",
    "fold": "_fold",
    "function_tool": "_control.structured",
}  # fmt: skip
_UNSTARRED = frozenset({"map"})  # names that ``import *`` shall not put in place of Python's own
_MODULES = frozenset({"catalogue", "errors", "events", "pricing", "providers", "stores", "types"})

_late, _ = late_names(
    globals(),
    {name: f".{_HOMES.get(name, 'errors')}" for name in (*__all__, *_UNSTARRED)}
    | {name: f".{name}" for name in _MODULES},
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - reads a file, so only when asked

        return version("llmkit")
    return _late(name)


def __dir__() -> list[str]:
    return [*__all__, *_UNSTARRED, "__version__"]
