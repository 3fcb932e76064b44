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
    max_budget: float
    budget_duration: str | None
    _current_cost: float

_IN: dict[str, tuple[str, ...]] = {
    "._answers": (
        "ChatCompletionDeltaToolCall", "ChatCompletionMessageToolCall", "Choices", "Delta", "Embedding",
        "EmbeddingResponse", "Function", "ImageResponse", "Message", "ModelResponse", "ModelResponseStream",
        "RerankResponse", "ResponsesAPIResponse", "StreamingChoices", "TextCompletionResponse",
        "TranscriptionResponse", "Usage",
    ),
    "._custom": ("CustomLLM", "CustomLLMError"),
    "._functions": (
        "acancel_batch", "acompletion", "acompletion_with_retries", "acreate_batch", "acreate_file", "aembedding",
        "afile_content", "afile_delete", "afile_list", "afile_retrieve", "aimage_edit", "aimage_generation",
        "aimage_variation", "alist_batches", "amoderation", "arerank", "aresponses", "aretrieve_batch", "aspeech",
        "atext_completion", "atranscription", "cancel_batch", "check_valid_key", "completion",
        "completion_with_retries", "create_batch", "create_file", "embedding", "file_content", "file_delete",
        "file_list", "file_retrieve", "function_to_dict", "get_supported_openai_params", "image_edit",
        "image_generation", "image_variation", "list_batches", "moderation", "rerank", "responses", "retrieve_batch",
        "speech", "text_completion", "transcription", "validate_environment",
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
        "UnsupportedParamsError",
    ),
}  # fmt: skip
_HOMES = {name: module for module, names in _IN.items() for name in names}
_MODULES = frozenset({"caching", "exceptions", "integrations", "types", "utils"})

__all__ = sorted(_HOMES)  # noqa: PLE0605 - a list, made of the table that says where each name is

sys.modules[__name__].__class__ = Settings


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name], __name__), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if is_setting(name):
        return setting(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
