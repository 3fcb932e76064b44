"""LiteLLM's public names over llmkit: ``import llmkit.compat.litellm as litellm``.

The same functions, settings, answers, exceptions and loggers, where the two mean the same; docs/migration.md lists
every difference. Settings are this module's alone: a call of ``llmkit``'s own functions sees none of them. Signatures
are those of LiteLLM 1.109.1 (https://docs.litellm.ai, read 2026-11-23). Names only; everything is loaded on first use.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from ._settings import Settings, is_setting, setting

if TYPE_CHECKING:
    from .._budget import BudgetManager as BudgetManager
    from ._answers import (
        ChatCompletionDeltaToolCall as ChatCompletionDeltaToolCall,
    )
    from ._answers import (
        ChatCompletionMessageToolCall as ChatCompletionMessageToolCall,
    )
    from ._answers import (
        Choices as Choices,
    )
    from ._answers import (
        Delta as Delta,
    )
    from ._answers import (
        Embedding as Embedding,
    )
    from ._answers import (
        EmbeddingResponse as EmbeddingResponse,
    )
    from ._answers import (
        Function as Function,
    )
    from ._answers import (
        HttpxBinaryResponseContent as HttpxBinaryResponseContent,
    )
    from ._answers import (
        ImageResponse as ImageResponse,
    )
    from ._answers import (
        Message as Message,
    )
    from ._answers import (
        ModelResponse as ModelResponse,
    )
    from ._answers import (
        ModelResponseStream as ModelResponseStream,
    )
    from ._answers import (
        RerankResponse as RerankResponse,
    )
    from ._answers import (
        ResponsesAPIResponse as ResponsesAPIResponse,
    )
    from ._answers import (
        StreamingChoices as StreamingChoices,
    )
    from ._answers import (
        TextCompletionResponse as TextCompletionResponse,
    )
    from ._answers import (
        TranscriptionResponse as TranscriptionResponse,
    )
    from ._answers import (
        Usage as Usage,
    )
    from ._batches import (
        abatch_completion as abatch_completion,
    )
    from ._batches import (
        batch_completion as batch_completion,
    )
    from ._batches import (
        batch_completion_models as batch_completion_models,
    )
    from ._batches import (
        batch_completion_models_all_responses as batch_completion_models_all_responses,
    )
    from ._custom import CustomLLM as CustomLLM
    from ._custom import CustomLLMError as CustomLLMError
    from ._models import (
        completion_cost as completion_cost,
    )
    from ._models import (
        cost_per_token as cost_per_token,
    )
    from ._models import (
        decode as decode,
    )
    from ._models import (
        encode as encode,
    )
    from ._models import (
        get_llm_provider as get_llm_provider,
    )
    from ._models import (
        get_max_tokens as get_max_tokens,
    )
    from ._models import (
        get_model_info as get_model_info,
    )
    from ._models import (
        get_valid_models as get_valid_models,
    )
    from ._models import (
        model_cost as model_cost,
    )
    from ._models import (
        register_model as register_model,
    )
    from ._models import (
        supports_assistant_prefill as supports_assistant_prefill,
    )
    from ._models import (
        supports_audio_input as supports_audio_input,
    )
    from ._models import (
        supports_audio_output as supports_audio_output,
    )
    from ._models import (
        supports_computer_use as supports_computer_use,
    )
    from ._models import (
        supports_function_calling as supports_function_calling,
    )
    from ._models import (
        supports_parallel_function_calling as supports_parallel_function_calling,
    )
    from ._models import (
        supports_pdf_input as supports_pdf_input,
    )
    from ._models import (
        supports_prompt_caching as supports_prompt_caching,
    )
    from ._models import (
        supports_reasoning as supports_reasoning,
    )
    from ._models import (
        supports_response_schema as supports_response_schema,
    )
    from ._models import (
        supports_system_messages as supports_system_messages,
    )
    from ._models import (
        supports_tool_choice as supports_tool_choice,
    )
    from ._models import (
        supports_url_context as supports_url_context,
    )
    from ._models import (
        supports_video_input as supports_video_input,
    )
    from ._models import (
        supports_vision as supports_vision,
    )
    from ._models import (
        supports_web_search as supports_web_search,
    )
    from ._models import (
        token_counter as token_counter,
    )
    from ._models import (
        trim_messages as trim_messages,
    )
    from ._routers import Router as Router
    from ._settings import UnhonouredSettingWarning as UnhonouredSettingWarning
    from ._standing import stand_in as stand_in
    from ._streams import (
        CustomStreamWrapper as CustomStreamWrapper,
    )
    from ._streams import (
        stream_chunk_builder as stream_chunk_builder,
    )
    from .caching import (
        Cache as Cache,
    )
    from .caching import (
        disable_cache as disable_cache,
    )
    from .caching import (
        enable_cache as enable_cache,
    )
    from .caching import (
        update_cache as update_cache,
    )
    from .exceptions import (
        LITELLM_EXCEPTION_TYPES as LITELLM_EXCEPTION_TYPES,
    )
    from .exceptions import (
        APIConnectionError as APIConnectionError,
    )
    from .exceptions import (
        APIError as APIError,
    )
    from .exceptions import (
        APIResponseValidationError as APIResponseValidationError,
    )
    from .exceptions import (
        AuthenticationError as AuthenticationError,
    )
    from .exceptions import (
        BadGatewayError as BadGatewayError,
    )
    from .exceptions import (
        BadRequestError as BadRequestError,
    )
    from .exceptions import (
        BlockedPiiEntityError as BlockedPiiEntityError,
    )
    from .exceptions import (
        BudgetExceededError as BudgetExceededError,
    )
    from .exceptions import (
        ContentPolicyViolationError as ContentPolicyViolationError,
    )
    from .exceptions import (
        ContextWindowExceededError as ContextWindowExceededError,
    )
    from .exceptions import (
        GuardrailRaisedException as GuardrailRaisedException,
    )
    from .exceptions import (
        ImageFetchError as ImageFetchError,
    )
    from .exceptions import (
        InternalServerError as InternalServerError,
    )
    from .exceptions import (
        InvalidRequestError as InvalidRequestError,
    )
    from .exceptions import (
        JSONSchemaValidationError as JSONSchemaValidationError,
    )
    from .exceptions import (
        LiteLLMUnknownProvider as LiteLLMUnknownProvider,
    )
    from .exceptions import (
        MidStreamFallbackError as MidStreamFallbackError,
    )
    from .exceptions import (
        MockException as MockException,
    )
    from .exceptions import (
        ModelNotMappedError as ModelNotMappedError,
    )
    from .exceptions import (
        NotFoundError as NotFoundError,
    )
    from .exceptions import (
        OpenAIError as OpenAIError,
    )
    from .exceptions import (
        PaymentRequiredError as PaymentRequiredError,
    )
    from .exceptions import (
        PermissionDeniedError as PermissionDeniedError,
    )
    from .exceptions import (
        RateLimitError as RateLimitError,
    )
    from .exceptions import (
        RejectedRequestError as RejectedRequestError,
    )
    from .exceptions import (
        RouterRateLimitError as RouterRateLimitError,
    )
    from .exceptions import (
        ServiceUnavailableError as ServiceUnavailableError,
    )
    from .exceptions import (
        Timeout as Timeout,
    )
    from .exceptions import (
        UnprocessableEntityError as UnprocessableEntityError,
    )
    from .exceptions import (
        UnsupportedParamsError as UnsupportedParamsError,
    )
    from .integrations.custom_logger import CustomLogger as CustomLogger

    max_budget: float
    budget_duration: str | None
    _current_cost: float

_IN: dict[str, tuple[str, ...]] = {
    "._answers": (
        "ChatCompletionDeltaToolCall", "ChatCompletionMessageToolCall", "Choices", "Delta", "Embedding",
        "EmbeddingResponse", "Function", "HttpxBinaryResponseContent", "ImageObject", "ImageResponse", "Message",
        "ModelResponse", "ModelResponseStream", "RerankResponse", "ResponsesAPIResponse", "StreamingChoices",
        "TextChoices", "TextCompletionResponse", "TranscriptionResponse", "Usage",
    ),
    "._batches": (
        "abatch_completion", "batch_completion", "batch_completion_models", "batch_completion_models_all_responses",
    ),
    ".caching": ("Cache", "disable_cache", "enable_cache", "update_cache"),
    "._custom": ("CustomLLM", "CustomLLMError"),
    "._functions": (
        "acancel_batch", "acancel_responses", "acompletion", "acompletion_with_retries", "acount_tokens",
        "acreate_batch", "acreate_file", "adelete_responses", "aembedding", "afile_content", "afile_delete",
        "afile_list", "afile_retrieve", "aget_responses", "aimage_edit", "aimage_generation",
        "aimage_variation", "alist_batches", "alist_input_items", "amoderation", "arerank", "aresponses",
        "aresponses_with_retries", "aretrieve_batch", "aspeech", "atext_completion", "atranscription",
        "cancel_batch", "cancel_responses", "check_valid_key", "completion", "completion_with_fallbacks",
        "completion_with_retries", "create_batch", "create_file", "delete_responses", "embedding",
        "file_content", "file_delete", "file_list", "file_retrieve", "function_to_dict", "get_responses",
        "get_supported_openai_params", "image_edit", "image_generation", "image_variation", "list_batches",
        "list_input_items", "mock_completion", "moderation", "rerank", "responses", "responses_with_retries",
        "retrieve_batch", "speech", "text_completion", "transcription", "validate_environment",
    ),
    "._models": (
        "completion_cost", "cost_per_token", "decode", "encode", "get_llm_provider", "get_max_tokens",
        "get_model_info", "get_valid_models", "model_cost", "register_model", "supports_assistant_prefill",
        "supports_audio_input", "supports_audio_output", "supports_computer_use", "supports_function_calling",
        "supports_parallel_function_calling", "supports_pdf_input", "supports_prompt_caching", "supports_reasoning",
        "supports_response_schema", "supports_system_messages", "supports_tool_choice", "supports_url_context",
        "supports_video_input", "supports_vision", "supports_web_search", "token_counter", "trim_messages",
    ),
    "._routers": ("Router",),
    "._settings": ("UnhonouredSettingWarning",),
    "._standing": ("stand_in",),
    "._streams": ("CustomStreamWrapper", "stream_chunk_builder"),
    ".integrations.custom_logger": ("CustomLogger",),
    ".._budget": ("BudgetManager",),
    ".exceptions": (
        "APIConnectionError", "APIError", "APIResponseValidationError", "AuthenticationError", "BadGatewayError",
        "BadRequestError", "BlockedPiiEntityError", "BudgetExceededError", "ContentPolicyViolationError",
        "ContextWindowExceededError", "GuardrailRaisedException", "ImageFetchError", "InternalServerError",
        "InvalidRequestError", "JSONSchemaValidationError", "LITELLM_EXCEPTION_TYPES", "LiteLLMUnknownProvider",
        "MidStreamFallbackError", "MockException", "ModelNotMappedError", "NotFoundError", "OpenAIError",
        "PaymentRequiredError", "PermissionDeniedError", "RateLimitError", "RejectedRequestError",
        "RouterRateLimitError", "ServiceUnavailableError", "Timeout", "UnprocessableEntityError",
        "UnsupportedEndpointError", "UnsupportedParamsError",
    ),
    "._openai_shaped": ("LiteLLM",),
    "._listed": ("LlmProviders",),
    "._logging": ("verbose_logger",),
    ".anthropic": ("anthropic_messages",),
    ".types.router": ("AllowedFailsPolicy", "Deployment", "LiteLLM_Params", "RetryPolicy"),
}  # fmt: skip
_HOMES = {name: module for module, names in _IN.items() for name in names}
_MODULES = frozenset({
    ".anthropic", ".budget_manager", ".caching", ".exceptions", ".integrations", ".llms", ".main", ".router",
    ".types", ".utils",
})  # fmt: skip

__all__ = sorted(_HOMES)  # noqa: PLE0605 - a list, made of the table that says where each name is

sys.modules[__name__].__class__ = Settings


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name], __name__), name)
        globals()[name] = value
        return value
    if f".{name}" in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if is_setting(name):
        return setting(name)
    return _beside(name)


def _beside(name: str) -> Any:
    """Lists that are made when they are asked for; what is not here is an error that says what to use."""
    if name.endswith(("_models", "model_list", "models_by_provider", "provider_list")):
        found = importlib.import_module("._listed", __name__).listed(name)
        if found is not None:
            return found
    raise importlib.import_module("._absent", __name__).absent(__name__, name, __all__)


def _turn_on_debug() -> None:
    """LiteLLM's way to set ``set_verbose``."""
    sys.modules[__name__].set_verbose = True  # type: ignore[attr-defined]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *(name[1:] for name in _MODULES)})
